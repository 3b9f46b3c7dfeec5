package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// A record begins at a multiple of 8 bytes with, in little endian:
//
//	 0  CRC-32C of all that follows, without the padding
//	 4  length of the payload
//	 8  sequence number, from 1
//	16  microseconds since 1970 in the lower 56 bits, the kind above them
//	24  the last sequence number that was durable when this was written
//	32  payload, padded with zeros
const recordHeader = 32

// kindNothing is of a record that says nothing: a segment has at least one.
const kindNothing byte = 0

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type header struct {
	kind    byte
	seq     uint64
	durable uint64
	time    int64 // microseconds
}

// record is one that was read. The payload is the mapping's.
type record struct {
	header
	payload []byte
	ref     ref
}

// recordSize is what a record with n bytes of payload takes.
func recordSize(n int) int64 { return recordHeader + (int64(n)+7)&^7 }

// payloadSize is what the payload and its padding take, as a header says it.
func payloadSize(head []byte) int64 {
	return recordSize(int(binary.LittleEndian.Uint32(head[4:]))) - recordHeader
}

// putRecord writes a record to dst, which has room for it and is zero.
func putRecord(dst []byte, h header, payload []byte) {
	copy(dst[recordHeader:], payload)
	binary.LittleEndian.PutUint32(dst[4:], uint32(len(payload)))
	binary.LittleEndian.PutUint64(dst[8:], h.seq)
	binary.LittleEndian.PutUint64(dst[16:], uint64(h.time)&(1<<56-1)|uint64(h.kind)<<56)
	binary.LittleEndian.PutUint64(dst[24:], h.durable)
	sum := crc32.Checksum(dst[4:recordHeader+len(payload)], castagnoli)
	binary.LittleEndian.PutUint32(dst, sum)
}

// parseRecord reads the record at the beginning of src. It is not ok when
// there is no whole one.
func parseRecord(src []byte) (r record, ok bool) {
	if len(src) < recordHeader {
		return record{}, false
	}
	n := int64(binary.LittleEndian.Uint32(src[4:]))
	r.seq = binary.LittleEndian.Uint64(src[8:])
	if r.seq == 0 || recordSize(int(n)) > int64(len(src)) {
		return record{}, false
	}
	if crc32.Checksum(src[4:recordHeader+n], castagnoli) != binary.LittleEndian.Uint32(src) {
		return record{}, false
	}
	word := binary.LittleEndian.Uint64(src[16:])
	r.kind, r.time = byte(word>>56), int64(word&(1<<56-1))
	r.durable = binary.LittleEndian.Uint64(src[24:])
	r.payload = src[recordHeader : recordHeader+n : recordHeader+n]
	return r, true
}
