package netwatch

// ring is a circular list of watches around a root of its own.
type ring struct{ root Watch }

func (r *ring) init() { r.root.next, r.root.prev = &r.root, &r.root }

func (r *ring) empty() bool { return r.root.next == &r.root }

// first returns the oldest watch, or nil.
func (r *ring) first() *Watch {
	if r.empty() {
		return nil
	}
	return r.root.next
}

// push adds a watch at the end.
func (r *ring) push(w *Watch) {
	last := r.root.prev
	w.prev, w.next = last, &r.root
	last.next, r.root.prev = w, w
}

// take moves everything of from to the end of r.
func (r *ring) take(from *ring) {
	if from.empty() {
		return
	}
	last := r.root.prev
	last.next, from.root.next.prev = from.root.next, last
	from.root.prev.next, r.root.prev = &r.root, from.root.prev
	from.init()
}

// unlink takes the watch out of whatever ring it is in.
func (w *Watch) unlink() {
	w.prev.next, w.next.prev = w.next, w.prev
	w.next, w.prev = nil, nil
}
