package simulator

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// shape says whether a JSON value is one that an API takes. path leads to the value, as in messages[0].content.
type shape func(path string, v gjson.Result) *flaw

// flaw is what is wrong with a request. nil is nothing.
type flaw struct {
	path string // empty for the whole request
	text string
	kind flawKind
}

type flawKind int

const (
	flawInvalid flawKind = iota
	flawUnknown          // there is no field of the name that path ends with
	flawMissing          // the field at path has to be there
)

// wrong is a flaw that a look at one value does not show.
func wrong(path, format string, args ...any) *flaw {
	return &flaw{path: path, text: fmt.Sprintf(format, args...)}
}

// dotted is the path as messages.0.content.
func (f *flaw) dotted() string { return strings.NewReplacer("[", ".", "]", "").Replace(f.path) }

// fields are those of an object, by name; a name with "!" behind it has to be there. An optional field may be null.
type fields map[string]shape

// and returns the fields of both.
func (f fields) and(more fields) fields {
	all := maps.Clone(f)
	maps.Copy(all, more)
	return all
}

// object takes an object with these fields and no others, none of them twice.
func object(f fields) shape {
	var required []string
	known := fields{}
	for name, s := range f {
		plain, must := strings.CutSuffix(name, "!")
		if must {
			required = append(required, plain)
		}
		known[plain] = s
	}
	slices.Sort(required)
	return func(path string, v gjson.Result) (bad *flaw) {
		if !v.IsObject() {
			return wrong(path, "must be an object")
		}
		seen := map[string]bool{}
		v.ForEach(func(key, value gjson.Result) bool {
			at := under(path, key.Str)
			s, ok := known[key.Str]
			switch {
			case !ok:
				bad = &flaw{at, "is not a known field", flawUnknown}
			case seen[key.Str]:
				bad = wrong(at, "is there twice")
			case value.Type != gjson.Null:
				seen[key.Str] = true
				bad = s(at, value)
			}
			return bad == nil
		})
		for _, name := range required {
			if bad == nil && !seen[name] {
				bad = &flaw{under(path, name), "is required", flawMissing}
			}
		}
		return bad
	}
}

func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// union takes an object of which exactly one of the alternatives is there, as protobuf's oneof and Smithy's unions
// are written; shared may be there as well.
func union(alternatives, shared fields) shape {
	all := object(alternatives.and(shared))
	return func(path string, v gjson.Result) *flaw {
		if bad := all(path, v); bad != nil {
			return bad
		}
		n := 0
		v.ForEach(func(key, value gjson.Result) bool {
			if _, ok := alternatives[key.Str]; ok && value.Type != gjson.Null {
				n++
			}
			return true
		})
		if n != 1 {
			return wrong(path, "must have exactly one of %s", strings.Join(slices.Sorted(maps.Keys(alternatives)), ", "))
		}
		return nil
	}
}

// tagged takes an object whose field tag chooses which other fields it has.
func tagged(tag string, kinds map[string]fields) shape {
	shapes := map[string]shape{}
	for name, f := range kinds {
		shapes[name] = object(f.and(fields{tag + "!": word(name)}))
	}
	return func(path string, v gjson.Result) *flaw {
		name := member(v, tag)
		switch s, ok := shapes[name.Str]; {
		case !v.IsObject():
			return wrong(path, "must be an object")
		case !name.Exists():
			return &flaw{under(path, tag), "is required", flawMissing}
		case !ok:
			return wrong(under(path, tag), "must be one of %s, not %q", strings.Join(slices.Sorted(maps.Keys(kinds)), ", "), name.Str)
		default:
			return s(path, v)
		}
	}
}

// array takes low to high items; high 0 is no limit.
func array(low, high int, of shape) shape {
	return func(path string, v gjson.Result) (bad *flaw) {
		if !v.IsArray() {
			return wrong(path, "must be an array")
		}
		n := 0
		v.ForEach(func(_, item gjson.Result) bool {
			bad = of(path+"["+strconv.Itoa(n)+"]", item)
			n++
			return bad == nil
		})
		switch {
		case bad != nil:
			return bad
		case n < low:
			return wrong(path, "must have at least %d items", low)
		case high > 0 && n > high:
			return wrong(path, "must have at most %d items", high)
		}
		return nil
	}
}

