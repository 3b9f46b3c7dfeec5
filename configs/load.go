package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/ai-mcp-gateway/gateway/internal/secret"
)

// maxFile is the most bytes of a configuration file.
const maxFile = 1 << 20

// Load reads the YAML file at path. env looks up environment variables as
// os.LookupEnv does; some of them take the place of what the file says (see
// FromEnv). The error joins every mistake found, each in the form
// "file:line: path: what is wrong", and holds no secret.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return load(path, data, env)
}

// load is Load of a file that was read.
func load(name string, data []byte, env func(string) (string, bool)) (*Config, error) {
	doc, err := parse(name, data)
	if err != nil {
		return nil, err
	}
	c := defaults()
	r := newReport(name)
	d := &decoder{report: r, env: env}
	d.document(doc, c)
	return finish(c, r, env)
}

// finish turns what was read into a complete configuration.
func finish(c *Config, r *report, env func(string) (string, bool)) (*Config, error) {
	override(c, r, env)
	if len(c.Providers) == 0 {
		c.Providers = providersFromEnv(r, env)
	}
	c.normalize()
	c.catalogue = catalogueOn(time.Now())
	c.ladderGiven, c.asked = len(c.Tiers) > 0, c.Routing
	check(c, r)
	if err := r.err(); err != nil {
		return nil, err
	}
	c.climb()
	return c, nil
}

// normalize gives one form to values that may be written in several.
func (c *Config) normalize() {
	for i := range c.Providers {
		p := &c.Providers[i]
		p.BaseURL = strings.TrimRight(p.BaseURL, "/")
		if p.StreamUsage == "" {
			p.StreamUsage = "auto"
		}
	}
	for i := range c.Keys {
		if c.Keys[i].Tenant == "" {
			c.Keys[i].Tenant = "default"
		}
	}
	if c.Cache.Response.TTL == 0 {
		c.Cache.Response.TTL = time.Hour
	}
	if c.Cache.Response.Memory == 0 {
		c.Cache.Response.Memory = 256 << 20
	}
}

// override puts the environment variables that have a place of their own in
// the configuration over what the file says. An empty variable counts as none.
func override(c *Config, r *report, env func(string) (string, bool)) {
	set := func(name, path string, store func(string)) {
		if value, _ := env(name); value != "" {
			r.marks[path] = mark{env: name}
			store(value)
		}
	}
	text := func(to *string) func(string) { return func(v string) { *to = v } }
	hidden := func(to *secret.String) func(string) { return func(v string) { *to = secret.New(v) } }
	set("GATEWAY_LISTEN", "listen", text(&c.Listen))
	set("GATEWAY_DATA_DIR", "data_dir", text(&c.DataDir))
	set("GATEWAY_ADMIN_KEY", "admin_key", hidden(&c.AdminKey))
	set("REDIS_URL", "state.redis", hidden(&c.State.Redis))
	set("DATABASE_URL", "state.postgres", hidden(&c.State.Postgres))
	set("LOG_LEVEL", "log.level", func(v string) { c.Log.Level = strings.ToLower(v) })
	set("MODE", "mode", text(&c.Mode))
	set("MCP_ROOTS", "mcp.roots", func(v string) { c.MCP.Roots = filepath.SplitList(v) })
	set("MCP_WRITE", "mcp.write", func(v string) { c.MCP.Write = strings.Split(v, ",") })
	set("MCP_DATABASE_URL", "mcp.database", hidden(&c.MCP.Database))
	set("MCP_REDIS_URL", "mcp.redis", hidden(&c.MCP.Redis))
	set("MCP_SANDBOX", "mcp.sandbox", text(&c.MCP.Sandbox))
	set("MCP_PROFILE", "mcp.profile", text(&c.MCP.Profile))
	set("GATEWAY_AUTH", "auth", text(&c.Auth))
	keys, _ := env("GATEWAY_KEYS")
	for _, k := range keysFromEnv(keys) {
		r.marks[fmt.Sprintf("keys[%d]", len(c.Keys))] = mark{env: "GATEWAY_KEYS"}
		c.Keys = append(c.Keys, k)
	}
}

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot open: %w", path, cause(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: cannot read: %w", path, cause(err))
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: is larger than %d bytes", path, maxFile)
	}
	return data, nil
}

// cause takes the path out of an error, which the caller names already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// parse reads the one YAML document of a file.
func parse(name string, data []byte) (*yaml.Node, error) {
	if err := checkText(name, data); err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF) || err == nil && (len(doc.Content) == 0 || isNull(doc.Content[0])):
		return nil, fault{file: name, problem: "is empty; a configuration needs at least one key"}
	case err != nil:
		return nil, syntaxError(name, data, err)
	}
	err = dec.Decode(&second)
	switch {
	case err == nil:
		return nil, fault{file: name, line: second.Line, problem: "a second document starts here; one file is one document"}
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(name, data, err)
	}
	return doc.Content[0], nil
}

// checkText refuses bytes that are no text, for which the YAML parser would
// not say where they are.
func checkText(name string, data []byte) error {
	line := 1
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && n == 1:
			return fault{file: name, line: line, problem: "is not UTF-8 text"}
		case r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f:
			return fault{file: name, line: line, problem: fmt.Sprintf("holds the control character U+%04X", r)}
		case r == '\n':
			line++
		}
		data = data[n:]
	}
	return nil
}

var (
	yamlLine   = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?(.*)`)
	yamlAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced`)
)

// syntaxError gives the YAML parser's message our form. An anchor's name is
// left out: a mistyped secret can look like one.
func syntaxError(name string, data []byte, err error) error {
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return fault{file: name, problem: "is not YAML"}
	}
	f := fault{file: name, problem: "is not YAML: " + m[2]}
	f.line, _ = strconv.Atoi(m[1]) // none: the first line
	if m[1] == "" || strings.HasPrefix(m[2], "did not find expected") {
		f.line++ // the parser, unlike the scanner, counts lines from 0
	}
	lines := strings.Split(string(data), "\n")
	if a := yamlAnchor.FindStringSubmatch(m[2]); a != nil {
		f.problem = "is not YAML: an alias (*name) without its anchor (&name); put text that begins with * in quotes"
		f.line = 1 + max(0, slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "*"+a[1]) }))
	}
	for i := max(f.line-2, 0); i < min(f.line+1, len(lines)); i++ {
		if strings.Contains(lines[i], "${") {
			f.problem += `; inside { } and [ ] a value with ${...} needs quotes: "${NAME}"`
			break
		}
	}
	return f
}
