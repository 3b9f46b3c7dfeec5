package storetest

import (
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

var messages = []promise{
	{"MessagesComeInPages", messagesPages},
	{"MessagesOfAnUnknownConversationAreNone", messagesUnknown},
	{"MessagesComeBackToTheByte", messagesBytes},
	{"MessagesComeBackWhole", messagesFields},
	{"LoadOfAnUnknownConversationIsNotFound", loadUnknown},
	{"LoadBringsTheLastMessagesOldestFirst", loadRecent},
	{"LoadBringsSummaryAndTodos", loadAll},
}

func messagesPages(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "k", lines(1, 25)...)
	page := func(after int64, limit, first, last int) {
		t.Helper()
		got, err := s.Messages(t.Context(), "t", "c", after, limit)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, lines(first, last), got)
	}
	page(0, 10, 1, 10)
	page(10, 10, 11, 20)
	page(20, 10, 21, 25)
	page(24, 1, 25, 25)
	page(25, 10, 1, 0)
	page(1000, 10, 1, 0)
	page(0, 0, 1, 0)
	page(3, 1, 4, 4)
}

func messagesUnknown(t *testing.T, s store.Store) {
	equal(t, 0, len(all(t, s, "t", "never")))
}

func messagesBytes(t *testing.T, s store.Store) {
	raws := []string{
		`{"role":"user","content":"x"}`,
		"{ \"b\" : 1,\r\n\t\"a\": [ 1 , 2 ] }  ", // neither order nor spaces change
		`{"a":1,"a":2}`,                          // nor doubled keys
		`{"n":[1e400,-0,1.0,1.50,9223372036854775808,0.1e1]}`,
		`{"s":"\u0000\ud800\u00e9\/\"\\"}`, // escapes stay, also of what text cannot hold
		"{\"s\":\"é e\u0301 \u2028 \U0001F469\u200d\U0001F680 \x7f\"}",
		`"'; DROP TABLE messages; -- %s $1 ?1 \\x00"`,
		`null`, `[]`,
		`"` + string(make40k()) + `"`,
	}
	var put []store.Message
	for _, raw := range raws {
		m := line(len(put) + 1)
		m.Raw = []byte(raw)
		put = append(put, m)
	}
	add(t, s, "t", "c", 0, "k", put...)
	got := all(t, s, "t", "c")
	if len(got) != len(raws) {
		t.Fatalf("%d messages of %d", len(got), len(raws))
	}
	for i, raw := range raws {
		if string(got[i].Raw) != raw {
			t.Errorf("%.100q came back as %.100q", raw, got[i].Raw)
		}
	}
}

func make40k() []byte {
	b := make([]byte, 40000)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return b
}

func messagesFields(t *testing.T, s store.Store) {
	zone := time.FixedZone("elsewhere", 5*3600+1800)
	put := store.Message{
		Role: "assistant", Dialect: "anthropic", Raw: []byte(`{}`),
		Digest: [16]byte{0, 1, 0x7f, 0x80, 0xff, 0, 0, '\'', 0, 9, 10, 11, 12, 13, 14, 0},
		Tokens: 123456789, Model: "anthropic/claude", Incomplete: true,
		Created: time.Date(2026, 12, 31, 23, 59, 59, 987654321, zone),
	}
	add(t, s, "t", "c", 0, "k", put)
	want := put
	want.Seq = 1
	want.Created = time.Date(2026, 12, 31, 18, 29, 59, 987654000, time.UTC)
	got := all(t, s, "t", "c")
	equal(t, []store.Message{want}, got)
	if got[0].Created.Location().String() != "UTC" {
		t.Errorf("the time is in %v", got[0].Created.Location())
	}
	equal(t, []store.Message{want}, load(t, s, "t", "c", 8).Recent)
}

func loadUnknown(t *testing.T, s store.Store) {
	got, err := s.Load(t.Context(), "t", "never", 8)
	missing(t, "load", err)
	if got != nil {
		t.Errorf("there is %+v", got)
	}
}

func loadRecent(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "k", lines(1, 25)...)
	for _, c := range []struct{ recent, first int }{{0, 26}, {1, 25}, {8, 18}, {25, 1}, {100, 1}} {
		got := load(t, s, "t", "c", c.recent)
		equal(t, lines(c.first, 25), got.Recent)
		equal(t, int64(25), got.Version)
	}
}

func loadAll(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "k", lines(1, 3)...)
	got := load(t, s, "t", "c", 2)
	if got.Summary != nil || got.Todos != nil || got.SummaryVersion != 0 {
		t.Errorf("there is a summary or a todo: %+v", got)
	}
	putSummary(t, s, "t", "c", 0, 1)
	putSummary(t, s, "t", "c", 1, 2)
	todo := store.Todo{ID: 1, Title: "write", Description: "tests", Status: store.TodoInProgress}
	if err := s.PutTodos(t.Context(), "t", "c", []store.Todo{todo}); err != nil {
		t.Fatal(err)
	}
	got = load(t, s, "t", "c", 2)
	equal(t, summary(2), got.Summary)
	equal(t, int64(2), got.SummaryVersion)
	equal(t, int64(3), got.Version)
	equal(t, []store.Todo{todo}, got.Todos)
	equal(t, lines(2, 3), got.Recent)
}
