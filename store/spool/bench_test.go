package spool

import (
	"context"
	"testing"

	"github.com/ai-mcp-gateway/gateway/store"
)

func BenchmarkAppend(b *testing.B) {
	b.Run("mapped", func(b *testing.B) {
		l := openLog(b, b.TempDir(), Config{Limit: 64 << 30})
		row := make([]byte, 300)
		b.ReportAllocs()
		b.SetBytes(300)
		n := 0
		for b.Loop() {
			if _, err := l.Append(1, row); err != nil {
				b.Fatal(err)
			}
			if n++; n%4096 == 0 {
				acknowledgeAll(l)
			}
		}
	})
	b.Run("fsync-64", func(b *testing.B) {
		l := openLog(b, b.TempDir(), Config{Limit: 64 << 30})
		row := make([]byte, 300)
		b.ReportAllocs()
		b.SetParallelism(32) // of 2 cores
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				seq, err := l.Append(1, row)
				if err == nil {
					err = l.Sync(context.Background(), seq)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("calls", func(b *testing.B) {
		l := openLog(b, b.TempDir(), Config{Limit: 64 << 30})
		s := &Store{log: l}
		rows := []store.Call{fullCall()}
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			if err := s.PutCalls(context.Background(), rows); err != nil {
				b.Fatal(err)
			}
			if n++; n%4096 == 0 {
				acknowledgeAll(l)
			}
		}
	})
}

// acknowledgeAll has the log forget what is in it, as a replay does.
func acknowledgeAll(l *Log) {
	l.mu.Lock()
	to, bytes := cursor{seq: l.seq + 1, seg: l.active, off: l.active.end}, l.bytes
	l.mu.Unlock()
	l.ack(to, bytes)
}
