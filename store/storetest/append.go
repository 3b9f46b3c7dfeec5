package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ai-mcp-gateway/gateway/store"
)

var appends = []promise{
	{"AppendNumbersMessagesFromOne", appendNumbers},
	{"AppendCreatesTheConversation", appendCreates},
	{"AppendAfterAnyVersionGoesOn", appendAnyVersion},
	{"AppendAfterAnotherVersionSaysWhichHolds", appendConflict},
	{"AppendAheadOfTheVersionIsRefused", appendAhead},
	{"AppendBringsWhatComesBefore", appendBefore},
	{"AppendThatIsRefusedBringsWhatComesBefore", appendBeforeConflict},
	{"AppendWithAKeySeenAddsNothing", appendKeySeen},
	{"AppendWithAKeySeenInAnotherConversationAdds", appendKeyElsewhere},
	{"AppendOfNothingIsRefused", appendNothing},
}

// line is a message that says n.
func line(n int) store.Message {
	return store.Message{
		Role: "user", Dialect: "openai", Raw: fmt.Appendf(nil, `{"role":"user","content":"line %d"}`, n),
		Digest: [16]byte{0: 0xff, 14: byte(n >> 8), 15: byte(n)}, Tokens: 4, Created: at(n),
	}
}

// lines are the messages from first to last, as a store returns them when
// they were the first ones appended.
func lines(first, last int) []store.Message {
	var all []store.Message
	for n := first; n <= last; n++ {
		m := line(n)
		m.Seq = int64(n)
		all = append(all, m)
	}
	return all
}

// add appends, and ends the test when that fails.
func add(t *testing.T, s store.Store, tenant, id string, after int64, key string, messages ...store.Message) int64 {
	t.Helper()
	v, err := s.Append(t.Context(), &store.Append{Tenant: tenant, Conversation: id, After: after, Key: key, Messages: messages})
	if err != nil {
		t.Fatalf("append %q to %q of %q: %v", key, id, tenant, err)
	}
	return v
}

// all returns every message of a conversation.
func all(t *testing.T, s store.Store, tenant, id string) []store.Message {
	t.Helper()
	got, err := s.Messages(t.Context(), tenant, id, 0, 100000)
	if err != nil {
		t.Fatalf("messages of %q of %q: %v", id, tenant, err)
	}
	return got
}

// load loads a conversation, and ends the test when that fails.
func load(t *testing.T, s store.Store, tenant, id string, recent int) *store.Loaded {
	t.Helper()
	got, err := s.Load(t.Context(), tenant, id, recent)
	if err != nil {
		t.Fatalf("load %q of %q: %v", id, tenant, err)
	}
	return got
}

// conflict expects a VersionError that names the version that holds.
func conflict(t *testing.T, err error, holds int64) {
	t.Helper()
	var v *store.VersionError
	if !errors.As(err, &v) || v.Version != holds {
		t.Errorf("error is %v, want that the version is %d", err, holds)
	}
}

// missing expects ErrNotFound.
func missing(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%s: error is %v, want %v", what, err, store.ErrNotFound)
	}
}

func appendNumbers(t *testing.T, s store.Store) {
	m := line(2)
	m.Seq = 77 // is not read
	equal(t, int64(2), add(t, s, "t", "c", 0, "k1", line(1), m))
	equal(t, int64(3), add(t, s, "t", "c", 2, "k2", line(3)))
	equal(t, int64(6), add(t, s, "t", "c", 3, "k3", line(4), line(5), line(6)))
	equal(t, lines(1, 6), all(t, s, "t", "c"))
	equal(t, int64(1), add(t, s, "t", "another", 0, "k1", line(1)))
}

func appendCreates(t *testing.T, s store.Store) {
	_, err := s.Append(t.Context(), &store.Append{
		Tenant: "t", Conversation: "c", Project: "shop", User: "ann", Key: "k1", Messages: []store.Message{line(1)},
	})
	if err != nil {
		t.Fatal(err)
	}
	first := load(t, s, "t", "c", 0)
	equal(t, store.Conversation{
		Tenant: "t", ID: "c", Project: "shop", User: "ann", Version: 1,
		Metadata: []byte("{}"), Created: first.Created, Updated: first.Updated,
	}, first.Conversation)
	for _, when := range []struct {
		name string
		utc  bool
	}{{"created", first.Created.Location().String() == "UTC"}, {"updated", first.Updated.Location().String() == "UTC"}} {
		if !when.utc {
			t.Errorf("%s is not UTC: %+v", when.name, first.Conversation)
		}
	}

	// Who goes on with it is not who began it.
	_, err = s.Append(t.Context(), &store.Append{
		Tenant: "t", Conversation: "c", Project: "office", User: "bob", After: 1, Key: "k2", Messages: []store.Message{line(2)},
	})
	if err != nil {
		t.Fatal(err)
	}
	second := load(t, s, "t", "c", 0)
	if second.Project != "shop" || second.User != "ann" || !second.Created.Equal(first.Created) || second.Updated.Before(first.Updated) {
		t.Errorf("it was %+v and is %+v", first.Conversation, second.Conversation)
	}
}

