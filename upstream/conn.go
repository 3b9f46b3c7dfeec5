package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// readBufferSize holds a usual response header with a small body. It is what
// every open stream pays, so it is not larger.
const readBufferSize = 4 << 10

// maxResolve bounds name resolution alone. A failure of it is not remembered
// here: the breaker keeps calls away from a name that stays unknown.
const maxResolve = 2 * time.Second

// conn is one connection to a provider. It belongs to one exchange or to the
// pool.
type conn struct {
	net.Conn
	fd        int
	secure    bool
	reused    bool // it served an exchange before this one
	idleSince time.Time

	// buf[r:w] has been read and not yet used.
	buf  []byte
	r, w int

	// deadline is what reads must keep to, timer what is set: never later, and
	// often earlier, because a timer costs more than a header's parsing. One
	// that fires early is set again. A zero timer is not known.
	deadline, timer time.Time
	// interrupted: a Cancel has set both deadlines to the past, where the one
	// of writes still is.
	interrupted bool

	swap swap // not for secure connections
}

// interrupt implements interruptible: reads and writes under way fail at
// once, without touching the descriptor that their goroutine owns.
func (c *conn) interrupt() { _ = c.SetDeadline(longAgo) }

func (c *conn) close() { _ = c.Conn.Close() }

// readable reports whether a read would return at once (bytes, end or error).
func (c *conn) readable() bool {
	fds := [1]unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN | unix.POLLHUP}}
	for {
		n, err := unix.Poll(fds[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return err != nil || n > 0
	}
}

// room returns the free space behind what is buffered.
func (c *conn) room() []byte {
	if c.r == c.w {
		c.r, c.w = 0, 0
	} else if c.w == len(c.buf) {
		copy(c.buf, c.buf[c.r:c.w])
		c.w -= c.r
		c.r = 0
	}
	return c.buf[c.w:]
}

// dialing lets a Cancel end a dial.
type dialing struct{ stop context.CancelFunc }

func (d dialing) interrupt() { d.stop() }

// dial opens a connection, TLS included, within cfg.Connect. It does so in a
// goroutine of its own: a dial needs a stack twice as deep as a call does, and
// a stream would keep it as long as it flows.
func (e *Endpoint) dial(cancel *Cancel) (*conn, error) {
	ctx, stop := context.WithTimeout(context.Background(), e.cfg.Connect)
	defer stop()
	if err := cancel.attach(dialing{stop}); err != nil {
		return nil, err
	}
	defer cancel.detach()
	var c *conn
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err = e.connect(ctx, stop)
	}()
	<-done
	if err != nil && cancel.Cause() != CauseNone {
		return nil, ErrCanceled
	}
	return c, err
}

// connect is dial without its bounds; stop ends ctx.
func (e *Endpoint) connect(ctx context.Context, stop context.CancelFunc) (*conn, error) {
	unresolved := time.AfterFunc(maxResolve, stop)
	defer unresolved.Stop()
	dialer := e.dialer
	dialer.Control = func(string, string, syscall.RawConn) error { // there is an address
		unresolved.Stop()
		return nil
	}
	raw, err := dialer.DialContext(ctx, "tcp", e.addr)
	if err != nil {
		return nil, dialError(err)
	}
	c := &conn{Conn: raw, buf: make([]byte, readBufferSize)}
	if c.swap.raw, err = rawConn(raw); err == nil {
		err = c.swap.raw.Control(func(p uintptr) { c.fd = int(p) })
	}
	if err != nil {
		c.close()
		return nil, &Error{Code: translate.ProviderUnavailable, Cause: err}
	}
	if e.tls == nil {
		c.swap.step = c.advance
		return c, nil
	}
	c.secure = true
	secure := tls.Client(raw, e.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		c.close()
		return nil, &Error{Code: translate.ProviderTLS, Cause: err}
	}
	c.Conn = secure
	return c, nil
}

func dialError(err error) error {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return &Error{Code: translate.GatewayOverloaded, Cause: err} // our fault, not the provider's
	}
	var ne net.Error
	var name *net.DNSError
	if errors.As(err, &ne) && ne.Timeout() && !errors.As(err, &name) {
		return &Error{Code: translate.ProviderTimeout, Cause: err}
	}
	return &Error{Code: translate.ProviderUnavailable, Cause: err}
}

// rawConn is the way to the descriptor of a TCP connection, which stays valid
// as long as the connection is open.
func rawConn(c net.Conn) (syscall.RawConn, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil, errors.New("connection has no descriptor")
	}
	return sc.SyscallConn()
}
