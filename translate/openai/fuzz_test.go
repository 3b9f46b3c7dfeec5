package openai

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

// addFiles adds the golden files of a kind to the corpus of f.
func addFiles(f *testing.F, pattern string) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		f.Fatalf("no files %s: %v", pattern, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
}

// isObject reports whether encoding/json takes body for an object.
func isObject(body []byte) bool {
	var v map[string]json.RawMessage
	return json.Unmarshal(body, &v) == nil && v != nil
}

// shallow tells whether body cannot be deeper than the readers go.
func shallow(body []byte) bool {
	return bytes.Count(body, []byte("{"))+bytes.Count(body, []byte("[")) <= 200
}

func FuzzReadEvent(f *testing.F) {
	for _, data := range []string{
		"", " [DONE]", "null", delta(`"content":"a"`), finishChunk, `{"error":{"code":1}}`,
		`{"choices":[],"usage":{"prompt_tokens":1}}`, `{"x_groq":{"usage":{}}}`,
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var e translate.StreamEvent
		New().ReadEvent(data, &e)
		switch e.Kind {
		case translate.EventNone, translate.EventDone:
			return
		}
		if malformed := e.Kind == translate.EventMalformed; malformed == isObject(data) && shallow(data) {
			t.Fatalf("%q: malformed is %v", data, malformed)
		}
		if e.UsageSpan.Empty() {
			return
		}
		if !isObject(e.UsageSpan.Of(data)) {
			t.Fatalf("%q: usage is at %v", data, e.UsageSpan)
		}
		if with := New().AppendUsageCost(nil, data, e.UsageSpan.End, 12500); !isObject(with) {
			t.Fatalf("%q: became %q", data, with)
		}
	})
}

func FuzzReadAnswer(f *testing.F) {
	addFiles(f, "testdata/streams/*.json")
	for _, body := range []string{
		`{"error":{"message":"a","type":"t","param":null,"code":1}}`, `[{"error":{"message":"a"}}]`, `{"detail":[1]}`,
		"{\"error\":\"\\ud800\xff\"}", `{"message":{"detail":"a"},"object":"error"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var a translate.Answer
		for _, op := range []translate.Op{translate.OpChat, translate.OpEmbedding} {
			if New().ReadAnswer(op, body, &a); (a.Valid || a.Failed) && !isObject(body) {
				t.Fatalf("%q: valid", body)
			}
		}
		for _, status := range []int{200, 400, 500} {
			e := New().ReadError(status, body)
			if sent := New().AppendError(nil, e, ""); !isObject(sent) {
				t.Fatalf("%q: became %q", body, sent)
			}
			if n := bytes.Count(New().AppendErrorEvent(nil, e), []byte("\n")); n != 2 {
				t.Fatalf("%q: %d lines", body, n)
			}
		}
	})
}

func FuzzAppendStream(f *testing.F) {
	addFiles(f, "testdata/streams/*.json")
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, op := range []translate.Op{translate.OpChat, translate.OpCompletion} {
			stream, usage, ok := New().AppendStream(nil, answer, op)
			if !ok {
				continue
			}
			if !usage.Empty() && usage.End > len(stream) {
				t.Fatalf("usage is at %v", usage)
			}
			checkEvents(t, stream)
		}
	})
}

// checkEvents checks that each event is one line of data that can be read.
func checkEvents(t *testing.T, stream []byte) {
	var r sse.Reader
	for event, n := r.Next(stream); n > 0; event, n = r.Next(stream) {
		stream = stream[n:]
		data, _ := sse.Data(event, nil)
		var e translate.StreamEvent
		if New().ReadEvent(data, &e); e.Kind == translate.EventMalformed || bytes.Count(event, []byte("\n")) != 2 {
			t.Fatalf("%q", event)
		}
	}
	if len(stream) > 0 {
		t.Fatalf("%q is no event", stream)
	}
}

func FuzzAppendAnswer(f *testing.F) {
	addFiles(f, "testdata/streams/*.sse")
	f.Add(stream(delta(`"tool_calls":[{"id":"a"},{"index":3,"function":{"arguments":"a"}}]`), finishChunk))
	f.Add(stream(delta(`"content":"\ud83e"`), delta(`"content":"\udd8a","x":{}`), finishChunk, "[DONE]"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, op := range []translate.Op{translate.OpChat, translate.OpCompletion} {
			answer, ok := New().AppendAnswer(nil, stream, op)
			if !ok {
				continue
			}
			var a translate.Answer
			New().ReadAnswer(op, answer, &a)
			if !a.Valid && !a.Failed && shallow(stream) || !isObject(answer) {
				t.Fatalf("%q", answer)
			}
			New().AppendStream(nil, answer, op)
		}
	})
}
