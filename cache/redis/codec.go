package redis

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxBody is the largest body that is stored, in bytes.
	maxBody = 4 << 20
	// maxValue bounds what is read of a value: a body, and its head of numbers
	// and names.
	maxValue = maxBody + 64<<10

	version    = 1
	flagStream = 1 << 0
	flagZstd   = 1 << 1
	// A value starts with version, flags and checksum.
	fixedSize = 2 + 4

	// A body is compressed if it is longer than compressAbove bytes and loses
	// a tenth by it.
	compressAbove = 1 << 10

	// maxEncoders is how many values are compressed at a time; each takes a
	// quarter of a megabyte.
	maxEncoders = 4
)

var (
	errCorrupt = errors.New("corrupt value in Redis")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// codec turns entries and items into values and back. appendValue may be
// called from one goroutine at a time, the others from any.
type codec struct {
	encoder    *zstd.Encoder
	decoder    *zstd.Decoder
	compressed []byte
}

func newCodec() *codec {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(maxEncoders),
		zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic("BUG: zstd encoder: " + err.Error())
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxBody), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic("BUG: zstd decoder: " + err.Error())
	}
	return &codec{encoder: encoder, decoder: decoder}
}

func (c *codec) close() {
	_ = c.encoder.Close() // it has no writer
	c.decoder.Close()
}

// appendValue appends e as a value:
//
//	version, flags        a byte each
//	checksum              CRC-32C, little endian, over the key, the two bytes
//	                      before it and all that follows it: a value under
//	                      another key is corrupt
//	numbers               varints: stored and expires (Unix nanoseconds),
//	                      start and end of the usage event, tokens, cost,
//	                      length of the body
//	texts                 content type, model, provider and tier, each behind
//	                      its length as a varint
//	body                  as it is or as a zstd frame, to the end
func (c *codec) appendValue(dst []byte, e *cache.Entry, k *cache.Key) []byte {
	body, flags := e.Body, byte(0)
	if e.Stream {
		flags |= flagStream
	}
	if len(body) > compressAbove {
		c.compressed = c.encoder.EncodeAll(body, c.compressed[:0])
		if len(c.compressed) < len(body)-len(body)/10 {
			body, flags = c.compressed, flags|flagZstd
		}
	}
	from := len(dst)
	dst = append(dst, version, flags, 0, 0, 0, 0)
	for _, n := range [...]int64{
		e.Stored.UnixNano(), e.Expires.UnixNano(), int64(e.UsageStart), int64(e.UsageEnd),
		e.InputTokens, e.CacheReadTokens, e.CacheWriteTokens, e.OutputTokens, e.ReasoningTokens,
		e.CostNano, int64(len(e.Body)),
	} {
		dst = binary.AppendVarint(dst, n)
	}
	for _, text := range [...]string{e.ContentType, e.Model, e.Provider, e.Tier} {
		dst = binary.AppendVarint(dst, int64(len(text)))
		dst = append(dst, text...)
	}
	dst = append(dst, body...)
	binary.LittleEndian.PutUint32(dst[from+2:], checksum(dst[from:], k))
	return dst
}

func checksum(value []byte, k *cache.Key) uint32 {
	sum := crc32.Update(0, castagnoli, k[:])
	sum = crc32.Update(sum, castagnoli, value[:2])
	return crc32.Update(sum, castagnoli, value[fixedSize:])
}

// decode reads a value that was stored under k. It keeps nothing of it.
func (c *codec) decode(value []byte, k *cache.Key) (*cache.Entry, error) {
	if len(value) < fixedSize || value[0] != version || value[1]&^(flagStream|flagZstd) != 0 ||
		binary.LittleEndian.Uint32(value[2:]) != checksum(value, k) {
		return nil, errCorrupt
	}
	r := reader{rest: value[fixedSize:]}
	e := &cache.Entry{
		Stream: value[1]&flagStream != 0,
		Stored: time.Unix(0, r.number()), Expires: time.Unix(0, r.number()),
		UsageStart: r.size(maxBody), UsageEnd: r.size(maxBody),
		InputTokens: r.number(), CacheReadTokens: r.number(), CacheWriteTokens: r.number(),
		OutputTokens: r.number(), ReasoningTokens: r.number(),
		CostNano: r.number(),
	}
	size := r.size(maxBody)
	e.ContentType, e.Model, e.Provider, e.Tier = r.text(), r.text(), r.text(), r.text()
	if r.broken || e.UsageStart > e.UsageEnd || e.UsageEnd > size {
		return nil, errCorrupt
	}
	if value[1]&flagZstd == 0 {
		if len(r.rest) != size {
			return nil, errCorrupt
		}
		e.Body = append([]byte{}, r.rest...)
		return e, nil
	}
	// The decoder does not write past the capacity, whatever a frame says.
	var err error
	if e.Body, err = c.decoder.DecodeAll(r.rest, make([]byte, 0, size)); err != nil || len(e.Body) != size {
		return nil, errCorrupt
	}
	return e, nil
}

// reader takes varints and texts from the start of rest. Once it is broken, it
// returns zeros.
type reader struct {
	rest   []byte
	broken bool
}

func (r *reader) number() int64 {
	n, length := binary.Varint(r.rest)
	if length <= 0 {
		r.broken, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[length:]
	return n
}

// size reads a number from 0 to limit.
func (r *reader) size(limit int) int {
	n := r.number()
	if n < 0 || n > int64(limit) {
		r.broken, r.rest = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.size(math.MaxInt32)
	if n > len(r.rest) {
		r.broken, r.rest = true, nil
		return ""
	}
	text := string(r.rest[:n])
	r.rest = r.rest[n:]
	return text
}
