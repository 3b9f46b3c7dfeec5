package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/ai-mcp-gateway/gateway/store"
)

// unavailable expects that an error says so, and what the cause is.
func unavailable(t *testing.T, err error, cause string) {
	t.Helper()
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), cause) {
		t.Errorf("error is %v, want %v for %q", err, store.ErrUnavailable, cause)
	}
}

func TestOpenRefusesWhatCannotWork(t *testing.T) {
	for _, cfg := range []Config{
		{URL: "mysql://x"},
		{URL: "postgres://h:port/d"},
		{URL: "postgres://h/d", MaxConns: 21},
		{URL: "postgres://h/d", MaxConns: -1},
	} {
		if s, err := Open(t.Context(), cfg); err == nil {
			_ = s.Close()
			t.Errorf("%+v is accepted", cfg)
		}
	}
	_, err := Open(t.Context(), Config{URL: "postgres://u:cAnArY@h:port/d"})
	if err == nil || strings.Contains(err.Error(), "cAnArY") {
		t.Errorf("error is %v", err)
	}
}

func TestFault_75_76_ServerAwayAndBack(t *testing.T) {
	_, server := fresh(t)
	server.Stop()
	s := open(t, server.URL("postgres")) // at the start
	unavailable(t, s.Ready(t.Context()), "refused")
	_, err := s.Append(t.Context(), appending("c", "1"))
	unavailable(t, err, "refused")

	server.Start()
	for _, key := range []string{"1", "1", "2"} {
		if _, err := s.Append(t.Context(), appending("c", key)); err != nil {
			t.Fatalf("back again: %v", err)
		}
	}
	server.Stop() // at run time
	_, err = s.Append(t.Context(), appending("c", "3"))
	unavailable(t, err, "")
	_, err = s.Load(t.Context(), "t", "c", 8)
	unavailable(t, err, "")
	unavailable(t, s.Ping(t.Context()), "")

	server.Start()
	if _, err := s.Append(t.Context(), appending("c", "3")); err != nil {
		t.Fatalf("back once more: %v", err)
	}
	wantKeys(t, s, "c", []string{"1", "2", "3"})
}

// wantKeys compares the messages of a conversation, which say their keys.
func wantKeys(t *testing.T, s *Store, conversation string, want []string) {
	t.Helper()
	all, err := s.Messages(t.Context(), "t", conversation, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(all))
	for i, m := range all {
		got[i] = string(m.Raw)
		if m.Seq != int64(i+1) {
			t.Errorf("message %d has number %d", i+1, m.Seq)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestFault_77_FrozenServerIsGivenUpInTime(t *testing.T) {
	_, server := fresh(t)
	s := settled(t, openWith(t, Config{URL: server.URL("postgres"), Wait: 5 * time.Second, Timeout: 2 * time.Second}))
	server.Pause()
	_, err := s.Append(t.Context(), appending("c", "1"))
	unavailable(t, err, "")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	unavailable(t, s.PutCalls(ctx, []store.Call{{ID: "1"}}), "")
	server.Resume()
	patient := open(t, server.URL("postgres"))
	for _, key := range []string{"1", "2"} { // whether or not the first took place
		if _, err := patient.Append(t.Context(), appending("c", key)); err != nil {
			t.Fatal(err)
		}
	}
	wantKeys(t, patient, "c", []string{"1", "2"})
}

// holding begins a transaction beside the store's, and returns how to end it.
func holding(t *testing.T, url, sql string) (release func()) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), "BEGIN; "+sql); err != nil {
		t.Fatal(err)
	}
	return func() { _ = c.Close(context.Background()) }
}

