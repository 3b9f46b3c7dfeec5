// Package conversation is the context manager: it gives each call what went
// before it, and keeps what the call adds.
//
// # What a turn does
//
// Manager.Begin reads a conversation from the hot tier or, where that has
// nothing, from the cold one, and compares it with the messages that came in.
// What the Turn then has is the whole list of messages to send. Turn.Finish
// appends the new messages and the answer, in one append that names the version
// that the turn began with. When somebody else has written in between, they go
// behind what was written: every append is acknowledged once, and there is one
// order of them.
//
// # History that comes again
//
// A client may send only what is new, all that it remembers, or a window of it.
// Messages are compared by their digests (see digest.go). Up to the last answer
// that stands among them, incoming messages are a claim of history; what
// follows it is new unless it is stored right behind that answer.
//
//   - No claim: the stored messages go before the incoming ones. Incoming
//     messages with which the stored ones end, unanswered, are not new.
//   - The claim is how the stored messages end, wholly or from somewhere on:
//     those before it, if any, go before it.
//   - It is something else: the client has edited or regenerated an earlier
//     turn, has compacted its history, or does not know of what others have
//     added. For this call, what it sends is the history. Of it, only what
//     stands behind the last message in common is new, and is appended behind
//     all that there is: the log keeps both ways that the conversation went.
//
// Two things cannot be told apart: a client that sends a first message again
// without an idempotency key, and one that says the same thing twice. It is
// taken for the second, and nothing is lost.
//
// System and developer messages before the first turn are instructions. Those
// of the request are sent; those that were stored last are, when it has none.
// Other instructions than the stored ones are stored as well.
//
// # Compression
//
// Up to Config.CompressAfter messages are sent as they are. Of more, the
// instructions, a running summary, some of the older messages and the recent
// ones are sent: see compressing.go for which, and for the arithmetic of prices that
// decides it. Nothing of it changes what is stored.
package conversation

import (
	"context"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Config is how conversations are kept short.
type Config struct {
	// CompressAfter is how many messages a call may have before they are
	// compressed, at most 500; zero means 50.
	CompressAfter int `yaml:"compress_after"`
	// KeepRecent is how many of the newest messages are sent as they are
	// besides what the question asks for, 5 to 10; zero means 8. Behind a
	// frozen prefix it is between 5 and 10 of them.
	KeepRecent int `yaml:"keep_recent"`
}

// Options are what a Manager works with besides its stores.
type Options struct {
	// Summarize writes a summary; model names who wrote it. It runs in the
	// background, never twice at the same time for one conversation. An empty
	// summary, an error, and nil in its place leave the summary that was
	// extracted without a model.
	Summarize func(ctx context.Context, r *SummaryRequest) (summary, model string, err error)
	// Failed hears of what goes wrong off the way of a call: a hot tier that
	// is away, a summary that was not stored. Nil hears nothing. It must not
	// block.
	Failed func(err error)
}

// SummaryRequest asks for a summary of Texts that takes the place of Previous,
// which may be empty, and is at most about Tokens long.
type SummaryRequest struct {
	Caller
	ID       string
	Previous string
	Texts    []Text
	Tokens   int
}

// Cold is the part of store.Store that conversations need.
type Cold interface {
	Load(ctx context.Context, tenant, id string, recent int) (*store.Loaded, error)
	Messages(ctx context.Context, tenant, id string, after int64, limit int) ([]store.Message, error)
	Append(ctx context.Context, a *store.Append) (version int64, err error)
	Admit(ctx context.Context, tenant, id string) (version int64, err error)
	PutSummary(ctx context.Context, tenant, id string, after int64, s *store.Summary) (version int64, err error)
	PutTodos(ctx context.Context, tenant, id string, todos []store.Todo) error
}

// Hot keeps copies of what the cold tier has. An error means that it is away;
// everything goes on without it. Each method is one round trip.
type Hot interface {
	// Get returns what there is. The bytes are shared and are not changed.
	Get(ctx context.Context, tenant, id string) (Held, error)
	// Put keeps the values whose Version is not zero. An older version never
	// replaces a newer one; a nil Data is kept as nothing. A value that is
	// Checked is kept only where there is nothing newer than After; else kept
	// is false. The bytes are not changed afterwards.
	Put(ctx context.Context, tenant, id string, h *Held) (kept bool, err error)
}

// Held are the values of a conversation in the hot tier: the keys
// conv:summary:{id} (3600 s), conv:messages:{id} and todo:list:{id} (1800 s).
type Held struct {
	Summary, Messages, Todos Value
}

// Value is one of them; its Data is nil when it is not there.
type Value struct {
	Version int64
	Data    []byte
	// Checked and After are for Put.
	Checked bool
	After   int64
}

// Caller is whose conversation it is, and who is noted when it is new.
type Caller struct{ Tenant, Project, User string }

// The dialects of messages.
const (
	OpenAI    = "openai"    // messages of Chat Completions
	Anthropic = "anthropic" // messages of the Messages API
	Responses = "responses" // input and output items of the Responses API
)

// Message is a message to send, in the dialect that it was stored in.
type Message struct {
	Dialect string
	Raw     []byte
}

// Prices are those of the target that a call will likely go to, in nano-dollars
// a token. Zero Input means that they are not known, or that it is
// free; CachedRead is Input where the provider has no prompt cache.
type Prices struct{ Input, CachedRead int64 }

// Call is what a turn begins with. Its bytes are borrowed until the turn is
// finished or dropped.
type Call struct {
	Caller
	ID string
	// Dialect is that of Incoming.
	Dialect  string
	Incoming [][]byte
	// Instructed: the request has instructions besides its messages (system,
	// instructions), so that stored ones are not to be sent.
	Instructed bool
	// Key is the client's idempotency key, or empty.
	Key    string
	Prices Prices
}

// Answer is what a call was answered with.
type Answer struct {
	// Messages are as a client would send them in its history, in the dialect
	// of the call.
	Messages [][]byte
	// Model is the target that wrote them.
	Model string
	// Incomplete: the answer was cut.
	Incomplete bool
}

// Where the state of a turn came from.
const (
	SourceHot  = "hot"
	SourceCold = "cold"
	SourceNew  = "new"
)

const (
	defaultCompressAfter = 50
	defaultKeepRecent    = 8
	minKeepRecent        = 5
	maxKeepRecent        = 10
	// maxCompressAfter is below horizon, so that what is not compressed is known.
	maxCompressAfter = 500
	// hotTimeout bounds a round trip to the hot tier, after which the cold one
	// is asked.
	hotTimeout = 250 * time.Millisecond
	// hotTries is how often it is asked when it fails: one that is only slow for
	// a moment may alone have what waits in the logs of other instances.
	hotTries = 3
)

func (c Config) withDefaults() Config {
	if c.CompressAfter <= 0 {
		c.CompressAfter = defaultCompressAfter
	}
	if c.KeepRecent == 0 {
		c.KeepRecent = defaultKeepRecent
	}
	c.KeepRecent = min(max(c.KeepRecent, minKeepRecent), maxKeepRecent)
	c.CompressAfter = min(max(c.CompressAfter, c.KeepRecent), maxCompressAfter)
	return c
}