func appendAnyVersion(t *testing.T, s store.Store) {
	equal(t, int64(1), add(t, s, "t", "c", store.AnyVersion, "k1", line(1)))
	equal(t, int64(3), add(t, s, "t", "c", store.AnyVersion, "k2", line(2), line(3)))
	equal(t, lines(1, 3), all(t, s, "t", "c"))
}

// refused tries to append behind a version that does not hold.
func refused(t *testing.T, s store.Store, id string, after, holds int64) {
	t.Helper()
	v, err := s.Append(t.Context(), &store.Append{
		Tenant: "t", Conversation: id, After: after, Key: fmt.Sprint("after ", after), Messages: []store.Message{line(9)},
	})
	conflict(t, err, holds)
	equal(t, int64(0), v)
}

func appendAhead(t *testing.T, s store.Store) {
	refused(t, s, "new", 1, 0)
	_, err := s.Load(t.Context(), "t", "new", 1)
	missing(t, "a conversation whose first append was refused", err)
	add(t, s, "t", "c", 0, "k1", line(1), line(2))
	refused(t, s, "c", 3, 2)
	equal(t, lines(1, 2), all(t, s, "t", "c"))
}

// after appends a line behind others that the store may lack.
func after(t *testing.T, s store.Store, version int64, key string, n int, before ...store.Append) (int64, error) {
	return s.Append(t.Context(), &store.Append{
		Tenant: "t", Conversation: "c", Project: "office", After: version, Key: key, Messages: []store.Message{line(n)}, Before: before,
	})
}

func appendBefore(t *testing.T, s store.Store) {
	first := store.Append{Project: "shop", User: "ann", Key: "k1", Messages: []store.Message{line(1), line(2)}}
	second := store.Append{Key: "k2", Messages: []store.Message{line(3)}}
	v, err := after(t, s, 3, "k3", 4, first, second)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, int64(4), v)
	v, err = after(t, s, 4, "k4", 5, second, first) // both are there
	if err != nil {
		t.Fatal(err)
	}
	equal(t, int64(5), v)
	equal(t, lines(1, 5), all(t, s, "t", "c"))
	// Each of them is the append that it was.
	equal(t, int64(2), add(t, s, "t", "c", 0, "k1", first.Messages...))
	equal(t, int64(3), add(t, s, "t", "c", 2, "k2", second.Messages...))
	if l := load(t, s, "t", "c", 0); l.Project != "shop" || l.User != "ann" || len(l.Waiting) > 0 {
		t.Errorf("it is %+v", l)
	}
}

func appendBeforeConflict(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "k1", line(1), line(2))
	second := store.Append{Key: "k2", Messages: []store.Message{line(3)}}
	// It goes on from one message and the second, but there are two.
	_, err := after(t, s, 2, "k3", 4, second)
	conflict(t, err, 3)
	equal(t, lines(1, 3), all(t, s, "t", "c"))
	v, err := after(t, s, 3, "k3", 4, second)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, int64(4), v)
	equal(t, lines(1, 4), all(t, s, "t", "c"))
}

func appendConflict(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "k1", line(1), line(2))
	refused(t, s, "c", 0, 2)
	refused(t, s, "c", 1, 2)
	equal(t, lines(1, 2), all(t, s, "t", "c"))
	// A key that was refused has not been seen.
	equal(t, int64(3), add(t, s, "t", "c", 2, "after 1", line(3)))
}

func appendKeySeen(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "k1", line(1), line(2))
	add(t, s, "t", "c", 2, "k2", line(3))
	equal(t, int64(2), add(t, s, "t", "c", 0, "k1", line(1), line(2)))
	equal(t, int64(2), add(t, s, "t", "c", 3, "k1", line(4)))
	equal(t, int64(2), add(t, s, "t", "c", store.AnyVersion, "k1", line(4)))
	equal(t, int64(3), add(t, s, "t", "c", store.AnyVersion, "k2", line(4)))
	equal(t, lines(1, 3), all(t, s, "t", "c"))
	equal(t, int64(3), load(t, s, "t", "c", 0).Version)
}

func appendKeyElsewhere(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "k", line(1), line(2))
	equal(t, int64(1), add(t, s, "t", "d", 0, "k", line(1)))
	equal(t, int64(1), add(t, s, "u", "c", 0, "k", line(1)))
	equal(t, lines(1, 1), all(t, s, "t", "d"))
}

func appendNothing(t *testing.T, s store.Store) {
	for _, a := range []*store.Append{
		{Tenant: "t", Conversation: "c", Key: "k"},
		{Tenant: "t", Conversation: "c", Messages: []store.Message{line(1)}}, // no key: a second would be lost
	} {
		if v, err := s.Append(t.Context(), a); err == nil {
			t.Errorf("%+v is accepted as version %d", a, v)
		}
	}
	_, err := s.Load(t.Context(), "t", "c", 1)
	missing(t, "a conversation whose first append was refused", err)
}
