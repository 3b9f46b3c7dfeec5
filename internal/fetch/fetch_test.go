package fetch

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// TestMain names a proxy that nobody should use. Whoever asks for it does so
// once, so it has to be there from the start.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		if err := os.Setenv(name, "http://127.0.0.1:1"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

const patience = 20 * time.Second

const (
	png  = "\x89PNG\r\n\x1a\n and so on"
	jpeg = "\xff\xd8\xff\xe0 and so on"
	gif  = "GIF89a and so on"
	webp = "RIFF\x10\x00\x00\x00WEBPVP8 and so on"
	pdf  = "%PDF-1.7 and so on"
)

// serve runs a server on loopback.
func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

// write answers with body.
func write(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// portOf is the port of a server's URL.
func portOf(t *testing.T, server string) int {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	return int(netip.MustParseAddrPort(u.Host).Port())
}

// letting is a configuration that lets servers on 127.0.0.1 in.
func letting(t *testing.T, servers ...*httptest.Server) Config {
	t.Helper()
	cfg := Config{Enabled: true, HTTP: true, Timeout: patience, Networks: []string{"127.0.0.1/32"}}
	for _, s := range servers {
		cfg.Ports = append(cfg.Ports, portOf(t, s.URL))
	}
	return cfg
}

func open(t *testing.T, cfg Config) *Fetcher {
	t.Helper()
	f, err := New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func images(urls ...string) (wants []Want) {
	for _, u := range urls {
		wants = append(wants, Want{u, Image})
	}
	return wants
}

// fails checks that the first of wants that cannot be had is that of index,
// for the reason of class, and that the text tells nothing else.
func fails(t *testing.T, f *Fetcher, index int, class Class, wants ...Want) *Error {
	t.Helper()
	files, err := f.All(t.Context(), wants)
	var failed *Error
	if !errors.As(err, &failed) || files != nil {
		t.Fatalf("%.100v: %d files and %v, want an *Error", wants, len(files), err)
	}
	if failed.Class != class || failed.Index != index {
		t.Errorf("%.200v: %d of class %d (%v; %v), want %d of class %d",
			wants, failed.Index, failed.Class, failed, errors.Unwrap(failed), index, class)
	}
	if text := failed.Error(); text == "" || strings.ContainsAny(text, `:/."\`) || class != Status && class != TooMany && strings.ContainsAny(text, "0123456789") {
		t.Errorf("the text tells too much: %q", text)
	}
	return failed
}

func TestAll(t *testing.T) {
	bodies := map[string]string{"/png": png, "/jpeg": jpeg, "/gif": gif, "/webp": webp, "/pdf": pdf}
	bodies["/big"] = png + strings.Repeat("x", 1<<20)
	bodies["/short"] = "\xff\xd8\xff"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html") // is not believed
		_, _ = io.WriteString(w, bodies[r.URL.Path])
	})
	f := open(t, letting(t, s))
	wants := append(images(s.URL+"/png", s.URL+"/jpeg", s.URL+"/gif#part", s.URL+"/webp?a=b", s.URL+"/big", s.URL+"/short"), Want{s.URL + "/pdf", Document})
	files, err := f.All(t.Context(), wants)
	if err != nil {
		t.Fatal(err)
	}
	type file struct{ mime, base64 string } // which compare faster
	encoded := func(mime, path string) file {
		return file{mime, base64.StdEncoding.EncodeToString([]byte(bodies[path]))}
	}
	want := []file{
		encoded("image/png", "/png"), encoded("image/jpeg", "/jpeg"), encoded("image/gif", "/gif"), encoded("image/webp", "/webp"),
		encoded("image/png", "/big"), encoded("image/jpeg", "/short"), encoded("application/pdf", "/pdf"),
	}
	var got []file
	for _, f := range files {
		got = append(got, file{f.MIME, string(f.Base64)})
	}
	if !slices.Equal(want, got) {
		t.Errorf("got %.200v, want %.200v", got, want)
	}
	if files, err := f.All(t.Context(), nil); err != nil || len(files) != 0 {
		t.Errorf("of nothing: %v, %v", files, err)
	}
}

// TestRequest holds what a server learns, also after a redirect that sets a
// cookie.
func TestRequest(t *testing.T) {
	var seen []http.Header
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header)
		if r.Method != http.MethodGet || r.ContentLength != 0 || r.URL.Fragment != "" {
			t.Errorf("%s with %d bytes of %v", r.Method, r.ContentLength, r.URL)
		}
		if r.URL.Path == "/a" {
			w.Header().Set("Set-Cookie", "spy=1")
			http.Redirect(w, r, "b", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, png)
	})
	if _, err := open(t, letting(t, s)).All(t.Context(), images(s.URL+"/a?token=secret")); err != nil {
		t.Fatal(err)
	}
	one := http.Header{"Accept": {accepts[Image]}, "Accept-Encoding": {"identity"}, "User-Agent": {userAgent}, "Connection": {"close"}}
	if diff := cmp.Diff([]http.Header{one, one}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestNotThere(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/404":
			http.Error(w, "a secret of the server's", http.StatusNotFound)
		case "/206":
			w.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(w, png)
		case "/204":
			w.WriteHeader(http.StatusNoContent)
		case "/empty":
		case "/html":
			w.Header().Set("Content-Type", "image/png")
			_, _ = io.WriteString(w, "<html>169.254.169.254</html>")
		case "/svg":
			_, _ = io.WriteString(w, "<svg xmlns='http://www.w3.org/2000/svg'/>")
		case "/riff":
			_, _ = io.WriteString(w, "RIFF\x10\x00\x00\x00WAVEfmt")
		case "/half":
			_, _ = io.WriteString(w, png[:6])
		case "/gzip": // the start of what may be terabytes
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, png)
		case "/cut", "/cutshort":
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, map[string]string{"/cut": png, "/cutshort": "GIF89a"}[r.URL.Path])
			panic(http.ErrAbortHandler)
		case "/pdf":
			_, _ = io.WriteString(w, pdf)
		case "/png":
			_, _ = io.WriteString(w, png)
		}
	})
	f := open(t, letting(t, s))
	if e := fails(t, f, 0, Status, images(s.URL+"/404")...); e.Status != 404 || !strings.Contains(e.Error(), "404") {
		t.Errorf("status %d: %v", e.Status, e)
	}
	fails(t, f, 0, Status, images(s.URL+"/206")...)
	fails(t, f, 0, Status, images(s.URL+"/204")...)
	fails(t, f, 0, Empty, images(s.URL+"/empty")...)
	fails(t, f, 0, WrongType, images(s.URL+"/html")...)
	fails(t, f, 0, WrongType, images(s.URL+"/svg")...)
	fails(t, f, 0, WrongType, images(s.URL+"/riff")...)
	fails(t, f, 0, WrongType, images(s.URL+"/half")...)
	fails(t, f, 0, WrongType, images(s.URL+"/pdf")...)
	fails(t, f, 0, WrongType, Want{s.URL + "/png", Document})
	fails(t, f, 0, Encoded, images(s.URL+"/gzip")...)
	fails(t, f, 0, Unreachable, images(s.URL+"/cut")...)
	fails(t, f, 0, Unreachable, images(s.URL+"/cutshort")...)
}

func TestNobodyListens(t *testing.T) {
	s := httptest.NewServer(nil)
	cfg, at := letting(t, s), s.URL
	s.Close()
	fails(t, open(t, cfg), 0, Unreachable, images(at)...)
}

func TestTooLarge(t *testing.T) {
	const limit = 64 << 10
	file := func(size int) string { return png + strings.Repeat("x", size-len(png)) }
	var aborted atomic.Bool
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/exact":
			_, _ = io.WriteString(w, file(limit))
		case "/announced":
			w.Header().Set("Content-Length", fmt.Sprint(limit+1))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "/chunked":
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, file(limit+1))
		case "/endless":
			_, err := io.WriteString(w, png)
			for err == nil {
				_, err = io.WriteString(w, file(limit))
			}
			aborted.Store(true)
		}
	})
	cfg := letting(t, s)
	cfg.MaxBytes = limit
	f := open(t, cfg)
	if files, err := f.All(t.Context(), images(s.URL+"/exact")); err != nil || len(files[0].Base64) != base64.StdEncoding.EncodedLen(limit) {
		t.Errorf("exactly the limit: %v", err)
	}
	fails(t, f, 0, TooLarge, images(s.URL+"/announced")...)
	fails(t, f, 0, TooLarge, images(s.URL+"/chunked")...)
	fails(t, f, 0, TooLarge, images(s.URL+"/endless")...)
	s.Close() // waits for the handlers
	if !aborted.Load() {
		t.Error("the server could go on")
	}
}

// TestTotal holds that files which are small enough one by one are not
// together.
func TestTotal(t *testing.T) {
	const size = 9 << 10
	var chunked atomic.Bool
	body := []byte(png + strings.Repeat("x", size-len(png)))
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if chunked.Load() {
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = w.Write(body)
	})
	f := open(t, letting(t, s))
	if f.total != 32<<20 {
		t.Errorf("the limit is %d", f.total)
	}
	f.total = 32 << 10
	for _, c := range []bool{false, true} {
		chunked.Store(c)
		_, err := f.All(t.Context(), images(s.URL, s.URL, s.URL, s.URL))
		var failed *Error
		if !errors.As(err, &failed) || failed.Class != TooLarge {
			t.Errorf("36 KiB, chunked %v: %v", c, err)
		}
	}
	if _, err := f.All(t.Context(), images(s.URL, s.URL, s.URL)); err != nil {
		t.Errorf("27 KiB: %v", err)
	}
}

func TestTooMany(t *testing.T) {
	var asked atomic.Int64
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, png)
	})
	f := open(t, letting(t, s))
	urls := make([]string, maxURLs)
	for i := range urls {
		urls[i] = s.URL
	}
	if _, err := f.All(t.Context(), images(urls...)); err != nil || asked.Load() != maxURLs {
		t.Errorf("%d asked: %v", asked.Load(), err)
	}
	fails(t, f, maxURLs, TooMany, images(append(urls, s.URL)...)...)
	urls[7] = "http://127.0.0.2/"
	fails(t, f, 7, Private, images(urls...)...)
	if asked.Load() != maxURLs {
		t.Error("somebody was asked for a request that is refused")
	}
}

func TestInParallel(t *testing.T) {
	var now, most atomic.Int64
	var full sync.WaitGroup
	full.Add(atOnce)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			continue
		}
		if r.URL.Path == "/first" {
			full.Done()
			full.Wait()
		}
		_, _ = io.WriteString(w, png)
	})
	var urls []string
	for i := range 12 {
		urls = append(urls, s.URL+map[bool]string{true: "/first", false: ""}[i < atOnce])
	}
	if _, err := open(t, letting(t, s)).All(t.Context(), images(urls...)); err != nil {
		t.Fatal(err)
	}
	if most.Load() != atOnce {
		t.Errorf("%d at once, want %d", most.Load(), atOnce)
	}
}

// TestSlots holds that all requests together are bounded.
func TestSlots(t *testing.T) {
	s := serve(t, write(png))
	cfg := letting(t, s)
	cfg.Timeout = 50 * time.Millisecond
	f := open(t, cfg)
	for range allAtOnce {
		f.slots <- struct{}{}
	}
	fails(t, f, 0, Timeout, images(s.URL)...)
	f.config.Timeout = patience
	<-f.slots
	if _, err := f.All(t.Context(), images(s.URL, s.URL, s.URL)); err != nil || len(f.slots) != allAtOnce-1 {
		t.Errorf("%d slots in use: %v", len(f.slots), err)
	}
}

func TestSlow(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/drip" {
			_, _ = io.WriteString(w, png)
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	})
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes no connection
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cfg := letting(t, s)
	cfg.Ports = append(cfg.Ports, silent.Addr().(*net.TCPAddr).Port)
	cfg.Timeout = 100 * time.Millisecond
	f := open(t, cfg)
	fails(t, f, 0, Timeout, images(s.URL+"/header")...)
	fails(t, f, 0, Timeout, images(s.URL+"/drip")...)
	fails(t, f, 0, Timeout, images("https://"+silent.Addr().String())...)
	// The time is that of all of them.
	start := time.Now()
	_, err = f.All(t.Context(), images(s.URL, s.URL, s.URL, s.URL, s.URL, s.URL, s.URL, s.URL))
	if took := time.Since(start); err == nil || took > patience/2 {
		t.Errorf("%v after %v", err, took)
	}
}

func TestCancel(t *testing.T) {
	asked, left := make(chan struct{}), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(left)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	files, err := open(t, letting(t, s)).All(ctx, images(s.URL))
	if err != context.Canceled || files != nil {
		t.Errorf("%d files and %v, want context.Canceled", len(files), err)
	}
	select {
	case <-left:
	case <-time.After(patience):
		t.Error("the server was not told")
	}
}

// TestFirstFailureEndsTheOthers holds that nobody waits for what is of no use
// any more.
func TestFirstFailureEndsTheOthers(t *testing.T) {
	hanging := make(chan struct{}, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			hanging <- struct{}{}
			<-r.Context().Done()
			return
		}
		<-hanging
		http.NotFound(w, r)
	})
	start := time.Now()
	fails(t, open(t, letting(t, s)), 1, Status, images(s.URL+"/hang", s.URL+"/gone")...)
	if took := time.Since(start); took > patience/2 {
		t.Errorf("took %v", took)
	}
}

func TestNew(t *testing.T) {
	if _, err := New(Config{Networks: []string{"10.0.0.0"}}, nil); err == nil {
		t.Error("an address passed for a block")
	}
	f := open(t, Config{})
	if f.config.MaxBytes != defaultMaxBytes || f.config.Timeout != defaultTimeout {
		t.Errorf("%+v", f.config)
	}
}
