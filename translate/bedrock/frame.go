package bedrock

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// A frame is, all numbers big-endian:
//
//	4  its length, this included     \
//	4  the length of the headers      | prelude
//	4  CRC-32 of the 8 bytes before  /
//	   headers
//	   payload
//	4  CRC-32 of all before it
//
// A header is the length of its name in one byte, the name, one byte for the
// type of the value, and the value. The SDK's decoder is not used here as it
// allocates 38 times a frame; the tests hold the two against each other.
// https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html
const (
	preludeSize  = 12
	checksumSize = 4
	maxFrame     = 24 << 20 // the protocol's own limit
	maxHeaders   = 128 << 10
)

// frame is one message of an event stream. It is borrowed from the stream's
// bytes.
type frame struct {
	// message is event, exception or error, the others as they apply.
	message, event, exception, errorCode, errorMessage []byte
	payload                                            []byte
}

// readFrame reads the frame at the start of b and returns its length; 0 when
// b does not hold a whole one yet.
func readFrame(b []byte) (f frame, n int, err *translate.Error) {
	if len(b) < preludeSize {
		return f, 0, nil
	}
	length, headers := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]) {
		return f, 0, badFrame("the checksum of a frame's prelude does not match")
	}
	if length > maxFrame || headers > maxHeaders || length < preludeSize+checksumSize+headers {
		return f, 0, badFrame("a frame has impossible lengths")
	}
	n = int(length)
	if len(b) < n {
		return f, 0, nil
	}
	end := n - checksumSize
	if crc32.ChecksumIEEE(b[:end]) != binary.BigEndian.Uint32(b[end:]) {
		return f, 0, badFrame("the checksum of a frame does not match")
	}
	start := preludeSize + int(headers)
	if !f.readHeaders(b[preludeSize:start]) {
		return f, 0, badFrame("a frame has broken headers")
	}
	f.payload = b[start:end]
	return f, n, nil
}

func badFrame(what string) *translate.Error {
	return translate.Errorf(translate.ProviderBadResponse, "", "The provider's stream is broken: %s.", what)
}

// readHeaders reports false when b is not a sequence of headers.
func (f *frame) readHeaders(b []byte) bool {
	for len(b) > 0 {
		named := 1 + int(b[0])
		if named >= len(b) {
			return false
		}
		key, kind := b[1:named], b[named]
		value, rest, ok := cutHeader(b[named+1:], kind)
		if !ok {
			return false
		}
		b = rest
		switch string(key) {
		case ":message-type":
			f.message = value
		case ":event-type":
			f.event = value
		case ":exception-type":
			f.exception = value
		case ":error-code":
			f.errorCode = value
		case ":error-message":
			f.errorMessage = value
		}
	}
	return true
}

// cutHeader splits off the value of a header. The last types of all are byte
// arrays and strings, with their length before them.
func cutHeader(b []byte, kind byte) (value, rest []byte, ok bool) {
	const lengths = "\x00\x00\x01\x02\x04\x08\x02\x02\x08\x10" // by type
	if int(kind) >= len(lengths) {
		return nil, nil, false
	}
	n := int(lengths[kind])
	if kind == 6 || kind == 7 {
		if len(b) < 2 {
			return nil, nil, false
		}
		n, b = int(binary.BigEndian.Uint16(b)), b[2:]
	}
	if len(b) < n {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
