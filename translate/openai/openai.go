// Package openai speaks the dialect of OpenAI's chat completions, completions
// and embeddings, and of the many servers that are compatible with them.
//
// A request and its answer keep their bytes. A request is prepared by
// splicing; an answer and the events of a stream are only read: for usage,
// for the reason the model stopped, and for what went wrong. Text that is cut
// from one place and put in another (AppendStream, AppendAnswer) stays as it
// was escaped.
package openai

import "github.com/ai-mcp-gateway/gateway/translate"

// Dialect reads and writes OpenAI's wire forms. It has no state and may be
// used by many goroutines.
type Dialect struct{}

// New returns the dialect.
func New() *Dialect { return &Dialect{} }

// Name returns the dialect's name in the configuration.
func (*Dialect) Name() string { return "openai" }

// Path returns the path of op below a provider's base URL, or "" for an
// operation that the dialect does not have.
func (*Dialect) Path(op translate.Op) string {
	switch op {
	case translate.OpChat:
		return "/chat/completions"
	case translate.OpCompletion:
		return "/completions"
	case translate.OpEmbedding:
		return "/embeddings"
	default:
		return ""
	}
}
