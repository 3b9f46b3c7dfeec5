package postgres

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/internal/testservice"
	"github.com/ai-mcp-gateway/gateway/store"
)

// with gives a store other migrations than those of the program.
func with(t *testing.T, s *Store, files map[string]string) *Store {
	t.Helper()
	all := fstest.MapFS{}
	for name, sql := range files {
		all["migrations/"+name] = &fstest.MapFile{Data: []byte(sql)}
	}
	var err error
	if s.migrations, err = readMigrations(all); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOfManyInstancesOneMigrates(t *testing.T) {
	url := testservice.Postgres(t).URL("postgres")
	var wg sync.WaitGroup
	for range 5 {
		s := with(t, open(t, url), map[string]string{
			"001_a.sql": `CREATE TABLE ran (n int); INSERT INTO ran VALUES (1)`,
			"002_b.sql": `INSERT INTO ran VALUES (2); SELECT pg_sleep(0.05)`,
		})
		wg.Go(func() {
			if _, err := s.migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff([]string{"1", "2"}, query(t, url, `SELECT n FROM ran ORDER BY n`)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}

	// The program's own, by everybody's first call.
	query(t, url, `CREATE DATABASE own`)
	url = strings.Replace(url, "/postgres?", "/own?", 1)
	for range 5 {
		s := open(t, url)
		wg.Go(func() {
			if _, err := s.Append(t.Context(), appending("c", "same")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := query(t, url, `SELECT count(*) FROM messages`); got[0] != "1" {
		t.Errorf("%s messages", got[0])
	}
}

// TestMigrateFromEachVersion brings a database of each earlier program, with a
// turn in it, to the schema of a new one.
func TestMigrateFromEachVersion(t *testing.T) {
	server := testservice.Postgres(t)
	url := func(name string) string {
		query(t, server.URL("template1"), `CREATE DATABASE `+name)
		return server.URL(name)
	}
	const columns = `SELECT table_name || '.' || column_name || ' ' || data_type || coalesce(column_default, '')
		FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1`
	latest := url("latest")
	all := settled(t, open(t, latest)).migrations
	want := query(t, latest, columns)
	for n := 1; n < len(all); n++ {
		u := url(fmt.Sprint("old", n))
		old := open(t, u)
		old.migrations = all[:n]
		if _, err := settled(t, old).Append(t.Context(), appending("c", "k")); err != nil {
			t.Fatal(err)
		}
		s := open(t, u)
		applied, err := s.Migrate(t.Context())
		if err != nil || len(applied) != len(all)-n || applied[0] != all[n].name {
			t.Errorf("from %s: applied %q, error %v", all[n-1].name, applied, err)
		}
		if diff := cmp.Diff(want, query(t, u, columns)); diff != "" {
			t.Errorf("from %s\n%s", all[n-1].name, diff)
		}
		// Both programs go on, as while one takes the other's place.
		for i, s := range []*Store{old, s} {
			if l, err := s.Load(t.Context(), "t", "c", 8); err != nil || len(l.Recent) != 1+i {
				t.Errorf("from %s: %+v, %v", all[n-1].name, l, err)
			}
			if _, err := s.Append(t.Context(), appending("c", fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestPendingChangesNothing(t *testing.T) {
	url := testservice.Postgres(t).URL("postgres")
	s := open(t, url)
	pending := func(want ...string) {
		t.Helper()
		got, err := s.Pending(t.Context())
		if err != nil || cmp.Diff(append([]string{}, want...), got) != "" {
			t.Errorf("pending %q, error %v, want %q", got, err, want)
		}
	}
	var all []string
	for _, m := range s.migrations {
		all = append(all, m.name)
	}
	pending(all...)
	pending(all...)
	settled(t, s)
	pending()
}

func TestMigrationThatFailsIsRolledBackAndNamed(t *testing.T) {
	url := testservice.Postgres(t).URL("postgres")
	files := map[string]string{
		"001_a.sql": `CREATE TABLE a (n int)`,
		"002_b.sql": `CREATE TABLE b (n int); CREATE TABLE a (n int); CREATE TABLE c (n int)`,
	}
	s := with(t, open(t, url), files)
	err := s.Ready(t.Context())
	if err == nil || errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "migration 002_b.sql failed and was rolled back") {
		t.Errorf("error is %v", err)
	}
	if got := query(t, url, `SELECT to_regclass('a')::text || coalesce(to_regclass('b')::text, ' alone')`); got[0] != "a alone" {
		t.Errorf("there is %q", got)
	}
	// What a call writes meanwhile may be kept for later.
	if _, err := s.Append(t.Context(), appending("c", "k")); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "002_b.sql") {
		t.Errorf("error is %v", err)
	}

	files["002_b.sql"] = `CREATE TABLE b (n int)`
	settled(t, with(t, open(t, url), files))
}

func TestSchemaOfAnotherProgramIsRefused(t *testing.T) {
	url := testservice.Postgres(t).URL("postgres")
	settled(t, with(t, open(t, url), map[string]string{"001_a.sql": `CREATE TABLE a (n int)`, "002_b.sql": `CREATE TABLE b (n int)`}))
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a newer one's":   {map[string]string{"001_a.sql": `CREATE TABLE a (n int)`}, "002_b.sql, which this program does not know"},
		"a changed one's": {map[string]string{"001_a.sql": `CREATE TABLE a (n int)`, "002_b.sql": `SELECT 1`}, "another migration 002_b.sql"},
	} {
		s := with(t, open(t, url), c.files)
		if err := s.Ready(t.Context()); err == nil || errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v", name, err)
		}
		if _, err := s.Pending(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Pending's error is %v", name, err)
		}
	}
}

func TestPartitionTakesWhatTheDefaultOneHeld(t *testing.T) {
	s, server := fresh(t)
	url := server.URL("postgres")
	later := time.Date(2031, 5, 17, 0, 0, 0, 0, time.UTC)
	a := appending("c", "k")
	a.Messages[0].Created = later
	a.Messages = append(a.Messages, message("now"))
	if _, err := s.Append(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	in := func(part, want string) {
		t.Helper()
		if got := query(t, url, `SELECT count(*) FROM `+part); got[0] != want {
			t.Errorf("%s holds %s rows, want %s", part, got[0], want)
		}
	}
	in("messages_default", "1")
	if err := s.addPartitions(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if err := s.addPartitions(t.Context(), later); err != nil {
		t.Errorf("a second time: %v", err)
	}
	in("messages_default", "0")
	in("messages_2031_05", "1")
	in("calls_2031_08", "0")
	got, err := s.Load(t.Context(), "t", "c", 8)
	if err != nil || len(got.Recent) != 2 || !got.Recent[0].Created.Equal(later) {
		t.Errorf("loaded %+v, error %v", got, err)
	}
	if n, err := s.Sweep(t.Context(), 10); n != 0 || err != nil {
		t.Errorf("sweep: %d, %v", n, err)
	}
}
