package responses

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// answer has every kind of item.
const answer = `{"id":"resp_1","object":"response","created_at":1700000000,"status":"completed","model":"served","service_tier":"default","error":null,"incomplete_details":null,"output":[` +
	`{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"One \"é\""},{"type":"summary_text","text":"Two"}],"encrypted_content":"sealed"},` +
	`{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}},` +
	`{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[` +
	`{"type":"output_text","text":"Hi \ud83d\ude00","annotations":[{"type":"url_citation","url":"https://example.com","title":"T","start_index":0,"end_index":2}],"logprobs":[{"token":"Hi","logprob":-0.5,"bytes":[72],"top_logprobs":[]}]},` +
	`{"type":"refusal","refusal":"But no."}]},` +
	`{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a\": 1}","status":"completed"},` +
	`{"type":"custom_tool_call","id":"ctc_1","call_id":"call_2","name":"sql","input":"SELECT 1"}],` +
	`"usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":5},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":29}}`

func mustReadReply(t *testing.T, body string) *neutral.Reply {
	t.Helper()
	var a neutral.Reply
	if err := New().ReadReply(translate.OpResponses, []byte(body), &a); err != nil {
		t.Fatal(err)
	}
	return &a
}

func TestReadReply(t *testing.T) {
	a := mustReadReply(t, answer)
	want := &neutral.Reply{
		ID: "resp_1", Created: 1700000000, Model: "served", ServiceTier: "default",
		Choices: []neutral.Choice{{
			Finish: neutral.FinishTools, Native: "completed",
			Logprobs: []byte(`{"content":[{"token":"Hi","logprob":-0.5,"bytes":[72],"top_logprobs":[]}],"refusal":null}`),
			Blocks: []neutral.Block{
				{Kind: neutral.Thinking, Text: []byte("One \"é\"\n\nTwo"), Signature: []byte("sealed"), Origin: name},
				{Kind: neutral.Foreign, Dialect: name, Origin: name, Raw: []byte(`{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}}`)},
				{
					Kind: neutral.Text, Text: []byte("Hi 😀"), Origin: name,
					Annotations: []byte(`[{"type":"url_citation","url":"https://example.com","title":"T","start_index":0,"end_index":2}]`),
				},
				{Kind: neutral.Refusal, Text: []byte("But no.")},
				{Kind: neutral.ToolUse, ID: "call_1", Name: "f", Arguments: []byte(`{"a": 1}`)},
				{Kind: neutral.ToolUse, ID: "call_2", Name: "sql", Arguments: []byte("SELECT 1"), Custom: true},
			},
		}},
	}
	want.Usage.In, want.Usage.CacheRead, want.Usage.Out, want.Usage.Reasoning, want.Usage.Total, want.Usage.Known = 20, 5, 9, 4, 29, true
	if diff := cmp.Diff(want, a); diff != "" {
		t.Error(diff)
	}
}

func TestReadReplyFinish(t *testing.T) {
	f := func(members string, want neutral.Finish, native string) {
		t.Helper()
		c := mustReadReply(t, `{"output":[],`+members+`}`).Choices[0]
		if c.Finish != want || c.Native != native {
			t.Errorf("%s: %d, %q", members, c.Finish, c.Native)
		}
	}
	f(`"status":"completed"`, neutral.FinishStop, "completed")
	f(`"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}`, neutral.FinishLength, "max_output_tokens")
	f(`"status":"incomplete","incomplete_details":{"reason":"content_filter"}`, neutral.FinishFilter, "content_filter")
	f(`"status":"incomplete","incomplete_details":{"reason":"boredom"}`, neutral.FinishOther, "boredom")
	f(`"status":"incomplete","incomplete_details":null`, neutral.FinishOther, "incomplete")
	f(`"status":"cancelled"`, neutral.FinishOther, "cancelled")
	f(`"model":"x"`, neutral.FinishStop, "")
}

func TestReadReplyFaults(t *testing.T) {
	f := func(body string, want translate.Code) {
		t.Helper()
		var a neutral.Reply
		err := New().ReadReply(translate.OpResponses, []byte(body), &a)
		if err == nil || err.Code != want {
			t.Errorf("%q: %v", body, err)
		}
	}
	f(``, translate.ProviderBadResponse)
	f(`<html>`, translate.ProviderBadResponse)
	f(`{"output":[{"type":"message"`, translate.ProviderBadResponse)
	f(`{"object":"response"}`, translate.ProviderBadResponse)
	f(`{"choices":[]}`, translate.ProviderBadResponse)
	f(`{"error":{"message":"m","type":"server_error"}}`, translate.ProviderFailed)
	f(`{"status":"failed","output":[],"error":{"code":"rate_limit_exceeded","message":"m"}}`, translate.ProviderRateLimited)
	f(`{"status":"failed","output":[],"error":{"code":"invalid_prompt","message":"m"}}`, translate.ProviderRejected)
	f(`{"status":"failed","output":[]}`, translate.ProviderFailed)
}

