package engine

import (
	"bytes"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// wantsJSON reports whether the request asks for JSON, and returns what checks
// its shape; nil where it names none, or one that cannot be read.
func (c *Call) wantsJSON() (wanted bool, check func(text []byte) error) {
	format := c.Request.Value(translate.FieldResponseFormat)
	if c.Op == translate.OpResponses {
		format = memberOf(c.Request.Value(translate.FieldText), "format")
	}
	switch kind := memberOf(format, "type"); string(kind) {
	case `"json_object"`:
		return true, nil
	case `"json_schema"`:
	default:
		return false, nil
	}
	raw := memberOf(format, "schema")
	if inner := memberOf(format, "json_schema"); inner != nil {
		raw = memberOf(inner, "schema")
	}
	return true, compileSchema(raw)
}

// memberOf returns the raw value of an object's member, or nil.
func memberOf(raw []byte, key string) []byte {
	for o := translate.Members(raw); o.Next(); {
		if string(o.Key()) == key {
			return o.Value()
		}
	}
	return nil
}

// compileSchema returns what checks a text against a JSON Schema. It loads
// nothing that the schema refers to elsewhere.
func compileSchema(raw []byte) func(text []byte) error {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	const name = "mem:///schema.json"
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.SchemeURLLoader{})
	if err := compiler.AddResource(name, document); err != nil {
		return nil
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		return nil
	}
	return func(text []byte) error {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return schema.Validate(value)
	}
}
