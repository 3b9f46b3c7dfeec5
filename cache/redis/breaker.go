package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// tripAfter is how many failures in a row open the breaker.
const tripAfter = 3

// breaker keeps calls from a Redis that is down. Only a probe closes it.
type breaker struct {
	open     atomic.Bool
	failures atomic.Int32 // in a row
}

func (b *breaker) failed() {
	if b.failures.Add(1) >= tripAfter {
		b.open.Store(true)
	}
}

func (b *breaker) succeeded() {
	if b.failures.Load() != 0 { // a store would be a write that all share
		b.failures.Store(0)
	}
}

func (b *breaker) close() {
	b.failures.Store(0)
	b.open.Store(false)
}

// dialer makes connections, at most dialsPerSecond to a server in any second
// however many calls want one, so that a Redis that comes and goes is not met
// by a storm.
type dialer struct {
	network string // "tcp" or "unix"
	tls     *tls.Config

	mu    sync.Mutex
	dials map[string]*dials // by address
}

// dials are the times of the last connects to a server.
type dials struct {
	times [dialsPerSecond]time.Time // a ring
	next  int                       // the oldest of them
}

// As many as the pool has, so that a start under load refuses none.
const dialsPerSecond = poolSize

var errManyDials = errors.New("too many connects to Redis")

func (d *dialer) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	if !d.allow(addr, time.Now()) {
		return nil, errManyDials
	}
	plain := &net.Dialer{}
	if d.tls == nil {
		return plain.DialContext(ctx, d.network, addr)
	}
	return (&tls.Dialer{NetDialer: plain, Config: d.tls}).DialContext(ctx, d.network, addr)
}

func (d *dialer) allow(addr string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.dials[addr]
	if known == nil {
		known = d.add(addr, now)
	}
	if oldest := known.times[known.next]; now.Sub(oldest) < time.Second {
		return false
	}
	known.times[known.next] = now
	known.next = (known.next + 1) % dialsPerSecond
	return true
}

// add makes room for an address, and forgets those of which nothing is to be
// remembered: the nodes of a cluster come and go. mu is held.
func (d *dialer) add(addr string, now time.Time) *dials {
	maps.DeleteFunc(d.dials, func(_ string, old *dials) bool {
		last := old.times[(old.next+dialsPerSecond-1)%dialsPerSecond]
		return now.Sub(last) >= time.Second
	})
	if d.dials == nil {
		d.dials = map[string]*dials{}
	}
	d.dials[addr] = &dials{}
	return d.dials[addr]
}
