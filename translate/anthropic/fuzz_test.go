package anthropic

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// FuzzDecoder: a stream has the same events however it is cut, and what they
// become for a client is a stream of the same events again.
func FuzzDecoder(f *testing.F) {
	f.Add(whole, uint(100))
	f.Add(stream(messageStart, `{"type":"error","error":{"type":"overloaded_error"}}`), uint(7))
	f.Add(stream(messageStart, blockStart("0", `{"type":"tool_use","name":"`+answerTool+`"}`), blockStart("0", `{"type":"x","content":null}`),
		blockDelta("0", `{"type":"compaction_delta","content":"a"}`), messageDelta("x"), messageStop), uint(50))
	f.Fuzz(func(t *testing.T, body []byte, cut uint) {
		events, err := decode(body)
		if !utf8.Valid(body) {
			return
		}
		again, errAgain := decode(body, int(cut%uint(len(body)+1)))
		if diff := cmp.Diff(events, again); diff != "" || (err == nil) != (errAgain == nil) {
			t.Fatalf("cut at %d: %v and %v: %s", cut, err, errAgain, diff)
		}
		out := []byte(encode(events))
		for _, frame := range names(t, string(out)) {
			if frame == "" {
				t.Fatalf("%q", out)
			}
		}
		if err != nil {
			return
		}
		if _, err := decode(out); err != nil {
			t.Fatalf("%q became %q: %v", body, out, err)
		}
		if answer, ok := New().AppendAnswer(nil, body, translate.OpMessages); ok && !json.Valid(answer) {
			t.Fatalf("%q became %q", body, answer)
		}
	})
}

// FuzzReadReply: whatever is read from an answer is written as sound JSON.
func FuzzReadReply(f *testing.F) {
	f.Add([]byte(`{"type":"message","content":[{"type":"text","text":"a\ud83e"},{"type":"tool_use","input":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":-1}}`))
	f.Add([]byte(`{"type":"error","error":{"type":"api_error","message":"m"}}`))
	answer, _ := New().AppendAnswer(nil, whole, translate.OpMessages)
	f.Add(answer)
	f.Fuzz(func(t *testing.T, body []byte) {
		var a neutral.Reply
		if err := New().ReadReply(translate.OpMessages, body, &a); err != nil {
			if out := New().AppendError(nil, err, "r"); !json.Valid(out) {
				t.Fatalf("%q became %q", body, out)
			}
			return
		}
		if out := New().AppendReply(nil, translate.OpMessages, &neutral.Request{}, &a); !json.Valid(out) {
			t.Fatalf("%q became %q", body, out)
		}
		if out, _, ok := New().AppendStream(nil, body, translate.OpMessages); ok {
			if _, err := decode(out); err != nil {
				t.Fatalf("%q became %q: %v", body, out, err)
			}
		}
	})
}

// FuzzReadRequest: a request that can be read is sent as sound JSON, and what
// is sent reads as a request that is sent the same.
func FuzzReadRequest(f *testing.F) {
	for _, body := range []string{
		`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}]}`,
		`{"model":"m","max_tokens":1.5,"system":"s","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"system","content":"x"}],"tools":[{"name":"f","input_schema":{}},{"type":"x"}],"tool_choice":{"type":"any"}}`,
		`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"image","source":{"type":"base64","data":"` + image + `"}}]}]}],"thinking":{"type":"adaptive"},"metadata":{"user_id":"u"}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := readRequest(translate.OpMessages, string(body))
		if err != nil {
			return
		}
		to := neutral.Target{Model: "m", Traits: neutral.Traits{Thinking: "adaptive", Efforts: []string{"low", "high"}}}
		sent, _, err := New().AppendRequest(nil, q, &to)
		if err != nil {
			return
		}
		if !json.Valid(sent) {
			t.Fatalf("%q became %q", body, sent)
		}
		back, err := readRequest(translate.OpMessages, string(sent))
		if err != nil {
			t.Skip() // the provider will say what is wrong with it
		}
		again, _, err := New().AppendRequest(nil, back, &to)
		if err != nil || string(again) != string(sent) {
			t.Fatalf("%q became %q and then %q: %v", body, sent, again, err)
		}
	})
}

// FuzzPass: events and requests that pass through stay sound JSON.
func FuzzPass(f *testing.F) {
	f.Add([]byte(messageStart))
	f.Add([]byte(messageDelta("end_turn")))
	f.Add([]byte(`{"model":"m","metadata":{"conversation_id":"c","a":1},"conversation_id":"x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e translate.StreamEvent
		if New().ReadEvent(data, &e); !e.UsageSpan.Empty() {
			if out := New().AppendUsageCost(nil, data, e.UsageSpan.End, 5); json.Valid(data) && !json.Valid(out) {
				t.Fatalf("%q became %q", data, out)
			}
		}
		var r translate.Request
		if r.Scan(data) != nil || r.Value(translate.FieldModel) == nil {
			return
		}
		var p translate.Plan
		New().Prepare(&p, &r, translate.OpMessages, []byte("x"), true)
		if out := p.Append(nil, r.Body); !json.Valid(out) {
			t.Fatalf("%q became %q", data, out)
		}
	})
}
