package archive

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Report is what a run has done, or would do.
type Report struct {
	// Conversations, and Messages of them, were moved. Skipped conversations
	// were written to while they were archived, or by another run.
	Conversations, Messages, Skipped int64
	// Files were written, of so many Bytes.
	Files int
	Bytes int64
}

const (
	// fileSize is how many bytes a file has when the next one is begun.
	fileSize = 256 << 20
	// page is how many conversations, or messages, are read at a time.
	page = 500
)

// Run moves the messages of all conversations that were not updated since
// before into files, and first finishes what a run has left that was cut short.
// It is ErrLocked when another one is at work in the directory. After an error
// the report says what was done.
func (s *Store) Run(ctx context.Context, before time.Time) (r Report, err error) {
	unlock, err := s.lock()
	if err != nil {
		return r, err
	}
	defer unlock()
	if err := s.finish(ctx, &r); err != nil {
		return r, err
	}
	b := &batch{Store: s, report: &r}
	defer b.drop()
	err = s.each(ctx, before, func(c *store.Conversation) error {
		if err := b.add(ctx, c); err != nil {
			return err
		}
		if b.file.size < fileSize {
			return nil
		}
		return b.close(ctx)
	})
	if err == nil {
		err = b.close(ctx)
	}
	return r, err
}

// DryRun says what Run would move, and changes nothing.
func (s *Store) DryRun(ctx context.Context, before time.Time) (r Report, err error) {
	err = s.each(ctx, before, func(c *store.Conversation) error {
		r.Conversations++
		r.Messages += c.Version
		return nil
	})
	return r, err
}

// each passes the conversations to visit that were not updated since before.
func (s *Store) each(ctx context.Context, before time.Time, visit func(c *store.Conversation) error) error {
	for after := int64(0); ; {
		list, last, err := s.Idle(ctx, before, after, page)
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			if err := visit(&list[i]); err != nil {
				return err
			}
		}
		after = last
	}
}

// entry is a line of the list of what a file holds that is not settled.
type entry struct {
	Tenant  string    `json:"tenant"`
	ID      string    `json:"conversation"`
	Version int64     `json:"version"`
	Updated time.Time `json:"updated"`
	Where   string    `json:"where"`
}

// batch is a file that is being written. Without one it has a nil file.
type batch struct {
	*Store
	report *Report
	file   *writer
	list   []entry
}

func (b *batch) path(suffix string) string { return filepath.Join(b.dir, b.file.name+suffix) }

// add writes a conversation to the file. One that changes meanwhile stays where
// it is.
func (b *batch) add(ctx context.Context, c *store.Conversation) error {
	if b.file == nil {
		if err := b.begin(); err != nil {
			return fmt.Errorf("archive: cannot begin a file: %w", err)
		}
	}
	at, err := b.file.put(c, func(after int64) ([]store.Message, error) {
		return b.cold.Messages(ctx, c.Tenant, c.ID, after, page)
	})
	if errors.Is(err, errChanged) {
		b.report.Skipped++
		return nil // what was written of it, nobody refers to
	}
	if err != nil {
		return fmt.Errorf("archive: cannot write %q: %w", b.path(partSuffix), err)
	}
	b.list = append(b.list, entry{Tenant: c.Tenant, ID: c.ID, Version: c.Version, Updated: c.Updated, Where: at.String()})
	return nil
}

