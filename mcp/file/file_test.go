package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/mcp/file"
	"github.com/ai-mcp-gateway/gateway/mcp/tool/tooltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "the secret outside"

// space is a root, with a secret beside it.
type space struct {
	*tooltest.Set
	t                     testing.TB
	root, outside, secret string
}

func newSpace(t testing.TB) *space {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &space{t: t, root: filepath.Join(dir, "root"), outside: filepath.Join(dir, "root-outside")}
	s.secret = filepath.Join(s.outside, "secret.txt")
	for _, d := range []string{s.root, s.outside} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(s.secret, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	roots, err := file.OpenRoots([]string{s.root})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(roots.Close)
	s.Set = tooltest.New(t, file.Tools(roots, true))
	return s
}

func (s *space) write(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	s := newSpace(t)
	s.write("five.txt", "1\n2\n3\n4\n5\n")
	f := func(arguments, want string, truncated bool) {
		t.Helper()
		var got struct {
			Content   string
			Truncated bool
		}
		s.OK("read_text_file", arguments, &got)
		if got.Content != want || got.Truncated != truncated {
			t.Errorf("%s: %q, %v; want %q, %v", arguments, got.Content, got.Truncated, want, truncated)
		}
	}
	f(`{"path":"five.txt"}`, "1\n2\n3\n4\n5\n", false)
	f(`{"path":"`+s.root+`/five.txt"}`, "1\n2\n3\n4\n5\n", false)
	f(`{"path":"five.txt","head":2}`, "1\n2\n", true)
	f(`{"path":"five.txt","head":5}`, "1\n2\n3\n4\n5\n", false)
	f(`{"path":"five.txt","head":9}`, "1\n2\n3\n4\n5\n", false)
	f(`{"path":"five.txt","tail":2}`, "4\n5\n", true)
	f(`{"path":"five.txt","tail":9}`, "1\n2\n3\n4\n5\n", false)
	f(`{"path":"five.txt","offset":2,"limit":2}`, "2\n3\n", true)
	f(`{"path":"five.txt","offset":5}`, "5\n", false)
	f(`{"path":"five.txt","offset":9}`, "", false)
	s.Refused("read_text_file", `{"path":"five.txt","head":1,"tail":1}`, "Give one of")
	s.Refused("read_text_file", `{"path":"none.txt"}`, "does not exist")
	s.Refused("read_text_file", `{"path":"."}`, "directory")
	s.Refused("read_text_file", `{"Path":"five.txt"}`, `"path" is missing`)
	s.Refused("read_text_file", `{"path":"five.txt","heads":1}`, `Did you mean "head"?`)
	s.Refused("read_text_file", `{"path":7}`, "a string")

	s.write("binary", "a\x00b")
	s.Refused("read_text_file", `{"path":"binary"}`, "not a text")
	s.write("latin", "caf\xe9\n")
	var got struct{ Content, Encoding string }
	s.OK("read_text_file", `{"path":"latin"}`, &got)
	if got.Encoding != "unknown" || got.Content != "caf\uFFFD\n" {
		t.Errorf("%+v", got)
	}
	var many struct {
		Files []struct{ Path, Content, Error string }
	}
	s.OK("read_multiple_files", `{"paths":["five.txt","none.txt","../x"]}`, &many)
	if len(many.Files) != 3 || many.Files[0].Content == "" || many.Files[1].Error == "" || many.Files[2].Error == "" {
		t.Errorf("%+v", many)
	}
	s.write("p.png", "\x89PNG\r\n\x1a\n0000")
	if r := s.Call("read_media_file", `{"path":"p.png"}`); r.Failed || r.Blocks[0].Type != "image/png" || len(r.Blocks[0].Data) != 12 {
		t.Errorf("%+v", r)
	}
}

// TestLongFile holds that an answer is bounded, and says so, however long the
// file is (a sparse one of 100 MiB, and one line of 1 MiB of wide characters).
func TestLongFile(t *testing.T) {
	s := newSpace(t)
	s.write("long.txt", strings.Repeat("é", 512<<10))
	for _, arguments := range []string{`{"path":"long.txt"}`, `{"path":"long.txt","tail":1}`, `{"path":"long.txt","offset":1,"limit":1}`} {
		var got struct {
			Content, Encoding string
			Truncated         bool
			Size              int64
		}
		s.OK("read_text_file", arguments, &got)
		if !got.Truncated || len(got.Content) > 256<<10 || len(got.Content) < 250<<10 || got.Size != 1<<20 || got.Encoding != "utf-8" {
			t.Errorf("%s: %d bytes, %v, %s", arguments, len(got.Content), got.Truncated, got.Encoding)
		}
	}
	s.write("sparse", "")
	if err := os.Truncate(filepath.Join(s.root, "sparse"), 100<<20); err != nil {
		t.Fatal(err)
	}
	s.Refused("read_media_file", `{"path":"sparse"}`, "8 MiB is the most")
	s.Refused("read_text_file", `{"path":"sparse"}`, "not a text")
}

func TestListAndSearch(t *testing.T) {
	s := newSpace(t)
	s.write("b.go", "package b\n")
	s.write("a/x_test.go", "package a\nfunc TestX() {}\n")
	s.write("a/deep/y.txt", "TestX is here\n")
	s.write(".git/config", "TestX\n")
	var list struct {
		Entries    []struct{ Name, Type string }
		NextCursor string
	}
	s.OK("list_directory", `{"path":"."}`, &list)
	if fmt.Sprint(list.Entries) != "[{.git directory} {a directory} {b.go file}]" {
		t.Errorf("%+v", list)
	}
	for i := range 501 {
		s.write(fmt.Sprintf("many/%03d", i), "")
	}
	s.OK("list_directory", `{"path":"many"}`, &list)
	if len(list.Entries) != 500 || list.NextCursor != "500" {
		t.Errorf("%d entries, then %q", len(list.Entries), list.NextCursor)
	}
	list.NextCursor = ""
	s.OK("list_directory", `{"path":"many","cursor":"500"}`, &list)
	if len(list.Entries) != 1 || list.NextCursor != "" {
		t.Errorf("%d entries, then %q", len(list.Entries), list.NextCursor)
	}
	search := func(arguments, want string) {
		t.Helper()
		var got struct{ Matches []string }
		s.OK("search_files", arguments, &got)
		if fmt.Sprint(got.Matches) != want {
			t.Errorf("%s: %v, want %s", arguments, got.Matches, want)
		}
	}
	search(`{"path":".","pattern":"*.go"}`, "[a/x_test.go b.go]")
	search(`{"path":".","pattern":"a/**/*.txt"}`, "[a/deep/y.txt]")
	search(`{"path":"a","pattern":"*"}`, "[a/deep a/deep/y.txt a/x_test.go]")
	search(`{"path":".","pattern":"*.go","excludePatterns":["a"]}`, "[b.go]")
	var grep struct {
		Matches []struct {
			Path string
			Line int
			Text string
		}
		Truncated bool
	}
	s.OK("grep_files", `{"path":".","pattern":"Test[X]"}`, &grep)
	if fmt.Sprint(grep.Matches) != "[{a/deep/y.txt 1 TestX is here} {a/x_test.go 2 func TestX() {}}]" || grep.Truncated {
		t.Errorf("%+v", grep)
	}
	s.OK("grep_files", `{"path":".","pattern":"TestX","glob":"*.go","maxMatches":1}`, &grep)
	if len(grep.Matches) != 1 || !grep.Truncated {
		t.Errorf("%+v", grep)
	}
	s.Refused("grep_files", `{"path":".","pattern":"("}`, "no regular expression")
	var tree struct {
		Tree []struct {
			Name     string
			Children []struct{ Name string }
		}
		Truncated bool
	}
	s.OK("directory_tree", `{"path":".","maxDepth":2,"excludePatterns":["many"]}`, &tree)
	if len(tree.Tree) != 2 || len(tree.Tree[0].Children) != 2 || !tree.Truncated {
		t.Errorf("%+v", tree)
	}
}

func TestWrite(t *testing.T) {
	s := newSpace(t)
	var wrote struct {
		SHA256  string
		Created bool
	}
	s.OK("write_file", `{"path":"w.txt","content":"one two one\n"}`, &wrote)
	if !wrote.Created {
		t.Errorf("%+v", wrote)
	}
	s.Refused("write_file", `{"path":"w.txt","content":"x","expectedSha256":"00"}`, "has changed")
	s.OK("write_file", tooltest.JSON(t, map[string]string{"path": "w.txt", "content": "one two one\n", "expectedSha256": wrote.SHA256}), &wrote)
	var edited struct {
		Diff    string
		Applied bool
	}
	s.Refused("edit_file", `{"path":"w.txt","edits":[{"oldText":"one","newText":"1"}]}`, "more than once")
	s.Refused("edit_file", `{"path":"w.txt","edits":[{"oldText":"three","newText":"1"}]}`, "does not stand")
	s.OK("edit_file", `{"path":"w.txt","edits":[{"oldText":"two","newText":"2"}],"dryRun":true}`, &edited)
	if edited.Applied || edited.Diff != "--- a/w.txt\n+++ b/w.txt\n@@ -1,1 +1,1 @@\n-one two one\n+one 2 one\n" {
		t.Errorf("%+v", edited)
	}
	s.OK("edit_file", `{"path":"w.txt","edits":[{"oldText":"two","newText":"2"}]}`, &edited)
	if b, err := os.ReadFile(filepath.Join(s.root, "w.txt")); err != nil || string(b) != "one 2 one\n" || !edited.Applied {
		t.Errorf("%q, %v", b, err)
	}
	var out struct{ Created, Moved, Deleted bool }
	s.OK("create_directory", `{"path":"d/e"}`, &out)
	s.OK("move_file", `{"source":"w.txt","destination":"d/w.txt"}`, &out)
	s.write("w.txt", "")
	s.Refused("move_file", `{"source":"d/w.txt","destination":"w.txt"}`, "exists already")
	s.Refused("move_file", `{"source":"d","destination":"w.txt"}`, "exists already")
	s.Refused("move_file", `{"source":".","destination":"x"}`, "itself")
	s.OK("move_file", `{"source":"d","destination":"f"}`, &out)
	s.Refused("delete_file", `{"path":"f"}`, "not empty")
	s.OK("delete_file", `{"path":"f/w.txt"}`, &out)
	if !out.Created || !out.Moved || !out.Deleted {
		t.Errorf("%+v", out)
	}
	if left, err := filepath.Glob(filepath.Join(s.root, "*", ".gateway-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestHostilePaths holds that no path leads out, in any tool, and that no
// refusal tells where the root is.
func TestHostilePaths(t *testing.T) {
	s := newSpace(t)
	s.write("in.txt", "in")
	links := map[string]string{
		"link": s.secret, "dir": s.outside, "up": "..", "relative": "../root-outside/secret.txt", "chain": "link", "self": "self",
		"proc": "/proc/self/root", "fd": "/proc/self/fd", "dev": "/dev/zero",
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(s.root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(s.root, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := []string{
		"..", "../root-outside/secret.txt", "./../root-outside/secret.txt", "a/../../root-outside/secret.txt", "/etc/passwd", "/",
		s.secret, s.outside, s.root + "-outside/secret.txt", s.root + "/../root-outside/secret.txt", "//" + s.secret,
		"link", "dir/secret.txt", "up/root-outside/secret.txt", "relative", "chain", "self", "proc/etc/passwd", "fd/0", "dev", "pipe",
		"dir", "in.txt/../../root-outside/secret.txt", "~/x", "$HOME", "in.txt\x00/../x", "", strings.Repeat("a/", 5000), strings.Repeat("x", 300),
	}
	tools := map[string]string{
		"read_text_file": `{"path":%s}`, "read_media_file": `{"path":%s}`, "read_multiple_files": `{"paths":[%s]}`,
		"list_directory": `{"path":%s}`, "directory_tree": `{"path":%s}`, "search_files": `{"path":%s,"pattern":"secret*"}`,
		"grep_files": `{"path":%s,"pattern":"secret"}`, "get_file_info": `{"path":%s,"hash":true}`,
		"write_file": `{"path":%s,"content":"overwritten"}`, "edit_file": `{"path":%s,"edits":[{"oldText":"secret","newText":"x"}]}`,
		"create_directory": `{"path":%s}`, "move_file": `{"source":%s,"destination":"taken"}`,
		"delete_file": `{"path":%s}`,
	}
	for _, name := range []string{
		"read_text_file", "read_media_file", "read_multiple_files", "list_directory", "directory_tree", "search_files", "grep_files", "get_file_info",
		"write_file", "edit_file", "create_directory", "move_file", "delete_file",
	} {
		for _, path := range paths {
			if path == "dir" && (name == "move_file" || name == "delete_file") || links[path] != "" && (name == "delete_file" || name == "move_file") || path == "pipe" && (name == "delete_file" || name == "move_file") {
				continue // the link itself is inside, and may be moved
			}
			r := s.Call(name, fmt.Sprintf(tools[name], tooltest.JSON(t, path)))
			said := tooltest.Text(r) + string(r.Structured)
			if strings.Contains(said, secret) || strings.Contains(said, "secret.txt\"") && !strings.Contains(path, "secret") {
				t.Errorf("%s %q: %s", name, path, said)
			}
			if r.Failed && strings.Contains(strings.ReplaceAll(said, path, ""), filepath.Dir(s.root)) {
				t.Errorf("%s %q tells of the host: %s", name, path, said)
			}
		}
	}
	s.Call("move_file", tooltest.JSON(t, map[string]string{"source": "in.txt", "destination": s.outside + "/in.txt"}))
	s.Call("move_file", `{"source":"in.txt","destination":"dir/in.txt"}`)
	if b, err := os.ReadFile(s.secret); err != nil || string(b) != secret {
		t.Errorf("the secret is %q, %v", b, err)
	}
	if entries, err := os.ReadDir(s.outside); err != nil || len(entries) != 1 {
		t.Errorf("outside there are %v, %v", entries, err)
	}
}

// TestSwappedLinks holds that no operation gets out while a directory is
// swapped for a link, and back, 100,000 times under it.
func TestSwappedLinks(t *testing.T) {
	s := newSpace(t)
	s.write("d/secret.txt", "inside")
	swaps := 100_000
	if testing.Short() {
		swaps = 10_000
	}
	if err := os.Symlink(s.outside, filepath.Join(s.root, "link")); err != nil {
		t.Fatal(err)
	}
	var done atomic.Bool
	var calls atomic.Int64
	var users sync.WaitGroup
	for _, call := range [][2]string{
		{"read_text_file", `{"path":"d/secret.txt"}`},
		{"write_file", `{"path":"d/secret.txt","content":"written"}`},
		{"grep_files", `{"path":"d","pattern":"."}`},
		{"create_directory", `{"path":"d/new"}`},
	} {
		users.Go(func() {
			for !done.Load() {
				r := s.Call(call[0], call[1])
				calls.Add(1)
				if said := tooltest.Text(r) + string(r.Structured); strings.Contains(said, secret) {
					t.Errorf("%s got out: %s", call[0], said)
					return
				}
			}
		})
	}
	at := func(name string) string { return filepath.Join(s.root, name) }
	for range swaps / 2 {
		// renameat2 swaps both names in one step.
		if err := exchange(at("d"), at("link")); err != nil {
			t.Error(err)
			break
		}
		if err := exchange(at("d"), at("link")); err != nil {
			t.Error(err)
			break
		}
	}
	done.Store(true)
	users.Wait()
	if b, err := os.ReadFile(s.secret); err != nil || string(b) != secret {
		t.Errorf("the secret is %q, %v", b, err)
	}
	if entries, err := os.ReadDir(s.outside); err != nil || len(entries) != 1 {
		t.Errorf("outside there are %v, %v", entries, err)
	}
	t.Logf("%d swaps, %d calls", swaps, calls.Load())
}

func TestNoRoots(t *testing.T) {
	roots, err := file.OpenRoots(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := tooltest.New(t, file.Tools(roots, false))
	s.Refused("read_text_file", `{"path":"/etc/passwd"}`, "No directory is allowed")
	if _, err := s.Find("write_file"); err == nil {
		t.Error("a tool that writes is there")
	}
}
