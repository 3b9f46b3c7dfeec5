package telemetry

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/ai-mcp-gateway/gateway/internal/bufpool"
)

const (
	// lineSize is room for an ordinary call line.
	lineSize = 1 << 10

	// maxClasses bounds what Limited remembers; the rest share one limit.
	maxClasses = 64
)

// Log writes JSON lines: one for each call, and whatever goes through Slog.
// Nothing that is logged waits for the sink. A sink that blocks or fails loses
// lines, which Dropped counts.
type Log struct {
	sink  *sink
	slog  *slog.Logger
	level slog.Leveler

	mu      sync.Mutex
	classes map[string]*class
}

// class is what Limited knows of one kind of line.
type class struct {
	next       time.Time
	suppressed int64
}

// NewLog starts a log of the lines of at least the given level. Close ends it.
// A w that is the process's standard output or error needs SIGPIPE ignored, or
// the runtime ends the process when its reader goes.
func NewLog(w io.Writer, level slog.Leveler) *Log {
	s := newSink(w)
	handler := slog.NewJSONHandler(s, &slog.HandlerOptions{Level: level, ReplaceAttr: utcTime})
	return &Log{sink: s, slog: slog.New(handler), level: level, classes: map[string]*class{}}
}

// Slog returns the logger for everything that is not a finished call. Its
// lines are written at once, in order with the call lines.
func (l *Log) Slog() *slog.Logger { return l.slog }

// Call logs c within a tenth of a second, as an error when its status is 5xx.
// The line's time is when the call ended.
func (l *Log) Call(c *Call) {
	if callLevel(c) < l.level.Level() {
		return
	}
	line := bufpool.Get(lineSize)
	line.B = appendCall(line.B, c)
	l.sink.append(line.B, false)
	line.Release()
}

// Limited says whether a line of a noisy class may be logged now, at most one
// a second, and how many were held back since the last. The class is a
// constant of the caller.
func (l *Log) Limited(name string) (suppressed int64, ok bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.classes[name]
	if c == nil {
		if len(l.classes) >= maxClasses {
			name = ""
		}
		if c = l.classes[name]; c == nil {
			c = &class{}
			l.classes[name] = c
		}
	}
	if now.Before(c.next) {
		c.suppressed++
		return 0, false
	}
	suppressed, c.suppressed = c.suppressed, 0
	c.next = now.Add(time.Second)
	return suppressed, true
}

// Dropped is how many lines were lost to a sink that blocked or failed.
func (l *Log) Dropped() uint64 { return l.sink.dropped.Load() }

// Close writes what is left and waits for it, but no longer than a second for
// a sink that blocks; the error says so. Lines that come later are dropped.
func (l *Log) Close() error { return l.sink.close() }

func callLevel(c *Call) slog.Level {
	if c.Status >= 500 {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// utcTime gives slog's lines the clock of the call lines.
func utcTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
		a.Value = slog.TimeValue(a.Value.Time().UTC())
	}
	return a
}
