package openai

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// opOf returns the operation of a golden file by its name.
func opOf(path string) translate.Op {
	if strings.HasPrefix(filepath.Base(path), "completion") {
		return translate.OpCompletion
	}
	return translate.OpChat
}

// decode parses JSON for comparison; numbers keep their text.
func decode(t *testing.T, raw []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v
}

// TestAppendStream_Golden turns each answer in testdata/streams into the
// stream beside it, and that stream back into the answer.
func TestAppendStream_Golden(t *testing.T) {
	paths, err := filepath.Glob("testdata/streams/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no answers: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			answer, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			stream, usage, ok := New().AppendStream([]byte(">"), answer, opOf(path))
			if !ok {
				t.Fatal("no stream")
			}
			golden := strings.TrimSuffix(path, ".json") + ".sse"
			if *update {
				if err := os.WriteFile(golden, stream[1:], 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(stream[1:])); diff != "" {
				t.Error(diff)
			}
			checkUsageEvent(t, stream, usage, bytes.Contains(answer, []byte(`"usage"`)))
			checkSequence(t, stream[1:])
			back, ok := New().AppendAnswer([]byte(">"), stream[1:], opOf(path))
			if !ok {
				t.Fatal("no answer")
			}
			if diff := cmp.Diff(decode(t, answer), decode(t, back[1:])); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// checkUsageEvent checks that the span is the one event that can be left out.
func checkUsageEvent(t *testing.T, stream []byte, usage translate.Span, want bool) {
	t.Helper()
	if usage.Empty() == want {
		t.Errorf("the usage event is at %v", usage)
	}
	if !want {
		return
	}
	var r sse.Reader
	event, n := r.Next(usage.Of(stream))
	data, _ := sse.Data(event, nil)
	var e translate.StreamEvent
	if New().ReadEvent(data, &e); e.Kind != translate.EventUsage || n != usage.End-usage.Start {
		t.Errorf("the usage event is %q", usage.Of(stream))
	}
}

// checkSequence checks what clients rely on: every chunk has the same head,
// the first one of a choice has the role, each choice finishes once, and the
// stream ends with [DONE].
func checkSequence(t *testing.T, stream []byte) {
	t.Helper()
	type chunk struct {
		ID, Object, Model string
		Created           int
		Choices           []struct {
			Index        int
			Text         *string
			Delta        *struct{ Role string }
			FinishReason *string `json:"finish_reason"`
		}
	}
	var first *chunk
	finished := map[int]bool{}
	started := map[int]bool{}
	var r sse.Reader
	for {
		event, n := r.Next(stream)
		stream = stream[n:]
		data, _ := sse.Data(event, nil)
		if string(data) == "[DONE]" {
			break
		}
		var c chunk
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatalf("%q: %v", event, err)
		}
		if first == nil {
			first = &c
		}
		if c.ID != first.ID || c.Object != first.Object || c.Model != first.Model || c.Created != first.Created {
			t.Errorf("%s: not the head of the first chunk", data)
		}
		for _, choice := range c.Choices {
			if finished[choice.Index] || choice.Delta == nil == (choice.Text == nil) {
				t.Errorf("%s: out of place", data)
			}
			if choice.Delta != nil && (choice.Delta.Role == "assistant") == started[choice.Index] {
				t.Errorf("%s: the role is not in the first chunk alone", data)
			}
			started[choice.Index] = true
			finished[choice.Index] = choice.FinishReason != nil
		}
	}
	if len(stream) > 0 {
		t.Errorf("%q after [DONE]", stream)
	}
	for index := range started {
		if !finished[index] {
			t.Errorf("choice %d has not finished", index)
		}
	}
}

func TestAppendStream_Refused(t *testing.T) {
	f := func(op translate.Op, answer string) {
		t.Helper()
		if got, usage, ok := New().AppendStream([]byte(">"), []byte(answer), op); ok || string(got) != ">" || !usage.Empty() {
			t.Errorf("%s: got %s", answer, got)
		}
	}
	f(translate.OpChat, ``)
	f(translate.OpChat, `{}`)
	f(translate.OpChat, `{"choices":[]}`)
	f(translate.OpChat, `{"choices":[{"message":{},"finish_reason":"stop"}],"error":{"message":"no"}}`)
	f(translate.OpChat, `{"choices":[{"message":{},"finish_reason":"stop"}]`)
	f(translate.OpChat, `{"choices":[{"message":{}}]}`)
	f(translate.OpChat, `{"choices":[{"message":{},"finish_reason":null}]}`)
	f(translate.OpChat, `{"choices":[{"message":null,"finish_reason":"stop"}]}`)
	f(translate.OpChat, `{"choices":[{"text":"a","finish_reason":"stop"}]}`)
	f(translate.OpChat, `{"choices":[{"message":{"tool_calls":[1]},"finish_reason":"tool_calls"}]}`)
	f(translate.OpChat, `{"choices":[{"message":{"tool_calls":{"a":1}},"finish_reason":"tool_calls"}]}`)
	f(translate.OpChat, `{"choices":[{"message":{"tool_calls":[{"id":"a"}]},"finish_reason":"tool_calls"}]}`)
	f(translate.OpChat, `{"choices":[{"message":{"tool_calls":[{"function":{"arguments":{}}}]},"finish_reason":"tool_calls"}]}`)
	f(translate.OpChat, `{"choices":[{"message":{"tool_calls":[{"function":{},"custom":{}}]},"finish_reason":"tool_calls"}]}`)
	f(translate.OpCompletion, `{"choices":[{"message":{},"finish_reason":"stop"}]}`)
	f(translate.OpCompletion, `{"choices":[{"text":["a"],"finish_reason":"stop"}]}`)
	f(translate.OpEmbedding, `{"choices":[{"message":{},"finish_reason":"stop"}]}`)
}
