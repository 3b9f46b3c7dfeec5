package cache

import (
	"sync/atomic"
	"testing"
	"time"
)

func BenchmarkMemory(b *testing.B) {
	const entries = 20_000
	full := func() *Memory {
		m := NewMemory(Config{Memory: 64 << 20})
		for i := range entries {
			m.Put(key(i), entry(2000))
		}
		return m
	}
	keys := make([]Key, 2*entries) // the second half is absent
	for i := range keys {
		keys[i] = key(i)
	}
	var seed atomic.Int64
	parallel := func(b *testing.B, f func(i int)) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := int(seed.Add(7919)); pb.Next(); i += 31 {
				f(i)
			}
		})
	}
	b.Run("hit", func(b *testing.B) {
		m := full()
		b.ReportAllocs()
		for i := 0; b.Loop(); i += 31 {
			m.Get(keys[i%entries], false, start)
		}
	})
	b.Run("hit_parallel", func(b *testing.B) {
		m := full()
		parallel(b, func(i int) { m.Get(keys[i%entries], false, start) })
	})
	b.Run("miss_parallel", func(b *testing.B) {
		m := full()
		parallel(b, func(i int) { m.Get(keys[entries+i%entries], false, start) })
	})
	b.Run("put_parallel", func(b *testing.B) {
		m := full()
		body := make([]byte, 2000)
		parallel(b, func(i int) { m.Put(keys[i%len(keys)], &Entry{Body: body, Expires: start.Add(time.Hour)}) })
	})
	b.Run("mixed_parallel", func(b *testing.B) { // 90 % get, 10 % put
		m := full()
		body := make([]byte, 2000)
		parallel(b, func(i int) {
			if i%10 == 0 {
				m.Put(keys[i%len(keys)], &Entry{Body: body, Expires: start.Add(time.Hour)})
				return
			}
			m.Get(keys[i%len(keys)], false, start)
		})
	})
}
