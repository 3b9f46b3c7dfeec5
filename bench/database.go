package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/load"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
)

// The load on the database: at a rate that the machine bears, for the time that
// the database takes, and from more connections than it lets in, for how many
// of them get there.
const (
	perConversation = 20
	databaseRate    = 200 // turns a second
	crowd           = 200 // connections to the gateway
)

// databaseCommand seeds a PostgreSQL with messages, has a gateway take turns of
// all its conversations, each from the database, and prints what they took there.
func databaseCommand(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("bench database", flag.ContinueOnError)
	messages := flags.Int("messages", 1_000_000, "how many there are before")
	span := flags.Duration("for", 20*time.Second, "how long each of the two loads goes on")
	binary := flags.String("gateway", "", "`path` of the gateway's binary; empty builds it with make build")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBench(ctx, options{gateway: *binary})
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	bed := &bed{}
	defer bed.end(&err)
	d := &database{bench: b, server: testservice.Postgres(bed, "-c", "fsync=on", "-c", "max_wal_size=4GB")}
	if err := d.seed(ctx, *messages); err != nil {
		return err
	}
	return d.measure(ctx, *span)
}

// bed is where servers end that are made for tests.
type bed struct{ cleanups []func() }

// bedError is what a server had to say that could not go on.
type bedError string

func (b *bed) Helper()                           {}
func (b *bed) Cleanup(f func())                  { b.cleanups = append(b.cleanups, f) }
func (b *bed) Fatal(args ...any)                 { panic(bedError(fmt.Sprint(args...))) }
func (b *bed) Fatalf(format string, args ...any) { panic(bedError(fmt.Sprintf(format, args...))) }

// end ends the servers; it is deferred.
func (b *bed) end(err *error) {
	p := recover()
	for i := range b.cleanups {
		b.cleanups[len(b.cleanups)-1-i]()
	}
	text, ours := p.(bedError)
	switch {
	case ours:
		*err = errors.New(string(text))
	case p != nil:
		panic(p)
	}
}

// database is a PostgreSQL under load.
type database struct {
	*bench
	server *testservice.PostgresServer

	seeded   int64 // messages before
	answered int64 // turns
}

// seed makes the schema and fills it, each conversation's messages in a month of
// the last twelve.
func (d *database) seed(ctx context.Context, messages int) error {
	begun := time.Now()
	migrate := exec.CommandContext(ctx, d.programs.gateway, "migrate")
	migrate.Env = append(environment(d.dir), "DATABASE_URL="+d.server.URL("postgres"))
	if out, err := migrate.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot make the schema: %w\n%s", err, out)
	}
	n := messages / perConversation
	d.seeded = int64(n * perConversation)
	for _, sql := range []string{
		`SELECT count(add_partition(t, m::date)) FROM unnest(ARRAY['messages', 'calls']) t,
			generate_series(date_trunc('month', now()) - interval '12 months', now(), interval '1 month') m`,
		fmt.Sprintf(`INSERT INTO conversations (tenant, id, project_id, user_id, version, oldest_at, newest_at, created_at, updated_at)
			SELECT 'default', lpad(n::text, %d, '0'), 'bench', 'u' || n %% 1000, %d, at, at + interval '%[2]d minutes', at, at
			FROM generate_series(1, %d) n, LATERAL (SELECT now() - n * interval '360 days' / %[3]d - interval '1 day' AS at) _`, len(load.Serial), perConversation, n),
		fmt.Sprintf(`SET session_replication_role = replica; INSERT INTO messages
			SELECT conversation_id, seq, CASE seq %% 2 WHEN 1 THEN 'user' ELSE 'assistant' END, 'openai',
				convert_to('{"role":"' || CASE seq %% 2 WHEN 1 THEN 'user' ELSE 'assistant' END || '","content":"' || seq || repeat(' words', 60) || '"}', 'UTF8'),
				decode(md5(conversation_id || ' ' || seq), 'hex'), 100, '', false, oldest_at + seq * interval '1 minute'
			FROM conversations, generate_series(1, %d) seq`, perConversation),
		`VACUUM ANALYZE`,
	} {
		d.server.Exec(sql)
	}
	fmt.Printf("%s messages in %s conversations, %s in all, made in %v\n", d.server.Exec(`SELECT count(*) FROM messages`),
		d.server.Exec(`SELECT count(*) FROM conversations`), d.server.Exec(`SELECT pg_size_pretty(pg_database_size('postgres'))`), time.Since(begun).Round(time.Second))
	return ctx.Err()
}

func (d *database) measure(ctx context.Context, span time.Duration) (err error) {
	upstream, err := d.startSimulator(ctx, d.dir, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, upstream.Stop()) }()
	headers := []string{"Authorization: Bearer " + clientKey, "Accept: application/json"}
	body := fmt.Appendf(nil, `{"model":"%s","conversation_id":"%s","messages":[{"role":"user","content":"And now?"}]}`, plainModel, load.Serial)
	request := load.Post("127.0.0.1", "/v1/chat/completions", headers, body)
	answer, err := load.Learn(ctx, upstream.addr, request)
	if err != nil {
		return fmt.Errorf("cannot learn the simulator's answer: %w", err)
	}
	sut, err := d.startGateway(ctx, upstream.addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sut.Stop()) }()
	config := load.Config{Addr: sut.addr, Connections: crowd, Request: request, Answer: answer.With("X-Conversation-Id: ")}
	g, err := load.Open(ctx, config)
	if err != nil {
		return err
	}
	defer g.Close()
	connections := d.watch(ctx)
	defer connections()
	if err := d.show(ctx, sut, fmt.Sprintf("%d turns a second", databaseRate), func() *load.Result {
		return g.Pace(ctx, databaseRate, load.Limit{Duration: span})
	}); err != nil {
		return err
	}
	if err := d.show(ctx, sut, fmt.Sprintf("%d turns at a time", crowd), func() *load.Result {
		return g.Saturate(ctx, load.Limit{Duration: span})
	}); err != nil {
		return err
	}
	fmt.Printf("\nmost connections to PostgreSQL: %d\n", connections())
	return d.compare(ctx, sut)
}

