// Package upstream sends one attempt to one provider and reads its answer.
//
// The client is our own: fasthttp's cannot be cancelled, bounds a whole
// exchange where a stream needs a bound on silence, and retries and redirects
// by rules that are not ours (docs/decisions/001-upstream-client.md has the
// measurement). It speaks HTTP/1.1, keeps connections alive, follows nothing,
// and trusts nothing that it reads.
//
// An Exchange belongs to one goroutine at a time. Only Cancel may be called
// from another.
package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"
)

// maxIdleAge is how long a connection may wait in the pool. Providers and
// load balancers close at 60 s or later; we rather close first.
const maxIdleAge = 55 * time.Second

// Endpoint is a base URL with its connections. It is safe for concurrent use.
type Endpoint struct {
	cfg    Config
	host   string // for the Host header and TLS
	addr   string // host:port to dial
	path   string // base path, without a final slash
	tls    *tls.Config
	dialer net.Dialer

	mu     sync.Mutex
	idle   []*conn // oldest first
	closed bool
}

// NewEndpoint prepares connections to baseURL (http or https). A nil roots
// takes the system's.
func NewEndpoint(baseURL string, cfg Config, roots *x509.CertPool) (*Endpoint, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("cannot parse base URL: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("base URL %q is not an absolute http or https URL", u.Redacted())
	}
	e := &Endpoint{
		cfg:  cfg,
		host: u.Host,
		addr: u.Host,
		path: strings.TrimSuffix(u.EscapedPath(), "/"),
	}
	if u.Port() == "" {
		port := "80"
		if u.Scheme == "https" {
			port = "443"
		}
		e.addr = net.JoinHostPort(u.Hostname(), port)
	}
	if u.Scheme == "https" {
		e.tls = &tls.Config{
			ServerName: u.Hostname(),
			RootCAs:    roots,
			MinVersion: tls.VersionTLS12,
			NextProtos: []string{"http/1.1"},
		}
	}
	return e, nil
}

// Host is the value of the Host header.
func (e *Endpoint) Host() string { return e.host }

// Path is the base path, without a final slash.
func (e *Endpoint) Path() string { return e.path }

// Close closes the idle connections and keeps those in use from coming back.
func (e *Endpoint) Close() {
	e.mu.Lock()
	idle := e.idle
	e.idle, e.closed = nil, true
	e.mu.Unlock()
	for _, c := range idle {
		c.close()
	}
}

// acquire returns an idle connection that is still alive, or dials.
func (e *Endpoint) acquire(cancel *Cancel, fresh bool) (c *conn, err error) {
	for !fresh {
		if c = e.pop(); c == nil {
			break
		}
		if c.quiet() {
			c.reused = true
			return c, nil
		}
		c.close()
	}
	return e.dial(cancel)
}

func (e *Endpoint) pop() *conn {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(e.idle)
	if n == 0 {
		return nil
	}
	c := e.idle[n-1]
	e.idle[n-1] = nil
	e.idle = e.idle[:n-1]
	return c
}

// release keeps c for the next exchange, or closes it where the pool is full.
// The oldest idle connection goes when it has waited too long.
func (e *Endpoint) release(c *conn, now time.Time) {
	var stale *conn
	c.idleSince = now
	e.mu.Lock()
	if len(e.idle) > 0 && now.Sub(e.idle[0].idleSince) > maxIdleAge {
		stale = e.idle[0]
		copy(e.idle, e.idle[1:])
		e.idle = e.idle[:len(e.idle)-1]
	}
	keep := !e.closed && len(e.idle) < e.cfg.MaxIdleConns
	if keep {
		e.idle = append(e.idle, c)
	}
	e.mu.Unlock()
	if !keep {
		c.close()
	}
	if stale != nil {
		stale.close()
	}
}

// Config returns the bounds that the endpoint was made with.
func (e *Endpoint) Config() Config { return e.cfg }
