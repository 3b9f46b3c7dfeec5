package upstream

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// errUnquiet: a kept-alive connection was closed, or had something to say that
// nobody asked for. Nothing has been sent.
var errUnquiet = errors.New("the idle connection is not usable")

// swap is a small request on a kept-alive connection, up to the first bytes of
// its answer. What net.Conn would do in a poll (is the connection still
// quiet?), a write, a read that finds nothing yet and a read that does, it does
// without the third: it registers for readiness first, and does all of it in
// there.
type swap struct {
	raw  syscall.RawConn
	step func(fd uintptr) (done bool) // conn.advance, bound once

	out  []byte // what is not written yet; nil when the request is
	sent bool   // out has been begun
	err  error
}

// swap writes out and waits for the first bytes of the answer, which it reads
// into the buffer. It returns early, without an error, when the rest is for
// ordinary reads and writes: rest is what has not been written.
func (c *conn) swapBytes(out []byte) (rest []byte, err error) {
	c.swap.out, c.swap.sent, c.swap.err = out, false, nil
	err = c.swap.raw.Read(c.swap.step)
	rest, c.swap.out = c.swap.out, nil
	if c.swap.err != nil {
		return rest, c.swap.err
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return rest, err
	}
	return rest, nil
}

// advance goes as far as it can without blocking.
func (c *conn) advance(fd uintptr) (done bool) {
	s := &c.swap
	if !s.sent {
		if _, err := read(fd, c.room()); err != syscall.EAGAIN {
			s.err = errUnquiet
			return true
		}
		s.sent = true
		n, err := write(fd, s.out)
		if s.out = s.out[n:]; len(s.out) > 0 {
			if err != syscall.EAGAIN && err != nil {
				s.err = os.NewSyscallError("write", err)
			}
			return true
		}
		return false
	}
	n, err := read(fd, c.room())
	switch {
	case err == syscall.EAGAIN:
		return false
	case err != nil:
		s.err = os.NewSyscallError("read", err)
	case n == 0:
		s.err = io.EOF
	}
	c.w += n
	return true
}

// read is read(2), which a signal does not end.
func read(fd uintptr, p []byte) (n int, err error) {
	for {
		n, err = syscall.Read(int(fd), p)
		if err != syscall.EINTR {
			return max(0, n), err
		}
	}
}

// write is write(2), which a signal does not end.
func write(fd uintptr, p []byte) (n int, err error) {
	for {
		n, err = syscall.Write(int(fd), p)
		if err != syscall.EINTR {
			return max(0, n), err
		}
	}
}
