package gemini

import (
	"bytes"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// assembler writes the arguments of a call that Vertex AI streams as values
// with the path of each:
//
//	{"jsonPath":"$.items[0].name","stringValue":"app","willContinue":true}
//
// A model writes its arguments from front to back, so what has been written
// is never gone back to: a path that leaves an object or an array closes it.
type assembler struct {
	levels []level // the open objects and arrays, the arguments first
	leaf   []byte  // the path of the string that is open
	quoted bool    // it is open
	done   bool    // the arguments are whole
}

// level is an open object or array.
type level struct {
	step   step // how it is reached from the one around it
	list   bool
	filled bool
}

// step is a member's name, or an element's index.
type step struct {
	key   string
	index bool
}

// maxLevels bounds how deep arguments go.
const maxLevels = 64

func (a *assembler) empty() bool { return !a.done && len(a.levels) == 0 }

// add appends the JSON of a raw array of pieces.
func (a *assembler) add(dst, pieces []byte) []byte {
	list := translate.Elements(pieces)
	for list.Next() {
		var path, value []byte
		more := false
		o := list.Members()
		for o.Next() {
			switch v := o.Value(); string(o.Key()) {
			case "jsonPath":
				path = []byte(textOf(v))
			case "stringValue", "numberValue", "boolValue":
				value = v
			case "nullValue":
				value = []byte("null")
			case "willContinue":
				more = string(v) == "true"
			}
		}
		if !a.done && value != nil {
			dst = a.put(dst, path, value, more)
		}
	}
	return dst
}

// put appends one value. more is true for a string that goes on in the next.
func (a *assembler) put(dst, path, value []byte, more bool) []byte {
	isText := translate.KindOf(value) == translate.KindString
	if a.quoted && isText && bytes.Equal(path, a.leaf) {
		dst = append(dst, value[1:len(value)-1]...)
		return a.endText(dst, more)
	}
	steps, ok := parsePath(path)
	if !ok {
		return dst
	}
	dst = a.endText(dst, false)
	dst = a.enter(dst, steps)
	dst = a.next(dst, steps[len(steps)-1])
	if !isText {
		return append(dst, value...)
	}
	a.leaf, a.quoted = append(a.leaf[:0], path...), true
	dst = append(dst, value[:len(value)-1]...)
	return a.endText(dst, more)
}

// endText closes the open string unless it goes on.
func (a *assembler) endText(dst []byte, more bool) []byte {
	if a.quoted && !more {
		a.quoted = false
		dst = append(dst, '"')
	}
	return dst
}

// enter opens and closes until the innermost level is the one that holds the
// last of steps.
func (a *assembler) enter(dst []byte, steps []step) []byte {
	if len(a.levels) == 0 {
		a.levels = append(a.levels, level{})
		dst = append(dst, '{')
	}
	common := 1
	for common < len(a.levels) && common < len(steps) && a.levels[common].step == steps[common-1] {
		common++
	}
	dst = a.leave(dst, common)
	for i := common; i < len(steps); i++ {
		dst = a.next(dst, steps[i-1])
		list := steps[i].index
		a.levels = append(a.levels, level{step: steps[i-1], list: list})
		if list {
			dst = append(dst, '[')
		} else {
			dst = append(dst, '{')
		}
	}
	return dst
}

// leave closes all levels but the first n.
func (a *assembler) leave(dst []byte, n int) []byte {
	for len(a.levels) > n {
		last := len(a.levels) - 1
		if a.levels[last].list {
			dst = append(dst, ']')
		} else {
			dst = append(dst, '}')
		}
		a.levels = a.levels[:last]
	}
	return dst
}

// next appends what stands before the next value of the innermost level.
func (a *assembler) next(dst []byte, s step) []byte {
	top := &a.levels[len(a.levels)-1]
	if top.filled {
		dst = append(dst, ',')
	}
	top.filled = true
	if !top.list {
		dst = append(translate.AppendString(dst, []byte(s.key)), ':')
	}
	return dst
}

// finish appends what is missing to make the arguments whole.
func (a *assembler) finish(dst []byte) []byte {
	switch {
	case a.done:
	case len(a.levels) == 0:
		dst = append(dst, "{}"...)
	default:
		dst = a.leave(a.endText(dst, false), 0)
	}
	a.done = true
	return dst
}

// parsePath parses the part of RFC 9535 that names one value: $.a[0]['b'].
func parsePath(path []byte) (steps []step, ok bool) {
	path, ok = bytes.CutPrefix(path, []byte{'$'})
	for ok && len(path) > 0 {
		var s step
		switch {
		case path[0] == '.':
			end := bytes.IndexAny(path[1:], ".[")
			if end < 0 {
				end = len(path) - 1
			}
			s.key, path = string(path[1:1+end]), path[1+end:]
		case len(path) > 2 && path[0] == '[' && (path[1] == '\'' || path[1] == '"'):
			end := bytes.Index(path[2:], []byte{path[1], ']'})
			if end < 0 {
				return nil, false
			}
			s.key, path = string(path[2:2+end]), path[2+end+2:]
		case path[0] == '[':
			end := bytes.IndexByte(path, ']')
			if end < 0 {
				return nil, false
			}
			s.key, s.index, path = string(path[1:end]), true, path[end+1:]
			if _, err := strconv.Atoi(s.key); err != nil {
				return nil, false
			}
		default:
			return nil, false
		}
		steps = append(steps, s)
	}
	return steps, ok && len(steps) > 0 && len(steps) <= maxLevels
}
