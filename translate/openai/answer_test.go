package openai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestReadAnswer(t *testing.T) {
	f := func(op translate.Op, body, usage string, want translate.Answer) {
		t.Helper()
		got := translate.Answer{Valid: true, Failed: true, Finish: translate.FinishFilter} // of the call before
		New().ReadAnswer(op, []byte(body), &got)
		if span := string(got.UsageSpan.Of([]byte(body))); span != usage {
			t.Errorf("%.80s: usage is at %q, want %q", body, span, usage)
		}
		got.UsageSpan = translate.Span{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%.80s: %s", body, diff)
		}
	}
	chat := func(finish translate.Finish, choices string) {
		t.Helper()
		f(translate.OpChat, ` {"id":"x","choices":[`+choices+"]}\n", "", translate.Answer{Valid: true, Finish: finish})
	}
	chat(translate.FinishNone, ``)
	chat(translate.FinishStop, `{"index":0,"message":{"content":"a"},"finish_reason":"stop"}`)
	chat(translate.FinishLength, `{"finish_reason":"length"}`)
	chat(translate.FinishTools, `{"finish_reason":"tool_calls"}`)
	chat(translate.FinishTools, `{"finish_reason":"function_call"}`)
	chat(translate.FinishFilter, `{"finish_reason":"content_filter"}`)
	chat(translate.FinishOther, `{"finish_reason":"recitation"}`) // edge case 138
	chat(translate.FinishOther, `{"finish_reason":null}`)
	chat(translate.FinishOther, `{"message":{}}`)
	chat(translate.FinishLength, `{"finish_reason":"length"},{"finish_reason":"stop"},{"finish_reason":"tool_calls"}`)
	chat(translate.FinishStop, `{"message":{"content":"\",\"finish_reason\":\"length\""},"finish_reason":"stop"}`)

	const usage = `{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}`
	f(translate.OpCompletion, `{"usage":`+usage+`,"choices":[{"text":"a","finish_reason":"stop"}],"error":null}`, usage,
		translate.Answer{Valid: true, Finish: translate.FinishStop, Usage: translate.Usage{In: 7, Out: 3, Known: true}})
	f(translate.OpEmbedding, `{"data":[{"embedding":[0.1,-2e-3]}],"usage":{"prompt_tokens":5,"total_tokens":5}}`,
		`{"prompt_tokens":5,"total_tokens":5}`, translate.Answer{Valid: true, Usage: translate.Usage{In: 5, Known: true}})
	f(translate.OpEmbedding, `{"data":[],"usage":null}`, "", translate.Answer{Valid: true}) // edge case 157

	for _, body := range []string{ // edge case 147
		`{"error":{"message":"no"}}`, `{"error":"no","choices":[]}`, `{"object":"error","message":"no"}`,
	} {
		f(translate.OpChat, body, "", translate.Answer{Failed: true})
	}
}

func TestReadAnswer_Fault012_Garbage(t *testing.T) {
	answer := `{"choices":[{"message":{"content":"héllo"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`
	bodies := []string{
		"<html><body>502 Bad Gateway</body></html>", "null", "[]", `"ok"`, "{}", `{"choices":null}`, `{"choices":{}}`,
		`{"data":[]}`, answer + answer, answer + "x", "data: " + answer + "\n\n",
		strings.Replace(answer, "llo", "l\nlo", 1),
	}
	for cut := range len(answer) {
		bodies = append(bodies, answer[:cut])
	}
	for _, body := range bodies {
		var a translate.Answer
		if New().ReadAnswer(translate.OpChat, []byte(body), &a); a != (translate.Answer{}) && a.Valid {
			t.Errorf("%q: got %+v", body, a)
		}
	}
	var a translate.Answer
	if New().ReadAnswer(translate.OpChat, []byte(strings.Replace(answer, "é", "\xff", 1)), &a); !a.Valid {
		t.Error("edge case 89: invalid UTF-8 in an answer is the provider's affair")
	}
	if New().ReadAnswer(translate.OpEmbedding, []byte(answer), &a); a.Valid {
		t.Error("a chat is no embedding")
	}
}

