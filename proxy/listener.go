package proxy

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// lingerTime and lingerBytes bound how long and how much is read from a
	// client that was refused while it was still sending: closing at once
	// would reset the connection under the answer.
	lingerTime  = time.Second
	lingerBytes = 8 << 20

	acceptPause = 50 * time.Millisecond
)

// listener accepts connections as *conn.
type listener struct {
	net.Listener
	writeTimeout time.Duration
	full         func(error) // told when a connection has to wait for a descriptor
	perIP        int         // the most connections of an address; 0 is any number

	mu     sync.Mutex
	open   map[*conn]struct{}
	byIP   map[netip.Addr]int // not counted when perIP is 0
	closed bool
}

// Close implements net.Listener. It also closes the connections on which
// nothing of a request has arrived, the new ones included: fasthttp would wait
// for them to time out.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for c := range l.open {
		if c.silent.Load() {
			_ = c.TCPConn.Close()
		}
	}
	return err
}

// Accept implements net.Listener. A connection of an address that has its
// share already is closed without a word.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			_ = c.Close()
			return nil, net.ErrClosed
		}
		own := &conn{TCPConn: tcp, owner: l, fd: descriptor(tcp)}
		own.silent.Store(true)
		if l.admit(own) {
			_ = tcp.SetNoDelay(true)
			return own, nil
		}
		_ = tcp.Close()
	}
}

// admit counts a new connection, if it may stay.
func (l *listener) admit(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false // and the next one is an error
	}
	if l.perIP > 0 {
		if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
			c.ip = a.AddrPort().Addr().Unmap()
		}
		if l.byIP[c.ip] >= l.perIP {
			return false
		}
		l.byIP[c.ip]++
	}
	l.open[c] = struct{}{}
	return true
}

// forget is admit's reverse.
func (l *listener) forget(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
	if l.perIP == 0 {
		return
	}
	if l.byIP[c.ip]--; l.byIP[c.ip] == 0 {
		delete(l.byIP, c.ip)
	}
}

// accept waits while the process or the machine is out of descriptors: they
// come back when connections end, and an error would end the server.
func (l *listener) accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
			return c, err
		}
		l.full(err)
		time.Sleep(acceptPause)
	}
}

// conn is a client's connection.
//
// fasthttp moves the read deadline twice for every request, and a timer costs
// more than a header's parsing. So a deadline is only noted, and the timer set
// when a read could outlast it: one that is set earlier is left to fire, and
// the read then goes on to the deadline that holds. The write deadline is moved
// before writes, so that it bounds one write and never a whole stream.
type conn struct {
	*net.TCPConn
	owner  *listener
	fd     int
	ip     netip.Addr // set where connections of an address are counted
	linger bool       // read a little after the last write, then close
	late   bool       // a read deadline has passed
	closed atomic.Bool
	woken  atomic.Bool // see wake

	begun  bool        // something of a request has been read, and no answer written
	silent atomic.Bool // waiting for the first byte of a request

	readDeadline  time.Time // what holds; zero is none
	readTimer     time.Time // what is set
	writeDeadline time.Time
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.readDeadline = t
	return nil
}

// SetDeadline implements net.Conn: what is set at once is not what was noted.
func (c *conn) SetDeadline(t time.Time) error {
	c.readDeadline, c.readTimer, c.writeDeadline = t, time.Time{}, time.Time{}
	return c.TCPConn.SetDeadline(t)
}

// wake ends a read under way and all that follow. It may be called from any
// goroutine.
func (c *conn) wake() {
	c.woken.Store(true)
	_ = c.TCPConn.SetReadDeadline(time.Unix(1, 0))
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	c.silent.Store(!c.begun)
	for {
		if err := c.setReadTimer(); err != nil {
			return 0, err
		}
		if c.woken.Load() {
			return 0, os.ErrDeadlineExceeded
		}
		n, err := c.TCPConn.Read(p)
		if n > 0 && !c.begun {
			c.begun = true
			c.silent.Store(false)
		}
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if c.expired() {
			c.late = true
			return n, err
		}
		c.readTimer = time.Time{} // it was an earlier deadline's
	}
}

// setReadTimer makes sure that a timer is set, and not later than the deadline.
func (c *conn) setReadTimer() error {
	if c.readDeadline.IsZero() || (!c.readTimer.IsZero() && !c.readTimer.After(c.readDeadline)) {
		return nil
	}
	c.readTimer = c.readDeadline
	return c.TCPConn.SetReadDeadline(c.readTimer)
}

func (c *conn) expired() bool {
	return !c.readDeadline.IsZero() && !time.Now().Before(c.readDeadline)
}

// Write implements net.Conn. A client that takes nothing for the write timeout
// is cut off.
func (c *conn) Write(p []byte) (int, error) {
	c.begun = false
	timeout := c.owner.writeTimeout
	if now := time.Now(); c.writeDeadline.Sub(now) < timeout-timeout/16 {
		c.writeDeadline = now.Add(timeout)
		if err := c.SetWriteDeadline(c.writeDeadline); err != nil {
			return 0, err
		}
	}
	return c.TCPConn.Write(p)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	c.owner.forget(c)
	if c.linger && c.CloseWrite() == nil {
		_ = c.TCPConn.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, c.TCPConn, lingerBytes)
	}
	return c.TCPConn.Close()
}

// descriptor returns c's file descriptor, which is valid until c is closed.
func descriptor(c *net.TCPConn) (fd int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1
	}
	if raw.Control(func(p uintptr) { fd = int(p) }) != nil {
		return -1
	}
	return fd
}
