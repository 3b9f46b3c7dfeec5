package gemini

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func reply(t *testing.T, body string) *neutral.Reply {
	t.Helper()
	var a neutral.Reply
	if err := New().ReadReply(translate.OpChat, []byte(body), &a); err != nil {
		t.Fatal(err)
	}
	return &a
}

func wantReplyError(t *testing.T, body string, code translate.Code) {
	t.Helper()
	var a neutral.Reply
	if err := New().ReadReply(translate.OpChat, []byte(body), &a); err == nil || err.Code != code {
		t.Errorf("%s: got %v, want %v", body, err, code)
	}
}

const fullAnswer = `{"candidates":[{"content":{"parts":[{"text":"think\n","thought":true},{"text":"It is "},{"text":"\"so\".","thoughtSignature":"c2ln"},` +
	`{"functionCall":{"name":"f","args":{"b":1,"a":[2]}},"thoughtSignature":"Zg\u003d\u003d"},{"functionCall":{"id":"x","name":"f"}}],"role":"model"},` +
	`"finishReason":"STOP","index":0,"groundingMetadata":{"webSearchQueries":["q"]}}],` +
	`"usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":4,"toolUsePromptTokenCount":5,"candidatesTokenCount":7,"thoughtsTokenCount":3,"totalTokenCount":25,` +
	`"promptTokensDetails":[{"modality":"TEXT","tokenCount":8},{"modality":"AUDIO","tokenCount":2}],"serviceTier":"standard"},` +
	`"modelVersion":"m-1","responseId":"r1","createTime":"2026-05-04T20:01:02.264968Z"}`

func fullReply() *neutral.Reply {
	return &neutral.Reply{
		ID: "r1", Model: "m-1", Created: 1777924862, ServiceTier: "default",
		Usage: neutral.Usage{Usage: translate.Usage{In: 15, CacheRead: 4, Out: 10, Reasoning: 3, Known: true}, AudioIn: 2, Total: 25},
		Choices: []neutral.Choice{{
			Finish: neutral.FinishTools, Native: "STOP",
			Blocks: []neutral.Block{
				{Kind: neutral.Thinking, Text: []byte("think\n"), Origin: name},
				{Kind: neutral.Text, Text: []byte("It is "), Origin: name},
				{Kind: neutral.Text, Text: []byte(`"so".`), Origin: name, Annotations: []byte(`[{"webSearchQueries":["q"]}]`)},
				{Kind: neutral.Thinking, Redacted: true, Signature: []byte("c2ln"), Origin: name},
				{Kind: neutral.ToolUse, ID: neutral.MakeCallID("r1", 0, 0), Name: "f", Arguments: []byte(`{"b":1,"a":[2]}`), Signature: []byte("Zg=="), Origin: name},
				{Kind: neutral.ToolUse, ID: "x", Name: "f", Arguments: []byte(`{}`), Origin: name},
			},
		}},
	}
}

