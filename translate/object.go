package translate

// Kind is the type of a JSON value.
type Kind uint8

// The kinds; KindNone is no value at all.
const (
	KindNone Kind = iota
	KindNull
	KindBool
	KindNumber
	KindString
	KindObject
	KindArray
)

// KindOf returns the kind of the JSON value raw by its first byte.
func KindOf(raw []byte) Kind {
	if len(raw) == 0 {
		return KindNone
	}
	switch raw[0] {
	case 'n':
		return KindNull
	case 't', 'f':
		return KindBool
	case '"':
		return KindString
	case '{':
		return KindObject
	case '[':
		return KindArray
	default:
		return KindNumber
	}
}

// Object walks the members of a JSON object without a tree and without
// allocating. The bytes may be anything: the walk validates what it passes,
// stops at the first fault and never goes deeper than 256 levels. Text need
// not be UTF-8.
//
// A value is passed when it is asked for or when the walk goes on, and a walk
// inside it (Members, Elements) that reaches its end has passed it: every
// byte is read once, however deep one looks. So a value may turn out to be
// broken, or its end to be missing, only after Next has announced it; its
// Value is then empty, and the walk ends.
type Object struct {
	walk
	key Span // with its quotes
}

// Members returns a walk over the object in b, which may be surrounded by
// white space. All that the walk hands out is borrowed from b.
func Members(b []byte) Object {
	return Object{walk: walk{b: b}}
}

// Next goes to the next member and reports whether there is one.
func (o *Object) Next() bool {
	i, ok := o.step('{')
	if !ok {
		return false
	}
	if i >= len(o.b) || o.b[i] != '"' {
		return o.fail(^i)
	}
	end := skipString(o.b, i+1, o.strict)
	if end < 0 {
		return o.fail(end)
	}
	value := skipColon(o.b, end)
	if value < 0 {
		return o.fail(value)
	}
	o.key = Span{i, end}
	return o.take(value)
}

// Key returns the member's key as it is spelled, without its quotes.
func (o *Object) Key() []byte { return o.b[o.key.Start+1 : o.key.End-1] }

// Array walks the elements of a JSON array as Object walks members.
type Array struct{ walk }

// Elements returns a walk over the array in b, which may be surrounded by
// white space.
func Elements(b []byte) Array {
	return Array{walk{b: b}}
}

// Next goes to the next element and reports whether there is one.
func (a *Array) Next() bool {
	i, ok := a.step('[')
	return ok && a.take(i)
}

// walk is what the walks over objects and arrays share.
type walk struct {
	b       []byte
	at      int  // where to go on; the complement of the fault's index after one
	value   Span // of the current value; its End is not known while pending
	outer   *walk
	depth   int // how many brackets around the one that is walked
	state   walkState
	pending bool
	strict  bool
}

type walkState uint8

const (
	walkStart  walkState = iota
	walkInside           // past the opening bracket
	walkEnd              // past the closing bracket, or at a fault
)

// Value returns the raw value.
func (w *walk) Value() []byte { return w.Span().Of(w.b) }

// Span returns where the value stands in the bytes that Members or Elements
// was given.
func (w *walk) Span() Span {
	if w.pending {
		w.pass()
	}
	return w.value
}

// Kind returns the kind of the value.
func (w *walk) Kind() Kind { return KindOf(w.b[w.value.Start:]) }

// Members returns a walk over the object that is the current value. It must
// not be used any more once the walk that it comes from goes on.
func (w *walk) Members() Object { return Object{walk: w.inner()} }

// Elements returns a walk over the array that is the current value, as
// Members does.
func (w *walk) Elements() Array { return Array{w.inner()} }

func (w *walk) inner() walk {
	return walk{b: w.b, at: w.value.Start, outer: w, depth: w.depth + 1, strict: w.strict}
}

// Complete reports whether the walk has ended at the closing bracket, and
// with nothing but white space after it unless it is a walk inside another:
// the bytes were one well-formed value of the kind that was asked for.
func (w *walk) Complete() bool {
	return w.state == walkEnd && w.at >= 0 && (w.outer != nil || skipSpace(w.b, w.at) == len(w.b))
}

// step moves to the start of the next member or element of the bracket open.
func (w *walk) step(open byte) (int, bool) {
	if w.pending && !w.pass() || w.state == walkEnd {
		return 0, false
	}
	i := skipSpace(w.b, w.at)
	if i >= len(w.b) {
		return i, w.fail(^i)
	}
	first := w.state == walkStart
	if first {
		if w.b[i] != open || w.depth >= maxDepth {
			return i, w.fail(^i)
		}
		w.state = walkInside
		i = skipSpace(w.b, i+1)
	}
	switch {
	case i < len(w.b) && w.b[i] == open+2: // '{'+2 is '}' and '['+2 is ']'
		return i, w.close(i + 1)
	case first:
		return i, true
	case w.b[i] == ',':
		return skipSpace(w.b, i+1), true
	default:
		return i, w.fail(^i)
	}
}

// take makes the value that starts at i the current one.
func (w *walk) take(i int) bool {
	if i >= len(w.b) {
		return w.fail(^i)
	}
	w.value, w.pending = Span{i, i}, true
	return true
}

// pass goes to the end of the current value.
func (w *walk) pass() bool {
	w.pending = false
	end := skipValue(w.b, w.value.Start, w.depth+1, w.strict)
	if end < 0 {
		return w.fail(end)
	}
	w.value.End, w.at = end, end
	return true
}

// close ends the walk at end, past its bracket, and spares the outer walk the
// way there.
func (w *walk) close(end int) bool {
	w.at, w.state = end, walkEnd
	if w.outer != nil && w.outer.pending {
		w.outer.pending = false
		w.outer.value.End, w.outer.at = end, end
	}
	return false
}

// fail ends the walk at the fault that a skip function has returned.
func (w *walk) fail(fault int) bool {
	w.at, w.state = fault, walkEnd
	return false
}
