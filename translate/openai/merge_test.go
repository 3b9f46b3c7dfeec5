package openai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// stream makes a stream of the data of its events.
func stream(data ...string) []byte {
	return []byte("data: " + strings.Join(data, "\n\ndata: ") + "\n\n")
}

const finishChunk = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`

// delta makes the data of a chunk with one choice.
func delta(members string) string {
	return `{"choices":[{"index":0,"delta":{` + members + `},"finish_reason":null}]}`
}

func TestAppendAnswer(t *testing.T) {
	f := func(want string, data ...string) {
		t.Helper()
		got, ok := New().AppendAnswer(nil, stream(data...), translate.OpChat)
		if !ok {
			t.Errorf("%q: refused", data)
			return
		}
		if diff := cmp.Diff(decode(t, []byte(want)), decode(t, got)); diff != "" {
			t.Errorf("%q: became %s: %s", data, got, diff)
		}
	}
	message := func(want string, deltas ...string) {
		t.Helper()
		var data []string
		for _, d := range deltas {
			data = append(data, delta(d))
		}
		f(`{"choices":[{"index":0,"message":{`+want+`},"finish_reason":"stop"}]}`, append(data, finishChunk, "[DONE]")...)
	}
	message(`"role":"assistant","content":null`, ``)
	message(`"role":"assistant","content":""`, `"role":"assistant","content":""`)
	message(`"role":"assistant","content":"ab"`, `"content":"a"`, `"role":"assistant","content":"b"`, `"role":"","content":null`)
	message(`"role":"assistant","content":"\\\"\\\""`, `"content":"\\\""`, `"content":"\\"`, `"content":"\""`)
	message(`"role":"assistant","content":"🦊日本"`, `"content":"\ud83e"`, `"content":"\udd8a"`, `"content":"\u65e5本"`) // edge case 87
	message(`"role":"assistant","content":null,"refusal":"no"`, `"content":"","refusal":null`, `"refusal":"n"`, `"refusal":"o"`)
	message(`"role":"assistant","content":"b","reasoning_content":"a.","reasoning":"x"`,
		`"reasoning_content":"a"`, `"reasoning_content":".","reasoning":"x"`, `"content":"b","reasoning_content":null`)
	message(`"role":"assistant","content":"a","annotations":[{"u":1},{"u":2}],"audio":null`,
		`"content":"a","annotations":[],"audio":null`, `"annotations":[{"u":1}]`, `"annotations":[{"u":2}]`)
	message(`"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}`,
		`"content":null,"function_call":{"name":"f","arguments":""}`, `"function_call":{"arguments":"{"}`, `"function_call":{"arguments":"}"}`)

	call := func(id, arguments string) string {
		return `{"id":"` + id + `","type":"function","function":{"name":"f","arguments":"` + arguments + `"}}`
	}
	two := `"role":"assistant","content":null,"tool_calls":[` + call("a", "{}") + `,` + call("b", "[]") + `]`
	message(two, // interleaved, out of order, with repeated names (edge cases 40, 41)
		`"content":"","tool_calls":[{"index":1,`+call("b", "")[1:]+`]`,
		`"tool_calls":[{"index":0,`+call("a", "{")[1:]+`,{"index":1,"function":{"arguments":"["}}]`,
		`"tool_calls":[{"index":0,"id":"","function":{"name":"f","arguments":"}"}}]`,
		`"tool_calls":[{"index":1,`+call("b", "]")[1:]+`]`)
	message(two, // without an index
		`"tool_calls":[`+call("a", "")+`]`, `"tool_calls":[{"function":{"arguments":"{}"}}]`,
		`"tool_calls":[`+call("b", "[")+`]`, `"tool_calls":[{"function":{"arguments":"]"}}]`)
	message(two, // without an index, all ids repeated (edge case 38)
		`"tool_calls":[`+call("a", "{")+`,`+call("b", "[")+`]`, `"tool_calls":[`+call("b", "]")+`,`+call("a", "}")+`]`)

	f(`{"id":"x","created":7,"model":"m","object":"chat.completion","provider":"P","service_tier":"default",
		"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop","stop_reason":null}],
		"usage":{"total_tokens":3}}`,
		`{"id":"","created":0,"model":"","object":"","choices":[],"usage":null,"obfuscation":"r4nd"}`, // edge case 109
		`{"id":"x","created":7,"model":"m","object":"chat.completion.chunk","provider":"P","service_tier":"auto",`+
			`"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null,"stop_reason":null}],"usage":null}`,
		`{"id":"x","created":8,"model":"m","object":"chat.completion.chunk","provider":"P","service_tier":"default",`+
			`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"obfuscation":"0m","usage":{"total_tokens":1}}`,
		`{"id":"x","choices":[],"usage":{"total_tokens":3}}`, "[DONE]", "[DONE]", "junk")
	f(`{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"logprobs":{"content":[{"t":"a"},{"t":"b"}],"refusal":null},"finish_reason":"stop"}]}`,
		`{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"t":"a"}],"refusal":null}}]}`,
		`{"choices":[{"index":0,"delta":{},"logprobs":{"content":[{"t":"b"}]},"finish_reason":"stop"}]}`,
		`{"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}`) // twice, and no [DONE] (edge case 103)
}