func TestFault_77_SlowStatementIsEndedByTheServer(t *testing.T) {
	_, server := fresh(t)
	s := settled(t, openWith(t, Config{URL: server.URL("postgres"), Wait: 5 * time.Second, Timeout: 2 * time.Second}))
	release := holding(t, server.URL("postgres"), `LOCK TABLE conversations`)
	defer release()
	_, err := s.Append(t.Context(), appending("c", "1"))
	unavailable(t, err, "")
	// It ends, or the test does: nothing goes on waiting for a caller who has gone.
	for waiting := ""; waiting != "0"; {
		waiting = query(t, server.URL("postgres"), `SELECT count(*) FROM pg_locks WHERE NOT granted`)[0]
	}
	release()
	if _, err := open(t, server.URL("postgres")).Append(t.Context(), appending("c", "1")); err != nil {
		t.Error(err)
	}
}

func TestFault_78_NoFreeConnection(t *testing.T) {
	_, server := fresh(t)
	s := settled(t, openWith(t, Config{URL: server.URL("postgres"), MaxConns: 1, Wait: 50 * time.Millisecond, Timeout: time.Minute}))
	c, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Append(t.Context(), appending("c", "1"))
	unavailable(t, err, "no connection within 50ms")
	c.Release()
}

func TestFault_79_ConflictsAreTriedAgain(t *testing.T) {
	s, server := fresh(t)
	// It fails for as many times as the sequence says, whatever is rolled back.
	query(t, server.URL("postgres"), `CREATE SEQUENCE tries`)
	query(t, server.URL("postgres"), `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('tries') <= 5 THEN RAISE EXCEPTION USING ERRCODE = NEW.key; END IF; RETURN NEW; END $$`)
	query(t, server.URL("postgres"), `CREATE TRIGGER fail BEFORE INSERT ON appends FOR EACH ROW EXECUTE FUNCTION fail()`)
	for _, code := range []string{serializationFailure, deadlockDetected} {
		query(t, server.URL("postgres"), `ALTER SEQUENCE tries RESTART 1`)
		if v, err := s.Append(t.Context(), appending(code, code)); v != 1 || err != nil {
			t.Errorf("%s five times: version %d, error %v", code, v, err)
		}
	}
	query(t, server.URL("postgres"), `ALTER SEQUENCE tries MINVALUE -1000 RESTART -1000`)
	_, err := s.Append(t.Context(), appending("c", deadlockDetected))
	unavailable(t, err, deadlockDetected)
	if got := query(t, server.URL("postgres"), `SELECT last_value FROM tries`); got[0] != "-995" {
		t.Errorf("the sequence went on to %s, want five retries", got[0])
	}
}

func TestFault_80_DiskFullIsUnavailableForWritesOnly(t *testing.T) {
	s, server := fresh(t)
	if _, err := s.Append(t.Context(), appending("c", "1")); err != nil {
		t.Fatal(err)
	}
	query(t, server.URL("postgres"), `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$`)
	query(t, server.URL("postgres"), `CREATE TRIGGER fail BEFORE INSERT ON appends FOR EACH ROW EXECUTE FUNCTION fail()`)
	_, err := s.Append(t.Context(), appending("c", "2"))
	unavailable(t, err, "No space left")
	wantKeys(t, s, "c", []string{"1"})
}

