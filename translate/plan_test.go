package translate

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// result is body with the edits of p, which must agree with the other ways to
// read the plan.
func result(t *testing.T, p *Plan, body []byte) string {
	t.Helper()
	got := p.Append([]byte("before "), body)[len("before "):]
	if size := p.Size(body); size != len(got) {
		t.Errorf("Size is %d, Append gave %d bytes: %s", size, len(got), got)
	}
	segments := p.Segments(nil, body)
	if joined := bytes.Join(segments, nil); !bytes.Equal(joined, got) {
		t.Errorf("Segments gave %s, Append %s", joined, got)
	}
	for _, s := range segments {
		if len(s) == 0 {
			t.Error("an empty segment")
		}
	}
	return string(got)
}

func TestPlan_Replace(t *testing.T) {
	type splice struct {
		start, end int
		with       string
	}
	f := func(want string, splices ...splice) {
		t.Helper()
		var p Plan
		for _, s := range splices {
			p.Replace(Span{s.start, s.end}, []byte(s.with))
		}
		if got := result(t, &p, []byte("0123456789")); got != want {
			t.Errorf("%v: got %s, want %s", splices, got, want)
		}
	}
	f("0123456789")
	f("ab", splice{0, 10, "ab"})
	f("", splice{0, 10, ""})
	f("a0123456789b", splice{10, 10, "b"}, splice{0, 0, "a"})
	f("012ab3456789", splice{3, 3, "a"}, splice{3, 3, "b"})
	f("0yxz5678w9", splice{9, 9, "w"}, splice{2, 5, "x"}, splice{1, 2, "y"}, splice{5, 5, "z"})
	f("012ax56789", splice{3, 5, "x"}, splice{3, 3, "a"})
	f("012axb56789", splice{5, 5, "b"}, splice{3, 3, "a"}, splice{3, 5, "x"})
}

func TestPlan_Overlap(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "BUG: ") {
			t.Errorf("recovered %q", text)
		}
	}()
	var p Plan
	p.Replace(Span{2, 5}, nil)
	p.Replace(Span{4, 6}, nil)
}

func TestPlan_Quote(t *testing.T) {
	var p Plan
	first := p.Quote([]byte("a\"b"))
	for range 100 {
		p.Quote([]byte("make the scratch grow"))
	}
	if got := string(first); got != `"a\"b"` {
		t.Errorf("got %s", got)
	}
}

func TestPlan_Reset(t *testing.T) {
	var p Plan
	r, err := scan(`{"model":"m","user":"u"}`)
	if err != nil {
		t.Fatal(err)
	}
	if r.Remove(&p, FieldTools); !p.Empty() {
		t.Error("the removal of an absent field is an edit")
	}
	r.Remove(&p, FieldUser)
	p.Replace(r.Members[FieldModel].Value, p.Quote([]byte("n")))
	if p.Empty() {
		t.Error("a plan with edits is empty")
	}
	p.Reset()
	if got := result(t, &p, r.Body); got != string(r.Body) || !p.Empty() {
		t.Errorf("got %s", got)
	}
}

// TestRequest_Remove takes every subset of the fields out of a body, in two
// orders, with a new member inserted where one stays.
func TestRequest_Remove(t *testing.T) {
	keys := []string{"model", "n", "user", "stop"}
	fields := []Field{FieldModel, FieldN, FieldUser, FieldStop}
	f := func(format string, mask int, reverse bool, insertAfter int) {
		t.Helper()
		var members, want []string
		for i, key := range keys {
			member := `"` + key + `":"` + key + `"`
			members = append(members, member)
			if mask>>i&1 == 0 {
				want = append(want, member)
			}
			if i == insertAfter {
				want = append(want, `"new":1`)
			}
		}
		r, err := scan(strings.NewReplacer("<", " { ", ">", " } ", "+", format).Replace("<" + strings.Join(members, "+") + ">"))
		if err != nil {
			t.Fatal(err)
		}
		var p Plan
		for i := range fields {
			if reverse {
				i = len(fields) - 1 - i
			}
			if mask>>i&1 != 0 {
				r.Remove(&p, fields[i])
			}
			if i == insertAfter {
				at := r.Members[fields[i]].Value.End
				p.Replace(Span{at, at}, []byte(`,"new":1`))
			}
		}
		got := result(t, &p, r.Body)
		stripped := strings.NewReplacer(" ", "", "\n", "").Replace(got)
		if diff := cmp.Diff("{"+strings.Join(want, ",")+"}", stripped); diff != "" {
			t.Errorf("mask %04b, reverse %v: %s", mask, reverse, diff)
		}
	}
	for mask := range 1 << len(fields) {
		for insertAfter := -1; insertAfter < len(fields); insertAfter++ {
			if insertAfter >= 0 && mask>>insertAfter&1 != 0 {
				continue
			}
			for _, format := range []string{",", " , ", "\n,", ",\n\n"} {
				f(format, mask, false, insertAfter)
				f(format, mask, true, insertAfter)
			}
		}
	}
}
