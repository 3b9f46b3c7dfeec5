package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var testScope = Scope{Tenant: "acme/shop", Dialect: "openai", Op: "chat", Model: "openai/gpt-5"}

func sumOf(body string) Key { return Sum(&testScope, []byte(body)) }

func TestSumIsTheSame(t *testing.T) {
	f := func(a, b string) {
		t.Helper()
		if sumOf(a) != sumOf(b) {
			t.Errorf("keys differ:\n%s\n%s", a, b)
		}
	}
	const plain = `{"messages":[{"role":"user","content":"hi"}],"temperature":1}`
	f(plain, ` { "temperature" : 1 , "messages" : [ { "content" : "hi" , "role" : "user" } ] } `)
	f(plain, "\n{\t\"messages\":\r\n[{\"role\":\"user\",\"content\":\"hi\"}],\"temperature\":1}\n")
	for _, m := range []string{
		`"model":"gpt-5"`, `"stream":true`, `"stream_options":{"include_usage":true}`, `"user":"u1"`,
		`"safety_identifier":"s"`, `"metadata":{"a":"b"}`, `"prompt_cache_key":"k"`,
		`"prompt_cache_retention":"24h"`, `"store":true`, `"conversation_id":"c"`, `"conversationId":"c"`,
		`"us\u0065r":"u1"`, `"\u0073tream":false`, `"user":"a","user":"b"`,
		`"temperature2":null`, `"stop" : null `, `"tools":null,"user":null`,
	} {
		f(plain, plain[:len(plain)-1]+","+m+"}")
		f(plain, "{"+m+","+plain[1:])
	}
	f(`{"a":{"caf\u00e9":1,"b":2}}`, `{"a":{"b":2,"caf\u00e9":1}}`)
	f(`{"a":{ },"b":[ ]}`, `{"b":[],"a":{}}`)
	f(`{}`, ` { "user" : "x" } `)
}

func TestSumDiffers(t *testing.T) {
	f := func(a, b string) {
		t.Helper()
		if sumOf(a) == sumOf(b) {
			t.Errorf("keys are the same:\n%s\n%s", a, b)
		}
	}
	f(`{"a":1}`, `{"a":2}`)
	f(`{"a":1}`, `{"a":1.0}`)
	f(`{"a":"1"}`, `{"a":1}`)
	f(`{"a":"x y"}`, `{"a":"xy"}`)
	f(`{"a":"x"}`, `{"a":"x "}`)
	f(`{"a":[1,2]}`, `{"a":[2,1]}`)
	f(`{"a":[1,2]}`, `{"a":[12]}`)
	f(`{"a":[[1],2]}`, `{"a":[1,[2]]}`)
	f(`{"a":[]}`, `{"a":{}}`)
	f(`{"a":{"b":1,"c":2}}`, `{"a":{"b":2,"c":1}}`)
	f(`{"a":{"b":{"c":1}}}`, `{"a":{"b":{}},"c":1}`)
	f(`{"a":1}`, `{"a":1,"unknown":1}`)
	f(`{"a":1}`, `{"a":1,"service_tier":"flex"}`)
	f(`{"a":1}`, `{"a":1,"User":"x"}`)
	// Only top-level members are left out.
	f(`{"a":{"user":"x"}}`, `{"a":{"user":"y"}}`)
	f(`{"a":{"b":null}}`, `{"a":{}}`)
	f(`{"a":[null]}`, `{"a":[]}`)
	f(`{"a":"null"}`, `{}`)
	// Readers differ in which of two members of one name they take.
	f(`{"a":{"b":1,"b":2}}`, `{"a":{"b":2,"b":1}}`)
	f(`{"a":{"b":1,"b":2}}`, `{"a":{"b":2}}`)
	f(`{"a":{"b":1,"\u0062":2}}`, `{"a":{"\u0062":2,"b":1}}`)
	f(`{"a":1,"a":null}`, `{"a":1}`)
	f(`{"a":null,"a":1}`, `{"a":1}`)
	f(`{"a":1,"a":2}`, `{"a":2,"a":1}`)
}

