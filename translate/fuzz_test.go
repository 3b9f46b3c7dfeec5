package translate

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var fuzzBodies = []string{
	`{"model":"gpt-5","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`,
	"\ufeff { \"mod\\u0065l\" : \"\\ud83e\\udd8a\" , \"n\" : 1.5e-7 , \"Model\" : null }\n",
	`{"a":[1,-0.0,true,false,null,"\ud800",{"b":{}}],"metadata":{"conversation_id":"x"},"user":"é🦊"}`,
	`{"stop":["a"],"tools":[],"user":"u","n":1}`,
	`{"a":[[[[{"b":[[]]}]]]]}}`,
	"{\"a\":\"\xed\xa0\x80\"}",
	`[1,2]`,
	`null`,
	``,
}

// FuzzScan compares the scanner with encoding/json: what is accepted, and
// where the members lie.
func FuzzScan(f *testing.F) {
	for _, body := range fuzzBodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r Request
		err := r.Scan(body)
		plain := bytes.TrimPrefix(body, utf8BOM)
		object := bytes.HasPrefix(bytes.TrimLeft(plain, " \t\r\n"), []byte("{"))
		valid := json.Valid(plain) && utf8.Valid(plain) && object && depth(plain) <= maxDepth
		if refused := err != nil && err.Code == CallerInvalidJSON; refused == valid {
			t.Fatalf("valid %v, but Scan says %v", valid, err)
		}
		if err == nil {
			compareMembers(t, &r, plain)
		}
	})
}

// depth returns how deep the valid JSON b is nested.
func depth(b []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			now++
			deepest = max(deepest, now)
		case !quoted && (c == '}' || c == ']'):
			now--
		}
	}
	return deepest
}

func compareMembers(t *testing.T, r *Request, plain []byte) {
	var want map[string]json.RawMessage
	if err := json.Unmarshal(plain, &want); err != nil {
		t.Fatal(err)
	}
	for f := FieldModel; f < FieldCount; f++ {
		m := r.Members[f]
		raw, stands := want[f.String()]
		if stands == m.Key.Empty() {
			t.Fatalf("%v stands: %v, found: %v", f, stands, m)
		}
		if !stands {
			continue
		}
		var key string
		if err := json.Unmarshal(m.Key.Of(r.Body), &key); err != nil || key != f.String() {
			t.Fatalf("the key of %v is %q (%v)", f, key, err)
		}
		if got := m.Value.Of(r.Body); !bytes.Equal(got, raw) {
			t.Fatalf("the value of %v is %s, want %s", f, got, raw)
		}
	}
	var fields struct {
		Model  *string `json:"model"`
		Stream bool    `json:"stream"`
	}
	// Names that differ by case would be taken for these two.
	exact, err := json.Marshal(map[string]json.RawMessage{"model": want["model"], "stream": want["stream"]})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(exact, &fields); err != nil {
		t.Fatal(err)
	}
	if fields.Model != nil && *fields.Model != string(r.Model) || fields.Stream != r.Stream {
		t.Fatalf("read %q %v, want %v", r.Model, r.Stream, fields)
	}
}

// FuzzPlan removes, replaces and inserts members and compares the result with
// the same changes made on a map.
func FuzzPlan(f *testing.F) {
	for i, body := range fuzzBodies {
		f.Add([]byte(body), uint64(1)<<FieldUser|1<<FieldModel|uint64(i), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, remove uint64, insert bool) {
		var r Request
		if r.Scan(body) != nil || bytes.Contains(body, []byte("new ")) {
			return // not a request, or one that may hold the names used below
		}
		want := decode(t, body)
		var p Plan
		changed := 0
		for f := FieldCount - 1; f > FieldNone && changed < maxEdits-2; f-- {
			if r.Members[f].Key.Empty() {
				continue
			}
			changed++
			switch at := r.Members[f].Value; {
			case remove>>f&1 != 0:
				r.Remove(&p, f)
				delete(want, f.String())
			case insert:
				p.Replace(Span{at.End, at.End}, []byte(`,"new `+f.String()+`":1`))
				want["new "+f.String()] = json.Number("1")
			default:
				p.Replace(at, []byte(`"replaced"`))
				want[f.String()] = "replaced"
			}
		}
		out := result(t, &p, body)
		if diff := cmp.Diff(want, decode(t, []byte(out))); diff != "" {
			t.Fatalf("%s: %s", out, diff)
		}
	})
}

// decode returns the members of the JSON object in body, after a byte order
// mark.
func decode(t *testing.T, body []byte) map[string]any {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, utf8BOM)))
	d.UseNumber() // for numbers beyond any type
	var members map[string]any
	if err := d.Decode(&members); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return members
}

// FuzzText takes strings to JSON and back, as encoding/json does.
func FuzzText(f *testing.F) {
	for _, text := range []string{"", "plain", "\"\\/\b\n\x00", "é🦊\u2028", "\xff\xed\xa0\x80"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		raw := AppendString(nil, text)
		var want string
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if got := string(AppendText(nil, raw)); got != want || got != string(bytes.ToValidUTF8(text, nil)) && utf8.Valid(text) {
			t.Fatalf("%q became %s and then %q, want %q", text, raw, got, want)
		}
		quoted := append(append([]byte{'"'}, text...), '"')
		if json.Unmarshal(quoted, &want) == nil && utf8.Valid(text) {
			if got := string(AppendText(nil, quoted)); got != want {
				t.Fatalf("%s is %q, want %q", quoted, got, want)
			}
		}
	})
}
