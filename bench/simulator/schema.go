package simulator

import (
	"math"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// generate returns a compact JSON value that is valid for the schema. It knows what structured output uses: types,
// properties, items, enum, const, bounds, formats, patterns, anyOf, oneOf, allOf and local $ref; not "not" and "if".
func generate(schema []byte, seed uint64) string {
	root := gjson.ParseBytes(schema)
	g := generator{root: root, random: random(seed), left: maxValues}
	return string(g.value(nil, g.open(nil, root, 0), 0))
}

type generator struct {
	root   gjson.Result
	random random
	left   int // values that may still be made
}

// A schema may refer to itself, and more than once: beyond optionalDepth only required properties are made, beyond
// maxDepth and maxValues only null, no more than maxNode schemas are held at once, and no string has over maxText bytes.
const (
	optionalDepth = 3
	maxDepth      = 16
	maxValues     = 5000
	maxNode       = 64
	maxText       = 64 << 10
)

// node is a list of schemas that must all hold.
type node []gjson.Result

// open returns the schema with what it refers to, its allOf, and the first of its alternatives.
func (g *generator) open(n node, schema gjson.Result, depth int) node {
	if depth > maxDepth || len(n) >= maxNode {
		return n
	}
	n = append(n, schema)
	schema.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "$ref":
			n = g.open(n, g.resolve(value.Str), depth+1)
		case "allOf":
			for _, s := range value.Array() {
				n = g.open(n, s, depth+1)
			}
		case "anyOf", "oneOf":
			if all := value.Array(); len(all) > 0 {
				n = g.open(n, all[0], depth+1)
			}
		}
		return true
	})
	return n
}

// resolve follows a JSON pointer from the root.
func (g *generator) resolve(ref string) gjson.Result {
	at := g.root
	for step := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(ref, "#"), "/"), "/") {
		if step != "" {
			step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
			at = member(at, step)
		}
	}
	return at
}

// member avoids gjson's path syntax, which names in schemas could abuse.
func member(object gjson.Result, name string) (found gjson.Result) {
	object.ForEach(func(key, value gjson.Result) bool {
		if key.Str == name {
			found = value
		}
		return !found.Exists()
	})
	return found
}

func (n node) get(name string) gjson.Result {
	for _, schema := range n {
		if v := member(schema, name); v.Exists() {
			return v
		}
	}
	return gjson.Result{}
}

// kind returns the type to make: the first one that is not null.
func (n node) kind() string {
	t := n.get("type")
	for _, one := range append(t.Array(), gjson.Result{}) {
		if one.Str != "" && one.Str != "null" {
			return one.Str
		}
	}
	switch {
	case t.Exists():
		return "null"
	case n.get("properties").Exists():
		return "object"
	case n.get("items").Exists(), n.get("prefixItems").Exists():
		return "array"
	case n.get("minimum").Exists(), n.get("maximum").Exists(), n.get("multipleOf").Exists():
		return "number"
	case n.get("required").Exists():
		return "object"
	}
	return "string"
}

func (g *generator) value(dst []byte, n node, depth int) []byte {
	if v := n.get("const"); v.Exists() {
		return append(dst, compact(v.Raw)...)
	}
	if v := n.get("enum").Array(); len(v) > 0 {
		return append(dst, compact(v[g.random.below(len(v))].Raw)...)
	}
	g.left--
	if depth > maxDepth || g.left < 0 {
		return append(dst, "null"...)
	}
	switch n.kind() {
	case "object":
		return g.object(dst, n, depth)
	case "array":
		return g.array(dst, n, depth)
	case "number":
		return strconv.AppendFloat(dst, g.number(n, 0.5), 'f', -1, 64)
	case "integer":
		return strconv.AppendFloat(dst, g.number(n, 1), 'f', -1, 64)
	case "boolean":
		return strconv.AppendBool(dst, g.random.below(2) == 0)
	case "null":
		return append(dst, "null"...)
	default:
		return gjson.AppendJSONString(dst, g.text(n))
	}
}

func (g *generator) object(dst []byte, n node, depth int) []byte {
	required := map[string]bool{}
	for _, schema := range n {
		for _, name := range member(schema, "required").Array() {
			required[name.Str] = true
		}
	}
	made := map[string]bool{}
	dst = append(dst, '{')
	for _, schema := range n {
		member(schema, "properties").ForEach(func(name, property gjson.Result) bool {
			if made[name.Str] || depth >= optionalDepth && !required[name.Str] {
				return true
			}
			dst = g.property(dst, name.Str, property, len(made) > 0, depth)
			made[name.Str] = true
			return true
		})
	}
	for _, name := range n.get("required").Array() {
		if !made[name.Str] { // required without a schema
			dst = g.property(dst, name.Str, gjson.Result{}, len(made) > 0, depth)
			made[name.Str] = true
		}
	}
	return append(dst, '}')
}