func TestAppendAnswer_Interleaved(t *testing.T) {
	data := stream( // edge case 74
		`{"choices":[{"index":1,"text":"b"}]}`, `{"choices":[{"index":0,"text":"a"},{"index":1,"text":"B","finish_reason":"length"}]}`,
		`{"choices":[{"index":0,"text":"","finish_reason":"stop"}]}`, "[DONE]")
	got, ok := New().AppendAnswer(nil, data, translate.OpCompletion)
	const want = `{"choices":[{"index":0,"text":"a","finish_reason":"stop"},{"index":1,"text":"bB","finish_reason":"length"}]}`
	if !ok || string(got) != want {
		t.Errorf("got %s %v", got, ok)
	}
}

func TestAppendAnswer_Frames(t *testing.T) {
	text := ": ping\r\n\r\ndata: {\"choices\":\r\ndata: [{\"delta\":{\"content\":\"a\"}}]}\r\n\r\nevent: x\r\n\r\ndata: " + finishChunk
	got, ok := New().AppendAnswer(nil, []byte(text), translate.OpChat)
	const want = `{"choices":[{"delta":`
	if !ok || strings.Contains(string(got), want) || !strings.Contains(string(got), `"content":"a"`) {
		t.Errorf("got %s %v", got, ok)
	}
}

func TestAppendAnswer_Refused(t *testing.T) {
	f := func(data ...string) {
		t.Helper()
		if got, ok := New().AppendAnswer([]byte(">"), stream(data...), translate.OpChat); ok || string(got) != ">" {
			t.Errorf("%q: got %s", data, got)
		}
	}
	f()
	f("[DONE]")
	f(delta(`"content":"a"`), "[DONE]")
	f(delta(`"content":"a"`), `{"error":{"message":"no"}}`, finishChunk, "[DONE]")
	f(delta(`"content":"a"`), finishChunk+"x", "[DONE]")
	f(finishChunk, `{"choices":[{"index":1,"delta":{"content":"a"}}]}`, "[DONE]")
	f(`{"choices":[{"index":0,"finish_reason":"stop"}]}`, "[DONE]")
	f(delta(`"content":["a"]`), finishChunk)
	f(delta(`"content":7`), finishChunk)
	f(delta(`"x":1`), delta(`"x":2`), finishChunk)
	f(delta(`"tool_calls":[{"index":0,"id":"a"}]`), delta(`"tool_calls":[{"index":0,"id":"b"}]`), finishChunk)
	f(delta(`"tool_calls":[{"index":0,"function":{"name":"a"}}]`), delta(`"tool_calls":[{"index":0,"function":{"name":"b"}}]`), finishChunk)
	f(delta(`"tool_calls":[7]`), finishChunk)
	f(delta(`"tool_calls":{}`), finishChunk)
	f(delta(`"function_call":"f"`), finishChunk)
	f(finishChunk, strings.Replace(finishChunk, "stop", "length", 1))
	if _, ok := New().AppendAnswer(nil, stream(finishChunk), translate.OpEmbedding); ok {
		t.Error("a stream of embeddings")
	}
}
