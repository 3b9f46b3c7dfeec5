package conversation

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/store"
)

// BenchmarkBegin is what a conversation of fifty messages, in the hot tier,
// costs a call before it is sent.
func BenchmarkBegin(b *testing.B) {
	list := rawTalk(harbours(59))
	f := func(name string, kept int, incoming [][]byte, prices Prices) {
		b.Run(name, func(b *testing.B) {
			s := &state{version: int64(kept), count: kept}
			for i := range kept {
				it := readItem(OpenAI, list[i])
				s.turns = append(s.turns, store.Message{Seq: int64(i + 1), Role: it.role, Dialect: OpenAI, Raw: list[i], Digest: it.digest(), Tokens: 30})
			}
			hot := new(hotMap)
			m := New(Config{}, nil, hot, Options{})
			defer m.Close()
			if _, err := hot.Put(b.Context(), "t", "c", s.held()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				turn, err := m.Begin(b.Context(), &Call{Caller: Caller{Tenant: "t"}, ID: "c", Dialect: OpenAI, Incoming: incoming, Prices: prices})
				if err != nil || turn.Source != SourceHot {
					b.Fatal(err, turn)
				}
			}
		})
	}
	f("new", 48, list[48:49], uncached)
	f("resend", 48, list[:49], uncached)
	f("question", 58, list[58:59], uncached)
	f("frozen", 58, list[58:59], cached)
}
