package engine

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// passage is a dialect that calls pass through: the client and the provider
// both speak it, and their bytes are relayed. It is also what reads the bytes
// that a client gets, wherever they were made.
type passage interface {
	// Path is the operation's path below a base URL, "" when the dialect does
	// not have it.
	Path(op translate.Op) string
	// Mixed reports whether a body may have in it what another provider has
	// sealed.
	Mixed(body []byte) bool
	Prepare(p *translate.Plan, r *translate.Request, op translate.Op, model []byte, askUsage bool) (stripUsage bool)
	ReadAnswer(op translate.Op, body []byte, a *translate.Answer)
	ReadEvent(data []byte, e *translate.StreamEvent)
	ReadError(status int, body []byte) *translate.Error
	AppendErrorEvent(dst []byte, e *translate.Error) []byte
	// AppendDone appends the mark of a good end, which some providers leave
	// out; ok is false, and dst as it was, when only the provider can make it.
	AppendDone(dst []byte) (_ []byte, ok bool)
	AppendUsageCost(dst, event []byte, usageEnd int, nano int64) []byte
	AppendStream(dst, answer []byte, op translate.Op) (stream []byte, usage translate.Span, ok bool)
	AppendAnswer(dst, stream []byte, op translate.Op) (answer []byte, ok bool)
}

// failer is a passage whose stream ends badly in words that go on from how it
// began: first is the data of its first event, events how many there were.
type failer interface {
	AppendFailure(dst, first []byte, events int, e *translate.Error) []byte
}

// client is a dialect that callers speak.
type client interface {
	passage
	Name() string
	ReadRequest(op translate.Op, r *translate.Request) (*neutral.Request, *translate.Error)
	AppendReply(dst []byte, op translate.Op, q *neutral.Request, a *neutral.Reply) []byte
	NewEncoder(op translate.Op, q *neutral.Request) neutral.Encoder
}

// wire is a dialect that providers speak.
type wire interface {
	Name() string
	AppendHead(dst []byte, v *translate.Envelope) []byte
	AppendRequest(dst []byte, q *neutral.Request, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error)
	ReadReply(op translate.Op, body []byte, a *neutral.Reply) *translate.Error
	NewDecoder(op translate.Op) neutral.Decoder
	ReadError(status int, body []byte) *translate.Error
}

// embedder is a wire of providers that embed.
type embedder interface {
	AppendEmbedding(dst []byte, q *neutral.Embedding, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error)
	ReadVectors(body []byte, v *neutral.Vectors) *translate.Error
}

// embedding is a client's dialect that asks for embeddings.
type embedding interface {
	ReadEmbedding(r *translate.Request) (*neutral.Embedding, *translate.Error)
	AppendVectors(dst []byte, q *neutral.Embedding, v *neutral.Vectors) []byte
}

// Dialects are the wire APIs: those that clients speak and those that
// providers do. The zero value knows none.
type Dialects struct {
	clients   map[string]client
	providers map[string]wire
}

// AddClient makes d one that clients speak.
func (all *Dialects) AddClient(d client) {
	if all.clients == nil {
		all.clients = map[string]client{}
	}
	all.clients[d.Name()] = d
}

// AddProvider makes d one that providers speak.
func (all *Dialects) AddProvider(d wire) {
	if all.providers == nil {
		all.providers = map[string]wire{}
	}
	all.providers[d.Name()] = d
}

// speaks is the name of the client dialect that has op.
func speaks(op translate.Op) string {
	switch op {
	case translate.OpResponses:
		return "responses"
	case translate.OpMessages, translate.OpCountTokens:
		return "anthropic"
	default:
		return "openai"
	}
}

// asked is the operation that a provider is asked for when a call to op is
// translated: its dialect's own way to chat, or to embed.
func asked(op translate.Op) translate.Op {
	if op == translate.OpEmbedding {
		return op
	}
	return translate.OpChat
}
