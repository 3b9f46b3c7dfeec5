package spool

import (
	"bufio"
	"errors"
	"io"
	"os"
)

// refused is the file of the records that the cold store would not have, one
// behind the other, as they were in the log. Nothing reads it but State's
// count: somebody has to look.
type refused struct {
	file    *os.File
	records int64
}

func openRefused(path string) (refused, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return refused{}, err
	}
	r := refused{file: f}
	in := bufio.NewReader(f)
	var head [recordHeader]byte
	for {
		_, err := io.ReadFull(in, head[:])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return r, nil
		}
		if err != nil {
			return r, err
		}
		if _, err := in.Discard(int(payloadSize(head[:]))); err != nil && !errors.Is(err, io.EOF) {
			return r, err
		}
		r.records++
	}
}

// refuse keeps a record that the cold store would not have out of its way. An
// error means that it has to stay in the log.
func (l *Log) refuse(where ref) error {
	var data []byte
	if err := l.at(where, func(r record) error {
		data = make([]byte, recordSize(len(r.payload)))
		putRecord(data, r.header, r.payload)
		return nil
	}); err != nil {
		return err
	}
	if _, err := l.refused.file.Write(data); err != nil {
		return err
	}
	if err := l.disk.sync(l.refused.file); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused.records++
	l.wake()
	return nil
}
