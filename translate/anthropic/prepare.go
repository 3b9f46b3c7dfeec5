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
	r.Remove(p, translate.FieldConversationID)
	r.Remove(p, translate.FieldConversationIDCamel)
	prepareMetadata(p, r)
	return false
}

// prepareMetadata takes conversation_id out of metadata, and all of metadata
// when nothing else is in it: the API refuses members that it does not know.
func prepareMetadata(p *translate.Plan, r *translate.Request) {
	raw := r.Value(translate.FieldMetadata)
	if translate.KindOf(raw) != translate.KindObject {
		return
	}
	base := r.Members[translate.FieldMetadata].Value.Start
	count, end := 0, 1 // members so far, and where the last of them ends
	var at translate.Span
	first := false // at is that of the first member
	o := translate.Members(raw)
	for o.Next() {
		value := o.Span()
		if isConversationID(o.Key()) {
			at, first = translate.Span{Start: end, End: value.End}, count == 0
		}
		count, end = count+1, value.End
	}
	switch {
	case at.Empty():
		return
	case count == 1:
		r.Remove(p, translate.FieldMetadata)
		return
	case first: // it takes the comma after it along, as others take the one before
		at.End += bytes.IndexByte(raw[at.End:], ',') + 1
	}
	p.Replace(translate.Span{Start: base + at.Start, End: base + at.End}, nil)
}

// isConversationID reports whether a raw key is the gateway's.
func isConversationID(key []byte) bool {
	const want = "conversation_id"
	if bytes.IndexByte(key, '\\') < 0 {
		return string(key) == want
	}
	quoted := append(append([]byte{'"'}, key...), '"')
	return string(translate.AppendText(nil, quoted)) == want
}
