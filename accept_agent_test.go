package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// scripted is a provider that says what it is told to, one answer for each
// request; an empty one is a 500. It says in asked what it was asked, and waits
// for goOn.
func scripted(t *testing.T, asked chan<- string, goOn <-chan struct{}, answers ...string) string {
	t.Helper()
	next := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if asked != nil {
			asked <- string(body)
			<-goOn
		}
		w.Header().Set("Content-Type", "application/json")
		if next >= len(answers) || answers[next] == "" {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"error":{"message":"no","type":"server_error"}}`)
			return
		}
		content, _ := json.Marshal(answers[next])
		next++
		fmt.Fprintf(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":5,"total_tokens":10}}`, content)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

const twoSteps = `Here you are: {"todos":[{"title":"write","description":"write a.go"},{"title":"test","description":"write a_test.go"}]}`

// TestAccept_P6_Progress has the list seen while the agent works through it, and
// the files that one step changes given to the next.
func TestAccept_P6_Progress(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		asked, goOn := make(chan string, 1), make(chan struct{}, 1)
		goOn <- struct{}{}
		g := b.start(t, config("", scripted(t, asked, goOn, twoSteps,
			`{"response":"wrote it","files":[{"path":"pkg/a.go","content":"package a"},{"path":"../../etc/passwd","content":"root"}]}`,
			`{"response":"tested it","files":[{"path":"pkg/a_test.go","content":"package a_test"}]}`)))
		answer := make(chan reply, 1)
		go func() {
			answer <- g.post("/v1/code-agent", `{"conversationId":"agent","task":"Write a sieve.","files":[{"path":"go.mod","content":"module sieve"}]}`)
		}()
		if plan := <-asked; !strings.Contains(plan, "Write a sieve.") || !strings.Contains(plan, "module sieve") {
			t.Errorf("%s", plan)
		}
		<-asked
		statuses(t, g, "in-progress not-started")
		goOn <- struct{}{}
		second := <-asked
		statuses(t, g, "completed in-progress")
		goOn <- struct{}{}
		if !strings.Contains(second, "package a") || strings.Contains(second, "root") {
			t.Errorf("%s", second)
		}
		r := <-answer
		got := gjson.Parse(r.body)
		if r.status != 200 || got.Get("result.files.#").Int() != 2 || got.Get("result.files.0.path").Str != "pkg/a.go" ||
			!strings.Contains(got.Get("result.response").Str, "passwd\" was left out") || got.Get("performance.calls.#").Int() != 3 {
			t.Errorf("%d %s", r.status, r.body)
		}
		if b.redis != nil {
			redisCommand(t, b.redis, "FLUSHALL")
		}
		statuses(t, g, "completed completed")
		if got := g.context("agent"); got.Get("messageCount").Int() != 2 || got.Get("recentMessages.0.content").Str != "Write a sieve." {
			t.Errorf("%s", got.Raw)
		}
	})
}

func statuses(t *testing.T, g *instance, want string) {
	t.Helper()
	var got []string
	if !poll(20*time.Second, func() bool {
		got = nil
		for _, s := range g.context("agent").Get("todos.#.status").Array() {
			got = append(got, s.Str)
		}
		return strings.Join(got, " ") == want
	}) {
		t.Errorf("the list is %q, want %q", got, want)
	}
}

// TestAccept_P6_Failure has the provider fail at the second step: the list says
// so, and what the first step did is kept.
func TestAccept_P6_Failure(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		g := b.start(t, config("", scripted(t, nil, nil, twoSteps, `{"response":"wrote it","files":[{"path":"a.go","content":"package kept"}]}`, "")))
		r := g.post("/v1/code-agent", `{"conversationId":"agent","task":"Write a sieve."}`)
		if r.status < 400 || gjson.Get(r.body, "error.gateway_code").Str == "" {
			t.Errorf("%d %s", r.status, r.body)
		}
		statuses(t, g, "completed not-started")
		got := g.context("agent").Get("recentMessages")
		if got.Get("#").Int() != 2 || !strings.Contains(got.Get("1.content").Str, "package kept") || !got.Get("1.incomplete").Bool() {
			t.Errorf("%s", got.Raw)
		}
	})
}

// TestAccept_P6_Nonsense has models that keep to no format.
func TestAccept_P6_Nonsense(t *testing.T) {
	for _, nonsense := range []string{"banana", "{", `{"todos":[]}`, `{"todos":"x","response":7,"files":{}}`, `{"todos":[{"title":" "}]}`} {
		g := (&backend{}).start(t, config("cache: {response: {enabled: false}}\n", scripted(t, nil, nil, nonsense, nonsense)))
		r := g.post("/v1/code-agent", `{"conversationId":"agent","task":"Write a sieve.\nIn Go."}`)
		got := gjson.Parse(r.body)
		if r.status != 200 || got.Get("todos.#").Int() != 1 || got.Get("todos.0.title").Str != "Write a sieve." || got.Get("result.response").Str != nonsense || got.Get("result.files").Exists() {
			t.Errorf("%s: %d %s", nonsense, r.status, r.body)
		}
		statuses(t, g, "completed")
	}
}
