package anthropic

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

var byteOrderMark = []byte("\ufeff")

// Prepare plans what has to change in the scanned request r for a provider of
// this dialect: model becomes the provider's name for it, and members that are
// the gateway's own go, from metadata too. A stream of this dialect always
// reports its usage, so there is nothing to ask for or to keep from anybody.
func (*Dialect) Prepare(p *translate.Plan, r *translate.Request, _ translate.Op, model []byte, _ bool) (stripUsage bool) {
	if bytes.HasPrefix(r.Body, byteOrderMark) {
		p.Replace(translate.Span{Start: 0, End: len(byteOrderMark)}, nil) // RFC 8259 8.1: not to be sent
	}
	if !bytes.Equal(r.Model, model) {
		p.Replace(r.Members[translate.FieldModel].Value, p.Quote(model))
	}
	r.RemoveConversationID(p)
	return false
}
