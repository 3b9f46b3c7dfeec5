package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// spoolMemory is how much of an upload waits in memory for the field that says
// where it goes; what is longer waits in a file.
const spoolMemory = 256 << 10

// spool keeps the beginning of an upload. The zero value is empty; Close gives
// back what it holds.
type spool struct {
	memory []byte
	file   *os.File // behind memory; it has no name any more
	size   int64
}

// add appends p.
func (s *spool) add(p []byte) error {
	s.size += int64(len(p))
	if s.file == nil && len(s.memory)+len(p) <= spoolMemory {
		s.memory = append(s.memory, p...)
		return nil
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "gateway-upload-")
		if err != nil {
			return fmt.Errorf("cannot spool an upload: %w", err)
		}
		s.file = f
		if err := os.Remove(f.Name()); err != nil {
			return fmt.Errorf("cannot spool an upload: %w", err)
		}
	}
	_, err := s.file.Write(p)
	return err
}

// section reads the bytes from one offset to another.
func (s *spool) section(from, to int64) io.Reader {
	inMemory := int64(len(s.memory))
	head := bytes.NewReader(s.memory[min(from, inMemory):min(to, inMemory)])
	if s.file == nil || to <= inMemory {
		return head
	}
	start := max(from, inMemory) - inMemory
	return io.MultiReader(head, io.NewSectionReader(s.file, start, to-inMemory-start))
}

// Close implements io.Closer.
func (s *spool) Close() (err error) {
	if s.file != nil {
		err = s.file.Close()
	}
	*s = spool{}
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
