package cohere

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

const usage = `"usage":{"billed_units":{"input_tokens":1,"output_tokens":2},"tokens":{"input_tokens":30.0,"output_tokens":7},"cached_tokens":16}`

func known() neutral.Usage {
	return neutral.Usage{Usage: translate.Usage{In: 30, CacheRead: 16, Out: 7, Known: true}}
}

func TestReadReply(t *testing.T) {
	f := func(body string, want *neutral.Reply) {
		t.Helper()
		if diff := cmp.Diff(want, reply(t, body), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	}
	f(`{"id":"i","message":{"role":"assistant","content":[{"type":"thinking","thinking":"h\nm"},{"type":"text","text":"Hello."}],"citations":[{"start":0,"end":5,"text":"Hello"}]},"finish_reason":"COMPLETE",`+usage+`}`,
		&neutral.Reply{ID: "i", Usage: known(), Choices: []neutral.Choice{{
			Finish: neutral.FinishStop, Native: "COMPLETE",
			Blocks: []neutral.Block{
				{Kind: neutral.Thinking, Text: []byte("h\nm"), Origin: name},
				{Kind: neutral.Text, Text: []byte("Hello."), Annotations: []byte(`[{"start":0,"end":5,"text":"Hello"}]`), Origin: name},
			},
		}}})
	f(`{"id":"i","message":{"role":"assistant","tool_plan":"I will","tool_calls":[{"id":"a1","type":"function","function":{"name":"a","arguments":"{\"b\":9007199254740993,\"a\":1.0}"}},`+
		`{"type":"function","function":{"name":"a","arguments":""}}]},"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":1,"output_tokens":2}}}`,
		&neutral.Reply{
			ID: "i", Usage: neutral.Usage{Usage: translate.Usage{In: 1, Out: 2, Known: true}}, Choices: []neutral.Choice{{
				Finish: neutral.FinishTools, Native: "TOOL_CALL",
				Blocks: []neutral.Block{
					{Kind: neutral.Thinking, Text: []byte("I will"), Origin: name},
					{Kind: neutral.ToolUse, ID: "a1", Name: "a", Arguments: []byte(`{"b":9007199254740993,"a":1.0}`), Origin: name},
					{Kind: neutral.ToolUse, ID: neutral.MakeCallID("i", 0, 1), Name: "a", Arguments: []byte(`{}`), Origin: name},
				},
			}},
		})
	f(`{"message":{"content":"old"},"finish_reason":"MAX_TOKENS"}`, &neutral.Reply{Choices: []neutral.Choice{{
		Finish: neutral.FinishLength, Native: "MAX_TOKENS", Blocks: []neutral.Block{{Kind: neutral.Text, Text: []byte("old"), Origin: name}},
	}}})
}

func TestEdge031_NullArguments(t *testing.T) {
	a := reply(t, `{"id":"i","message":{"tool_calls":[{"id":"c","type":"function","function":{"name":"now","arguments":"null"}}]},"finish_reason":"TOOL_CALL"}`)
	if got := string(a.Choices[0].Blocks[0].Arguments); got != "{}" {
		t.Error(got)
	}
}

func TestReadReply_Bad(t *testing.T) {
	f := func(body string, code translate.Code) {
		t.Helper()
		var a neutral.Reply
		if err := New().ReadReply(translate.OpChat, []byte(body), &a); err == nil || err.Code != code {
			t.Errorf("%s: got %v, want %v", body, err, code)
		}
	}
	for _, body := range []string{``, `{}`, `null`, `<html>`, `{"id":"i"}`, `{"message":null}`, `{"message":{}`} {
		f(body, translate.ProviderBadResponse)
	}
	f(`{"message":"too bad"}`, translate.ProviderFailed) // an error with status 200
	f(`{"message":{"role":"assistant"},"finish_reason":"ERROR"}`, translate.ProviderFailed)
}

func TestEdge138_Finish(t *testing.T) {
	f := func(native string, calls bool, want neutral.Finish) {
		t.Helper()
		if got := finishOf(native, calls); got != want {
			t.Errorf("%s: got %v, want %v", native, got, want)
		}
	}
	f("COMPLETE", false, neutral.FinishStop)
	f("COMPLETE", true, neutral.FinishTools)
	f("STOP_SEQUENCE", false, neutral.FinishStopSequence)
	f("ERROR_TOXIC", false, neutral.FinishFilter)
	f("TIMEOUT", false, neutral.FinishMalformed)
	f("NEW", false, neutral.FinishOther)
	f("NEW", true, neutral.FinishTools)
}

func TestReadError(t *testing.T) {
	f := func(status int, body string, want *translate.Error) {
		t.Helper()
		if diff := cmp.Diff(want, New().ReadError(status, []byte(body))); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	f(400, `{"id":"x","message":"too many tokens: 9"}`, &translate.Error{
		Code: translate.ProviderRejected, Status: 400, Message: "too many tokens: 9", Reason: "context_length_exceeded", Body: []byte(`{"id":"x","message":"too many tokens: 9"}`),
	})
	f(404, `{"message":"model 'x' not found"}`, &translate.Error{
		Code: translate.ProviderRejected, Status: 404, Message: "model 'x' not found", Reason: "model_not_found", Body: []byte(`{"message":"model 'x' not found"}`),
	})
	f(422, `{"error":{"message":"m"}}`, &translate.Error{Code: translate.ProviderRejected, Status: 422, Message: "m"})
	f(422, `{"error":"m"}`, &translate.Error{Code: translate.ProviderRejected, Status: 422, Message: "m"})
	f(400, `<html>`, &translate.Error{Code: translate.ProviderRejected, Status: 400, Message: "The provider refused the request with status 400."})
	f(498, `{"message":"invalid token"}`, &translate.Error{Code: translate.ProviderAuth, Message: "The provider could not answer: status 498."})
	f(429, ``, &translate.Error{Code: translate.ProviderRateLimited, Message: "The provider could not answer: status 429."})
	f(503, ``, &translate.Error{Code: translate.ProviderOverloaded, Message: "The provider could not answer: status 503."})
}

func TestAppendEmbedding(t *testing.T) {
	f := func(q *neutral.Embedding, want string, drops ...string) {
		t.Helper()
		got, gone, err := New().AppendEmbedding(nil, q, &neutral.Target{Model: "e"})
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Error(err, diff)
		}
		if diff := cmp.Diff(neutral.Drops(drops), gone); diff != "" {
			t.Error(diff)
		}
	}
	inputs := [][]byte{[]byte("a\""), []byte("b")}
	f(&neutral.Embedding{Inputs: inputs}, `{"model":"e","input_type":"search_document","embedding_types":["float"],"texts":["a\"","b"]}`)
	f(&neutral.Embedding{Inputs: inputs, Dimensions: []byte("256"), User: "u", Extra: []neutral.Member{
		{Name: "input_type", Raw: []byte(`"search_query"`)}, {Name: "truncate", Raw: []byte(`"END"`)}, {Name: "x", Raw: []byte("1")},
	}}, `{"model":"e","input_type":"search_query","embedding_types":["float"],"texts":["a\"","b"],"output_dimension":256,"truncate":"END"}`, "user", "x")
	if _, _, err := New().AppendEmbedding(nil, &neutral.Embedding{Tokens: [][]byte{[]byte("[1]")}}, &neutral.Target{}); err == nil || err.Param != "input" {
		t.Error(err)
	}
}

func TestReadVectors(t *testing.T) {
	var v neutral.Vectors
	err := New().ReadVectors([]byte(`{"id":"i","embeddings":{"int8":[[1]],"float":[[0.5,-1],[2]]},"meta":{"billed_units":{"input_tokens":10}}}`), &v)
	want := neutral.Vectors{
		ID: "i", Vectors: []neutral.Vector{{Floats: []byte("[0.5,-1]")}, {Floats: []byte("[2]")}},
		Usage: neutral.Usage{Usage: translate.Usage{In: 10, Known: true}},
	}
	if diff := cmp.Diff(want, v); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if err := New().ReadVectors([]byte(`{"embeddings":[[1]]}`), &v); err != nil || string(v.Vectors[0].Floats) != "[1]" {
		t.Error(err, v)
	}
	for body, code := range map[string]translate.Code{
		`{}`: translate.ProviderBadResponse, `{"embeddings":{"int8":[[1]]}}`: translate.ProviderBadResponse,
		`{"embeddings":{"float":[1]}}`: translate.ProviderBadResponse, `{"message":"m"}`: translate.ProviderFailed, `<`: translate.ProviderBadResponse,
	} {
		if err := New().ReadVectors([]byte(body), &v); err == nil || err.Code != code {
			t.Errorf("%s: %v", body, err)
		}
	}
}
