package baseline

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// fasthttp's cleaners sleep for ten seconds before they look whether to
	// end; a baseline is a whole process, which ends with its server.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*TCPDialer).tcpAddrsClean"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// proxied runs a proxy in front of a handler and returns its URL.
func proxied(t *testing.T, proxy func(context.Context, net.Listener, string) error, handler http.HandlerFunc) string {
	t.Helper()
	upstream := httptest.NewServer(handler)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- proxy(ctx, ln, strings.TrimPrefix(upstream.URL, "http://")) }()
	t.Cleanup(func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		if err := <-ended; err != nil {
			t.Errorf("the proxy ended with %v", err)
		}
		upstream.Close()
	})
	return "http://" + ln.Addr().String()
}

func TestProxies(t *testing.T) {
	for name, proxy := range map[string]func(context.Context, net.Listener, string) error{"fasthttp": FastHTTP, "nethttp": NetHTTP} {
		t.Run(name+"/plain", func(t *testing.T) {
			url := proxied(t, proxy, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				w.Header().Set("X-From", "upstream")
				w.WriteHeader(http.StatusTeapot)
				fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL.Path, r.Header.Get("Authorization"), body)
			})
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/x", strings.NewReader("question"))
			req.Header.Set("Authorization", "Bearer k")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if want := "POST /v1/x Bearer k question"; err != nil || string(body) != want ||
				resp.StatusCode != http.StatusTeapot || resp.Header.Get("X-From") != "upstream" {
				t.Errorf("%v %q %v, expected 418 %q", resp.Status, body, err, want)
			}
		})
		// Each event has to arrive while the upstream holds back the next.
		t.Run(name+"/stream", func(t *testing.T) {
			seen := make(chan struct{})
			url := proxied(t, proxy, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for i := range 3 {
					fmt.Fprintf(w, "data: %d\n\n", i)
					w.(http.Flusher).Flush()
					<-seen
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("question"))
			req.Header.Set("Accept", "text/event-stream")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				close(seen)
				t.Fatal(err)
			}
			defer resp.Body.Close()
			lines := bufio.NewScanner(resp.Body)
			for i := range 3 {
				if !lines.Scan() || lines.Text() != fmt.Sprintf("data: %d", i) || !lines.Scan() {
					close(seen)
					t.Fatalf("event %d: %q %v", i, lines.Text(), lines.Err())
				}
				seen <- struct{}{}
			}
		})
	}
}

func TestConstant(t *testing.T) {
	url := proxied(t, func(ctx context.Context, ln net.Listener, _ string) error {
		return Constant(ctx, ln, []byte(`{"a":1}`))
	}, nil)
	resp, err := http.Post(url+"/any", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != `{"a":1}` || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%q %v %v", body, resp.Header, err)
	}
}
