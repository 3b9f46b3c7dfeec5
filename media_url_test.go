package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// The smallest PNG that a provider takes, and what passes for a PDF.
const (
	tinyPNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	tinyPDF = "%PDF-1.4\n%%EOF\n"
)

// library is a server of pictures that counts what it is asked for.
type library struct {
	*httptest.Server
	asked   atomic.Int64
	hanging chan struct{}
	left    chan struct{}
}

func openLibrary(t *testing.T) *library {
	t.Helper()
	picture, err := base64.StdEncoding.DecodeString(tinyPNG)
	if err != nil {
		t.Fatal(err)
	}
	l := &library{hanging: make(chan struct{}, 1), left: make(chan struct{}, 1)}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		switch r.URL.Path {
		case "/a.png":
			_, _ = w.Write(picture)
		case "/a.pdf":
			_, _ = w.Write([]byte(tinyPDF))
		case "/html":
			_, _ = w.Write([]byte("<html>an inside page</html>"))
		case "/hang":
			l.hanging <- struct{}{}
			<-r.Context().Done()
			l.left <- struct{}{}
		default:
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// config turns fetching on. Loopback is let in on request only.
func (l *library) config(t *testing.T, loopback bool) string {
	t.Helper()
	u, err := url.Parse(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	networks := ""
	if loopback {
		networks = "127.0.0.1/32"
	}
	return fmt.Sprintf("fetch: {enabled: true, http: true, timeout: 5s, ports: [%s], networks: [%s]}\n", u.Port(), networks)
}

// mediaGateway is a gateway with all providers.
func mediaGateway(t *testing.T, extra string) (*instance, *simulator.Server) {
	t.Helper()
	sim := startSimulator(t, simulator.Config{Record: 100, Keys: []string{matrixKey}})
	g := launch(t, matrixConfig(sim.URL(), "", byName)+uncached+extra)
	t.Cleanup(func() { g.stop(syscall.SIGTERM) })
	return g, sim
}

// The same picture in the three dialects that have pictures.
func chatPicture(model, at string) string {
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":%q}}]}]}`, model, at)
}

func messagesPicture(model, at string) string {
	return fmt.Sprintf(`{"model":%q,"max_tokens":50,"messages":[{"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image","source":{"type":"url","url":%q}}]}]}`, model, at)
}

func responsesPicture(model, at string) string {
	return fmt.Sprintf(`{"model":%q,"store":false,"input":[{"role":"user","content":[{"type":"input_text","text":"What is it?"},{"type":"input_image","image_url":%q}]}]}`, model, at)
}

// TestEdge096_FetchIsOff holds that nobody is asked by default.
func TestEdge096_FetchIsOff(t *testing.T) {
	l := openLibrary(t)
	g, sim := mediaGateway(t, "")
	for _, model := range []string{"bedrock/sim-l0", "ollama/sim-l0"} {
		e := g.post(chatPath, chatPicture(model, l.URL+"/a.png")).wantError(t, 400, "caller_unsupported")
		if e.Param == nil || *e.Param != "messages[].content[].image_url.url" || !strings.Contains(e.Message, "is off") {
			t.Errorf("%s: %+v", model, e)
		}
	}
	e := g.post("/v1/responses", responsesPicture("ollama/sim-l0", l.URL+"/a.png")).wantError(t, 400, "caller_unsupported")
	if e.Param == nil || *e.Param != "input[].content[].image_url" {
		t.Errorf("%+v", e)
	}
	if r := g.post("/v1/messages", messagesPicture("openai/sim-l0", l.URL+"/a.png")); r.status != 200 {
		t.Errorf("a provider that takes URLs: %d %s", r.status, r.body)
	}
	if seen := sim.Seen(); l.asked.Load() != 0 || len(seen) != 1 || !strings.Contains(string(seen[0].Body), l.URL) {
		t.Errorf("%d asked, %d requests", l.asked.Load(), len(seen))
	}
}

func TestEdge096_Fetch(t *testing.T) {
	l := openLibrary(t)
	g, sim := mediaGateway(t, l.config(t, true)+"tiers:\n  - {name: L0, models: [\"ollama/sim-l0!status=500\", bedrock/sim-l0]}\n")
	f := func(path, body, at, want string) {
		t.Helper()
		before := l.asked.Load()
		if r := g.post(path, body); r.status != 200 {
			t.Fatalf("%s: %d %s", body, r.status, r.body)
		}
		seen := sim.Seen()
		if got := gjson.GetBytes(seen[len(seen)-1].Body, at).Str; got != want {
			t.Errorf("%.100q at %s of %s", got, at, seen[len(seen)-1].Body)
		}
		if n := l.asked.Load() - before; n != 1 {
			t.Errorf("asked %d times for %s", n, body)
		}
	}
	at := l.URL + "/a.png"
	f(chatPath, chatPicture("bedrock/sim-l0", at), "messages.0.content.1.image.source.bytes", tinyPNG)
	f(chatPath, chatPicture("ollama/sim-l0", at), "messages.0.images.0", tinyPNG)
	f(chatPath, chatPicture("gemini/sim-l0", at), "contents.0.parts.1.inlineData.data", tinyPNG)
	f("/v1/messages", messagesPicture("bedrock/sim-l0", at), "messages.0.content.1.image.source.bytes", tinyPNG)
	f("/v1/responses", responsesPicture("gemini/sim-l0", at), "contents.0.parts.1.inlineData.mimeType", "image/png")
	f(chatPath, chatPicture("L0", at), "messages.0.content.1.image.source.bytes", tinyPNG) // the second attempt
	document := fmt.Sprintf(`{"model":"bedrock/sim-l0","input":[{"role":"user","content":[{"type":"input_text","text":"Sum up."},{"type":"input_file","filename":"a.pdf","file_url":%q}]}]}`, l.URL+"/a.pdf")
	f("/v1/responses", document, "messages.0.content.1.document.source.bytes", base64.StdEncoding.EncodeToString([]byte(tinyPDF)))
}

// TestFetchStaysOutside holds that no URL reaches what only the gateway can,
// and that nobody learns what it found.
func TestFetchStaysOutside(t *testing.T) {
	l := openLibrary(t)
	g, sim := mediaGateway(t, l.config(t, false))
	_, port, _ := strings.Cut(strings.TrimPrefix(l.URL, "http://"), ":")
	f := func(g *instance, at string) {
		t.Helper()
		r := g.post(chatPath, chatPicture("bedrock/sim-l0", at))
		e := r.wantError(t, 400, "caller_invalid_field")
		if e.Param == nil || *e.Param != "messages[].content[].image_url.url" {
			t.Errorf("%s: %+v", at, e)
		}
		if strings.ContainsAny(e.Message, "/[") || strings.Contains(e.Message, "254") || strings.Contains(e.Message, "127") || strings.Contains(e.Message, "inside") {
			t.Errorf("%s: the message tells too much: %s", at, e.Message)
		}
	}
	for _, host := range []string{"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "u:p@127.0.0.1"} {
		f(g, "http://"+host+":"+port+"/a.png")
	}
	f(g, "http://169.254.169.254/latest/meta-data/iam/security-credentials/")
	f(g, "https://[fd00:ec2::254]/")
	f(g, "http://10.0.0.1/")
	if l.asked.Load() != 0 {
		t.Error("loopback was reached")
	}

	inside, _ := mediaGateway(t, l.config(t, true))
	f(inside, l.URL+"/to?to="+url.QueryEscape("http://169.254.169.254/"))
	f(inside, l.URL+"/to?to="+url.QueryEscape("http://[::1]:"+port+"/a.png"))
	f(inside, l.URL+"/to?to="+url.QueryEscape("file:///etc/passwd"))
	f(inside, l.URL+"/html")
	if l.asked.Load() != 4 || len(sim.Seen()) != 0 {
		t.Errorf("%d asked, want 4; %d requests to the provider", l.asked.Load(), len(sim.Seen()))
	}
}

// TestFetchEndsWithItsClient holds that nothing is fetched for somebody who
// has left.
func TestFetchEndsWithItsClient(t *testing.T) {
	l := openLibrary(t)
	g, sim := mediaGateway(t, l.config(t, true))
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-l.hanging
		leave()
	}()
	if r, err := g.send(ctx, chatPath, chatPicture("ollama/sim-l0", l.URL+"/hang")); err == nil {
		_ = r.Body.Close()
		t.Errorf("an answer with status %d", r.StatusCode)
	}
	select {
	case <-l.left:
	case <-time.After(4 * time.Second): // less than fetch.timeout
		t.Error("the fetch goes on")
	}
	if len(sim.Seen()) != 0 {
		t.Error("the provider was asked")
	}
}
