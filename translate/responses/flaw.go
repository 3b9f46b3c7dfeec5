package responses

import (
	"bytes"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// flaw is what is wrong with a field of a request. Its path is put together on
// the way out, so that a sound request costs none.
type flaw struct {
	path string
	want string // "" when the field is missing
}

func wrong(path, want string) *flaw { return &flaw{path: path, want: want} }
func missing(path string) *flaw     { return &flaw{path: path} }

// in says that the path starts in the member name.
func (f *flaw) in(name string) *flaw {
	switch {
	case f == nil:
		return nil
	case f.path == "" || f.path[0] == '[':
		f.path = name + f.path
	default:
		f.path = name + "." + f.path
	}
	return f
}

// at says that the path starts in the element k of an array.
func (f *flaw) at(k int) *flaw {
	return f.in("[" + strconv.Itoa(k) + "]")
}

func (f *flaw) err() *translate.Error {
	switch {
	case f == nil:
		return nil
	case f.want == "":
		return translate.Errorf(translate.CallerMissingField, f.path, "The field %q is missing.", f.path)
	default:
		return translate.Errorf(translate.CallerInvalidField, f.path, "The field %q must be %s.", f.path, f.want)
	}
}

// text returns the text of a JSON string, borrowed unless escapes have to be
// undone; nil of any other value.
func text(raw []byte) []byte {
	switch {
	case translate.KindOf(raw) != translate.KindString:
		return nil
	case bytes.IndexByte(raw, '\\') < 0:
		return raw[1 : len(raw)-1]
	default:
		return translate.AppendText(nil, raw)
	}
}

// given returns raw, or nil for null.
func given(raw []byte) []byte {
	if translate.KindOf(raw) == translate.KindNull {
		return nil
	}
	return raw
}
