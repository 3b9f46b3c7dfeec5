package anthropic

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestPrepare(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		var r translate.Request
		if err := r.Scan([]byte(body)); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		var p translate.Plan
		if New().Prepare(&p, &r, translate.OpMessages, []byte("x"), true) {
			t.Error("something is to be stripped")
		}
		same(t, body, string(p.Append(nil, r.Body)), want)
	}
	f(`{"model":"x","stream":true,"a":1e400}`, `{"model":"x","stream":true,"a":1e400}`)
	f("\ufeff"+`{"model":"m","conversation_id":"c"}`, `{"model":"x"}`)
	f(`{"conversationId":"c","model":"m","metadata":{"user_id":"u"}}`, `{"model":"x","metadata":{"user_id":"u"}}`)
	f(`{"model":"m","metadata":{"conversation_id":"c"},"b":1}`, `{"model":"x","b":1}`)
	f(`{"model":"m","metadata": { "conversation_id" : "c" , "user_id":"u"}}`, `{"model":"x","metadata": { "user_id":"u"}}`)
	f(`{"model":"m","metadata":{"user_id":"u" , "conversation\u005fid":"c" }}`, `{"model":"x","metadata":{"user_id":"u" }}`)
	f(`{"model":"m","metadata":{"a":1,"conversation_id":"c","b":2}}`, `{"model":"x","metadata":{"a":1,"b":2}}`)
	f(`{"model":"m","metadata":null}`, `{"model":"x","metadata":null}`)
}

func TestReadAnswer(t *testing.T) {
	f := func(op translate.Op, body string, want translate.Answer) {
		t.Helper()
		var a translate.Answer
		New().ReadAnswer(op, []byte(body), &a)
		a.UsageSpan = translate.Span{}
		if diff := cmp.Diff(want, a); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	f(translate.OpMessages, `{"type":"message","content":[],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":3}}`,
		translate.Answer{Valid: true, Finish: translate.FinishTools, Usage: translate.Usage{In: 4, CacheRead: 3, Out: 2, Known: true}})
	f(translate.OpMessages, `{"type":"message","content":[]}`, translate.Answer{Valid: true, Finish: translate.FinishOther})
	f(translate.OpMessages, `{"type":"error","error":{}}`, translate.Answer{Failed: true})
	f(translate.OpMessages, `{"type":"message"`, translate.Answer{})
	f(translate.OpCountTokens, `{"input_tokens":3}`, translate.Answer{Valid: true})
	f(translate.OpCountTokens, `{"type":"error","error":{}}`, translate.Answer{Failed: true})
	f(translate.OpCountTokens, `{}`, translate.Answer{})
}

func TestReadEvent(t *testing.T) {
	f := func(data string, want translate.StreamEvent, usage string) {
		t.Helper()
		var e translate.StreamEvent
		New().ReadEvent([]byte(data), &e)
		same(t, data, string(e.UsageSpan.Of([]byte(data))), usage)
		e.UsageSpan = translate.Span{}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("%s: %s", data, diff)
		}
	}
	data := translate.StreamEvent{Kind: translate.EventData}
	content := translate.StreamEvent{Kind: translate.EventData, Content: true}
	f(``, translate.StreamEvent{}, "")
	f(`{"type":"ping"}`, data, "")
	f(messageStart, translate.StreamEvent{Kind: translate.EventData, Usage: translate.Usage{In: 15, CacheRead: 3, CacheWrite: 2, Out: 1, Known: true}}, "")
	f(blockStart("0", `{"type":"text","text":""}`), data, "")
	f(blockStart("0", `{"type":"tool_use","id":"a","name":"f","input":{}}`), content, "")
	f(blockDelta("0", `{"type":"text_delta","text":"a"}`), content, "")
	f(blockDelta("0", `{"type":"thinking_delta","thinking":"a"}`), content, "")
	f(blockDelta("0", `{"type":"input_json_delta","partial_json":"{"}`), content, "")
	f(blockDelta("0", `{"type":"input_json_delta","partial_json":""}`), data, "")
	f(blockDelta("0", `{"type":"signature_delta","signature":"a"}`), data, "")
	f(messageDelta("max_tokens"), translate.StreamEvent{Kind: translate.EventData, Finish: translate.FinishLength, Usage: translate.Usage{Out: 7, Known: true}}, `{"output_tokens":7}`)
	f(messageStop, translate.StreamEvent{Kind: translate.EventDone}, "")
	f(`{"type":"error","error":{}}`, translate.StreamEvent{Kind: translate.EventError}, "")
	f(`{"type":"ping"`, translate.StreamEvent{Kind: translate.EventMalformed}, "")
	f(`nonsense`, translate.StreamEvent{Kind: translate.EventMalformed}, "")
}

