package conversation

import (
	"context"
	"sync"

	"github.com/ai-mcp-gateway/gateway/store"
)

const (
	// maxJobs is how many summaries wait at most to be written by a model.
	// What is over it keeps its extract until the next epoch.
	maxJobs = 64
	// writers is how many are written at the same time.
	writers = 2
)

// job is a summary to be written by a model in the place of an extracted one.
type job struct {
	SummaryRequest
	extract store.Summary // as it was stored
	started bool
}

func (j *job) id() conversationID { return conversationID{j.Tenant, j.ID} }

// jobs are the summaries to be written, at most one for a conversation.
type jobs struct {
	ready chan conversationID

	mu sync.Mutex
	of map[conversationID]*job // waiting or started
}

func (q *jobs) init() {
	q.ready, q.of = make(chan conversationID, maxJobs), map[conversationID]*job{}
}

// add takes a job, in the place of one of the same conversation that waits, and
// not while one is being written: the next epoch will come.
func (q *jobs) add(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if old := q.of[j.id()]; old != nil {
		if !old.started {
			q.of[j.id()] = j
		}
		return
	}
	select {
	case q.ready <- j.id():
		q.of[j.id()] = j
	default:
	}
}

// next waits for a job and starts it; nil when ctx ends.
func (q *jobs) next(ctx context.Context) *job {
	select {
	case <-ctx.Done():
		return nil
	case id := <-q.ready:
		q.mu.Lock()
		defer q.mu.Unlock()
		j := q.of[id]
		j.started = true
		return j
	}
}

// done ends a job.
func (q *jobs) done(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.of, j.id())
}
