// Package spool is an append-only log on the local disk, and a store that
// writes to it while the cold tier is away or slow.
//
// # The log
//
// A directory holds segments, files of a fixed size that are allocated in full
// and mapped, named after the first record in them. A record has a sequence
// number, a kind, a payload and a CRC-32C over all of it. An append is a copy
// into the mapping, no system call, and survives the end of the process; Sync
// waits until it survives the end of the machine. One goroutine syncs, every
// 50 ms or when somebody waits, for all who wait at that moment.
//
// The file "position" says through which record everything was applied. It may
// lag behind: what is applied must bear being applied again.
//
// # What is found at the start
//
// A record that is not whole ends the log. When nothing whole stands behind it
// it was being written when the process or the machine stopped, and is cut
// off. What stands behind it after a power cut was never synced, and is cut
// off and counted. But each record also says through which one the log was
// durable when it was written: one that says so of the broken record proves
// that the disk lost it. Then what stands behind is set aside in files that
// end in ".damaged", is never applied, and State says so until somebody has
// looked at them and removed them.
package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Errors of a log.
var (
	// ErrFull: the records that wait take Config.Limit.
	ErrFull = errors.New("spool: full")
	// ErrLocked: another process, or another Log of this one, has the directory.
	ErrLocked = errors.New("spool: the directory is in use")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("spool: closed")
)

// Durability is what an acknowledged record survives.
type Durability string

const (
	// Mapped records survive the end of the process, however it ends, and the
	// end of the machine once 50 ms have passed.
	Mapped Durability = "mapped"
	// Fsync records survive the end of the machine.
	Fsync Durability = "fsync"
)

// Config sets up a log and the store over it.
type Config struct {
	// Limit is how many bytes of records may wait. The files take up to three
	// segments more. Zero means 1 GiB.
	Limit int64
	// Segment is the size of a file in bytes; a record that is larger gets a
	// file for itself. Zero means 8 MiB.
	Segment int64
	// Alarm is called when State.Alarm has changed, by one goroutine, which
	// syncs nothing until it returns. It may be nil.
	Alarm func(State)

	// Wait is how long the cold store may take for a write before the log
	// takes it. Zero means 200 ms.
	Wait time.Duration
	// Messages is what a message, summary, TODO list or response in the log
	// survives. Empty means Fsync.
	Messages Durability
	// Calls is what a row of the call log survives. Empty means Mapped.
	Calls Durability
	// CallsOnly keeps everything but the call log out of the log: it goes to
	// the cold store, and fails where that fails.
	CallsOnly bool
}

// State is how a log, and the store over it, is doing.
type State struct {
	// Bytes and Records wait to be applied; Limit is for Bytes.
	Bytes, Limit int64
	Records      int64
	// Oldest is how long the first of them has waited, by the wall clock.
	Oldest time.Duration
	// Alarm: the log is over 80 % full and has not been under 70 % since, or
	// one of the fields below is set.
	Alarm bool
	// Failed is why the log takes no more records until it is opened again,
	// or nil.
	Failed error
	// Damage says what was lost on the disk and where the rest was set aside;
	// empty when nothing was.
	Damage string
	// Refused is how many records the cold store would not have. They are in
	// the file "refused".
	Refused int64

	// CutBytes and CutRecords were behind the last whole record when the log
	// was opened, and were never synced. They raise no alarm.
	CutBytes, CutRecords int64

	// Spooling: the cold store does not take writes, or not in time, or there
	// are writes other than the call log's that it has yet to get.
	Spooling bool
}

// The parts of Limit at which State.Alarm comes and goes.
const (
	alarmOn  = 0.8
	alarmOff = 0.7
)

// Log is an open log. It is safe for concurrent use.
type Log struct {
	dir    string
	cfg    Config
	lock   *os.File // holds the flock
	folder *os.File // the directory, to sync names
	disk   disk

	mu       sync.Mutex // guards what follows; may be held when files is taken
	active   *segment
	spare    *segment
	unsynced []*segment // were active, and are not synced since
	newNames bool       // a name in the directory is not synced
	seq      uint64     // the last record's
	durable  uint64     // the last one that is synced
	acked    cursor     // the first record that waits
	bytes    int64
	failed   error
	closed   bool
	round    *round // the sync that comes next
	running  *round // the one under way, or nil
	position *position
	alarm    bool
	full     bool // the part of alarm that is about bytes
	damage   string
	refused  refused
	cutBytes int64
	cut      int64 // records

	files    sync.RWMutex // guards the list, the mappings and segment.last
	segments []*segment   // oldest first; active is the last

	kick chan struct{}
	stop chan struct{}
	done chan struct{}
}

// round is one sync, for all who wait for a record through which it goes.
type round struct {
	through uint64
	done    chan struct{}
	err     error // before done is closed
}

func newRound() *round { return &round{done: make(chan struct{})} }

// Open opens the log in a directory, and makes it when there is none. It is
// ErrLocked when the directory is in use.
func Open(dir string, cfg Config) (*Log, error) {
	return open(dir, cfg, linux)
}

