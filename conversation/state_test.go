package conversation

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/store"
)

func valid(raw []byte) bool { return json.Valid(raw) }

// raw is a message of Chat Completions in a word: its first letter is the role,
// and a trailing ~ says that it was cut.
func raw(word string) []byte {
	role := map[byte]string{'u': "user", 'v': "user", 'w': "user", 'b': "assistant", 'c': "assistant", 'a': "assistant", 's': "system"}[word[0]]
	return []byte(`{"role":"` + role + `","content":"` + strings.TrimSuffix(word, "~") + `"}`)
}

func rawWords(words string) [][]byte {
	var list [][]byte
	for _, word := range strings.Fields(words) {
		list = append(list, raw(word))
	}
	return list
}

func storedWords(words string) []store.Message {
	var list []store.Message
	for i, word := range strings.Fields(words) {
		list = append(list, store.Message{
			Seq: int64(i + 1), Role: readRole(word), Dialect: OpenAI, Raw: raw(word), Digest: digestOf(OpenAI, string(raw(word))),
			Incomplete: strings.HasSuffix(word, "~"), Tokens: 5, Created: time.Unix(int64(i), 0).UTC(),
		})
	}
	return list
}

func readRole(word string) string {
	it := readItem(OpenAI, raw(word))
	return it.role
}

func TestAlign(t *testing.T) {
	f := func(stored, incoming string, before, fresh int) {
		t.Helper()
		in := readIncoming(&Call{Dialect: OpenAI, Incoming: rawWords(incoming)})
		a := align(storedWords(stored), in)
		if a.before != before || a.fresh != fresh {
			t.Errorf("%q then %q: got %d stored ones before and new from %d, want %d and %d", stored, incoming, a.before, a.fresh, before, fresh)
		}
	}
	f("", "u1", 0, 0)
	f("", "u1 a1 u2", 0, 0)
	// Only what is new.
	f("u1 a1", "u2", 2, 0)
	f("u1 a1", "u1", 2, 0)
	f("u a u a", "u", 4, 0)
	f("u1 a1", "u2 aprefill", 2, 0)
	f("u1 a1 u2", "u2", 2, 1)
	// The whole history.
	f("u1 a1", "u1 a1 u2", 0, 2)
	f("u1 a1", "u1 a1", 0, 2)
	f("u1 a1 u2 a2", "u1 a1 u2 a2 u3", 0, 4)
	f("u a u a", "u a u a u", 0, 4)
	f("u2 a2", "u1 a1 u2 a2 u3", 0, 4)
	// A window of it.
	f("u1 a1 u2 a2", "a2 u3", 3, 1)
	f("u1 a1 u2 a2 u3 a3", "u2 a2 u3 a3 u4", 2, 4)
	// Regenerated, edited, compacted.
	f("u1 a1 u2 a2", "u1 a1 u2", 0, 3)
	f("u1 a1 u2 a2", "u1 a1 uX", 0, 2)
	f("u1 a1 u2 a2 uX aX", "u1 a1 uX aX u3", 0, 4)
	f("u1 a1 u2 a2 a2b", "u1 a1 u2 a2b u3", 0, 4)
	f("u1 a1 u2 a2", "u1 aX u2 a2 u3", 0, 4)
	f("u1 a1 u2 a2", "usum a2 u3", 0, 2)
	f("u1 a1 u2 a2", "uX aX u3", 0, 0)
	// Others have written in between.
	f("u1 a1 v1 b1 u2 a2 w1 c1", "u1 a1 u2 a2 u3", 0, 4)
	f("u0 a0 u1 a1 v1 b1", "u1 a1 u2", 2, 2)
	// A cut answer, of which the client got less, or which it leaves out.
	f("u1 afoobar~", "u1 afoo u2", 0, 2)
	f("u1 afoo~", "u1 afoobar u2", 0, 2)
	f("u1 afoo", "u1 afoobar u2", 0, 1)
	f("u1 a1 u2 afoo~", "u1 a1 u2 u3", 0, 3)
}

func TestAlign_Silent(t *testing.T) {
	thought := []byte(`{"type":"reasoning","id":"r1"}`)
	stored := storedWords("u1 a1")
	stored = append(stored[:1:1], store.Message{Role: assistant, Dialect: Responses, Raw: thought, Digest: silentDigest}, stored[1])
	f := func(incoming [][]byte, before, fresh int) {
		t.Helper()
		a := align(stored, readIncoming(&Call{Dialect: Responses, Incoming: incoming}))
		if a.before != before || a.fresh != fresh {
			t.Errorf("got %d stored ones before and new from %d, want %d and %d", a.before, a.fresh, before, fresh)
		}
	}
	f([][]byte{raw("u1"), raw("a1"), raw("u2")}, 0, 2)
	f([][]byte{raw("u1"), thought, raw("a1"), raw("u2")}, 0, 3)
	f([][]byte{raw("u2")}, 3, 0)
	f([][]byte{raw("a1"), raw("u2")}, 1, 1)
}

func TestHeld(t *testing.T) {
	s := &state{
		version: 7, count: 4, turns: storedWords("u1 a1 u2 afoo~"), instructions: storedWords("s"),
		frozen:  &frozen{Cut: 2, Picked: []int{1}, Text: "t", SummaryVersion: 3},
		summary: &store.Summary{Version: 3, Fields: []byte(`{}`), Text: "t", Created: time.Unix(1, 0).UTC()},
		todos:   []store.Todo{{ID: 1, Title: "t", Status: store.TodoCompleted}},
	}
	added := storedWords("s2 u3")
	s2 := readItem(OpenAI, added[0].Raw)
	added[0].Digest = s2.instructionDigest()
	if !s.take([]store.Append{{Project: "p", User: "u", Key: "k", Messages: added}}) || s.version != 9 || s.stored() != 7 || len(s.turns) != 5 {
		t.Fatalf("a pending append is not taken: %+v", s)
	}
	if s.take([]store.Append{{Key: "k"}, {Key: "another", Messages: added}}) {
		t.Error("it is taken twice")
	}
	got := stateOf(s.held())
	s.source = SourceHot
	if diff := cmp.Diff(s, got, cmp.AllowUnexported(state{}, frozen{})); diff != "" {
		t.Fatal(diff)
	}
	data := s.encode()
	for i := range data {
		broken := append([]byte(nil), data...)
		broken[i] ^= 0x41
		if new(state).decode(broken) || new(state).decode(data[:i]) {
			t.Fatalf("byte %d is broken and it still reads", i)
		}
	}
	s.turns[0].Raw = make([]byte, maxHotMessages)
	if h := s.held(); h.Messages.Data != nil || stateOf(h) != nil {
		t.Error("what is too long is kept")
	}
}
