package engine

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/upstream"
)

// headOf is the header of a 429 with these lines.
func headOf(t *testing.T, lines string) *upstream.Head {
	t.Helper()
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
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			fmt.Fprintf(c, "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n%s\r\n", lines)
		}
	}()
	e, err := upstream.NewEndpoint("http://"+l.Addr().String(), upstream.Defaults(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	x := upstream.AcquireExchange()
	t.Cleanup(x.Close)
	var cancel upstream.Cancel
	if err := x.Do(e, &cancel, &upstream.Request{Head: []byte("GET / HTTP/1.1\r\nHost: h\r\n")}); err != nil {
		t.Fatal(err)
	}
	return &x.Head
}

func TestAskedWait(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	f := func(want time.Duration, lines ...string) {
		t.Helper()
		text := ""
		for _, line := range lines {
			text += line + "\r\n"
		}
		if got := askedWait(headOf(t, text), now); got != want {
			t.Errorf("%q: %v, want %v", lines, got, want)
		}
	}
	const s, ms = time.Second, time.Millisecond
	f(0)
	f(30*s, "Retry-After: 30")
	f(1500*ms, "retry-after: 1.5")
	f(0, "Retry-After: -3")
	f(0, "Retry-After: 0")
	f(0, "Retry-After: soon")
	f(0, "Retry-After: NaN")
	f(24*time.Hour, "Retry-After: 1e300")
	f(24*time.Hour, "Retry-After: 99999999999999999999")
	f(20*s, "Retry-After: "+now.Add(20*s).Format(http.TimeFormat))
	f(20*s, "Retry-After: "+now.Add(20*s).Format(time.ANSIC))
	f(0, "Retry-After: "+now.Add(-time.Hour).Format(http.TimeFormat))
	f(250*ms, "Retry-After: 1", "Retry-After-Ms: 250")
	f(3*s, "Retry-After: 3", "Retry-After-Ms: -250")
	f(3*s, "Retry-After: 3", "X-RateLimit-Reset-Requests: 9s")

	f(360*s, "X-RateLimit-Reset-Requests: 6m0s")
	f(20*ms, "x-ratelimit-reset-tokens: 20ms")
	f(7660*ms, "x-ratelimit-reset-tokens: 7.66s", "x-ratelimit-reset-requests: 1ms")
	f(12*s, "x-ratelimit-reset-tokens: 12")
	f(0, "x-ratelimit-reset-tokens: -12s")
	f(0, "x-ratelimit-reset-tokens: later", "x-ratelimit-remaining-tokens: 0")
	// The limit that is used up counts.
	f(1*s, "x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 1s", "x-ratelimit-remaining-tokens: 149000", "x-ratelimit-reset-tokens: 50s")

	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	f(8*s, "anthropic-ratelimit-requests-reset: "+at(8*s))
	f(8*s, "Anthropic-RateLimit-Tokens-Reset: "+at(8*s), "anthropic-ratelimit-requests-reset: "+at(2*s))
	f(2*s, "anthropic-ratelimit-input-tokens-reset: "+at(2*s), "anthropic-ratelimit-input-tokens-remaining: 0", "anthropic-ratelimit-requests-reset: "+at(50*s))
	f(0, "anthropic-ratelimit-requests-reset: "+at(-time.Hour))
	f(0, "anthropic-ratelimit-requests-reset: tomorrow")
	f(0, "anthropic-ratelimit-requests-limit: 50")
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, seed := range []string{"", "7", "-1", "1e9", "Wed, 04 Mar 2026 05:06:27 GMT", "0x10", "Inf", "6m0s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, wait := range []time.Duration{retryAfter([]byte(value), now), inGo([]byte(value))} {
			if wait < 0 || wait > maxWait {
				t.Errorf("%q: %v", value, wait)
			}
		}
	})
}
