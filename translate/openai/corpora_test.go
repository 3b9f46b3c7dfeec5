package openai

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// exchange is one recorded call. Recorders keep bodies as text, as
// {"string":text}, or parsed.
type exchange struct {
	Request struct {
		URI, URL string
		Body     any
		Parsed   any `yaml:"parsed_body"`
	}
	Response struct {
		Body   any
		Parsed any `yaml:"parsed_body"`
		Status any
	}
}

func bodyOf(body, parsed any) string {
	switch v := body.(type) {
	case string:
		if v != "" {
			return v
		}
	case map[string]any:
		if s, ok := v["string"].(string); ok {
			return s
		}
	}
	if parsed == nil {
		return ""
	}
	raw, err := json.Marshal(parsed)
	if err != nil {
		return ""
	}
	return string(raw)
}

// TestCorpora reads recorded exchanges of chat completions from the directory
// that the environment variable CORPORA names. They are not part of this
// repository.
func TestCorpora(t *testing.T) {
	dir := os.Getenv("CORPORA")
	if dir == "" {
		t.Skip("CORPORA names no directory of recorded exchanges")
	}
	var requests, refused, answers, streams int
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		raw, err := os.ReadFile(path)
		var cassette struct{ Interactions []exchange }
		if err != nil || !strings.Contains(string(raw), "/chat/completions") || yaml.Unmarshal(raw, &cassette) != nil {
			return err
		}
		for _, e := range cassette.Interactions {
			if !strings.Contains(e.Request.URI+e.Request.URL, "/chat/completions") {
				continue
			}
			if sent := bodyOf(e.Request.Body, e.Request.Parsed); strings.HasPrefix(sent, "{") {
				requests++
				if param := checkRequest(t, path, sent); param != "" {
					refused++
					t.Logf("%s: refused for %s", filepath.Base(path), param)
				}
			}
			got := bodyOf(e.Response.Body, e.Response.Parsed)
			switch {
			case strings.Contains(got, "data: "):
				streams++
				checkStream(t, path, got)
			case strings.Contains(got, `"choices"`):
				answers++
				checkAnswer(t, path, got)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d requests (%d refused), %d answers, %d streams", requests, refused, answers, streams)
}

// checkRequest returns the field that a request is refused for.
func checkRequest(t *testing.T, path, body string) string {
	var r translate.Request
	if err := r.Scan([]byte(body)); err != nil {
		return err.Param
	}
	q, err := New().ReadRequest(translate.OpChat, &r)
	if err != nil {
		return err.Param
	}
	out, _, err := New().AppendRequest(nil, q, &neutral.Target{Model: "p"})
	if err != nil {
		return err.Param
	}
	if !json.Valid(out) {
		t.Errorf("%s: became %s", path, out)
	}
	return ""
}

func checkAnswer(t *testing.T, path, body string) {
	var a, again neutral.Reply
	if err := New().ReadReply(translate.OpChat, []byte(body), &a); err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	sent := New().AppendReply(nil, translate.OpChat, &neutral.Request{}, &a)
	if err := New().ReadReply(translate.OpChat, sent, &again); err != nil || text(&a) != text(&again) {
		t.Errorf("%s: became %s: %v", path, sent, err)
	}
	var raw struct {
		Choices []struct{ Message struct{ Content any } }
	}
	if json.Unmarshal([]byte(body), &raw) == nil && len(raw.Choices) > 0 {
		if s, ok := raw.Choices[0].Message.Content.(string); ok && s != text(&a) {
			t.Errorf("%s: text is %q", path, text(&a))
		}
	}
}

func checkStream(t *testing.T, path, stream string) {
	events, err := listen(stream, 0)
	if err != nil && err.Code != translate.ProviderBadResponse && strings.Contains(stream, `"error"`) {
		return // a recorded failure
	}
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	var c, again neutral.Collector
	for i := range events {
		c.Add(&events[i])
	}
	for _, e := range mustListen(t, path, encode(translate.OpChat, &neutral.Request{Usage: true}, events)) {
		again.Add(&e)
	}
	if text(&c.Reply) != text(&again.Reply) || c.Reply.Usage != again.Reply.Usage {
		t.Errorf("%s: %+v became %+v", path, c.Reply, again.Reply)
	}
}

func mustListen(t *testing.T, path, stream string) []neutral.Event {
	events, err := listen(stream, 0)
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return events
}
