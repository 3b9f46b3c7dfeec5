package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// platter is what a disk has that loses its power: of each file what it was
// when it was last synced, under the names that its directory had then.
type platter struct {
	dir string // of the log

	mu    sync.Mutex
	files map[uint64][]byte
	names map[string]uint64
}

func (p *platter) sync(f *os.File) error {
	if err := syncData(f); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return p.syncNames()
	}
	data := make([]byte, info.Size())
	if _, err := f.ReadAt(data, 0); err != nil && info.Size() > 0 {
		return err
	}
	p.files[inode(info)] = data
	return nil
}

func (p *platter) syncNames() error {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	p.names = map[string]uint64{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			p.names[e.Name()] = inode(info)
		}
	}
	return nil
}

func inode(info os.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }

// cut returns a directory with what the disk has.
func (p *platter) cut(t testing.TB) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	dir := filepath.Join(t.TempDir(), "spool")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, ino := range p.names {
		data, synced := p.files[ino]
		if !synced && strings.HasSuffix(name, segmentSuffix) {
			data = append([]byte(segmentMagic), make([]byte, 64<<10)...) // as it was made
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// openPlatter opens a store, whose cold one is away, on a disk that may lose its
// power.
func openPlatter(t testing.TB, messages Durability) (*Store, *platter) {
	t.Helper()
	p := &platter{dir: filepath.Join(t.TempDir(), "spool"), files: map[uint64][]byte{}}
	cfg := Config{Segment: 4096, Wait: 20 * time.Millisecond, Messages: messages}
	l, err := open(p.dir, cfg, disk{allocate: allocate, sync: p.sync})
	if err != nil {
		t.Fatal(err)
	}
	return overAway(t, l, cfg), p
}

// overAway returns a store over a log whose cold store is away.
func overAway(t testing.TB, l *Log, cfg Config) *Store {
	t.Helper()
	cold := &flaky{}
	cold.mode.Store(down)
	s, err := New(&closable{cold}, l, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// closable is a cold store that has nothing to close.
type closable struct{ *flaky }

func (closable) Close() error { return nil }

// kept is how many of the messages are in a copy of the log.
func kept(t testing.TB, dir string) int {
	t.Helper()
	cfg := Config{Segment: 4096, Wait: 20 * time.Millisecond}
	l, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := overAway(t, l, cfg)
	defer s.Close()
	if damage := l.State().Damage; damage != "" {
		t.Errorf("damage: %s", damage)
	}
	list, err := s.Messages(t.Context(), "t", "c", 0, 1000)
	if err != nil {
		return 0 // nothing is there, and nobody says what else there may be
	}
	for i, text := range texts(list) {
		if want := fmt.Sprintf("%d text %d", i+1, i); text != want {
			t.Fatalf("message %q, want %q", text, want)
		}
	}
	return len(list)
}

// TestFault088_PowerCut cuts the power behind every acknowledged append. With
// fsync it is there; with mapped it is there when syncEvery has passed, and at
// once when only the process ends.
func TestFault088_PowerCut(t *testing.T) {
	const appends = 40
	t.Run("fsync", func(t *testing.T) {
		s, disk := openPlatter(t, Fsync)
		for n := range appends {
			if _, err := s.Append(t.Context(), newAppend("c", int64(n), fmt.Sprint(n), fmt.Sprint("text ", n))); err != nil {
				t.Fatal(err)
			}
			if got := kept(t, disk.cut(t)); got < n+1 {
				t.Fatalf("append %d is gone: %d are there", n, got)
			}
		}
	})
	t.Run("mapped", func(t *testing.T) {
		s, disk := openPlatter(t, Mapped)
		for n := range appends {
			if _, err := s.Append(t.Context(), newAppend("c", int64(n), fmt.Sprint(n), fmt.Sprint("text ", n))); err != nil {
				t.Fatal(err)
			}
		}
		killed := filepath.Join(t.TempDir(), "spool")
		if err := os.CopyFS(killed, os.DirFS(disk.dir)); err != nil {
			t.Fatal(err)
		}
		if got := kept(t, killed); got != appends {
			t.Errorf("%d messages survive the process, want %d", got, appends)
		}
		for end := time.Now().Add(20 * time.Second); ; { // it asks nobody to sync
			if got := kept(t, disk.cut(t)); got == appends {
				break
			} else if time.Now().After(end) {
				t.Fatalf("%d of %d messages are on the disk", got, appends)
			}
		}
	})
}
