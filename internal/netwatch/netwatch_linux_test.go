package netwatch

import (
	"net"
	"testing"
)

func TestFault037_PeerGoesBehindUnreadBytes(t *testing.T) {
	testLeave(t, func(c *net.TCPConn) error {
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
			return err
		}
		return c.Close()
	})
}
