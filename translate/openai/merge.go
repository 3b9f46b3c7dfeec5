package openai

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

// AppendAnswer appends the answer that a provider would have sent in place of
// stream, the whole stream of a finished answer to op. Strings keep their
// escapes: the pieces of a text are put together as they are spelled, which
// also mends surrogate pairs that were cut in two.
//
// ok is false, and dst as it was, when the stream failed, is not finished, or
// holds something whose pieces have no known way to go together.
func (d *Dialect) AppendAnswer(dst, stream []byte, op translate.Op) (_ []byte, ok bool) {
	if op != translate.OpChat && op != translate.OpCompletion {
		return dst, false
	}
	var whole object
	var r sse.Reader
	for len(stream) > 0 {
		event, n := r.Next(stream)
		if n == 0 {
			event, n = r.Tail(stream), len(stream)
		}
		stream = stream[n:]
		data, _ := sse.Data(event, nil) // parts of it are kept
		var e translate.StreamEvent
		switch d.ReadEvent(data, &e); e.Kind {
		case translate.EventNone:
			continue
		case translate.EventDone:
			stream = nil
			continue
		case translate.EventError, translate.EventMalformed:
			return dst, false
		}
		if !whole.merge(data, chunkShape) {
			return dst, false
		}
	}
	if !whole.complete(op) {
		return dst, false
	}
	return whole.append(dst), true
}

// rule says how the values that one key has in the pieces of an object make
// one value. Null never replaces a value.
type rule uint8

const (
	ruleKeep   rule = iota // the same in all of them; "", {} and [] count as null
	ruleFirst              // the first that is not empty
	ruleLast               // the last
	ruleDrop               // none
	ruleText               // strings: put together
	ruleArray              // arrays: all their elements
	ruleObject             // objects: merged by a shape
	ruleList               // arrays of objects: merged by a shape and their "index"
)

// shape has the rules for the members of an object.
type shape struct {
	members map[string]member
	others  rule
}

type member struct {
	rule  rule
	shape *shape
}

func (s *shape) of(key []byte) member {
	if m, ok := s.members[string(key)]; ok {
		return m
	}
	return member{rule: s.others}
}

var (
	functionShape = &shape{members: map[string]member{"arguments": {rule: ruleText}}}
	customShape   = &shape{members: map[string]member{"input": {rule: ruleText}}}
	callShape     = &shape{members: map[string]member{
		"index":    {rule: ruleDrop},
		"function": {ruleObject, functionShape},
		"custom":   {ruleObject, customShape},
	}}
	deltaShape = &shape{members: map[string]member{
		"content":           {rule: ruleText},
		"refusal":           {rule: ruleText},
		"reasoning":         {rule: ruleText},
		"reasoning_content": {rule: ruleText},
		"reasoning_details": {rule: ruleArray},
		"images":            {rule: ruleArray},
		"annotations":       {rule: ruleArray},
		"tool_calls":        {ruleList, callShape},
		"function_call":     {ruleObject, functionShape},
	}}
	choiceShape = &shape{members: map[string]member{
		"delta":    {ruleObject, deltaShape},
		"text":     {rule: ruleText},
		"logprobs": {ruleObject, &shape{others: ruleArray}},
	}}
	chunkShape = &shape{members: map[string]member{
		"id":                 {rule: ruleFirst},
		"object":             {rule: ruleFirst},
		"created":            {rule: ruleFirst},
		"model":              {rule: ruleFirst},
		"system_fingerprint": {rule: ruleFirst},
		"service_tier":       {rule: ruleLast},
		"usage":              {rule: ruleLast},
		"x_groq":             {rule: ruleLast},
		"obfuscation":        {rule: ruleDrop},
		"choices":            {ruleList, choiceShape},
	}}
)

// object is an object put together from pieces. Raw bytes are borrowed.
type object struct {
	index   int64
	members []*value
}

