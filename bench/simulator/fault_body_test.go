package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

var bodyTests = map[string]func(t *testing.T, s *Server){
	"html": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!html", "")
		if r, body := c.ok(); !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || !strings.HasPrefix(body, "<!DOCTYPE html>") {
			t.Errorf("got %v %s", r.Header, body)
		}
		c.chat("sim-l0!html,status=502", "")
		if r, body, _ := c.response(); r.StatusCode != 502 || !strings.HasPrefix(body, "<!DOCTYPE html>") {
			t.Errorf("got %d %s", r.StatusCode, body)
		}
	},
	"bad-json": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!bad-json", "")
		if r, body := c.ok(); r.Header.Get("Content-Type") != "application/json" || json.Valid([]byte(body)) || body == "" {
			t.Errorf("got %v %s", r.Header, body)
		}
	},
	"empty": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!empty", "")
		if r, body := c.ok(); body != "" || r.ContentLength != 0 {
			t.Errorf("got %q", body)
		}
	},
	"error-200": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!error-200", "")
		_, body := c.ok()
		has(t, body, `{"error":{"message":`)
	},
	"content-type": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!content-type=text/plain", "")
		if r, _ := c.ok(); r.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("got %v", r.Header)
		}
	},
	"sse": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!sse", "")
		r, body := c.ok()
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/event-stream") {
			t.Errorf("got %v", r.Header)
		}
		has(t, body, "data: [DONE]\n\n")
	},
	"json": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!json")
		if r, body := c.ok(); r.Header.Get("Content-Type") != "application/json" || !json.Valid([]byte(body)) {
			t.Errorf("got %v %s", r.Header, body)
		}
	},
	"tokens": func(t *testing.T, s *Server) {
		c := dial(t, s)
		for _, n := range []int{1, 7, 300} {
			c.stream("sim-l0!tokens=" + strconv.Itoa(n))
			if _, body := c.ok(); events(body) != n {
				t.Errorf("got %d events, want %d", events(body), n)
			}
		}
	},
	"utf8": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!utf8")
		_, body := c.ok()
		has(t, joined(body), "Straße, 你好世界", "🙂")
	},
	"huge": func(t *testing.T, s *Server) {
		size := func(more, model string) (int64, *http.Response) {
			c := dial(t, s)
			c.chat(model, more)
			r, err := http.ReadResponse(c.br, nil)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				t.Fatal(err)
			}
			return n, r
		}
		if n, r := size("", "sim-l0!huge"); n < 100<<20 || r.ContentLength != n {
			t.Errorf("a body of %d, Content-Length %d", n, r.ContentLength)
		}
		if n, _ := size("", "sim-l0!huge=1MiB,framing=chunked"); n < 1<<20 || n > 1<<20+2000 {
			t.Errorf("a body of %d", n)
		}
		if n, _ := size(`,"stream":true`, "sim-l0!huge"); n < 20<<20 {
			t.Errorf("a stream of %d", n)
		}
		c := dial(t, s)
		c.stream("sim-l0!huge=1MiB,tokens=4")
		_, body := c.ok()
		longest := 0
		for line := range strings.Lines(body) {
			longest = max(longest, len(line))
		}
		if longest < 1<<20 || events(body) != 5 {
			t.Errorf("the longest line has %d bytes, of %d events", longest, events(body))
		}
	},
	"finish": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!finish=content_filter", "")
		_, body := c.ok()
		has(t, body, `"finish_reason":"content_filter"`)
		c.stream("sim-l0!finish=none")
		_, body = c.ok()
		hasNot(t, body, `"finish_reason":"`)
		c.request(post("/v1/messages", chatBody("sim-l0!finish=refusal", `,"max_tokens":9`)))
		_, body = c.ok()
		has(t, body, `"stop_reason":"refusal"`)
	},
	"usage": func(t *testing.T, s *Server) {
		c := dial(t, s)
		get := func(usage, more string) string {
			c.chat("sim-l0!tokens=5,usage="+usage, more)
			_, body := c.ok()
			return body
		}
		const stream, asked = `,"stream":true`, `,"stream":true,"stream_options":{"include_usage":true}`
		hasNot(t, get("none", ""), `"usage"`)
		hasNot(t, get("none", asked), `"usage"`)
		has(t, get("always", stream), `"choices":[],"usage":{`, `"usage":null`)
		last := get("last", asked)
		hasNot(t, last, `"choices":[]`)
		if n := strings.Count(last, `"usage":{`); n != 1 {
			t.Errorf("%d usages in %s", n, last)
		}
		if n := strings.Count(get("every", stream), `"usage":{`); n != 7 { // role, text, finish
			t.Errorf("%d usages", n)
		}
	},
	"cached-tokens": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!cached-tokens=500", "")
		_, body := c.ok()
		has(t, body, `"prompt_tokens":500,`, `"cached_tokens":500`)
		c.request(post("/v1/messages", chatBody("sim-l0!cached-tokens=5", `,"max_tokens":9`)))
		_, body = c.ok()
		has(t, body, `"input_tokens":4,`, `"cache_read_input_tokens":5`)
	},
	"reasoning-tokens": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!tokens=5,reasoning-tokens=40", "")
		_, body := c.ok()
		has(t, body, `"completion_tokens":45`, `"reasoning_tokens":40`)
	},
}