func TestSumScope(t *testing.T) {
	scopes := []Scope{
		{},
		{Tenant: "a"},
		{Dialect: "a"},
		{Op: "a"},
		{Model: "a"},
		{Tenant: "ab"},
		{Tenant: "a", Dialect: "b"},
		{Tenant: "a", Op: "b"},
		{Op: "a", Model: "b"},
		{Op: "ab"},
		{Tenant: strings.Repeat("x", 300)},
		{Tenant: strings.Repeat("x", 10_000), Model: "m"},
	}
	seen := map[Key]Scope{}
	for _, s := range scopes {
		k := Sum(&s, []byte(`{"a":1}`))
		if other, ok := seen[k]; ok {
			t.Errorf("%+v and %+v share a key", s, other)
		}
		seen[k] = s
	}
}

// A key may outlive the process, so its value is part of the contract.
func TestSumIsStable(t *testing.T) {
	const want = "06809a2d4cf45ada9559a70acc0cb34678a4969766e962946010a9aa6cf798fe"
	got := fmt.Sprintf("%x", sumOf(`{"model":"gpt-5","messages":[{"role":"user","content":"hi"}],"n":null}`))
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestSumLocal checks that both hashes tell the same bodies apart, also where
// the canonical form comes in other pieces.
func TestSumLocal(t *testing.T) {
	var bodies [][]byte
	r := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		v := randomObject(r, 4)
		bodies = append(bodies, v.append(nil, nil), v.append(nil, r))
	}
	for _, c := range keyBodies {
		bodies = append(bodies, c.body, indented(c.body), append([]byte{' '}, c.body...))
	}
	for size := 2*blockSize - 200; size < 2*blockSize+10; size++ {
		text := strings.Repeat("x", size)
		bodies = append(bodies, []byte(`{"a":"`+text+`","b":1}`), []byte(`{ "a":"`+text+`","b":1}`), []byte(`{"b":1,"a":"`+text+`"}`))
	}
	scope := Scope{Tenant: strings.Repeat("x", 10_000)}
	long := SumLocal(&scope, bodies[0]) // leaves a larger scratch
	spellings := map[Key]Key{}
	used := map[Key]bool{}
	for _, b := range bodies {
		shared, own := Sum(&testScope, b), SumLocal(&testScope, b)
		was, known := spellings[shared]
		if known != used[own] || known && was != own {
			t.Errorf("the hashes disagree about %.60q (%d bytes)", b, len(b))
		}
		spellings[shared], used[own] = own, true
	}
	if SumLocal(&scope, bodies[0]) != long || used[long] {
		t.Error("a long scope has no key of its own")
	}
}

