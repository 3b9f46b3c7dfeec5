package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Archivable is a store whose messages can be taken out and put back.
type Archivable interface {
	store.Store
	Idle(ctx context.Context, before time.Time, after int64, limit int) (list []store.Conversation, last int64, err error)
	Archive(ctx context.Context, c *store.Conversation, where string) error
	Where(ctx context.Context, tenant, id string) (where string, err error)
	Restore(ctx context.Context, tenant, id, where string, messages []store.Message) error
}

// RunArchive is Run for what an Archivable promises on top of store.Store.
func RunArchive(t *testing.T, open func(t testing.TB) Archivable) {
	for name, show := range map[string]func(t *testing.T, s Archivable){
		"IdleListsWhatWasNotUpdated":          archiveIdle,
		"ArchiveTakesMessagesOutAndNotesIt":   archiveTakes,
		"ArchiveOfWhatHasChangedIsRefused":    archiveChanged,
		"RestorePutsMessagesBeforeNewOnes":    archiveRestores,
		"RestoreWithoutAllOfThemIsRefused":    archiveIncomplete,
		"RestoreOfWhatIsElsewhereDoesNothing": archiveElsewhere,
	} {
		t.Run(name, func(t *testing.T) { show(t, open(t)) })
	}
}

func archiveIdle(t *testing.T, s Archivable) {
	for _, id := range []string{"a", "b", "c", "d"} {
		add(t, s, "t"+id, id, 0, "k", line(1), line(2))
	}
	if _, err := s.PutSummary(t.Context(), "t", "empty", 0, summary(1)); err != nil {
		t.Fatal(err)
	}
	later := load(t, s, "td", "d", 0).Updated
	list := func(before time.Time, limit int) (ids string) {
		t.Helper()
		for after := int64(0); ; {
			some, last, err := s.Idle(t.Context(), before, after, limit)
			if err != nil || len(some) > limit {
				t.Fatalf("%d conversations of %d, error %v", len(some), limit, err)
			}
			if len(some) == 0 {
				return ids
			}
			for _, c := range some {
				ids += c.ID
				equal(t, load(t, s, "t"+c.ID, c.ID, 0).Conversation, c)
			}
			after = last
		}
	}
	equal(t, "abc", list(later, 2))
	equal(t, "abcd", list(later.Add(time.Second), 3))
	equal(t, "", list(at(0), 3))
	c := load(t, s, "tb", "b", 0).Conversation
	if err := s.Archive(t.Context(), &c, "there"); err != nil {
		t.Fatal(err)
	}
	equal(t, "acd", list(later.Add(time.Second), 1))
}

// archived returns a conversation with two messages that are archived in "there".
func archived(t *testing.T, s Archivable) (c store.Conversation, messages []store.Message) {
	t.Helper()
	add(t, s, "t", "c", 0, "k1", line(1), line(2))
	add(t, s, "t", "another", 0, "k1", line(7))
	l := load(t, s, "t", "c", 8)
	for range 2 { // who got no answer tries again
		if err := s.Archive(t.Context(), &l.Conversation, "there"); err != nil {
			t.Fatal(err)
		}
	}
	return l.Conversation, l.Recent
}

func archiveTakes(t *testing.T, s Archivable) {
	was, _ := archived(t, s)
	got := load(t, s, "t", "c", 8)
	was.Archived = true
	equal(t, was, got.Conversation)
	equal(t, []store.Message{}, got.Recent)
	equal(t, 1, len(all(t, s, "t", "another")))
	for id, want := range map[string]string{"c": "there", "another": "", "never": ""} {
		if where, err := s.Where(t.Context(), "t", id); where != want || err != nil {
			t.Errorf("%q is at %q, error %v", id, where, err)
		}
	}
	if where, err := s.Where(t.Context(), "another", "c"); where != "" || err != nil {
		t.Errorf("another tenant sees %q, error %v", where, err)
	}
}

func archiveChanged(t *testing.T, s Archivable) {
	add(t, s, "t", "c", 0, "k1", line(1), line(2))
	c := load(t, s, "t", "c", 0).Conversation
	add(t, s, "t", "c", 2, "k2", line(3))
	conflict(t, s.Archive(t.Context(), &c, "there"), 3)
	equal(t, lines(1, 3), all(t, s, "t", "c"))
	c = load(t, s, "t", "c", 0).Conversation
	if err := s.Archive(t.Context(), &c, "there"); err != nil {
		t.Fatal(err)
	}
	conflict(t, s.Archive(t.Context(), &c, "elsewhere"), 3)
	missing(t, "archive of nothing", s.Archive(t.Context(), &store.Conversation{Tenant: "u", ID: "c", Version: 3}, "there"))
}

func archiveRestores(t *testing.T, s Archivable) {
	c, messages := archived(t, s)
	equal(t, int64(3), add(t, s, "t", "c", 2, "k2", line(3)))
	equal(t, int64(2), add(t, s, "t", "c", 0, "k1", line(1), line(2))) // its keys are known still
	for range 2 {
		if err := s.Restore(t.Context(), "t", "c", "there", messages); err != nil {
			t.Fatal(err)
		}
	}
	got := load(t, s, "t", "c", 8)
	if got.Archived || !got.Created.Equal(c.Created) {
		t.Errorf("%+v", got.Conversation)
	}
	equal(t, lines(1, 3), got.Recent)
	equal(t, lines(1, 3), all(t, s, "t", "c"))
	equal(t, int64(4), add(t, s, "t", "c", 3, "k3", line(4)))
}

func archiveIncomplete(t *testing.T, s Archivable) {
	_, messages := archived(t, s)
	if err := s.Restore(t.Context(), "t", "c", "there", messages[:1]); !errors.Is(err, store.ErrArchive) {
		t.Errorf("error is %v", err)
	}
	if got := load(t, s, "t", "c", 8); !got.Archived || len(got.Recent) != 0 {
		t.Errorf("%+v", got)
	}
	missing(t, "restoring what never was", s.Restore(t.Context(), "t", "never", "there", messages))
}

func archiveElsewhere(t *testing.T, s Archivable) {
	_, messages := archived(t, s)
	if err := s.Restore(t.Context(), "t", "c", "elsewhere", messages); err != nil {
		t.Error(err)
	}
	if got := load(t, s, "t", "c", 8); !got.Archived || len(got.Recent) != 0 {
		t.Errorf("%+v", got)
	}
}
