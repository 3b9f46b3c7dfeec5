package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/ai-mcp-gateway/gateway/bench/process"
	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// mix is how many of 1,000 tasks are of each difficulty.
type mix [3]int

// The workloads: one that the lowest tier mostly can do, and one that it cannot.
var (
	usualMix = mix{900, 70, 30}
	weakMix  = mix{0, 900, 100}
)

// workloadConfig has three models of skill 0 in the lowest tier, which err
// independently of each other, and one each in the two above. Prices are USD
// per million tokens, in the proportions of the providers' small, middle and
// large models.
const workloadConfig = `
providers:
  a: {dialect: openai, base_url: "%s/v1"}
  b: {dialect: openai, base_url: "%s/v1"}
  c: {dialect: openai, base_url: "%s/v1"}
  mid: {dialect: openai, base_url: "%s/v1"}
  top: {dialect: openai, base_url: "%s/v1"}
models:
  a/sim-l0: {price: {input: 0.05, output: 0.2}}
  b/sim-l0: {price: {input: 0.05, output: 0.2}}
  c/sim-l0: {price: {input: 0.05, output: 0.2}}
  mid/sim-l1: {price: {input: 1, output: 4}}
  top/sim-l2: {price: {input: 5, output: 20}}
tiers:
  - {name: L0, models: [a/sim-l0, b/sim-l0, c/sim-l0]}
  - {name: L1, models: [mid/sim-l1]}
  - {name: L2, models: [top/sim-l2]}
routing: {cross_check: %s}
cache: {response: {enabled: false}}
`

// workloadCommand asks a gateway the same tasks of auto and of the best model,
// and prints what auto saves and loses.
func workloadCommand(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("bench workload", flag.ContinueOnError)
	n := flags.Int("n", 2000, "how many tasks")
	seed := flags.Uint64("seed", 1, "what they are drawn from")
	weak := flags.Bool("weak", false, "tasks that the lowest tier mostly cannot do")
	check := flags.String("check", "auto", "routing.cross_check")
	binary := flags.String("gateway", "", "`path` of the gateway's binary; empty builds it with make build")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBench(ctx, options{gateway: *binary})
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	w := &workload{bench: b, client: &http.Client{}}
	if err := w.start(ctx, *check, *seed); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	proportions := usualMix
	if *weak {
		proportions = weakMix
	}
	tasks := proportions.draw(*seed, *n)
	auto, err := w.run(ctx, tasks, "auto")
	if err != nil {
		return err
	}
	ledger, err := w.ledger(ctx)
	if err != nil {
		return err
	}
	best, err := w.run(ctx, tasks, "L2")
	if err != nil {
		return err
	}
	w.show(auto, best, ledger)
	return nil
}

// draw returns n tasks in these proportions.
func (m mix) draw(seed uint64, n int) []simulator.Task {
	var by [3][]simulator.Task
	for _, t := range simulator.Tasks(seed, 4*n) {
		by[t.Difficulty] = append(by[t.Difficulty], t)
	}
	r := rand.New(rand.NewPCG(seed, 1))
	tasks := make([]simulator.Task, n)
	for i := range tasks {
		d, at := 0, r.IntN(1000)
		for ; at >= m[d]; d++ {
			at -= m[d]
		}
		tasks[i], by[d] = by[d][0], append(by[d][1:], by[d][0])
	}
	return tasks
}

// workload is a gateway with its simulated models.
type workload struct {
	*bench
	client     *http.Client
	simulators []*simulator.Server
	gateway    *server
}

func (w *workload) start(ctx context.Context, check string, seed uint64) error {
	var values []any
	for i := range 5 {
		s, err := simulator.Start(simulator.Config{Seed: seed*10 + uint64(i)})
		if err != nil {
			return errors.Join(err, w.stop())
		}
		w.simulators = append(w.simulators, s)
		values = append(values, s.URL())
	}
	file := filepath.Join(w.dir, "gateway.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, workloadConfig, append(values, check)...), 0o600); err != nil {
		return errors.Join(err, w.stop())
	}
	addr, err := w.ports.free(ctx)
	if err == nil {
		w.gateway, err = start(ctx, process.Spec{
			Name: "gateway", Path: w.programs.gateway, Args: []string{"serve"}, Dir: w.dir,
			Env: []string{"GATEWAY_CONFIG=" + file, "GATEWAY_LISTEN=" + addr, "GATEWAY_DATA_DIR=" + w.dir, "LOG_LEVEL=error"},
		}, addr)
	}
	if err != nil {
		return errors.Join(err, w.stop())
	}
	return nil
}