// streamed is the answer's stream.
func streamed(t *testing.T) []byte {
	t.Helper()
	dst, _, ok := New().AppendStream(nil, []byte(answer), translate.OpResponses)
	if !ok {
		t.Fatal("there is no stream of the answer")
	}
	return dst
}

func TestDecoderSplitAnywhere(t *testing.T) {
	whole := streamed(t)
	want := mustReadReply(t, answer)
	for cut := 0; cut <= len(whole); cut++ {
		got, err := decode(whole, cut)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("cut at %d: %s", cut, cmp.Diff(want, got))
		}
	}
	all := make([]int, len(whole))
	for i := range all {
		all[i] = i
	}
	got, err := decode(whole, all...)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("byte by byte: %v %s", err, diff)
	}
	crlf := bytes.ReplaceAll(whole, []byte("\n"), []byte("\r\n"))
	got, err = decode(crlf, all[:len(all)/2]...)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("with CRLF: %v %s", err, diff)
	}
}

// A stream that is cut anywhere before its last event is no answer.
func TestEdge113_CutStream(t *testing.T) {
	whole := streamed(t)
	last := bytes.LastIndex(whole, []byte("event:"))
	for cut := range last {
		if _, err := decode(whole[:cut]); err == nil || err.Code != translate.ProviderTruncated {
			t.Fatalf("cut at %d of %d: %v", cut, len(whole), err)
		}
	}
	if _, err := decode(bytes.TrimRight(whole, "\n")); err != nil {
		t.Errorf("without the last blank line: %v", err)
	}
}

const (
	created   = `{"type":"response.created","response":{"id":"resp_1","model":"served","created_at":1.5}}`
	completed = `{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}`
)

func text1(t *testing.T, events ...string) string {
	t.Helper()
	a, err := decode(frames(events...))
	if err != nil {
		t.Fatal(err)
	}
	return string(neutral.JoinText(a.Choices[0].Blocks, "|"))
}

func TestEdge125_TextWithoutPart(t *testing.T) {
	got := text1(t, created, `{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"He"}`,
		`{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"llo"}`, completed)
	if got != "Hello" {
		t.Errorf("got %q", got)
	}
}

func TestEdge126_NothingButTheEnd(t *testing.T) {
	a, err := decode(frames(`{"type":"response.completed","response":` + answer + `}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(mustReadReply(t, answer), a); diff != "" {
		t.Error(diff)
	}
}

func TestEdge127_DoneOnly(t *testing.T) {
	got := text1(t, created, `{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"whole"}`, completed)
	if got != "whole" {
		t.Errorf("got %q", got)
	}
	got = text1(t, created, `{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"a"},{"type":"output_text","text":"b"}]}}`, completed)
	if got != "a|b" {
		t.Errorf("got %q", got)
	}
}

func TestEdge128_Indexes(t *testing.T) {
	got := text1(t, created,
		`{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"a"}`,
		`{"type":"response.output_text.delta","output_index":1,"content_index":1,"delta":"b"}`,
		`{"type":"response.output_text.delta","output_index":2,"content_index":0,"delta":"c"}`,
		`{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"A"}`, completed)
	if got != "aA|b|c" {
		t.Errorf("got %q", got)
	}
}

func TestEdge129_ArgumentsDoneOnly(t *testing.T) {
	f := func(events ...string) {
		t.Helper()
		a, err := decode(frames(append(append([]string{created}, events...), completed)...))
		if err != nil {
			t.Fatal(err)
		}
		want := []neutral.Block{{Kind: neutral.ToolUse, ID: "c", Name: "f", Arguments: []byte(`{"a":1}`)}}
		if diff := cmp.Diff(want, a.Choices[0].Blocks); diff != "" || a.Choices[0].Finish != neutral.FinishTools {
			t.Errorf("finish %d: %s", a.Choices[0].Finish, diff)
		}
	}
	const (
		added     = `{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f","arguments":""}}`
		delta     = `{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"a\":1}"}`
		arguments = `{"type":"response.function_call_arguments.done","output_index":0,"arguments":"{\"a\":1}"}`
		done      = `{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a\":1}"}}`
	)
	f(added, delta, arguments, done)
	f(added, arguments, done)
	f(added, arguments)
	f(added, done)
	f(done)
	f(arguments, done)
	f(delta, done)
}

func TestEdge130_RotatingIDs(t *testing.T) {
	a, err := decode(frames(created,
		`{"type":"response.in_progress","response":{"id":"resp_2"}}`,
		`{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"a","content":[]}}`,
		`{"type":"response.output_text.delta","item_id":"b","output_index":0,"content_index":0,"delta":"x"}`,
		`{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"c","content":[{"type":"output_text","text":"x"}]}}`,
		completed))
	if err != nil || a.ID != "resp_1" || string(a.Choices[0].Blocks[0].Text) != "x" || len(a.Choices[0].Blocks) != 1 {
		t.Errorf("%v %+v", err, a)
	}
}

