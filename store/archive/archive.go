// Package archive moves the messages of conversations that have long been idle
// out of the cold store, into compressed files, and brings them back.
//
// # A file
//
// It is NDJSON, compressed with zstd; zstd -dc reads it. Each conversation is a
// frame of its own: a line that says whose it is, and a line for each message.
// The cold store keeps, with the conversation, where its frame lies and the
// SHA-256 of it, so that one is read without the others, and a file that was
// changed or exchanged is not taken for the truth.
//
// # How nothing gets lost
//
// A file is written beside its place, synced, read back and compared with the
// sums, and put in its place; only then are messages deleted, each conversation's
// in one transaction, which also notes where they are and finds out whether
// anybody has written in the meantime. Until the last of them is settled a list
// of what the file holds lies beside it, in NAME.todo. Whoever runs next goes on
// with it. A run that was cut short before the file was in its place has moved
// nothing, and what it left is removed.
//
// # Reading
//
// Store puts the messages back, in one transaction, when somebody first touches
// an archived conversation. What was appended to it meanwhile stands behind
// them. The files stay as they are. An archive that cannot be read is
// store.ErrArchive, never an empty history.
package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ai-mcp-gateway/gateway/store"
)

// cold is a store whose messages can be taken out and put back.
type cold interface {
	store.Store
	Idle(ctx context.Context, before time.Time, after int64, limit int) (list []store.Conversation, last int64, err error)
	Archive(ctx context.Context, c *store.Conversation, where string) error
	Where(ctx context.Context, tenant, id string) (where string, err error)
	Restore(ctx context.Context, tenant, id, where string, messages []store.Message) error
}

// Store is a cold store that brings back what is archived when it is touched.
type Store struct {
	cold
	dir string

	step func(string) // called by tests at each step of a run; nil otherwise
}

var _ store.Store = (*Store)(nil)

// New returns a store over one whose archive files are in a directory, which
// need not be there. Close closes the cold store.
func New(cold cold, dir string) *Store { return &Store{cold: cold, dir: dir} }

// Load returns a conversation, as store.Store says. Without messages, one that is
// archived stays so.
func (s *Store) Load(ctx context.Context, tenant, id string, recent int) (*store.Loaded, error) {
	l, err := s.cold.Load(ctx, tenant, id, recent)
	if err != nil || !l.Archived || recent <= 0 {
		return l, err
	}
	if err := s.Unarchive(ctx, tenant, id); err != nil {
		return nil, err
	}
	return s.cold.Load(ctx, tenant, id, recent)
}

// Messages returns messages, as store.Store says.
func (s *Store) Messages(ctx context.Context, tenant, id string, after int64, limit int) ([]store.Message, error) {
	list, err := s.cold.Messages(ctx, tenant, id, after, limit)
	if err != nil || limit <= 0 || len(list) > 0 && list[0].Seq == after+1 {
		return list, err
	}
	where, err := s.Where(ctx, tenant, id)
	if err != nil || where == "" {
		return list, err
	}
	if err := s.Unarchive(ctx, tenant, id); err != nil {
		return nil, err
	}
	return s.cold.Messages(ctx, tenant, id, after, limit)
}

// Unarchive puts the messages of a conversation back. It does nothing when they
// are there.
func (s *Store) Unarchive(ctx context.Context, tenant, id string) error {
	text, err := s.Where(ctx, tenant, id)
	if err != nil || text == "" {
		return err
	}
	at, err := parsePlace(text)
	if err != nil {
		return err
	}
	c, err := readFrame(filepath.Join(s.dir, at.file), at)
	if err == nil && (c.Tenant != tenant || c.ID != id) {
		err = fmt.Errorf("it holds another conversation at %d", at.offset)
	}
	if err != nil {
		return fmt.Errorf("%w: %q in %q: %w", store.ErrArchive, at.file, s.dir, err)
	}
	return s.Restore(ctx, tenant, id, text, c.messages)
}

// ErrLocked says that another run is at work in the directory.
var ErrLocked = errors.New("archive: another run has the directory")

// lock makes the directory and keeps other runs out of it until unlock.
func (s *Store) lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w %q", ErrLocked, s.dir)
		}
		return nil, fmt.Errorf("archive: cannot lock %q: %w", s.dir, err)
	}
	return func() { f.Close() }, nil
}

// sync makes names in the directory durable.
func (s *Store) sync() error {
	d, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (s *Store) at(step string) {
	if s.step != nil {
		s.step(step)
	}
}

// The suffixes of an archive file, of one that is being written, and of the list
// of what is not settled.
const (
	suffix     = ".ndjson.zst"
	partSuffix = ".part"
	todoSuffix = ".todo"
)

// isFile reports whether a name is an archive file's, and one of this directory.
func isFile(name string) bool {
	return strings.HasSuffix(name, suffix) && filepath.Base(name) == name
}
