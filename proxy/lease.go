package proxy

import (
	"context"
	"sync"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// lease keeps the claim of an idempotency key for as long as its call is under
// way, and its process alive.
type lease struct {
	server *Server
	ask    store.Claim

	mu      sync.Mutex // held while the claim is renewed
	timer   *time.Timer
	stopped bool
}

// start renews the claim every renewEvery, until end.
func (l *lease) start(s *Server, ask store.Claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server, l.ask = s, ask
	l.timer = time.AfterFunc(renewEvery, l.renew)
}

// renew is tried again at the next turn when the store is away: the claim then
// lasts for two more.
func (l *lease) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	l.ask.Expires = time.Now().Add(claimedFor)
	if _, _, err := l.server.options.Claims.Claim(ctx, &l.ask); err != nil {
		l.server.options.Log.Slog().Warn("idempotency key not renewed", "error", err.Error())
	}
	l.timer.Reset(renewEvery)
}

// end stops it, where it was started, and waits for a renewal under way: one that
// came after the key was given back would take it again.
func (l *lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	if l.timer != nil {
		l.timer.Stop()
	}
}
