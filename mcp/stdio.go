package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"sync"
	"time"

	"github.com/ai-mcp-gateway/gateway/tenant"
)

// endWithin is what calls under way have when their client has left, so that
// the process ends within 2 seconds.
const endWithin = time.Second

// rootsWithin is how long the client may take to tell its roots.
const rootsWithin = 10 * time.Second

// ServeStdio answers the messages of in, one a line, on out, until in ends or
// ctx does, or out cannot be written to. Nothing but messages goes to out.
// Calls under way are then cancelled.
func (s *Server) ServeStdio(ctx context.Context, caller *tenant.Caller, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &stdio{server: s, out: out, broken: cancel, free: make(chan struct{}, maxInFlight)}
	c.connection = connection{caller: caller, session: "stdio", out: c}
	ended := make(chan error, 1)
	go func() { ended <- c.read(ctx, in) }() // a read that is blocked ends with the process
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	cancel()
	c.wait(endWithin)
	if c.failed != nil {
		return nil // the client has gone, which is how it ends
	}
	return err
}

// stdio is the one connection of a process.
type stdio struct {
	connection
	server *Server
	free   chan struct{}
	// hasRoots: the client can be asked which directories it has open.
	hasRoots bool
	calls    sync.WaitGroup
	broken   context.CancelFunc

	mu     sync.Mutex // guards what follows
	out    io.Writer
	failed error
}

// send implements sink. A message is written by one Write.
func (c *stdio) send(message []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return c.failed
	}
	if _, err := c.out.Write(append(message, '\n')); err != nil {
		c.failed = err
		c.broken()
	}
	return c.failed
}

// read takes the messages in, until the end.
func (c *stdio) read(ctx context.Context, in io.Reader) error {
	r := bufio.NewReaderSize(in, 64<<10)
	for ctx.Err() == nil {
		line, err := readLine(r)
		switch {
		case errors.Is(err, errTooLong):
			_ = c.send(failure(nil, &fault{Code: codeInvalidRequest, Message: "the message is longer than 20 MiB"}))
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			c.take(ctx, line)
		}
		if errors.Is(err, io.EOF) {
			break
		}
	}
	return nil
}

// take answers one message; a request in a goroutine of its own.
func (c *stdio) take(ctx context.Context, line []byte) {
	m, f := parse(line)
	if f != nil {
		_ = c.send(failure(m.id, f))
		return
	}
	if m.method == "initialize" {
		c.note(m)
	}
	if m.id == nil || m.answered {
		c.server.hear(&c.connection, m)
		switch m.method {
		case "notifications/initialized", "notifications/roots/list_changed":
			if c.hasRoots && c.server.options.Roots != nil {
				c.calls.Go(func() { c.takeRoots(ctx) })
			}
		}
		return
	}
	select {
	case c.free <- struct{}{}:
	default:
		_ = c.send(failure(m.id, &fault{Code: codeBusy, Message: "too many requests are under way: wait for some of them"}))
		return
	}
	ctx, q := c.server.begin(ctx, &c.connection, m) // before the next message, which may cancel it
	c.calls.Go(func() {
		defer func() { <-c.free }()
		if answer := c.server.finish(ctx, &c.connection, m, q); answer != nil {
			_ = c.send(answer)
		}
	})
}

// note keeps what the client says of itself for the rest of the connection.
func (c *stdio) note(m message) {
	var p struct {
		ProtocolVersion string `json:"protocolVersion"`
		Capabilities    struct {
			Roots *struct{} `json:"roots"`
		} `json:"capabilities"`
	}
	_ = json.Unmarshal(m.params, &p) // the library refuses what is wrong
	c.version, c.hasRoots = p.ProtocolVersion, p.Capabilities.Roots != nil
}

// takeRoots asks the client which directories it has open, and makes them the
// tools'.
func (c *stdio) takeRoots(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, rootsWithin)
	defer cancel()
	raw, err := c.server.asks.ask(ctx, c, "roots/list", nil)
	var list struct {
		Roots []struct {
			URI string `json:"uri"`
		} `json:"roots"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	var paths []string
	for _, r := range list.Roots {
		if u, err := url.Parse(r.URI); err == nil && u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") {
			paths = append(paths, u.Path)
		}
	}
	if err == nil && len(paths) > 0 {
		err = c.server.options.Roots(paths)
	}
	if err != nil && ctx.Err() == nil {
		c.server.options.Log.Warn("the client's roots are not taken", "error", err.Error())
	}
}

// wait gives the calls under way, which are cancelled, their time to end.
func (c *stdio) wait(d time.Duration) {
	done := make(chan struct{})
	go func() { c.calls.Wait(); close(done) }()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

var errTooLong = errors.New("a line is too long")

// readLine returns the next line without its end. Of one that is too long it
// keeps nothing.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxMessage+1; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case long && err == nil:
			return nil, errTooLong
		case err != nil:
			return line, err
		}
		return line[:len(line)-1], nil
	}
}
