package proxy

import (
	"bytes"
	"crypto/subtle"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

var bearer = []byte("bearer ")

// authenticate finds out who calls. Without keys a loopback listener, or one
// with authentication switched off, is open.
func (s *Server) authenticate(h *fasthttp.RequestHeader) (*tenant.Caller, *translate.Error) {
	set := s.settings.Load()
	if set.open {
		return set.anonymous, nil
	}
	presented := credential(h)
	if len(presented) == 0 {
		return nil, &translate.Error{Code: translate.CallerUnauthenticated, Message: "no API key: send Authorization: Bearer, x-api-key or x-goog-api-key"}
	}
	caller, ok := set.directory.Lookup(presented)
	if !ok {
		return nil, &translate.Error{Code: translate.CallerUnauthenticated, Message: "the API key is not known"}
	}
	return caller, nil
}

// authenticateReader finds out who reads the metrics: on loopback anybody may,
// elsewhere a caller or the admin.
func (s *Server) authenticateReader(h *fasthttp.RequestHeader) (*tenant.Caller, *translate.Error) {
	set := s.settings.Load()
	admin := set.config.AdminKey
	if s.local || !admin.Empty() && subtle.ConstantTimeCompare(credential(h), []byte(admin.Reveal())) == 1 {
		return set.anonymous, nil
	}
	return s.authenticate(h)
}

// credential is the key that the request presents, in whichever header.
func credential(h *fasthttp.RequestHeader) []byte {
	if v := h.Peek("Authorization"); len(v) > len(bearer) && bytes.EqualFold(v[:len(bearer)], bearer) {
		return bytes.TrimSpace(v[len(bearer):])
	}
	if v := h.Peek("X-Api-Key"); len(v) > 0 {
		return v
	}
	return h.Peek("X-Goog-Api-Key")
}

// public reports whether a path is served without a key.
func public(path []byte) bool {
	switch string(path) {
	case "/health", "/livez", "/readyz":
		return true
	}
	return false
}
