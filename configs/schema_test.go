package configs

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "rewrite gateway.schema.json and the golden files")

const schemaFile = "gateway.schema.json"

func TestSchemaIsCurrent(t *testing.T) {
	want := generateSchema(t)
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(have)); diff != "" {
		t.Errorf("%s is out of date; run go test ./configs -update (-want +have):\n%s", schemaFile, diff)
	}
}

// schema is a JSON Schema 2020-12, its keys in the order of the fields.
type schema struct {
	Dialect              string      `json:"$schema,omitempty"`
	Title                string      `json:"title,omitempty"`
	Description          string      `json:"description,omitempty"`
	Type                 any         `json:"type,omitempty"`
	Enum                 []string    `json:"enum,omitempty"`
	Pattern              string      `json:"pattern,omitempty"`
	MinLength            int         `json:"minLength,omitempty"`
	Minimum              *int64      `json:"minimum,omitempty"`
	Maximum              *int64      `json:"maximum,omitempty"`
	Default              any         `json:"default,omitempty"`
	AnyOf                []*schema   `json:"anyOf,omitempty"`
	Items                *schema     `json:"items,omitempty"`
	MinItems             int         `json:"minItems,omitempty"`
	PropertyNames        *schema     `json:"propertyNames,omitempty"`
	Properties           *properties `json:"properties,omitempty"`
	Required             []string    `json:"required,omitempty"`
	AdditionalProperties any         `json:"additionalProperties,omitempty"`
}

// properties is a JSON object that keeps its order.
type properties struct {
	names   []string
	schemas []*schema
}

func (p *properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, name := range p.names {
		s, err := json.Marshal(p.schemas[i])
		if err != nil {
			return nil, err
		}
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0] + strconv.Quote(name) + ":")
		b.Write(s)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// variable is a text with an environment variable in it, which may stand for
// any single value.
var variable = &schema{Type: "string", Pattern: `\$\{`}

