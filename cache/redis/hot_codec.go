package redis

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/ai-mcp-gateway/gateway/cache"
)

const (
	// hotFormat is the first byte of a value of the hot tier. It changes
	// whenever the format does.
	hotFormat = 1
	// flagNone: there is no value, only a version that older ones must not
	// replace.
	flagNone = 1 << 0
	// hotHead is how long the head of a value is.
	hotHead = 2 + 4 + 8 + 4

	// compressHotAbove is from where on an item is compressed. It is read on
	// every turn: to inflate 64 KiB takes as long as all else that reading a
	// conversation does, so only what would fill the memory is compressed.
	compressHotAbove = 128 << 10
)

// appendHot appends the value of an item:
//
//	format, flags         a byte each
//	checksum              CRC-32C over the key, the two bytes before it and all
//	                      that follows it
//	version               64 bits, the sign inverted, so that their order is
//	                      that of versions
//	length                32 bits, of the item's value
//	value                 as it is or as a zstd frame, to the end
//
// Numbers are big endian. hotSet reads the format and compares the version.
func (c *codec) appendHot(dst []byte, item *cache.Item) []byte {
	value, flags := item.Value, byte(0)
	if value == nil || len(value) > cache.MaxValue {
		value, flags = nil, flagNone
	}
	from := len(dst)
	dst = append(dst, hotFormat, 0, 0, 0, 0, 0)
	dst = appendVersion(dst, item.Version)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)))
	if len(value) > compressHotAbove {
		dst = c.encoder.EncodeAll(value, dst)
		flags |= flagZstd
	}
	if flags&flagZstd == 0 || len(dst)-from-hotHead > len(value)-len(value)/10 {
		dst = append(dst[:from+hotHead], value...)
		flags &^= flagZstd
	}
	dst[from+1] = flags
	putHotChecksum(dst[from:], item.Key)
	return dst
}

func appendVersion(dst []byte, version int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(version)^1<<63)
}

func putHotChecksum(stored []byte, key string) {
	binary.BigEndian.PutUint32(stored[2:], hotChecksum(stored, key))
}

func hotChecksum(stored []byte, key string) uint32 {
	sum := crc32.Update(0, castagnoli, []byte(key))
	sum = crc32.Update(sum, castagnoli, stored[:2])
	return crc32.Update(sum, castagnoli, stored[2+4:])
}

// decodeHot reads what is stored under item.Key into item, which may then
// share its memory.
func (c *codec) decodeHot(stored []byte, item *cache.Item) error {
	if len(stored) < hotHead || stored[0] != hotFormat || stored[1]&^(flagNone|flagZstd) != 0 ||
		binary.BigEndian.Uint32(stored[2:]) != hotChecksum(stored, item.Key) {
		return errCorrupt
	}
	version := int64(binary.BigEndian.Uint64(stored[6:]) ^ 1<<63)
	size := int(binary.BigEndian.Uint32(stored[14:]))
	value := stored[hotHead:]
	if size > cache.MaxValue {
		return errCorrupt
	}
	switch {
	case stored[1]&flagNone != 0:
		value, size = nil, 0
	case stored[1]&flagZstd != 0:
		// The decoder does not write past the capacity, whatever a frame says.
		var err error
		if value, err = c.decoder.DecodeAll(value, make([]byte, 0, size)); err != nil {
			return errCorrupt
		}
	}
	if len(value) != size {
		return errCorrupt
	}
	item.Version, item.Value = version, value
	return nil
}
