package corpus

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// exchange is a recorded call, or an answer alone: then url and request are
// empty. Bodies are as they were on the wire, or JSON made of what the
// recorder had parsed.
type exchange struct {
	where    string // file and index, for messages
	file     string
	index    int
	method   string
	url      string
	request  []byte
	status   int
	response []byte
	// lines: response is the data of a stream's events, one a line.
	lines bool
}

// corpora returns all exchanges below CORPORA.
func corpora(t *testing.T) []exchange {
	t.Helper()
	dir := os.Getenv("CORPORA")
	if dir == "" {
		t.Skip("CORPORA names no directory of recorded exchanges")
	}
	loaded.once.Do(func() { loaded.exchanges, loaded.err = load(dir) })
	if loaded.err != nil {
		t.Fatal(loaded.err)
	}
	if len(loaded.exchanges) == 0 {
		t.Fatalf("nothing is recorded below %s", dir)
	}
	return loaded.exchanges
}

var loaded struct {
	once      sync.Once
	exchanges []exchange
	err       error
}

func load(dir string) (all []exchange, _ error) {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		where, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		x := exchange{where: where, file: where, status: 200, response: file}
		switch {
		case strings.HasSuffix(path, ".yaml"), strings.HasSuffix(path, ".yml"):
			some, err := cassette(where, file)
			all = append(all, some...)
			return err
		case strings.HasSuffix(path, ".chunks.txt"):
			x.lines = true
			all = append(all, x)
		case strings.HasSuffix(path, ".json") && strings.Contains(path, "__fixtures__"), strings.HasSuffix(path, ".sse"):
			all = append(all, x)
		}
		return nil
	})
	return all, err
}

// recording is a cassette of either recorder: one has uri and status.code, the
// other url and status in words with code beside it; a body is text, an object
// with the text in string, or parsed.
type recording struct {
	Interactions []struct {
		Request struct {
			URI, URL, Method string
			Body             yaml.Node
			Parsed           yaml.Node `yaml:"parsed_body"`
		}
		Response struct {
			Code   int
			Status yaml.Node
			Body   yaml.Node
			Parsed yaml.Node `yaml:"parsed_body"`
		}
	}
}

// cassette returns the exchanges of a file. Those of web sockets and gRPC have
// no request with a URL, and are left out.
func cassette(where string, file []byte) (all []exchange, _ error) {
	var r recording
	if err := yaml.Unmarshal(file, &r); err != nil {
		return nil, err
	}
	for i := range r.Interactions {
		call := &r.Interactions[i]
		x := exchange{
			where: where, file: where, index: i,
			method: strings.ToUpper(call.Request.Method),
			url:    call.Request.URI + call.Request.URL,
			status: call.Response.Code,
		}
		if x.url == "" {
			continue
		}
		x.request = bodyOf(&call.Request.Body, &call.Request.Parsed)
		x.response = bodyOf(&call.Response.Body, &call.Response.Parsed)
		if x.status == 0 {
			var status struct{ Code int }
			if err := call.Response.Status.Decode(&status); err != nil {
				return nil, err
			}
			x.status = status.Code
		}
		all = append(all, x)
	}
	return all, nil
}

func bodyOf(body, parsed *yaml.Node) []byte {
	if text := textOf(body); text != "" {
		return []byte(text)
	}
	if parsed.Kind == 0 || parsed.Tag == "!!null" {
		return nil
	}
	return appendNode(nil, parsed)
}

func textOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.ScalarNode:
		var text string
		if n.Tag != "!!null" && n.Decode(&text) == nil {
			return text
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "string" {
				return textOf(n.Content[i+1])
			}
		}
		return string(appendNode(nil, n))
	default:
	}
	return ""
}

// appendNode appends a node as JSON, with its members in their order and its
// numbers as they stand.
func appendNode(dst []byte, n *yaml.Node) []byte {
	switch n.Kind {
	case yaml.DocumentNode:
		return appendNode(dst, n.Content[0])
	case yaml.AliasNode:
		return appendNode(dst, n.Alias)
	case yaml.MappingNode:
		dst = append(dst, '{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendText(dst, n.Content[i].Value), ':')
			dst = appendNode(dst, n.Content[i+1])
		}
		return append(dst, '}')
	case yaml.SequenceNode:
		dst = append(dst, '[')
		for i, one := range n.Content {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendNode(dst, one)
		}
		return append(dst, ']')
	default:
		return appendScalar(dst, n)
	}
}

func appendScalar(dst []byte, n *yaml.Node) []byte {
	switch n.Tag {
	case "!!null":
		return append(dst, "null"...)
	case "!!bool", "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return append(dst, n.Value...)
		}
		var v any
		if n.Decode(&v) == nil {
			if raw, err := json.Marshal(v); err == nil {
				return append(dst, raw...)
			}
		}
	}
	return appendText(dst, n.Value)
}

func appendText(dst []byte, text string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic(err) // a string always has a form
	}
	return append(dst, bytes.TrimSpace(b.Bytes())...)
}
