package store

import "time"

// Conversation is the state of one, without its messages.
type Conversation struct {
	Tenant, ID string
	// Project and User are those of the caller who began it.
	Project, User string
	// Version is how many messages there are: the last one's Seq.
	Version int64
	// SummaryVersion is the newest summary's, 0 without one.
	SummaryVersion int64
	// Metadata is a JSON object, never empty.
	Metadata []byte
	// Archived: its messages are no longer in their table.
	Archived         bool
	Created, Updated time.Time
}

// Loaded is what a turn of a conversation begins with.
type Loaded struct {
	Conversation
	Summary *Summary // nil without one
	Todos   []Todo
	Recent  []Message
	// Waiting are the appends that only a log of this process has, oldest
	// first. Their messages are the last of the conversation.
	Waiting []Append
}

// Message is one message of a conversation. It never changes.
type Message struct {
	// Seq counts the conversation's messages from 1, without gaps. The store
	// sets it.
	Seq int64
	// Role is "system", "user", "assistant" or "tool".
	Role string
	// Dialect is the one that Raw is written in: "openai", "anthropic",
	// "responses".
	Dialect string
	// Raw is the message as JSON, as the client sent it or got it.
	Raw []byte
	// Digest recognises a message that a client sends again.
	Digest [16]byte
	// Tokens is how long it is for a model.
	Tokens int
	// Model is the target that wrote it; empty for what clients wrote.
	Model string
	// Incomplete: the answer was cut.
	Incomplete bool
	Created    time.Time
}

// Append adds messages to the end of a conversation.
type Append struct {
	Tenant, Conversation string
	// Project and User are noted when the conversation is new.
	Project, User string
	// After is the version that the messages go on from, or AnyVersion.
	After int64
	// Key names this append for good.
	Key string
	// Messages are at least one. Their Seq is not read.
	Messages []Message
	// Before are the appends that the messages go on from and that the store
	// may lack, oldest first: their Project, User, Key and Messages are read.
	Before []Append
	// Waiting is set by Append: the messages are durable, but only in a log of
	// this process, and nobody else finds them in the store yet.
	Waiting bool
}

// Earlier returns one of Before as an append of its own, which goes behind
// whatever there is.
func (a *Append) Earlier(i int) *Append {
	b := &a.Before[i]
	return &Append{
		Tenant: a.Tenant, Conversation: a.Conversation, Project: b.Project, User: b.User,
		After: AnyVersion, Key: b.Key, Messages: b.Messages,
	}
}

// Summary is what stands for the beginning of a conversation.
type Summary struct {
	// Version counts a conversation's summaries from 1. The store sets it.
	Version int64
	// Through is the Seq of the last message that it stands for; 0 when a
	// caller wrote it.
	Through int64
	// Fields is the ContextSummary object, Text the prose that models read.
	Fields []byte
	Text   string
	// Model is the target that wrote it; empty when none did.
	Model   string
	Created time.Time
}

// The statuses of a Todo.
const (
	TodoNotStarted = "not-started"
	TodoInProgress = "in-progress"
	TodoCompleted  = "completed"
)

// Todo is one thing to do in a conversation.
type Todo struct {
	ID                 int64
	Title, Description string
	Status             string
}
