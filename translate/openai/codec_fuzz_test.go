package openai

import (
	"reflect"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// FuzzDecoder holds any stream to one sequence of events, however it is cut,
// and what comes of them to sound chunks.
func FuzzDecoder(f *testing.F) {
	addFiles(f, "testdata/streams/*.sse")
	f.Add([]byte(chunks(piece(`"reasoning_details":[{"type":"reasoning.text","text":"a","signature":"s","index":0}]`),
		call(callA), call(`"id":"b","custom":{"name":"g","input":"x"}`), piece(`"images":[{"type":"image_url","image_url":{"url":"data:,x"}}]`))))
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) > 1<<12 {
			return
		}
		events, err := listen(string(stream), 0)
		for _, size := range []int{1, 7} {
			again, failure := listen(string(stream), size)
			if !reflect.DeepEqual(events, again) || (err == nil) != (failure == nil) {
				t.Fatalf("in pieces of %d: %v, %v: %+v and %+v", size, err, failure, events, again)
			}
		}
		for _, op := range []translate.Op{translate.OpChat, translate.OpCompletion} {
			checkEvents(t, []byte(encode(op, &neutral.Request{Usage: true}, events)))
		}
	})
}

func FuzzReadReply(f *testing.F) {
	addFiles(f, "testdata/streams/*.json")
	f.Add([]byte(choiceOf(thoughtfulMessage, "stop")))
	f.Fuzz(func(t *testing.T, body []byte) {
		var a, again neutral.Reply
		if New().ReadReply(translate.OpChat, body, &a) != nil {
			return
		}
		q := &neutral.Request{}
		sent := New().AppendReply(nil, translate.OpChat, q, &a)
		if !isObject(sent) {
			t.Fatalf("%q: became %q", body, sent)
		}
		if err := New().ReadReply(translate.OpChat, sent, &again); err != nil {
			t.Fatalf("%q: became %q: %v", body, sent, err)
		}
		checkEvents(t, []byte(encode(translate.OpChat, q, neutral.Replay(nil, &a))))
	})
}

// FuzzReadRequest holds every request that is read to a body that is read as
// the same one.
func FuzzReadRequest(f *testing.F) {
	for _, members := range []string{
		user, calling(`{"role":"tool","tool_call_id":"a","content":"1"}`), `"messages":[{` + thoughtfulMessage + `}]`,
		user + `,"tools":[{"type":"custom","custom":{"name":"g","format":{"type":"grammar","syntax":"x"}}},{"type":"z"}],"tool_choice":"none"`,
		`"messages":[{"role":"user","content":[{"type":"image_url","image_url":"data:;base64,AA=="},{"type":"file","file":{"file_data":"AA=="}}]}]`,
		user + `,"functions":[{"name":"f"}],"function_call":{"name":"f"},"response_format":{"type":"json_schema","json_schema":{"schema":{}}}`,
	} {
		f.Add([]byte(`{"model":"m",` + members + `}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r translate.Request
		if r.Scan(body) != nil {
			return
		}
		for _, op := range []translate.Op{translate.OpCompletion, translate.OpChat} {
			q, err := New().ReadRequest(op, &r)
			if err != nil {
				continue
			}
			first, _, err := New().AppendRequest(nil, q, &neutral.Target{Model: "m"})
			if err != nil {
				continue
			}
			var again translate.Request
			if err := again.Scan(first); err != nil {
				t.Fatalf("%q: became %q: %v", body, first, err)
			}
			if q, err = New().ReadRequest(translate.OpChat, &again); err != nil {
				t.Fatalf("%q: became %q: %v", body, first, err)
			}
			second, _, err := New().AppendRequest(nil, q, &neutral.Target{Model: "m"})
			if err != nil || string(first) != string(second) {
				t.Fatalf("%q: became %q and %q: %v", body, first, second, err)
			}
		}
	})
}
