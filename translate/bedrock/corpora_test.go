package bedrock

import (
	"bytes"
	"encoding/base64"
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

// corpora calls f with the files below the directory CORPORA that keep matches.
func corpora(t *testing.T, keep func(path string) bool, f func(t *testing.T, file []byte)) {
	dir := os.Getenv("CORPORA")
	if dir == "" {
		t.Skip("CORPORA names no directory of recorded exchanges")
	}
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !keep(path) {
			return err
		}
		file, err := os.ReadFile(path)
		n++
		t.Run(strings.TrimPrefix(path, dir), func(t *testing.T) { f(t, file) })
		return err
	})
	if err != nil || n == 0 {
		t.Fatalf("%d files in %s: %v", n, dir, err)
	}
}

// TestCorporaChunks reads streams that are kept as lines of JSON, one for each
// frame.
func TestCorporaChunks(t *testing.T) {
	keep := func(path string) bool {
		return strings.Contains(path, "amazon-bedrock") && strings.HasSuffix(path, ".chunks.txt")
	}
	corpora(t, keep, func(t *testing.T, file []byte) {
		var messages []message
		for line := range bytes.Lines(file) {
			var one map[string]json.RawMessage
			if err := json.Unmarshal(line, &one); err != nil {
				t.Fatal(err)
			}
			for kind, payload := range one {
				messages = append(messages, event(kind, string(payload)))
			}
		}
		if got := gather(decode(t, messages...)); len(got.Choices) != 1 || len(got.Choices[0].Blocks) == 0 {
			t.Errorf("%+v", got)
		}
	})
}

// TestCorporaReplies reads answers that are kept as they came.
func TestCorporaReplies(t *testing.T) {
	keep := func(path string) bool {
		return strings.Contains(path, "amazon-bedrock") && strings.HasSuffix(path, ".json")
	}
	corpora(t, keep, checkReply)
}

func checkReply(t *testing.T, body []byte) {
	t.Helper()
	var a neutral.Reply
	if err := New().ReadReply(translate.OpChat, body, &a); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	c := a.Choices[0]
	if len(c.Blocks) == 0 || c.Finish == neutral.FinishOther || !a.Usage.Known || a.Usage.Sum() < a.Usage.In+a.Usage.Out {
		t.Errorf("%+v", a)
	}
	for _, b := range c.Blocks {
		if b.Kind == neutral.Foreign || b.Kind == neutral.ToolUse && !json.Valid(b.Arguments) {
			t.Errorf("%+v", b)
		}
	}
}

// cassette is a recording of a client's exchanges.
type cassette struct {
	Interactions []struct {
		Request  struct{ URI string }
		Response struct {
			Status struct{ Code int }
			Parsed any `yaml:"parsed_body"`
			Body   struct{ String string }
		}
	}
}

func TestCorporaCassettes(t *testing.T) {
	keep := func(path string) bool {
		return strings.Contains(path, "bedrock") && strings.HasSuffix(path, ".yaml")
	}
	corpora(t, keep, func(t *testing.T, file []byte) {
		var c cassette
		if err := yaml.Unmarshal(file, &c); err != nil {
			t.Fatal(err)
		}
		for _, i := range c.Interactions {
			r := &i.Response
			switch {
			case !strings.Contains(i.Request.URI, "/converse"):
			case r.Status.Code != 200:
				body, _ := json.Marshal(r.Parsed)
				if e := New().ReadError(r.Status.Code, body); e.Code != translate.ProviderRejected || e.Message == "" {
					t.Errorf("%+v", e)
				}
			case strings.HasSuffix(i.Request.URI, "/converse"):
				body := []byte(r.Body.String)
				if r.Parsed != nil {
					body, _ = json.Marshal(r.Parsed)
				}
				checkReply(t, body)
			default:
				stream := []byte(r.Body.String)
				if raw, err := base64.StdEncoding.DecodeString(r.Body.String); err == nil {
					stream = raw
				}
				events, err := run(stream)
				if err != nil {
					t.Fatal(err)
				}
				if got := gather(events); len(got.Choices) != 1 || len(got.Choices[0].Blocks) == 0 || !got.Usage.Known {
					t.Errorf("%+v", got)
				}
			}
		}
	})
}
