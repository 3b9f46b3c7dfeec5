package telemetry

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// flushEvery is how long a line may wait. Waking a writer for each line
	// costs a busy gateway more than the line itself.
	flushEvery = 100 * time.Millisecond

	// maxBuffered bounds the lines that wait, in bytes; as many may be in the
	// hands of the writer.
	maxBuffered = 1 << 20

	// closeWait is how long close waits for a writer that blocks.
	closeWait = time.Second
)

// sink gathers lines in one buffer while its goroutine writes the other.
type sink struct {
	w       io.Writer
	wake    chan struct{} // holds one signal: lines come again after a rest
	urgent  chan struct{} // holds one signal: write now
	stop    chan struct{}
	done    chan struct{}
	dropped atomic.Uint64

	mu      sync.Mutex
	buf     []byte
	resting bool // the goroutine waits for a signal, with no timer
	closed  bool

	// The goroutine's own.
	spare []byte
	torn  bool // the last write ended within a line
}

func newSink(w io.Writer) *sink {
	s := &sink{
		w:       w,
		wake:    make(chan struct{}, 1),
		urgent:  make(chan struct{}, 1),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
		resting: true,
	}
	go s.run()
	return s
}

// Write takes one whole line of slog's handler.
func (s *sink) Write(line []byte) (int, error) {
	s.append(line, true)
	return len(line), nil
}

// append takes one whole line, or drops it when the writer is too far behind.
func (s *sink) append(line []byte, urgent bool) {
	s.mu.Lock()
	before := len(s.buf)
	if s.closed || before+len(line) > maxBuffered {
		s.mu.Unlock()
		s.dropped.Add(1)
		return
	}
	s.buf = append(s.buf, line...)
	half := before < maxBuffered/2 && len(s.buf) >= maxBuffered/2
	rested := s.resting
	s.resting = false
	s.mu.Unlock()
	switch {
	case urgent || half:
		signal(s.urgent)
	case rested:
		signal(s.wake)
	}
}

// close is called once.
func (s *sink) close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	late := time.NewTimer(closeWait)
	defer late.Stop()
	select {
	case <-s.done:
		return nil
	case <-late.C:
		return errors.New("cannot write the last log lines: the sink blocks")
	}
}

// run writes every flushEvery while lines come, and rests without a timer
// after an interval without one.
func (s *sink) run() {
	defer close(s.done)
	timer := time.NewTimer(flushEvery)
	defer timer.Stop()
	for {
		select {
		case <-s.stop:
			s.drain()
			return
		case <-s.wake:
		case <-s.urgent:
			s.drain()
		case <-timer.C:
			if wrote := s.drain(); !wrote {
				continue
			}
		}
		timer.Reset(flushEvery)
	}
}

// drain writes what has gathered, and notes a rest when that is nothing.
func (s *sink) drain() (wrote bool) {
	s.mu.Lock()
	lines := s.buf
	s.buf = s.spare
	s.resting = len(lines) == 0
	s.mu.Unlock()
	if len(lines) > 0 {
		s.write(lines)
	}
	s.spare = lines[:0]
	return len(lines) > 0
}

// write hands the lines on in one piece. Those that did not get through whole
// are counted, not kept: a sink that fails is no reason to hold memory.
func (s *sink) write(lines []byte) {
	if s.torn {
		if _, err := s.w.Write([]byte{'\n'}); err != nil {
			s.drop(lines)
			return
		}
		s.torn = false
	}
	n, err := s.w.Write(lines)
	if err != nil {
		s.torn = n > 0 && lines[n-1] != '\n'
		s.drop(lines[n:])
	}
}

func (s *sink) drop(lines []byte) {
	s.dropped.Add(uint64(bytes.Count(lines, []byte{'\n'})))
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
