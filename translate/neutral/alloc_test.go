//go:build !race

package neutral

import "testing"

// settledRequest has nothing that strictRules would change.
func settledRequest() *Request {
	return &Request{
		System: history("s:be|good")[0].Blocks,
		Turns:  history("u:a|#png\na:~anthropic|b|+1|+2\nu:=1|=2|c\na:d\nu:e"),
		Tools:  []Tool{{Name: "f1"}, {Name: "f2"}},
	}
}

func TestAllocations(t *testing.T) {
	r := settledRequest()
	call := &Block{Kind: ToolUse, Arguments: []byte(` {"a":[1,{"b":null}]}`)}
	schema := []byte(`{"type":"object","properties":{"a":{}}}`)
	number, floats, packed := []byte("0.7"), []byte("[0.1,0.2,-3e-5,4]"), pack(1, 0.3, -1e-9)
	effort, traits := Reasoning{Effort: "xhigh"}, &Traits{Thinking: "effort"}
	media := Media{MIME: "image/png", Data: []byte(encoded("\x89PNG\r\n\x1a\n"))}
	live := liveEvents()
	dst, events := make([]byte, 0, 256), make([]Event, 0, 8)
	f := func(name string, want float64, run func()) {
		t.Helper()
		if got := testing.AllocsPerRun(100, run); got != want {
			t.Errorf("%s: %v allocations, want %v", name, got, want)
		}
	}
	f("Arrange", 0, func() { Arrange(r, strictRules) })
	f("NewNames", 0, func() { NewNames(r, 64).Out("f1") })
	f("CallID", 0, func() { CallID("call_1", "word") })
	f("ArgumentsObject", 0, func() { ArgumentsObject(call) })
	f("ObjectSchema", 0, func() { ObjectSchema(schema) })
	f("Clamp", 0, func() { Clamp(number, 0, 1) })
	f("JoinText", 0, func() { JoinText(r.Turns[0].Blocks, "") })
	f("Sniff", 0, media.Sniff)
	f("EffortFor", 0, func() { effort.EffortFor(traits) })
	f("AppendFloats", 0, func() { dst = (&Vector{Packed: packed}).AppendFloats(dst[:0]) })
	f("AppendPacked", 0, func() { dst = (&Vector{Floats: floats}).AppendPacked(dst[:0]) })
	var s Serial
	f("Serial", 0, func() {
		for i := range live {
			events = s.Add(events[:0], &live[i])
		}
	})
}
