package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
)

// onColdStores runs f with the environment of each cold tier.
func onColdStores(t *testing.T, f func(t *testing.T, env []string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, []string{"GATEWAY_DATA_DIR=" + t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) {
		url := testservice.Postgres(t).URL("postgres")
		f(t, []string{"GATEWAY_DATA_DIR=" + t.TempDir(), "DATABASE_URL=" + url})
	})
}

// command runs a command of the gateway to its end.
func command(t testing.TB, env []string, args ...string) (code int, said string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return runCommand(t, env, path, args...)
}

// wantCommand is command with what it has to say.
func wantCommand(t testing.TB, code int, text string, env []string, args ...string) string {
	t.Helper()
	got, said := command(t, env, args...)
	if got != code || !strings.Contains(said, text) {
		t.Errorf("gateway %s: exit code %d, want %d with %q\n%s", strings.Join(args, " "), got, code, text, said)
	}
	return said
}

func TestMigrate(t *testing.T) {
	onColdStores(t, func(t *testing.T, env []string) {
		for range 2 { // it changes nothing
			wantCommand(t, 0, "002_archive.sql would be applied", env, "migrate", "--dry-run")
		}
		if said := wantCommand(t, 0, "002_archive.sql applied", env, "migrate"); strings.Count(said, " applied") != 2 {
			t.Errorf("%s", said)
		}
		wantCommand(t, 0, "up to date", env, "migrate", "--dry-run")
		wantCommand(t, 0, "up to date", env, "migrate")
		wantCommand(t, exitUsage, "usage: gateway migrate", env, "migrate", "--dryrun")
	})
}

func TestMigrate_TwoAtOnce(t *testing.T) {
	onColdStores(t, func(t *testing.T, env []string) {
		var wg sync.WaitGroup
		said := make([]string, 4)
		for i := range said {
			wg.Go(func() { said[i] = wantCommand(t, 0, "", env, "migrate") })
		}
		wg.Wait()
		if all := strings.Join(said, ""); strings.Count(all, "001_") != 1 || strings.Count(all, "002_") != 1 {
			t.Errorf("each is applied once, by one of them:\n%s", all)
		}
	})
}

