package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// surfaced is a provider that notes what it gets and answers as a test says.
type surfaced struct {
	*httptest.Server
	answer http.HandlerFunc // nil: an empty JSON object

	mu  sync.Mutex
	got []surfaceRequest
}

// surfaceRequest is what a provider was asked.
type surfaceRequest struct {
	line   string // method and target
	header http.Header
	length int64
	size   int64
	sum    [sha256.Size]byte
	body   []byte // the first 64 KiB
	err    error
}

func startSurfaced(t *testing.T) *surfaced {
	t.Helper()
	p := &surfaced{}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *surfaced) serve(w http.ResponseWriter, r *http.Request) {
	sum, head := sha256.New(), new(bytes.Buffer)
	got := surfaceRequest{line: r.Method + " " + r.RequestURI, header: r.Header, length: r.ContentLength}
	rest := int64(0)
	_, err := io.CopyN(io.MultiWriter(sum, head), r.Body, 64<<10)
	switch err {
	case nil:
		rest, err = io.Copy(sum, r.Body)
	case io.EOF:
		err = nil
	}
	got.size, got.err, got.body = int64(head.Len())+rest, err, head.Bytes()
	sum.Sum(got.sum[:0])
	p.mu.Lock()
	p.got = append(p.got, got)
	p.mu.Unlock()
	if p.answer != nil {
		p.answer(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{}`)
}

// requests are those that have arrived.
func (p *surfaced) requests() []surfaceRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

// last is the latest of them.
func (p *surfaced) last(t *testing.T) surfaceRequest {
	t.Helper()
	got := p.requests()
	if len(got) == 0 {
		t.Fatal("the provider was not asked")
	}
	return got[len(got)-1]
}

// surfaceConfig has two providers of OpenAI's dialect, one of Azure's and one
// that has no such routes.
func surfaceConfig(base, extra string) string {
	return fmt.Sprintf(`
providers:
  p: {dialect: openai, base_url: %q, keys: [provider-secret-p]}
  q: {dialect: openai, base_url: %[1]q, keys: [provider-secret-q]}
  az: {dialect: azure, base_url: %[2]q, keys: [provider-secret-az]}
  other: {dialect: anthropic, base_url: %[2]q, keys: [provider-secret-other]}
models:
  p/drawer: {price: {input: 1, output: 2}}
  other/talker: {}
tiers: [{name: L0, models: [p/drawer]}]
`, base+"/v1", base) + extra
}

// startSurface runs a gateway in front of a provider.
func startSurface(t *testing.T, extra string) (*instance, *surfaced) {
	t.Helper()
	p := startSurfaced(t)
	g := startGateway(t, surfaceConfig(p.URL, extra+unhurried))
	t.Cleanup(func() {
		if strings.Contains(g.logs.String(), secretMark) {
			t.Error("the log holds a provider's key")
		}
		p.CloseClientConnections()
	})
	return g, p
}

// do sends any request. header holds "Name: value" pairs.
func (g *instance) do(method, path string, body io.Reader, header ...string) reply {
	g.t.Helper()
	r, err := http.NewRequest(method, g.URL+path, body)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	start := time.Now()
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatalf("%s %s: %v\n%s", method, path, err, g.logs.tail())
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	return reply{a.StatusCode, a.Header, string(b), err, time.Since(start)}
}

func TestSurface_JSON(t *testing.T) {
	g, p := startSurface(t, "")
	f := func(path, model, body, answer, cost string) {
		t.Helper()
		p.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.Header().Set("X-Ratelimit-Remaining-Requests", "7")
			w.Header().Set("Set-Cookie", "no")
			_, _ = io.WriteString(w, answer)
		}
		r := g.post(path, fmt.Sprintf(body, model))
		got := p.last(t)
		_, bare, _ := strings.Cut(model, "/")
		if want := fmt.Sprintf(body, bare); string(got.body) != want || got.line != "POST "+path || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: the provider got %s %v: %s, want %s", path, got.line, got.header, got.body, want)
		}
		if got.header.Get("Authorization") != "Bearer provider-secret-p" {
			t.Errorf("%s: credential %q", path, got.header.Get("Authorization"))
		}
		if r.status != 200 || r.body != answer || r.header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: status %d, %v: %q, want %q", path, r.status, r.header, r.body, answer)
		}
		for name, want := range map[string]string{
			"X-Gateway-Cost": cost, "X-Gateway-Cache": "bypass", "X-Gateway-Model": model, "X-Gateway-Provider": "p",
			"X-Ratelimit-Remaining-Requests": "7", "Set-Cookie": "", "X-Gateway-Attempts": "1",
		} {
			if r.header.Get(name) != want {
				t.Errorf("%s: %s: %q, want %q", path, name, r.header.Get(name), want)
			}
		}
	}
	f("/v1/images/generations", "p/drawer", `{ "prompt":"ä\u00e4", "n":1.0, "model" : "%s","x":{"model":"y"}}`,
		`{"created":1,"usage":{"input_tokens":1000,"output_tokens":3,"total_tokens":1003}}`, "0.001006")
	f("/v1/images/edits", "p/any", `{"model":"%s"}`, `{"usage":{"input_tokens":1}}`, "unknown")
	f("/v1/moderations", "p/any", `{"model":"%s","input":[]}`, `{ "results" : [] }`, "unknown")
	f("/v1/rerank?x=1&y=%20", "p/drawer", `{"model":"%s"}`, `{"usage":{"total_tokens":7}}`, "0.000007")
	f("/v1/audio/speech", "p/drawer", `{"model":"%s"}`, `[]`, "unknown")
	if n := metric(t, g.metrics(), "gateway_requests_total"); n < 5 {
		t.Errorf("%v requests are counted", n)
	}
	for _, op := range []string{"image", "moderation", "rerank", "speech"} {
		eventually(t, patience, "a log line of op "+op, func() bool { return strings.Contains(g.logs.String(), `"op":"`+op+`"`) })
	}
}

func TestSurface_WhichProvider(t *testing.T) {
	g, p := startSurface(t, "")
	f := func(model, provider string, status int, code, credential string) {
		t.Helper()
		before := len(p.requests())
		body := `{"input":"x"}`
		if model != "" {
			body = `{"model":"` + model + `","input":"x"}`
		}
		var header []string
		if provider != "" {
			header = append(header, "X-Gateway-Provider: "+provider)
		}
		r := g.post("/v1/moderations", body, header...)
		if status != http.StatusOK {
			e := r.wantError(t, status, code)
			if len(p.requests()) != before {
				t.Errorf("%q, %q: the provider was asked", model, provider)
			}
			if model == "" && provider == "" && (!strings.Contains(e.Message, "model") || !strings.Contains(e.Message, "X-Gateway-Provider")) {
				t.Errorf("the message names not both: %s", e.Message)
			}
			return
		}
		if got := p.last(t); r.status != status || got.header.Get("Authorization") != "Bearer "+credential || len(p.requests()) != before+1 {
			t.Errorf("%q, %q: status %d, credential %q: %s", model, provider, r.status, got.header.Get("Authorization"), r.body)
		}
	}
	f("p/drawer", "", 200, "", "provider-secret-p")
	f("drawer", "", 200, "", "provider-secret-p")
	f("", "q", 200, "", "provider-secret-q")
	f("drawer", "p", 200, "", "provider-secret-p")
	f("drawer", "q", 200, "", "provider-secret-q")
	f("q/anything", "q", 200, "", "provider-secret-q")
	f("vendor/anything", "q", 200, "", "provider-secret-q")
	f("", "", 400, "caller_missing_field", "")
	f("p/drawer", "q", 400, "caller_invalid_field", "")
	f("", "nobody", 400, "caller_invalid_field", "")
	f("nothing", "", 404, "caller_model_not_found", "")
	f("auto", "", 400, "caller_invalid_field", "")
	f("L0", "", 400, "caller_invalid_field", "")
	f("other/talker", "", 400, "caller_unsupported", "")
	f("", "other", 400, "caller_unsupported", "")
	g.post("/v1/moderations", `{"model":7}`).wantError(t, 400, "caller_invalid_field")
	g.post("/v1/moderations", `{"model":"p/x"`).wantError(t, 400, "caller_invalid_json")
	g.do("POST", "/v1/moderations", strings.NewReader("x"), "Content-Type: text/plain").wantError(t, 415, "caller_unsupported_media")
	g.do("DELETE", "/v1/moderations", nil).wantError(t, 405, "caller_method_not_allowed")
}

func TestSurface_Azure(t *testing.T) {
	g, p := startSurface(t, "")
	f := func(method, path, body, want string, header ...string) {
		t.Helper()
		r := g.do(method, path, strings.NewReader(body), append(header, "Content-Type: application/json")...)
		if got := p.last(t); r.status != 200 || got.line != want || got.header.Get("Api-Key") != "provider-secret-az" {
			t.Errorf("%s %s: %d, %s, key %q; want %s", method, path, r.status, got.line, got.header.Get("Api-Key"), want)
		}
	}
	f("POST", "/v1/images/generations", `{"model":"az/mine"}`, "POST /openai/deployments/mine/images/generations?api-version=2024-10-21")
	f("GET", "/v1/files?purpose=batch", "", "GET /openai/files?purpose=batch&api-version=2024-10-21", "X-Gateway-Provider: az")
	f("POST", "/v1/batches/b_1/cancel", "", "POST /openai/batches/b_1/cancel?api-version=2024-10-21", "X-Gateway-Provider: az")
}

func TestSurface_Binary(t *testing.T) {
	g, p := startSurface(t, "limits: {response: 1MiB}\n")
	sound := make([]byte, 3<<20)
	_, _ = rand.Read(sound)
	for _, known := range []bool{true, false} {
		p.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "audio/mpeg")
			w.Header().Set("Content-Disposition", "attachment; filename=a.mp3")
			if known {
				w.Header().Set("Content-Length", fmt.Sprint(len(sound)))
			}
			_, _ = w.Write(sound)
		}
		r := g.post("/v1/audio/speech", `{"model":"p/drawer","input":"x"}`)
		if r.status != 200 || r.err != nil || r.body != string(sound) || r.header.Get("Content-Type") != "audio/mpeg" {
			t.Errorf("status %d, %v, %d bytes, %v", r.status, r.err, len(r.body), r.header)
		}
		if r.header.Get("Content-Disposition") != "attachment; filename=a.mp3" || (r.header.Get("Content-Length") != "") != known {
			t.Errorf("header %v", r.header)
		}
	}
	// A file is a file, whatever it says it is.
	p.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(sound)
	}
	if r := g.do("GET", "/v1/files/f-1/content", nil, "X-Gateway-Provider: p"); r.status != 200 || r.body != string(sound) {
		t.Errorf("status %d, %d bytes", r.status, len(r.body))
	}
	g.do("GET", "/v1/files/f-1", nil, "X-Gateway-Provider: p").wantError(t, 502, "provider_too_large")
}

// TestSurface_Flushes shows that an answer is passed on as it comes.
func TestSurface_Flushes(t *testing.T) {
	g, p := startSurface(t, "")
	for _, contentType := range []string{"text/event-stream", "audio/mpeg"} {
		for _, length := range []string{"", "12"} {
			next := make(chan struct{})
			p.answer = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", contentType)
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				for _, piece := range []string{"da", "ta: 1", "2345"} {
					_, _ = io.WriteString(w, piece)
					w.(http.Flusher).Flush()
					<-next
				}
				_, _ = io.WriteString(w, "\n")
			}
			a, err := g.send(t.Context(), "/v1/audio/speech", `{"model":"p/drawer"}`)
			if err != nil {
				t.Fatal(err)
			}
			if a.Header.Get("Content-Type") != contentType {
				t.Errorf("content type %s", a.Header.Get("Content-Type"))
			}
			buf := make([]byte, 64)
			for _, want := range []string{"da", "ta: 1", "2345"} {
				n, err := io.ReadFull(a.Body, buf[:len(want)])
				if err != nil || string(buf[:n]) != want {
					t.Fatalf("%q, %v, want %q", buf[:n], err, want)
				}
				next <- struct{}{}
			}
			if rest, err := io.ReadAll(a.Body); err != nil || string(rest) != "\n" {
				t.Errorf("%q, %v", rest, err)
			}
			_ = a.Body.Close()
		}
	}
}

func TestSurface_Stream(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, surfaceConfig(sim.URL(), unhurried))
	t.Cleanup(func() { _ = sim.Close() })
	r := g.post("/v1/images/generations", `{"model":"p/drawer","stream":true,"prompt":"x"}`)
	if r.status != 200 || !strings.HasPrefix(r.header.Get("Content-Type"), "text/event-stream") || !strings.Contains(r.body, "image_generation.completed") {
		t.Fatalf("status %d, %v: %.300s", r.status, r.header, r.body)
	}
	if log := g.callLine(t, r); !strings.Contains(log, `"cost_nano":50000`) || !strings.Contains(log, `"tokens_out":20`) {
		t.Errorf("the usage of a stream is not settled: %s", log)
	}
	body, contentType := formBody(t, formPart{"file", "a.mp3", "12345"}, formPart{"model", "", "p/drawer"})
	r = g.do("POST", "/v1/audio/transcriptions", strings.NewReader(body), contentType)
	if want := `{"text":"[simulated] 5 bytes of sound","usage":{"type":"tokens","input_tokens":14,"output_tokens":6,"total_tokens":20}}`; r.body != want {
		t.Errorf("%s", cmp.Diff(want, r.body))
	}
	if r.header.Get("X-Gateway-Cost") != "0.000026" {
		t.Errorf("cost %s", r.header.Get("X-Gateway-Cost"))
	}
}

// callLine is the log line of the call that r answers.
func (g *instance) callLine(t *testing.T, r reply) (line string) {
	t.Helper()
	eventually(t, patience, "the log line", func() bool {
		for l := range strings.Lines(g.logs.String()) {
			if strings.Contains(l, `"msg":"call"`) && strings.Contains(l, r.header.Get("X-Request-Id")) {
				line = l
			}
		}
		return line != ""
	})
	return line
}

func TestSurface_FilesAndBatches(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, surfaceConfig(sim.URL(), unhurried))
	t.Cleanup(func() { _ = sim.Close() })
	f := func(method, path, body, want string) {
		t.Helper()
		r := g.do(method, path, strings.NewReader(body), "X-Gateway-Provider: p", "Content-Type: application/json")
		if r.status != 200 || !strings.Contains(r.body, want) || r.header.Get("X-Gateway-Cost") != "unknown" || r.header.Get("X-Gateway-Provider") != "p" {
			t.Errorf("%s %s: status %d, %v: %.200s", method, path, r.status, r.header, r.body)
		}
		g.do(method, path, strings.NewReader(body), "Content-Type: application/json").wantError(t, 400, "caller_missing_field")
	}
	f("GET", "/v1/files?limit=3", "", `"object":"list"`)
	f("GET", "/v1/files/file-1", "", `"object":"file"`)
	f("DELETE", "/v1/files/file-1", "", `"deleted":true`)
	f("GET", "/v1/files/file-1/content", "", `"custom_id"`)
	f("POST", "/v1/batches", `{"input_file_id":"file-1"}`, `"object":"batch"`)
	f("GET", "/v1/batches", "", `"object":"list"`)
	f("GET", "/v1/batches/b-1", "", `"validating"`)
	f("POST", "/v1/batches/b-1/cancel", "", `"cancelling"`)
}
