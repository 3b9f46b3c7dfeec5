package simulator

import (
	"bufio"
	"cmp"
	"errors"
	"os"
	"time"
)

// write sends b, in pieces if the plan says so.
func (c *conn) write(b []byte) error {
	if c.plan.split == 0 {
		_, err := c.rw.Write(b)
		return err
	}
	return c.drip(b, c.plan.split, cmp.Or(c.plan.splitDelay, splitPause))
}

const (
	// splitPause keeps the pieces of a split apart: written at once, the kernel may send many in one segment.
	splitPause = 100 * time.Microsecond
	// resetPause lets the kernel send what is written: an RST throws away the rest.
	resetPause = 50 * time.Millisecond
)

// drip sends b in writes of n bytes with a delay after each. Go sets TCP_NODELAY, so each becomes a TCP segment of its
// own unless the congestion window is full.
func (c *conn) drip(b []byte, n int, delay time.Duration) error {
	for len(b) > 0 {
		piece := b[:min(n, len(b))]
		if _, err := c.rw.Write(piece); err != nil {
			return err
		}
		b = b[len(piece):]
		if err := c.pause(delay); err != nil {
			return err
		}
	}
	return nil
}

// flush writes what has been put into c.out.
func (c *conn) flush() error {
	b := c.out
	c.out = c.out[:0]
	if len(b) == 0 {
		return nil
	}
	return c.write(b)
}

// pause waits for d while watching the client: it returns errGone at once when the connection is closed.
// What the client sends meanwhile is kept for the next request.
func (c *conn) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	deadline := time.Now().Add(d)
	if err := c.rw.SetReadDeadline(deadline); err != nil {
		return errGone
	}
	for {
		_, err := c.br.Peek(c.br.Buffered() + 1)
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			if c.rw.SetReadDeadline(time.Time{}) != nil {
				return errGone
			}
			return nil
		case errors.Is(err, bufio.ErrBufferFull): // pipelined requests: the close is behind them
			c.server.sleep(time.Until(deadline))
			return c.rw.SetReadDeadline(time.Time{})
		default:
			return errGone
		}
	}
}

// stall says nothing until the client closes; then it returns errGone.
func (c *conn) stall() error {
	for {
		if _, err := c.br.Discard(c.br.Buffered()); err != nil {
			return errGone
		}
		if _, err := c.br.Peek(1); err != nil {
			return errGone
		}
	}
}

// reset closes the connection with a TCP RST.
func (c *conn) reset() error {
	_ = c.tcp.SetLinger(0)
	_ = c.tcp.Close()
	return errEnd
}
