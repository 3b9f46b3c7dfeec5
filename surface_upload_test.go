package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"syscall"
	"testing"
)

// formPart is a part of a form; file is empty for a field.
type formPart struct{ name, file, value string }

// formBody returns a form and its content type.
func formBody(t testing.TB, parts ...formPart) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary("a-boundary"); err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", p.name)}}
		if p.file != "" {
			h = textproto.MIMEHeader{
				"Content-Disposition": {fmt.Sprintf("form-data; name=%q; filename=%q", p.name, p.file)},
				"Content-Type":        {"application/octet-stream"},
			}
		}
		out, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(out, p.value)
	}
	_ = w.Close()
	return b.String(), "Content-Type: " + w.FormDataContentType()
}

func TestSurface_Form(t *testing.T) {
	g, p := startSurface(t, "")
	noise := make([]byte, 300<<10) // more than waits in memory
	_, _ = rand.Read(noise)
	sound := string(noise) + "\r\n--a-boundar\r\n--a-boundaryx\r\n--"
	for name, parts := range map[string][]formPart{
		"model first":   {{"model", "", "p/drawer"}, {"file", "ä b.mp3", sound}, {"language", "", "de"}},
		"model last":    {{"file", "a.mp3", sound}, {"language", "", "de"}, {"model", "", "p/drawer"}},
		"model between": {{"file", "a.mp3", "x"}, {"model", "", "p/drawer"}, {"empty", "", ""}, {"file", "b.mp3", sound}},
	} {
		body, contentType := formBody(t, parts...)
		for i := range parts {
			if parts[i].name == "model" {
				parts[i].value = "drawer"
			}
		}
		want, _ := formBody(t, parts...)
		for _, known := range []bool{true, false} {
			var in io.Reader = strings.NewReader(body)
			if !known {
				in = io.MultiReader(in)
			}
			r := g.do("POST", "/v1/audio/transcriptions", in, contentType)
			got := p.last(t)
			if r.status != 200 || got.sum != sha256.Sum256([]byte(want)) || got.err != nil || "Content-Type: "+got.header.Get("Content-Type") != contentType {
				t.Errorf("%s: status %d, %d bytes, %v, want %d: %s", name, r.status, got.size, got.err, len(want), r.body)
			}
			if wantLength := int64(len(want)); known && got.length != wantLength || !known && got.length != -1 {
				t.Errorf("%s: Content-Length %d, want %d (%t)", name, got.length, wantLength, known)
			}
			if r.header.Get("X-Gateway-Model") != "p/drawer" {
				t.Errorf("%s: model %q", name, r.header.Get("X-Gateway-Model"))
			}
		}
	}
	body, contentType := formBody(t, formPart{"purpose", "", "batch"}, formPart{"file", "a.jsonl", sound})
	r := g.do("POST", "/v1/files", strings.NewReader(body), contentType, "X-Gateway-Provider: q")
	if got := p.last(t); r.status != 200 || got.sum != sha256.Sum256([]byte(body)) || got.length != int64(len(body)) {
		t.Errorf("files: status %d, %d bytes of %d", r.status, got.size, len(body))
	}
	g.do("POST", "/v1/files", strings.NewReader(body), contentType).wantError(t, 400, "caller_missing_field")
}