func TestMigrate_Failures(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(bad, []byte("lsiten: 127.0.0.1:0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantCommand(t, exitConfig, "lsiten", []string{"GATEWAY_CONFIG=" + bad}, "migrate")
	wantCommand(t, exitConfig, "cannot use the URL", []string{"DATABASE_URL=postgres://127.0.0.1:1/x?sslmode=what"}, "migrate")
	away := []string{"DATABASE_URL=postgres://gateway:hidden-secret@" + freeAddress(t) + "/x?sslmode=disable"}
	for _, args := range [][]string{{"migrate"}, {"migrate", "--dry-run"}, {"archive", "--before", "90d"}, {"restore", bad}} {
		if said := wantCommand(t, exitUnavailable, "the database is away", away, args...); strings.Contains(said, "hidden-secret") {
			t.Errorf("it tells the password: %s", said)
		}
	}
}

// TestFault083 has a migration fail midway: serve and migrate refuse, say what
// it was, and leave everything as it was.
func TestFault083(t *testing.T) {
	server := testservice.Postgres(t)
	url := server.URL("postgres")
	env := []string{"GATEWAY_DATA_DIR=" + t.TempDir(), "DATABASE_URL=" + url}
	// Behind some of 001's tables there is one that is somebody else's.
	server.Exec(`CREATE TABLE summaries (n int)`)
	for _, args := range [][]string{{"serve"}, {"migrate"}, {"serve"}} {
		said := wantCommand(t, exitFailed, "migration 001_init.sql failed and was rolled back", env, args...)
		if !strings.Contains(said, `relation "summaries" already exists`) {
			t.Errorf("%s", said)
		}
	}
	if got := server.Exec(`SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`); got != "1" {
		t.Errorf("%s tables, want the one that was there", got)
	}
	wantCommand(t, 0, "001_init.sql would be applied", env, "migrate", "--dry-run")
	server.Exec(`DROP TABLE summaries`)
	wantCommand(t, 0, "001_init.sql applied", env, "migrate")
}

// TestAccept_S7_Commands archives under a gateway that serves, which goes on
// with the conversation from the file, and restores another.
func TestAccept_S7_Commands(t *testing.T) {
	onColdStores(t, func(t *testing.T, env []string) {
		sim := startSimulator(t, simulator.Config{})
		g := launch(t, config(uncached, sim.URL()+"/v1"), env...)
		for _, id := range []string{"one", "two", "three"} {
			g.turn(id, "The word is Quince.")
			g.turn(id, "Remember it.")
		}
		g.stop(syscall.SIGTERM) // and with it what the hot tier has
		now := time.Now().Add(time.Second).UTC()
		eventually(t, patience, "the moment to be over", func() bool { return time.Now().After(now) })
		before := now.Format(time.RFC3339)
		wantCommand(t, 0, "conversations 3, messages 12", env, "archive", "--before", before, "--dry-run")
		wantCommand(t, 0, "conversations 0", env, "archive", "--before", "1d")
		wantCommand(t, exitUsage, "in the future", env, "archive", "--before", "2999-01-01")
		wantCommand(t, exitUsage, "--before: a date has to be given", env, "archive")
		wantCommand(t, exitUsage, "is no date", env, "archive", "--before", "yesterday")
		wantCommand(t, exitUsage, "usage: gateway restore FILE", env, "restore")

		g = launch(t, config(uncached, sim.URL()+"/v1"), env...)
		wantCommand(t, 0, "conversations 3, messages 12; new files 1", env, "archive", "--before", before)
		archives, err := filepath.Glob(filepath.Join(strings.TrimPrefix(env[0], "GATEWAY_DATA_DIR="), "archive", "*.ndjson.zst"))
		if err != nil || len(archives) != 1 {
			t.Fatalf("%q, %v", archives, err)
		}
		if got := g.context("one"); got.Get("recentMessages.#").Int() != 4 || got.Get("recentMessages.0.content").Str != "The word is Quince." {
			t.Errorf("%s", got.Raw)
		}
		if got := g.turn("two", "What is it?"); got.Get("context.source").Str != "cold" || got.Get("context.messageCount").Int() != 6 {
			t.Errorf("%s", got.Raw)
		}

		if metric(t, g.metrics(), "gateway_store_duration_seconds_count") == 0 {
			t.Error("the database's work is not counted")
		}

		// A file that is not there is no empty history.
		aside := archives[0] + ".aside"
		if err := os.Rename(archives[0], aside); err != nil {
			t.Fatal(err)
		}
		sent := sim.Requests()
		r := g.get("/v1/context/three")
		r.wantError(t, 503, "gateway_no_state")
		if !strings.Contains(gjson.Get(r.body, "error.message").Str, "archived") {
			t.Errorf("%s", r.body)
		}
		eventually(t, patience, "the log to name the file", func() bool { return strings.Contains(g.logs.String(), filepath.Base(archives[0])) })
		g.post("/v1/chat", `{"conversationId":"three","message":"hi"}`).wantError(t, 503, "gateway_no_state")
		if n := sim.Requests() - sent; n != 0 {
			t.Errorf("%d upstream calls without the history", n)
		}
		wantCommand(t, 0, "conversations 1, messages 4; not archived in it 2", env, "restore", aside)
		if n := g.context("three").Get("recentMessages.#").Int(); n != 4 {
			t.Errorf("%d messages, want 4", n)
		}
		g.stop(syscall.SIGTERM)
	})
}

// TestAccept_S7_SharedDirectory has two instances with directories of their own
// and one archive.
func TestAccept_S7_SharedDirectory(t *testing.T) {
	server, shared := testservice.Postgres(t), t.TempDir()
	sim := startSimulator(t, simulator.Config{})
	var instances []*instance
	for range 2 {
		own := fmt.Sprintf("data_dir: %s\nstate: {postgres: %q, archive: %q}\n", t.TempDir(), server.URL("postgres"), shared)
		g := launch(t, config(uncached+own, sim.URL()+"/v1"))
		t.Cleanup(func() { g.stop(syscall.SIGTERM) })
		instances = append(instances, g)
	}
	instances[0].turn("c", "first")
	wantCommand(t, 0, "conversations 1, messages 2", []string{"GATEWAY_CONFIG=" + instances[0].file}, "archive", "--before", "0d")
	if n := instances[1].context("c").Get("recentMessages.#").Int(); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
}
