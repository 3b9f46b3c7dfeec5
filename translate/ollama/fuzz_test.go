package ollama

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// FuzzDecoder holds that any bytes are taken without a panic, and the same for
// every way to cut them.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte(strings.Join(lines, "\n")), 9)
	f.Add([]byte("{\"error\":\"x\"}\r\n"), 3)
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

func FuzzReadReply(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"error":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var a neutral.Reply
		if err := New().ReadReply(translate.OpChat, body, &a); (err == nil) != (len(a.Choices) == 1) {
			t.Fatalf("%v with %d choices", err, len(a.Choices))
		}
		var v neutral.Vectors
		_ = New().ReadVectors(body, &v)
		if e := New().ReadError(200, body); e.HTTPStatus() < 400 {
			t.Fatalf("%+v", e)
		}
	})
}
