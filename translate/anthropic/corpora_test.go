package anthropic

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// recorded returns the recorded answers, or streams, below CORPORA.
func recorded(t *testing.T, suffix string) map[string][]byte {
	t.Helper()
	dir := os.Getenv("CORPORA")
	if dir == "" {
		t.Skip("CORPORA does not name the directory of recorded exchanges")
	}
	files := map[string][]byte{}
	err := filepath.WalkDir(filepath.Join(dir, "vercel-ai", "packages", "anthropic"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		text, err := os.ReadFile(path)
		files[filepath.Base(path)] = text
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded files %s below %s: %v", suffix, dir, err)
	}
	return files
}

func TestCorpora_Answers(t *testing.T) {
	for file, body := range recorded(t, ".json") {
		t.Run(file, func(t *testing.T) {
			if !bytes.Contains(body, []byte(`"message"`)) {
				t.Skip("no message")
			}
			a := read(t, string(body))
			out := New().AppendReply(nil, translate.OpMessages, &neutral.Request{}, a)
			content := withoutCaller(t, at(t, string(body), "content"))
			sameJSON(t, "content", at(t, string(out), "content"), content)
			if content == at(t, string(body), "content") { // else the provider's code has called
				same(t, "stop_reason", at(t, string(out), "stop_reason"), at(t, string(body), "stop_reason"))
			}
			replayed, _, ok := New().AppendStream(nil, body, translate.OpMessages)
			if !ok {
				t.Fatal("no stream")
			}
			back, ok := New().AppendAnswer(nil, replayed, translate.OpMessages)
			if !ok {
				t.Fatal("no answer")
			}
			sameJSON(t, "streamed and back", string(back), string(body))
			events, err := decode(replayed)
			if err != nil {
				t.Fatal(err)
			}
			sameReply(t, collect(events), a)
		})
	}
}

// withoutCaller takes out of the calls who has called: there is no neutral form
// of it, and clients of this dialect get their answers as they are.
func withoutCaller(t *testing.T, content string) string {
	t.Helper()
	var blocks []map[string]any
	if err := json.Unmarshal([]byte(content), &blocks); err != nil {
		t.Fatal(err)
	}
	changed := false
	for _, b := range blocks {
		if b["type"] == "tool_use" && b["caller"] != nil {
			delete(b, "caller")
			changed = true
		}
	}
	if !changed {
		return content
	}
	out, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// sameReply compares what a stream and an answer have come to.
func sameReply(t *testing.T, got, want *neutral.Reply) {
	t.Helper()
	for _, a := range []*neutral.Reply{got, want} {
		for i := range a.Choices[0].Blocks {
			b := &a.Choices[0].Blocks[i]
			if b.Kind == neutral.Refusal { // clients of this dialect get it as text
				b.Kind, b.Origin = neutral.Text, name
			}
			b.Raw, b.Arguments, b.Annotations = compact(b.Raw), compact(b.Arguments), compact(b.Annotations)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func compact(raw []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw
	}
	return b.Bytes()
}

func TestCorpora_Streams(t *testing.T) {
	for file, text := range recorded(t, ".chunks.txt") {
		t.Run(file, func(t *testing.T) {
			body := stream(strings.Split(strings.TrimSpace(string(text)), "\n")...)
			events, err := decode(body)
			if err != nil {
				t.Fatal(err)
			}
			whole, ok := New().AppendAnswer(nil, body, translate.OpMessages)
			if !ok {
				t.Fatal("no answer")
			}
			var a neutral.Reply
			if err := New().ReadReply(translate.OpMessages, whole, &a); err != nil {
				t.Fatal(err)
			}
			sameReply(t, collect(events), &a)
			again, err := decode([]byte(encode(events)))
			if err != nil {
				t.Fatal(err)
			}
			sameReply(t, collect(again), collect(events))
		})
	}
}
