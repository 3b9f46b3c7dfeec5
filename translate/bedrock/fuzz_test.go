package bedrock

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// FuzzDecoder holds that any bytes are taken without a panic, and the same for
// every way to cut them.
func FuzzDecoder(f *testing.F) {
	f.Add(frames(f, conversation...), 7)
	f.Add(frames(f, start, exception("throttlingException", `{}`)), 90)
	f.Add([]byte(`{"message":"x"}`), 3)
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		want, wantErr := run(stream)
		if cut < 0 || cut > len(stream) {
			return
		}
		got, err := run(stream, cut)
		if !reflect.DeepEqual(want, got) || !cmp.Equal(wantErr, err) {
			t.Fatalf("%v, %v\n%s", wantErr, err, cmp.Diff(want, got))
		}
	})
}

// FuzzPayload holds that any payload in a sound frame is taken without a
// panic.
func FuzzPayload(f *testing.F) {
	for _, m := range conversation {
		f.Add(m.headers[0][1], []byte(m.payload))
	}
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		if len(kind) > 100 {
			return
		}
		events, err := run(frames(t, start, event(kind, string(payload)), event(kind, string(payload)), stop("end_turn")))
		if err == nil && events[len(events)-1].Kind != neutral.End {
			t.Fatalf("no end: %+v", events)
		}
	})
}

// FuzzFrame holds our reading of a frame against the SDK's.
func FuzzFrame(f *testing.F) {
	f.Add(frames(f, start))
	f.Add(frames(f, exception("throttlingException", `{}`)))
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, n, err := readFrame(b)
		theirs, theirErr := eventstream.NewDecoder().Decode(bytes.NewReader(b), nil)
		if theirErr != nil {
			return // ours does not look into headers that it has no use for
		}
		if err != nil || n == 0 || !bytes.Equal(ours.payload, theirs.Payload) {
			t.Fatalf("%v: payload %q, want %q", err, ours.payload, theirs.Payload)
		}
		if v, ok := theirs.Headers.Get(":event-type").(eventstream.StringValue); ok && len(theirs.Headers) == 1 && string(v) != string(ours.event) {
			t.Fatalf("event %q, want %q", ours.event, v)
		}
	})
}

func FuzzReadReply(f *testing.F) {
	f.Add([]byte(`{"output":{"message":{"content":[{"text":"a"},{"toolUse":{"toolUseId":"c","name":"t","input":{}}},{"reasoningContent":{"redactedContent":"x"}}]}},"stopReason":"end_turn","usage":{"inputTokens":1}}`))
	f.Add([]byte(`{"__type":"X","message":"y"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var a neutral.Reply
		if err := New().ReadReply(translate.OpChat, body, &a); (err == nil) != (len(a.Choices) == 1) {
			t.Fatalf("%v with %d choices", err, len(a.Choices))
		}
	})
}

func FuzzReadError(f *testing.F) {
	f.Add(400, []byte(`{"__type":"a#b:c","message":"m"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if e := New().ReadError(status, body); e.HTTPStatus() < 400 {
			t.Fatalf("%+v", e)
		}
	})
}