func TestSurface_BadForm(t *testing.T) {
	g, p := startSurface(t, "keys: [{id: app, key: caller-key-0123456789}]\nlimits: {upload: 64KiB}\n")
	const key = "Authorization: Bearer caller-key-0123456789"
	f := func(name, contentType, body string, status int, code string, header ...string) {
		t.Helper()
		if len(header) == 0 {
			header = []string{key}
		}
		for _, chunked := range []bool{false, true} {
			var in io.Reader = strings.NewReader(body)
			if chunked {
				in = io.MultiReader(in)
			}
			r := g.do("POST", "/v1/audio/translations", in, append(header, "Content-Type: "+contentType)...)
			if e := r.wantError(t, status, code); t.Failed() {
				t.Fatalf("%s: %+v", name, e)
			}
		}
	}
	const form = "multipart/form-data; boundary=b"
	const model = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\np/drawer\r\n"
	f("no boundary", "multipart/form-data", model+"--b--", 400, "caller_bad_request")
	f("mixed", "multipart/mixed; boundary=b", model+"--b--", 415, "caller_unsupported_media")
	f("no model", form, "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--b--\r\n", 400, "caller_missing_field")
	f("empty", form, "", 400, "caller_bad_request")
	f("no form", form, "hello", 400, "caller_bad_request")
	f("cut", form, model+"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny", 400, "caller_bad_request")
	f("two models", form, model+model+"--b--\r\n", 400, "caller_duplicate_field")
	f("model with a file's name", form, "--b\r\nContent-Disposition: form-data; name=\"model\"; filename=\"x\"\r\n\r\np/drawer\r\n--b--\r\n", 400, "caller_bad_request")
	f("line feeds", form, strings.ReplaceAll(model, "\r\n", "\n")+"--b--\n", 400, "caller_bad_request")
	f("long model", form, strings.Replace(model, "drawer", strings.Repeat("x", 600), 1)+"--b--", 400, "caller_bad_request")
	f("odd disposition", form, "--b\r\nContent-Disposition: form-data; name=\"a\" x\r\n\r\ny\r\n"+model+"--b--\r\n", 400, "caller_bad_request")
	f("large header", form, "--b\r\nX: "+strings.Repeat("x", 9000)+"\r\n\r\ny\r\n", 400, "caller_bad_request")
	f("encoded", form, model+"--b--", 415, "caller_unsupported_media", key, "Content-Encoding: gzip")
	f("unknown model", form, strings.Replace(model, "p/", "nobody-", 1)+"--b--\r\n", 404, "caller_model_not_found")
	f("too large", form, model+"--b\r\n\r\n"+strings.Repeat("x", 70<<10)+"\r\n--b--", 413, "caller_body_too_large")
	f("no key", form, model+"--b--\r\n", 401, "caller_unauthenticated", "X: y")
	for _, got := range p.requests() {
		if got.err == nil {
			t.Errorf("the provider got a whole request: %s %s", got.line, got.body)
		}
	}
	w := g.dial()
	w.say("POST /v1/files HTTP/1.1\r\nHost: g\r\n" + key + "\r\nContent-Type: " + form + "\r\nExpect: 100-continue\r\nContent-Length: 70000\r\n\r\n")
	w.mustHear().wantError(t, 413, "caller_body_too_large")
}

// TestSurface_NoSecondRequest holds that no byte of an upload can be taken for
// a request, however it ends.
func TestSurface_NoSecondRequest(t *testing.T) {
	g, _ := startSurface(t, "keys: [{id: app, key: caller-key-0123456789}]\n")
	const inner = "GET /livez HTTP/1.1\r\nHost: gateway\r\n\r\n"
	const head = "Host: gateway\r\nContent-Type: multipart/form-data; boundary=b\r\n"
	const key = "Authorization: Bearer caller-key-0123456789\r\n"
	length := "Content-Length: " + itoa(len(inner)) + "\r\n"
	const chunks = "Transfer-Encoding: chunked\r\n"
	runRaw(t, g, []rawCase{
		{name: "no key", request: "POST /v1/files HTTP/1.1\r\n" + head + length + "\r\n" + inner, status: 401},
		{name: "no form", request: "POST /v1/images/edits HTTP/1.1\r\n" + head + key + length + "\r\n" + inner, status: 400},
		{name: "both framings", request: "POST /v1/files HTTP/1.1\r\n" + head + key + length + chunks + "\r\n0\r\n\r\n" + inner, status: 400},
		{name: "behind the last chunk", request: "POST /v1/files HTTP/1.1\r\n" + head + key + chunks + "\r\n0\r\n\r\n" + inner, status: 400},
		{name: "bad chunks", request: "POST /v1/files HTTP/1.1\r\n" + head + key + chunks + "\r\nzz\r\n" + inner, status: 400},
		{name: "a forged method", request: "POST 12 /v1/files HTTP/1.1\r\n" + head + key + "\r\n", status: 400},
		{name: "another path", request: "POST http://gateway/v1/files HTTP/1.1\r\n" + head + key + length + "\r\n" + inner, status: 415, open: true},
		{name: "no body", request: "POST /v1/files HTTP/1.1\r\n" + head + key + "\r\n", status: 400},
	})
}

