package openai

import (
	"bytes"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// flaw is what is wrong with a field of a request. Its path grows from the
// field outwards on the way back, so that a sound request pays nothing for
// it. A nil flaw is none, and stays so.
type flaw struct {
	code         translate.Code
	path, format string // format has one %q, for the path
}

func invalid(want string) *flaw {
	return &flaw{code: translate.CallerInvalidField, format: "The field %q must be " + want + "."}
}

func missing() *flaw {
	return &flaw{code: translate.CallerMissingField, format: "The field %q is missing."}
}

func unsupported(format string) *flaw {
	return &flaw{code: translate.CallerUnsupported, format: format}
}

// in puts the name of the field around f: "messages", or ".content" in an
// object.
func (f *flaw) in(field string) *flaw {
	if f != nil {
		f.path = field + f.path
	}
	return f
}

// at puts the index of the element around f.
func (f *flaw) at(index int) *flaw {
	if f != nil {
		f.path = "[" + strconv.Itoa(index) + "]" + f.path
	}
	return f
}

// err is f as the caller gets it.
func (f *flaw) err() *translate.Error {
	if f == nil {
		return nil
	}
	return translate.Errorf(f.code, f.path, f.format, f.path)
}

// keyOf is the key that o is at, without escapes.
func keyOf(o *translate.Object) []byte {
	key := o.Key()
	if bytes.IndexByte(key, '\\') < 0 {
		return key
	}
	quoted := append(append([]byte{'"'}, key...), '"')
	return translate.AppendText(nil, quoted)
}
