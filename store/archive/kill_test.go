package archive

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/store/postgres"
	"github.com/ai-mcp-gateway/gateway/store/sqlite"
)

// What the process is told that archives until it is killed.
const (
	childStep = "ARCHIVE_TEST_STEP" // the number of the step at which it ends
	childCold = "ARCHIVE_TEST_STORE"
	childDir  = "ARCHIVE_TEST_DIR"
	childFile = "ARCHIVE_TEST_RESTORE" // a file to restore, instead of a run
)

func coldOf(ctx context.Context, name string) (cold, error) {
	if !strings.HasPrefix(name, "postgres") {
		return sqlite.Open(ctx, name)
	}
	s, err := postgres.Open(ctx, postgres.Config{URL: name, Wait: 20 * time.Second, Timeout: 30 * time.Second})
	if err != nil {
		return nil, err
	}
	return s, s.Ready(ctx)
}

// runUntil runs, and kills its process at a step.
func runUntil(step string) {
	ctx := context.Background()
	c, err := coldOf(ctx, os.Getenv(childCold))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	s, n := New(c, os.Getenv(childDir)), 0
	s.step = func(string) {
		if n++; fmt.Sprint(n) == step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	if file := os.Getenv(childFile); file != "" {
		_, err = s.RestoreFile(ctx, file)
	} else {
		_, err = s.Run(ctx, time.Now())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(0)
}

// killedAt runs a child to a step, and reports whether it got there.
func killedAt(t *testing.T, step int, cold, dir, file string) bool {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), fmt.Sprint(childStep, "=", step), childCold+"="+cold, childDir+"="+dir, childFile+"="+file)
	out, err := child.CombinedOutput()
	if code := child.ProcessState.ExitCode(); code != 0 && code != -1 {
		t.Fatalf("step %d: %v %s", step, err, out)
	}
	return err != nil
}

// TestKill kills a run at each of its steps. The next one completes it: every
// conversation is in one file, nothing is lost, nothing doubled.
func TestKill(t *testing.T) {
	onStores(t, func(t *testing.T, name string) {
		const conversations = 3
		s := New(openCold(t, name), t.TempDir())
		fill(t, s, conversations, 2)
		want := content(t, s, conversations)
		step := 1
		for ; killedAt(t, step, name, s.dir, ""); step++ {
			if l, err := s.cold.Load(t.Context(), "t0", "c0", 9); err != nil || !l.Archived && len(l.Recent) != 2 {
				t.Fatalf("step %d: in neither place: %+v, %v", step, l, err)
			}
			r, err := s.Run(t.Context(), time.Now())
			if err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			if left := files(t, s.dir, "*"); len(left) != 2 { // a file, and the lock
				t.Errorf("step %d: %+v, there are %q", step, r, left)
			}
			file := files(t, s.dir, "*"+suffix)[0]
			if r, err := s.RestoreFile(t.Context(), file); err != nil || r.Conversations != conversations || r.Skipped != 0 {
				t.Errorf("step %d: %+v, %v", step, r, err)
			}
			same(t, want, content(t, s.cold, conversations))
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
		if step < 9 {
			t.Errorf("only %d steps", step-1)
		}
		// Restoring is cut short as well.
		file := files(t, s.dir, "*"+suffix)[0]
		for step = 1; killedAt(t, step, name, s.dir, file); step++ {
		}
		same(t, want, content(t, s.cold, conversations))
	})
}