func (g *generator) property(dst []byte, name string, schema gjson.Result, comma bool, depth int) []byte {
	if comma {
		dst = append(dst, ',')
	}
	dst = append(gjson.AppendJSONString(dst, name), ':')
	return g.value(dst, g.open(nil, schema, 0), depth+1)
}

func (g *generator) array(dst []byte, n node, depth int) []byte {
	prefix := n.get("prefixItems").Array()
	count := max(len(prefix), int(n.get("minItems").Int()))
	items := n.get("items")
	if items.IsObject() && depth < optionalDepth {
		count = max(count, 1)
	}
	if limit := n.get("maxItems"); limit.Exists() {
		count = min(count, int(limit.Int()))
	}
	count = min(count, max(g.left, 0))
	dst = append(dst, '[')
	for i := range count {
		if i > 0 {
			dst = append(dst, ',')
		}
		schema := items
		if i < len(prefix) {
			schema = prefix[i]
		}
		dst = g.value(dst, g.open(nil, schema, 0), depth+1)
	}
	return append(dst, ']')
}

// number returns a multiple of step, or of multipleOf, within the bounds.
func (g *generator) number(n node, step float64) float64 {
	low, high := math.Inf(-1), math.Inf(1)
	if v := n.get("minimum"); v.Exists() {
		low = v.Num
	}
	if v := n.get("maximum"); v.Exists() {
		high = v.Num
	}
	if v := n.get("multipleOf"); v.Exists() && v.Num > 0 {
		step = v.Num
	}
	if v := n.get("exclusiveMinimum"); v.Type == gjson.Number && v.Num >= low {
		low = math.Nextafter(v.Num, math.Inf(1))
	}
	if v := n.get("exclusiveMaximum"); v.Type == gjson.Number && v.Num <= high {
		high = math.Nextafter(v.Num, math.Inf(-1))
	}
	wish := float64(g.random.between(1, 40)) * step
	switch {
	case wish < low:
		wish = math.Ceil(low/step) * step
	case wish > high:
		wish = math.Floor(high/step) * step
	}
	if wish < low { // no multiple of step between the bounds
		wish = low + (high-low)/2
	}
	return wish
}

// formats are valid examples.
var formats = map[string]string{
	"date-time": "2026-01-02T03:04:05Z", "date": "2026-01-02", "time": "03:04:05Z", "duration": "P1DT2H",
	"email": "someone@example.com", "hostname": "example.com", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
	"uuid": "6f1e1f36-4f0d-4c3b-9a53-0d2f6a2b7c11", "uri": "https://example.com/a", "uri-reference": "/a", "regex": "^a$",
}

func (g *generator) text(n node) string {
	if v := n.get("pattern"); v.Exists() {
		if re, err := syntax.Parse(v.Str, syntax.Perl); err == nil {
			return string(g.match(nil, re.Simplify()))
		}
	}
	if v, ok := formats[n.get("format").Str]; ok {
		return v
	}
	text := strings.TrimSpace(words[g.random.below(len(words))]) + " " + letters(g.random.next(), 4)
	if least := min(n.get("minLength").Int(), maxText); int(least) > len(text) {
		text += strings.Repeat("x", int(least)-len(text))
	}
	if v := n.get("maxLength"); v.Exists() && int(v.Int()) < len(text) {
		text = text[:max(int(v.Int()), 0)]
	}
	return text
}

// match appends a string that the expression matches.
func (g *generator) match(dst []byte, re *syntax.Regexp) []byte {
	switch re.Op {
	case syntax.OpLiteral:
		return append(dst, string(re.Rune)...)
	case syntax.OpCharClass:
		if len(re.Rune) > 0 {
			return append(dst, string(max(re.Rune[0], min(re.Rune[1], '0')))...)
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return append(dst, 'x')
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			dst = g.match(dst, sub)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return g.match(dst, re.Sub[0])
	case syntax.OpAlternate:
		return g.match(dst, re.Sub[g.random.below(len(re.Sub))])
	}
	return dst // anchors and what may be absent
}
