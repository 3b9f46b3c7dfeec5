package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// exchange is one recorded request of a client and the provider's answer.
type exchange struct {
	name     string // file and number
	route    string // below the base URL, such as /chat/completions
	request  []byte
	status   int
	header   http.Header // of the answer
	response []byte
}

// servedRoutes are those whose exchanges can be replayed.
var servedRoutes = []string{"/chat/completions", "/completions", "/embeddings", "/images/generations"}

// corpus is what a directory tree of recordings holds.
type corpus struct {
	exchanges []exchange
	unserved  map[string]int // exchanges of routes that are not served, by their names
}

// readCorpus reads every recording below root: cassettes (YAML) and fixtures, which
// are answers without their requests.
func readCorpus(t *testing.T, root string) corpus {
	t.Helper()
	c := corpus{unserved: map[string]int{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if filepath.Ext(path) == ".yaml" {
			err = c.addCassette(name, text)
		} else if filepath.Base(filepath.Dir(path)) == "__fixtures__" {
			c.addFixture(name, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cassette is a recording of go-vcr (version 2) or of VCR.py (version 1), which
// may hold bodies parsed.
type cassette struct {
	Interactions []struct {
		Request struct {
			Method     string
			URL, URI   string
			Body       yaml.Node
			ParsedBody yaml.Node `yaml:"parsed_body"`
		}
		Response struct {
			Code       int
			Status     yaml.Node
			Headers    http.Header
			Body       yaml.Node
			ParsedBody yaml.Node `yaml:"parsed_body"`
		}
	}
}

func (c *corpus) addCassette(name string, text []byte) error {
	if !bytes.Contains(text, []byte("\ninteractions:")) && !bytes.HasPrefix(text, []byte("interactions:")) {
		return nil
	}
	var tape cassette
	if err := yaml.Unmarshal(text, &tape); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for i := range tape.Interactions {
		q, r := &tape.Interactions[i].Request, &tape.Interactions[i].Response
		route := c.routeOf(q.Method, q.URL+q.URI)
		if route == "" {
			continue
		}
		e := exchange{name: fmt.Sprintf("%s#%d", name, i), route: route, status: r.Code, header: http.Header{}}
		for key, values := range r.Headers {
			e.header[http.CanonicalHeaderKey(key)] = values
		}
		if r.Status.Kind == yaml.MappingNode {
			var status struct{ Code int }
			if err := r.Status.Decode(&status); err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
			e.status = status.Code
		}
		var err error
		if e.request, err = bodyOf(&q.Body, &q.ParsedBody); err == nil {
			e.response, err = bodyOf(&r.Body, &r.ParsedBody)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		c.exchanges = append(c.exchanges, e)
	}
	return nil
}

// routeOf returns the served route that a URL ends in; one that is not served
// is counted, and "" is returned.
func (c *corpus) routeOf(method, recorded string) string {
	u, err := url.Parse(recorded)
	if err != nil {
		return ""
	}
	for _, route := range servedRoutes {
		if strings.HasSuffix(u.Path, route) {
			return route
		}
	}
	name := u.Path[strings.LastIndexAny(u.Path, "/:")+1:]
	switch {
	case recorded == "":
		name = "frames of other protocols"
	case method != http.MethodPost, strings.ContainsAny(name, ".0123456789"):
		name = "files and ids"
	}
	c.unserved[name]++
	return ""
}

// bodyOf returns a body as it was recorded: as a string, as a string within a
// mapping, or parsed, and then its bytes are made again.
func bodyOf(raw, parsed *yaml.Node) ([]byte, error) {
	if parsed.IsZero() {
		if raw.Kind != yaml.MappingNode {
			return []byte(raw.Value), nil
		}
		var body struct{ String *string }
		if err := raw.Decode(&body); err == nil && body.String != nil {
			return []byte(*body.String), nil
		}
		parsed = raw
	}
	var v any
	if err := parsed.Decode(&v); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// addFixture takes a file that is an answer of OpenAI's API: a JSON object, one
// chunk of a stream a line, or a stream. The request is made up.
func (c *corpus) addFixture(name string, text []byte) {
	first, chunks := bytes.TrimPrefix(text, []byte("data: ")), strings.HasSuffix(name, ".chunks.txt")
	if chunks || filepath.Ext(name) == ".sse" {
		first, _, _ = bytes.Cut(first, []byte("\n"))
	}
	var answer struct {
		Object string
		Data   []struct{ Object string }
	}
	_ = json.Unmarshal(first, &answer)
	e := exchange{name: name, status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, response: text}
	switch {
	case strings.HasPrefix(answer.Object, "chat.completion"):
		e.route, e.request = "/chat/completions", fmt.Appendf(nil, `{"model":"m","messages":[{"role":"user","content":%q}]}`, name)
	case answer.Object == "text_completion":
		e.route, e.request = "/completions", fmt.Appendf(nil, `{"model":"m","prompt":%q}`, name)
	case answer.Object == "list" && len(answer.Data) > 0 && answer.Data[0].Object == "embedding":
		e.route, e.request = "/embeddings", fmt.Appendf(nil, `{"model":"m","input":%q}`, name)
	default:
		return
	}
	if len(first) < len(text) {
		e.header.Set("Content-Type", "text/event-stream")
		e.request = append(e.request[:len(e.request)-1], `,"stream":true,"stream_options":{"include_usage":true}}`...)
	}
	if text = bytes.TrimSpace(text); chunks {
		text = bytes.ReplaceAll(text, []byte("\n"), []byte("\n\ndata: "))
		e.response = fmt.Appendf(nil, "data: %s\n\ndata: [DONE]\n\n", text)
	} else if e.streams() {
		e.response = slices.Concat(text, []byte("\n\n"))
	}
	c.exchanges = append(c.exchanges, e)
}

// model returns the place of the value of the request's model.
func (e *exchange) model(t *testing.T) (start, end int) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(e.request))
	for _, err := d.Token(); err == nil && d.More(); {
		var key json.Token
		if key, err = d.Token(); err != nil {
			break
		}
		var value json.RawMessage
		if err = d.Decode(&value); err == nil && key == "model" {
			return int(d.InputOffset()) - len(value), int(d.InputOffset())
		}
	}
	t.Fatalf("%s: no model in the request %.200s", e.name, e.request)
	return 0, 0
}
