package configs

import (
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ai-mcp-gateway/gateway/internal/secret"
)

// scalar decodes a single value into v, which is a text, a secret, a bool, a
// number, a duration, a size or a price.
func (d *decoder) scalar(n *yaml.Node, path string, v reflect.Value, tag reflect.StructTag) {
	if !d.kind(n, path, yaml.ScalarNode) {
		return
	}
	text, expanded, ok := d.text(n, path, tag.Get("unset") == "empty")
	if !ok {
		return
	}
	yamlType := n.ShortTag()
	if expanded {
		yamlType = "" // what the variable held decides
	}
	switch {
	case v.Type() == secretType:
		d.word(path, text, yamlType, v, tag)
	case v.Type() == durationType:
		if d.typed(path, yamlType, "must be a duration with its unit, such as 500ms, 30s or 1h30m", "!!str", "!!int") {
			n, err := parseDuration(text)
			d.number(path, v, int64(n), err, tag)
		}
	case v.Kind() == reflect.String:
		d.word(path, text, yamlType, v, tag)
	case v.Kind() == reflect.Bool:
		d.truth(path, text, yamlType, v)
	case tag.Get("unit") == "bytes":
		if d.typed(path, yamlType, "must be a size such as 32MiB, 16KiB, 1GB or a whole number of bytes", "!!str", "!!int") {
			n, err := parseBytes(text)
			d.number(path, v, n, err, tag)
		}
	case tag.Get("unit") == "usd":
		if d.typed(path, yamlType, "must be USD per million tokens: a number without quotes", "!!int", "!!float") {
			n, err := parseUSD(text)
			d.number(path, v, n, err, tag)
		}
	default:
		if d.typed(path, yamlType, "must be a whole number without quotes", "!!int") {
			n, err := parseInt(text)
			d.number(path, v, n, err, tag)
		}
	}
}

// text returns the value of n with its variables put in, and whether there
// were any.
func (d *decoder) text(n *yaml.Node, path string, optional bool) (text string, expanded, ok bool) {
	if !strings.Contains(n.Value, "${") {
		return n.Value, false, true
	}
	text, missing, err := expand(n.Value, d.env)
	if err != nil {
		d.add(path, "%v", err)
		return "", true, false
	}
	d.marks[path] = mark{line: n.Line, raw: n.Value}
	if len(missing) > 0 && !optional {
		slices.Sort(missing)
		d.add(path, "the environment has no %s; set it, or write ${%s:-default}",
			strings.Join(slices.Compact(missing), " and no "), missing[0])
		return "", true, false
	}
	return text, true, true
}

// typed reports a value whose YAML type is none of want. The empty type stands
// for text from a variable, which fits everything.
func (d *decoder) typed(path, have, problem string, want ...string) bool {
	if have == "" || slices.Contains(want, have) {
		return true
	}
	d.add(path, "%s", problem)
	return false
}

// word decodes a text or a secret; a text may be bound by enum or pattern.
func (d *decoder) word(path, text, yamlType string, v reflect.Value, tag reflect.StructTag) {
	if !d.typed(path, yamlType, "must be text; put it in quotes", "!!str") {
		return
	}
	if enum, ok := tag.Lookup("enum"); ok {
		words := strings.Split(enum, "|")
		if !slices.Contains(words, text) {
			words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
			hint := ""
			if d.marks[path].raw == "" {
				hint = suggest(text, words)
			}
			d.add(path, "%s is not one of %s%s", d.show(path, text), strings.Join(words, ", "), hint)
			return
		}
	}
	if pattern := tag.Get("pattern"); pattern != "" && text != "" && !regexp.MustCompile(pattern).MatchString(text) {
		d.add(path, "%s does not match %s", d.show(path, text), pattern)
		return
	}
	if text == "" && tag.Get("required") != "" {
		d.add(path, "must not be empty")
	}
	if v.Type() == secretType {
		v.Set(reflect.ValueOf(secret.New(text)))
	} else {
		v.SetString(text)
	}
}

// truth decodes true and false.
func (d *decoder) truth(path, text, yamlType string, v reflect.Value) {
	b := strings.EqualFold(text, "true")
	if !b && !strings.EqualFold(text, "false") {
		d.add(path, "must be true or false")
	} else if d.typed(path, yamlType, "must be true or false, without quotes", "!!bool") {
		v.SetBool(b)
	}
}

// number stores n unless it is wrong or out of bounds.
func (d *decoder) number(path string, v reflect.Value, n int64, err error, tag reflect.StructTag) {
	if err != nil {
		d.add(path, "%v", err)
		return
	}
	low, high := bounds(v.Type(), tag)
	switch {
	case n < low && low == 0:
		d.add(path, "must not be negative")
	case n < low:
		d.add(path, "must be at least %s", tag.Get("min"))
	case n > high:
		d.add(path, "must be at most %s", tag.Get("max"))
	default:
		v.SetInt(n)
	}
}

// bounds reads the tags min and max, in the unit of the field; without min
// nothing may be negative.
func bounds(t reflect.Type, tag reflect.StructTag) (low, high int64) {
	read := func(text string, none int64) int64 {
		if text == "" {
			return none
		}
		if t == durationType {
			n, err := time.ParseDuration(text)
			if err != nil {
				panic("BUG: bad bound in a struct tag: " + text)
			}
			return int64(n)
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			panic("BUG: bad bound in a struct tag: " + text)
		}
		return n
	}
	return read(tag.Get("min"), 0), read(tag.Get("max"), math.MaxInt64)
}
