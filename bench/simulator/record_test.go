package simulator

import (
	"context"
	"strings"
	"testing"
	"time"
)

// An abort is noticed within 100 ms, wherever the answer is.
func TestServer_WaitEnd_Aborted(t *testing.T) {
	s := start(t, Config{Record: 10})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	id := uint64(0)
	f := func(faults, more string, abort func(*client)) {
		t.Helper()
		id++
		c := dial(t, s)
		c.chat("sim-l0!"+faults, more)
		if _, err := s.Wait(ctx, id); err != nil {
			t.Fatal(err)
		}
		if more != "" { // the answer has begun
			if _, err := c.br.ReadString('{'); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		abort(c)
		seen, err := s.WaitEnd(ctx, id)
		if err != nil || !seen.Aborted {
			t.Fatalf("%s: aborted %v, %v", faults, seen.Aborted, err)
		}
		if d := seen.Ended.Sub(began); d > 100*time.Millisecond {
			t.Errorf("%s: noticed after %v", faults, d)
		}
	}
	fin := func(c *client) { _ = c.Close() }
	rst := func(c *client) { _ = c.SetLinger(0); _ = c.Close() }
	const stream = `,"stream":true`
	for _, abort := range []func(*client){fin, rst} {
		f("silence", "", abort)
		f("latency=1m", "", abort)
		f("slow-headers=1m", "", abort)
		f("stall-mid-stream", stream, abort)
		f("chunk-delay=1m", stream, abort)
		f("huge=1GiB,framing=chunked", stream, abort)
		f("split=1,split-delay=2ms,tokens=200", stream, abort)
	}
}

func TestServer_WaitEnd_Answered(t *testing.T) {
	s := start(t, Config{Record: 2})
	c := dial(t, s)
	c.works()
	_ = c.Close()
	seen, err := s.WaitEnd(t.Context(), 1)
	if err != nil || seen.Aborted || seen.Ended.Before(seen.Received) {
		t.Errorf("got %+v, %v", seen, err)
	}

	// What the server closes is no abort by the client.
	c = dial(t, s)
	c.chat("sim-l0!latency=1m", "")
	if _, err := s.Wait(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	s.Down()
	if seen, err = s.WaitEnd(t.Context(), 2); err != nil || seen.Aborted {
		t.Errorf("got %+v, %v", seen, err)
	}
}

func TestServer_Seen(t *testing.T) {
	s := start(t, Config{Record: 2})
	c := dial(t, s)
	c.works()
	body := ` {"model" : "sim-l1", "messages":[{"role":"user","content":"x"}], "n":1e0} `
	c.request("POST /v1/chat/completions?a=b HTTP/1.1\r\nhost: simulator\r\nX-Twice: 1\r\nx-twice: 2\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n5\r\n" + body[:5] + "\r\n" + hex(len(body)-5) + "\r\n" + body[5:] + "\r\n0\r\n\r\n")
	_, _, _ = c.response()
	c.works()

	all := s.Seen()
	if len(all) != 2 || all[0].ID != 2 || all[1].ID != 3 {
		t.Fatalf("got %+v, want requests 2 and 3", all)
	}
	got := all[0]
	if string(got.Body) != body || got.Method != "POST" || got.Path != "/v1/chat/completions?a=b" {
		t.Errorf("got %+v", got)
	}
	if values := got.Header.Values("X-Twice"); len(values) != 2 || values[1] != "2" {
		t.Errorf("got %q", values)
	}
	if !strings.HasPrefix(string(got.RawHeader), "host: simulator\r\nX-Twice: 1\r\nx-twice: 2\r\n") {
		t.Errorf("got %q", got.RawHeader)
	}
	if all[1].Conn != got.Conn || s.Accepted() != 1 || s.Requests() != 3 || s.OpenConns() != 1 {
		t.Errorf("connections %d and %d, %d accepted, %d open, %d requests", got.Conn, all[1].Conn, s.Accepted(), s.OpenConns(), s.Requests())
	}
	if _, err := s.Wait(t.Context(), 1); err == nil {
		t.Error("request 1 is still there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Wait(ctx, 4); err == nil {
		t.Error("request 4 is there before it was sent")
	}
}

func TestServer_Seen_Off(t *testing.T) {
	s := start(t, Config{})
	dial(t, s).works()
	if got := s.Seen(); got != nil {
		t.Errorf("got %v", got)
	}
	if _, err := s.Wait(t.Context(), 1); err == nil {
		t.Error("Wait waits for what is not recorded")
	}
}

// Remembered bodies are bounded in bytes too.
func TestRecorder_bytes(t *testing.T) {
	r := newRecorder(1000)
	big := make([]byte, maxRecorded/4)
	for range 10 {
		r.add(Seen{Body: big})
	}
	if len(r.seen) != 4 || r.bytes != maxRecorded {
		t.Errorf("%d requests, %d bytes", len(r.seen), r.bytes)
	}
}

// Close ends whatever is under way; that nothing is left is checked by TestMain.
func TestServer_Close(t *testing.T) {
	s := start(t, Config{Record: 100})
	faults := []string{"silence", "latency=1h", "slow-headers=1h", "stall-mid-stream", "half-close", "no-read=1h", "idle-close=1h", "huge=4GiB"}
	for _, fault := range faults {
		c := dial(t, s)
		c.chat("sim-l0!"+fault, "")
	}
	if _, err := s.Wait(t.Context(), uint64(len(faults))); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 2*time.Second || s.OpenConns() != 0 {
		t.Errorf("took %v, %d connections left", d, s.OpenConns())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Up(); err == nil {
		t.Error("a closed server comes up")
	}
}
