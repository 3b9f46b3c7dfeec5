package neutral

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// ObjectSchema returns schema as one whose root is of type object and has
// properties: itself where it is that, and one of an empty object for nothing,
// null and {}. A root that refers to schemas, joins them or chooses between
// them, which providers refuse, gets the properties of all of them and
// requires what every choice does. A root of another type becomes the required
// property "value", as such arguments do in ArgumentsObject.
func ObjectSchema(schema []byte) []byte {
	root := bytes.Trim(schema, " \t\r\n")
	if translate.KindOf(root) != translate.KindObject {
		return []byte(`{"type":"object","properties":{}}`)
	}
	shape := shapeOf(root)
	switch {
	case shape.other:
		wrapped := append([]byte(`{"type":"object","properties":{"value":`), root...)
		return append(wrapped, `},"required":["value"]}`...)
	case shape.object && shape.properties && !shape.combined:
		return root
	}
	dst := append(make([]byte, 0, len(root)+64), `{"type":"object"`...)
	switch {
	case shape.combined:
		dst = appendFlat(dst, root)
	case !shape.properties:
		dst = append(dst, `,"properties":{}`...)
	}
	for o := translate.Members(root); o.Next(); {
		if value := o.Value(); shape.keeps(string(o.Key())) {
			dst = append(dst, ',', '"')
			dst = append(dst, o.Key()...)
			dst = append(dst, '"', ':')
			dst = append(dst, value...)
		}
	}
	return append(dst, '}')
}

// shape is what ObjectSchema has to know of a root: whether it is of type
// object or of another alone, has properties, and refers to other schemas.
type shape struct{ object, other, properties, combined bool }

func shapeOf(root []byte) shape {
	var s shape
	for o := translate.Members(root); o.Next(); {
		switch value := o.Value(); string(o.Key()) {
		case "type":
			s.object = string(value) == `"object"`
			s.other = !s.object && string(value) != `"null"` && !bytes.Contains(value, []byte(`"object"`))
		case "properties":
			s.properties = o.Kind() == translate.KindObject
		case "$ref", "allOf", "anyOf", "oneOf":
			s.combined = true
		}
	}
	return s
}

// keeps reports whether a member of the root stays as it is.
func (s *shape) keeps(key string) bool {
	switch key {
	case "type", "$ref", "allOf", "anyOf", "oneOf":
		return false
	case "properties":
		return s.properties && !s.combined
	case "required":
		return !s.combined
	default:
		return true
	}
}

// flat collects the properties of a root and of all that it is made of.
type flat struct {
	resolver
	reads, depth int
	keys         []string // as they are spelled, in order
	schemas      map[string][][]byte
}

// appendFlat appends the members properties and, where there are any,
// required, each after a comma.
func appendFlat(dst, root []byte) []byte {
	f := flat{
		resolver: resolver{root: root},
		reads:    maxSchemaReads + maxSchemaDepth*len(root),
		schemas:  make(map[string][][]byte),
	}
	required := f.collect(root)
	dst = append(dst, `,"properties":{`...)
	for i, key := range f.keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, key...)
		dst = append(dst, '"', ':')
		dst = appendAny(dst, f.schemas[key])
	}
	dst = append(dst, '}')
	var list []byte
	seen := make(map[string]bool)
	for _, name := range required {
		if !seen[string(name)] {
			seen[string(name)] = true
			list = appendElement(list, name)
		}
	}
	if list != nil {
		dst = append(dst, `,"required":`...)
		dst = append(dst, list...)
	}
	return dst
}

// appendAny appends a schema of what any of schemas allows: the branches of a
// choice tell themselves apart by a property that all of them have.
func appendAny(dst []byte, schemas [][]byte) []byte {
	if len(schemas) == 1 {
		return append(dst, schemas[0]...)
	}
	dst = append(dst, `{"anyOf":[`...)
	dst = append(dst, bytes.Join(schemas, []byte{','})...)
	return append(dst, ']', '}')
}

// collect adds the properties of the schema raw and returns the raw names of
// those that it requires.
func (f *flat) collect(raw []byte) [][]byte {
	f.reads -= len(raw)
	if translate.KindOf(raw) != translate.KindObject || f.reads < 0 || f.depth >= maxSchemaDepth {
		return nil
	}
	f.depth++
	defer func() { f.depth-- }()
	var required [][]byte
	for o := translate.Members(raw); o.Next(); {
		switch value := o.Value(); string(o.Key()) {
		case "properties":
			for p := translate.Members(value); p.Next(); {
				f.add(string(p.Key()), p.Value())
			}
		case "required":
			for a := translate.Elements(value); a.Next(); {
				required = append(required, a.Value())
			}
		case "$ref":
			required = append(required, f.collect(f.resolve(value))...)
		case "allOf":
			for a := translate.Elements(value); a.Next(); {
				required = append(required, f.collect(a.Value())...)
			}
		case "anyOf", "oneOf":
			required = append(required, f.common(value)...)
		}
	}
	return required
}

// maxVariants bounds the schemas of one property.
const maxVariants = 64

// add notes one schema of a property.
func (f *flat) add(key string, schema []byte) {
	known := f.schemas[key]
	if len(known) >= maxVariants {
		return
	}
	if known == nil {
		f.keys = append(f.keys, key)
	}
	for _, other := range known {
		if bytes.Equal(other, schema) {
			return
		}
	}
	f.schemas[key] = append(known, schema)
}

// common collects the branches of a choice and returns the names that all of
// them require.
func (f *flat) common(choice []byte) [][]byte {
	var names [][]byte
	counts := make(map[string]int)
	branches := 0
	for a := translate.Elements(choice); a.Next(); branches++ {
		for _, name := range f.collect(a.Value()) {
			// Twice in one branch counts once.
			if counts[string(name)] == branches {
				counts[string(name)]++
				names = append(names, name)
			}
		}
	}
	all := names[:0]
	for _, name := range names {
		if counts[string(name)] == branches {
			all = append(all, name)
			delete(counts, string(name))
		}
	}
	return all
}
