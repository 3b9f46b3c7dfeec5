//go:build !race

package sqlite

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

func benchAppend(n int64) *store.Append {
	return &store.Append{
		Tenant: "bench", Conversation: fmt.Sprint(n % 50), After: store.AnyVersion, Key: fmt.Sprint(n),
		Messages: []store.Message{{Role: "user", Dialect: "openai", Raw: make([]byte, 600)}},
	}
}

func BenchmarkAppend(b *testing.B) {
	var n atomic.Int64
	b.Run("one", func(b *testing.B) {
		s := openAt(b, filepath.Join(b.TempDir(), "gateway.db"))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Append(b.Context(), benchAppend(n.Add(1))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		s := openAt(b, filepath.Join(b.TempDir(), "gateway.db"))
		b.ReportAllocs()
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := s.Append(b.Context(), benchAppend(n.Add(1))); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// With 100,000 messages and as many calls in the file.
func BenchmarkFull(b *testing.B) {
	path := filepath.Join(b.TempDir(), "gateway.db")
	s := openAt(b, path)
	fill(b, s, 600)
	var n atomic.Int64
	b.Run("Load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			i := n.Add(7919) % 1000
			if i == 0 {
				i = 1000
			}
			l, err := s.Load(b.Context(), fmt.Sprint("t", i%10), fmt.Sprint("c", i), 8)
			if err != nil || len(l.Recent) != 8 {
				b.Fatal(l, err)
			}
		}
	})
	b.Run("Append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Append(b.Context(), benchAppend(n.Add(1))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Sums", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Sums(b.Context(), &store.SumQuery{Tenant: "t1", By: "model"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			other, err := Open(b.Context(), path)
			if err != nil {
				b.Fatal(err)
			}
			_ = other.Close()
		}
	})
}

// A row of the call log in a batch of the size that the spool's replay has.
func BenchmarkPutCalls(b *testing.B) {
	s := openAt(b, filepath.Join(b.TempDir(), "gateway.db"))
	const batch = 512
	rows := make([]store.Call, batch)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		for i := range rows {
			n++
			rows[i] = benchCall(n)
		}
		if err := s.PutCalls(b.Context(), rows); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/row")
}

func benchCall(n int) store.Call {
	return store.Call{
		ID: fmt.Sprint("0123456789abcdef-", n), Time: time.UnixMicro(1_700_000_000_000_000 + int64(n)*50), RequestID: fmt.Sprintf("req_%032d", n),
		Tenant: "default", Project: "shop", User: "u", KeyID: "app", Op: "chat", Role: "primary", Layer: "L0", Provider: "openai", Model: "openai/gpt-5",
		Status: 200, InputTokens: 100, OutputTokens: 50, CostNano: 1000, CostKnown: true, Duration: time.Millisecond,
		Decision: []byte(`{"reason":"named model","cache":"miss"}`),
	}
}