func TestReadReply(t *testing.T) {
	if diff := cmp.Diff(fullReply(), reply(t, fullAnswer), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestReadReply_Media(t *testing.T) {
	a := reply(t, `{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"},"thoughtSignature":"s"},`+
		`{"executableCode":{"language":"PYTHON","code":"1"}},{"thought":true,"inlineData":{"mimeType":"image/png","data":"BBBB"}}]},"finishReason":"STOP"}]}`)
	want := []neutral.Block{
		{Kind: neutral.Image, Media: neutral.Media{MIME: "image/png", Data: []byte("AAAA")}, Signature: []byte("s"), Origin: name},
		{Kind: neutral.Foreign, Raw: []byte(`{"executableCode":{"language":"PYTHON","code":"1"}}`), Dialect: name, Origin: name},
		{Kind: neutral.Foreign, Raw: []byte(`{"thought":true,"inlineData":{"mimeType":"image/png","data":"BBBB"}}`), Dialect: name, Origin: name},
	}
	if diff := cmp.Diff(want, a.Choices[0].Blocks, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestReadReply_Bad(t *testing.T) {
	for _, body := range []string{``, `{}`, `null`, `<html>`, `{"candidates":[]}`, `{"candidates":{}}`, `{"candidates":[{}]`, `[{"candidates":[{}]}]`} {
		wantReplyError(t, body, translate.ProviderBadResponse)
	}
}

func TestEdge038_SameFunctionTwice(t *testing.T) {
	a := reply(t, `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}}},{"functionCall":{"name":"f","args":{"a":1}}}]},"finishReason":"STOP"}],"responseId":"r"}`)
	first, second := a.Choices[0].Blocks[0].ID, a.Choices[0].Blocks[1].ID
	if first == "" || first == second {
		t.Errorf("ids %q and %q", first, second)
	}
}

func TestEdge039_NoIDs(t *testing.T) {
	body := `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]},"finishReason":"STOP"}]`
	id := func(body string) string { return reply(t, body).Choices[0].Blocks[0].ID }
	if a, b := id(body+`,"responseId":"r1"}`), id(body+`,"responseId":"r1"}`); a != b || a == "" {
		t.Errorf("%q and %q for the same answer", a, b)
	}
	if a, b := id(body+`,"responseId":"r1"}`), id(body+`,"responseId":"r2"}`); a == b {
		t.Errorf("%q for two answers", a)
	}
	if a, b := id(body+`}`), id(body+`,"modelVersion":"m"}`); a == b {
		t.Errorf("%q for two answers without ids", a)
	}
}

func TestEdge074_Candidates(t *testing.T) {
	a := reply(t, `{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"},{"index":1,"content":{"parts":[{"text":"b"}]},"finishReason":"MAX_TOKENS"}]}`)
	if len(a.Choices) != 2 || string(a.Choices[1].Blocks[0].Text) != "b" || a.Choices[1].Finish != neutral.FinishLength {
		t.Errorf("%+v", a.Choices)
	}
}

func TestEdge117_BlockedPrompt(t *testing.T) {
	a := reply(t, `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT","blockReasonMessage":"m"},"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3}}`)
	want := []neutral.Choice{{Finish: neutral.FinishFilter, Native: "PROHIBITED_CONTENT"}}
	if diff := cmp.Diff(want, a.Choices); diff != "" || a.Usage.In != 3 {
		t.Error(diff, a.Usage)
	}
}

func TestEdge118_EmptyCandidate(t *testing.T) {
	f := func(candidate string, finish neutral.Finish) {
		t.Helper()
		a := reply(t, `{"candidates":[`+candidate+`]}`)
		if len(a.Choices) != 1 || len(a.Choices[0].Blocks) != 0 || a.Choices[0].Finish != finish {
			t.Errorf("%s: %+v", candidate, a.Choices)
		}
	}
	f(`{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}`, neutral.FinishStop)
	f(`{"content":{"role":"model"},"finishReason":"MAX_TOKENS"}`, neutral.FinishLength)
	f(`{"finishReason":"SAFETY"}`, neutral.FinishFilter)
	f(`{"content":null,"finishReason":"STOP"}`, neutral.FinishStop)
	f(`{}`, neutral.FinishOther)
}

func TestEdge137_NoTotal(t *testing.T) {
	a := reply(t, `{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4}}`)
	if a.Usage.Sum() != 7 || a.Usage.Total != 0 || !a.Usage.Known {
		t.Errorf("%+v", a.Usage)
	}
	if a := reply(t, `{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"trafficType":"ON_DEMAND"}}`); a.Usage.Known {
		t.Error("usage without counts")
	}
}

func TestEdge138_Finish(t *testing.T) {
	f := func(native string, calls bool, want neutral.Finish) {
		t.Helper()
		if got := finishOf(native, calls); got != want {
			t.Errorf("%s: got %v, want %v", native, got, want)
		}
	}
	f("STOP", false, neutral.FinishStop)
	f("STOP", true, neutral.FinishTools)
	f("MAX_TOKENS", true, neutral.FinishLength)
	f("SAFETY", true, neutral.FinishFilter)
	f("MALFORMED_FUNCTION_CALL", false, neutral.FinishMalformed)
	f("WHAT_NEXT", false, neutral.FinishOther)
	f("WHAT_NEXT", true, neutral.FinishTools)
}

func TestEdge147_ErrorWithStatus200(t *testing.T) {
	wantReplyError(t, `{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}`, translate.ProviderRateLimited)
	wantReplyError(t, `[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]`, translate.ProviderRejected)
	wantReplyError(t, `{"error":"x"}`, translate.ProviderFailed)
}
