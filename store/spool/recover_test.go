package spool

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// edit changes a segment's file as a disk may.
func edit(t testing.TB, path string, change func(data []byte)) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change(data)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// filled returns a directory with n records in it, of which later ones know
// only some to be durable, and where each begins, with the file.
func filled(t testing.TB, n uint64, synced uint64) (dir string, at []ref, paths []string) {
	t.Helper()
	dir = t.TempDir()
	var holding atomic.Bool
	hold := make(chan struct{})
	d := linux
	d.sync = func(f *os.File) error {
		if holding.Load() {
			<-hold
		}
		return syncData(f)
	}
	l, err := open(dir, small, d)
	if err != nil {
		t.Fatal(err)
	}
	appendTo(t, l, synced)
	if err := l.Sync(t.Context(), synced); err != nil {
		t.Fatal(err)
	}
	holding.Store(true)
	appendTo(t, l, n)
	if _, err := l.each(l.acked, func(r record) bool {
		at, paths = append(at, r.ref), append(paths, r.ref.seg.path)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	close(hold)
	closeLog(t, l)
	return dir, at, paths
}

func TestTornTail(t *testing.T) {
	dir, at, paths := filled(t, 6, 5)
	last := at[5]
	whole, err := os.ReadFile(paths[5])
	if err != nil {
		t.Fatal(err)
	}
	size := recordSize(len(payload(6)))
	for n := range size {
		torn := slices.Clone(whole)
		clear(torn[last.off+n:])
		if string(torn) == string(whole) {
			continue // the padding
		}
		if err := os.WriteFile(paths[5], torn, 0o600); err != nil {
			t.Fatal(err)
		}
		l := openLog(t, dir, small)
		holds(t, l, 1, 5)
		if s := l.State(); s.Damage != "" || n > 0 && s.CutRecords != 0 {
			t.Fatalf("cut at %d: %+v", n, s)
		}
		appendTo(t, l, 7) // shorter or longer than what was there
		closeLog(t, l)
		l = openLog(t, dir, small)
		holds(t, l, 1, 7)
		closeLog(t, l)
	}
}

// TestDamage breaks each byte of a record that later ones know to be durable.
func TestDamage(t *testing.T) {
	dir, at, paths := filled(t, 40, 20)
	const broken = 10
	target := at[broken-1]
	copied := t.TempDir()
	for _, n := range []int64{0, 4, 8, 16, 24, 31, 32, 40, recordHeader + int64(len(payload(broken))) - 1} {
		sub := filepath.Join(copied, string(rune('a'+n)))
		if err := os.CopyFS(sub, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		edit(t, filepath.Join(sub, filepath.Base(paths[broken-1])), func(data []byte) { data[target.off+n] ^= 0x10 })
		l := openLog(t, sub, small)
		holds(t, l, 1, broken-1)
		s := l.State()
		if !strings.Contains(s.Damage, "record 10 was lost") || !strings.Contains(s.Damage, damagedSuffix) {
			t.Fatalf("byte %d: %+v", n, s)
		}
		appendTo(t, l, 50)
		holds(t, l, 1, 50)
		closeLog(t, l)
		l = openLog(t, sub, small)
		holds(t, l, 1, 50)
		if l.State().Damage == "" {
			t.Error("the damage is forgotten")
		}
		closeLog(t, l)
		aside, err := filepath.Glob(filepath.Join(sub, "*"+damagedSuffix))
		if err != nil || len(aside) == 0 {
			t.Fatalf("%q, %v", aside, err)
		}
		kept, err := os.ReadFile(aside[0])
		if err != nil || !strings.Contains(string(kept), string(payload(11))) {
			t.Errorf("record 11 is not in %q: %v", aside[0], err)
		}
	}
}

// TestMissingSegment removes a file in the middle.
func TestMissingSegment(t *testing.T) {
	dir, _, paths := filled(t, 100, 90)
	files := slices.Compact(paths)
	if err := os.Remove(files[1]); err != nil {
		t.Fatal(err)
	}
	gone, err := segmentFirst(files[1])
	if err != nil {
		t.Fatal(err)
	}
	l := openLog(t, dir, small)
	holds(t, l, 1, gone-1)
	if l.State().Damage == "" {
		t.Error("nothing is said")
	}
}

// TestPowerCut loses and garbles what was not synced, a sector at a time, in
// every pattern of a few.
func TestPowerCut(t *testing.T) {
	const synced, all = 12, 40
	dir, at, paths := filled(t, all, synced)
	const sector = 512
	for pattern := range 64 {
		sub := filepath.Join(t.TempDir(), "cut")
		if err := os.CopyFS(sub, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		end := at[synced].off // the first that is not synced
		for i, path := range slices.Compact(slices.Clone(paths)) {
			edit(t, filepath.Join(sub, filepath.Base(path)), func(data []byte) {
				from := int64(0)
				if path == paths[synced] {
					from = end
				} else if first, _ := segmentFirst(path); first <= synced {
					return
				}
				for off := from; off < int64(len(data)); off = (off/sector + 1) * sector {
					next := min((off/sector+1)*sector, int64(len(data)))
					switch (pattern*7 + i*3 + int(off/sector)*pattern) % 3 {
					case 0:
						clear(data[off:next])
					case 1:
						for j := off; j < next; j++ {
							data[j] = byte(j*31 + int64(pattern))
						}
					}
				}
			})
		}
		l := openLog(t, sub, small)
		_, last := l.waiting()
		if last < synced {
			t.Fatalf("pattern %d: record %d is gone", pattern, last+1)
		}
		holds(t, l, 1, last)
		if s := l.State(); s.Damage != "" {
			t.Fatalf("pattern %d: %+v", pattern, s)
		}
		closeLog(t, l)
	}
}

// TestPositionLost applies everything again rather than nothing.
func TestPositionLost(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, Config{})
	appendTo(t, l, 30)
	ackThrough(t, l, 10)
	ackThrough(t, l, 20)
	closeLog(t, l)
	// The last write of it was torn: the one before holds.
	slot := int(l.position.turn % 2 * slotApart)
	edit(t, l.path("position"), func(data []byte) { data[slot+20] ^= 1 })
	l = openLog(t, dir, Config{})
	holds(t, l, 11, 30)
	closeLog(t, l)
	edit(t, l.path("position"), func(data []byte) { clear(data) })
	l = openLog(t, dir, Config{})
	holds(t, l, 1, 30)
}

// FuzzSegment opens whatever bytes: every record that is read is whole, they
// follow each other, and the log can be appended to.
func FuzzSegment(f *testing.F) {
	_, _, paths := filled(f, 5, 3)
	data, err := os.ReadFile(paths[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:100])
	f.Add([]byte(segmentMagic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00000000000000000001.log"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		l := unsyncedLog(t, dir)
		next := uint64(1)
		if _, err := l.each(l.acked, func(r record) bool {
			if r.seq != next {
				t.Fatalf("record %d, want %d", r.seq, next)
			}
			next++
			return true
		}); err != nil {
			t.Fatal(err)
		}
		seq, err := l.Append(1, []byte("x"))
		if err != nil || seq < next || seq > next+1 { // a record in between says nothing
			t.Fatalf("%d, %v", seq, err)
		}
		closeLog(t, l)
		l = unsyncedLog(t, dir)
		if _, last := l.waiting(); last != seq {
			t.Fatalf("%d records, want %d", last, seq)
		}
		closeLog(t, l)
	})
}

// unsyncedLog opens a log that is fast and survives no power cut.
func unsyncedLog(t testing.TB, dir string) *Log {
	t.Helper()
	l, err := open(dir, small, disk{allocate: allocate, sync: func(*os.File) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
