package spool

import "fmt"

// cursor is a place between two records.
type cursor struct {
	seq uint64 // the next one's number
	seg *segment
	off int64
}

func (c cursor) place() place {
	return place{applied: c.seq - 1, segment: c.seg.first, off: c.off}
}

// each passes the records from a place on to visit, until it returns false or
// there are no more, and returns the place behind the last one. What visit
// gets is valid until it returns.
func (l *Log) each(from cursor, visit func(record) bool) (cursor, error) {
	l.mu.Lock()
	last := l.seq
	l.mu.Unlock()
	l.files.RLock()
	defer l.files.RUnlock()
	for from.seq <= last {
		from = l.onward(from)
		r, err := from.seg.get(from.off, from.seq)
		if err != nil {
			return from, fmt.Errorf("spool: cannot read record %d in %q at %d: %w", from.seq, from.seg.path, from.off, err)
		}
		from.seq++
		from.off += recordSize(len(r.payload))
		if !visit(r) {
			break
		}
	}
	return from, nil
}

// onward moves a place from the end of a segment to the beginning of the next.
func (l *Log) onward(at cursor) cursor {
	if at.seg.last == 0 || at.seq <= at.seg.last {
		return at
	}
	for _, s := range l.segments {
		if s.first == at.seq {
			return cursor{seq: at.seq, seg: s, off: segmentHeader}
		}
	}
	panic("BUG: no segment begins with the record that comes next")
}

// at passes one record to visit; what visit gets is valid until it returns.
// It is not called when the record was applied and its segment is gone.
func (l *Log) at(where ref, visit func(record) error) error {
	l.files.RLock()
	defer l.files.RUnlock()
	if where.seg.data == nil {
		return nil
	}
	r, err := where.seg.get(where.off, where.seq)
	if err != nil {
		return fmt.Errorf("spool: cannot read record %d in %q at %d: %w", where.seq, where.seg.path, where.off, err)
	}
	return visit(r)
}

// ack notes that everything before a place, that many bytes behind the last
// one, was applied.
func (l *Log) ack(to cursor, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.bytes -= bytes
	l.position.store(to.place())
	if to.seg != l.acked.seg || l.overfull() != l.full {
		l.wake()
	}
	l.acked = to
}

// waiting is the number of the first record that was not applied, and of the
// last one.
func (l *Log) waiting() (first, last uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked.seq, l.seq
}