func (b *batch) begin() error {
	name := time.Now().UTC().Format("20060102T150405-") + strings.ToLower(rand.Text()[:8]) + suffix
	f, err := os.OpenFile(filepath.Join(b.dir, name+partSuffix), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	b.at("a file is begun")
	b.file, err = newWriter(f, name)
	if err != nil {
		f.Close()
	}
	return err
}

// close puts the file in its place and settles what it holds.
func (b *batch) close(ctx context.Context) error {
	if b.file == nil {
		return nil
	}
	if len(b.list) == 0 {
		b.drop()
		return nil
	}
	if err := b.place(); err != nil {
		return fmt.Errorf("archive: cannot keep %q: %w", b.path(""), err)
	}
	b.report.Files++
	b.report.Bytes += b.file.size
	name, list := b.file.name, b.list
	b.file, b.list = nil, nil
	return b.settle(ctx, name, list, b.report)
}

// place makes the file durable, reads it back, writes the list and renames. The
// file is in its place when its list is whole, or not at all.
func (b *batch) place() error {
	b.at("a file is written")
	if err := errors.Join(b.file.file.Sync(), b.file.file.Close()); err != nil {
		return err
	}
	if err := verify(b.path(partSuffix), b.list); err != nil {
		return err
	}
	b.at("a file is verified")
	if err := writeList(b.path(todoSuffix), b.list); err != nil {
		return err
	}
	if err := b.sync(); err != nil {
		return err
	}
	b.at("its list is written")
	if err := os.Rename(b.path(partSuffix), b.path("")); err != nil {
		return err
	}
	err := b.sync()
	b.at("it is in its place")
	return err
}

// drop removes what was begun and is in no place.
func (b *batch) drop() {
	if b.file != nil {
		b.file.file.Close()
		_ = os.Remove(b.path(partSuffix))
		_ = os.Remove(b.path(todoSuffix))
		b.file, b.list = nil, nil
	}
}

// verify reads every frame of a file again.
func verify(path string, list []entry) error {
	for i := range list {
		e := &list[i]
		at, err := parsePlace(e.Where)
		if err != nil {
			return err
		}
		c, err := readFrame(path, at)
		if err == nil && (c.Tenant != e.Tenant || c.ID != e.ID || int64(len(c.messages)) != e.Version) {
			err = errors.New("it holds something else")
		}
		if err != nil {
			return fmt.Errorf("what was written is not what is read, of %q: %w", e.ID, err)
		}
	}
	return nil
}

func writeList(path string, list []entry) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	out := json.NewEncoder(w)
	for i := range list {
		err = errors.Join(err, out.Encode(&list[i]))
	}
	return errors.Join(err, w.Flush(), f.Sync(), f.Close())
}

func readList(path string) (list []entry, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for in := json.NewDecoder(bufio.NewReader(f)); in.More(); {
		var e entry
		if err := in.Decode(&e); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// settle deletes from the cold store what a file that is in its place holds, and
// removes its list.
func (s *Store) settle(ctx context.Context, name string, list []entry, r *Report) error {
	moved := 0
	for i := range list {
		e := &list[i]
		c := store.Conversation{Tenant: e.Tenant, ID: e.ID, Version: e.Version, Updated: e.Updated}
		err := s.Archive(ctx, &c, e.Where)
		var changed *store.VersionError
		switch {
		case errors.As(err, &changed), errors.Is(err, store.ErrNotFound):
			r.Skipped++
		case err != nil:
			return fmt.Errorf("archive: cannot settle %q, which the next run will: %w", name, err)
		default:
			moved++
			r.Conversations++
			r.Messages += e.Version
		}
		s.at("a conversation is settled")
	}
	if err := os.Remove(filepath.Join(s.dir, name+todoSuffix)); err != nil {
		return err
	}
	if moved == 0 { // nobody refers to it
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
			return err
		}
	}
	s.at("its list is removed")
	return s.sync()
}

// finish goes on with what runs have left that were cut short.
func (s *Store) finish(ctx context.Context, r *Report) error {
	lists, err := filepath.Glob(filepath.Join(s.dir, "*"+suffix+todoSuffix))
	if err != nil {
		return err
	}
	for _, path := range lists {
		file := strings.TrimSuffix(path, todoSuffix)
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			if err := os.Remove(path); err != nil {
				return err
			}
			continue
		}
		list, err := readList(path)
		if err == nil {
			err = verify(file, list)
		}
		if err != nil {
			return fmt.Errorf("archive: cannot go on with %q: %w", file, err)
		}
		if err := s.settle(ctx, filepath.Base(file), list, r); err != nil {
			return err
		}
	}
	parts, err := filepath.Glob(filepath.Join(s.dir, "*"+suffix+partSuffix))
	for _, path := range parts {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}
