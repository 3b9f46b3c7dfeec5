package neutral

import (
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// Bounds of what a schema is expanded to, for references can make a small
// document a very large one. What is beyond them is cut to its bare type.
const (
	maxSchemaDepth = 32
	maxSchemaPath  = 256 // schemas around one, with all that they join
	maxSchemaBytes = 256 << 10
	maxSchemaReads = 1 << 20
)

// OpenAPISchema appends a JSON schema rewritten into the subset of OpenAPI
// that older Gemini models take. Types are in upper case, null is nullable, a
// choice (oneOf, several types) is anyOf, a const is an enum, enums are
// strings, allOf is joined, references are put in place, and recursion is cut
// to the bare type. Keywords that the subset lacks are left out; properties
// that are merely named like one stay. An array always has items, and where
// nothing says the type it is STRING.
func OpenAPISchema(dst, schema []byte) []byte {
	w := openAPI{
		resolver: resolver{root: schema},
		room:     len(dst) + max(maxSchemaBytes, 2*len(schema)),
		reads:    maxSchemaReads + 2*maxSchemaDepth*len(schema),
	}
	return w.append(dst, schema, inherited{})
}

type openAPI struct {
	resolver
	room  int      // how long dst may get
	reads int      // how many bytes may yet be read
	depth int      // of the schema that is written
	path  [][]byte // the schemas around it and in it, with what they refer to
}

// inherited is what the branches of a choice take from it: Vertex refuses
// anything beside an anyOf.
type inherited struct {
	description []byte
	nullable    bool
}

// append writes the schema raw.
func (w *openAPI) append(dst, raw []byte, from inherited) []byte {
	s := schema{nullable: from.nullable}
	outer := len(w.path)
	w.depth++
	whole := w.depth <= maxSchemaDepth && len(dst) < w.room
	whole = w.gather(&s, raw, outer, whole)
	for whole && s.takeOnlyBranch() {
		only := s.anyOf
		s.anyOf = nil
		whole = w.gather(&s, only, outer, true)
	}
	setRaw(&s.plain[plainDescription], from.description, from.description != nil)
	if !whole {
		s = schema{types: []string{s.kind()}, nullable: s.nullable, plain: s.plain}
		if s.types[0] == "" {
			s.types[0] = "object"
		}
	}
	dst = w.appendSchema(dst, &s)
	w.depth--
	w.path = w.path[:outer]
	return dst
}

// gather reads raw into s and, where it may follow, what raw refers to and
// joins. It reports whether s is whole: not so when raw is one of the schemas
// around it, or a bound is reached.
func (w *openAPI) gather(s *schema, raw []byte, outer int, follow bool) bool {
	w.reads -= len(raw)
	if translate.KindOf(raw) != translate.KindObject || w.reads < 0 {
		return w.reads >= 0
	}
	for i, known := range w.path {
		switch {
		case &known[0] != &raw[0]:
		case i >= outer:
			return true // it has been read into s
		default:
			follow = false
		}
	}
	if follow = follow && len(w.path) < maxSchemaPath; follow {
		w.path = append(w.path, raw)
	}
	var ref, joined []byte
	for o := translate.Members(raw); o.Next(); {
		switch value := o.Value(); string(o.Key()) {
		case "$ref":
			ref = value
		case "allOf":
			joined = value
		default:
			s.takeKeyword(o.Key(), value)
		}
	}
	if !follow {
		return false
	}
	whole := ref == nil || w.gather(s, w.resolve(ref), outer, true)
	for a := translate.Elements(joined); a.Next(); {
		whole = w.gather(s, a.Value(), outer, true) && whole
	}
	return whole
}

// takeOnlyBranch reports whether s is a choice with one branch beside null,
// which is then s.anyOf. A choice that only narrows what s says anyway goes.
func (s *schema) takeOnlyBranch() bool {
	if s.anyOf == nil {
		return false
	}
	switch kind := s.kind(); {
	case kind == "", kind == "object" && s.properties == nil, kind == "array" && s.items == nil:
	default:
		s.anyOf = nil
		return false
	}
	var only []byte
	branches := 0
	for a := translate.Elements(s.anyOf); a.Next(); {
		if isNullSchema(a.Value()) {
			s.nullable = true
			continue
		}
		only = a.Value()
		branches++
	}
	if branches > 1 {
		return false
	}
	s.anyOf = only
	return only != nil
}

// isNullSchema reports whether raw is a schema of null alone.
func isNullSchema(raw []byte) bool {
	if translate.KindOf(raw) != translate.KindObject {
		return false
	}
	kind := member(raw, []byte("type"))
	if string(kind) == `"null"` || string(member(raw, []byte("const"))) == "null" {
		return true
	}
	n, null := 0, false
	for a := translate.Elements(member(raw, []byte("enum"))); a.Next(); n++ {
		null = a.Kind() == translate.KindNull
	}
	return n == 1 && null
}

// appendSchema writes s.
func (w *openAPI) appendSchema(dst []byte, s *schema) []byte {
	switch {
	case s.anyOf != nil:
		return w.appendChoice(dst, s.anyOf, inherited{s.plain[plainDescription], s.nullable})
	case len(s.types) > 1 && s.enum == nil && s.constant == nil:
		return w.appendTypes(dst, s)
	}
	enum := s.appendEnum(nil)
	kind := s.kind()
	if kind == "" || len(enum) > 0 {
		kind = "string"
	}
	dst = append(dst, `{"type":"`...)
	dst = append(dst, strings.ToUpper(kind)...)
	dst = append(dst, '"')
	if s.nullable {
		dst = append(dst, `,"nullable":true`...)
	}
	dst = s.appendPlain(dst, kind)
	if len(enum) > 0 {
		dst = append(dst, `,"enum":`...)
		dst = append(dst, enum...)
	}
	switch kind {
	case "object":
		dst = w.appendProperties(dst, s)
	case "array":
		dst = append(dst, `,"items":`...)
		dst = w.appendItems(dst, s)
	}
	return append(dst, '}')
}

// appendChoice writes the branches of raw that are not null.
func (w *openAPI) appendChoice(dst, raw []byte, from inherited) []byte {
	var branches [][]byte
	for a := translate.Elements(raw); a.Next(); {
		if isNullSchema(a.Value()) {
			from.nullable = true
			continue
		}
		branches = append(branches, a.Value())
	}
	dst = append(dst, `{"anyOf":[`...)
	for i, branch := range branches {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = w.append(dst, branch, from)
	}
	return append(dst, ']', '}')
}

// appendTypes writes a schema of several types as a choice of them.
func (w *openAPI) appendTypes(dst []byte, s *schema) []byte {
	dst = append(dst, `{"anyOf":[`...)
	for i := range s.types {
		if i > 0 {
			dst = append(dst, ',')
		}
		one := *s
		one.types = s.types[i : i+1]
		dst = w.appendSchema(dst, &one)
	}
	return append(dst, ']', '}')
}

// appendEnum appends the values that s allows as an array of strings, or
// nothing when it allows all. Null makes s nullable; Gemini refuses "".
func (s *schema) appendEnum(dst []byte) []byte {
	values := s.enum
	if s.constant != nil {
		values = append(append([]byte{'['}, s.constant...), ']')
	}
	for a := translate.Elements(values); a.Next(); {
		switch value := a.Value(); a.Kind() {
		case translate.KindNull:
			s.nullable = true
		case translate.KindString:
			if len(value) > len(`""`) {
				dst = appendElement(dst, value)
			}
		case translate.KindNumber, translate.KindBool:
			dst = appendElement(dst, translate.AppendString(nil, value))
		default:
		}
	}
	return dst
}

// appendPlain writes the keywords that need no rewriting.
func (s *schema) appendPlain(dst []byte, kind string) []byte {
	for i, value := range s.plain {
		fits := translate.KindOf(value) == translate.KindNumber
		switch i {
		case plainFormat:
			fits = hasFormat(kind, value)
		case plainDescription, plainPattern:
			fits = translate.KindOf(value) == translate.KindString
		}
		if fits {
			dst = append(dst, ',', '"')
			dst = append(dst, plainKeywords[i]...)
			dst = append(dst, '"', ':')
			dst = append(dst, value...)
		}
	}
	return dst
}

// hasFormat reports whether Gemini takes the raw format for kind.
func hasFormat(kind string, raw []byte) bool {
	switch string(raw) {
	case `"date-time"`:
		return kind == "string"
	case `"int32"`, `"int64"`:
		return kind == "integer"
	case `"float"`, `"double"`:
		return kind == "number"
	default:
		return false
	}
}

// appendItems writes the schema of an array's elements.
func (w *openAPI) appendItems(dst []byte, s *schema) []byte {
	elements := 0
	for a := translate.Elements(s.tuple); a.Next(); {
		elements++
	}
	switch {
	case elements > 1:
		return w.appendChoice(dst, s.tuple, inherited{})
	case elements == 1:
		a := translate.Elements(s.tuple)
		a.Next()
		return w.append(dst, a.Value(), inherited{})
	case s.items != nil:
		return w.append(dst, s.items, inherited{})
	default:
		return append(dst, `{"type":"STRING"}`...)
	}
}

// appendProperties writes the properties of an object and which of them are
// required: Gemini refuses to require others.
func (w *openAPI) appendProperties(dst []byte, s *schema) []byte {
	names := make(map[string]bool) // true once it is required
	for _, properties := range s.properties {
		for o := translate.Members(properties); o.Next(); {
			name := string(keyText(o.Key()))
			if _, known := names[name]; known {
				continue
			}
			if len(names) == 0 {
				dst = append(dst, `,"properties":{"`...)
			} else {
				dst = append(dst, ',', '"')
			}
			names[name] = false
			dst = append(dst, o.Key()...)
			dst = append(dst, '"', ':')
			dst = w.append(dst, o.Value(), inherited{})
		}
	}
	if len(names) == 0 {
		return dst
	}
	dst = append(dst, '}')
	var required []byte
	for _, list := range s.required {
		for a := translate.Elements(list); a.Next(); {
			if a.Kind() != translate.KindString {
				continue
			}
			name := string(translate.AppendText(nil, a.Value()))
			if done, known := names[name]; known && !done {
				names[name] = true
				required = appendElement(required, a.Value())
			}
		}
	}
	if required != nil {
		dst = append(dst, `,"required":`...)
		dst = append(dst, required...)
	}
	return dst
}
