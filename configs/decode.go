package configs

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ai-mcp-gateway/gateway/internal/secret"
)

const (
	// maxNodes bounds the nodes that are looked at, those behind aliases
	// counted each time: a few aliases of aliases stand for millions.
	maxNodes = 100_000
	// maxMerge bounds how deep merge keys may refer to mappings with merge keys.
	maxMerge = 8
)

var (
	secretType   = reflect.TypeFor[secret.String]()
	durationType = reflect.TypeFor[time.Duration]()
)

// decoder puts a YAML document into a Config. It goes by the Go types, so what
// the types do not foresee, an alias that contains itself included, is a
// reported mistake and ends there.
type decoder struct {
	*report
	env   func(string) (string, bool)
	nodes int
}

// field is one key of a mapping.
type field struct {
	value reflect.Value
	tag   reflect.StructTag
}

// pair is one key of a mapping in the file and its value.
type pair struct {
	key   string
	line  int
	value *yaml.Node
}

// document decodes a whole document into c.
func (d *decoder) document(n *yaml.Node, c *Config) {
	d.value(n, "", reflect.ValueOf(c).Elem(), "")
	if d.nodes > maxNodes {
		d.addAt(mark{line: n.Line}, "", "holds more than %d values, those behind aliases counted each time", maxNodes)
	}
}

// value decodes n, which stands at path, into v. A null leaves v as it is.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value, tag reflect.StructTag) {
	n, ok := d.resolve(n, path)
	if !ok || isNull(n) {
		return
	}
	switch {
	case v.Type() == secretType || v.Type() == durationType:
		d.scalar(n, path, v, tag)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, v.Elem(), tag)
	case v.Kind() == reflect.Struct:
		d.fields(n, path, v)
	case v.Kind() == reflect.Slice && tag.Get("key") != "":
		d.keyed(n, path, v, tag)
	case v.Kind() == reflect.Slice:
		d.list(n, path, v, tag)
	case v.Kind() == reflect.Map:
		d.dictionary(n, path, v)
	default:
		d.scalar(n, path, v, tag)
	}
}

// resolve follows an alias, counts the node and notes where it stands.
func (d *decoder) resolve(n *yaml.Node, path string) (*yaml.Node, bool) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.nodes++
	if d.nodes > maxNodes {
		return n, false
	}
	d.marks[path] = mark{line: n.Line}
	return n, true
}

// fields decodes a mapping into the struct v.
func (d *decoder) fields(n *yaml.Node, path string, v reflect.Value) {
	if !d.kind(n, path, yaml.MappingNode) {
		return
	}
	known, names := fieldsOf(v)
	given := map[string]bool{}
	for _, p := range d.pairs(n, path, 0) {
		f, ok := known[p.key]
		if !ok {
			key := cleanKey(p.key)
			d.addAt(mark{line: p.line}, join(path, key), "unknown key%s", keyHint(p.key, names))
			continue
		}
		given[p.key] = !isNull(p.value)
		d.value(p.value, join(path, p.key), f.value, f.tag)
	}
	for _, name := range names {
		if known[name].tag.Get("required") != "" && !given[name] {
			d.addAt(mark{line: n.Line}, join(path, name), "must be given")
		}
	}
}

// keyed decodes a mapping into a list of structs, the key into a field of each.
func (d *decoder) keyed(n *yaml.Node, path string, v reflect.Value, tag reflect.StructTag) {
	if !d.kind(n, path, yaml.MappingNode) {
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, 4)
	pattern := regexp.MustCompile(tag.Get("pattern"))
	for _, p := range d.pairs(n, path, 0) {
		if !pattern.MatchString(p.key) {
			d.addAt(mark{line: p.line}, join(path, cleanKey(p.key)), "is not a name that can stand here; it must match %s", pattern)
			continue
		}
		item := reflect.New(v.Type().Elem()).Elem()
		item.FieldByName(tag.Get("key")).SetString(p.key)
		if at := join(path, p.key); isNull(p.value) {
			d.addAt(mark{line: p.line}, at, "must be a mapping of keys and values, not nothing")
		} else {
			d.value(p.value, at, item, "")
		}
		list = reflect.Append(list, item)
	}
	v.Set(list)
}

