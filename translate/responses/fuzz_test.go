package responses

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// FuzzReadRequest: no body is a panic; what is read can be written for a
// provider, and is the same when that is read again.
func FuzzReadRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"x"}]}],"tools":[{"type":"function","name":"f"}]}`))
	f.Add([]byte(`{"model":"m","instructions":"i","input":"x","text":{"format":{"type":"json_object"}},"reasoning":{"effort":"low"}}`))
	f.Add([]byte(`{"model":"m","input":[{"type":"reasoning","summary":[],"encrypted_content":"gw1.c.gemini.x"},{"type":"custom_tool_call","call_id":"c","name":"f","input":"x"}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"web_search"}]}}`))
	target := neutral.Target{Model: "m", Traits: neutral.Traits{Thinking: "effort"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r translate.Request
		if r.Scan(body) != nil {
			return
		}
		q, err := New().ReadRequest(translate.OpResponses, &r)
		if err != nil {
			if err.Param == "" || err.HTTPStatus() != 400 {
				t.Fatalf("%+v", err)
			}
			return
		}
		once, _, err := New().AppendRequest(nil, q, &target)
		if err != nil {
			return
		}
		if !json.Valid(once) {
			t.Fatalf("no JSON: %s", once)
		}
		var again translate.Request
		if err := again.Scan(once); err != nil {
			t.Fatalf("%v: %s", err, once)
		}
		q, err = New().ReadRequest(translate.OpResponses, &again)
		if err != nil {
			t.Fatalf("%v: %s", err, once)
		}
		twice, _, err := New().AppendRequest(nil, q, &target)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%v\n%s\nbecomes\n%s", err, once, twice)
		}
		if expanded := New().ExpandInput(nil, []byte(`[{"type":"message","id":"x","role":"user","content":"y"}]`), []byte(answer), body); !json.Valid(expanded) {
			t.Fatalf("expanded to no JSON: %s", expanded)
		}
		if items := New().AppendInput(nil, body, "r"); !json.Valid(items) {
			t.Fatalf("listed as no JSON: %s", items)
		}
	})
}

// FuzzReadReply: no body is a panic; what is an answer can be told to clients,
// and the stream made of it is the same answer.
func FuzzReadReply(f *testing.F) {
	f.Add([]byte(answer))
	f.Add([]byte(`{"id":"resp_1","status":"incomplete","incomplete_details":{"reason":"x"},"output":[{"type":"message","content":"x"},{"type":"function_call"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := New()
		var a neutral.Reply
		var seen translate.Answer
		d.ReadAnswer(translate.OpResponses, body, &seen)
		if err := d.ReadReply(translate.OpResponses, body, &a); err != nil {
			if seen.Valid {
				t.Fatalf("valid, but %v", err)
			}
			return
		}
		if !seen.Valid {
			t.Fatal("an answer that is not valid")
		}
		q := &neutral.Request{}
		if out := d.AppendReply(nil, translate.OpResponses, q, &a); !json.Valid(out) {
			t.Fatalf("no JSON: %s", out)
		}
		if bytes.ContainsAny(body, "\r\n") {
			return
		}
		stream, _, ok := d.AppendStream(nil, body, translate.OpResponses)
		if !ok {
			return
		}
		if got, err := decode(stream); err != nil || got.Model != a.Model {
			t.Fatalf("%v: %+v\n%+v", err, got, a)
		}
	})
}

// FuzzDecoder: no bytes are a panic, and the events do not depend on where the
// stream is cut.
func FuzzDecoder(f *testing.F) {
	stream, _, _ := New().AppendStream(nil, []byte(answer), translate.OpResponses)
	f.Add(stream, 100)
	f.Add(frames(created, `{"type":"response.output_text.delta","output_index":3,"delta":"x"}`, completed), 60)
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		want, wantErr := decode(stream)
		if cut < 0 || cut > len(stream) {
			return
		}
		got, err := decode(stream, cut)
		if !reflect.DeepEqual(want, got) || (err == nil) != (wantErr == nil) {
			t.Fatalf("cut at %d: %v, not %v: %s", cut, err, wantErr, cmp.Diff(want, got))
		}
		enc := New().NewEncoder(translate.OpResponses, &neutral.Request{})
		var out []byte
		for _, ev := range neutral.Replay(nil, got) {
			out = enc.Append(out, &ev)
		}
		if len(out) > 0 {
			parseStream(t, out)
		}
	})
}
