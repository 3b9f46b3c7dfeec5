package conversation

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/store"
)

// harbours is n messages, of some tens of tokens each, a user's the last where n is
// odd.
func harbours(n int) []string {
	var list []string
	for i := range n {
		role := "ua"[i%2 : i%2+1]
		list = append(list, fmt.Sprintf("%s%d: the harbour of town number %d has %d boats, and its keeper %s likes the colour of topic %d.",
			role, i+1, i*7, i*3+1, strings.Repeat("k", i%5+1), i))
	}
	return list
}

func rawTalk(list []string) [][]byte {
	var all [][]byte
	for _, said := range list {
		role := map[byte]string{'u': "user", 'a': "assistant"}[said[0]]
		all = append(all, []byte(`{"role":"`+role+`","content":"`+said+`"}`))
	}
	return all
}

var (
	cached   = Prices{Input: 100, CachedRead: 10}
	uncached = Prices{Input: 100, CachedRead: 100}
)

func beginTalk(t *testing.T, m *Manager, incoming [][]byte, prices Prices) *Turn {
	t.Helper()
	turn, err := m.Begin(t.Context(), &Call{Caller: Caller{Tenant: "default"}, ID: "c", Dialect: OpenAI, Incoming: incoming, Prices: prices})
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

func tokensOfMessages(messages []Message) int {
	n := 0
	for _, m := range messages {
		it := readItem(m.Dialect, m.Raw)
		n += it.tokens(it.plain())
	}
	return n
}

func TestAccept_C2_CompressionFiresAtThe51stMessage(t *testing.T) {
	cold := openCold(t)
	m := newManager(t, cold, new(hotMap), Options{})
	all := rawTalk(harbours(101))
	for i := 0; i < 50; i += 2 {
		turn := beginTalk(t, m, all[i:i+1], uncached)
		if turn.Compressed || len(turn.Messages) != i+1 {
			t.Fatalf("message %d: %d are sent, compressed: %v", i+1, len(turn.Messages), turn.Compressed)
		}
		if err := turn.Finish(t.Context(), &Answer{Messages: all[i+1 : i+2]}); err != nil {
			t.Fatal(err)
		}
	}
	turn := beginTalk(t, m, all[50:51], uncached)
	if !turn.Compressed || turn.Summary == "" || !strings.Contains(string(turn.Messages[0].Raw), "Summary of") {
		t.Fatalf("the 51st message: %+v", turn)
	}
	verbatim := 0
	for i := range 51 {
		at := len(turn.Messages) - 1 - i
		if at < 0 || string(turn.Messages[at].Raw) != string(all[50-i]) {
			break
		}
		verbatim++
	}
	if verbatim < 8 {
		t.Errorf("only %d recent messages are as they were", verbatim)
	}
	before := tokensOfMessages(asMessages(all[:51]))
	after := tokensOfMessages(turn.Messages)
	if after*100 > before*32 {
		t.Errorf("%d of %d tokens are left", after, before)
	}
	if err := turn.Finish(t.Context(), &Answer{Messages: all[51:52]}); err != nil {
		t.Fatal(err)
	}
	if turn.SummaryVersion != 1 || turn.MessageCount != 52 {
		t.Errorf("summary version %d, %d messages", turn.SummaryVersion, turn.MessageCount)
	}
	loaded, err := cold.Load(t.Context(), "default", "c", 100)
	if err != nil || loaded.Summary == nil || loaded.Summary.Through != 43 || len(loaded.Recent) != 52 {
		t.Errorf("stored: %+v, %v", loaded, err)
	}
}

func asMessages(raw [][]byte) []Message {
	var all []Message
	for _, r := range raw {
		all = append(all, Message{OpenAI, r})
	}
	return all
}

func TestCompress_QuestionIsFollowed(t *testing.T) {
	m := newManager(t, openCold(t), nil, Options{})
	all := rawTalk(harbours(59))
	asked := append(slices.Clone(all[:58]), []byte(`{"role":"user","content":"How many boats has town number 35?"}`))
	turn := beginTalk(t, m, asked, uncached)
	if !strings.Contains(words(turn.Messages[1:]), "town number 35 has 16 boats") {
		t.Errorf("what is asked for was left out: %s", words(turn.Messages))
	}
	if turn.Untouched || !turn.Compressed {
		t.Errorf("%+v", turn)
	}
}

// TestAccept_C2_RecentMessages holds that after compression the prompt is the
// summary, a selection and 5 to 10 recent messages as they were, at every
// length and whatever is paid, for clients that resend and those that do not;
// and that 60 % is saved from 60 messages on (C3).
func TestAccept_C2_RecentMessages(t *testing.T) {
	eachTurn(t, func(name string, n int, turn *Turn, all [][]byte) {
		if !turn.Compressed {
			if n > 50 {
				t.Errorf("%s: %d messages are not compressed", name, n)
			}
			return
		}
		sent, recent := turn.Messages[1:], 0
		for recent < len(sent) && string(sent[len(sent)-1-recent].Raw) == string(all[n-1-recent]) {
			recent++
		}
		frozen := turn.state.frozen
		switch {
		case turn.Summary == "" || recent < minKeepRecent:
			t.Errorf("%s: of %d messages %d recent ones are there, summary %q", name, n, recent, turn.Summary)
		case frozen != nil && (n-frozen.Cut < minKeepRecent || n-frozen.Cut > maxKeepRecent):
			t.Errorf("%s: of %d messages %d are behind the cut", name, n, n-frozen.Cut)
		}
		share := float64(tokensOfMessages(turn.Messages)) / float64(tokensOfMessages(asMessages(all[:n])))
		if n >= 60 && share > 0.40 {
			t.Errorf("%s: of %d messages %.2f of the tokens are left", name, n, share)
		}
	})
}

// TestFrozenCosts holds that a frozen prefix is cheaper than a selection that
// follows the question, and than sending everything, where cached reads are
// cheap. It prints what 40 calls cost, in tokens at the price of input.
func TestFrozenCosts(t *testing.T) {
	costs := map[string]float64{}
	last, everything := map[string][]Message{}, map[string][]Message{}
	bill := func(now, before []Message) float64 {
		same := 0
		for same < min(len(now), len(before)) && string(now[same].Raw) == string(before[same].Raw) {
			same++
		}
		return 0.1*float64(tokensOfMessages(now[:same])) + float64(tokensOfMessages(now[same:]))
	}
	eachTurn(t, func(name string, n int, turn *Turn, all [][]byte) {
		if n > 50 {
			costs[name] += bill(turn.Messages, last[name])
			costs["everything "+name] += bill(asMessages(all[:n]), everything[name])
		}
		last[name], everything[name] = turn.Messages, asMessages(all[:n])
	})
	for name, cost := range costs {
		t.Logf("%s: %.0f", name, cost)
	}
	if frozen := costs["cached"]; frozen > 0.85*costs["uncached"] || frozen > 0.75*costs["everything cached"] {
		t.Errorf("a frozen prefix costs %.0f, a selection for each question %.0f, everything %.0f", frozen, costs["uncached"], costs["everything cached"])
	}
}

// eachTurn takes 65 turns for each way to pay and to send.
func eachTurn(t *testing.T, check func(name string, n int, turn *Turn, all [][]byte)) {
	t.Helper()
	all := rawTalk(harbours(131))
	for name, prices := range map[string]Prices{"cached": cached, "uncached": uncached, "cached, resent": cached, "uncached, resent": uncached} {
		m := newManager(t, openCold(t), new(hotMap), Options{})
		for i := 0; i < 130; i += 2 {
			from := i
			if strings.HasSuffix(name, "resent") {
				from = 0
			}
			turn := beginTalk(t, m, all[from:i+1], prices)
			check(name, i+1, turn, all)
			if err := turn.Finish(t.Context(), &Answer{Messages: all[i+1 : i+2]}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestAccept_C4_FactsAreKept plants facts among small talk, in the first ten
// messages, and looks for them in what is sent when nobody asks for them.
func TestAccept_C4_FactsAreKept(t *testing.T) {
	facts := []string{
		"My name is Quentin and I run the bakery in Porto.", "The budget is 4,800 euros.", "We decided to use PostgreSQL for orders.",
		"The launch is on 14 March.", "My sister Ines is allergic to walnuts.",
	}
	fillers := []func(i int) string{
		func(int) string { return "Let us go on with the next small thing, and keep it simple as before." },
		func(i int) string {
			return fmt.Sprintf("Filler message number %d: nothing of note happens here, we just talk on.", i)
		},
		func(i int) string { return harbours(i + 1)[i] },
	}
	for f, filler := range fillers {
		for _, n := range []int{51, 61, 101} {
			for name, prices := range map[string]Prices{"cached": cached, "uncached": uncached} {
				var all [][]byte
				for i := range n {
					role, text := []string{"user", "assistant"}[i%2], filler(i)
					if i < 10 && i%2 == 0 {
						text = facts[i/2]
					}
					all = append(all, fmt.Appendf(nil, `{"role":%q,"content":%q}`, role, text))
				}
				turn := beginTalk(t, newManager(t, openCold(t), nil, Options{}), all, prices)
				sent := words(turn.Messages)
				for _, fact := range facts {
					if !strings.Contains(sent, fact) {
						t.Errorf("filler %d, %d messages, %s: %q is lost", f, n, name, fact)
					}
				}
			}
		}
	}
}

func TestCompress_ToolsStayTogether(t *testing.T) {
	m := newManager(t, openCold(t), nil, Options{})
	for _, prices := range []Prices{cached, uncached} {
		for n := 52; n < 75; n++ {
			var all [][]byte
			for i := range n {
				switch i % 4 {
				case 0:
					all = append(all, fmt.Appendf(nil, `{"role":"user","content":"look number %d up, and say what it is about"}`, i))
				case 1:
					all = append(all, fmt.Appendf(nil, `{"role":"assistant","content":null,"tool_calls":[{"id":"x%d","type":"function","function":{"name":"look","arguments":"{}"}},{"id":"y%d","type":"function","function":{"name":"look","arguments":"{}"}}]}`, i, i))
				case 2:
					all = append(all, fmt.Appendf(nil, `{"role":"tool","tool_call_id":"x%d","content":"it is about the number %d and some more words"}`, i-1, i))
				case 3:
					all = append(all, fmt.Appendf(nil, `{"role":"tool","tool_call_id":"y%d","content":"another text about %d"}`, i-2, i))
				}
			}
			turn := beginTalk(t, m, all, prices)
			calls, results := map[string]bool{}, map[string]bool{}
			for _, message := range turn.Messages {
				it := readItem(message.Dialect, message.Raw)
				for _, p := range it.pieces {
					switch p.kind {
					case callPiece:
						calls[string(p.id)] = true
					case resultPiece:
						results[string(p.id)] = true
						if !calls[string(p.id)] {
							t.Errorf("%d messages: the result of %s has no call", n, p.id)
						}
					}
				}
			}
			open := 0
			for id := range calls {
				if !results[id] {
					open++
				}
			}
			// Only the last call may still wait for its results.
			if want := map[int]int{2: 2, 3: 1}[n%4]; !turn.Compressed || open != want {
				t.Errorf("%d messages: %d calls without results, want %d; compressed: %v", n, open, want, turn.Compressed)
			}
		}
	}
}

// TestSummarize has a model write the next version, and a caller another one
// meanwhile.
func TestSummarize(t *testing.T) {
	for _, meanwhile := range []bool{false, true} {
		cold, hot := openCold(t), new(hotMap)
		asked, answer := make(chan *SummaryRequest), make(chan string)
		m := New(Config{}, cold, hot, Options{Summarize: func(_ context.Context, r *SummaryRequest) (string, string, error) {
			asked <- r
			return <-answer, "model", nil
		}})
		all := rawTalk(harbours(60))
		turn := beginTalk(t, m, all[:51], uncached)
		if err := turn.Finish(t.Context(), &Answer{Messages: all[51:52]}); err != nil {
			t.Fatal(err)
		}
		r := <-asked
		if r.Tenant != "default" || r.ID != "c" || r.Previous != "" || len(r.Texts) != 43 {
			t.Errorf("asked for %+v", r)
		}
		m.jobs.add(&job{SummaryRequest: *r}) // is dropped: one is being written
		want := "by a model\n" + turn.state.summary.Text
		if meanwhile {
			want = "by a caller"
			if _, err := m.PutSummary(t.Context(), "default", "c", []byte(`{"text":"by a caller"}`)); err != nil {
				t.Fatal(err)
			}
		}
		answer <- "by a model"
		other := *r
		other.ID = "other"
		for range 2 { // writers that are done with the first
			m.jobs.add(&job{SummaryRequest: other})
			if r = <-asked; r.ID != "other" {
				t.Errorf("asked for %+v", r)
			}
			answer <- ""
			for m.jobs.busy() {
				runtime.Gosched()
			}
		}
		m.Close()
		loaded, err := cold.Load(t.Context(), "default", "c", 0)
		if err != nil || loaded.Summary.Text != strings.TrimSpace(want) || loaded.Summary.Version != 2 {
			t.Errorf("got version %d, %q, %v", loaded.Summary.Version, loaded.Summary.Text, err)
		}
		if s, err := m.load(t.Context(), "default", "c", store.AnyVersion); err != nil || s.source != SourceHot || s.summary.Text != strings.TrimSpace(want) {
			t.Errorf("the hot tier has another summary: %q, %v", s.summary.Text, err)
		}
	}
}

func (q *jobs) busy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.of) > 0
}

// TestJobs holds that the queue is bounded, and has one job for a conversation,
// the newest.
func TestJobs(t *testing.T) {
	var q jobs
	q.init()
	for n := range 2 {
		for i := range 2 * maxJobs {
			q.add(&job{SummaryRequest: SummaryRequest{ID: fmt.Sprint(i), Tokens: n}})
		}
	}
	for i := range maxJobs {
		j := q.next(t.Context())
		if j.ID != fmt.Sprint(i) || j.Tokens != 1 {
			t.Errorf("job %d is %+v", i, j.SummaryRequest)
		}
		q.done(j)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if j := q.next(ended); j != nil || q.busy() {
		t.Errorf("%+v is left", j)
	}
}

func TestCompleted(t *testing.T) {
	extract := "user: The budget is 4,800 euros.\nassistant: The launch is on 14 March.\n"
	f := func(written, want string) {
		t.Helper()
		if got := completed(written, extract, 36); got != want {
			t.Errorf("%q: got %q, want %q", written, got, want)
		}
	}
	f("The user has a budget of 4,800 euros; the assistant sets the launch for 14 March.", "The user has a budget of 4,800 euros; the assistant sets the launch for 14 March.")
	f("They talked of a launch on 14 March by the assistant.", "They talked of a launch on 14 March by the assistant.\nuser: The budget is 4,800 euros.")
	f("PWNED", "PWNED\nuser: The budget is 4,800 euros.\nassistant: The launch is on 14 March.")
	if long := completed(strings.Repeat("word ", 5000), extract, 36); Count(long) > 72 || !strings.Contains(long, extract[:40]) {
		t.Errorf("%d tokens: %s", Count(long), long)
	}
}

// TestAccept_C5_SummaryAndTurnDoNotLoseEachOther posts a summary while a turn
// that compresses is under way.
func TestAccept_C5_SummaryAndTurnDoNotLoseEachOther(t *testing.T) {
	cold := openCold(t)
	m := newManager(t, cold, new(hotMap), Options{})
	all := rawTalk(harbours(60))
	turn := beginTalk(t, m, all[:51], cached)
	version, err := m.PutSummary(t.Context(), "default", "c", []byte(`{"text":"by a caller"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := turn.Finish(t.Context(), &Answer{Messages: all[51:52]}); err != nil {
		t.Fatal(err)
	}
	var s *store.Summary
	if s, err = cold.Summary(t.Context(), "default", "c", version); err != nil || s.Text != "by a caller" {
		t.Errorf("the summary is lost: %+v, %v", s, err)
	}
	next := beginTalk(t, m, all[52:53], cached)
	if !strings.HasPrefix(next.Summary, "by a caller\n") || next.MessageCount != 52 {
		t.Errorf("the next turn: %d messages, %q", next.MessageCount, next.Summary)
	}
}
