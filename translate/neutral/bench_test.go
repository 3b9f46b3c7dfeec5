package neutral

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// liveEvents are those of a block of text and a call, one after the other.
func liveEvents() []Event {
	events := []Event{{Kind: BlockStart, Block: Text}}
	for range 50 {
		events = append(events, Event{Kind: TextDelta, Block: Text, Text: []byte("some words ")})
	}
	events = append(events, Event{Kind: BlockStop}, Event{Kind: BlockStart, Index: 1, Block: ToolUse})
	for range 20 {
		events = append(events, Event{Kind: ArgumentsDelta, Index: 1, Text: []byte(`{"a"`)})
	}
	return append(events, Event{Kind: BlockStop, Index: 1})
}

func BenchmarkSerial(b *testing.B) {
	f := func(name string, events []Event) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			dst := make([]Event, 0, 2*len(events))
			for b.Loop() {
				var s Serial
				dst = dst[:0]
				for i := range events {
					dst = s.Add(dst, &events[i])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
		})
	}
	f("live", liveEvents())
	f("interleaved", overlapping(rand.New(rand.NewPCG(1, 2)), 8))
}

func BenchmarkCollector(b *testing.B) {
	events := append(liveEvents(), Event{Kind: Finished}, Event{Kind: End})
	b.ReportAllocs()
	for b.Loop() {
		var c Collector
		for i := range events {
			c.Add(&events[i])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}

func BenchmarkArrange(b *testing.B) {
	f := func(name, first string, turns int) {
		b.Run(fmt.Sprintf("%s/%d", name, turns), func(b *testing.B) {
			text := first
			for range turns / 4 {
				text += "\nu:a|#png\na:~anthropic|b|+1|+2\nu:=1|=2|c\na:d"
			}
			r := &Request{Turns: history(text)}
			b.ReportAllocs()
			for b.Loop() {
				Arrange(r, strictRules)
			}
		})
	}
	f("settled", "", 100)
	f("changed", "u:one\ns:two\na:+1\nu: |three", 100)
}

func BenchmarkOpenAPISchema(b *testing.B) {
	schema := []byte(`{"type":"object","properties":{"city":{"type":"string","description":"where"},"unit":{"type":["string","null"],` +
		`"enum":["c","f",null]},"days":{"type":"array","items":{"type":"integer","minimum":1}}},"required":["city"],"additionalProperties":false}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(schema)))
	var dst []byte
	for b.Loop() {
		dst = OpenAPISchema(dst[:0], schema)
	}
}

func BenchmarkVector(b *testing.B) {
	floats := make([]float32, 1536)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range floats {
		floats[i] = random.Float32() - 0.5
	}
	packed := Vector{Packed: pack(floats...)}
	text := Vector{Floats: packed.AppendFloats(nil)}
	dst := make([]byte, 0, len(text.Floats))
	b.Run("floats", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = packed.AppendFloats(dst[:0])
		}
	})
	b.Run("packed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = text.AppendPacked(dst[:0])
		}
	})
}
