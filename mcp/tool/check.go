package tool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/internal/spell"
)

// Check says what is wrong with raw JSON, as the schema has it, or nil. Names
// are compared byte by byte. The JSON is valid, and its objects have no name
// twice.
func (s *Schema) Check(raw []byte) *Error {
	if s.Raw != nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return Errorf("The arguments are not JSON.")
	}
	return s.check("", v)
}

func (s *Schema) check(path string, v any) *Error {
	if v == nil && s.Nullable || s.Type == "" {
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		if s.Type == "object" {
			return s.checkObject(path, v)
		}
	case []any:
		if s.Type == "array" {
			return s.checkArray(path, v)
		}
	case string:
		if s.Type == "string" {
			return s.checkString(path, v)
		}
	case bool:
		if s.Type == "boolean" {
			return nil
		}
	case json.Number:
		if s.Type == "integer" || s.Type == "number" {
			return s.checkNumber(path, v)
		}
	}
	return Errorf("%s has to be %s.", subject(path), article(s.Type))
}

func (s *Schema) checkObject(path string, v map[string]any) *Error {
	if s.Open {
		return nil
	}
	names := make([]string, len(s.Properties))
	for i, p := range s.Properties {
		names[i] = p.Name
		value, given := v[p.Name]
		if !given {
			if p.Required {
				return Errorf("The argument %q is missing.", join(path, p.Name))
			}
			continue
		}
		if err := p.Schema.check(join(path, p.Name), value); err != nil {
			return err
		}
	}
	for name := range v {
		if slices.Contains(names, name) {
			continue
		}
		hint := ""
		if meant := spell.Closest(name, names); meant != "" {
			hint = fmt.Sprintf(" Did you mean %q?", join(path, meant))
		} else if len(names) > 0 {
			hint = " There are: " + strings.Join(names, ", ") + "."
		}
		return Errorf("There is no argument %q.%s", join(path, cut(name)), hint)
	}
	return nil
}

func (s *Schema) checkArray(path string, v []any) *Error {
	if err := s.checkLength(path, int64(len(v)), "items"); err != nil {
		return err
	}
	for i, item := range v {
		if err := s.Items.check(fmt.Sprintf("%s[%d]", path, i), item); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) checkString(path, v string) *Error {
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		return Errorf("%s has to be one of %s.", subject(path), strings.Join(s.Enum, ", "))
	}
	return s.checkLength(path, int64(utf8.RuneCountInString(v)), "characters")
}

func (s *Schema) checkLength(path string, n int64, unit string) *Error {
	switch {
	case s.Min != nil && n < *s.Min:
		return Errorf("%s has to have at least %d %s.", subject(path), *s.Min, unit)
	case s.Max != nil && n > *s.Max:
		return Errorf("%s may have %d %s at most.", subject(path), *s.Max, unit)
	}
	return nil
}

func (s *Schema) checkNumber(path string, v json.Number) *Error {
	f, err := v.Float64()
	if err == nil && s.Type == "integer" {
		_, err = v.Int64()
	}
	switch {
	case err != nil:
		return Errorf("%s has to be %s.", subject(path), article(s.Type))
	case s.Min != nil && f < float64(*s.Min):
		return Errorf("%s has to be at least %d.", subject(path), *s.Min)
	case s.Max != nil && f > float64(*s.Max):
		return Errorf("%s may be %d at most.", subject(path), *s.Max)
	}
	return nil
}

func subject(path string) string {
	if path == "" {
		return "The arguments"
	}
	return fmt.Sprintf("The argument %q", path)
}

func article(kind string) string {
	if kind == "object" || kind == "array" || kind == "integer" {
		return "an " + kind
	}
	return "a " + kind
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// cut bounds what is said again of a client's text.
func cut(text string) string {
	if len(text) <= 64 {
		return text
	}
	return strings.ToValidUTF8(text[:64], "?")
}
