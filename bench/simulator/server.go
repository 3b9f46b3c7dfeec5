package simulator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what a Server plays. The zero value is a well-behaved provider on a free port of 127.0.0.1.
type Config struct {
	// Addr is the TCP address to listen on. Empty means a free port of 127.0.0.1.
	Addr string
	// Seed drives every answer, id and random choice.
	Seed uint64
	// Keys are the credentials accepted, in the header field of the API: as bearer token, x-api-key, api-key or
	// x-goog-api-key. Of one written "id:secret" Bedrock verifies signatures. None means that none is asked for.
	Keys []string
	// Models adds model names to the built-in ones, each with its skill (0, 1 or 2). The name "*" stands for any name.
	Models map[string]int
	// Faults is the spec that every request and connection gets. Empty means good behaviour.
	Faults string
	// TLS serves https: valid, expired, wrong-host, self-signed, tls10 or stall (the handshake is never answered).
	// Empty means plain HTTP.
	TLS string
	// Record is how many of the latest requests Seen remembers. Zero records nothing, as benchmarks want it.
	Record int
}

// Server is a running simulator. Its methods may be called from any goroutine.
type Server struct {
	config Config
	faults plan
	addr   string
	tls    *tls.Config
	ca     []byte
	script script
	record *recorder // nil unless Config.Record asks for it
	bench  benchCache

	started  time.Time
	requests atomic.Uint64
	accepted atomic.Uint64
	done     chan struct{} // closed by Close
	wg       sync.WaitGroup

	mu       sync.Mutex // guards what follows
	listener net.Listener
	conns    map[*conn]struct{}
	closed   bool
}

// Start listens and serves until Close.
func Start(config Config) (*Server, error) {
	s := &Server{config: config, started: time.Now(), done: make(chan struct{}), conns: map[*conn]struct{}{}}
	s.faults = newPlan()
	if err := s.faults.parse(config.Faults); err != nil {
		return nil, err
	}
	for name, skill := range config.Models {
		if skill < 0 || skill > 2 {
			return nil, fmt.Errorf("cannot give model %q the skill %d: not in 0..2", name, skill)
		}
	}
	if config.Record > 0 {
		s.record = newRecorder(config.Record)
	}
	if config.TLS != "" {
		if err := s.certify(config.TLS); err != nil {
			return nil, err
		}
	}
	s.addr = config.Addr
	if s.addr == "" {
		s.addr = "127.0.0.1:0"
	}
	if err := s.Up(); err != nil {
		return nil, err
	}
	return s, nil
}

// URL returns the root of the server, for example http://127.0.0.1:34567, without a final slash or "/v1".
func (s *Server) URL() string {
	if s.config.TLS != "" {
		return "https://" + s.addr
	}
	return "http://" + s.addr
}

// CA returns the certificate, in PEM, that a client must trust to accept Config.TLS "valid"; nil without TLS.
// It does not vouch for a self-signed server.
func (s *Server) CA() []byte { return s.ca }

// Requests returns how many requests have arrived, counted when their header is complete.
func (s *Server) Requests() uint64 { return s.requests.Load() }

// Accepted returns how many connections have been accepted.
func (s *Server) Accepted() uint64 { return s.accepted.Load() }

// OpenConns returns how many connections are open now.
func (s *Server) OpenConns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Down closes the listening socket and every connection: new connections are refused until Up.
func (s *Server) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut()
}

// shut requires s.mu.
func (s *Server) shut() {
	if s.listener != nil {
		_ = s.listener.Close()
		s.listener = nil
	}
	for c := range s.conns {
		c.dropped.Store(true)
		_ = c.tcp.Close()
	}
}

// Up listens again, on the same port, after Down. It fails when something else has taken the port meanwhile.
func (s *Server) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	if s.listener != nil {
		return nil
	}
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", s.addr)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	s.addr = ln.Addr().String()
	s.listener = ln
	s.wg.Add(1)
	go s.accept(ln)
	return nil
}

// Close stops listening, closes every connection whatever it is doing, and waits for the server's goroutines.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
		s.shut()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

func (s *Server) accept(ln net.Listener) {
	defer s.wg.Done()
	for {
		nc, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors: let some go
			s.sleep(10 * time.Millisecond)
			continue
		}
		s.adopt(ln, nc.(*net.TCPConn), s.accepted.Add(1))
	}
}

// adopt serves the connection unless the server went down since it was accepted.
func (s *Server) adopt(ln net.Listener, tcp *net.TCPConn, id uint64) {
	c := newConn(s, tcp, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != ln {
		_ = tcp.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.wg.Add(1)
	go c.serve()
}

func (s *Server) forget(c *conn) {
	_ = c.tcp.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.wg.Done()
}

// sleep waits for d or for Close.
func (s *Server) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.done:
	}
}
