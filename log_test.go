package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"time"
)

// calls returns the log lines of finished calls.
func (g *instance) calls() (lines []map[string]any) {
	g.t.Helper()
	for line := range strings.Lines(g.logs.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			g.t.Errorf("log line is not JSON: %v: %s", err, line)
			continue
		}
		if m["msg"] == "call" {
			lines = append(lines, m)
		}
	}
	return lines
}

// duration is how long the call of a log line took.
func duration(line map[string]any) time.Duration {
	us, _ := line["duration_us"].(float64)
	return time.Duration(us * float64(time.Microsecond))
}

// callsTo returns the log lines of finished calls to a route.
func (g *instance) callsTo(route string) (lines []map[string]any) {
	g.t.Helper()
	for _, line := range g.calls() {
		if line["route"] == route {
			lines = append(lines, line)
		}
	}
	return lines
}

// logBuffer collects a process's output.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// tail is the end of the output, for failure messages.
func (l *logBuffer) tail() string {
	s := l.String()
	return s[max(0, len(s)-4000):]
}