// value is the value of one member.
type value struct {
	key     []byte
	rule    rule
	raw     []byte // what stands there as it is, null to begin with
	text    []byte // ruleText: the text, as escaped; ruleArray: the elements
	set     bool   // a value other than null has gone into text, object or list
	object  object
	objects []*object // ruleList: sorted by index
}

// merge takes one more piece of the object.
func (o *object) merge(piece []byte, s *shape) bool {
	m := translate.Members(piece)
	for m.Next() {
		how := s.of(m.Key())
		if how.rule == ruleDrop {
			continue
		}
		v := o.member(m.Key())
		if v == nil {
			v = &value{key: m.Key(), rule: how.rule, raw: null}
			o.members = append(o.members, v)
		}
		if m.Kind() != translate.KindNull && !v.add(m.Value(), how.shape) {
			return false
		}
	}
	return m.Complete()
}

func (o *object) member(key []byte) *value {
	for _, v := range o.members {
		if bytes.Equal(v.key, key) {
			return v
		}
	}
	return nil
}

// add takes one more value, which is not null.
func (v *value) add(raw []byte, s *shape) bool {
	switch v.rule {
	case ruleKeep:
		return v.keep(raw)
	case ruleFirst:
		if isEmpty(v.raw) || string(v.raw) == "0" {
			v.raw = raw
		}
		return true
	case ruleLast:
		v.raw = raw
		return true
	}
	v.set = true
	kind := translate.KindOf(raw)
	switch v.rule {
	case ruleText:
		if kind == translate.KindString {
			v.text = append(v.text, raw[1:len(raw)-1]...)
		}
		return kind == translate.KindString
	case ruleArray:
		return kind == translate.KindArray && v.addElements(raw)
	case ruleObject:
		return kind == translate.KindObject && v.object.merge(raw, s)
	default:
		return kind == translate.KindArray && v.addPieces(raw, s)
	}
}

func (v *value) isNull() bool { return !v.set && string(v.raw) == "null" }

func (v *value) keep(raw []byte) bool {
	switch {
	case isEmpty(v.raw):
		v.raw = raw
		return true
	default:
		return isEmpty(raw) || bytes.Equal(v.raw, raw)
	}
}

// isEmpty reports whether raw is null, "", {} or [].
func isEmpty(raw []byte) bool {
	switch translate.KindOf(raw) {
	case translate.KindBool, translate.KindNumber:
		return false
	default:
		return !filled(raw)
	}
}

func (v *value) addElements(raw []byte) bool {
	a := translate.Elements(raw)
	for a.Next() {
		if len(v.text) > 0 {
			v.text = append(v.text, ',')
		}
		v.text = append(v.text, a.Value()...)
	}
	return true
}

// addPieces merges the objects of an array into those with the same index.
func (v *value) addPieces(raw []byte, s *shape) bool {
	a := translate.Elements(raw)
	for a.Next() {
		if a.Kind() != translate.KindObject {
			return false
		}
		index := v.indexOf(a.Value())
		k, found := slices.BinarySearchFunc(v.objects, index, func(o *object, index int64) int {
			return cmp.Compare(o.index, index)
		})
		if !found {
			v.objects = slices.Insert(v.objects, k, &object{index: index})
		}
		if !v.objects[k].merge(a.Value(), s) {
			return false
		}
	}
	return true
}

// indexOf returns the index of a piece. Servers that leave it out send an id
// with the first piece of a call and mean the last call afterwards.
func (v *value) indexOf(piece []byte) int64 {
	var id []byte
	m := translate.Members(piece)
	for m.Next() {
		switch string(m.Key()) {
		case "index":
			if n, ok := translate.Int(m.Value()); ok {
				return n
			}
		case "id":
			id = m.Value()
		}
	}
	if len(v.objects) == 0 {
		return 0
	}
	last := v.objects[len(v.objects)-1]
	if !filled(id) {
		return last.index
	}
	for _, o := range v.objects {
		if known := o.member([]byte("id")); known != nil && bytes.Equal(known.raw, id) {
			return o.index
		}
	}
	return last.index + 1
}
