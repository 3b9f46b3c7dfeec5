package translate

// maxEdits is how many edits a Plan holds. A request needs about four.
const maxEdits = 24

// Plan is a list of edits to a body that leaves all other bytes as they are.
// Edits may be added in any order and never overlap. The zero value is an
// empty plan; Reset makes a used one empty again. A Plan is not copied once
// it is in use.
//
// The bytes that Replace is given are borrowed until the plan is reset.
type Plan struct {
	edits [maxEdits]edit // sorted
	count int
	text  []byte
}

// edit replaces the bytes at a span. When member is set the span is the place
// of one or more adjacent members of an object, from bracket or comma to
// comma or bracket, both exclusive; which comma goes with them is decided
// when all edits are known.
type edit struct {
	at     Span
	with   []byte
	member bool
}

// Reset makes the plan empty.
func (p *Plan) Reset() {
	clear(p.edits[:p.count])
	p.count, p.text = 0, p.text[:0]
}

// Empty reports whether the plan leaves a body as it is.
func (p *Plan) Empty() bool { return p.count == 0 }

// Replace puts with in the place of the bytes at. An empty span inserts,
// after what was inserted there before. The place for a new member, with a
// comma before it, is the end of another one's value: there it does not
// matter which members Remove takes away.
func (p *Plan) Replace(at Span, with []byte) {
	p.insert(p.place(at), edit{at: at, with: with})
}

// Quote returns text as a JSON string that lives as long as the plan.
func (p *Plan) Quote(text []byte) []byte {
	start := len(p.text)
	p.text = AppendString(p.text, text)
	return p.text[start:]
}

// Size returns the length of body with the edits made.
func (p *Plan) Size(body []byte) int {
	size := len(body)
	for k := range p.count {
		at := p.resolve(k, body)
		size += len(p.edits[k].with) - (at.End - at.Start)
	}
	return size
}

// Append appends body with the edits made.
func (p *Plan) Append(dst, body []byte) []byte {
	from := 0
	for k := range p.count {
		at := p.resolve(k, body)
		dst = append(dst, body[from:at.Start]...)
		dst = append(dst, p.edits[k].with...)
		from = at.End
	}
	return append(dst, body[from:]...)
}

// Segments appends the pieces that make up body with the edits made: spans of
// body itself and the replacements, none of them copied or empty.
func (p *Plan) Segments(dst [][]byte, body []byte) [][]byte {
	from := 0
	for k := range p.count {
		at := p.resolve(k, body)
		dst = appendSegment(dst, body[from:at.Start])
		dst = appendSegment(dst, p.edits[k].with)
		from = at.End
	}
	return appendSegment(dst, body[from:])
}

func appendSegment(dst [][]byte, segment []byte) [][]byte {
	if len(segment) == 0 {
		return dst
	}
	return append(dst, segment)
}

// Remove takes f out of the body, with the comma that goes with it. A field
// that does not stand there is no edit.
func (r *Request) Remove(p *Plan, f Field) {
	m := r.Members[f]
	if m.Key.Empty() {
		return
	}
	at := Span{m.Key.Start, skipSpace(r.Body, m.Value.End)}
	for isSpace(r.Body[at.Start-1]) {
		at.Start--
	}
	p.removeMember(at)
}

// removeMember adds the removal of the member in the place at, as one edit
// with those of its neighbours that are removed already.
func (p *Plan) removeMember(at Span) {
	k := p.place(at)
	if k < p.count && p.edits[k].member && p.edits[k].at.Start == at.End+1 {
		at.End = p.edits[k].at.End
		p.delete(k)
	}
	if k > 0 && p.edits[k-1].member && p.edits[k-1].at.End+1 == at.Start {
		p.edits[k-1].at.End = at.End
		return
	}
	p.insert(k, edit{at: at, member: true})
}

// resolve returns the bytes that edit k replaces. Removed members take the
// comma after them along, or the one before them when they are the last.
func (p *Plan) resolve(k int, body []byte) Span {
	e := &p.edits[k]
	at := e.at
	switch {
	case !e.member:
	case body[at.End] == ',':
		at.End++
	case body[at.Start-1] == ',':
		at.Start--
	}
	return at
}

// place returns where an edit of at goes in the order.
func (p *Plan) place(at Span) int {
	k := p.count
	for k > 0 && p.edits[k-1].at.Start >= at.Start && p.edits[k-1].at.End > at.Start {
		k--
	}
	return k
}

// insert puts e at index k.
func (p *Plan) insert(k int, e edit) {
	if p.count == maxEdits {
		panic("BUG: a plan with too many edits")
	}
	if k > 0 && p.edits[k-1].at.End > e.at.Start || k < p.count && p.edits[k].at.Start < e.at.End {
		panic("BUG: edits of a plan overlap")
	}
	copy(p.edits[k+1:], p.edits[k:p.count])
	p.edits[k] = e
	p.count++
}

func (p *Plan) delete(k int) {
	copy(p.edits[k:], p.edits[k+1:p.count])
	p.count--
	p.edits[p.count] = edit{}
}
