package simulator

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

var statusTests = map[string]func(t *testing.T, s *Server){
	"status": func(t *testing.T, s *Server) {
		c := dial(t, s)
		f := func(path, status string, want int, inBody string) {
			t.Helper()
			c.request(post(path, chatBody("sim-l0!status="+status, `,"max_tokens":50`)))
			r, body, err := c.response()
			if r.StatusCode != want || err != nil {
				t.Errorf("got %d, %v: %s", r.StatusCode, err, body)
			}
			has(t, body, inBody)
		}
		const chat, messages = "/v1/chat/completions", "/v1/messages"
		f(chat, "500", 500, `"type":"server_error"`)
		f(chat, "429", 429, `"code":"rate_limit_exceeded"`)
		f(chat, "401", 401, `"type":"authentication_error"`)
		f(chat, "404", 404, `"type":"invalid_request_error"`)
		f(messages, "529", 529, `{"type":"error","error":{"type":"overloaded_error"`)
		f(messages, "404", 404, `"type":"not_found_error"`)
		f(messages, "500", 500, `"type":"api_error"`)
		f(chat, "201", 201, `"chat.completion"`)
		f(chat, "206", 206, `"chat.completion"`)
		f(chat, "204", 204, "")
		f(chat, "304", 304, "")
		c.works()
	},
	"overloaded": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!overloaded", "")
		if r, body, _ := c.response(); r.StatusCode != 503 || !strings.Contains(body, `"overloaded"`) {
			t.Errorf("got %d %s", r.StatusCode, body)
		}
		c.request(post("/v1/messages", chatBody("sim-l0!overloaded", "")))
		if r, body, _ := c.response(); r.StatusCode != 529 || !strings.Contains(body, `"overloaded_error"`) {
			t.Errorf("got %d %s", r.StatusCode, body)
		}
	},
	"redirect": func(t *testing.T, s *Server) {
		c := dial(t, s)
		for spec, status := range map[string]int{"redirect": 302, "redirect=301": 301, "redirect=307": 307} {
			c.chat("sim-l0!"+spec, "")
			if r, _, _ := c.response(); r.StatusCode != status || r.Header.Get("Location") == "" {
				t.Errorf("%s: got %d %v", spec, r.StatusCode, r.Header)
			}
		}
	},
	"location": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!redirect,location=http://127.0.0.1:9/x?a=b", "")
		if r, _, _ := c.response(); r.Header.Get("Location") != "http://127.0.0.1:9/x?a=b" {
			t.Errorf("got %v", r.Header)
		}
	},
	"body-anyway": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!status=204,body-anyway", "")
		has(t, c.until(jsonEnd, 1), "HTTP/1.1 204 No Content\r\n", "Content-Length: ", `{"id":"chatcmpl-`)
	},
	"retry-after": func(t *testing.T, s *Server) {
		c := dial(t, s)
		get := func(value string) string {
			c.chat("sim-l0!status=429,retry-after="+value, "")
			r, _, _ := c.response()
			return r.Header.Get("Retry-After")
		}
		if got := get("7"); got != "7" {
			t.Errorf("got %q", got)
		}
		if got := get("-3"); got != "-3" {
			t.Errorf("got %q", got)
		}
		soon, err := http.ParseTime(get("date:90s"))
		if in := time.Until(soon); err != nil || in < 80*time.Second || in > 91*time.Second {
			t.Errorf("got %v, %v", soon, err)
		}
		past, err := http.ParseTime(get("past"))
		if ago := time.Since(past); err != nil || ago < 59*time.Minute {
			t.Errorf("got %v, %v", past, err)
		}
		c.chat("sim-l0!status=429", "")
		if r, _, _ := c.response(); r.Header.Get("Retry-After") != "" {
			t.Errorf("got %v", r.Header)
		}
	},
	"retry-after-ms": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!status=429,retry-after-ms=1500", "")
		if r, _, _ := c.response(); r.Header.Get("Retry-After-Ms") != "1500" {
			t.Errorf("got %v", r.Header)
		}
	},
	"ratelimit-reset": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!status=429,ratelimit-reset=2s", "")
		if r, _, _ := c.response(); r.Header.Get("X-Ratelimit-Reset-Requests") != "2s" {
			t.Errorf("got %v", r.Header)
		}
		c.request(post("/v1/messages", chatBody("sim-l0!status=429,ratelimit-reset=2s", "")))
		r, _, _ := c.response()
		if _, err := time.Parse(time.RFC3339, r.Header.Get("Anthropic-Ratelimit-Requests-Reset")); err != nil {
			t.Errorf("got %v", r.Header)
		}
	},
	"error-shape": func(t *testing.T, s *Server) {
		c := dial(t, s)
		starts := map[string]string{
			"vendor": `{"error":{"message":`, "bare": `{"object":"error","message":"`, "detail": `{"object":"error","message":{"detail":[`,
			"message": `{"message":"`, "string": `{"error":"`, "array": `[{"error":`, "int-code": `{"error":{"message":`,
			"azure": `{"error":{"message":`, "text": "Unprocessable", "empty": "",
		}
		for _, shape := range errorShapes {
			c.chat("sim-l0!status=422,error-shape="+shape, "")
			r, body, _ := c.response()
			if start, known := starts[shape]; !known || r.StatusCode != 422 || !strings.HasPrefix(body, start) || body == "" != (start == "") {
				t.Errorf("%s: got %d %s", shape, r.StatusCode, body)
			}
		}
	},
	"error-type": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!status=500,error-type=strange_error", "")
		_, body, _ := c.response()
		has(t, body, `"type":"strange_error"`)
	},
	"echo-key": func(t *testing.T, s *Server) {
		c := dial(t, s)
		raw := post("/v1/chat/completions", chatBody("sim-l0!status=401,echo-key", ""))
		c.request(strings.Replace(raw, "\r\n", "\r\nAuthorization: Bearer canary\r\n", 1))
		r, body, _ := c.response()
		if r.StatusCode != 401 || r.Header.Get("X-Debug-Key") != "canary" {
			t.Errorf("got %d %v", r.StatusCode, r.Header)
		}
		has(t, body, "canary")
		raw = post("/v1/chat/completions", chatBody("sim-l0!status=401", ""))
		c.request(strings.Replace(raw, "\r\n", "\r\nX-Api-Key: canary\r\n", 1))
		_, body, _ = c.response()
		hasNot(t, body, "canary")
	},
}
