// Package store is the cold tier's types and errors: what outlives a process,
// whoever keeps it. SQLite and PostgreSQL keep it alike; the suite in storetest
// says what that means.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Errors of every store. Others say what went wrong inside it.
var (
	// ErrNotFound: there is no such thing, or it is another tenant's.
	ErrNotFound = errors.New("store: not found")
	// ErrUnavailable: the store cannot be reached, or not in time, or takes no
	// writes. Whether a write took place is not known; it may be tried again
	// with the same key.
	ErrUnavailable = errors.New("store: unavailable")
	// ErrKeyReused: an idempotency key came again with another request.
	ErrKeyReused = errors.New("store: idempotency key reused")
	// ErrArchive: the messages are archived, and where they are cannot be read.
	ErrArchive = errors.New("store: archive unreadable")
)

// VersionError is a conflict: somebody else has written in between.
type VersionError struct {
	// Version is the one that holds now.
	Version int64
}

func (e *VersionError) Error() string { return fmt.Sprintf("store: version is %d", e.Version) }

// AnyVersion is the version of a write that goes on from whatever there is.
const AnyVersion = -1

// Store is the cold tier. It is safe for concurrent use, by many instances at
// once. What it returns is the caller's; times are UTC, to the microsecond.
//
// Every method takes a tenant, and nothing of another tenant can be seen,
// changed or told from what never was.
type Store interface {
	// Load returns a conversation with its newest summary, its todos and its
	// last recent messages, oldest first. It is ErrNotFound when there is none.
	Load(ctx context.Context, tenant, id string, recent int) (*Loaded, error)
	// Messages returns up to limit messages behind the given sequence number,
	// in order. There are none of a conversation that is not there.
	Messages(ctx context.Context, tenant, id string, after int64, limit int) ([]Message, error)
	// Conversations returns up to limit of a tenant's conversations whose ids
	// come behind after, byte by byte, in order. An empty after begins.
	Conversations(ctx context.Context, tenant, after string, limit int) ([]Conversation, error)
	// Append adds messages, all or none, and returns the new version. It
	// creates the conversation when it is new. A key that has been seen adds
	// nothing and returns what it returned then. It is a VersionError when
	// a.After is neither AnyVersion nor the version that holds.
	//
	// Those of a.Before whose keys have not been seen are added first, in
	// order. They have been acknowledged, and stay whatever becomes of a. So
	// whichever store takes an append has what it goes on from as well.
	Append(ctx context.Context, a *Append) (version int64, err error)
	// Admit is ErrUnavailable when an Append to the conversation would find no
	// room or nobody to take it, as far as that is known: who means to answer
	// first and to append then asks before. The version is the conversation's,
	// 0 when there is none, or AnyVersion when nobody can tell now.
	Admit(ctx context.Context, tenant, id string) (version int64, err error)
	// PutSummary adds a summary, whose version is the next, and creates the
	// conversation when it is new. It is a VersionError when after is neither
	// AnyVersion nor the newest summary's version (0: none yet).
	PutSummary(ctx context.Context, tenant, id string, after int64, s *Summary) (version int64, err error)
	// Summary returns one version, or ErrNotFound.
	Summary(ctx context.Context, tenant, id string, version int64) (*Summary, error)
	// PutTodos replaces a conversation's list, and creates the conversation
	// when it is new.
	PutTodos(ctx context.Context, tenant, id string, todos []Todo) error

	// PutCalls adds rows to the call log. A row that is there already, by its
	// time and id, is left as it is.
	PutCalls(ctx context.Context, calls []Call) error
	// Sums adds up a tenant's calls, one row for each value of q.By.
	Sums(ctx context.Context, q *SumQuery) ([]Sum, error)

	// PutRule adds a routing rule or replaces the one with its id.
	PutRule(ctx context.Context, r *Rule) error
	// Rules returns a tenant's rules for a project, by id. An empty project
	// means all of them.
	Rules(ctx context.Context, tenant, project string) ([]Rule, error)
	// DeleteRule removes a rule; ErrNotFound when there is none.
	DeleteRule(ctx context.Context, tenant, id string) error

	// PutResponse keeps an answer of the Responses API until expires, in place
	// of one with its id.
	PutResponse(ctx context.Context, tenant, id string, r *Response, expires time.Time) error
	// Response returns one that has not expired, or ErrNotFound.
	Response(ctx context.Context, tenant, id string) (*Response, error)
	// DeleteResponse removes one; ErrNotFound when there is none.
	DeleteResponse(ctx context.Context, tenant, id string) error

	// Claim takes an idempotency key for a request, or tells whose it is. The
	// first to claim gets no answer and has to call Complete or Release; for
	// whoever comes later, with the same digest, answer is what was completed,
	// or nil and held true while the first is still at it. A claim that is
	// neither completed nor released is free again from its Expires on, and so
	// is a completed one; an owner that claims again what it holds has it until
	// the new Expires. It is ErrKeyReused when the digest differs.
	Claim(ctx context.Context, c *Claim) (answer *Answer, held bool, err error)
	// Complete stores the answer of the claim that owner holds until expires.
	// ErrNotFound: it is no longer the owner's.
	Complete(ctx context.Context, tenant, key, owner string, a *Answer, expires time.Time) error
	// Release gives up a claim that owner holds, if it still does.
	Release(ctx context.Context, tenant, key, owner string) error

	// Sweep removes responses and claims that have expired, at most limit of
	// each, and returns how many there were.
	Sweep(ctx context.Context, limit int) (int, error)
	// Ping asks whether the store can be read and written now.
	Ping(ctx context.Context) error
	// Close ends it. Calls under way fail or finish.
	Close() error
}
