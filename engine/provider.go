package engine

import (
	"bytes"
	"crypto/x509"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/internal/secret"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// keyPause is how long a key that a provider refused is set aside.
const keyPause = time.Minute

// ops are the operations that a request head is prepared for.
var ops = [...]translate.Op{translate.OpChat, translate.OpCompletion, translate.OpEmbedding}

// provider is an account at a vendor: where it is, and what proves who we are.
type provider struct {
	config   ProviderConfig
	dialect  dialect
	endpoint *upstream.Endpoint
	breaker  *upstream.Breaker // of models outside the catalogue
	keys     []*credential
	served   atomic.Bool // it has answered at least once
}

// credential is one key of a provider with the request heads that carry it.
type credential struct {
	key    secret.String
	heads  [len(ops) + 1][]byte // by Op
	paused atomic.Int64         // unix nanoseconds until which it is set aside
}

func newProvider(pc ProviderConfig, d dialect, limits upstream.Config, roots *x509.CertPool, old *table) (*provider, error) {
	p := &provider{config: pc, dialect: d, breaker: new(upstream.Breaker)}
	if old != nil {
		if before := old.providers[pc.Name]; before != nil && before.config.BaseURL == pc.BaseURL && before.endpoint.Config() == limits {
			p.endpoint, p.breaker = before.endpoint, before.breaker
		}
	}
	if p.endpoint == nil {
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
	return p, nil
}

// newCredential prepares everything of a request's head that does not change
// from call to call.
func (p *provider) newCredential(key secret.String) *credential {
	c := &credential{key: key}
	for _, op := range ops {
		h := []byte("POST " + p.endpoint.Path() + p.dialect.Path(op) + " HTTP/1.1\r\nHost: " + p.endpoint.Host() + "\r\n")
		if !key.Empty() {
			h = append(h, "Authorization: Bearer "+key.Reveal()+"\r\n"...)
		}
		h = append(h, "User-Agent: ai-mcp-gateway\r\nContent-Type: application/json\r\n"+
			"Accept: application/json, text/event-stream\r\nAccept-Encoding: identity\r\n"...)
		c.heads[op] = slices.Clip(h)
	}
	return c
}

// credential returns the first key that is not set aside, or nil.
func (p *provider) credential(now time.Time) *credential {
	for _, c := range p.keys {
		if at := c.paused.Load(); at == 0 || at <= now.UnixNano() {
			return c
		}
	}
	return nil
}

// pause sets the key aside after the provider refused it.
func (c *credential) pause(now time.Time) { c.paused.Store(now.Add(keyPause).UnixNano()) }

// leaks reports whether text holds one of the provider's keys.
func (p *provider) leaks(text []byte) bool {
	for _, c := range p.keys {
		if !c.key.Empty() && bytes.Contains(text, []byte(c.key.Reveal())) {
			return true
		}
	}
	return false
}

// redact takes the provider's words out of an error that repeats a key.
func (p *provider) redact(e *translate.Error) {
	if p.leaks(e.Body) || p.leaks([]byte(e.Message)) {
		e.Message, e.Param, e.Body = "the provider rejected the request", "", nil
	}
}

// state is how the provider is doing, as far as its last calls tell.
func (p *provider) state(t *table, now time.Time) string {
	if p.credential(now) == nil {
		return "cooling"
	}
	if _, open := p.breaker.Open(now); open {
		return "cooling"
	}
	for _, r := range t.routes {
		for _, target := range r.targets {
			if _, open := target.breaker.Open(now); open && target.provider == p {
				return "cooling"
			}
		}
	}
	if p.served.Load() {
		return "up"
	}
	return "unknown"
}
