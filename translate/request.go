package translate

import (
	"bytes"
	"math/bits"
)

// Member is where a member of the body lies. Key includes its quotes.
type Member struct{ Key, Value Span }

// StreamUsage is what a request says about usage in its stream, in
// stream_options.include_usage.
type StreamUsage uint8

// What a request can say. An explicit null is no value, but it stands in the
// body and has to be replaced.
const (
	UsageAbsent StreamUsage = iota // no stream_options
	UsageNull                      // stream_options is null
	UsageObject                    // stream_options is an object without include_usage
	UsageFalse                     // include_usage is false or null
	UsageTrue                      // include_usage is true
)

// Request is a scanned request body. The zero value is ready for Scan, which
// may be called again for the next body; all it holds is valid until then and
// as long as the body is.
type Request struct {
	Body []byte
	// Members holds the fields that stand in the body, explicit nulls
	// included; the others are zero.
	Members [FieldCount]Member
	// Model is the value of "model" without quotes and escapes.
	Model  []byte
	Stream bool
	// Usage is what the client said about usage, IncludeUsage the value of
	// include_usage where it stands.
	Usage        StreamUsage
	IncludeUsage Span
	// ConversationID is the value of conversation_id, conversationId or
	// metadata.conversation_id, the first of these that there is.
	ConversationID []byte

	seen uint64 // fields that stand in the body in any spelling
	text []byte // holds what had to be unescaped
}

var utf8BOM = []byte("\ufeff")

// Scan validates the body, which must be one JSON object, and records its
// fields. A UTF-8 byte order mark before the object is tolerated. An error
// never quotes the body.
func (r *Request) Scan(body []byte) *Error {
	r.reset(body)
	o := Object{walk: walk{b: body, strict: true}}
	if bytes.HasPrefix(body, utf8BOM) {
		o.at = len(utf8BOM)
	}
	var duplicate Field
	for o.Next() {
		f, exact := fieldOf(o.key.Of(body))
		if f == FieldNone {
			continue
		}
		if r.seen&(1<<f) != 0 {
			duplicate = f
		}
		r.seen |= 1 << f
		if exact {
			r.Members[f] = Member{Key: o.key, Value: o.Span()}
		}
	}
	switch {
	case !o.Complete():
		return invalidJSON(&o)
	case duplicate != FieldNone:
		return duplicateField(duplicate.String())
	}
	return r.read()
}

// reset forgets the last body, at the cost of what was found in it.
func (r *Request) reset(body []byte) {
	for seen := r.seen; seen != 0; seen &= seen - 1 {
		r.Members[bits.TrailingZeros64(seen)] = Member{}
	}
	r.Body, r.Model, r.ConversationID = body, nil, nil
	r.Stream, r.Usage, r.IncludeUsage = false, UsageAbsent, Span{}
	r.seen, r.text = 0, r.text[:0]
}

func invalidJSON(o *Object) *Error {
	at := o.at
	if at < 0 {
		at = ^at
	} else {
		at = skipSpace(o.b, at) // what follows the object
	}
	return Errorf(CallerInvalidJSON, "",
		"The body is not one JSON object (in UTF-8, at most %d levels deep): error at byte %d.", maxDepth, at)
}

func duplicateField(path string) *Error {
	return Errorf(CallerDuplicateField, path, "The field %q stands more than once.", path)
}

func invalidField(path, want string) *Error {
	return Errorf(CallerInvalidField, path, "The field %q must be %s.", path, want)
}

// Value returns the raw value of f, or nil when it is absent or null.
func (r *Request) Value(f Field) []byte {
	v := r.Members[f].Value.Of(r.Body)
	if len(v) == 0 || v[0] == 'n' {
		return nil
	}
	return v
}

// read takes the values that every call needs from the members.
func (r *Request) read() *Error {
	switch v := r.Value(FieldModel); KindOf(v) {
	case KindNone:
	case KindString:
		r.Model = r.unquote(v)
	default:
		return invalidField("model", "a string")
	}
	switch v := r.Value(FieldStream); KindOf(v) {
	case KindNone:
	case KindBool:
		r.Stream = v[0] == 't'
	default:
		return invalidField("stream", "a boolean")
	}
	if err := r.readStreamOptions(); err != nil {
		return err
	}
	return r.readConversationID()
}

// unquote returns the text of a raw string, borrowed from the body where it
// holds no escapes.
func (r *Request) unquote(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	start := len(r.text)
	r.text = AppendText(r.text, raw)
	return r.text[start:]
}

func (r *Request) readStreamOptions() *Error {
	options := r.Members[FieldStreamOptions].Value
	switch KindOf(options.Of(r.Body)) {
	case KindNone:
		return nil
	case KindNull:
		r.Usage = UsageNull
		return nil
	case KindObject:
	default:
		return invalidField("stream_options", "an object")
	}
	at, err := r.member(options, "stream_options", "include_usage")
	if err != nil {
		return err
	}
	switch v := at.Of(r.Body); KindOf(v) {
	case KindNone:
		r.Usage = UsageObject
	case KindNull:
		r.Usage = UsageFalse
	case KindBool:
		r.Usage = UsageFalse
		if v[0] == 't' {
			r.Usage = UsageTrue
		}
	default:
		return invalidField("stream_options.include_usage", "a boolean")
	}
	r.IncludeUsage = at
	return nil
}

func (r *Request) readConversationID() *Error {
	for _, f := range [...]Field{FieldConversationID, FieldConversationIDCamel} {
		if err := r.takeConversationID(r.Value(f), f.String()); err != nil {
			return err
		}
	}
	if KindOf(r.Value(FieldMetadata)) != KindObject {
		return nil
	}
	at, err := r.member(r.Members[FieldMetadata].Value, "metadata", "conversation_id")
	if err != nil {
		return err
	}
	return r.takeConversationID(at.Of(r.Body), "metadata.conversation_id")
}

func (r *Request) takeConversationID(raw []byte, path string) *Error {
	switch KindOf(raw) {
	case KindNone, KindNull:
	case KindString:
		if len(r.ConversationID) == 0 {
			r.ConversationID = r.unquote(raw)
		}
	default:
		return invalidField(path, "a string")
	}
	return nil
}

// member finds the member name of the object at in, which the scan has
// validated. Another spelling by case or escapes is the same name.
func (r *Request) member(in Span, path, name string) (Span, *Error) {
	var found Span
	seen := 0
	o := Object{walk: walk{b: r.Body[:in.End], at: in.Start}}
	for o.Next() {
		same, exact := spells(o.key.Of(r.Body), name)
		if exact {
			found = o.Span()
		}
		if same {
			seen++
		}
	}
	if seen > 1 {
		return Span{}, duplicateField(path + "." + name)
	}
	return found, nil
}
