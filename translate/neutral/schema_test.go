package neutral

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testOpenAPI(t *testing.T, in, want string) {
	t.Helper()
	got := string(OpenAPISchema([]byte("x"), []byte(in)))
	if diff := cmp.Diff("x"+want, got); diff != "" || !json.Valid([]byte(got[1:])) {
		t.Errorf("%s: %s", in, diff)
	}
}

func TestEdge054_Keywords(t *testing.T) {
	testOpenAPI(t, `{"$schema":"s","$id":"i","$comment":"c","title":"t","type":"object","description":"d","additionalProperties":false,
		"properties":{"n":{"type":["integer","null"],"minimum":1,"exclusiveMinimum":0,"default":3,"examples":[1],"format":"int64"},
			"s":{"type":"string","format":"uri","pattern":"^a","minLength":1,"const":"x"},"d":{"type":"string","format":"date-time"}},
		"patternProperties":{"x":{}},"required":["n","s","gone","n"]}`,
		`{"type":"OBJECT","description":"d","properties":{"n":{"type":"INTEGER","nullable":true,"format":"int64","minimum":1},`+
			`"s":{"type":"STRING","minLength":1,"pattern":"^a","enum":["x"]},"d":{"type":"STRING","format":"date-time"}},"required":["n","s"]}`)
	testOpenAPI(t, `{"$ref":"#/$defs/a","description":"own","$defs":{"a":{"type":"string","description":"theirs"}}}`,
		`{"type":"STRING","description":"own"}`)
	testOpenAPI(t, `{"type":"object","properties":{"a":{"$ref":"#/definitions/x~1y"},"b":{"$ref":"#/properties/c/items/0"},
		"c":{"type":"array","items":[{"type":"boolean"}]},"d":{"$ref":"#/no/such"},"e":{"$ref":"other.json"},"f":{"$ref":"#/%24defs/p%20q"}},
		"definitions":{"x/y":{"type":"number"}},"$defs":{"p q":{"type":"integer"}}}`,
		`{"type":"OBJECT","properties":{"a":{"type":"NUMBER"},"b":{"type":"BOOLEAN"},"c":{"type":"ARRAY","items":{"type":"BOOLEAN"}},`+
			`"d":{"type":"STRING"},"e":{"type":"STRING"},"f":{"type":"INTEGER"}}}`)
	testOpenAPI(t, `{"allOf":[{"$ref":"#/$defs/b"},{"properties":{"y":{"type":"string"},"x":{}},"required":["y"]},{"$ref":"#/$defs/b"}],
		"$defs":{"b":{"type":"object","properties":{"x":{"type":"number"}},"required":["x"]}}}`,
		`{"type":"OBJECT","properties":{"x":{"type":"NUMBER"},"y":{"type":"STRING"}},"required":["x","y"]}`)
	testOpenAPI(t, `{"type":["string","integer","null"],"description":"d"}`,
		`{"anyOf":[{"type":"STRING","nullable":true,"description":"d"},{"type":"INTEGER","nullable":true,"description":"d"}]}`)
	testOpenAPI(t, `{"anyOf":[{"type":"string"},{"type":"null"}],"description":"d"}`, `{"type":"STRING","nullable":true,"description":"d"}`)
	testOpenAPI(t, `{"description":"d","oneOf":[{"type":"string","description":"e"},{"const":null},{"type":"array","items":{"type":"number"}}]}`,
		`{"anyOf":[{"type":"STRING","nullable":true,"description":"e"},{"type":"ARRAY","nullable":true,"description":"d","items":{"type":"NUMBER"}}]}`)
	testOpenAPI(t, `{"type":"object","properties":{"a":{}},"anyOf":[{"required":["a"]},{"required":["b"]}]}`,
		`{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}`)
	testOpenAPI(t, `{"type":"array"}`, `{"type":"ARRAY","items":{"type":"STRING"}}`)
	testOpenAPI(t, `{"prefixItems":[{"type":"string"},{"type":"number"}],"minItems":2}`,
		`{"type":"ARRAY","minItems":2,"items":{"anyOf":[{"type":"STRING"},{"type":"NUMBER"}]}}`)
	testOpenAPI(t, `{"type":"null"}`, `{"type":"STRING","nullable":true}`)
	testOpenAPI(t, `{"type":"object","properties":{"a":true}}`, `{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}`)
	testOpenAPI(t, `{"properties":{"a":{"anyOf":[]}}}`, `{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}`)
	testOpenAPI(t, `nonsense`, `{"type":"STRING"}`)
}

