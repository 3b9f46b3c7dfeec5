//go:build unix && !linux && !aix

package netwatch

import "golang.org/x/sys/unix"

// poller peeks at each armed connection in turn.
type poller struct{ gone []*Watch }

func (*poller) open()           {}
func (*poller) close()          {}
func (*poller) arm(*Watch) bool { return true }
func (*poller) disarm(*Watch)   {}

// poll returns watches whose peers have gone, valid until the next call.
func (p *poller) poll(armed *ring) (gone []*Watch, more bool) {
	p.gone = p.gone[:0]
	for w := armed.root.next; w != &armed.root; w = w.next {
		if peerGone(w.fd) {
			p.gone = append(p.gone, w)
		}
	}
	return p.gone, false
}

func peerGone(fd int) bool {
	var one [1]byte
	n, _, err := unix.Recvfrom(fd, one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	switch err {
	case nil:
		return n == 0
	case unix.EAGAIN, unix.EINTR:
		return false
	default:
		return true
	}
}
