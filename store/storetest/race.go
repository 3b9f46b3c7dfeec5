package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/ai-mcp-gateway/gateway/store"
)

var races = []promise{
	{"RacingAppendersLoseAndDoubleNothing", raceAppend},
	{"RacingAppendsOfOneKeyAddOnce", raceKey},
	{"RacingFirstAppendsMakeOneConversation", raceFirst},
	{"ReadersSeeAllOfAnAppendOrNothing", raceReaders},
	{"RacingSummariesGetVersionsOfTheirOwn", raceSummary},
	{"RacingTodosLeaveOneList", raceTodos},
	{"RacingClaimersHaveOneWinner", raceClaim},
	{"RacingCallsAreCountedOnce", raceCalls},
}

// together runs n calls of work at once and waits for them.
func together(n int, work func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			work(i)
		})
	}
	close(start)
	wg.Wait()
}

const appenders, perAppender = 8, 50

func raceAppend(t *testing.T, s store.Store) {
	together(appenders, func(who int) {
		version := int64(0)
		for n := range perAppender {
			m := line(who*perAppender + n)
			a := &store.Append{
				Tenant: "t", Conversation: "c", After: version, Key: fmt.Sprintf("%d of %d", n, who), Messages: []store.Message{m},
			}
			v, err := rebased(t, s, a)
			if err != nil {
				t.Errorf("append %q: %v", a.Key, err)
				return
			}
			version = v
		}
	})
	got := all(t, s, "t", "c")
	last := map[int]int{} // of each appender, the last one seen
	seen := map[string]int{}
	for i, m := range got {
		if m.Seq != int64(i+1) {
			t.Fatalf("message %d has number %d", i+1, m.Seq)
		}
		n := int(m.Created.Sub(at(0)).Microseconds())
		who := n / perAppender
		if before, ok := last[who]; ok && n <= before {
			t.Errorf("appender %d: message %d stands before %d", who, before, n)
		}
		last[who] = n
		seen[string(m.Raw)]++
	}
	if len(got) != appenders*perAppender || len(seen) != len(got) {
		t.Errorf("%d messages, %d of them different, want %d", len(got), len(seen), appenders*perAppender)
	}
	equal(t, int64(appenders*perAppender), load(t, s, "t", "c", 0).Version)
}

// rebased appends after whatever version holds in the end.
func rebased(t *testing.T, s store.Store, a *store.Append) (int64, error) {
	for {
		v, err := s.Append(t.Context(), a)
		var conflict *store.VersionError
		if !errors.As(err, &conflict) {
			return v, err
		}
		if conflict.Version <= a.After {
			return 0, fmt.Errorf("conflict after %d says that the version is %d", a.After, conflict.Version)
		}
		a.After = conflict.Version
	}
}

func raceKey(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "first", line(1))
	versions := make([]int64, 16)
	together(len(versions), func(i int) {
		v, err := s.Append(t.Context(), &store.Append{
			Tenant: "t", Conversation: "c", After: 1, Key: "same", Messages: []store.Message{line(2), line(3)},
		})
		if err != nil {
			t.Error(err)
		}
		versions[i] = v
	})
	equal(t, slices.Repeat([]int64{3}, len(versions)), versions)
	equal(t, lines(1, 3), all(t, s, "t", "c"))
}

func raceFirst(t *testing.T, s store.Store) {
	for round := range 10 {
		id := fmt.Sprint("c", round)
		versions := make([]int64, 8)
		together(len(versions), func(i int) {
			v, err := s.Append(t.Context(), &store.Append{
				Tenant: "t", Conversation: id, After: store.AnyVersion, Key: fmt.Sprint(i), Messages: []store.Message{line(i)},
			})
			if err != nil {
				t.Error(err)
			}
			versions[i] = v
		})
		slices.Sort(versions)
		equal(t, []int64{1, 2, 3, 4, 5, 6, 7, 8}, versions)
		equal(t, 8, len(all(t, s, "t", id)))
	}
}

func raceReaders(t *testing.T, s store.Store) {
	const batch, batches = 10, 20
	add(t, s, "t", "c", 0, "first", lines(1, batch)...)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				got, err := s.Load(t.Context(), "t", "c", batch*batches)
				if err != nil {
					t.Error(err)
					return
				}
				if got.Version%batch != 0 || len(got.Recent) != int(got.Version) {
					t.Errorf("version %d with %d messages", got.Version, len(got.Recent))
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for b := 1; b < batches; b++ {
		first := b*batch + 1
		add(t, s, "t", "c", int64(first-1), fmt.Sprint("from ", first), lines(first, first+batch-1)...)
	}
	close(done)
	wg.Wait()
}

func raceSummary(t *testing.T, s store.Store) {
	versions := make([]int64, 16)
	together(len(versions), func(i int) {
		v, err := s.PutSummary(t.Context(), "t", "c", store.AnyVersion, summary(1))
		if err != nil {
			t.Error(err)
		}
		versions[i] = v
	})
	slices.Sort(versions)
	for i, v := range versions {
		equal(t, int64(i+1), v)
	}
	// Of those that go on from one version, one wins.
	won := make([]bool, 8)
	together(len(won), func(i int) {
		_, err := s.PutSummary(t.Context(), "t", "c", 16, summary(1))
		if won[i] = err == nil; !won[i] {
			conflict(t, err, 17)
		}
	})
	equal(t, 1, count(won))
	equal(t, int64(17), load(t, s, "t", "c", 0).SummaryVersion)
}

func count(all []bool) (n int) {
	for _, is := range all {
		if is {
			n++
		}
	}
	return n
}

func raceTodos(t *testing.T, s store.Store) {
	together(8, func(i int) {
		list := make([]store.Todo, i+1)
		for k := range list {
			list[k] = store.Todo{ID: int64(k + 1), Title: fmt.Sprint(i), Status: store.TodoNotStarted}
		}
		if err := s.PutTodos(t.Context(), "t", "c", list); err != nil {
			t.Error(err)
		}
	})
	got := load(t, s, "t", "c", 0).Todos
	for _, todo := range got {
		if todo.Title != got[0].Title || todo.Title != fmt.Sprint(len(got)-1) {
			t.Fatalf("lists are mixed: %+v", got)
		}
	}
}

func raceClaim(t *testing.T, s store.Store) {
	won := make([]bool, 50)
	together(len(won), func(i int) {
		answer, held, err := s.Claim(t.Context(), claim("k", fmt.Sprint("owner ", i)))
		if err != nil || answer != nil {
			t.Errorf("answer %+v, error %v", answer, err)
		}
		won[i] = err == nil && !held
	})
	equal(t, 1, count(won))
}

func raceCalls(t *testing.T, s store.Store) {
	together(8, func(int) {
		if err := s.PutCalls(t.Context(), []store.Call{call(1), call(2), call(3)}); err != nil {
			t.Error(err)
		}
	})
	equal(t, int64(3), total(t, s, &store.SumQuery{Tenant: "t"}).Calls)
}
