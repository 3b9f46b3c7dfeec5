package bedrock

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func TestReadReply(t *testing.T) {
	body := `{"metrics":{"latencyMs":1},"output":{"message":{"role":"assistant","content":[` +
		`{"reasoningContent":{"reasoningText":{"text":"hm\n","signature":"s=="}}},{"reasoningContent":{"redactedContent":"YQ=="}},` +
		`{"text":"a \"b\"","type":"text"},{"citationsContent":{"content":[{"text":"c"},{"text":"d"}],"citations":[{"title":"x"}]}},` +
		`{"image":{"format":"png","source":{"bytes":"AAAA"}}},{"cachePoint":{"type":"default"}},` +
		`{"toolUse":{"toolUseId":"c1","name":"t","input":{"z":1, "a":12345678901234567890},"type":"tool_use"}}]}},` +
		`"stopReason":"tool_use","usage":{"inputTokens":2,"outputTokens":5,"totalTokens":1329,"cacheReadInputTokens":1000,"cacheWriteInputTokens":322,` +
		`"cacheDetails":[{"ttl":"1h","inputTokens":300},{"ttl":"5m","inputTokens":22}]},"serviceTier":{"type":"flex"}}`
	want := neutral.Reply{
		ServiceTier: "flex",
		Usage: neutral.Usage{
			Usage:          translate.Usage{In: 1324, CacheRead: 1000, CacheWrite: 322, Out: 5, Known: true},
			CacheWriteHour: 300, Total: 1329,
		},
		Choices: []neutral.Choice{{
			Finish: neutral.FinishTools, Native: "tool_use",
			Blocks: []neutral.Block{
				{Kind: neutral.Thinking, Text: []byte("hm\n"), Signature: []byte("s=="), Origin: name},
				{Kind: neutral.Thinking, Signature: []byte("YQ=="), Redacted: true, Origin: name},
				{Kind: neutral.Text, Text: []byte(`a "b"`), Origin: name},
				{Kind: neutral.Text, Text: []byte("cd"), Annotations: []byte(`[{"title":"x"}]`), Origin: name},
				{Kind: neutral.Image, Media: neutral.Media{Data: []byte("AAAA"), MIME: "image/png"}, Origin: name},
				{Kind: neutral.ToolUse, ID: "c1", Name: "t", Arguments: []byte(`{"z":1, "a":12345678901234567890}`), Origin: name},
			},
		}},
	}
	var a neutral.Reply
	if err := New().ReadReply(translate.OpChat, []byte(body), &a); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Error(diff)
	}
}

func TestFinish(t *testing.T) {
	f := func(tail string, want neutral.Finish, sequence string) {
		t.Helper()
		var a neutral.Reply
		body := `{"output":{"message":{"content":[{"text":"a"}]}},` + tail + `}`
		if err := New().ReadReply(translate.OpChat, []byte(body), &a); err != nil {
			t.Fatal(err)
		}
		if c := a.Choices[0]; c.Finish != want || c.StopSequence != sequence {
			t.Errorf("%s: %d %q", tail, c.Finish, c.StopSequence)
		}
	}
	f(`"stopReason":"end_turn"`, neutral.FinishStop, "")
	f(`"stopReason":"max_tokens"`, neutral.FinishLength, "")
	f(`"stopReason":"model_context_window_exceeded"`, neutral.FinishContext, "")
	f(`"stopReason":"content_filtered"`, neutral.FinishFilter, "")
	f(`"stopReason":"guardrail_intervened"`, neutral.FinishFilter, "")
	f(`"stopReason":"malformed_tool_use"`, neutral.FinishMalformed, "")
	f(`"stopReason":"stop_sequence","additionalModelResponseFields":{"stop_sequence":"END"}`, neutral.FinishStopSequence, "END")
	f(`"stopReason":"stop_sequence","additionalModelResponseFields":{"delta":{"stop_sequence":"END"}}`, neutral.FinishStopSequence, "END")
	f(`"additionalModelResponseFields":null`, neutral.FinishNone, "")
}

// Some models count what was cached among the input tokens; the total tells.
func TestUsageInclusive(t *testing.T) {
	u := readUsage(translate.Members([]byte(`{"inputTokens":100,"outputTokens":5,"totalTokens":105,"cacheReadInputTokens":90}`)))
	want := neutral.Usage{Usage: translate.Usage{In: 100, CacheRead: 90, Out: 5, Known: true}, Total: 105}
	if diff := cmp.Diff(want, u); diff != "" {
		t.Error(diff)
	}
}

func TestEdge145_NotAnAnswer(t *testing.T) {
	f := func(body string, want translate.Code) {
		t.Helper()
		var a neutral.Reply
		if err := New().ReadReply(translate.OpChat, []byte(body), &a); err == nil || err.Code != want {
			t.Errorf("%q: %v", body, err)
		}
	}
	f(``, translate.ProviderBadResponse)
	f(`<html>`, translate.ProviderBadResponse)
	f(`{}`, translate.ProviderBadResponse)
	f(`{"output":{"message":{"content":"x"}}}`, translate.ProviderBadResponse)
	f(`{"output":{"message":{"content":[{"text":"a"}]}}`, translate.ProviderBadResponse)
	f(`{"__type":"ThrottlingException","message":"slow"}`, translate.ProviderRateLimited) // edge 147
}
