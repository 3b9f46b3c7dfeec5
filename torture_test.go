package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
)

var tortureKills = flag.Int("torture-kills", 6, "how often TestTorture kills an instance; from 50 on it takes its time")

// TestTorture has writers go on with shared conversations through a load
// balancer without sticky sessions, while the three gateways behind it are
// killed at random and start again, Redis is flushed and stopped, and
// PostgreSQL is stopped. What was acknowledged must be stored once, in order,
// and have been in every later prompt.
//
// The long form, some five minutes, also kills gateways while PostgreSQL is
// away:
//
//	go test -run TestTorture -torture-kills 200 -timeout 30m -v .
func TestTorture(t *testing.T) {
	x := newTorture(t, *tortureKills)
	var writers sync.WaitGroup
	for c := range x.conversations {
		for w := range 2 {
			writers.Go(func() { x.write(c, w) })
		}
	}
	x.kill()
	x.stopping.Store(true)
	writers.Wait()
	x.settle()
	x.check()
}

// longForm is from how many kills on the run is a long one.
const longForm = 50

// torture is one run.
type torture struct {
	t             *testing.T
	seed          uint64
	kills         int
	conversations int
	pace          time.Duration // between the turns of a writer, in the mean
	calm          time.Duration // between kills, in the mean
	away          time.Duration // that Redis and PostgreSQL are

	sim      *simulator.Server
	redis    *testservice.RedisServer
	postgres *testservice.PostgresServer
	nodes    []*node
	front    string // the load balancer
	stopping atomic.Bool

	mu    sync.Mutex
	turns []*tortured
}

// tortured is one turn as its writer saw it.
type tortured struct {
	conversation, text string
	sent, answered     time.Time // answered is zero when that is not known
	unstored           bool      // the answer said that the turn was not stored
	refused            int       // tries that ended so
}

// judged reports whether a turn that comes after w had to be behind it.
func (w *tortured) judged(after *tortured) bool {
	return w.acknowledged() && w.answered.Before(after.sent)
}

func (w *tortured) acknowledged() bool { return !w.answered.IsZero() && !w.unstored }

