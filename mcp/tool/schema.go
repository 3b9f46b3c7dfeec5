package tool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Schema is the part of JSON Schema that tools are described with.
type Schema struct {
	// Type is "object", "array", "string", "integer", "number" or "boolean";
	// empty is any value.
	Type string
	// Nullable: null is a value as well.
	Nullable    bool
	Description string
	// Properties of an object, in order. It may have no others unless Open.
	Properties []Property
	Open       bool
	// Items are those of an array.
	Items *Schema
	// Enum are the only values of a string.
	Enum []string
	// Min and Max bound a number, or the length of a text or an array.
	Min, Max *int64
	// Default is what a missing value stands for, as JSON; it is only told.
	Default string
	// Raw is a schema of somebody else's, in the place of all this. Nothing is
	// checked against it.
	Raw json.RawMessage
}

// Property is a member of an object.
type Property struct {
	Name     string
	Required bool
	Schema   *Schema
}

// SchemaOf returns the schema of a struct, read from its fields' tags:
//
//	Path string `json:"path" doc:"the file"`         // required
//	Head int64  `json:"head,omitempty" min:"1"`      // not required
//	Sort string `json:"sortBy,omitempty" enum:"name|size" default:"name"`
//
// min and max bound a number, or the length of a text or list. A pointer that
// is not omitempty may be null. SchemaOf panics when the struct cannot be
// described, which a program's first start shows.
func SchemaOf[T any]() *Schema {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		panic("BUG: arguments and outputs are structs")
	}
	if t == reflect.TypeFor[struct{}]() {
		return &Schema{Type: "object"}
	}
	return schemaOf(t, map[reflect.Type]bool{})
}

func schemaOf(t reflect.Type, inside map[reflect.Type]bool) *Schema {
	switch t {
	case reflect.TypeFor[json.RawMessage](), reflect.TypeFor[any]():
		return &Schema{}
	case reflect.TypeFor[json.Number]():
		return &Schema{Type: "number"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		s := schemaOf(t.Elem(), inside)
		s.Nullable = true
		return s
	case reflect.String:
		return &Schema{Type: "string"}
	case reflect.Bool:
		return &Schema{Type: "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return &Schema{Type: "integer"}
	case reflect.Float64:
		return &Schema{Type: "number"}
	case reflect.Slice:
		return &Schema{Type: "array", Items: schemaOf(t.Elem(), inside)}
	case reflect.Map:
		return &Schema{Type: "object", Open: true}
	case reflect.Struct:
		if inside[t] {
			return &Schema{Type: "object", Open: true} // deeper levels are not described
		}
		inside[t] = true
		defer delete(inside, t)
		return objectOf(t, inside)
	}
	panic("BUG: no schema for " + t.String())
}

func objectOf(t reflect.Type, inside map[reflect.Type]bool) *Schema {
	s := &Schema{Type: "object"}
	for f := range t.Fields() {
		if f.Anonymous {
			s.Properties = append(s.Properties, objectOf(f.Type, inside).Properties...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		p := Property{Name: name, Required: !strings.Contains(options, "omitempty"), Schema: schemaOf(f.Type, inside)}
		p.Schema.Nullable = p.Schema.Nullable && p.Required
		p.Schema.read(f.Tag)
		s.Properties = append(s.Properties, p)
	}
	return s
}

// read takes what a field's tag says.
func (s *Schema) read(tag reflect.StructTag) {
	s.Description, s.Default = tag.Get("doc"), tag.Get("default")
	if s.Default != "" && s.Type == "string" {
		s.Default = strconv.Quote(s.Default)
	}
	if enum := tag.Get("enum"); enum != "" {
		s.Enum = strings.Split(enum, "|")
	}
	for name, at := range map[string]**int64{"min": &s.Min, "max": &s.Max} {
		text := tag.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			panic(fmt.Sprintf("BUG: the tag %s:%q is no number", name, text))
		}
		*at = &n
	}
}

// MarshalJSON implements json.Marshaler, with the members in a fixed order.
func (s *Schema) MarshalJSON() ([]byte, error) {
	if s.Raw != nil {
		return s.Raw, nil
	}
	var b bytes.Buffer
	add := func(name string, value any) {
		text, _ := Marshal(value) // texts, numbers and schemas always marshal
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", name, text)
	}
	switch {
	case s.Type != "" && s.Nullable:
		add("type", []string{s.Type, "null"})
	case s.Type != "":
		add("type", s.Type)
	}
	if s.Description != "" {
		add("description", s.Description)
	}
	if len(s.Enum) > 0 {
		add("enum", s.Enum)
	}
	s.addBounds(add)
	if s.Default != "" {
		add("default", json.RawMessage(s.Default))
	}
	if s.Items != nil {
		add("items", s.Items)
	}
	if s.Type == "object" && !s.Open {
		add("properties", properties(s.Properties))
		if required := s.required(); len(required) > 0 {
			add("required", required)
		}
		add("additionalProperties", false)
	}
	return append(append([]byte{'{'}, b.Bytes()...), '}'), nil
}

func (s *Schema) addBounds(add func(string, any)) {
	low, high := "minimum", "maximum"
	switch s.Type {
	case "string":
		low, high = "minLength", "maxLength"
	case "array":
		low, high = "minItems", "maxItems"
	}
	if s.Min != nil {
		add(low, *s.Min)
	}
	if s.Max != nil {
		add(high, *s.Max)
	}
}

func (s *Schema) required() (names []string) {
	for _, p := range s.Properties {
		if p.Required {
			names = append(names, p.Name)
		}
	}
	return names
}

// properties marshals in order.
type properties []Property

// MarshalJSON implements json.Marshaler.
func (list properties) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, p := range list {
		if i > 0 {
			b = append(b, ',')
		}
		text, err := p.Schema.MarshalJSON()
		if err != nil {
			return nil, err
		}
		b = append(append(strconv.AppendQuote(b, p.Name), ':'), text...)
	}
	return append(b, '}'), nil
}

// Marshal is json.Marshal that leaves <, > and & as they are.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