func TestEdge055_PropertiesNamedAsKeywords(t *testing.T) {
	testOpenAPI(t, `{"type":"object","properties":{"title":{"type":"string","title":"T"},"default":{"type":"string"},"type":{"type":"string"},
		"properties":{"type":"object","properties":{"$ref":{"type":"string"}}},"q\"":{"type":"string"}},"required":["title","q\u0022"]}`,
		`{"type":"OBJECT","properties":{"title":{"type":"STRING"},"default":{"type":"STRING"},"type":{"type":"STRING"},`+
			`"properties":{"type":"OBJECT","properties":{"$ref":{"type":"STRING"}}},"q\"":{"type":"STRING"}},"required":["title","q\u0022"]}`)
}

func TestEdge056_Recursion(t *testing.T) {
	testOpenAPI(t, `{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","description":"node","properties":{"v":{"type":"string"},
		"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]},"all":{"type":"array","items":{"$ref":"#/$defs/n"}}},"required":["v"]}}}`,
		`{"type":"OBJECT","description":"node","properties":{"v":{"type":"STRING"},"next":{"type":"OBJECT","nullable":true,"description":"node"},`+
			`"all":{"type":"ARRAY","items":{"type":"OBJECT","description":"node"}}},"required":["v"]}`)
	testOpenAPI(t, `{"properties":{"a":{"$ref":"#"}}}`, `{"type":"OBJECT","properties":{"a":{"type":"OBJECT"}}}`)
	testOpenAPI(t, `{"$ref":"#"}`, `{"type":"STRING"}`)
	testOpenAPI(t, `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a","type":"number"}}}`, `{"type":"NUMBER"}`)
}

// TestOpenAPISchema_Bombs feeds documents that would expand without bounds, or
// take time without output.
func TestOpenAPISchema_Bombs(t *testing.T) {
	f := func(name, schema string) {
		t.Helper()
		for _, got := range [][]byte{OpenAPISchema(nil, []byte(schema)), ObjectSchema([]byte(schema))} {
			if !json.Valid(got) || len(got) > 2*len(schema)+2*maxSchemaBytes {
				t.Errorf("%s: %d bytes of %d, %.100s", name, len(got), len(schema), got)
			}
		}
	}
	defs := func(n int, member func(next string) string) string {
		var out strings.Builder
		out.WriteString(`{"$ref":"#/$defs/a","$defs":{`)
		for i := range n {
			name := strings.Repeat("a", i+1)
			out.WriteString(`"` + name + `":` + member(`{"$ref":"#/$defs/`+name+`a"}`) + `,`)
		}
		return out.String() + `"end":{}}}`
	}
	f("laughs", defs(30, func(next string) string {
		return `{"type":"object","description":"` + strings.Repeat("ha", 30) + `","properties":{"l":` + next + `,"r":` + next + `}}`
	}))
	f("joined laughs", defs(30, func(next string) string { return `{"allOf":[` + next + `,` + next + `,{"type":"object"}]}` }))
	f("chosen laughs", defs(30, func(next string) string { return `{"anyOf":[` + next + `,` + next + `]}` }))
	f("deep", strings.Repeat(`{"items":`, 200)+`{}`+strings.Repeat(`}`, 200))
	f("many large", `{"$defs":{"x":{"type":"string","default":"`+strings.Repeat("x", 1<<18)+`"}},"properties":{`+
		strings.TrimSuffix(strings.Repeat(`"p":{"$ref":"#/$defs/x"},`, 20000), ",")+`}}`)
	f("many pointers", `{"properties":{`+strings.Repeat(`"p":{"$ref":"#/properties/y"},`, 20000)+`"y":{"type":"string"}}}`)
	var pointers strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&pointers, `"p%d":{"$ref":"#/properties/y"},`, i)
	}
	f("many pointers that count", `{"properties":{`+pointers.String()+`"y":{"type":"string"}}}`)
	f("many joined", `{"allOf":[`+strings.TrimSuffix(strings.Repeat(`{},`, 50000), ",")+`]}`)
	f("many variants", `{"anyOf":[`+strings.TrimSuffix(strings.Repeat(`{"properties":{"a":{}}},`, 20000), ",")+`]}`)
}