func open(dir string, cfg Config, disk disk) (*Log, error) {
	if cfg.Limit <= 0 {
		cfg.Limit = 1 << 30
	}
	if cfg.Segment <= 0 {
		cfg.Segment = 8 << 20
	}
	l := &Log{
		dir: dir, cfg: cfg, disk: disk, round: newRound(),
		kick: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if err := l.open(); err != nil {
		l.release()
		return nil, fmt.Errorf("cannot open the spool %q: %w", dir, err)
	}
	go l.syncLoop()
	return l, nil
}

func (l *Log) open() (err error) {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	if l.lock, err = lockFile(l.path("lock")); err != nil {
		return err
	}
	if l.folder, err = os.Open(l.dir); err != nil {
		return err
	}
	if l.position, err = openPosition(l.path("position"), l.disk); err != nil {
		return err
	}
	if l.refused, err = openRefused(l.path("refused")); err != nil {
		return err
	}
	return l.recover()
}

func (l *Log) path(name string) string { return l.dir + string(os.PathSeparator) + name }

// Append adds a record and returns its sequence number, which is larger than
// every one before. It survives the end of the process from here on; see Sync. After an error
// there is no record. The payload may be changed afterwards.
func (l *Log) Append(kind byte, payload []byte) (seq uint64, err error) {
	ref, err := l.append(kind, payload)
	return ref.seq, err
}

// ref is where a record is.
type ref struct {
	seq uint64
	seg *segment
	off int64
}

func (l *Log) append(kind byte, payload []byte) (ref, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := recordSize(len(payload))
	if err := l.admit(size); err != nil {
		return ref{}, err
	}
	if l.active.room() < size {
		if err := l.roll(size); err != nil {
			return ref{}, fmt.Errorf("spool: cannot begin a segment: %w", err)
		}
	}
	return l.put(kind, payload)
}

// put writes a record to the active segment, which has room for it.
func (l *Log) put(kind byte, payload []byte) (ref, error) {
	at := ref{seq: l.seq + 1, seg: l.active, off: l.active.end}
	h := header{kind: kind, seq: at.seq, durable: l.durable, time: time.Now().UnixMicro()}
	if err := l.active.put(at.off, h, payload); err != nil {
		l.fail(err)
		return ref{}, l.failed
	}
	size := recordSize(len(payload))
	l.active.end += size
	l.seq++
	l.bytes += size
	if l.overfull() != l.full {
		l.wake()
	}
	return at, nil
}

func (l *Log) admit(size int64) error {
	switch {
	case l.failed != nil:
		return l.failed
	case l.closed:
		return ErrClosed
	case l.bytes+size > l.cfg.Limit:
		return ErrFull
	}
	return nil
}

// admitTurn is an error when whoever begins to make records now should not: the
// last eighth of the room, 64 MiB at most, is for those who are at it already.
func (l *Log) admitTurn() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.admit(min(l.cfg.Limit/8, 64<<20))
}

// roll begins a segment with at least size bytes for records.
func (l *Log) roll(size int64) error {
	if l.active.end == segmentHeader {
		// The next one needs another name than this one.
		if _, err := l.put(kindNothing, nil); err != nil {
			return err
		}
	}
	next := l.spare
	if next == nil || next.room() < size {
		var err error
		if next, err = l.create(size); err != nil {
			return err
		}
	} else {
		l.spare = nil
	}
	if err := next.name(l.dir, l.seq+1); err != nil {
		next.discard()
		return err
	}
	l.files.Lock()
	l.active.last = l.seq
	l.segments = append(l.segments, next)
	l.files.Unlock()
	l.unsynced = append(l.unsynced, l.active)
	l.active, l.newNames = next, true
	l.wake()
	return nil
}

func (l *Log) create(size int64) (*segment, error) {
	return createSegment(l.dir, max(l.cfg.Segment, segmentHeader+size), l.disk)
}

// fail makes the log refuse from here on: after a failed sync nobody knows
// what is on the disk, and a later one that succeeds does not tell.
func (l *Log) fail(err error) {
	if l.failed == nil {
		l.failed = fmt.Errorf("spool: the disk failed: %w", err)
		l.wake()
	}
}

// wake has the sync goroutine run now.
func (l *Log) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// Sync waits until the record, and all before it, survive the end of the
// machine. After an error they may or may not, and the record will be applied.
func (l *Log) Sync(ctx context.Context, seq uint64) error {
	l.mu.Lock()
	r := l.round
	switch {
	case l.durable >= seq:
		l.mu.Unlock()
		return nil
	case l.failed != nil || l.closed:
		err := l.failed
		if err == nil {
			err = ErrClosed
		}
		l.mu.Unlock()
		return err
	case l.running != nil && l.running.through >= seq:
		r = l.running
	}
	l.mu.Unlock()
	l.wake()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// State returns how the log is doing.
func (l *Log) State() State {
	l.mu.Lock()
	from := l.acked
	s := State{
		Bytes: l.bytes, Limit: l.cfg.Limit, Records: int64(l.seq + 1 - from.seq),
		Alarm: l.alarm, Failed: l.failed, Damage: l.damage, Refused: l.refused.records,
		CutBytes: l.cutBytes, CutRecords: l.cut,
	}
	l.mu.Unlock()
	// An error is one of the replay's, which sees it as well.
	_, _ = l.each(from, func(r record) bool {
		s.Oldest = max(0, time.Since(time.UnixMicro(r.time)))
		return false
	})
	return s
}

// Close syncs what there is and gives the directory back. Calls of Sync that
// wait return.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.done
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release()
	return l.failed
}

// release closes every file. The lock goes last.
func (l *Log) release() {
	l.files.Lock()
	defer l.files.Unlock()
	for _, s := range l.segments {
		s.close()
	}
	if l.spare != nil {
		l.spare.discard()
	}
	if l.position != nil {
		l.position.close()
	}
	for _, f := range []*os.File{l.refused.file, l.folder, l.lock} {
		if f != nil {
			f.Close()
		}
	}
}
