package netwatch

import (
	"slices"

	"golang.org/x/sys/unix"
)

// goneEvents are the events of a peer that has closed, half-closed or reset.
// Level-triggered: a peer that went before arming is found as well.
const goneEvents = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR

// poller asks one epoll set about all armed watches at once. It is guarded by
// the watcher's lock, so that an event always belongs to the watch that is
// armed now: a descriptor is taken out of the set before Remove returns.
type poller struct {
	epfd   int // -1: not open
	byFD   []*Watch
	events [batch]unix.EpollEvent
	gone   [batch]*Watch
}

func (p *poller) open() {
	var err error
	if p.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		p.epfd = -1 // out of descriptors, perhaps: arm tries again
	}
}

func (p *poller) close() {
	if p.epfd >= 0 {
		_ = unix.Close(p.epfd)
		p.epfd = -1
	}
}

// arm reports false when the kernel would not take the descriptor.
func (p *poller) arm(w *Watch) bool {
	if p.epfd < 0 {
		if p.open(); p.epfd < 0 {
			return false
		}
	}
	event := unix.EpollEvent{Events: goneEvents, Fd: int32(w.fd)}
	if err := unix.EpollCtl(p.epfd, unix.EPOLL_CTL_ADD, w.fd, &event); err != nil {
		return false
	}
	if missing := w.fd + 1 - len(p.byFD); missing > 0 {
		p.byFD = slices.Grow(p.byFD, missing)
		p.byFD = p.byFD[:cap(p.byFD)]
	}
	p.byFD[w.fd] = w
	return true
}

func (p *poller) disarm(w *Watch) {
	if p.epfd < 0 || p.byFD[w.fd] != w {
		return
	}
	p.byFD[w.fd] = nil
	_ = unix.EpollCtl(p.epfd, unix.EPOLL_CTL_DEL, w.fd, nil)
}

// poll returns watches whose peers have gone, valid until the next call, and
// whether there may be more. The caller disarms each.
func (p *poller) poll(*ring) (gone []*Watch, more bool) {
	n, err := unix.EpollWait(p.epfd, p.events[:], 0)
	if err != nil {
		return nil, false
	}
	gone = p.gone[:0]
	for i := range p.events[:n] {
		gone = append(gone, p.byFD[p.events[i].Fd])
	}
	return gone, n == len(p.events)
}
