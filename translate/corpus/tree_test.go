package corpus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// tree is a parsed JSON value. What is not there is nil all the way down.
type tree struct{ v any }

// parse parses one JSON value.
func parse(raw []byte) (tree, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return tree{}, err
	}
	if d.More() {
		return tree{}, fmt.Errorf("more than one value: %.60q", raw)
	}
	return tree{v}, nil
}

// at follows the members path.
func (t tree) at(path ...string) tree {
	for _, key := range path {
		m, _ := t.v.(map[string]any)
		t = tree{m[key]}
	}
	return t
}

// has reports whether there is a member key that is not null.
func (t tree) has(key string) bool { return t.at(key).v != nil }

func (t tree) text() string {
	s, _ := t.v.(string)
	return s
}

// int is a whole number, also where it is written as 3.0; 0 for what is none.
func (t tree) int() int64 {
	n, _ := t.v.(json.Number)
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i
	}
	f, err := n.Float64()
	if err != nil || f != math.Trunc(f) {
		return 0
	}
	return int64(f)
}

func (t tree) list() (all []tree) {
	a, _ := t.v.([]any)
	for _, v := range a {
		all = append(all, tree{v})
	}
	return all
}

func (t tree) keys() (keys []string) {
	m, _ := t.v.(map[string]any)
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

// canonical is t as JSON with sorted members; numbers that mean the same are
// the same.
func (t tree) canonical() string {
	raw, err := json.Marshal(plain(t.v))
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f)
		}
		return v
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for key := range v {
			m[key] = plain(v[key])
		}
		return m
	default:
		return v
	}
}

// arguments are those of a call, comparable: canonical JSON, "{}" where there
// are none, the text itself where it is no JSON.
func arguments(raw string) string {
	t, err := parse([]byte(raw))
	switch {
	case len(bytes.TrimSpace([]byte(raw))) == 0, err == nil && t.v == nil:
		return "{}"
	case err != nil:
		return raw
	}
	return t.canonical()
}
