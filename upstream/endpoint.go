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
	"slices"
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
	query  string // of the base URL, with its question mark
	tls    *tls.Config
	dialer net.Dialer

	mu     sync.Mutex
	idle   []*conn     // oldest first
	reaper *time.Timer // set while there are idle connections
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
	if u.RawQuery != "" {
		e.query = "?" + u.RawQuery
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

// Query is the base URL's query with its question mark, or "".
func (e *Endpoint) Query() string { return e.query }

// Close closes the idle connections and keeps those in use from coming back.
func (e *Endpoint) Close() {
	e.mu.Lock()
	idle := e.idle
	e.idle, e.closed = nil, true
	if e.reaper != nil {
		e.reaper.Stop()
	}
	e.mu.Unlock()
	for _, c := range idle {
		c.close()
	}
}

// acquire returns an idle connection, or dials, and the time it is then.
// Whether the idle one is still alive shows when it is written to.
func (e *Endpoint) acquire(cancel *Cancel, fresh bool) (c *conn, now time.Time, err error) {
	for now = time.Now(); !fresh; {
		if c = e.pop(); c == nil {
			break
		}
		if now.Sub(c.idleSince) <= maxIdleAge {
			c.reused = true
			return c, now, nil
		}
		c.close()
	}
	c, err = e.dial(cancel)
	return c, time.Now(), err
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
func (e *Endpoint) release(c *conn, now time.Time) {
	c.idleSince = now
	e.mu.Lock()
	keep := !e.closed && len(e.idle) < e.cfg.MaxIdleConns
	if keep {
		e.idle = append(e.idle, c)
		if e.reaper == nil {
			e.reaper = time.AfterFunc(maxIdleAge, e.reap)
		}
	}
	e.mu.Unlock()
	if !keep {
		c.close()
	}
}

// reap closes the connections that have waited for too long, and comes again
// as long as there are others: a provider that nobody calls any more must not
// keep sockets that it has closed long ago.
func (e *Endpoint) reap() {
	e.mu.Lock()
	n := 0
	for n < len(e.idle) && time.Since(e.idle[n].idleSince) >= maxIdleAge {
		n++
	}
	old := slices.Clone(e.idle[:n])
	e.idle = slices.Delete(e.idle, 0, n)
	if len(e.idle) > 0 {
		e.reaper.Reset(maxIdleAge - time.Since(e.idle[0].idleSince))
	} else {
		e.reaper = nil
	}
	e.mu.Unlock()
	for _, c := range old {
		c.close()
	}
}

// Config returns the bounds that the endpoint was made with.
func (e *Endpoint) Config() Config { return e.cfg }
