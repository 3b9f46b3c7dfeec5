package corpus

import (
	"bytes"
	"fmt"
	"os"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaOf returns a definition of a client's schema.
func schemaOf(of wire, name string) (*jsonschema.Schema, error) {
	schemas.Lock()
	defer schemas.Unlock()
	key := string(of) + ".json#/$defs/" + name
	if s, ok := schemas.compiled[key]; ok {
		return s, nil
	}
	text, err := os.ReadFile("testdata/" + string(of) + ".json")
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(string(of)+".json", doc); err != nil {
		return nil, err
	}
	s, err := c.Compile(key)
	if err == nil {
		schemas.compiled[key] = s
	}
	return s, err
}

var schemas = struct {
	sync.Mutex
	compiled map[string]*jsonschema.Schema
}{compiled: map[string]*jsonschema.Schema{}}

// valid says what is wrong with raw, which clients of the wire get as a value
// of that name.
func valid(of wire, name string, raw []byte) error {
	s, err := schemaOf(of, name)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("no JSON: %w: %.200s", err, raw)
	}
	if err := s.Validate(v); err != nil {
		return fmt.Errorf("%w in %.400s", err, raw)
	}
	return nil
}
