// Package memory keeps in the process what a gateway without a database still
// has to remember for a while.
package memory

import (
	"bytes"
	"container/list"
	"sync"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Responses keeps responses within a bound of bytes and for a time. One tenant
// never sees what is another's. It is safe for concurrent use.
type Responses struct {
	limit int64
	keep  time.Duration

	mu      sync.Mutex
	bytes   int64
	entries map[responseKey]*list.Element
	oldest  list.List // of *responseEntry, in the order in which they expire
}

type responseKey struct{ tenant, id string }

type responseEntry struct {
	key      responseKey
	response store.Response
	expires  time.Time
}

// entryOverhead is about what an entry takes beside its bytes.
const entryOverhead = 256

func (e *responseEntry) size() int64 {
	return int64(len(e.response.Input)+len(e.response.Body)+len(e.key.tenant)+len(e.key.id)) + entryOverhead
}

// NewResponses returns a store of at most limit bytes that keeps a response
// for the given time.
func NewResponses(limit int64, keep time.Duration) *Responses {
	return &Responses{limit: limit, keep: keep, entries: make(map[responseKey]*list.Element)}
}

// PutResponse keeps a copy of r, in place of the tenant's last one of that id.
// The oldest responses make room; one that is larger than the store is not
// kept.
func (s *Responses) PutResponse(tenant, id string, r store.Response) {
	r.Input, r.Body = bytes.Clone(r.Input), bytes.Clone(r.Body)
	now := time.Now()
	e := &responseEntry{key: responseKey{tenant, id}, response: r, expires: now.Add(s.keep)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	if old := s.entries[e.key]; old != nil {
		s.remove(old)
	}
	if e.size() > s.limit {
		return
	}
	for s.bytes+e.size() > s.limit {
		s.remove(s.oldest.Front())
	}
	s.entries[e.key] = s.oldest.PushBack(e)
	s.bytes += e.size()
}

// Response returns a tenant's response.
func (s *Responses) Response(tenant, id string) (store.Response, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(time.Now())
	at := s.entries[responseKey{tenant, id}]
	if at == nil {
		return store.Response{}, false
	}
	return at.Value.(*responseEntry).response, true
}

// DeleteResponse forgets a tenant's response and reports whether there was
// one.
func (s *Responses) DeleteResponse(tenant, id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(time.Now())
	at := s.entries[responseKey{tenant, id}]
	if at != nil {
		s.remove(at)
	}
	return at != nil
}

// expire removes what has been kept for its time. The lock is held.
func (s *Responses) expire(now time.Time) {
	for at := s.oldest.Front(); at != nil && !now.Before(at.Value.(*responseEntry).expires); at = s.oldest.Front() {
		s.remove(at)
	}
}

func (s *Responses) remove(at *list.Element) {
	e := s.oldest.Remove(at).(*responseEntry)
	delete(s.entries, e.key)
	s.bytes -= e.size()
}