func TestEdge039_CallWithoutID(t *testing.T) {
	const item = `{"type":"function_call","name":"f","arguments":"{}"}`
	a, err := decode(frames(created, `{"type":"response.output_item.done","output_index":0,"item":`+item+`}`, completed))
	if err != nil {
		t.Fatal(err)
	}
	plain := mustReadReply(t, `{"id":"resp_1","status":"completed","output":[`+item+`]}`)
	id := a.Choices[0].Blocks[0].ID
	if id == "" || plain.Choices[0].Blocks[0].ID != id {
		t.Errorf("%q and %q", id, plain.Choices[0].Blocks[0].ID)
	}
}

func TestDecoderReasoningItself(t *testing.T) {
	a, err := decode(frames(created,
		`{"type":"response.content_part.added","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":""}}`,
		`{"type":"response.reasoning_text.delta","output_index":0,"content_index":0,"delta":"a"}`,
		`{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"ignored"}`,
		`{"type":"response.reasoning_text.delta","output_index":0,"content_index":1,"delta":"b"}`,
		`{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":"a"}}`,
		`{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"a"},{"type":"reasoning_text","text":"b"}]}}`,
		completed))
	if err != nil || len(a.Choices[0].Blocks) != 1 || string(a.Choices[0].Blocks[0].Text) != "a\n\nb" {
		t.Errorf("%v %+v", err, a)
	}
}

func TestDecoderErrors(t *testing.T) {
	f := func(data string, want translate.Code, reason string) {
		t.Helper()
		a, err := decode(frames(created, `{"type":"response.output_text.delta","delta":"x"}`, data, completed))
		if err == nil || err.Code != want || err.Reason != reason {
			t.Fatalf("%s: %+v", data, err)
		}
		if string(a.Choices[0].Blocks[0].Text) != "x" {
			t.Errorf("%s: what came before is lost", data)
		}
	}
	f(`{"type":"error","code":"rate_limit_exceeded","message":"m","param":null}`, translate.ProviderRateLimited, "rate_limit_exceeded")
	f(`{"type":"error","error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"m"}}`, translate.ProviderRejected, "context_length_exceeded")
	f(`{"error":{"message":"m","type":"overloaded_error"}}`, translate.ProviderOverloaded, "")
	f(`{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}}`, translate.ProviderFailed, "server_error")
	f(`{"type":"response.completed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}}`, translate.ProviderFailed, "server_error")
	f(`{"type":"response.output`, translate.ProviderBadResponse, "")
	f(`<html>`, translate.ProviderBadResponse, "")
}

func TestEdge101_103_CommentsAndDone(t *testing.T) {
	stream := ": PROCESSING\n\n" + string(frames(created, `{"type":"keepalive"}`, `{"type":"response.telepathy.delta","delta":"?"}`)) +
		"event: response.output_text.delta\ndata:{\"type\":\"response.output_text.delta\",\ndata: \"delta\":\"x\"}\n\n" +
		string(frames(completed)) + "data: [DONE]\n\n" + string(frames(`{"type":"response.output_text.delta","delta":"late"}`))
	a, err := decode([]byte(stream))
	if err != nil || string(a.Choices[0].Blocks[0].Text) != "x" {
		t.Errorf("%v %+v", err, a)
	}
	if _, err := decode([]byte(strings.Replace(stream, "response.completed", "response.conjured", 1))); err == nil || err.Code != translate.ProviderTruncated {
		t.Errorf("without its end: %v", err)
	}
}

// A provider may not make the decoder keep whatever it names.
func TestDecoderManyParts(t *testing.T) {
	var events []string
	for k := range 3 * maxSlots {
		events = append(events, fmt.Sprintf(`{"type":"response.output_text.delta","output_index":0,"content_index":%d,"delta":"x"}`, k))
	}
	dec := New().NewDecoder(translate.OpResponses).(*decoder)
	if _, _, err := dec.Feed(nil, frames(events...)); err != nil || len(dec.slots) != maxSlots {
		t.Errorf("%d slots: %v", len(dec.slots), err)
	}
}

func TestUsage(t *testing.T) {
	f := func(raw string, in, read, out, reasoning, sum int64) {
		t.Helper()
		u := readUsage([]byte(raw))
		if u.In != in || u.CacheRead != read || u.Out != out || u.Reasoning != reasoning || u.Sum() != sum {
			t.Errorf("%s: %+v", raw, u)
		}
	}
	f(`{"input_tokens":10,"output_tokens":5,"total_tokens":15}`, 10, 0, 5, 0, 15)
	f(`{"input_tokens":10,"output_tokens":5}`, 10, 0, 5, 0, 15) // edge 137
	f(`{"input_tokens":10,"input_tokens_details":{"cached_tokens":8},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":15}`, 10, 8, 5, 3, 15)
	f(`{"input_tokens":10,"output_tokens":5,"output_tokens_details":{"reasoning_tokens":7},"total_tokens":22}`, 10, 0, 12, 7, 22) // edge 136
	f(`{"input_tokens":3,"input_tokens_details":{"cached_tokens":8},"output_tokens":-5,"total_tokens":1e3}`, 3, 3, 0, 0, 3)
}
