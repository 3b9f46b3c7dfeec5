package configs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// environment is what the fixtures see. The values of the variables whose names
// end in KEY, URL or SECRET are never to be seen in a message.
var environment = map[string]string{
	"APP_KEY":           "caller-cAnArY-0123456789",
	"OPENAI_API_KEY":    "sk-openai-cAnArY-0123456789",
	"ANTHROPIC_API_KEY": "sk-ant-cAnArY-0123456789",
	"A_SECRET":          "cAnArY: {a: [b",
	"PORT":              "9090",
	"MANY":              "77",
	"EMPTY":             "",
	"YES":               "true",
}

func lookup(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	}
}

// section is one file of a txtar archive.
type section struct{ name, text string }

// readArchive reads a txtar file: a comment, then sections that begin with a
// line "-- name --".
func readArchive(t *testing.T, file string) (comment string, sections []section) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		if name, closed := strings.CutSuffix(name, " --"); ok && closed {
			sections = append(sections, section{name: name})
		} else if len(sections) == 0 {
			comment += line
		} else {
			sections[len(sections)-1].text += line
		}
	}
	return comment, sections
}

func writeArchive(t *testing.T, file, comment string, sections []section) {
	t.Helper()
	var b strings.Builder
	b.WriteString(comment)
	for _, s := range sections {
		fmt.Fprintf(&b, "-- %s --\n%s", s.name, s.text)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestBadFiles holds the messages for wrong files. In each archive a section
// NAME.yaml is followed by NAME.want. In archives whose name begins with
// "shape" the JSON Schema must refuse the file too; in "meaning" it cannot see
// the mistake.
func TestBadFiles(t *testing.T) {
	s := compiledSchema(t)
	archives, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(archives) < 4 {
		t.Fatalf("archives %v, %v", archives, err)
	}
	for _, file := range archives {
		comment, sections := readArchive(t, file)
		for i := 0; i < len(sections); i += 2 {
			in, want := sections[i], &sections[i+1]
			name := strings.TrimSuffix(in.name, ".yaml")
			if want.name != name+".want" {
				t.Fatalf("%s: %s is followed by %s", file, in.name, want.name)
			}
			t.Run(filepath.Base(file)+"/"+name, func(t *testing.T) {
				c, err := load("f.yaml", []byte(in.text), lookup(environment))
				if err == nil {
					t.Fatalf("accepted: %+v", c)
				}
				have := err.Error() + "\n"
				if *update {
					want.text = have
				}
				if diff := cmp.Diff(want.text, have); diff != "" {
					t.Errorf("(-want +have):\n%s", diff)
				}
				if strings.Contains(have, "cAnArY") {
					t.Errorf("a secret is in the message: %s", have)
				}
				switch kind, _, _ := strings.Cut(filepath.Base(file), "-"); kind {
				case "shape":
					if schemaAccepts(t, s, []byte(in.text)) == nil {
						t.Error("the schema accepts it")
					}
				case "meaning":
					if err := schemaAccepts(t, s, []byte(in.text)); err != nil {
						t.Errorf("the schema refuses it; move it to a shape archive: %v", err)
					}
				}
			})
		}
		if *update {
			writeArchive(t, file, comment, sections)
		}
	}
}

// TestGoodFiles loads what must be accepted; the schema must agree.
func TestGoodFiles(t *testing.T) {
	s := compiledSchema(t)
	_, sections := readArchive(t, "testdata/good.txtar")
	sample, err := os.ReadFile("gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sections = append(sections, section{"gateway.yaml", string(sample)})
	for _, in := range sections {
		t.Run(in.name, func(t *testing.T) {
			if _, err := load(in.name, []byte(in.text), lookup(environment)); err != nil {
				t.Errorf("Load refuses it: %v", err)
			}
			if err := schemaAccepts(t, s, []byte(in.text)); err != nil {
				t.Errorf("the schema refuses it: %v", err)
			}
		})
	}
}

// TestSampleHasEveryKey keeps the annotated sample complete.
func TestSampleHasEveryKey(t *testing.T) {
	data, err := os.ReadFile("gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	d := &decoder{report: newReport("gateway.yaml"), env: lookup(environment)}
	d.document(doc.Content[0], defaults())
	var paths []string
	for p := range d.marks {
		paths = append(paths, p)
	}
	var missing []string
	for _, want := range keysOf(reflect.TypeFor[Config](), "") {
		if !slices.ContainsFunc(paths, func(p string) bool { return generic(p) == want }) && !strings.HasPrefix(want, "mcp.servers.") {
			missing = append(missing, want)
		}
	}
	if len(missing) > 0 {
		t.Errorf("gateway.yaml does not show %v", missing)
	}
}

// keysOf lists the paths of all keys of a type, * for names and indexes.
func keysOf(t reflect.Type, at string) []string {
	var list []string
	switch t.Kind() {
	case reflect.Pointer:
		return keysOf(t.Elem(), at)
	case reflect.Slice:
		return keysOf(t.Elem(), at+".*")
	case reflect.Struct:
	default:
		return nil
	}
	known, names := fieldsOf(reflect.New(t).Elem())
	for _, name := range names {
		p := strings.TrimPrefix(at+"."+name, ".")
		list = append(append(list, p), keysOf(known[name].value.Type(), p)...)
	}
	return list
}

// generic replaces names and indexes in a path by *.
func generic(p string) string {
	parts := strings.Split(strings.NewReplacer("[", ".", "]", "").Replace(p), ".")
	for i, part := range parts {
		named := i == 1 && (parts[0] == "providers" || parts[0] == "models")
		if named || strings.Trim(part, "0123456789") == "" {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, ".")
}

func TestSampleValues(t *testing.T) {
	c, err := Load("gateway.yaml", lookup(environment))
	if err != nil {
		t.Fatal(err)
	}
	// Where the sample shows a default it is the default.
	d := defaults()
	for _, pair := range [][2]any{
		{c.Limits, d.Limits},
		{c.Timeouts, d.Timeouts},
		{c.Shutdown, d.Shutdown},
		{c.Log, d.Log},
		{c.Cache, d.Cache},
		{c.Conversation, d.Conversation},
		{c.Listen, d.Listen},
		{c.DataDir, d.DataDir},
		{c.Routing.CrossCheck, d.Routing.CrossCheck},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("sample and default differ (-default +sample):\n%s", diff)
		}
	}
	names := func() (list []string) {
		for _, p := range c.Providers {
			list = append(list, p.Name)
		}
		return list
	}()
	if diff := cmp.Diff([]string{"openai", "anthropic", "local"}, names); diff != "" {
		t.Errorf("providers lost their order (-want +have):\n%s", diff)
	}
	if have := c.Keys[0].Key.Reveal(); have != environment["APP_KEY"] {
		t.Errorf("keys[0].key is %q", have)
	}
}

func TestLoadReportsUnreadableFiles(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, bytes.Repeat([]byte("# comment\n"), maxFile/10+1), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(path, want string) {
		t.Helper()
		_, err := Load(path, lookup(nil))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("Load(%s): %v, want %q", path, err, want)
		}
	}
	f(filepath.Join(dir, "none.yaml"), "cannot open: no such file or directory")
	f(dir, "cannot read: is a directory")
	f(big, "is larger than 1048576 bytes")
}

// TestManyFaults reports all of a bounded number of mistakes.
func TestManyFaults(t *testing.T) {
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, "wrong_%d: 1\n", i)
	}
	_, err := load("f.yaml", []byte(b.String()), lookup(nil))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxFaults+1 || lines[maxFaults] != "f.yaml: and 10 more" || !strings.HasPrefix(lines[49], "f.yaml:50: wrong_49: ") {
		t.Errorf("%d lines, last %q", len(lines), lines[len(lines)-1])
	}
}

// TestAliasBomb stops at files whose aliases multiply.
func TestAliasBomb(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := load("f.yaml", []byte(text), lookup(nil))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
	long := "[" + strings.Repeat("k,", 2000) + "]"
	var b strings.Builder
	fmt.Fprintf(&b, "providers:\n  p: {dialect: openai, base_url: http://h, keys: &k %s}\n", long)
	for i := range 100 {
		fmt.Fprintf(&b, "  p%d: {dialect: openai, base_url: http://h, keys: *k}\n", i)
	}
	f(b.String(), "holds more than 100000 values")

	b.Reset()
	b.WriteString("providers:\n  p: &p0 {dialect: openai, base_url: http://h}\n")
	for i := range 7 {
		fmt.Fprintf(&b, "  p%d: &p%d {<<: [%s]}\n", i, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*p%d,", i), 40), ","))
	}
	f(b.String(), "holds more than 100000 values")
	f("limits: {body: *x, header: 1KiB}\n# *x\n", "f.yaml:1: is not YAML: an alias")
	f("limits: &l {<<: *l}\n", "merge keys are nested deeper")
	f("tiers: &t [*t]\n", "tiers[0]: must be a mapping")
}

// TestAnchors shares parts of a file.
func TestAnchors(t *testing.T) {
	c, err := load("f.yaml", []byte(`
providers:
  a: &a {dialect: openai, base_url: http://a/v1, keys: &keys [key-number-one-1]}
  b: {<<: *a, base_url: http://b/v1}
  c: {dialect: openai, base_url: http://c/v1, keys: *keys}
`), lookup(nil))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"http://a/v1", "http://b/v1", "http://c/v1"} {
		p := c.Providers[i]
		if p.BaseURL != want || p.Dialect != "openai" || len(p.Keys) != 1 || p.Keys[0].Reveal() != "key-number-one-1" {
			t.Errorf("provider %d: %+v", i, p)
		}
	}
}

// TestVariables puts environment variables into values, never into structure.
func TestVariables(t *testing.T) {
	c, err := load("f.yaml", []byte(`
listen: 127.0.0.1:${PORT}
data_dir: $${PORT}/${NOT_SET:-x}/${EMPTY:-y}${EMPTY}
keys: [{id: a, key: "${APP_KEY}"}]
state: {redis: "${NOT_SET}", postgres: "${EMPTY}"}
limits: {idle_conns: "${MANY}", body: "${MANY}KiB"}
timeouts: {idle: "${MANY}s"}
routing: {escalate: "${YES}"}
mcp: {roots: ["${A_SECRET}"]}
`), lookup(environment))
	if err != nil {
		t.Fatal(err)
	}
	f := func(what string, want, have any) {
		t.Helper()
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s (-want +have):\n%s", what, diff)
		}
	}
	f("listen", "127.0.0.1:9090", c.Listen)
	f("data_dir", "${PORT}/x/y", c.DataDir)
	f("redis", true, c.State.Redis.Empty() && c.State.Postgres.Empty())
	f("idle_conns", 77, c.Limits.IdleConns)
	f("body", int64(77<<10), c.Limits.Body)
	f("idle", "1m17s", c.Timeouts.Idle.String())
	f("escalate", true, c.Routing.Escalate)
	f("a value stays one value", []string{environment["A_SECRET"]}, c.MCP.Roots)
}
