package simulator

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var schemas = []string{
	`{}`, `true`, `{"type":"string"}`, `{"type":["null","integer"]}`, `{"type":"null"}`, `{"enum":["a",1,null,{"b":2}]}`, `{"const":{"x":[1, 2]}}`,
	`{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":18,"maximum":20}},"required":["name","age"],"additionalProperties":false}`,
	`{"type":"object","required":["anything"]}`,
	`{"type":"array","items":{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1},"minItems":3,"maxItems":5}`,
	`{"type":"array","prefixItems":[{"type":"string"},{"type":"boolean"}],"items":false,"minItems":2}`,
	`{"type":"array","maxItems":0,"items":{"type":"string"}}`,
	`{"type":"integer","multipleOf":7,"minimum":1000}`, `{"type":"integer","maximum":-5}`, `{"type":"integer","exclusiveMinimum":5,"maximum":6}`,
	`{"type":"number","multipleOf":0.25,"maximum":3}`, `{"type":"number","minimum":0.1,"maximum":0.2}`,
	`{"type":"string","minLength":20}`, `{"type":"string","maxLength":3}`, `{"type":"string","pattern":"^[A-Z]{2}-\\d{4}(x|y)?$"}`,
	`{"type":"string","pattern":"^(foo|ba[rz])+\\.[^a]$"}`,
	`{"type":"string","format":"date-time"}`, `{"type":"string","format":"email"}`, `{"type":"string","format":"uuid"}`,
	`{"anyOf":[{"type":"object","properties":{"kind":{"const":"a"}},"required":["kind"]},{"type":"string"}]}`,
	`{"oneOf":[{"type":"integer"},{"type":"string"}]}`,
	`{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"enum":["x"]}},"required":["b"]}]}`,
	`{"$ref":"#/$defs/p~1q","$defs":{"p/q":{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}},"required":["n"]},"n":{"type":"integer"}}}`,
	`{"$defs":{"node":{"type":"object","properties":{"value":{"type":"integer"},"next":{"$ref":"#/$defs/node"},"list":{"type":"array","items":{"$ref":"#/$defs/node"}}},"required":["value"]}},"$ref":"#/$defs/node"}`,
	`{"type":"object","properties":{"@ugly":{"type":"string"},"a.b":{"type":"integer"},"#":{"type":"boolean"},"":{"type":"null"}},"required":["@ugly","a.b","#",""],"additionalProperties":false}`,
	`{"type":"object","properties":{"steps":{"type":"array","items":{"type":"object","properties":{"explanation":{"type":"string"},"output":{"type":"string"}},"required":["explanation","output"],"additionalProperties":false}},"final_answer":{"type":"string"}},"required":["steps","final_answer"],"additionalProperties":false}`,
}

func TestGenerate(t *testing.T) {
	for i, text := range schemas {
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("schema.json", doc); err != nil {
			t.Fatal(err)
		}
		schema, err := c.Compile("schema.json")
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(40) {
			made := generate([]byte(text), mix(uint64(i), seed))
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(made))
			if err == nil {
				err = schema.Validate(value)
			}
			if err != nil {
				t.Fatalf("%s\nmade %s: %v", text, made, err)
			}
		}
	}
}

// Any schema, also a foolish one, gives some JSON value, and soon.
func FuzzGenerate(f *testing.F) {
	for _, text := range schemas {
		f.Add([]byte(text), uint64(1))
	}
	f.Add([]byte(`{"$ref":"#"}`), uint64(1))
	f.Add([]byte(`{"required":["a"],"properties":{"a":{"$ref":"#"}}}`), uint64(1))
	f.Add([]byte(`{"required":["a","b","c"],"properties":{"a":{"$ref":"#"},"b":{"$ref":"#"},"c":{"$ref":"#"}}}`), uint64(1))
	f.Add([]byte(`{"minItems":2000000000,"items":{"minItems":2000000000}}`), uint64(1))
	f.Add([]byte(`{"minLength":2000000000}`), uint64(1))
	f.Add([]byte(`{"pattern":"((a{900}){900})"}`), uint64(1))
	f.Add([]byte(`{"allOf":[{"$ref":"#"},{"$ref":"#"}],"minItems":-4,"type":"array"}`), uint64(1))
	f.Fuzz(func(t *testing.T, schema []byte, seed uint64) {
		if len(schema) > 1000 || !json.Valid(schema) {
			return
		}
		if made := generate(schema, seed); !json.Valid([]byte(made)) {
			t.Errorf("made %s", made)
		}
	})
}

// Structured output comes through the wire whole and in pieces.
func TestChat_Schema(t *testing.T) {
	c := dial(t, start(t, Config{}))
	const format = `,"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"const":{"a":[1,"b"]}}}}`
	c.chat("sim-l0", format)
	_, body := c.ok()
	if got := contentOf(t, body); got != `{"a":[1,"b"]}` {
		t.Errorf("got %s", got)
	}
}

func contentOf(t *testing.T, body string) string {
	t.Helper()
	var out struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil || len(out.Choices) == 0 {
		t.Fatalf("%v in %s", err, body)
	}
	return out.Choices[0].Message.Content
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
