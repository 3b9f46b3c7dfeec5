package proxy

import (
	"crypto/rand"
	"encoding/hex"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

const (
	headerRequestID      = "X-Request-Id"
	headerConversationID = "X-Conversation-Id"
	headerQuality        = "X-Gateway-Quality"
	headerMaxCost        = "X-Gateway-Max-Cost"
	headerMessageID      = "Request-Id" // the same, where Anthropic's clients look for it
	maxRequestID         = 64
)

// idSource makes request ids: 16 random digits of the process and a number, so
// that an id costs no random bytes and is unique among instances.
type idSource struct {
	prefix [20]byte // "req_" and 16 digits
	next   atomic.Uint64
}

func (s *idSource) init() {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	copy(s.prefix[:], "req_")
	hex.Encode(s.prefix[4:], random[:])
}

func (s *idSource) new() string {
	var id [36]byte
	copy(id[:], s.prefix[:])
	n := s.next.Add(1)
	for i := len(id) - 1; i >= len(s.prefix); i-- {
		id[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
	return string(id[:])
}

// requestID is the client's id when it is one that can stand in a log line,
// else a new one.
func (s *Server) requestID(ctx *fasthttp.RequestCtx) string {
	id := ctx.Request.Header.Peek(headerRequestID)
	if len(id) == 0 || len(id) > maxRequestID {
		return s.ids.new()
	}
	for _, c := range id {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return s.ids.new()
		}
	}
	return string(id)
}

// traceparent returns the request's W3C trace context (version 00) and the
// trace id in it, or nothing when there is none or it is malformed.
func traceparent(ctx *fasthttp.RequestCtx) (header []byte, trace string) {
	const form = "00-tttttttttttttttttttttttttttttttt-pppppppppppppppp-ff"
	v := ctx.Request.Header.Peek("Traceparent")
	if len(v) != len(form) || string(v[:3]) != form[:3] || v[35] != '-' || v[52] != '-' {
		return nil, ""
	}
	for i, c := range v {
		if form[i] != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return nil, ""
		}
	}
	return v, string(v[3:35])
}
