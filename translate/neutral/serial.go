package neutral

import "bytes"

// Serial holds events back until the block that is open has closed, for
// dialects in which blocks do not overlap, and renumbers the blocks of each
// choice from 0. Finished waits until no block is open, and End closes those
// that are. Deltas of a held block come out joined; those of a block that was
// never opened, or has closed, are left out. Bytes that are held are copied.
// The zero value is ready; it belongs to one stream.
type Serial struct {
	lanes []lane
}

// lane is the state of a choice.
type lane struct {
	number int // of the next block
	open   bool
	index  int // of the open block, as the provider counts
	kind   BlockKind

	held     []heldBlock // in the order in which they opened
	released int         // how many were held before those
	places   places      // of those that have not closed, counting the released
	finished *Event
}

// heldBlock has the events of a block, the BlockStart first.
type heldBlock struct {
	events []Event
	closed bool
}

// Add appends to dst the events that may go out now that e has come. Their
// bytes are those of e, or live as long as the Serial.
func (s *Serial) Add(dst []Event, e *Event) []Event {
	switch e.Kind {
	case BlockStart, TextDelta, ArgumentsDelta, SignatureDelta, AnnotationDelta, BlockStop, Finished:
	case End:
		for i := range s.lanes {
			dst = s.lanes[i].end(dst, i)
		}
		return append(dst, *e)
	default:
		return append(dst, *e)
	}
	if e.Choice < 0 || e.Choice >= maxChoices {
		return dst
	}
	for len(s.lanes) <= e.Choice {
		s.lanes = append(s.lanes, lane{})
	}
	l := &s.lanes[e.Choice]
	switch {
	case e.Kind == Finished && !l.open:
		return append(dst, *e)
	case e.Kind == Finished:
		finished := *e
		l.finished = &finished
		return dst
	default:
		return l.add(dst, e)
	}
}

// add takes an event of a block.
func (l *lane) add(dst []Event, e *Event) []Event {
	switch {
	case l.open && e.Index == l.index && e.Kind == BlockStart:
		l.hold(e) // so that what was held before goes first
		return l.close(dst, &Event{Kind: BlockStop, Choice: e.Choice, Index: e.Index, Block: l.kind})
	case l.open && e.Index == l.index && e.Kind == BlockStop:
		return l.close(dst, e)
	case l.open && e.Index == l.index:
		return l.append(dst, e)
	case l.open:
		l.hold(e)
		return dst
	case e.Kind == BlockStart:
		l.open, l.index, l.kind = true, e.Index, e.Block
		return l.append(dst, e)
	default:
		return dst
	}
}

// append appends e under the number of the open block.
func (l *lane) append(dst []Event, e *Event) []Event {
	dst = append(dst, *e)
	dst[len(dst)-1].Index = l.number
	return dst
}

// close appends stop, and then what was waiting for it.
func (l *lane) close(dst []Event, stop *Event) []Event {
	dst = l.append(dst, stop)
	l.open = false
	l.number++
	for len(l.held) > 0 && !l.open {
		block := &l.held[0]
		for i := range block.events {
			dst = l.append(dst, &block.events[i])
		}
		if block.closed {
			l.number++
		} else {
			first := &block.events[0]
			l.open, l.index, l.kind = true, first.Index, first.Block
			l.places.remove(first.Choice, first.Index)
		}
		*block = heldBlock{}
		l.held = l.held[1:]
		l.released++
	}
	if l.finished != nil && !l.open {
		dst = append(dst, *l.finished)
		l.finished = nil
	}
	return dst
}

// hold keeps an event of a block that is not the open one.
func (l *lane) hold(e *Event) {
	at, known := l.places.get(e.Choice, e.Index)
	if e.Kind == BlockStart {
		if known {
			l.held[at-l.released].stop()
		}
		l.places.put(e.Choice, e.Index, l.released+len(l.held))
		l.held = append(l.held, heldBlock{events: []Event{ownEvent(e)}})
		return
	}
	if !known {
		return
	}
	block := &l.held[at-l.released]
	if e.Kind == BlockStop {
		block.stop()
		l.places.remove(e.Choice, e.Index)
		return
	}
	last := &block.events[len(block.events)-1]
	if last.Kind == e.Kind && e.Kind != AnnotationDelta {
		last.Text = append(last.Text, e.Text...)
		return
	}
	block.events = append(block.events, ownEvent(e))
}

// stop closes the block.
func (b *heldBlock) stop() {
	first := &b.events[0]
	b.closed = true
	b.events = append(b.events, Event{Kind: BlockStop, Choice: first.Choice, Index: first.Index, Block: first.Block})
}

// ownEvent returns e with bytes of its own.
func ownEvent(e *Event) Event {
	own := *e
	own.Text, own.Signature, own.Raw = bytes.Clone(e.Text), bytes.Clone(e.Signature), bytes.Clone(e.Raw)
	if e.Media != nil {
		media := *e.Media
		media.Data = bytes.Clone(media.Data)
		own.Media = &media
	}
	return own
}

// end closes all blocks.
func (l *lane) end(dst []Event, choice int) []Event {
	for i := range l.held {
		if block := &l.held[i]; !block.closed {
			block.stop()
		}
	}
	if l.open {
		dst = l.close(dst, &Event{Kind: BlockStop, Choice: choice, Index: l.index, Block: l.kind})
	}
	return dst
}
