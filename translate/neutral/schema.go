package neutral

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// schema is what the rewriters read of a JSON schema: the keywords that stand
// in it, and in those that it refers to or joins. Values are raw. Of keywords
// that stand more than once the first counts.
type schema struct {
	types      []string // in lower case, without null
	nullable   bool
	enum       []byte // an array
	constant   []byte
	properties [][]byte // objects
	required   [][]byte // arrays
	items      []byte   // a schema
	tuple      []byte   // an array of schemas
	anyOf      []byte   // an array of schemas
	plain      [len(plainKeywords)][]byte
}

// plainKeywords are those that the OpenAPI subset has with the same meaning.
var plainKeywords = [...]string{
	"description", "format", "minimum", "maximum", "minItems", "maxItems",
	"minLength", "maxLength", "minProperties", "maxProperties", "pattern",
}

const (
	plainDescription = 0
	plainFormat      = 1
	plainPattern     = len(plainKeywords) - 1
)

// takeKeyword notes a keyword and its value; those that are not needed, and
// values that do not fit, are left out.
func (s *schema) takeKeyword(name, value []byte) {
	kind := translate.KindOf(value)
	switch string(name) {
	case "type":
		s.takeTypes(value, kind)
	case "nullable":
		s.nullable = s.nullable || kind == translate.KindBool && value[0] == 't'
	case "enum":
		setRaw(&s.enum, value, kind == translate.KindArray)
	case "const":
		setRaw(&s.constant, value, true)
	case "properties":
		if kind == translate.KindObject {
			s.properties = append(s.properties, value)
		}
	case "required":
		if kind == translate.KindArray {
			s.required = append(s.required, value)
		}
	case "items":
		setRaw(&s.items, value, kind == translate.KindObject)
		setRaw(&s.tuple, value, kind == translate.KindArray)
	case "prefixItems":
		setRaw(&s.tuple, value, kind == translate.KindArray)
	case "anyOf", "oneOf":
		setRaw(&s.anyOf, value, kind == translate.KindArray)
	default:
		for i, keyword := range plainKeywords {
			if string(name) == keyword {
				setRaw(&s.plain[i], value, true)
			}
		}
	}
}

func setRaw(to *[]byte, value []byte, fits bool) {
	if *to == nil && fits {
		*to = value
	}
}

// takeTypes takes a type or an array of them.
func (s *schema) takeTypes(value []byte, kind translate.Kind) {
	if len(s.types) > 0 {
		return
	}
	switch kind {
	case translate.KindString:
		s.takeType(value)
	case translate.KindArray:
		for a := translate.Elements(value); a.Next(); {
			if a.Kind() == translate.KindString {
				s.takeType(a.Value())
			}
		}
	default:
	}
}

func (s *schema) takeType(raw []byte) {
	name := string(bytes.ToLower(raw[1 : len(raw)-1]))
	switch name {
	case "null":
		s.nullable = true
	case "string", "number", "integer", "boolean", "array", "object":
		s.types = append(s.types, name)
	}
}

// kind is the one type that s is of, as far as the other keywords tell where
// none is named; "" when it may be several.
func (s *schema) kind() string {
	switch {
	case len(s.types) == 1:
		return s.types[0]
	case len(s.types) > 1:
		return ""
	case len(s.properties) > 0:
		return "object"
	case s.items != nil || s.tuple != nil:
		return "array"
	default:
		return ""
	}
}

// resolver finds what $ref points to in a document.
type resolver struct {
	root        []byte
	definitions map[string][]byte // by the whole pointer; nil until it is needed
	walks       int
}

// maxWalks bounds the pointers that have to be searched for in the document
// one by one; definitions in the usual places are found at once.
const maxWalks = 64

// resolve returns the value that the raw string pointer leads to, or nil.
func (r *resolver) resolve(pointer []byte) []byte {
	if translate.KindOf(pointer) != translate.KindString {
		return nil
	}
	path := translate.AppendText(nil, pointer)
	if len(path) == 0 || path[0] != '#' {
		return nil
	}
	if r.definitions == nil {
		r.index()
	}
	if found, ok := r.definitions[string(path)]; ok {
		return found
	}
	if r.walks++; r.walks > maxWalks {
		return nil
	}
	value := r.root
	for step := range bytes.SplitSeq(bytes.TrimPrefix(unpercent(path[1:]), []byte{'/'}), []byte{'/'}) {
		if len(step) > 0 {
			value = member(value, unescapeStep(step))
		}
	}
	return value
}

// index notes the definitions at the root.
func (r *resolver) index() {
	r.definitions = make(map[string][]byte)
	for o := translate.Members(r.root); o.Next(); {
		home := string(o.Key())
		if home != "$defs" && home != "definitions" || o.Kind() != translate.KindObject {
			continue
		}
		for d := o.Members(); d.Next(); {
			if bytes.ContainsAny(d.Key(), `\~%/`) {
				continue // spelled otherwise in a pointer
			}
			r.definitions["#/"+home+"/"+string(d.Key())] = d.Value()
		}
	}
}

// unescapeStep undoes what RFC 6901 does to a name in a pointer.
func unescapeStep(step []byte) []byte {
	if bytes.IndexByte(step, '~') < 0 {
		return step
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(step, []byte("~1"), []byte("/")), []byte("~0"), []byte("~"))
}

// member returns the member name of the object or array raw, or nil.
func member(raw, name []byte) []byte {
	switch translate.KindOf(raw) {
	case translate.KindObject:
		for o := translate.Members(raw); o.Next(); {
			if bytes.Equal(keyText(o.Key()), name) {
				return o.Value()
			}
		}
	case translate.KindArray:
		n := Int(name)
		for a := translate.Elements(raw); a.Next(); n-- {
			if n == 0 {
				return a.Value()
			}
		}
	default:
	}
	return nil
}

// keyText returns the text of a key as it is spelled.
func keyText(key []byte) []byte {
	if bytes.IndexByte(key, '\\') < 0 {
		return key
	}
	quoted := append([]byte{'"'}, key...)
	return translate.AppendText(nil, append(quoted, '"'))
}