func TestFault_81_TerminatedBackendsLoseAndDoubleNothing(t *testing.T) {
	s, server := fresh(t)
	const writers, each = 4, 60
	ctx, stop := context.WithCancel(t.Context())
	var killer, wg sync.WaitGroup
	killer.Go(func() { terminate(ctx, t, server.URL("postgres")) })
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				a := appending(fmt.Sprint("c", w), strconv.Itoa(n))
				a.After = int64(n)
				for {
					v, err := s.Append(ctx, a)
					if err == nil && v == int64(n+1) {
						break
					}
					if err == nil || !errors.Is(err, store.ErrUnavailable) {
						t.Errorf("append %d: version %d, error %v", n, v, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	stop()
	killer.Wait()
	var want []string
	for n := range each {
		want = append(want, strconv.Itoa(n))
	}
	patient := open(t, server.URL("postgres"))
	for w := range writers {
		wantKeys(t, patient, fmt.Sprint("c", w), want)
	}
}

// terminate ends everybody else's backends, at random points of their work,
// until ctx ends.
func terminate(ctx context.Context, t *testing.T, url string) {
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close(t.Context())
	ended := 0
	for ctx.Err() == nil || ended == 0 {
		var n int
		err := c.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity, pg_sleep(random() * 0.02)
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&n)
		if err != nil {
			t.Error(err)
			return
		}
		ended += n
	}
	t.Logf("%d backends were terminated", ended)
}

func TestFault_82_ReadOnlyServer(t *testing.T) {
	s, server := fresh(t)
	if _, err := s.Append(t.Context(), appending("c", "1")); err != nil {
		t.Fatal(err)
	}
	setReadOnly := func(on string) {
		query(t, server.URL("postgres"), `ALTER SYSTEM SET default_transaction_read_only = `+on)
		query(t, server.URL("postgres"), `SELECT pg_reload_conf()`)
		for got := ""; got != on; { // the server tells its backends in its own time
			got = query(t, server.URL("postgres"), `SHOW default_transaction_read_only`)[0]
		}
	}
	setReadOnly("on")
	s = settled(t, open(t, server.URL("postgres"))) // also at the start
	_, err := s.Append(t.Context(), appending("c", "2"))
	unavailable(t, err, "read-only")
	unavailable(t, s.Ping(t.Context()), "takes no writes")
	wantKeys(t, s, "c", []string{"1"})

	query(t, server.URL("postgres")+"&default_transaction_read_only=off", `ALTER SYSTEM RESET default_transaction_read_only`)
	query(t, server.URL("postgres"), `SELECT pg_reload_conf()`)
	for got := ""; got != "off"; {
		got = query(t, server.URL("postgres"), `SHOW default_transaction_read_only`)[0]
	}
	s = open(t, server.URL("postgres"))
	if _, err := s.Append(t.Context(), appending("c", "2")); err != nil {
		t.Error(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRefusalOfTheDataIsNotUnavailable(t *testing.T) {
	s, _ := fresh(t)
	for name, err := range map[string]error{
		"a zero byte in a name": second(s.Append(t.Context(), appending("c\x00", "k"))),
		"no JSON":               s.PutRule(t.Context(), &store.Rule{Tenant: "t", ID: "r", Body: []byte("{")}),
		"an unknown status":     s.PutTodos(t.Context(), "t", "c", []store.Todo{{Status: "odd"}}),
	} {
		if err == nil || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	// One call's odd byte does not lose the others.
	if err := s.PutCalls(t.Context(), []store.Call{{Tenant: "t", ID: "1", User: "a\x00\xff"}, {Tenant: "t", ID: "2"}}); err != nil {
		t.Error(err)
	}
	if got, err := s.Sums(t.Context(), &store.SumQuery{Tenant: "t"}); err != nil || got[0].Calls != 2 {
		t.Errorf("sums %+v, error %v", got, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestAccept_O4_ManyCallsShareTwentyConnections(t *testing.T) {
	s, server := fresh(t)
	// The test's own connections, of which one may still be ending when the next
	// begins, have a name.
	own := server.URL("postgres") + "&application_name=test"
	release := holding(t, own, `LOCK TABLE appends`)
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			if _, err := s.Append(t.Context(), appending(fmt.Sprint("c", n%10), strconv.Itoa(n))); err != nil {
				t.Error(err)
			}
		})
	}
	count := func() int {
		got := query(t, own, `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'test'`)
		n, _ := strconv.Atoi(got[0])
		return n
	}
	most := 0
	for s.pool.Stat().EmptyAcquireCount() < 20 && s.pool.Stat().AcquiredConns() < maxConns {
		most = max(most, count()) // until all of them wait
	}
	most = max(most, count())
	release()
	wg.Wait()
	if most = max(most, count()); most > maxConns || most < maxConns {
		t.Errorf("200 calls had %d connections, want %d", most, maxConns)
	}
	for n := range 10 {
		if got, err := s.Load(t.Context(), "t", fmt.Sprint("c", n), 0); err != nil || got.Version != 20 {
			t.Errorf("conversation %d: %+v, %v", n, got, err)
		}
	}
}
