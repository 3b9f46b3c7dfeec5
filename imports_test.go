package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/ai-mcp-gateway/gateway"

// mayImport is the import table: what each package of ours may import of
// ours, besides itself and internal/*. A key "dir/*" stands for the packages
// below dir that have no row of their own; "*" among the values is any
// package. A package without a row is an error: decide where it stands first.
var mayImport = map[string][]string{
	".": {"*"},

	"internal/*": {},
	"routing":    {},
	"store":      {},
	"telemetry":  {},
	"translate":  {},
	"console":    {},

	"translate/sse":     {"translate"},
	"translate/neutral": {"translate"},
	"translate/corpus":  {"translate", "translate/sse", "translate/*"}, // tests of all dialects together
	"translate/*":       {"translate", "translate/sse", "translate/neutral"},

	"cache":       {},
	"cache/redis": {"cache"},
	"store/*":     {"store"},

	"tenant":       {"store"},
	"conversation": {"store", "translate", "translate/neutral"},
	"upstream":     {"translate"},
	"engine":       {"translate", "translate/sse", "translate/neutral", "routing", "upstream", "cache", "conversation", "tenant", "store", "telemetry"},
	"proxy":        {"engine", "translate", "tenant", "telemetry", "store"},
	"mcp":          {"mcp/tool", "tenant"},
	"mcp/tool":     {"tenant"},
	"mcp/llm":      {"mcp/tool", "engine", "conversation", "store", "telemetry", "translate"},
	"mcp/git":      {"mcp/tool", "mcp/file", "mcp/child"},
	"mcp/testrun":  {"mcp/tool", "mcp/file", "mcp/child", "tenant"},
	"mcp/*":        {"mcp/tool"},

	"mcp/tool/tooltest": {"mcp/tool", "tenant"}, // tests of the tools
	"configs":           configured,

	"bench":   {"bench/*", "conversation", "routing"},
	"bench/*": {"bench/*"},
}

// configured are the packages whose Config structs configs fills. It may use
// nothing else of theirs, which TestConfigsUsesOnlyConfigs holds.
var configured = []string{"cache", "conversation", "engine", "mcp", "proxy", "store", "telemetry", "tenant", "upstream"}

// testsMayImport is what every test may import on top of its package's row.
var testsMayImport = []string{"bench/simulator", "store/postgres", "store/spool", "store/sqlite", "store/storetest", "mcp/tool/tooltest", "translate/openai"}

// fences names the packages that may import a third-party module, or a
// package of the standard library; "tests" is every test. A module without a row is an error: record
// it here and in docs/decisions/000-dependencies.md.
var fences = map[string][]string{
	"unsafe": {"internal/bufpool"},

	"github.com/valyala/fasthttp":  {"proxy", "upstream", "bench", "bench/*"},
	"github.com/fasthttp/router":   {"proxy"},
	"github.com/redis/go-redis/v9": {"cache/redis", "mcp/redis"},
	"go.yaml.in/yaml/v3":           {"configs", "tests"},
	"github.com/mark3labs/mcp-go":  {"mcp"},

	"github.com/jackc/pgx/v5":          {"store/postgres", "mcp/database"},
	"github.com/tiktoken-go/tokenizer": {"conversation"},
	"modernc.org/sqlite":               {"store/sqlite"},

	"github.com/aws/aws-sdk-go-v2":                          {"translate/bedrock"},
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream": {"tests"},

	"github.com/HdrHistogram/hdrhistogram-go": {"bench", "bench/*"},
	"github.com/klauspost/compress":           {"cache/redis", "store/archive", "upstream"},
	"github.com/tidwall/gjson":                {"bench/simulator", "tests"},
	"golang.org/x/sys":                        {"*"},

	"github.com/anthropics/anthropic-sdk-go":   {"tests"},
	"github.com/google/go-cmp":                 {"tests", "store/storetest"},
	"github.com/modelcontextprotocol/go-sdk":   {"tests"},
	"github.com/openai/openai-go/v3":           {"tests"},
	"github.com/santhosh-tekuri/jsonschema/v6": {"engine", "tests"},
	"go.uber.org/goleak":                       {"tests"},
}

func TestImports(t *testing.T) {
	files := 0
	eachGoFile(t, parser.ImportsOnly, func(pkg, name string, file *ast.File) {
		files++
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if problem := judge(pkg, imported, strings.HasSuffix(name, "_test.go")); problem != "" {
				t.Errorf("%s: %s", name, problem)
			}
		}
	})
	if files == 0 {
		t.Error("no Go file was looked at")
	}
}

// TestConfigsUsesOnlyConfigs holds the second half of the row of configs: of
// other packages it names Config structs and the functions that return their
// defaults, and nothing else.
func TestConfigsUsesOnlyConfigs(t *testing.T) {
	eachGoFile(t, parser.SkipObjectResolution, func(pkg, name string, file *ast.File) {
		if pkg != "configs" || strings.HasSuffix(name, "_test.go") {
			return
		}
		for _, used := range foreignNames(file, configured) {
			_, ident, _ := strings.Cut(used, ".")
			if ident != "Defaults" && !strings.HasSuffix(ident, "Config") {
				t.Errorf("%s: configs uses %s, which is not a Config", name, used)
			}
		}
	})
}

