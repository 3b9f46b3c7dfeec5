package redis

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func testCodec(t testing.TB) *codec {
	c := newCodec()
	t.Cleanup(c.close)
	return c
}

// A value may be read by another version of the program, so its bytes are part
// of the contract.
func TestValueIsStable(t *testing.T) {
	e := &cache.Entry{
		Body: []byte("data: 1\n\n"), Stream: true, UsageStart: 1, UsageEnd: 2, ContentType: "c", Model: "m", Provider: "p", Tier: "L1",
		InputTokens: 3, CacheReadTokens: 4, CacheWriteTokens: 5, OutputTokens: 6, ReasoningTokens: 7, CostNano: 8,
		Stored: time.Unix(0, 9), Expires: time.Unix(0, 10),
	}
	got := fmt.Sprintf("%x", testCodec(t).appendValue(nil, e, &cache.Key{1}))
	want := "0101" + "76802cb7" + "12140204" + "06080a0c0e" + "1012" + "0263026d0270044c31" + "646174613a20310a0a"
	if diff := cmp.Diff(want, got, exported); diff != "" {
		t.Error(diff)
	}
}

// Any one byte that differs makes a value corrupt, and so does any length.
func TestCorruptValues(t *testing.T) {
	c, k := testCodec(t), cache.Key{1}
	for _, e := range []*cache.Entry{entry("{}"), entry(strings.Repeat("a", 2000))} {
		value := c.appendValue(nil, e, &k)
		for i := range value {
			for _, bit := range []byte{1, 0x80} {
				value[i] ^= bit
				if _, err := c.decode(value, &k); err == nil {
					t.Errorf("byte %d may be wrong", i)
				}
				value[i] ^= bit
			}
			if _, err := c.decode(value[:i], &k); err == nil {
				t.Errorf("it may be cut after %d bytes", i)
			}
		}
		if _, err := c.decode(append(value, 0), &k); err == nil {
			t.Error("it may be longer")
		}
		if _, err := c.decode(value, &cache.Key{2}); err == nil {
			t.Error("it may be that of another key")
		}
	}
}

// forge makes a value with a right checksum.
func forge(k *cache.Key, flags byte, numbers []int64, rest string) []byte {
	value := []byte{version, flags, 0, 0, 0, 0}
	for _, n := range numbers {
		value = binary.AppendVarint(value, n)
	}
	value = append(value, rest...)
	binary.LittleEndian.PutUint32(value[2:], checksum(value, k))
	return value
}

func TestForgedValues(t *testing.T) {
	c, k := testCodec(t), cache.Key{1}
	encoder, _ := zstd.NewWriter(nil)
	defer encoder.Close()
	bomb := string(encoder.EncodeAll(make([]byte, 256<<20), nil))
	numbers := func(usageStart, usageEnd, size int64) []int64 {
		return []int64{1, 2, usageStart, usageEnd, 0, 0, 0, 0, 0, 0, size}
	}
	const texts = "\x00\x00\x00\x00"
	if _, err := c.decode(forge(&k, 0, numbers(0, 2, 2), texts+"{}"), &k); err != nil {
		t.Fatal("a forged value that is right: ", err)
	}
	for name, value := range map[string][]byte{
		"size too small":      forge(&k, 0, numbers(0, 0, 1), texts+"{}"),
		"size too large":      forge(&k, 0, numbers(0, 0, 3), texts+"{}"),
		"size negative":       forge(&k, 0, numbers(0, 0, -1), texts+"{}"),
		"size over the bound": forge(&k, 0, numbers(0, 0, maxBody+1), texts+strings.Repeat("a", maxBody+1)),
		"usage backwards":     forge(&k, 0, numbers(2, 1, 2), texts+"{}"),
		"usage outside":       forge(&k, 0, numbers(0, 3, 2), texts+"{}"),
		"usage negative":      forge(&k, 0, numbers(-1, 0, 2), texts+"{}"),
		"no body":             forge(&k, 0, numbers(0, 0, 2), texts),
		"few numbers":         forge(&k, 0, []int64{1, 2, 3}, ""),
		"endless number":      forge(&k, 0, nil, strings.Repeat("\xff", 50)),
		"long text":           forge(&k, 0, numbers(0, 0, 2), "\xfe\xff\xff\xff\x0f{}"),
		"negative text":       forge(&k, 0, numbers(0, 0, 2), "\x01\x00\x00\x00{}"),
		"unknown flag":        forge(&k, 4, numbers(0, 0, 2), texts+"{}"),
		"not zstd":            forge(&k, flagZstd, numbers(0, 0, 2), texts+"{}"),
		"bomb":                forge(&k, flagZstd, numbers(0, 0, maxBody), texts+bomb),
		"bomb that says less": forge(&k, flagZstd, numbers(0, 0, 10), texts+bomb),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e, err := c.decode(value, &k)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: got %+v", name, e)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 4*maxBody {
			t.Errorf("%s: %d bytes were allocated", name, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	c, k := testCodec(f), cache.Key{1}
	for _, e := range []*cache.Entry{entry("{}"), entry(strings.Repeat("a", 2000)), entry("")} {
		value := c.appendValue(nil, e, &k)
		f.Add(value[1], value[fixedSize:])
	}
	f.Fuzz(func(t *testing.T, flags byte, rest []byte) {
		e, err := c.decode(forge(&k, flags, nil, string(rest)), &k)
		if err != nil {
			return
		}
		if len(e.Body) > maxBody || e.UsageStart < 0 || e.UsageStart > e.UsageEnd || e.UsageEnd > len(e.Body) {
			t.Fatalf("decoded %+v", e)
		}
		again, err := c.decode(c.appendValue(nil, e, &k), &k)
		if diff := cmp.Diff(e, again, exported); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}

func BenchmarkCodec(b *testing.B) {
	c, k := testCodec(b), cache.Key{1}
	for _, size := range []int{1 << 10, 4 << 10, 64 << 10} {
		e := entry(strings.Repeat(`{"delta":{"content":" some"},"index":0},`, size/40))
		for i := range e.Body { // not quite so regular
			if i%17 == 0 {
				e.Body[i] = byte('a' + i*i%26)
			}
		}
		value := c.appendValue(nil, e, &k)
		b.Run(fmt.Sprintf("encode_%dKB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			dst := value[:0:0]
			for b.Loop() {
				dst = c.appendValue(dst[:0], e, &k)
			}
		})
		b.Run(fmt.Sprintf("decode_%dKB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := c.decode(value, &k); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