func (w *workload) stop() (err error) {
	if w.gateway != nil {
		err = w.gateway.Stop()
	}
	for _, s := range w.simulators {
		err = errors.Join(err, s.Close())
	}
	return err
}

// played is what became of the tasks.
type played struct {
	tasks, right, escalated, disputed int
	tiers                             map[string]int
	nano                              int64
}

// run asks all tasks, a few at a time.
func (w *workload) run(ctx context.Context, tasks []simulator.Task, model string) (*played, error) {
	o := &played{tiers: map[string]int{}}
	var mu sync.Mutex
	var failed error
	next := make(chan simulator.Task)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for task := range next {
				answer, header, err := w.ask(ctx, model, task.Prompt)
				mu.Lock()
				failed = errors.Join(failed, err)
				if err == nil {
					o.count(&task, answer, header)
				}
				mu.Unlock()
			}
		})
	}
	for _, t := range tasks {
		next <- t
	}
	close(next)
	workers.Wait()
	return o, failed
}

func (o *played) count(task *simulator.Task, answer string, header http.Header) {
	o.tasks++
	if task.Check(answer) {
		o.right++
	}
	if header.Get("X-Gateway-Escalated") == "true" {
		o.escalated++
	}
	if header.Get("X-Gateway-Check") == "disputed" {
		o.disputed++
	}
	o.tiers[header.Get("X-Gateway-Tier")]++
	usd, err := strconv.ParseFloat(header.Get("X-Gateway-Cost"), 64)
	if err == nil {
		o.nano += int64(usd*1e9 + 0.5)
	}
}

func (w *workload) ask(ctx context.Context, model, prompt string) (answer string, header http.Header, err error) {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	body, err := json.Marshal(struct {
		Model    string    `json:"model"`
		Messages []message `json:"messages"`
	}{model, []message{{"user", prompt}}})
	if err != nil {
		return "", nil, err
	}
	raw, header, err := w.call(ctx, http.MethodPost, "/v1/chat/completions", body)
	if err != nil {
		return "", nil, err
	}
	var said struct {
		Choices []struct{ Message message }
	}
	if err := json.Unmarshal(raw, &said); err != nil || len(said.Choices) == 0 {
		return "", nil, fmt.Errorf("no answer: %.200s", raw)
	}
	return said.Choices[0].Message.Content, header, nil
}

func (w *workload) call(ctx context.Context, method, path string, body []byte) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+w.gateway.addr+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d: %.200s", path, resp.StatusCode, raw)
	}
	return raw, resp.Header, err
}

// bill is the ledger's.
type bill struct {
	TotalCalls int64
	TotalCost  float64
	By         map[string]struct {
		TotalCalls int64
		TotalCost  float64
	}
}

func (w *workload) ledger(ctx context.Context) (*bill, error) {
	raw, _, err := w.call(ctx, http.MethodGet, "/v1/stats?groupBy=model", nil)
	if err != nil {
		return nil, err
	}
	b := &bill{}
	return b, json.Unmarshal(raw, b)
}

func (w *workload) show(auto, best *played, ledger *bill) {
	share := func(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of)) }
	fmt.Printf("%d tasks; answered at", auto.tasks)
	for _, tier := range []string{"L0", "L1", "L2"} {
		fmt.Printf(" %s %s", tier, share(auto.tiers[tier], auto.tasks))
	}
	fmt.Printf("; escalated %s, disputed %s\n", share(auto.escalated, auto.tasks), share(auto.disputed, auto.tasks))
	fmt.Printf("right: auto %s, always the best model %s: %+.2f points\n", share(auto.right, auto.tasks), share(best.right, best.tasks),
		100*(float64(auto.right)/float64(auto.tasks)-float64(best.right)/float64(best.tasks)))
	fmt.Printf("cost: auto $%.6f, always the best model $%.6f: %.1f %% saved\n", float64(auto.nano)/1e9, float64(best.nano)/1e9, 100*(1-float64(auto.nano)/float64(best.nano)))
	fmt.Printf("ledger: %d calls, $%.6f; the answers' headers add up to $%.6f\n", ledger.TotalCalls, ledger.TotalCost, float64(auto.nano)/1e9)
	for _, model := range []string{"a/sim-l0", "b/sim-l0", "c/sim-l0", "mid/sim-l1", "top/sim-l2"} {
		fmt.Printf("  %-10s %5d calls $%.6f\n", model, ledger.By[model].TotalCalls, ledger.By[model].TotalCost)
	}
}
