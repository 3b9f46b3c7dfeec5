package translate

import "bytes"

// RemoveConversationID takes the gateway's conversation id out of the body,
// wherever it stands, and all of metadata when nothing else is in it: providers
// refuse members that they do not know.
func (r *Request) RemoveConversationID(p *Plan) {
	r.Remove(p, FieldConversationID)
	r.Remove(p, FieldConversationIDCamel)
	raw := r.Value(FieldMetadata)
	if KindOf(raw) != KindObject {
		return
	}
	at, alone := conversationMember(raw)
	switch base := r.Members[FieldMetadata].Value.Start; {
	case at.Empty():
	case alone:
		r.Remove(p, FieldMetadata)
	default:
		p.Replace(Span{Start: base + at.Start, End: base + at.End}, nil)
	}
}

// WithoutConversationID returns an object of metadata without the gateway's
// conversation id, or nil when nothing else is in it.
func WithoutConversationID(metadata []byte) []byte {
	switch at, alone := conversationMember(metadata); {
	case at.Empty():
		return metadata
	case alone:
		return nil
	default:
		return append(metadata[:at.Start:at.Start], metadata[at.End:]...)
	}
}

// conversationMember is the place of the id in an object, with one of the
// commas beside it; alone says that it is all that there is.
func conversationMember(raw []byte) (at Span, alone bool) {
	count, end := 0, 1 // members so far, and where the last of them ends
	first := false     // at is that of the first member
	o := Members(raw)
	for o.Next() {
		value := o.Span()
		if isConversationID(o.Key()) {
			at, first = Span{Start: end, End: value.End}, count == 0
		}
		count, end = count+1, value.End
	}
	if first && count > 1 { // it takes the comma after it along, as others take the one before
		at.End += bytes.IndexByte(raw[at.End:], ',') + 1
	}
	return at, count == 1
}

// isConversationID reports whether a raw key is the gateway's.
func isConversationID(key []byte) bool {
	const want = "conversation_id"
	if bytes.IndexByte(key, '\\') < 0 {
		return string(key) == want
	}
	quoted := append(append([]byte{'"'}, key...), '"')
	return string(AppendText(nil, quoted)) == want
}
