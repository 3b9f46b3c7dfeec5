package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSurface_Refusals(t *testing.T) {
	g, p := startSurface(t, quick[strings.Index(quick, "timeouts"):strings.Index(quick, "shutdown")])
	f := func(status int, contentType, body string, wantStatus int, code, want string) {
		t.Helper()
		p.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
		// A model for each case, as each has a breaker of its own.
		r := g.post("/v1/moderations", `{"model":"p/drawer"}`)
		if strings.Contains(r.body, secretMark) {
			t.Errorf("%d: the answer holds a key: %s", status, r.body)
		}
		if want == "" {
			r.wantError(t, wantStatus, code)
			return
		}
		if r.status != wantStatus || r.body != want || r.header.Get("Content-Type") != contentType || r.header.Get("X-Gateway-Error") != code {
			t.Errorf("%d: status %d, %v: %s", status, r.status, r.header, r.body)
		}
	}
	const verdict = `{"error": {"message":"no such voice"}}`
	f(400, "application/json", verdict, 400, "provider_rejected", verdict)
	f(404, "text/plain; charset=utf-8", "gone", 404, "provider_rejected", "gone")
	f(422, "application/json", `{"detail":[]}`, 422, "provider_rejected", `{"detail":[]}`)
	f(400, "application/json", `{"error":"key provider-secret-p"}`, 400, "provider_rejected", "")
	f(302, "text/html", "", 502, "provider_redirect", "")
	f(500, "text/html", "<html>", 502, "provider_failed", "")
	f(429, "application/json", verdict, 429, "provider_rate_limited", "")
}

func TestSurface_FailsOver(t *testing.T) {
	g, p := startSurface(t, "")
	p.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer provider-secret-p" {
			w.WriteHeader(500)
			return
		}
		_, _ = io.WriteString(w, "ok")
	}
	g.rewrite(strings.Replace(surfaceConfig(p.URL, unhurried), "models:\n", "models:\n  q/drawer: {}\n", 1))
	g.reload()
	if r := g.post("/v1/audio/speech", `{"model":"drawer"}`); r.status != 200 || r.body != "ok" || r.header.Get("X-Gateway-Attempts") != "2" {
		t.Errorf("status %d, %v: %s", r.status, r.header, r.body)
	}
	body, contentType := formBody(t, formPart{"model", "", "drawer"}, formPart{"file", "a", "x"})
	r := g.do("POST", "/v1/audio/translations", strings.NewReader(body), contentType)
	r.wantError(t, 502, "provider_failed")
	if got := r.header.Get("X-Gateway-Attempts"); got != "1" {
		t.Errorf("an upload was tried %s times", got)
	}
}

// TestSurface_ClientGone lets a client leave in the middle of its upload, and
// the provider is left with half of it.
func TestSurface_ClientGone(t *testing.T) {
	g, p := startSurface(t, "")
	for _, reset := range []bool{true, false} {
		before := len(p.requests())
		w := g.dial()
		w.say("POST /v1/files HTTP/1.1\r\nHost: g\r\nX-Gateway-Provider: p\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n" + strings.Repeat("x", 200_000))
		if reset {
			w.reset()
		} else {
			_ = w.Close()
		}
		eventually(t, patience, "the provider to be left", func() bool { return len(p.requests()) > before })
		if got := p.last(t); got.err == nil {
			t.Errorf("the provider got a whole body of %d bytes", got.size)
		}
	}
	eventually(t, patience, "the log line", func() bool { return strings.Count(g.logs.String(), `"error":"caller_gone"`) >= 2 })

	// One that leaves while it waits is noticed, too.
	left := make(chan struct{})
	p.answer = func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(left)
	}
	ctx, leave := context.WithCancel(t.Context())
	asked := len(p.requests())
	go func() {
		eventually(t, patience, "the provider to be asked", func() bool { return len(p.requests()) > asked })
		leave()
	}()
	if _, err := g.send(ctx, "/v1/images/generations", `{"model":"p/drawer"}`); err == nil {
		t.Error("an answer came")
	}
	select {
	case <-left:
	case <-time.After(patience):
		t.Error("the provider was not left")
	}
}

// TestSurface_ProviderGone breaks an answer off: what is no stream of events
// must not look whole, and a stream says why it ends.
func TestSurface_ProviderGone(t *testing.T) {
	g, p := startSurface(t, "")
	f := func(contentType, length string) reply {
		t.Helper()
		p.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			_, _ = io.WriteString(w, "data: {\"a\"")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		return g.post("/v1/audio/speech", `{"model":"p/drawer"}`)
	}
	for _, length := range []string{"", "1000"} {
		if r := f("audio/mpeg", length); r.status != 200 || r.err == nil {
			t.Errorf("length %q: status %d, %v: %s", length, r.status, r.err, r.body)
		}
	}
	if r := f("text/event-stream", ""); !strings.HasPrefix(r.body, "data: {\"a\"\n\n") {
		t.Errorf("body %q", r.body)
	} else {
		r.wantStreamError(t, "provider_truncated")
	}
	p.answer = func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	body, contentType := formBody(t, formPart{"model", "", "p/drawer"}, formPart{"file", "a", "x"})
	g.do("POST", "/v1/images/edits", strings.NewReader(body), contentType).wantError(t, 502, "provider_truncated")
}