// either takes what one of the shapes takes. The flaw is that of the last.
func either(shapes ...shape) shape {
	return func(path string, v gjson.Result) (bad *flaw) {
		for _, s := range shapes {
			if bad = s(path, v); bad == nil {
				return nil
			}
		}
		return bad
	}
}

// decimal takes a number from low to high.
func decimal(low, high float64) shape {
	return func(path string, v gjson.Result) *flaw {
		if v.Type != gjson.Number {
			return wrong(path, "must be a number")
		}
		if !(v.Num >= low && v.Num <= high) {
			return wrong(path, "must be from %v to %v", low, high)
		}
		return nil
	}
}

// integral takes a whole number from low to high.
func integral(low, high float64) shape {
	within := decimal(low, high)
	return func(path string, v gjson.Result) *flaw {
		if v.Type == gjson.Number && v.Num != float64(int64(v.Num)) {
			return wrong(path, "must be an integer")
		}
		return within(path, v)
	}
}

// someText takes a string of low to high characters; high 0 is no limit.
func someText(low, high int) shape {
	return func(path string, v gjson.Result) *flaw {
		n := utf8.RuneCountInString(v.Str)
		switch {
		case v.Type != gjson.String:
			return wrong(path, "must be a string")
		case n < low:
			return wrong(path, "must have at least %d characters", low)
		case high > 0 && n > high:
			return wrong(path, "must have at most %d characters", high)
		}
		return nil
	}
}

// word takes one of these strings.
func word(words ...string) shape {
	return func(path string, v gjson.Result) *flaw {
		if v.Type != gjson.String || !slices.Contains(words, v.Str) {
			return wrong(path, "must be one of %s", strings.Join(words, ", "))
		}
		return nil
	}
}

// like takes a string that the pattern matches as a whole.
func like(pattern string) shape {
	re := regexp.MustCompile(`^(?:` + pattern + `)$`)
	return func(path string, v gjson.Result) *flaw {
		if v.Type != gjson.String || !re.MatchString(v.Str) {
			return wrong(path, "must be a string that matches %s", pattern)
		}
		return nil
	}
}

func truth(path string, v gjson.Result) *flaw {
	if !v.IsBool() {
		return wrong(path, "must be a boolean")
	}
	return nil
}

func anything(string, gjson.Result) *flaw { return nil }

func anyObject(path string, v gjson.Result) *flaw {
	if !v.IsObject() {
		return wrong(path, "must be an object")
	}
	return nil
}

// objectText takes a string that holds a JSON object, as tool arguments are written by those who send them as text.
func objectText(path string, v gjson.Result) *flaw {
	if v.Type != gjson.String || !gjson.Valid(v.Str) || !gjson.Parse(v.Str).IsObject() {
		return wrong(path, "must be a string with a JSON object in it")
	}
	return nil
}

// hosted takes any object whose type matches the pattern, and what other takes.
func hosted(pattern string, other shape) shape {
	own := like(pattern)
	return func(path string, v gjson.Result) *flaw {
		if own(path, member(v, "type")) == nil {
			return nil
		}
		return other(path, v)
	}
}

// packed takes base64 of at least a byte.
var packed = like(`[A-Za-z0-9+/]+={0,2}`)

// jsonSchema takes a JSON Schema of an object, as tools have it.
func jsonSchema(path string, v gjson.Result) *flaw {
	if bad := anyObject(path, v); bad != nil {
		return bad
	}
	if member(v, "type").Str != "object" {
		return wrong(path+".type", "must be 'object'")
	}
	return nil
}

// What many APIs share.
var (
	anyText   = someText(0, 0)
	nonEmpty  = someText(1, 0)
	positive  = integral(1, 1<<31)
	natural   = integral(0, 1<<31)
	anyNumber = decimal(-1e300, 1e300)
)