func newTorture(t *testing.T, kills int) *torture {
	x := &torture{t: t, seed: 1, kills: kills, conversations: 8, pace: 150 * time.Millisecond, calm: 500 * time.Millisecond, away: 3 * time.Second}
	if kills >= longForm {
		x.conversations, x.pace, x.calm, x.away = 50, 4*time.Second, time.Second, 30*time.Second
	}
	x.sim = startSimulator(t, simulator.Config{Record: 1_000_000})
	x.redis, x.postgres = testservice.Redis(t), testservice.Postgres(t)
	text := config("conversation: {compress_after: 500}\ncache: {response: {enabled: false}}\n", x.sim.URL()+"/v1")
	var addresses []string
	for range 3 {
		n := newNode(t, text, "REDIS_URL="+x.redis.URL(), "DATABASE_URL="+x.postgres.URL("postgres"))
		if err := n.start(); err != nil {
			t.Fatal(err)
		}
		x.nodes, addresses = append(x.nodes, n), append(addresses, n.address)
	}
	x.front = "http://" + testservice.HAProxy(t, addresses...)
	eventually(t, 20*time.Second, "the load balancer to find the gateways", func() bool {
		r, err := http.Get(x.front + "/readyz")
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return x
}

// write takes turns until it is time to stop. The first writer of a
// conversation names each turn by an idempotency key, and tries it again until
// it has an answer, or the run is over; the other one does not, and gives up
// what got lost.
func (x *torture) write(conversation, writer int) {
	random := rand.New(rand.NewPCG(x.seed, uint64(conversation*2+writer)))
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	for n := 0; !x.stopping.Load(); n++ {
		turn := &tortured{conversation: fmt.Sprint("c", conversation), text: fmt.Sprintf("turn c%d-w%d-n%d.", conversation, writer, n), sent: time.Now()}
		x.mu.Lock()
		x.turns = append(x.turns, turn)
		x.mu.Unlock()
		for !x.try(client, turn, writer == 0) && writer == 0 && !x.stopping.Load() {
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(time.Duration(random.Float64() * 2 * float64(x.pace)))
	}
}

// try sends a turn once and reports whether it was answered.
func (x *torture) try(client *http.Client, turn *tortured, keyed bool) bool {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, x.front+"/v1/chat/completions", strings.NewReader(chat("L0", turn.text, false)))
	if err != nil {
		panic(err)
	}
	r.Header.Set("X-Conversation-Id", turn.conversation)
	if keyed {
		r.Header.Set("Idempotency-Key", turn.text)
	}
	answer, err := client.Do(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	switch {
	case err != nil:
		return false
	case answer.StatusCode != http.StatusOK:
		turn.refused++
		return false
	}
	turn.answered = time.Now()
	turn.unstored = answer.Header.Get("X-Conversation-Persisted") == "false"
	return true
}

// kill ends and starts gateways, with the stores' troubles in between.
func (x *torture) kill() {
	random := rand.New(rand.NewPCG(x.seed, 0))
	troubles := map[int]func(){
		x.kills / 5:     func() { redisCommand(x.t, x.redis, "FLUSHALL") },
		x.kills * 2 / 5: func() { x.redis.Stop(); time.Sleep(x.away / 3); x.redis.Start() },
		x.kills * 3 / 5: func() { x.awaitRedis(); x.postgres.Stop() },
	}
	var back time.Time
	for k := range x.kills {
		if trouble := troubles[k]; trouble != nil {
			trouble()
			switch {
			case k != x.kills*3/5:
			case x.kills < longForm:
				time.Sleep(x.away)
				x.restore()
			default:
				back = time.Now().Add(x.away)
			}
		}
		n := x.nodes[random.IntN(len(x.nodes))]
		n.kill()
		time.Sleep(time.Duration(random.Float64() * float64(200*time.Millisecond)))
		if err := n.start(); err != nil {
			x.t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Float64() * 2 * float64(x.calm)))
		if !back.IsZero() && time.Now().After(back) {
			x.restore()
			back = time.Time{}
		}
	}
	if !back.IsZero() {
		time.Sleep(time.Until(back))
		x.restore()
	}
}

// restore starts PostgreSQL again, and returns when all has got there.
func (x *torture) restore() {
	x.postgres.Start()
	x.settle()
}

// awaitRedis waits until every gateway has found that Redis is back, and has put
// there what it missed: that both tiers are away at once is another matter.
func (x *torture) awaitRedis() {
	for _, n := range x.nodes {
		eventually(x.t, 20*time.Second, "Redis to be found", func() bool {
			r, err := http.Get("http://" + n.address + "/health")
			if err != nil {
				return false
			}
			defer r.Body.Close()
			body, err := io.ReadAll(r.Body)
			return err == nil && gjson.GetBytes(body, "redis").Str == "connected"
		})
		x.awaitMetric(n, "gateway_hot_missed")
	}
}

// settle waits until all that was spooled is in PostgreSQL.
func (x *torture) settle() {
	for _, n := range x.nodes {
		x.awaitMetric(n, "gateway_spool_records")
	}
}

// awaitMetric waits until a metric is zero.
func (x *torture) awaitMetric(n *node, name string) {
	eventually(x.t, time.Minute, name+" to be 0", func() bool {
		r, err := http.Get("http://" + n.address + "/metrics")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		page, err := io.ReadAll(r.Body)
		return err == nil && metric(x.t, string(page), name) == 0
	})
}

var tortureText = regexp.MustCompile(`turn c\d+-w\d+-n\d+\.`)

// check compares what the writers saw with what is stored, and with what the
// provider was sent.
func (x *torture) check() {
	stored := x.stored()
	var acknowledged, unstored, unknown, refused, lost, doubled, split, disorder, unseen int
	for _, turn := range x.turns {
		refused += turn.refused
		places := stored[turn.conversation][turn.text]
		switch {
		case turn.acknowledged():
			acknowledged++
		case turn.unstored:
			unstored++
		default:
			unknown++
		}
		switch {
		case len(places) > 1:
			doubled++
			x.t.Errorf("%s is stored %d times, at %v", turn.text, len(places), places)
		case len(places) == 0 && turn.acknowledged():
			lost++
			x.t.Errorf("%s was acknowledged and is not stored", turn.text)
		}
	}
	for conversation, places := range stored {
		for text, at := range places {
			if tortureText.MatchString(text) && !slices.Contains(places["assistant"], at[0]+1) {
				split++
				x.t.Errorf("%s at %d of %s is not followed by its answer", text, at[0], conversation)
			}
		}
	}
	byConversation := map[string][]*tortured{}
	for _, turn := range x.turns {
		byConversation[turn.conversation] = append(byConversation[turn.conversation], turn)
	}
	for conversation, turns := range byConversation {
		for _, a := range turns {
			for _, b := range turns {
				p, q := stored[conversation][a.text], stored[conversation][b.text]
				if a.judged(b) && len(p) > 0 && len(q) > 0 && p[0] > q[0] {
					disorder++
					x.t.Errorf("%s was answered before %s was sent, and stands behind it", a.text, b.text)
				}
			}
		}
	}
	for _, seen := range x.sim.Seen() {
		unseen += x.checkPrompt(seen.Body, byConversation)
	}
	x.t.Logf("turns %d, acknowledged %d, answered but not stored %d, of unknown end %d, refusals %d, kills %d, prompts %d",
		len(x.turns), acknowledged, unstored, unknown, refused, x.kills, len(x.sim.Seen()))
	x.t.Logf("lost %d, doubled %d, without answer %d, out of order %d, missing in prompts %d",
		lost, doubled, split, disorder, unseen)
	if acknowledged < len(x.turns)/2 {
		x.t.Errorf("only %d of %d turns were acknowledged", acknowledged, len(x.turns))
	}
}

// checkPrompt counts the acknowledged turns that a prompt should have had.
func (x *torture) checkPrompt(body []byte, turns map[string][]*tortured) (missing int) {
	var texts []string
	for _, m := range gjson.GetBytes(body, `messages.#(role=="user")#.content`).Array() {
		texts = append(texts, m.Str)
	}
	if len(texts) == 0 {
		return 0
	}
	last := texts[len(texts)-1]
	for _, all := range turns {
		for _, b := range all {
			if b.text != last {
				continue
			}
			for _, a := range all {
				if a.judged(b) && !slices.Contains(texts, a.text) {
					missing++
					x.t.Errorf("%s was answered before %s was sent, and is not in its prompt", a.text, b.text)
				}
			}
		}
	}
	return missing
}

// stored is where the messages of each conversation stand: those of users by
// their text, the others by their role.
func (x *torture) stored() map[string]map[string][]int {
	all := map[string]map[string][]int{}
	rows := x.postgres.Exec(`SELECT c.id || ' ' || m.seq || ' ' || m.role || ' ' || convert_from(m.raw, 'UTF8')
		FROM messages m JOIN conversations c USING (conversation_id) ORDER BY c.id, m.seq`)
	for row := range strings.Lines(rows) {
		var conversation, role string
		var seq int
		if _, err := fmt.Sscan(row, &conversation, &seq, &role); err != nil {
			x.t.Fatalf("%q: %v", row, err)
		}
		if all[conversation] == nil {
			all[conversation] = map[string][]int{}
		}
		key := role
		if role == "user" {
			key = tortureText.FindString(row)
		}
		all[conversation][key] = append(all[conversation][key], seq)
	}
	return all
}

// node is a gateway that is killed and starts again, with its directory and
// its address.
type node struct {
	address, dir string
	env          []string
	cmd          *exec.Cmd
	logs         *logBuffer
}

func newNode(t *testing.T, text string, env ...string) *node {
	t.Helper()
	n := &node{address: freeAddress(t), dir: t.TempDir(), logs: &logBuffer{}}
	file := filepath.Join(n.dir, "gateway.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n.env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + n.dir, "GATEWAY_LISTEN=" + n.address, "GATEWAY_CONFIG=" + file}, env...)
	t.Cleanup(n.kill)
	return n
}

// start runs it and waits until it is ready.
func (n *node) start() error {
	path, err := binary()
	if err != nil {
		return err
	}
	n.cmd = exec.Command(path, "serve")
	n.cmd.Dir, n.cmd.Env, n.cmd.Stderr = n.dir, n.env, n.logs
	if err := n.cmd.Start(); err != nil {
		return err
	}
	ready := poll(30*time.Second, func() bool {
		r, err := http.Get("http://" + n.address + "/readyz")
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	if !ready {
		return fmt.Errorf("a gateway does not come back:\n%s", n.logs.tail())
	}
	return nil
}

// kill ends it at once, and waits until it is gone.
func (n *node) kill() {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
		n.cmd = nil
	}
}