func (d *decoder) list(n *yaml.Node, path string, v reflect.Value, tag reflect.StructTag) {
	if !d.kind(n, path, yaml.SequenceNode) {
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, min(len(n.Content), 64))
	for i, c := range n.Content {
		item := reflect.New(v.Type().Elem()).Elem()
		at := fmt.Sprintf("%s[%d]", path, i)
		if isNull(c) {
			d.addAt(mark{line: c.Line}, at, "must not be nothing")
		}
		d.value(c, at, item, tag)
		if d.nodes > maxNodes {
			break
		}
		if s, ok := item.Interface().(secret.String); ok && s.Empty() {
			d.add(at, "must not be empty")
		}
		list = reflect.Append(list, item)
	}
	v.Set(list)
}

func (d *decoder) dictionary(n *yaml.Node, path string, v reflect.Value) {
	if !d.kind(n, path, yaml.MappingNode) {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range d.pairs(n, path, 0) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(p.value, join(path, p.key), item, "")
		v.SetMapIndex(reflect.ValueOf(p.key), item)
	}
}

// pairs lists the keys of a mapping, those of its merge keys after its own. A
// key that stands there twice is reported.
func (d *decoder) pairs(n *yaml.Node, path string, depth int) []pair {
	var own []pair
	var merges []*yaml.Node
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		for k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		switch {
		case k.Kind != yaml.ScalarNode:
			d.addAt(mark{line: k.Line}, path, "a key must be plain text")
			continue
		case k.ShortTag() == "!!merge":
			merges = append(merges, value)
			continue
		case first[k.Value] != 0:
			d.addAt(mark{line: k.Line}, join(path, cleanKey(k.Value)), "stands here twice; the first is on line %d", first[k.Value])
			continue
		}
		first[k.Value] = k.Line
		own = append(own, pair{k.Value, k.Line, value})
	}
	for _, m := range merges {
		for _, p := range d.merged(m, path, depth) {
			if first[p.key] == 0 {
				first[p.key] = p.line
				own = append(own, p)
			}
		}
	}
	return own
}

// merged lists the keys that the value of a merge key brings: a mapping or a
// list of them.
func (d *decoder) merged(n *yaml.Node, path string, depth int) []pair {
	n, ok := d.resolve(n, join(path, "<<"))
	if !ok {
		return nil
	}
	if depth >= maxMerge {
		d.addAt(mark{line: n.Line}, path, "merge keys are nested deeper than %d", maxMerge)
		return nil
	}
	sources := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		sources = n.Content
	}
	var all []pair
	for _, s := range sources {
		s, ok := d.resolve(s, join(path, "<<"))
		if !ok {
			break
		}
		if s.Kind != yaml.MappingNode {
			d.addAt(mark{line: s.Line}, path, "a merge key takes a mapping or a list of mappings")
			break
		}
		d.nodes += len(s.Content)
		all = append(all, d.pairs(s, path, depth+1)...)
	}
	return all
}

// kind reports a node of another kind than want.
func (d *decoder) kind(n *yaml.Node, path string, want yaml.Kind) bool {
	if n.Kind == want {
		return true
	}
	d.add(path, "must be %s, not %s", kindName(want), kindName(n.Kind))
	return false
}

func kindName(k yaml.Kind) string {
	switch k {
	case yaml.MappingNode:
		return "a mapping of keys and values"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}

func isNull(n *yaml.Node) bool {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// fieldsOf maps the YAML keys of a struct to its fields and lists the keys in
// their order.
func fieldsOf(v reflect.Value) (known map[string]field, names []string) {
	known = map[string]field{}
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		name, option, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		switch {
		case option == "inline":
			inner, more := fieldsOf(v.Field(i))
			for _, k := range more {
				known[k] = inner[k]
			}
			names = append(names, more...)
		case name != "" && name != "-":
			known[name] = field{v.Field(i), sf.Tag}
			names = append(names, name)
		}
	}
	return known, names
}

// keyHint explains an unknown key: a missing space after a colon, or another
// spelling.
func keyHint(key string, names []string) string {
	if name, _, ok := strings.Cut(key, ":"); ok && slices.Contains(names, name) {
		return fmt.Sprintf("; is there a space missing after %q?", name+":")
	}
	if hint := suggest(key, names); hint != "" {
		return hint
	}
	return "; known are " + strings.Join(names, ", ")
}

// cleanKey cuts an unknown key where it stops looking like one: a line such as
// "key:secret", its space forgotten, is a key to YAML.
func cleanKey(key string) string {
	i := strings.IndexFunc(key, func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && r != '/' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if i < 0 && len(key) <= 40 {
		return key
	}
	if i < 0 || i > 40 {
		i = 40
	}
	return key[:i] + "…"
}