// compare waits until everything is in the database and holds it against what
// was acknowledged.
func (d *database) compare(ctx context.Context, sut *server) error {
	for ctx.Err() == nil && !drained(ctx, sut.addr) {
		settled(ctx, 100*time.Millisecond)
	}
	added, err := strconv.ParseInt(d.server.Exec(`SELECT count(*) FROM messages`), 10, 64)
	if err != nil {
		return err
	}
	added -= d.seeded
	fmt.Printf("messages added: %d, of %d that were acknowledged\n", added, 2*d.answered)
	if added < 2*d.answered {
		return errors.New("acknowledged messages are not in the database")
	}
	return ctx.Err()
}

// drained reports whether the gateway has nothing left that is not in the
// database.
func drained(ctx context.Context, addr string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/health", http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return err == nil && bytes.Contains(text, []byte(`"database":"connected"`))
}

func (d *database) startGateway(ctx context.Context, upstream string) (*server, error) {
	addr, err := d.ports.free(ctx)
	if err != nil {
		return nil, err
	}
	spec, err := d.programs.spec(gatewayNoCache, d.dir, addr, upstream, nil)
	if err != nil {
		return nil, err
	}
	spec.Env = append(spec.Env, "DATABASE_URL="+d.server.URL("postgres"), "LOG_LEVEL=error")
	return start(ctx, spec, addr)
}

// watch counts the server's connections, but for its own, until the returned
// function is called, which returns the most.
func (d *database) watch(ctx context.Context) (most func() int) {
	ctx, stop := context.WithCancel(ctx)
	result := make(chan int, 1)
	go func() {
		highest := 0
		for ctx.Err() == nil {
			n, _ := strconv.Atoi(d.server.Exec(`SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'psql'`))
			highest = max(highest, n)
			settled(ctx, 200*time.Millisecond)
		}
		result <- highest
	}()
	return sync.OnceValue(func() int {
		stop()
		return <-result
	})
}

// show runs a load and prints what the turns took, and what of it the database.
func (d *database) show(ctx context.Context, sut *server, what string, run func() *load.Result) error {
	before, err := storeTimes(ctx, sut.addr)
	if err != nil {
		return err
	}
	r := run()
	d.answered += r.Requests
	after, err := storeTimes(ctx, sut.addr)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s: %d answered and stored, %d not %v %s\n", what, r.Requests, r.Failed(), r.Failures, r.Example)
	rows := [][]string{{"", "times", "p50 ms", "p95 ms", "p99 ms"}, {
		"a turn", fmt.Sprint(r.Requests), figure(micros(r.Latency, 50) / 1e3), figure(micros(r.Latency, 95) / 1e3), figure(micros(r.Latency, 99) / 1e3),
	}}
	for _, operation := range []string{"load", "read_messages", "append"} {
		h := after[operation].minus(before[operation])
		rows = append(rows, []string{operation, fmt.Sprint(h.count()), figure(h.quantile(0.50)), figure(h.quantile(0.95)), figure(h.quantile(0.99))})
	}
	textTable(os.Stdout, rows)
	return nil
}

// buckets are those of a histogram, by their upper bounds in seconds.
type buckets []bucket

type bucket struct{ le, n float64 }

func (b buckets) count() int64 {
	if len(b) == 0 {
		return 0
	}
	return int64(b[len(b)-1].n)
}

func (b buckets) minus(earlier buckets) buckets {
	out := append(buckets{}, b...)
	for i := range earlier {
		out[i].n -= earlier[i].n
	}
	return out
}

// quantile is in milliseconds, read off as if a bucket's values were evenly
// spread.
func (b buckets) quantile(q float64) float64 {
	want := q * float64(b.count())
	below := bucket{}
	for _, up := range b {
		if up.n >= want && up.n > below.n {
			return 1e3 * (below.le + (up.le-below.le)*(want-below.n)/(up.n-below.n))
		}
		below = up
	}
	return 0
}

// storeTimes reads the histogram of the database's work.
func storeTimes(ctx context.Context, addr string) (map[string]buckets, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	all := map[string]buckets{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		rest, ours := strings.CutPrefix(lines.Text(), `gateway_store_duration_seconds_bucket{operation="`)
		operation, rest, _ := strings.Cut(rest, `",le="`)
		le, n, ok := strings.Cut(rest, `"} `)
		if !ours || !ok || le == "+Inf" { // nothing takes so long
			continue
		}
		bound, err1 := strconv.ParseFloat(le, 64)
		count, err2 := strconv.ParseFloat(n, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		all[operation] = append(all[operation], bucket{bound, count})
	}
	return all, lines.Err()
}