func TestEdge057_Enums(t *testing.T) {
	testOpenAPI(t, `{"type":"integer","enum":[1,2,null]}`, `{"type":"STRING","nullable":true,"enum":["1","2"]}`)
	testOpenAPI(t, `{"enum":[true,"a",""]}`, `{"type":"STRING","enum":["true","a"]}`)
	testOpenAPI(t, `{"const":1.50}`, `{"type":"STRING","enum":["1.50"]}`)
	testOpenAPI(t, `{"type":"string","enum":[""]}`, `{"type":"STRING"}`)
}

func testObject(t *testing.T, in, want string) {
	t.Helper()
	got := string(ObjectSchema([]byte(in)))
	if diff := cmp.Diff(want, got); diff != "" || !json.Valid([]byte(got)) {
		t.Errorf("%s: %s", in, diff)
	}
	if again := string(ObjectSchema([]byte(got))); again != got {
		t.Errorf("%s: %s becomes %s", in, got, again)
	}
}

func TestEdge052_NoParameters(t *testing.T) {
	const empty = `{"type":"object","properties":{}}`
	testObject(t, ``, empty)
	testObject(t, `null`, empty)
	testObject(t, `{}`, empty)
	testObject(t, `true`, empty)
	testObject(t, ` { } `, empty)
	testObject(t, `{"type":"object"}`, empty)
	testObject(t, empty, empty)
}

func TestEdge053_RootType(t *testing.T) {
	const fine = `{"properties":{"b":{},"a":{}},"x":1e400, "type":"object"}`
	testObject(t, fine, fine)
	testObject(t, `{"properties":{"a":{}}, "required":["a"]}`, `{"type":"object","properties":{"a":{}},"required":["a"]}`)
	testObject(t, `{"type":["object","null"],"properties":{}}`, `{"type":"object","properties":{}}`)
	testObject(t, `{"type":"string","minLength":1}`,
		`{"type":"object","properties":{"value":{"type":"string","minLength":1}},"required":["value"]}`)
	testObject(t, `{"description":"d","anyOf":[{"properties":{"k":{"const":"a"},"x":{}},"required":["k","x","k"]},{"$ref":"#/$defs/b"}],"$defs":{"b":{"properties":{"k":{"const":"b"},"y":{}},"required":["y","k"]}}}`,
		`{"type":"object","properties":{"k":{"anyOf":[{"const":"a"},{"const":"b"}]},"x":{},"y":{}},"required":["k"],"description":"d",`+
			`"$defs":{"b":{"properties":{"k":{"const":"b"},"y":{}},"required":["y","k"]}}}`)
	testObject(t, `{"type":"object","properties":{"a":{},"b":{}},"required":["a"],"anyOf":[{"required":["a"]},{"required":["b"]}]}`,
		`{"type":"object","properties":{"a":{},"b":{}},"required":["a"]}`)
	testObject(t, `{"allOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"a":{},"b":{}},"required":["b","a"]}],"additionalProperties":false}`,
		`{"type":"object","properties":{"a":{},"b":{}},"required":["a","b"],"additionalProperties":false}`)
	testObject(t, `{"$ref":"#"}`, `{"type":"object","properties":{}}`)
}

func FuzzSchema(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"type":["a",1]}`, `{"enum":[[]],"const":null}`, `{"anyOf":[{"$ref":"#/anyOf/0"}]}`,
		`{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#"}]}}}`, `{"properties":{"\u0061":{"items":[{},{}]}},"required":["a"]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, schema []byte) {
		was := string(schema)
		rewritten, object := OpenAPISchema(nil, schema), ObjectSchema(schema)
		if string(schema) != was {
			t.Fatal("the schema is changed")
		}
		if json.Valid(schema) && (!json.Valid(rewritten) || !json.Valid(object)) {
			t.Errorf("%s becomes %s and %s", schema, rewritten, object)
		}
	})
}
