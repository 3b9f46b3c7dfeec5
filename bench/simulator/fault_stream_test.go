package simulator

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

var streamTests = map[string]func(t *testing.T, s *Server){
	"error-event": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!error-event")
		if _, body := c.ok(); !strings.HasPrefix(body, `data: {"error":{`) || strings.Count(body, "data:") != 1 {
			t.Errorf("got %s", body)
		}
		c.stream("sim-l0!error-event=3")
		if _, body := c.ok(); events(body) != 2 || !strings.Contains(body, `{"error":{`) || strings.Contains(body, "[DONE]") {
			t.Errorf("got %s", body)
		}
		c.request(post("/v1/messages", chatBody("sim-l0!error-event,error-type=overloaded_error", `,"stream":true,"max_tokens":9`)))
		_, body := c.ok()
		if !strings.HasPrefix(body, "event: error\ndata: "+`{"type":"error","error":{"type":"overloaded_error"`) {
			t.Errorf("got %s", body)
		}
	},
	"bad-event": func(t *testing.T, s *Server) {
		broken := 0
		for _, data := range dataOf(t, s, "sim-l0!bad-event", "\n") {
			if !json.Valid([]byte(data)) && data != "[DONE]" {
				broken++
			}
		}
		if broken != 1 {
			t.Errorf("%d broken events", broken)
		}
	},
	"bad-line": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!bad-line=2")
		if _, body := c.ok(); utf8.ValidString(body) || !strings.Contains(body, "\n\n\xff\xfe this is no field") {
			t.Errorf("got %q", body)
		}
	},
	"done": func(t *testing.T, s *Server) {
		c := dial(t, s)
		get := func(path, how string) string {
			t.Helper()
			c.request(post(path, chatBody("sim-l0!done="+how, `,"stream":true,"max_tokens":9`)))
			_, body := c.ok()
			return body
		}
		const chat, messages = "/v1/chat/completions", "/v1/messages"
		hasNot(t, get(chat, "none"), "[DONE]")
		has(t, get(chat, "twice"), "data: [DONE]\n\ndata: [DONE]\n\n")
		has(t, get(chat, "trailing"), "data: [DONE]\n\ndata: {")
		has(t, get(chat, "spaces"), "data:   [DONE]  \n\n")
		hasNot(t, get(messages, "none"), "message_stop")
		has(t, get(messages, "spaces"), `data: {"type":"message_stop"  `)
	},
	"azure": func(t *testing.T, s *Server) {
		if all := dataOf(t, s, "sim-l0!azure", "\n"); !strings.HasPrefix(all[0], `{"id":"",`) || !strings.Contains(all[0], `"choices":[]`) {
			t.Errorf("got %s", all[0])
		}
	},
	"eol": func(t *testing.T, s *Server) {
		want := dataOf(t, s, "sim-l0", "\n")
		for name, end := range map[string]string{"lf": "\n", "crlf": "\r\n", "cr": "\r"} {
			if got := dataOf(t, s, "sim-l0!eol="+name, end); len(got) != len(want) {
				t.Errorf("%s: got %d events, want %d", name, len(got), len(want))
			}
		}
	},
	"bom": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!bom")
		if _, body := c.ok(); !strings.HasPrefix(body, "\xef\xbb\xbfdata: {") || strings.Count(body, "\xef\xbb\xbf") != 1 {
			t.Errorf("got %q", brief(body))
		}
	},
	"comments": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!comments,tokens=3")
		if _, body := c.ok(); strings.Count(body, ": keep-alive\n\ndata: ") != 6 { // role, 3 of text, finish, done
			t.Errorf("got %q", brief(body))
		}
	},
	"fields": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!fields")
		_, body := c.ok()
		has(t, body, "id: 2\nretry: 3000\nunknown: field\ndata: {")
	},
	"multi-line": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!multi-line")
		_, body := c.ok()
		has(t, body, ",\ndata: \"object\"")
		for event := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
			data := strings.ReplaceAll(strings.TrimPrefix(event, "data: "), "\ndata: ", "\n")
			if !json.Valid([]byte(data)) && data != "[DONE]" {
				t.Errorf("got %q", data)
			}
		}
	},
	"no-space": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!no-space")
		_, body := c.ok()
		has(t, body, "data:{", "data:[DONE]\n\n")
		hasNot(t, body, "data: ")
	},
	"no-final-blank": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!no-final-blank")
		if _, body := c.ok(); !strings.HasSuffix(body, "\n\ndata: [DONE]\n") {
			t.Errorf("got %q", brief(body))
		}
	},
}

// dataOf streams an answer and returns the data of its events, whose lines end as given.
func dataOf(t *testing.T, s *Server, model, end string) []string {
	t.Helper()
	c := dial(t, s)
	c.stream(model)
	_, body := c.ok()
	var all []string
	for event := range strings.SplitSeq(strings.TrimSuffix(body, end+end), end+end) {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok || strings.ContainsAny(data, "\r\n") {
			t.Fatalf("event %q in %q", event, brief(body))
		}
		all = append(all, data)
	}
	return all
}