func generateSchema(t *testing.T) []byte {
	t.Helper()
	g := generator{docs: map[string]string{}}
	for _, file := range []string{"config.go", "../engine/config.go", "../cache/config.go", "../internal/fetch/config.go", "../tenant/config.go", "../translate/neutral/target.go"} {
		g.readDocs(t, file)
	}
	root := g.object(reflect.ValueOf(*defaults()), "configs.Config")
	root.Dialect, root.Title = "https://json-schema.org/draft/2020-12/schema", "Configuration of the AI MCP Gateway"
	root.Type = "object"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// generator makes a schema of the Go types, their tags and their comments.
type generator struct {
	docs map[string]string // by "package.Type.Field"
}

// readDocs notes the comments of the fields of every struct of a file.
func (g generator) readDocs(t *testing.T, name string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var fields func(at string, s *ast.StructType)
	fields = func(at string, s *ast.StructType) {
		for _, f := range s.Fields.List {
			for _, name := range f.Names {
				g.docs[at+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
				if inner, ok := f.Type.(*ast.StructType); ok {
					fields(at+"."+name.Name, inner)
				}
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if s, ok := spec.Type.(*ast.StructType); ok {
				fields(file.Name.Name+"."+spec.Name.Name, s)
			}
		}
		return true
	})
}

// object is the schema of a struct; v holds its defaults.
func (g generator) object(v reflect.Value, doc string) *schema {
	s := &schema{Type: []string{"object", "null"}, Properties: &properties{}, AdditionalProperties: false}
	g.fields(s, v, doc)
	return s
}

func (g generator) fields(s *schema, v reflect.Value, doc string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if option == "inline" {
			g.fields(s, v.Field(i), f.Type.String())
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		required := f.Tag.Get("required") != ""
		if required {
			s.Required = append(s.Required, name)
		}
		p := g.value(v.Field(i), f.Tag, doc+"."+f.Name)
		if !required {
			p = nullable(p)
		}
		p.Description = g.docs[doc+"."+f.Name]
		if rest, ok := strings.CutPrefix(p.Description, f.Name+" "); ok {
			p.Description = name + " " + rest
		}
		s.Properties.names = append(s.Properties.names, name)
		s.Properties.schemas = append(s.Properties.schemas, p)
	}
}

// value is the schema of a field with its default.
func (g generator) value(v reflect.Value, tag reflect.StructTag, doc string) *schema {
	t := v.Type()
	if t.Name() != "" && t.Kind() == reflect.Struct {
		doc = t.String()
	}
	switch {
	case t == secretType && tag.Get("required") != "":
		return &schema{Type: "string", MinLength: 1}
	case t == secretType:
		return &schema{Type: "string"}
	case t == durationType:
		return &schema{AnyOf: []*schema{{Type: "string", Pattern: durationPattern}, variable}, Default: defaultOf(v, tag)}
	case t.Kind() == reflect.Pointer:
		return g.value(reflect.Zero(t.Elem()), tag, doc)
	case t.Kind() == reflect.Struct:
		return g.object(v, doc)
	case t.Kind() == reflect.Map:
		return &schema{Type: []string{"object"}, AdditionalProperties: nullable(g.value(reflect.Zero(t.Elem()), "", ""))}
	case t.Kind() == reflect.Slice && tag.Get("key") != "":
		item := g.value(reflect.Zero(t.Elem()), "", "")
		item.Type = "object"
		return &schema{Type: []string{"object"}, PropertyNames: &schema{Pattern: tag.Get("pattern")}, AdditionalProperties: item}
	case t.Kind() == reflect.Slice:
		item := g.value(reflect.Zero(t.Elem()), tag, "")
		if t.Elem() == secretType {
			item.MinLength = 1
		} else if t.Elem().Kind() == reflect.Struct {
			item.Type = "object"
		}
		s := &schema{Type: []string{"array"}, Items: item}
		if tag.Get("required") != "" {
			s.MinItems = 1
		}
		return s
	case t.Kind() == reflect.String:
		return g.text(v, tag)
	case t.Kind() == reflect.Bool:
		return &schema{AnyOf: []*schema{{Type: "boolean"}, variable}, Default: defaultOf(v, tag)}
	}
	return g.number(v, tag)
}

func (g generator) text(v reflect.Value, tag reflect.StructTag) *schema {
	s := &schema{Type: "string", Default: defaultOf(v, tag)}
	enum, bound := tag.Lookup("enum")
	switch pattern := tag.Get("pattern"); {
	case bound:
		return &schema{AnyOf: []*schema{{Enum: strings.Split(enum, "|")}, variable}, Default: s.Default}
	case pattern != "" && tag.Get("required") == "":
		return &schema{AnyOf: []*schema{{Type: "string", Pattern: "^$|" + pattern}, variable}, Default: s.Default}
	case pattern != "":
		return &schema{AnyOf: []*schema{{Type: "string", Pattern: pattern}, variable}}
	case tag.Get("required") != "":
		s.MinLength = 1
	}
	return s
}

func (g generator) number(v reflect.Value, tag reflect.StructTag) *schema {
	low, high := bounds(v.Type(), tag)
	n := &schema{Type: "integer", Minimum: &low}
	if tag.Get("max") != "" {
		n.Maximum = &high
	}
	s := &schema{AnyOf: []*schema{n, variable}, Default: defaultOf(v, tag)}
	switch tag.Get("unit") {
	case "bytes":
		s.AnyOf = []*schema{n, {Type: "string", Pattern: bytesPattern}, variable}
	case "usd":
		high = maxUSD
		n.Type, n.Maximum = "number", &high
	}
	return s
}

// nullable lets a key be written without a value, which is as if it were not
// there.
func nullable(s *schema) *schema {
	c := *s
	switch t := s.Type.(type) {
	case nil:
		c.AnyOf = append(append([]*schema{}, s.AnyOf...), &schema{Type: "null"})
	case string:
		c.Type = []string{t, "null"}
	case []string:
		if t[len(t)-1] != "null" {
			c.Type = append(append([]string{}, t...), "null")
		}
	}
	return &c
}

// defaultOf writes a default as a person would.
func defaultOf(v reflect.Value, tag reflect.StructTag) any {
	switch d, ok := v.Interface().(time.Duration); {
	case ok && d == 0, v.IsZero():
		return nil
	case ok:
		text := d.String()
		for _, zero := range []string{"m0s", "h0m"} {
			if strings.HasSuffix(text, zero) {
				text = text[:len(text)-2]
			}
		}
		return text
	}
	if n, ok := v.Interface().(int64); ok && tag.Get("unit") == "bytes" {
		for _, u := range []string{"GiB", "MiB", "KiB"} {
			if n%byteUnits[u] == 0 {
				return strconv.FormatInt(n/byteUnits[u], 10) + u
			}
		}
	}
	return v.Interface()
}

// compiledSchema is gateway.schema.json, ready to validate.
func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(schemaFile, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// schemaAccepts validates a YAML document against the schema.
func schemaAccepts(t *testing.T, s *jsonschema.Schema, data []byte) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		t.Fatalf("fixture is not YAML: %v", err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("fixture is not JSON: %v", err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(instance)
}