// TestSurface_SlowUpload gives up on a client that stops sending.
func TestSurface_SlowUpload(t *testing.T) {
	g, p := startSurface(t, "timeouts: {body: 300ms}\n")
	const head = "POST /v1/files HTTP/1.1\r\nHost: g\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000\r\n"
	w := g.dial()
	w.say(head + "\r\n--b\r\n") // its model is awaited
	w.mustHear().wantError(t, 408, "caller_timeout")
	w = g.dial()
	w.say(head + "X-Gateway-Provider: p\r\n\r\n--b\r\n") // it is under way to the provider
	w.mustHear().wantError(t, 408, "caller_timeout")
	eventually(t, patience, "the provider to be left", func() bool { return len(p.requests()) == 1 })
	if p.last(t).err == nil {
		t.Error("the provider got a whole body")
	}
}

// TestSurface_Continue asks before it sends.
func TestSurface_Continue(t *testing.T) {
	g, p := startSurface(t, "")
	const body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nx\r\n--b--\r\n"
	w := g.dial()
	w.say("POST /v1/files HTTP/1.1\r\nHost: g\r\nX-Gateway-Provider: p\r\nExpect: 100-continue\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n")
	if r := w.mustHear(); r.status != http.StatusContinue {
		t.Fatalf("status %d", r.status)
	}
	w.say(body)
	if r := w.mustHear(); r.status != 200 || string(p.last(t).body) != body {
		t.Errorf("status %d: %s", r.status, p.last(t).body)
	}
}

// TestSurface_LargeUpload passes 100 MiB on without holding them, wherever the
// model stands.
func TestSurface_LargeUpload(t *testing.T) {
	for name, early := range map[string]bool{"model first": true, "model last": false} {
		t.Run(name, func(t *testing.T) {
			g, p := startSurface(t, "")
			const size = 100 << 20
			head := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
			model := "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\np/drawer\r\n"
			tail := "\r\n" + model + "--b--\r\n"
			if early {
				head, tail = model+head, "\r\n--b--\r\n"
			}
			want := sha256.New()
			_, _ = io.WriteString(want, strings.ReplaceAll(head, "p/", ""))
			_, _ = io.Copy(want, zeros(size))
			_, _ = io.WriteString(want, strings.ReplaceAll(tail, "p/", ""))
			body := io.MultiReader(strings.NewReader(head), zeros(size), strings.NewReader(tail))
			g.wantGrowth(t, 24<<20, func() {
				r := g.do("POST", "/v1/images/edits", body, "Content-Type: multipart/form-data; boundary=b")
				if got := p.last(t); r.status != 200 || string(got.sum[:]) != string(want.Sum(nil)) {
					t.Errorf("status %d, %d bytes: %s", r.status, got.size, r.body)
				}
			})
		})
	}
}

// zeros is n bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestSurface_EarlyVerdict hears a provider that refuses an upload before it
// has all of it.
func TestSurface_EarlyVerdict(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.ReadFull(c, make([]byte, 1000))
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbig!")
		_, _ = io.CopyN(io.Discard, c, 64<<20)
	}()
	g := startGateway(t, surfaceConfig("http://"+l.Addr().String(), unhurried))
	w := g.dial()
	w.say("POST /v1/files HTTP/1.1\r\nHost: g\r\nX-Gateway-Provider: p\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 50000000\r\n\r\n--b\r\n\r\n")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(w.TCPConn, zeros(40<<20))
	}()
	if r := w.mustHear(); r.status != 413 || r.body != "big!" {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	_ = w.Close()
	<-done
}

// TestSurface_Stops ends uploads that are under way when the process stops.
func TestSurface_Stops(t *testing.T) {
	p := startSurfaced(t)
	g := launch(t, surfaceConfig(p.URL, "shutdown: {drain: 1ms, grace: 100ms}\n"))
	w := g.dial()
	w.say("POST /v1/files HTTP/1.1\r\nHost: g\r\nX-Gateway-Provider: p\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n--b\r\n\r\n")
	eventually(t, patience, "the upload to be under way", func() bool {
		return metric(t, g.metrics(), "gateway_in_flight_requests") > 0
	})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		g.stop(syscall.SIGTERM)
	}()
	w.mustHear().wantError(t, 503, "gateway_stopping")
	<-stopped
}
