//go:build !race

package telemetry

import (
	"io"
	"log/slog"
	"testing"
)

func TestCallDoesNotAllocate(t *testing.T) {
	l := NewLog(io.Discard, slog.LevelInfo)
	defer l.Close()
	m := NewMetrics("test")
	c := sample()
	odd := sample()
	odd.Model, odd.Attempts[1].Model = "\x00", "no label\n"
	f := func(name string, call func()) {
		t.Helper()
		for range 10_000 { // buffers grow, series are made
			call()
		}
		if n := testing.AllocsPerRun(1000, call); n != 0 {
			t.Errorf("%s allocates %v times, want 0", name, n)
		}
	}
	f("Log.Call", func() { l.Call(c) })
	f("Log.Limited", func() { l.Limited("reset") })
	f("Metrics.Call", func() { m.Call(c) })
	f("Metrics.Call of an odd name", func() { m.Call(odd) })
	f("AddAttempt", func() { c.Reset(); c.AddAttempt(); c.AddAttempt() })
}