func TestSumOfBrokenBodies(t *testing.T) {
	deep := func(open, end string, n int) string {
		return `{"a":` + strings.Repeat(open, n) + "1" + strings.Repeat(end, n) + `}`
	}
	bodies := []string{
		"", " ", "{", "}", "[]", "null", `"a"`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`,
		`{"a":1}x`, `{"a":1}{}`, `{"a" 1}`, `{a:1}`, `{"a":tru"e}`, `{"a":"`, `{"a":"\`, `{"a":"\"`, `{"a":[`,
		`{"a":[1`, `{"a":[1,`, `{"a":[1,]}`, `{"a":{"b":2,"a":`, `{"\`, `{"\"`, `{"\u":1}`, "{\"a\x00\":\x01}",
		deep("[", "]", maxDepth), deep("[", "]", 1<<20), deep(`{"b":1,"a":`, "}", 1<<18),
		`{"a":` + strings.Repeat("[", 1<<20), strings.Repeat(`{"a":`, 1<<20),
		`{"a":"` + strings.Repeat(`\`, 1<<20) + `"}`,
	}
	seen := map[Key]string{}
	for _, body := range bodies {
		k := sumOf(body)
		if k != sumOf(body) {
			t.Errorf("%.40q: two keys", body)
		}
		if other, ok := seen[k]; ok {
			t.Errorf("%.40q and %.40q share a key", body, other)
		}
		seen[k] = body
	}
}

func TestSumDepth(t *testing.T) {
	nest := func(inner string, n int) string {
		return strings.Repeat(`{"a":`, n-1) + inner + strings.Repeat("}", n-1)
	}
	if sumOf(nest(`{"b":1,"c":2}`, maxDepth)) != sumOf(nest(`{"c":2,"b":1}`, maxDepth)) {
		t.Error("order counts at the greatest depth")
	}
	if sumOf(nest(`{"b":1,"c":2}`, maxDepth+1)) == sumOf(nest(`{"c":2,"b":1}`, maxDepth+1)) {
		t.Error("a body that is too deep is not hashed as it stands")
	}
}

func TestSumManyMembers(t *testing.T) {
	object := func(n int, backwards bool) string {
		var b strings.Builder
		b.WriteString(`{"a":{`)
		for i := range n {
			if backwards {
				i = n - 1 - i
			}
			fmt.Fprintf(&b, `"%07d":1,`, i)
		}
		b.WriteString(`"x":1}}`)
		return b.String()
	}
	const many = maxMembers/2 - 2
	if sumOf(object(many, false)) != sumOf(object(many, true)) {
		t.Error("order counts in a big object")
	}
	if sumOf(object(2*maxMembers, false)) == sumOf(object(2*maxMembers, true)) {
		t.Error("an object with too many members is not hashed as it stands")
	}
}

// TestSumProperties makes random requests and checks that spelling them
// differently keeps the key, and changing any counted value changes it.
func TestSumProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		v := randomObject(r, 5)
		want := sumOf(string(v.append(nil, nil)))
		for range 3 {
			body := v.append(nil, r)
			if got := Sum(&testScope, body); got != want {
				t.Fatalf("keys differ:\n%s\n%s", v.append(nil, nil), body)
			}
		}
		leaves := v.leaves(nil)
		if len(leaves) == 0 {
			continue
		}
		leaf := leaves[r.IntN(len(leaves))]
		old := leaf.scalar
		leaf.scalar = `"` + string(rune('A'+r.IntN(26))) + `*"` // no random value looks like it
		if body := v.append(nil, r); Sum(&testScope, body) == want {
			t.Fatalf("%s instead of %s keeps the key:\n%s", leaf.scalar, old, body)
		}
	}
}

// jsonValue is a JSON value. Names of one object are different, so that its
// members may be shuffled.
type jsonValue struct {
	kind   byte // '{', '[' or 0
	names  []string
	values []*jsonValue
	scalar string
}

var (
	randomNames = []string{
		"role", "content", "type", "text", "id", "function", "name", "parameters", "description", "a", "b",
		"", `x\"y`, `\u00ea`, "é", `\\`, `{`, "stop", "user", "temperature", `a\/b`, "long_name_of_a_field",
	}
	randomScalars = []string{
		"1", "-0.5e+10", "true", "false", "null", `""`, `"a b"`, `"\""`, `"\\"`, `"\\\""`, `"{\"a\": 1}"`,
		`"\u0041"`, `"é 世"`, `" "`, `"]"`, `"a,b:c"`, "12345678901234567890",
	}
)

func randomObject(r *rand.Rand, depth int) *jsonValue {
	n := &jsonValue{kind: '{'}
	for _, i := range r.Perm(len(randomNames))[:r.IntN(6)] {
		n.names = append(n.names, `"`+randomNames[i]+`"`)
		n.values = append(n.values, randomValue(r, depth-1))
	}
	return n
}

func randomValue(r *rand.Rand, depth int) *jsonValue {
	switch k := r.IntN(4); {
	case depth > 0 && k == 0:
		return randomObject(r, depth)
	case depth > 0 && k == 1:
		n := &jsonValue{kind: '['}
		for range r.IntN(4) {
			n.values = append(n.values, randomValue(r, depth-1))
		}
		return n
	}
	return &jsonValue{scalar: randomScalars[r.IntN(len(randomScalars))]}
}

// append renders n, shuffled and with random white space unless r is nil.
func (n *jsonValue) append(dst []byte, r *rand.Rand) []byte {
	space := func() {
		for r != nil && r.IntN(3) == 0 {
			dst = append(dst, " \n\r\t"[r.IntN(4)])
		}
	}
	space()
	if n.kind == 0 {
		dst = append(dst, n.scalar...)
		space()
		return dst
	}
	order := make([]int, len(n.values))
	for i := range order {
		order[i] = i
	}
	if r != nil && n.kind == '{' {
		order = r.Perm(len(order))
	}
	dst = append(dst, n.kind)
	for i, k := range order {
		if i > 0 {
			dst = append(dst, ',')
		}
		if n.kind == '{' {
			space()
			dst = append(dst, n.names[k]...)
			space()
			dst = append(dst, ':')
		}
		dst = n.values[k].append(dst, r)
	}
	space()
	dst = append(dst, n.kind+2) // the closing bracket of '{' and '['
	space()
	return dst
}

// leaves lists the scalars that count.
func (n *jsonValue) leaves(dst []*jsonValue) []*jsonValue {
	if n.kind == 0 {
		return append(dst, n)
	}
	for i, v := range n.values {
		if n.names == nil || !ignored([]byte(strings.Trim(n.names[i], `"`))) {
			dst = v.leaves(dst)
		}
	}
	return dst
}

// FuzzSum compares with a slow implementation that shares nothing with ours
// but the order of names.
func FuzzSum(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		f.Add(randomObject(r, 4).append(nil, r))
	}
	f.Add([]byte(`{"a":{"b":1,"\u0062":2,"b":[]},"a":null,"us\u0065r":{}}`))
	f.Add([]byte(`{"a":{"\ud800":1,"\udbff":2,"cc":{"z":1,"y":{"b":1,"c":2}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := Sum(&testScope, body)
		if !json.Valid(body) || !utf8.Valid(body) || bytes.TrimLeft(body, " \n\r\t")[0] != '{' || tooDeep(body) {
			return
		}
		var want []byte
		want = append(want, domain...)
		for _, part := range []string{testScope.Tenant, testScope.Dialect, testScope.Op, testScope.Model} {
			want = binary.AppendUvarint(want, uint64(len(part)))
			want = append(want, part...)
		}
		want = append(want, formCanonical)
		want = appendSlowRequest(t, want, body)
		if sha256.Sum256(want) != got {
			t.Errorf("wrong key for %q, canonical %q", body, want)
		}
	})
}

func tooDeep(body []byte) bool {
	return bytes.Count(body, []byte("{"))+bytes.Count(body, []byte("[")) > maxDepth
}

type slowMember struct{ name, rawName, value string }

func appendSlowRequest(t *testing.T, dst, body []byte) []byte {
	members := slowMembers(t, body)
	count := map[string]int{}
	for _, m := range members {
		count[m.name]++
	}
	for _, m := range members {
		if ignored([]byte(m.name)) || m.value == "null" && count[m.name] == 1 {
			continue
		}
		dst = append(dst, m.rawName...)
		dst = append(dst, ':')
		dst = appendSlow(t, dst, []byte(m.value))
		dst = append(dst, ',')
	}
	return dst
}

// slowMembers returns the members of an object in canonical order.
func slowMembers(t *testing.T, object []byte) []slowMember {
	dec := json.NewDecoder(bytes.NewReader(object))
	dec.UseNumber()
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	var members []slowMember
	for dec.More() {
		before := dec.InputOffset()
		name, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		raw := strings.TrimLeft(string(object[before:dec.InputOffset()]), " \n\r\t,")
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			t.Fatal(err)
		}
		members = append(members, slowMember{name.(string), raw, string(value)})
	}
	slices.SortStableFunc(members, func(a, b slowMember) int {
		if len(a.name) != len(b.name) {
			return len(a.name) - len(b.name)
		}
		return strings.Compare(b.name, a.name)
	})
	return members
}

func appendSlow(t *testing.T, dst, value []byte) []byte {
	switch value[0] {
	case '{':
		dst = append(dst, '{')
		for i, m := range slowMembers(t, value) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, m.rawName...)
			dst = append(dst, ':')
			dst = appendSlow(t, dst, []byte(m.value))
		}
		return append(dst, '}')
	case '[':
		var values []json.RawMessage
		if err := json.Unmarshal(value, &values); err != nil {
			t.Fatal(err)
		}
		dst = append(dst, '[')
		for i, v := range values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendSlow(t, dst, v)
		}
		return append(dst, ']')
	}
	return append(dst, value...)
}
