package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// A conversation of the Responses API goes on from an answer's id at every
// provider, streamed or not, and also at another one than it began with.
func TestMatrixState(t *testing.T) {
	m := startMatrix(t, "", byName, "")
	c := clientNamed("responses")
	for n, p := range matrixProviders {
		for _, stream := range []bool{false, true} {
			next := matrixProviders[(n+1)%len(matrixProviders)]
			if p.native == c.name {
				continue // it keeps its answers itself, which the simulator does not
			}
			first := m.respond(&c, p, stream, `"input":"My name is `+p.name+`-mark."`)
			again := m.respond(&c, p, stream, `"input":"Who am I?","previous_response_id":`+encode(first.Get("id").Str))
			other := m.respond(&c, next, stream, `"input":"And now?","previous_response_id":`+encode(again.Get("id").Str))
			if first.Get("id").Str == again.Get("id").Str || again.Get("previous_response_id").Str != first.Get("id").Str {
				t.Errorf("%s: the answer %s goes on from %s", p.name, again.Raw, first.Get("id").Str)
			}
			m.whatWasSaid(p, next, first, again)
			m.itemsOf(other.Get("id").Str, "And now?", "Who am I?", p.name+"-mark")
		}
	}
}

// respond makes a call of the Responses API that has to succeed.
func (m *matrix) respond(c *matrixClient, p matrixProvider, stream bool, rest string) gjson.Result {
	m.t.Helper()
	r := m.post(c.path, c.request(p.name+"/sim-l0", stream, rest))
	body := r.body
	var err error
	if stream {
		var events []frame
		if events, err = frames(body); err == nil {
			body, err = c.gather(events, false)
		}
	}
	if r.status != http.StatusOK || err != nil {
		m.t.Fatalf("%s: status %d, %v: %s", p.name, r.status, err, r.body)
	}
	return gjson.Parse(body)
}

// whatWasSaid checks that the last provider was told the conversation so far.
func (m *matrix) whatWasSaid(p, next matrixProvider, answers ...gjson.Result) {
	m.t.Helper()
	seen := m.upstream()
	sent := string(seen[len(seen)-1].Body)
	for _, text := range []string{p.name + "-mark", "Who am I?", "And now?"} {
		if strings.Count(sent, text) < 1 {
			m.t.Errorf("%s -> %s: %q is not in %s", p.name, next.name, text, sent)
		}
	}
	for _, a := range answers {
		said := saidByResponses(a).Text
		if text := encode(said); said == "" || !strings.Contains(sent, strings.Trim(text, `"`)) {
			m.t.Errorf("%s -> %s: the answer %s is not in %s", p.name, next.name, text, sent)
		}
	}
	if strings.Contains(sent, "previous_response_id") {
		m.t.Errorf("%s is asked to go on from what it has not: %s", next.name, sent)
	}
}

// itemsOf checks the input of a response, which has these texts from the
// latest to the first, with answers between them.
func (m *matrix) itemsOf(id string, texts ...string) {
	m.t.Helper()
	_, body := m.do(http.MethodGet, "/v1/responses/"+id+"/input_items?limit=100", "")
	data := gjson.Get(body, "data").Array()
	var users []string
	for _, item := range data {
		if item.Get("role").Str == "user" {
			users = append(users, item.Raw)
		}
		if item.Get("id").Str == "" {
			m.t.Errorf("the item %s has no id", item.Raw)
		}
	}
	if len(users) != len(texts) {
		m.t.Fatalf("the input of %s is %s", id, body)
	}
	for n, text := range texts {
		if !strings.Contains(users[n], text) {
			m.t.Errorf("item %d is %s, want %q", n, users[n], text)
		}
	}
}

// do makes a call without a body.
func (m *matrix) do(method, path, key string) (status int, body string) {
	m.t.Helper()
	r, err := http.NewRequest(method, m.URL+path, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

// What is kept is the tenant's alone: to read, to go on from and to delete.
func TestMatrixStateRoutes(t *testing.T) {
	const one, two = "tenant-one-key-0123456789abcdef", "tenant-two-key-0123456789abcdef"
	m := startMatrix(t, "", byName, fmt.Sprintf("keys:\n  - {id: one, key: %s, tenant: one}\n  - {id: two, key: %s, tenant: two}\n", one, two))
	c := clientNamed("responses")
	ask := func(key, rest string) reply {
		return m.post(c.path, c.request("anthropic/sim-l0", false, rest), "Authorization: Bearer "+key)
	}
	first := ask(one, `"input":"Hello."`)
	id := gjson.Get(first.body, "id").Str
	path := "/v1/responses/" + id
	want := func(method, path, key string, status int, code string) string {
		t.Helper()
		got, body := m.do(method, path, key)
		if got != status || gjson.Get(body, "error.code").Str != code {
			t.Errorf("%s %s: status %d, %s; want %d, %q", method, path, got, body, status, code)
		}
		return body
	}
	if body := want("GET", path, one, 200, ""); gjson.Parse(body).Get("@ugly").Raw != gjson.Parse(first.body).Get("@ugly").Raw {
		t.Errorf("kept %s, answered %s", body, first.body)
	}
	for _, way := range [][2]string{{"GET", ""}, {"DELETE", ""}, {"GET", "/input_items"}, {"POST", "/cancel"}} {
		body := want(way[0], path+way[1], two, 404, gjson.Get(want(way[0], "/v1/responses/resp_none"+way[1], one, 404, "not_found"), "error.code").Str)
		if strings.Contains(body, "Hello.") {
			t.Errorf("another tenant is told: %s", body)
		}
		want(way[0], path+way[1], "", 401, "invalid_api_key")
	}
	stolen := ask(two, `"input":"Go on.","previous_response_id":`+encode(id))
	if stolen.status != 400 || gjson.Get(stolen.body, "error.code").Str != "previous_response_not_found" {
		t.Errorf("another tenant goes on: %d %s", stolen.status, stolen.body)
	}
	want("POST", path+"/cancel", one, 400, "invalid_value")
	if own := ask(one, `"input":"Go on.","previous_response_id":`+encode(id)); own.status != 200 {
		t.Errorf("the tenant itself: %d %s", own.status, own.body)
	}
	if body := want("DELETE", path, one, 200, ""); !gjson.Get(body, "deleted").Bool() {
		t.Errorf("deleted: %s", body)
	}
	want("GET", path, one, 404, "not_found")
	if unkept := ask(one, `"input":"Hello.","store":false`); unkept.status != 200 {
		t.Errorf("store: false: %d %s", unkept.status, unkept.body)
	} else if got, body := m.do("GET", "/v1/responses/"+gjson.Get(unkept.body, "id").Str, one); got != 404 {
		t.Errorf("it was not to be stored: %d %s", got, body)
	}
}