// TestDependenciesAreRecorded holds that every fenced module is one that the
// build uses, and one that is explained.
func TestDependenciesAreRecorded(t *testing.T) {
	for _, name := range []string{"go.mod", "docs/decisions/000-dependencies.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for dep := range fences {
			if strings.Contains(dep, ".") && !strings.Contains(string(text), dep) {
				t.Errorf("%s does not name %s, which has a fence", name, dep)
			}
		}
	}
}

func TestJudge(t *testing.T) {
	f := func(pkg, imported string, isTest, allowed bool) {
		t.Helper()
		if got := judge(pkg, imported, isTest) == ""; got != allowed {
			t.Errorf("judge(%q, %q, %v) allows: %v, want %v", pkg, imported, isTest, got, allowed)
		}
	}
	const test, code = true, false
	f("engine", module+"/cache", code, true)
	f("engine", module+"/internal/secret", code, true)
	f("engine", module+"/cache/redis", code, false)
	f("cache", module+"/engine", code, false)
	f("translate/openai", module+"/translate/sse", code, true)
	f("translate/openai", module+"/translate/anthropic", code, false)
	f("internal/secret", module+"/cache", code, false)
	f("mcp", module+"/proxy", test, false)
	f("engine", module+"/bench/simulator", test, true)
	f("engine", module+"/bench/simulator", code, false)
	f("proxy", module, code, false)
	f(".", module+"/cache/redis", code, true)
	f("brandnew", "os", code, false)

	f("proxy", "github.com/valyala/fasthttp/fasthttputil", test, true)
	f("engine", "github.com/valyala/fasthttp", test, false)
	f(".", "github.com/valyala/fasthttp", code, false)
	f("cache/redis", "github.com/redis/go-redis/v9", code, true)
	f("cache", "github.com/redis/go-redis/v9", code, false)
	f("proxy", "github.com/google/go-cmp/cmp", test, true)
	f("proxy", "github.com/google/go-cmp/cmp", code, false)
	f("proxy", "example.com/unheard/of", code, false)
	f("proxy", "unsafe", code, false)
	f("internal/bufpool", "unsafe", code, true)
	f("proxy", "net/http", code, true)
}

func TestForeignNames(t *testing.T) {
	const src = `package configs
import (
	"os"
	up "` + module + `/upstream"
	"` + module + `/proxy"
)
var _ up.Config
var _ = proxy.Listen(os.Args)
`
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"up.Config", "proxy.Listen"}
	if diff := cmp.Diff(want, foreignNames(file, configured)); diff != "" {
		t.Error(diff)
	}
}

// eachGoFile parses every Go file of the module and passes it on with its
// package's path from the root, "." for the root itself.
func eachGoFile(t *testing.T, mode parser.Mode, visit func(pkg, name string, file *ast.File)) {
	t.Helper()
	eachFile(t, ".go", func(name string) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, mode)
		if err != nil {
			t.Fatal(err)
		}
		visit(path.Dir(name), name, file)
	})
}

// judge says what is wrong with an import, or "" when the tables allow it.
func judge(pkg, imported string, isTest bool) string {
	allowed, known := row(pkg)
	if !known {
		return fmt.Sprintf("package %s has no row in the import table", pkg)
	}
	if imported == module {
		return "nobody imports the root"
	}
	if of, ours := strings.CutPrefix(imported, module+"/"); ours {
		if of == pkg || matches("internal/*", of) || matchesAny(allowed, of) || isTest && matchesAny(testsMayImport, of) {
			return ""
		}
		return fmt.Sprintf("package %s may not import %s", pkg, of)
	}
	for dep, inside := range fences {
		if imported != dep && !strings.HasPrefix(imported, dep+"/") {
			continue
		}
		if matchesAny(inside, pkg) || isTest && slices.Contains(inside, "tests") {
			return ""
		}
		return fmt.Sprintf("package %s may not import %s, which belongs to %s", pkg, imported, strings.Join(inside, ", "))
	}
	if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
		return fmt.Sprintf("third-party package %s has no row among the fences", imported)
	}
	return ""
}

// row returns what pkg may import: its own row, else that of the nearest
// directory above it.
func row(pkg string) (allowed []string, known bool) {
	if allowed, known = mayImport[pkg]; known {
		return allowed, true
	}
	for dir := path.Dir(pkg); dir != "."; dir = path.Dir(dir) {
		if allowed, known = mayImport[dir+"/*"]; known {
			return allowed, true
		}
	}
	return nil, false
}

func matchesAny(patterns []string, pkg string) bool {
	for _, p := range patterns {
		if matches(p, pkg) {
			return true
		}
	}
	return false
}

func matches(pattern, pkg string) bool {
	if below, wild := strings.CutSuffix(pattern, "*"); wild {
		return strings.HasPrefix(pkg, below)
	}
	return pattern == pkg
}

// foreignNames lists the selectors of a file that name something in the given
// packages of ours, as written.
func foreignNames(file *ast.File, pkgs []string) []string {
	local := map[string]bool{}
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		of, ours := strings.CutPrefix(imported, module+"/")
		if !ours || !matchesAny(pkgs, of) {
			continue
		}
		if spec.Name != nil {
			local[spec.Name.Name] = true
		} else {
			local[path.Base(of)] = true
		}
	}
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && local[x.Name] {
			names = append(names, x.Name+"."+sel.Sel.Name)
		}
		return true
	})
	return names
}