func TestReadUsage(t *testing.T) {
	f := func(usage string, want translate.Usage) {
		t.Helper()
		if diff := cmp.Diff(want, readUsage(translate.Members([]byte(usage)))); diff != "" {
			t.Errorf("%s: %s", usage, diff)
		}
	}
	f(`{}`, translate.Usage{})
	f(`null`, translate.Usage{})
	f(`{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,
		"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":3,"audio_tokens":0},
		"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":0}}`,
		translate.Usage{In: 10, CacheRead: 4, CacheWrite: 3, Out: 5, Reasoning: 2, Known: true}) // edge cases 134, 135
	f(`{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":null,"completion_tokens_details":null}`,
		translate.Usage{In: 10, Out: 5, Known: true}) // edge case 137
	f(`{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":2,"prompt_tokens_details":{"cached_tokens":8}}`,
		translate.Usage{In: 10, CacheRead: 8, Out: 5, Known: true})
	f(`{"prompt_tokens":10,"completion_tokens":5,"total_tokens":22,"completion_tokens_details":{"reasoning_tokens":7}}`,
		translate.Usage{In: 10, Out: 12, Reasoning: 7, Known: true}) // edge case 136
	f(`{"total_tokens":9}`, translate.Usage{In: 9, Known: true})
	f(`{"prompt_tokens":10.0,"completion_tokens":null}`, translate.Usage{In: 10, Known: true})
	f(`{"prompt_tokens":-1,"completion_tokens":1e9,"total_tokens":99999999999999999999}`, translate.Usage{Known: true})
	f(`{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":5,"cache_write_tokens":5}}`,
		translate.Usage{In: 1, CacheRead: 1, Known: true})
}

func TestReadEvent(t *testing.T) {
	f := func(data, usage string, want translate.StreamEvent) {
		t.Helper()
		got := translate.StreamEvent{Content: true, Finish: translate.FinishFilter} // of the call before
		New().ReadEvent([]byte(data), &got)
		if span := string(got.UsageSpan.Of([]byte(data))); span != usage {
			t.Errorf("%s: usage is at %q, want %q", data, span, usage)
		}
		got.UsageSpan = translate.Span{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", data, diff)
		}
	}
	kind := func(data string, want translate.EventKind) {
		t.Helper()
		f(data, "", translate.StreamEvent{Kind: want})
	}
	kind("", translate.EventNone)
	kind(" \n", translate.EventNone)
	kind("[DONE]", translate.EventDone)
	kind(" [DONE] ", translate.EventDone) // edge case 103
	kind("[DONE", translate.EventMalformed)
	kind("ping", translate.EventMalformed)
	kind("null", translate.EventMalformed)
	kind("[]", translate.EventMalformed)
	kind(`{"choices":[{"delta":{"content":"a`, translate.EventMalformed) // fault 13
	kind(`{"a":1}{"b":2}`, translate.EventMalformed)                     // edge case 105
	kind(`{"error":{"message":"no"}}`, translate.EventError)
	kind(`{"error":"no"}`, translate.EventError)
	kind(`{"object":"error","message":"no"}`, translate.EventError)
	kind(`{"choices":[],"prompt_filter_results":[{}]}`, translate.EventData) // edge case 109
	kind(`{"choices":[],"usage":null}`, translate.EventData)                 // edge case 108
	kind(`{"choices":[{"index":0,"content_filter_offsets":{"start":0}}]}`, translate.EventData)
	kind(`{}`, translate.EventData)

	content := func(choice string, want bool) {
		t.Helper()
		f(`{"id":"x","choices":[`+choice+`],"error":null,"usage":null}`, "",
			translate.StreamEvent{Kind: translate.EventData, Content: want})
	}
	content(`{"delta":{"role":"assistant","content":""},"finish_reason":null}`, false)
	content(`{"delta":{"role":"assistant","content":null,"refusal":null,"tool_calls":[]}}`, false)
	content(`{"delta":{},"finish_reason":""}`, false)
	content(`{"text":"","finish_reason":null}`, false)
	content(`{"delta":{"content":" "}}`, true)
	content(`{"delta":{"reasoning_content":"a"}}`, true)
	content(`{"delta":{"tool_calls":[{"index":0}]}}`, true)
	content(`{"delta":{"content":""}},{"delta":{"content":"b"}}`, true)
	content(`{"text":"a"}`, true)
	content(`{"delta":{"content":"\"usage\":{\"prompt_tokens\":1},\"error\":{}"}}`, true)

	const usage = `{"prompt_tokens":7,"completion_tokens":3}`
	counted := translate.Usage{In: 7, Out: 3, Known: true}
	f(`{"choices":[],"usage":`+usage+`}`, usage, translate.StreamEvent{Kind: translate.EventUsage, Usage: counted}) // edge case 106
	f(`{"choices": [ ] ,"usage": `+usage+`}`, usage, translate.StreamEvent{Kind: translate.EventUsage, Usage: counted})
	f(`{"usage":{},"choices":[]}`, "{}", translate.StreamEvent{Kind: translate.EventUsage})
	f(`{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":`+usage+`}`, usage,
		translate.StreamEvent{Kind: translate.EventData, Usage: counted, Finish: translate.FinishStop}) // edge case 107
	f(`{"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"r","usage":`+usage+`}}`, "",
		translate.StreamEvent{Kind: translate.EventData, Usage: counted, Finish: translate.FinishStop})
	f(`{"choices":[{"delta":{"content":"a"},"finish_reason":"length"}]}`, "",
		translate.StreamEvent{Kind: translate.EventData, Content: true, Finish: translate.FinishLength})
	f(`{"choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"no"}}`, "",
		translate.StreamEvent{Kind: translate.EventError, Finish: translate.FinishOther})
}
