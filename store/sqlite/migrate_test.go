package sqlite

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func testMigrations(t testing.TB) fs.FS {
	t.Helper()
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// with returns the embedded migrations and some more.
func with(t *testing.T, more map[string]string) fstest.MapFS {
	t.Helper()
	all := fstest.MapFS{}
	entries, err := fs.ReadDir(testMigrations(t), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := fs.ReadFile(testMigrations(t), e.Name())
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = &fstest.MapFile{Data: text}
	}
	for name, text := range more {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

// schema is all that a database is made of.
func schema(t *testing.T, s *Store) []string {
	t.Helper()
	var all []string
	err := s.read.run(t.Context(), func(tx *tx) error {
		const list = `SELECT coalesce(sql, name) FROM sqlite_schema UNION ALL SELECT version || name || checksum || applied_at FROM schema_migrations`
		return tx.each(list, nil, func(scan func(...any) error) error {
			var text string
			err := scan(&text)
			all = append(all, text)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestMigrateTwiceChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.db")
	first := openAt(t, path)
	before := schema(t, first)
	appendPair(t, first, 0)
	if diff := cmp.Diff(before, schema(t, openAt(t, path))); diff != "" {
		t.Error(diff)
	}
}

// TestMigrateFromEachVersion brings a database of each earlier program, with a
// turn in it, to the schema of a new one.
func TestMigrateFromEachVersion(t *testing.T) {
	all, err := readMigrations(testMigrations(t))
	if err != nil {
		t.Fatal(err)
	}
	tables := func(s *Store) (list []string) {
		for _, text := range schema(t, s) {
			if !strings.HasPrefix(text, "00") && strings.HasPrefix(text, "CREATE") { // not when it was applied
				list = append(list, text)
			}
		}
		return list
	}
	want := tables(openAt(t, filepath.Join(t.TempDir(), "gateway.db")))
	for n := 1; n < len(all); n++ {
		path, old := filepath.Join(t.TempDir(), "gateway.db"), fstest.MapFS{}
		for _, m := range all[:n] {
			old[m.name] = &fstest.MapFile{Data: []byte(m.text)}
		}
		s, err := open(t.Context(), path, old, busyTimeout)
		if err != nil {
			t.Fatal(err)
		}
		appendPair(t, s, 0)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		applied, err := Migrate(t.Context(), path)
		if diff := cmp.Diff(names(all[n:]), applied); err != nil || diff != "" {
			t.Errorf("from %s: %v\n%s", all[n-1].name, err, diff)
		}
		s = openAt(t, path)
		if diff := cmp.Diff(want, tables(s)); diff != "" {
			t.Errorf("from %s\n%s", all[n-1].name, diff)
		}
		wantMessages(t, s, 2)
	}
}

func TestMigrateByManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestMigrateAddsToWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.db")
	appendPair(t, openAt(t, path), 0)
	more := with(t, map[string]string{"901_more.sql": "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT; INSERT INTO more VALUES (1);"})
	s, err := open(t.Context(), path, more, busyTimeout)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wantMessages(t, s, 2)
	all := strings.Join(schema(t, s), "\n")
	if !strings.Contains(all, "CREATE TABLE more") || !strings.Contains(all, "901_more.sql") {
		t.Error(all)
	}
}

func TestFault083_MigrationThatFailsChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.db")
	s := openAt(t, path)
	before := schema(t, s)
	bad := with(t, map[string]string{
		"901_good.sql": "CREATE TABLE good (id INTEGER PRIMARY KEY) STRICT;",
		"902_bad.sql":  "CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT; INSERT INTO nowhere VALUES (1);",
	})
	refused(t, path, bad, "902_bad.sql", "nothing was changed", "nowhere", path)
	if diff := cmp.Diff(before, schema(t, openAt(t, path))); diff != "" {
		t.Error(diff)
	}
}

func TestMigrateRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.db")
	newer, err := open(t.Context(), path, with(t, map[string]string{"901_newer.sql": "CREATE TABLE newer (id INTEGER PRIMARY KEY) STRICT;"}), busyTimeout)
	if err != nil {
		t.Fatal(err)
	}
	defer newer.Close()
	refused(t, path, testMigrations(t), "901_newer.sql", "newer one wrote it")
	refused(t, path, with(t, map[string]string{"901_newer.sql": "SELECT 1;"}), "901_newer.sql", "does not change")
	refused(t, path, with(t, map[string]string{"901_a.sql": "", "901_b.sql": ""}), "901_a.sql", "901_b.sql", "one number")
	refused(t, path, with(t, map[string]string{"readme.txt": ""}), "readme.txt", "NNN_name.sql")
	if _, err := Pending(t.Context(), path); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("pending: %v", err)
	}
}

// refused expects that a database is not opened, for a reason that says so.
func refused(t *testing.T, path string, migrations fs.FS, words ...string) {
	t.Helper()
	s, err := open(t.Context(), path, migrations, busyTimeout)
	if err == nil {
		_ = s.Close()
		t.Errorf("it is opened; want an error with %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestPending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.db")
	want := func(names ...string) {
		t.Helper()
		got, err := Pending(t.Context(), path)
		if diff := cmp.Diff(names, got); err != nil || diff != "" {
			t.Errorf("error %v\n%s", err, diff)
		}
	}
	want("001_initial.sql", "002_archive.sql")
	if _, err := os.Stat(path); err == nil {
		t.Error("it made a file")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want("001_initial.sql", "002_archive.sql")
	if got := size(t, path); got != 0 {
		t.Errorf("it wrote %d bytes", got)
	}
	s := openAt(t, path)
	want()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want()
}
