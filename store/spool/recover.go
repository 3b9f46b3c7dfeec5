package spool

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// recover finds what the last process left, as the package comment says.
func (l *Log) recover() error {
	found, err := l.load()
	if err != nil {
		return err
	}
	from := l.start(&found)
	kept, next := l.walk(found, from)
	l.segments, found = found[:kept:kept], found[kept:]
	if err := l.end(found, next); err != nil {
		return err
	}
	if from, err = l.ensure(from, next); err != nil {
		return err
	}
	l.active = l.segments[len(l.segments)-1]
	l.seq, l.acked = next-1, from
	l.position.store(from.place())
	return l.settle()
}

// ensure makes a segment when there is none, or only one without room for
// anything, whose name it takes.
func (l *Log) ensure(from cursor, next uint64) (cursor, error) {
	if n := len(l.segments); n > 0 {
		last := l.segments[n-1]
		if last.end > segmentHeader || last.room() >= recordHeader {
			return from, nil
		}
		last.close()
		l.segments = l.segments[:n-1]
	}
	s, err := l.create(0)
	if err != nil {
		return from, err
	}
	empty := len(l.segments) == 0
	l.segments = append(l.segments, s)
	if empty {
		from = cursor{seq: next, seg: s, off: segmentHeader}
	}
	return from, s.name(l.dir, next)
}

// load opens the segments, oldest first, and removes those that never got a
// name.
func (l *Log) load() ([]*segment, error) {
	entries, err := os.ReadDir(l.dir) // sorted, and so are the numbers in the names
	if err != nil {
		return nil, err
	}
	var aside []string
	for _, e := range entries {
		path := filepath.Join(l.dir, e.Name())
		switch filepath.Ext(path) {
		case freshSuffix:
			if err := os.Remove(path); err != nil {
				return nil, err
			}
		case damagedSuffix:
			aside = append(aside, e.Name())
		case segmentSuffix:
			first, err := segmentFirst(path)
			if err != nil || first == 0 {
				return nil, fmt.Errorf("%q is not a segment's name", e.Name())
			}
			s, err := openSegment(path, first)
			if err != nil {
				return nil, err
			}
			l.segments = append(l.segments, s) // release closes them after an error
		}
	}
	if len(aside) > 0 {
		l.damage = "records were set aside in " + strings.Join(aside, ", ")
	}
	return l.segments, nil
}

// start returns where the records begin that wait, and removes the segments
// before.
func (l *Log) start(found *[]*segment) cursor {
	at, ok := l.position.load()
	next := at.applied + 1
	for len(*found) > 1 && ok && (*found)[1].first <= next {
		(*found)[0].discard()
		*found = (*found)[1:]
	}
	if len(*found) == 0 {
		return cursor{seq: next}
	}
	s := (*found)[0]
	if ok && s.first == at.segment && at.off >= segmentHeader && at.off <= int64(len(s.data)) {
		return cursor{seq: next, seg: s, off: at.off}
	}
	if !ok || s.first < next {
		// Where they begin is not known any more: apply them all again.
		next = s.first
	}
	return cursor{seq: next, seg: s, off: segmentHeader}
}

// walk reads every record from a place on, and returns how many segments they
// are in and the number of the first one that is not there.
func (l *Log) walk(found []*segment, from cursor) (kept int, next uint64) {
	next = from.seq
	for i, s := range found {
		off := int64(segmentHeader)
		if i == 0 {
			off = from.off
		}
		if !s.sound() || off == segmentHeader && s.first != next {
			break
		}
		if i > 0 {
			found[i-1].last = next - 1
		}
		for s.end = off; ; s.end += recordSize(0) {
			r, err := s.get(s.end, next)
			if err != nil {
				break
			}
			size := recordSize(len(r.payload))
			s.end += size - recordSize(0)
			l.bytes += size
			next++
		}
		kept++
	}
	return kept, next
}

// end removes what stands behind the last record, or sets it aside: the rest
// of the last segment, and the segments that are left.
func (l *Log) end(left []*segment, next uint64) error {
	lost := remains{next: next, budget: 1 << 30}
	var tail *segment
	if len(l.segments) > 0 {
		tail = l.segments[len(l.segments)-1]
		lost.search(tail.data[tail.end:])
	}
	for _, s := range left {
		lost.search(s.data)
	}
	if lost.damage() {
		if err := l.setAside(tail, left, next); err != nil {
			return fmt.Errorf("cannot set aside what is behind a damaged record: %w", err)
		}
	} else {
		l.cutBytes, l.cut = lost.bytes, lost.records
		for _, s := range left {
			s.discard()
		}
	}
	if tail != nil && lastByte(tail.data[tail.end:]) > 0 {
		return tail.cut(tail.end, l.disk)
	}
	return nil
}

// setAside keeps what stands behind a damaged record in files that are never
// read.
func (l *Log) setAside(tail *segment, left []*segment, next uint64) error {
	var names []string
	if tail != nil {
		name := asideName(tail.path)
		if err := writeFile(name, tail.data); err != nil {
			return err
		}
		names = append(names, filepath.Base(name))
	}
	for _, s := range left {
		name := asideName(s.path)
		s.close()
		if err := os.Rename(s.path, name); err != nil {
			return err
		}
		names = append(names, filepath.Base(name))
	}
	text := fmt.Sprintf("record %d was lost on the disk; it and what follows it are set aside in %s", next, strings.Join(names, ", "))
	if l.damage != "" {
		text = l.damage + "; " + text
	}
	l.damage = text
	return nil
}

// asideName returns a name that is free.
func asideName(path string) string {
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s.%d%s", path, i, damagedSuffix)
		if _, err := os.Lstat(name); err != nil {
			return name
		}
	}
}

func writeFile(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, bytes.NewReader(data)); err != nil {
		return err
	}
	return f.Sync()
}

// settle makes everything that was found durable, so that nothing that is
// applied from here on can be lost and have its number given again.
func (l *Log) settle() error {
	for _, s := range l.segments {
		if err := l.disk.sync(s.file); err != nil {
			return err
		}
	}
	l.durable = l.seq
	return l.disk.sync(l.folder)
}

// remains looks for records behind one that is not whole.
type remains struct {
	next    uint64 // the number of the one that is not whole
	budget  int64  // how many bytes may be summed up in the search
	bytes   int64
	records int64
	proof   bool // one says that next was durable
}

// damage reports whether a record that was durable is lost. When the search
// was given up, which takes somebody who forges records in payloads, it is
// assumed.
func (m *remains) damage() bool { return m.proof || m.budget < 0 }

func (m *remains) search(data []byte) {
	n := lastByte(data)
	m.bytes += int64(n)
	for off := 0; off < n && m.budget >= 0; {
		size := 8
		if r, ok := m.try(data[off:]); ok {
			m.records++
			m.proof = m.proof || r.durable >= m.next
			size = int(recordSize(len(r.payload)))
		}
		off += size
	}
}

func (m *remains) try(data []byte) (record, bool) {
	if len(data) < recordHeader || binary.LittleEndian.Uint64(data[8:])-m.next > 1<<40 {
		return record{}, false
	}
	m.budget -= min(int64(len(data)), int64(binary.LittleEndian.Uint32(data[4:])))
	return parseRecord(data)
}

// lastByte returns the length of data without the zeros at its end.
func lastByte(data []byte) int {
	return len(bytes.TrimRight(data, "\x00"))
}
