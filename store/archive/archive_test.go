package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/internal/testservice"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/store/postgres"
	"github.com/ai-mcp-gateway/gateway/store/sqlite"
)

func TestMain(m *testing.M) {
	if os.Getenv(childStep) != "" {
		runUntil(os.Getenv(childStep))
	}
	goleak.VerifyTestMain(m)
}

// openCold opens the store that a URL or a path names.
func openCold(t testing.TB, name string) cold {
	t.Helper()
	s, err := coldOf(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// onStores runs f on a file and on a server, which name names.
func onStores(t *testing.T, f func(t *testing.T, name string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, filepath.Join(t.TempDir(), "gateway.db")) })
	t.Run("postgres", func(t *testing.T) { f(t, testservice.Postgres(t).URL("postgres")) })
}

var _, _ cold = (*sqlite.Store)(nil), (*postgres.Store)(nil)

// fill adds conversations of some tenants, with n messages and one more each.
func fill(t testing.TB, s store.Store, conversations, n int) {
	t.Helper()
	for c := range conversations {
		a := &store.Append{Tenant: fmt.Sprint("t", c%2), Conversation: fmt.Sprint("c", c), Project: "p", User: "u", After: store.AnyVersion, Key: "k"}
		for i := range n + c {
			a.Messages = append(a.Messages, store.Message{
				Role: "user", Dialect: "openai", Raw: fmt.Appendf(nil, "{\"role\":\"user\",\n \"content\":\"<%d> & \\u2028 é %d\"}", i, c),
				Digest: [16]byte{byte(i), 15: byte(c)}, Tokens: i, Model: "m", Incomplete: i%2 == 1,
				Created: time.Date(2025, 3, 1+c, 0, 0, 0, i*1000, time.UTC),
			})
		}
		a.Messages[0].Raw = []byte("\xff\x00 is no text")
		if _, err := s.Append(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
}

// content is every message of what fill has added.
func content(t testing.TB, s store.Store, conversations int) (all [][]store.Message) {
	t.Helper()
	for c := range conversations {
		list, err := s.Messages(t.Context(), fmt.Sprint("t", c%2), fmt.Sprint("c", c), 0, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list)
	}
	return all
}

func files(t testing.TB, dir, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func same(t testing.TB, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestAccept_S7_ArchivedStaysReadable archives, reads, goes on with and archives
// again what was archived.
func TestAccept_S7_ArchivedStaysReadable(t *testing.T) {
	onStores(t, func(t *testing.T, name string) {
		s := New(openCold(t, name), t.TempDir())
		fill(t, s, 6, 700) // more than a page
		want := content(t, s, 6)
		dry, err := s.DryRun(t.Context(), time.Now())
		if err != nil || dry.Conversations != 6 || dry.Messages != 6*700+15 || len(files(t, s.dir, "*")) != 0 {
			t.Errorf("%+v, %v, %q", dry, err, files(t, s.dir, "*"))
		}
		if r, err := s.Run(t.Context(), time.Now().Add(-time.Hour)); err != nil || r != (Report{}) {
			t.Errorf("what is in use: %+v, %v", r, err)
		}
		r, err := s.Run(t.Context(), time.Now())
		if err != nil || r.Conversations != 6 || r.Messages != dry.Messages || r.Files != 1 || r.Bytes == 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		raw, err := s.cold.Messages(t.Context(), "t0", "c2", 0, 10)
		if err != nil || len(raw) != 0 {
			t.Errorf("the store still has %d messages, %v", len(raw), err)
		}
		if l, err := s.Load(t.Context(), "t0", "c0", 0); err != nil || !l.Archived || l.Version != 700 {
			t.Errorf("%+v, %v", l, err)
		}
		l, err := s.Load(t.Context(), "t0", "c0", 8)
		if err != nil || l.Archived || len(l.Recent) != 8 {
			t.Fatalf("%+v, %v", l, err)
		}
		same(t, want[0][692:], l.Recent)
		later, err := s.Messages(t.Context(), "t1", "c1", 300, 5)
		if err != nil {
			t.Fatal(err)
		}
		same(t, want[1][300:305], later)

		// Who does not read first finds the history before what was added.
		added := store.Message{Role: "user", Dialect: "openai", Raw: []byte("{}"), Created: time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)}
		v, err := s.Append(t.Context(), &store.Append{Tenant: "t0", Conversation: "c2", After: 702, Key: "new", Messages: []store.Message{added}})
		if err != nil || v != 703 {
			t.Fatalf("version %d, %v", v, err)
		}
		added.Seq = 703
		want[2] = append(want[2], added)
		same(t, want, content(t, s, 6))
		if r, err = s.Run(t.Context(), time.Now()); err != nil || r.Conversations != 6 || r.Messages != dry.Messages+1 {
			t.Errorf("again: %+v, %v", r, err)
		}
		same(t, want, content(t, s, 6))
	})
}

// TestAccept_F5_RestoreFile puts everything back, from files that have moved.
func TestAccept_F5_RestoreFile(t *testing.T) {
	onStores(t, func(t *testing.T, name string) {
		s := New(openCold(t, name), t.TempDir())
		fill(t, s, 5, 3)
		want := content(t, s, 5)
		if _, err := s.Run(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		file := files(t, s.dir, "*"+suffix)[0]
		moved := filepath.Join(t.TempDir(), "moved")
		if err := os.Rename(file, moved); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Load(t.Context(), "t0", "c0", 8); !errors.Is(err, store.ErrArchive) || !strings.Contains(err.Error(), filepath.Base(file)) {
			t.Errorf("a file that is not there: %v", err)
		}
		if got, err := s.Messages(t.Context(), "t0", "c0", 0, 8); !errors.Is(err, store.ErrArchive) || got != nil {
			t.Errorf("a file that is not there: %v", err)
		}
		r, err := s.RestoreFile(t.Context(), moved)
		if err != nil || r.Conversations != 5 || r.Messages != 25 {
			t.Errorf("%+v, %v", r, err)
		}
		same(t, want, content(t, s.cold, 5))
		if r, err = s.RestoreFile(t.Context(), moved); err != nil || r.Conversations != 0 || r.Skipped != 5 {
			t.Errorf("again: %+v, %v", r, err)
		}
	})
}

// TestDamage breaks each part of a file: nothing but what was archived is read.
func TestDamage(t *testing.T) {
	s := New(openCold(t, filepath.Join(t.TempDir(), "gateway.db")), t.TempDir())
	fill(t, s, 1, 3)
	want := content(t, s, 1)
	if _, err := s.Run(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	file := files(t, s.dir, "*"+suffix)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	broken := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(t.Context(), "t0", "c0", 8); !errors.Is(err, store.ErrArchive) {
			t.Fatalf("%v, %+v", err, got)
		}
		if _, err := s.RestoreFile(t.Context(), file); !errors.Is(err, store.ErrArchive) && len(data) > 0 {
			t.Fatalf("restore: %v", err)
		}
	}
	for i := range whole {
		data := append([]byte{}, whole...)
		data[i] ^= 0x10
		broken(data)
	}
	broken(whole[:len(whole)-1])
	broken(nil)
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	same(t, want, content(t, s, 1))
}

// TestFormat reads a file as a person would, with zstd -dc.
func TestFormat(t *testing.T) {
	s := New(openCold(t, filepath.Join(t.TempDir(), "gateway.db")), t.TempDir())
	fill(t, s, 2, 2)
	if _, err := s.Run(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(files(t, s.dir, "*"+suffix)[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer zip.Close()
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 2+2+3 || !strings.Contains(lines[0], `"tenant":"t0","conversation":"c0"`) || !strings.HasPrefix(lines[2], `{"seq":2,"role":"user"`) {
		t.Errorf("%s", text)
	}
}

func TestOneRunAtATime(t *testing.T) {
	s := New(openCold(t, filepath.Join(t.TempDir(), "gateway.db")), t.TempDir())
	unlock, err := s.lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context(), time.Now()); !errors.Is(err, ErrLocked) {
		t.Errorf("%v", err)
	}
	unlock()
	if _, err := s.Run(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
}

// TestWrittenMeanwhile has somebody write to a conversation between the steps of
// a run: it stays where it is.
func TestWrittenMeanwhile(t *testing.T) {
	onStores(t, func(t *testing.T, name string) {
		s := New(openCold(t, name), t.TempDir())
		fill(t, s, 3, 2)
		s.step = func(step string) {
			if step == "a file is verified" {
				a := &store.Append{Tenant: "t0", Conversation: "c0", After: 2, Key: "new", Messages: []store.Message{{Role: "user", Raw: []byte("{}")}}}
				if _, err := s.Append(t.Context(), a); err != nil {
					t.Error(err)
				}
			}
		}
		r, err := s.Run(t.Context(), time.Now())
		if err != nil || r.Conversations != 2 || r.Skipped != 1 {
			t.Errorf("%+v, %v", r, err)
		}
		if l, err := s.cold.Load(t.Context(), "t0", "c0", 8); err != nil || l.Archived || len(l.Recent) != 3 {
			t.Errorf("%+v, %v", l, err)
		}
	})
}

// TestTwoRuns has two machines archive one store at once, each in a directory of
// its own: every conversation is in one of them.
func TestTwoRuns(t *testing.T) {
	onStores(t, func(t *testing.T, name string) {
		const conversations = 40
		one, two := New(openCold(t, name), t.TempDir()), New(openCold(t, name), t.TempDir())
		fill(t, one, conversations, 2)
		want := content(t, one, conversations)
		reports := make([]Report, 2)
		var wg sync.WaitGroup
		for i, s := range []*Store{one, two} {
			wg.Go(func() {
				var err error
				if reports[i], err = s.Run(t.Context(), time.Now()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := reports[0].Conversations + reports[1].Conversations; n != conversations {
			t.Errorf("%d conversations, want %d: %+v", n, conversations, reports)
		}
		restored := int64(0)
		for _, file := range append(files(t, one.dir, "*"+suffix), files(t, two.dir, "*"+suffix)...) {
			r, err := one.RestoreFile(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			restored += r.Conversations
		}
		if restored != conversations {
			t.Errorf("%d conversations were restored", restored)
		}
		same(t, want, content(t, one.cold, conversations))
	})
}
