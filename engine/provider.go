package engine

import (
	"bytes"
	"crypto/x509"
	"slices"
	"sync/atomic"

	"github.com/ai-mcp-gateway/gateway/internal/secret"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// ops are the operations that a request head is prepared for.
var ops = [...]translate.Op{translate.OpChat, translate.OpCompletion, translate.OpEmbedding, translate.OpResponses}

// provider is an account at a vendor: where it is, and what proves who we are.
type provider struct {
	config ProviderConfig
	wire   wire
	// native passes calls through that come in the provider's own dialect, nil
	// when no client speaks it. responses does so for a provider that has
	// OpenAI's Responses API besides.
	native, responses passage
	// fixed: the head of a request is the same for all calls of an operation.
	fixed    bool
	endpoint *upstream.Endpoint
	keys     []*credential
	unlisted health       // of all models that are not configured
	served   *atomic.Bool // it has answered at least once
}

// credential is one key of a provider with the request heads that carry it.
type credential struct {
	key     secret.String
	heads   [translate.OpResponses + 1][]byte // by Op, where they are fixed
	refused rest                              // after a 401: it is good for nothing
}

func newProvider(pc ProviderConfig, dialects *Dialects, limits upstream.Config, roots *x509.CertPool, old *table) (*provider, error) {
	p := &provider{config: pc, wire: dialects.providers[pc.Dialect], served: new(atomic.Bool)}
	p.native, _ = p.wire.(passage)
	if pc.Responses {
		p.responses = dialects.clients["responses"]
	}
	p.fixed = pc.Dialect == "openai" || pc.Dialect == "responses"
	before := old.provider(pc, limits)
	if before != nil {
		p.endpoint, p.served = before.endpoint, before.served
	} else {
		endpoint, err := upstream.NewEndpoint(pc.BaseURL, limits, roots)
		if err != nil {
			return nil, err
		}
		p.endpoint = endpoint
	}
	keys := pc.Keys
	if len(keys) == 0 {
		keys = []secret.String{{}} // a provider that asks for none
	}
	for _, key := range keys {
		p.keys = append(p.keys, p.newCredential(key))
	}
	if before != nil {
		p.unlisted = newHealth(p, &before.unlisted, before.keys)
	} else {
		p.unlisted = newHealth(p, nil, nil)
	}
	return p, nil
}

// passage returns the dialect through which a call to op passes to the
// provider as it is, or nil when it has to be translated.
func (p *provider) passage(op translate.Op) passage {
	switch {
	case p.native != nil && p.native.Path(op) != "":
		return p.native
	case p.responses != nil && op == translate.OpResponses:
		return p.responses
	default:
		return nil
	}
}

// does reports whether the provider can be asked for op in any way.
func (p *provider) does(op translate.Op) bool {
	if p.passage(op) != nil {
		return true
	}
	if op == translate.OpEmbedding {
		_, ok := p.wire.(embedder)
		return ok
	}
	return op != translate.OpCountTokens
}

// newCredential prepares everything of a request's head that does not change
// from call to call.
func (p *provider) newCredential(key secret.String) *credential {
	c := &credential{key: key}
	if !p.fixed {
		return c
	}
	for _, op := range ops {
		v := translate.Envelope{Host: p.endpoint.Host(), Base: p.endpoint.Path(), Op: op, Key: key.Reveal()}
		if op == translate.OpResponses && p.responses != nil {
			c.heads[op] = slices.Clip(p.responses.(wire).AppendHead(nil, &v))
		} else {
			c.heads[op] = slices.Clip(p.wire.AppendHead(nil, &v))
		}
	}
	return c
}

// leaks reports whether text holds one of the provider's keys.
func (p *provider) leaks(text []byte) bool {
	for _, c := range p.keys {
		if !c.key.Empty() && bytes.Contains(text, []byte(c.key.Reveal())) {
			return true
		}
	}
	return false
}

// redacted is redact for an error on its way.
func (p *provider) redacted(e *translate.Error) *translate.Error {
	p.redact(e)
	return e
}

// foreign is redacted for a client of another dialect, to whom the provider's
// own error body means nothing.
func (p *provider) foreign(e *translate.Error) *translate.Error {
	p.redact(e)
	e.Body = nil
	return e
}

// redact takes the provider's words out of an error that repeats a key.
func (p *provider) redact(e *translate.Error) {
	if p.leaks(e.Body) || p.leaks([]byte(e.Message)) {
		e.Message, e.Param, e.Body = "the provider rejected the request", "", nil
	}
}