func TestAppendUsageCost(t *testing.T) {
	f := func(data, want string) {
		t.Helper()
		var e translate.StreamEvent
		New().ReadEvent([]byte(data), &e)
		event := "event: message_delta\ndata: " + data + "\n\n"
		at := strings.Index(event, data)
		same(t, data, string(New().AppendUsageCost(nil, []byte(event), at+e.UsageSpan.End, 12500)), "event: message_delta\ndata: "+want+"\n\n")
	}
	f(messageDelta("end_turn"), strings.Replace(messageDelta("end_turn"), `:7}`, `:7,"cost":0.0000125}`, 1))
	f(`{"usage":{"cost":7,"a":1},"type":"message_delta"}`, `{"usage":{"cost":0.0000125,"a":1},"type":"message_delta"}`)
	f(`{"usage":{},"type":"message_delta"}`, `{"usage":{"cost":0.0000125},"type":"message_delta"}`)
}

func TestAppendStream(t *testing.T) {
	const answer = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[
		{"type":"thinking","thinking":"h\u006d","signature":"s"},
		{"type":"text","text":"a\ud83e","citations":[{"x":1},{"x":2}]},
		{"type":"tool_use","id":"t","name":"f","input":{"a": 1,"b":"\n"}},
		{"type":"web_search_tool_result","tool_use_id":"s","content":[]}
		],"stop_reason":"end_turn","stop_sequence":null,"new":[1],"usage":{"input_tokens":1,"output_tokens":2}}`
	stream, usage, ok := New().AppendStream(nil, []byte(answer), translate.OpMessages)
	if !ok {
		t.Fatal("no stream")
	}
	same(t, "order", strings.Join(names(t, string(stream)), " "), "message_start 0:start:thinking 0:thinking_delta 0:signature_delta 0:stop "+
		"1:start:text 1:citations_delta 1:citations_delta 1:text_delta 1:stop 2:start:tool_use 2:input_json_delta 2:stop "+
		"3:start:web_search_tool_result 3:stop message_delta message_stop")
	if event := string(usage.Of(stream)); !strings.HasPrefix(event, "event: message_delta\n") || !strings.HasSuffix(event, "}\n\n") {
		t.Errorf("usage is in %q", event)
	}
	back, ok := New().AppendAnswer(nil, stream, translate.OpMessages)
	if !ok {
		t.Fatal("no answer")
	}
	if !strings.Contains(string(back), `a\ud83e`) { // edge case 87
		t.Errorf("half a surrogate pair is gone: %s", back)
	}
	sameJSON(t, "back", string(back), answer)
	for _, bad := range []string{`{}`, `{"type":"message","content":[],"stop_reason":null}`, `{"type":"message","content":[1],"stop_reason":"end_turn"}`} {
		if _, _, ok := New().AppendStream(nil, []byte(bad), translate.OpMessages); ok {
			t.Errorf("%s: a stream", bad)
		}
	}
}

func TestAppendAnswer(t *testing.T) {
	got, ok := New().AppendAnswer([]byte("x"), whole, translate.OpMessages)
	if !ok || !json.Valid(got[1:]) {
		t.Fatalf("%v %s", ok, got)
	}
	same(t, "answer", string(got), `x{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[`+
		`{"type":"thinking","thinking":"h\u006d","signature":"sig"},{"type":"redacted_thinking","data":"xyz"},`+
		`{"type":"text","text":"héllo\n","citations":[{"type":"char_location","cited_text":"a"}]},`+
		`{"type":"tool_use","id":"toolu_1","name":"f","input":{"a":1}},`+
		`{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{"q":1}}],"stop_reason":"tool_use","stop_sequence":null,`+
		`"usage":{"input_tokens":10,"cache_read_input_tokens":3,"cache_creation_input_tokens":2,"output_tokens":7}}`)
	f := func(data ...string) {
		t.Helper()
		if got, ok := New().AppendAnswer(nil, stream(data...), translate.OpMessages); ok || got != nil {
			t.Errorf("%v: %s", data, got)
		}
	}
	f()
	f(messageStart, messageDelta("end_turn"))
	f(messageStart, messageStop)
	f(messageStart, `{"type":"error","error":{}}`, messageStop)
	f(messageStart, blockDelta("0", `{"type":"text_delta","text":"a"}`), messageDelta("end_turn"), messageStop)
	f(messageStart, blockStart("0", `{"type":"text","text":""}`), blockDelta("0", `{"type":"news"}`), messageDelta("end_turn"), messageStop)
	f(messageStart, blockStart("0", `{"type":"tool_use","input":{}}`), blockDelta("0", `{"type":"input_json_delta","partial_json":"{"}`), messageDelta("end_turn"), messageStop)
}
