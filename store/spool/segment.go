package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A segment begins with the magic, padded to segmentHeader bytes; what follows
// are records without a gap, and zeros. Its name says the first one's number,
// so that one can be made before the number is known.
const (
	segmentHeader = 64
	segmentMagic  = "gateway spool 1\n"
	segmentSuffix = ".log"
	freshSuffix   = ".new"
	damagedSuffix = ".damaged"
)

// segment is a file of records, mapped.
type segment struct {
	file  *os.File
	path  string
	data  []byte // nil once it was closed
	first uint64
	end   int64  // behind the last record
	last  uint64 // the last record's number, 0 while it is the active one
}

// disk is what can fail in a way that no file can be made to fail in.
type disk struct {
	allocate func(f *os.File, size int64) error
	sync     func(f *os.File) error
}

var linux = disk{allocate: allocate, sync: syncData}

func syncData(f *os.File) error {
	for {
		// Since Linux 2.6.19 this writes what was changed through a mapping.
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// allocate makes a file that long and gets its blocks, since a write to a
// mapping has no way to say that the disk is full.
func allocate(f *os.File, size int64) error {
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	}
	if errors.Is(err, unix.EOPNOTSUPP) {
		return writeZeros(f, size)
	}
	return err
}

func writeZeros(f *os.File, size int64) error {
	old, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for zeros := make([]byte, 64<<10); old < size; {
		n, err := f.WriteAt(zeros[:min(size-old, int64(len(zeros)))], old)
		if err != nil {
			return err
		}
		old += int64(n)
	}
	return nil
}

// createSegment makes a segment that has no name yet.
func createSegment(dir string, size int64, d disk) (*segment, error) {
	f, err := os.CreateTemp(dir, "*"+freshSuffix)
	if err != nil {
		return nil, err
	}
	s := &segment{file: f, path: f.Name(), end: segmentHeader}
	if err := s.prepare(size, d); err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

func (s *segment) prepare(size int64, d disk) error {
	if _, err := s.file.WriteString(segmentMagic); err != nil {
		return err
	}
	if err := d.allocate(s.file, size); err != nil {
		return err
	}
	// With its length, which no later sync has to write.
	if err := s.file.Sync(); err != nil {
		return err
	}
	return s.mapFile()
}

func (s *segment) mapFile() error {
	info, err := s.file.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	s.data, err = unix.Mmap(int(s.file.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("cannot map %q: %w", s.path, err)
	}
	return nil
}

// openSegment opens a segment that has its name.
func openSegment(path string, first uint64) (*segment, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	s := &segment{file: f, path: path, first: first, end: segmentHeader}
	if err := s.mapFile(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// name gives a fresh segment the name that says its first record's number.
func (s *segment) name(dir string, first uint64) error {
	path := filepath.Join(dir, fmt.Sprintf("%020d%s", first, segmentSuffix))
	if err := os.Rename(s.path, path); err != nil {
		return err
	}
	s.path, s.first = path, first
	return nil
}

// segmentFirst reads the number from a segment's name.
func segmentFirst(path string) (uint64, error) {
	return strconv.ParseUint(strings.TrimSuffix(filepath.Base(path), segmentSuffix), 10, 64)
}

// sound reports whether there is a segment in the file at all.
func (s *segment) sound() bool {
	return len(s.data) >= segmentHeader && string(s.data[:len(segmentMagic)]) == segmentMagic
}

// rest gives back the memory of a segment that is written and synced: it is in
// the file, and whoever reads it gets it from there.
func (s *segment) rest() { _ = unix.Madvise(s.data, unix.MADV_DONTNEED) }

func (s *segment) room() int64 { return int64(len(s.data)) - s.end }

// put writes a record at off, where there is room for it.
func (s *segment) put(off int64, h header, payload []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { err = faulted(recover(), err) }()
	putRecord(s.data[off:], h, payload)
	return nil
}

// get reads the record at off, which is the one with that number.
func (s *segment) get(off int64, seq uint64) (r record, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { err = faulted(recover(), err) }()
	if off < 0 || off > int64(len(s.data)) {
		return record{}, io.ErrUnexpectedEOF
	}
	r, ok := parseRecord(s.data[off:])
	if !ok || r.seq != seq {
		return record{}, errNoRecord
	}
	r.ref = ref{seq: seq, seg: s, off: off}
	return r, nil
}

var errNoRecord = errors.New("there is no whole record")

// faulted turns what was recovered from an access to a mapping into an error:
// the disk could not read the page, or the file has become shorter.
func faulted(recovered any, err error) error {
	switch r := recovered.(type) {
	case nil:
		return err
	case interface {
		runtime.Error
		Addr() uintptr
	}:
		return fmt.Errorf("cannot reach the segment's page: %w", r)
	}
	panic(recovered)
}

// cut removes what stands from end on.
func (s *segment) cut(end int64, d disk) error {
	size := int64(len(s.data))
	if err := unix.Munmap(s.data); err != nil {
		return err
	}
	s.data, s.end = nil, end
	if err := s.file.Truncate(end); err != nil {
		return err
	}
	if err := d.allocate(s.file, size); err != nil {
		// Then it is full; whoever appends is told that the next one cannot be
		// made. What was allocated has to go, and goes.
		if err := s.file.Truncate(end); err != nil {
			return err
		}
	}
	return s.mapFile()
}

func (s *segment) close() {
	if s.data != nil {
		// It fails for what is not mapped only.
		_ = unix.Munmap(s.data)
		s.data = nil
	}
	s.file.Close()
}

// discard closes a segment and removes its file. One that stays is found at
// the next start.
func (s *segment) discard() {
	s.close()
	_ = os.Remove(s.path)
}

func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("cannot lock %q: %w", path, err)
	}
	return f, nil
}
