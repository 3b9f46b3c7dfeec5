//go:build !race

package translate

import "testing"

// TestAllocations holds the way of a request to zero allocations, once the
// buffers have grown.
func TestAllocations(t *testing.T) {
	body := []byte(`{"mod\u0065l":"gpt\u002d5","Unknown":1,"stream":true,"stream_options":{"include_usage":false},` +
		`"metadata":{"conversation_id":"c"},"conversation_id":"\u0061","messages":[{"role":"user","content":"é🦊 \n"}]}`)
	var r Request
	var p Plan
	var out []byte
	var segments [][]byte
	model := []byte("another \"model\"")
	allocs := testing.AllocsPerRun(100, func() {
		if r.Scan(body) != nil || r.Check(OpChat) != nil {
			t.Fatal("refused")
		}
		p.Reset()
		p.Replace(r.Members[FieldModel].Value, p.Quote(model))
		r.Remove(&p, FieldConversationID)
		if p.Size(body) == 0 {
			t.Fatal("no size")
		}
		out = p.Append(out[:0], body)
		segments = p.Segments(segments[:0], body)
		o := Members(out)
		for o.Next() {
			if o.Kind() == KindArray {
				a := Elements(o.Value())
				for a.Next() {
				}
			}
		}
		out = AppendUSD(out[:0], 12500)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
