package telemetry

import (
	"os"
	"testing"
	"time"
)

func TestProcess(t *testing.T) {
	began := float64(time.Now().Add(-time.Second).Unix())
	m := NewMetrics("test")
	before := parse(t, m.AppendText(nil)).samples
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	after := parse(t, m.AppendText(nil)).samples
	if got := after["process_open_fds"] - before["process_open_fds"]; got != 1 {
		t.Errorf("opening a file opened %v", got)
	}
	if rss := after["process_resident_memory_bytes"]; rss < 1<<20 || rss > 1<<36 {
		t.Errorf("resident: %v bytes", rss)
	}
	if start := after["process_start_time_seconds"]; start < began || start > began+60 {
		t.Errorf("started at %v, about %v expected", start, began)
	}
	if n := after["go_goroutines"]; n < 1 {
		t.Errorf("%v goroutines", n)
	}
}
