package responses

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// TestRecorded reads the answers and streams that others have recorded: plain
// answers in .json files and the data of a stream's events, one a line, in
// .chunks.txt files. CORPORA names their directory.
func TestRecorded(t *testing.T) {
	root := os.Getenv("CORPORA")
	if root == "" {
		t.Skip("CORPORA does not name a directory of recorded answers")
	}
	answers, streams := 0, 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		plain, chunks := strings.HasSuffix(path, ".json"), strings.HasSuffix(path, ".chunks.txt")
		if !plain && !chunks {
			return nil
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		where, _ := filepath.Rel(root, path)
		switch {
		case plain && isResponse(body):
			answers++
			t.Run(where, func(t *testing.T) { recordedAnswer(t, body) })
		case chunks && bytes.Contains(body, []byte(`"response.created"`)):
			streams++
			t.Run(where, func(t *testing.T) { recordedStream(t, body) })
		}
		return nil
	})
	if err != nil || answers == 0 || streams == 0 {
		t.Fatalf("%d answers, %d streams: %v", answers, streams, err)
	}
	t.Logf("%d answers, %d streams", answers, streams)
}

func isResponse(body []byte) bool {
	var r struct{ Object string }
	return json.Unmarshal(body, &r) == nil && r.Object == "response"
}

// recordedAnswer checks that an answer, the stream made of it and what a
// client gets of either are the same.
func recordedAnswer(t *testing.T, body []byte) {
	var want neutral.Reply
	if err := New().ReadReply(translate.OpResponses, body, &want); err != nil {
		t.Fatal(err)
	}
	told(t, &want)
	switch want.Choices[0].Native {
	case "completed", "max_output_tokens", "content_filter", "":
	default:
		return // it is not at its end
	}
	stream, _, ok := New().AppendStream(nil, body, translate.OpResponses)
	if !ok {
		t.Fatal("no stream can be made of it")
	}
	got, err := decode(stream)
	if err != nil {
		t.Fatal(err)
	}
	compact(&want)
	compact(got)
	if !reflect.DeepEqual(&want, got) {
		t.Error(cmp.Diff(&want, got))
	}
}

// recordedStream checks that a stream says what its last response says.
func recordedStream(t *testing.T, lines []byte) {
	var last struct {
		Type     string
		Response json.RawMessage
	}
	var events []string
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		events = append(events, string(line))
		last.Response = nil
		if err := json.Unmarshal(line, &last); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
	}
	stream := frames(events...)
	got, err := decode(stream)
	if err != nil {
		t.Fatal(err)
	}
	told(t, got)
	var want neutral.Reply
	if err := New().ReadReply(translate.OpResponses, last.Response, &want); err != nil {
		t.Fatal(err)
	}
	if a, ok := New().AppendAnswer(nil, stream, translate.OpResponses); !ok || !json.Valid(a) {
		t.Errorf("the answer of the stream: %v %s", ok, a)
	}
	want.ID, got.ID, want.ServiceTier, got.ServiceTier = "", "", "", ""
	want.Created, got.Created = 0, 0
	compact(&want)
	compact(got)
	if strings.Contains(t.Name(), "openai-shell-container.1.chunks.txt") {
		return // written by hand: its deltas are of another text than its end
	}
	if !reflect.DeepEqual(&want, got) {
		t.Error(cmp.Diff(&want, got))
	}
}

// told checks what clients get of a reply, streamed and not.
func told(t *testing.T, a *neutral.Reply) {
	t.Helper()
	copied := *a
	copied.ID = "resp_1"
	copied.Choices = slices.Clone(a.Choices)
	copied.Choices[0].Logprobs = nil // a replay has them after all blocks, where no text is open
	q := &neutral.Request{}
	var plain map[string]any
	if err := json.Unmarshal(New().AppendReply(nil, translate.OpResponses, q, &copied), &plain); err != nil {
		t.Fatal(err)
	}
	streamed := checkSequence(t, parseStream(t, encode(q, &copied)))
	delete(plain, "completed_at")
	delete(streamed, "completed_at")
	if diff := cmp.Diff(plain, streamed); diff != "" {
		t.Error(diff)
	}
}

// compact makes comparable what is raw, and what servers seal again every time
// that they tell it. Servers' own calls come first: when they end in a stream
// need not be where they stand in the answer.
func compact(a *neutral.Reply) {
	for i := range a.Choices {
		c := &a.Choices[i]
		c.Logprobs = compacted(c.Logprobs)
		for k := range c.Blocks {
			b := &c.Blocks[k]
			if b.Kind == neutral.Foreign {
				b.Raw = bytes.Clone(member(b.Raw, "type"))
			}
			b.Annotations = compacted(b.Annotations)
			if b.Signature != nil {
				b.Signature = []byte("sealed")
			}
			if b.Text == nil {
				b.Text = []byte{}
			}
		}
		slices.SortStableFunc(c.Blocks, func(x, y neutral.Block) int { return bytes.Compare(y.Raw, x.Raw) })
	}
}

func compacted(raw []byte) []byte {
	var tree any
	if raw == nil || json.Unmarshal(raw, &tree) != nil {
		return raw
	}
	out, _ := json.Marshal(tree)
	return out
}
