package sqlite

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/store"
)

// What the test binary finds in its environment when it is started again as
// another process: the database, the number of its first append, and that of
// the one that it stops before.
const (
	childPath = "SQLITE_TEST_CHILD_PATH"
	childFrom = "SQLITE_TEST_CHILD_FROM"
	childLast = "SQLITE_TEST_CHILD_LAST"

	childAsync = "SQLITE_TEST_CHILD_ASYNC" // it does not wait for the disk
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// child appends pairs of messages and says of each that it is acknowledged.
func child(path string) error {
	open := Open
	if os.Getenv(childAsync) != "" {
		open = OpenAsync
	}
	s, err := open(context.Background(), path)
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(os.Getenv(childFrom))
	last, _ := strconv.Atoi(os.Getenv(childLast))
	for ; n < last; n++ {
		v, err := s.Append(context.Background(), pair("child", n))
		if err != nil {
			return err
		}
		fmt.Printf("%d %d\n", n, v)
	}
	return s.Close()
}

// pair is the nth append of somebody: two messages that say so.
func pair(who string, n int) *store.Append {
	raw := fmt.Appendf(nil, "%q", fmt.Sprint(who, " ", n))
	return &store.Append{
		Tenant: "t", Conversation: "c", After: store.AnyVersion, Key: fmt.Sprint(who, " ", n),
		Messages: []store.Message{{Role: "user", Raw: raw}, {Role: "assistant", Raw: raw}},
	}
}

func startChild(t *testing.T, path string, from, last int) (*exec.Cmd, *bufio.Scanner, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childPath+"="+path, childFrom+"="+strconv.Itoa(from), childLast+"="+strconv.Itoa(last))
	said := &bytes.Buffer{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out), said
}

func TestFault087_KilledInTheMiddleOfAppends(t *testing.T) {
	t.Run("fsync", killedInTheMiddle)
	t.Run("async", func(t *testing.T) {
		t.Setenv(childAsync, "1")
		killedInTheMiddle(t)
	})
}

func killedInTheMiddle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.db")
	acked := map[int]int64{} // append to version
	next := 0
	for round := range 20 {
		cmd, out, said := startChild(t, path, next, 1<<30)
		for seen := 0; out.Scan(); seen++ {
			var n int
			var version int64
			if _, err := fmt.Sscan(out.Text(), &n, &version); err != nil {
				t.Fatalf("%q: %v", out.Text(), err)
			}
			acked[n] = version
			next = n + 1
			if seen == round%7 {
				// It is at the next append by now; what it still says counts.
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || said.Len() > 0 {
			t.Fatalf("child ended by itself: %v, %s", err, said)
		}
		next += verifyPairs(t, path, acked, next)
	}
	if len(acked) < 20 {
		t.Errorf("only %d appends were acknowledged", len(acked))
	}
}

// verifyPairs expects every acknowledged append once and where it was said to
// be, and nothing in halves. It returns how many appends from next on are there
// though nobody was told: at most the one that was under way.
func verifyPairs(t *testing.T, path string, acked map[int]int64, next int) (untold int) {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.Messages(t.Context(), "t", "c", 0, 1<<30)
	if err != nil || len(all)%2 != 0 {
		t.Fatalf("%d messages, error %v", len(all), err)
	}
	for i, m := range all {
		n := i / 2
		if want := pair("child", n).Messages[i%2]; m.Seq != int64(i+1) || string(m.Raw) != string(want.Raw) || m.Role != want.Role {
			t.Fatalf("message %d is %d %s %s", i+1, m.Seq, m.Role, m.Raw)
		}
		if version, told := acked[n]; told && version != int64(2*n+2) {
			t.Fatalf("append %d was told version %d", n, version)
		}
	}
	untold = len(all)/2 - next
	if untold < 0 || untold > 1 {
		t.Fatalf("%d appends are there, %d were acknowledged", len(all)/2, next)
	}
	return untold
}

func TestAcceptA6_TwoProcessesLoseAndDoubleNothing(t *testing.T) {
	const each = 50
	path := filepath.Join(t.TempDir(), "gateway.db")
	s := openAt(t, path)
	cmd, out, said := startChild(t, path, 0, each)
	out.Scan() // it is under way
	for n := range each {
		if _, err := s.Append(t.Context(), pair("parent", n)); err != nil {
			t.Fatal(err)
		}
	}
	for out.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("child: %v, %s", err, said)
	}
	all, err := s.Messages(t.Context(), "t", "c", 0, 1000)
	if err != nil || len(all) != 4*each {
		t.Fatalf("%d messages, error %v", len(all), err)
	}
	seen := map[string]int{}
	for i, m := range all {
		seen[string(m.Raw)]++
		if m.Seq != int64(i+1) || string(all[i^1].Raw) != string(m.Raw) {
			t.Fatalf("message %d is %d %s", i+1, m.Seq, m.Raw)
		}
	}
	if len(seen) != 2*each {
		t.Errorf("%d different appends, want %d", len(seen), 2*each)
	}
}
