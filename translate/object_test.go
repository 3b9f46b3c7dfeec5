package translate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMembers(t *testing.T) {
	f := func(complete bool, body string, want ...string) {
		t.Helper()
		var got []string
		o := Members([]byte(body))
		for o.Next() {
			if string(o.Span().Of([]byte(body))) != string(o.Value()) {
				t.Errorf("%q: span %v is not %s", body, o.Span(), o.Value())
			}
			got = append(got, string(o.Key())+"="+string(o.Value()))
		}
		if diff := cmp.Diff(want, got); diff != "" || o.Complete() != complete {
			t.Errorf("%q: complete %v, %s", body, o.Complete(), diff)
		}
		if o.Next() {
			t.Errorf("%q: a member after the end", body)
		}
	}
	f(true, `{}`)
	f(true, ` { } `)
	f(true, `{"a":1,"b" : {"c":[1,{}]} , "\u0061":"x"}`, `a=1`, `b={"c":[1,{}]}`, `\u0061="x"`)
	f(true, "{\"a\":\"\xff\xfe\"}", "a=\"\xff\xfe\"")
	f(false, ``)
	f(false, `null`)
	f(false, `[1]`)
	f(false, `{"a":1`, `a=1`)
	f(false, `{"a":1}x`, `a=1`)
	f(false, `{"a":1,}`, `a=1`)
	f(false, `{"a":1,"b":[}`, `a=1`, `b=`)
	f(false, `{"a":1,"b":`, `a=1`)
	f(false, `{"a":1,"b"}`, `a=1`)
	f(false, `{"a":`+strings.Repeat("[", 1000), `a=`)
}

// outline walks into everything and returns the keys and the scalars it
// passes; at every second value it looks at the value as a whole first.
func outline(kind Kind, o Object, a Array, look *int) string {
	var out strings.Builder
	inside := func(kind Kind, members func() Object, elements func() Array, value func() []byte) {
		if *look++; *look%2 == 0 {
			value()
		}
		switch kind {
		case KindObject:
			out.WriteString("{" + outline(kind, members(), Array{}, look) + "}")
		case KindArray:
			out.WriteString("[" + outline(kind, Object{}, elements(), look) + "]")
		default:
			out.Write(value())
		}
		out.WriteByte(';')
	}
	if kind == KindObject {
		for o.Next() {
			out.WriteString(string(o.Key()) + ":")
			inside(o.Kind(), o.Members, o.Elements, o.Value)
		}
	} else {
		for a.Next() {
			inside(a.Kind(), a.Members, a.Elements, a.Value)
		}
	}
	return out.String()
}

func TestMembers_Inside(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		for look := range 2 {
			o := Members([]byte(body))
			if diff := cmp.Diff(want, outline(KindObject, o, Array{}, &look)); diff != "" {
				t.Errorf("%q: %s", body, diff)
			}
		}
	}
	f(`{"a":{"b":[1,{"c":[]},[2]],"d":{}},"e":"f"}`, `a:{b:[1;{c:[];};[2;];];d:{};};e:"f";`)
	f(`{"a":{"b":1}`, `a:{b:1;};`)
	f(`{"a":{"b":1,},"c":2}`, `a:{b:1;};`)
	f(`{"a":[1,2`, `a:[1;2;];`)
	f(`{"a":[{"b":1]],"c":2}`, `a:[{b:1;};];`)
}

// TestMembers_Once shows that what a walk inside has passed is not read
// again, and that one which stops early does not lose the place.
func TestMembers_Once(t *testing.T) {
	body := []byte(`{"a":[[1,2],[3]],"b":4}`)
	for stop := range 3 {
		o := Members(body)
		if !o.Next() {
			t.Fatal("no member")
		}
		list := o.Elements()
		for range stop {
			list.Next()
		}
		if stop == 2 && (list.Next() || o.pending || !list.Complete()) {
			t.Error("the end of the inner walk is not that of the value")
		}
		if !o.Next() || string(o.Key()) != "b" || string(o.Value()) != "4" || o.Next() || !o.Complete() {
			t.Errorf("after %d elements: not at b", stop)
		}
	}
}

func TestMembers_Depth(t *testing.T) {
	body := `{"a":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`
	o := Members([]byte(body))
	o.Next()
	var deeper func(a Array) int
	deeper = func(a Array) int {
		if !a.Next() {
			return 1
		}
		return 1 + deeper(a.Elements())
	}
	if depth := 1 + deeper(o.Elements()); depth != maxDepth+1 || o.Next() || o.Complete() {
		t.Errorf("walked %d deep", depth)
	}
}

func TestElements(t *testing.T) {
	f := func(complete bool, body string, want ...string) {
		t.Helper()
		var got []string
		a := Elements([]byte(body))
		for a.Next() {
			got = append(got, string(a.Value()))
		}
		if diff := cmp.Diff(want, got); diff != "" || a.Complete() != complete {
			t.Errorf("%q: complete %v, %s", body, a.Complete(), diff)
		}
	}
	f(true, ` [ ] `)
	f(true, `[1, "a" ,null,[ ],{"a":[1]}]`, `1`, `"a"`, `null`, `[ ]`, `{"a":[1]}`)
	f(false, `{}`)
	f(false, `[1`, `1`)
	f(false, `[1,]`, `1`, ``)
	f(false, `[1 2]`, `1`)
	f(false, `[1}`, `1`)
	f(false, `[1]]`, `1`)
}

func TestKindOf(t *testing.T) {
	f := func(raw string, want Kind) {
		t.Helper()
		if got := KindOf([]byte(raw)); got != want {
			t.Errorf("%q: got %d, want %d", raw, got, want)
		}
	}
	f(``, KindNone)
	f(`null`, KindNull)
	f(`true`, KindBool)
	f(`false`, KindBool)
	f(`-1`, KindNumber)
	f(`0`, KindNumber)
	f(`""`, KindString)
	f(`{}`, KindObject)
	f(`[]`, KindArray)
}
