package spool

import (
	"errors"
	"slices"
	"time"
)

// syncEvery is how long a record may be without a sync.
const syncEvery = 50 * time.Millisecond

// syncLoop is the one goroutine that syncs, removes segments and makes the
// next one ready.
func (l *Log) syncLoop() {
	defer close(l.done)
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for stopped := false; !stopped; {
		select {
		case <-l.stop:
			stopped = true
		case <-l.kick:
		case <-tick.C:
		}
		l.sync()
		if !stopped {
			l.remove()
			l.prepare()
		}
		l.tell()
	}
}

// sync makes durable what was appended until now.
func (l *Log) sync() {
	l.mu.Lock()
	if l.failed != nil {
		l.finish(l.round, l.failed)
		l.round = newRound()
		l.mu.Unlock()
		return
	}
	if l.seq == l.durable && !l.newNames {
		l.mu.Unlock()
		return
	}
	r, names := l.round, l.newNames
	segments := append(slices.Clip(l.unsynced), l.active)
	r.through = l.seq
	l.running, l.round, l.unsynced, l.newNames = r, newRound(), nil, false
	l.mu.Unlock()

	var err error
	for _, s := range segments {
		err = errors.Join(err, l.disk.sync(s.file))
	}
	for _, s := range segments[:len(segments)-1] { // all but the active one
		s.rest()
	}
	if names {
		err = errors.Join(err, l.disk.sync(l.folder))
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = nil
	if err != nil {
		l.fail(err)
		err = l.failed
	} else {
		l.durable = r.through
	}
	l.finish(r, err)
}

func (l *Log) finish(r *round, err error) {
	r.err = err
	close(r.done)
}

// remove removes the segments whose records were all applied, once it is
// durable that they were: what is missing at the start is damage otherwise.
func (l *Log) remove() {
	l.mu.Lock()
	to, unsynced, failed := l.acked, l.unsynced, l.failed
	l.mu.Unlock()
	l.files.RLock()
	segments, old := l.segments, 0
	l.files.RUnlock()
	for segments[old] != to.seg && !slices.Contains(unsynced, segments[old]) {
		old++
	}
	if old == 0 || failed != nil {
		return
	}
	if err := l.disk.sync(l.position.file); err != nil {
		l.mu.Lock()
		l.fail(err)
		l.mu.Unlock()
		return
	}
	l.files.Lock()
	defer l.files.Unlock()
	for _, s := range l.segments[:old] {
		s.discard()
	}
	l.segments = l.segments[old:]
}

// prepare makes the next segment ready, so that who needs it does not wait.
func (l *Log) prepare() {
	l.mu.Lock()
	needed := l.spare == nil && l.failed == nil && l.active.end > segmentHeader
	l.mu.Unlock()
	if !needed {
		return
	}
	s, err := l.create(0)
	if err != nil {
		return // whoever needs it tries again, and is told
	}
	l.mu.Lock()
	l.spare = s
	l.mu.Unlock()
}

// overfull is whether the records that wait are cause for an alarm.
func (l *Log) overfull() bool {
	limit := float64(l.cfg.Limit) * alarmOn
	if l.full {
		limit = float64(l.cfg.Limit) * alarmOff
	}
	return float64(l.bytes) > limit
}

// tell raises or ends the alarm.
func (l *Log) tell() {
	l.mu.Lock()
	l.full = l.overfull()
	alarm := l.full || l.failed != nil || l.damage != "" || l.refused.records > 0
	changed := alarm != l.alarm
	l.alarm = alarm
	l.mu.Unlock()
	if changed && l.cfg.Alarm != nil {
		l.cfg.Alarm(l.State())
	}
}
