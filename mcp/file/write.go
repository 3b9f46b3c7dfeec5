package file

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

type writeIn struct {
	Path     string `json:"path"`
	Content  string `json:"content"`
	Expected string `json:"expectedSha256,omitempty" doc:"of the file as it is; another one is not overwritten"`
}

type writeOut struct {
	Path    string `json:"path"`
	Bytes   int    `json:"bytes"`
	SHA256  string `json:"sha256"`
	Created bool   `json:"created"`
}

func (f *files) write(_ context.Context, _ *tool.Call, in *writeIn) (*writeOut, error) {
	p, err := f.roots.find(in.Path)
	if err != nil {
		return nil, err
	}
	if in.Expected != "" {
		now, err := p.hash(in.Path)
		if err != nil {
			return nil, err
		}
		if !strings.EqualFold(now, in.Expected) {
			return nil, tool.Errorf("%q has changed: its SHA-256 is %s. Read it again.", shown(in.Path), now)
		}
	}
	created, err := p.replace([]byte(in.Content))
	if err != nil {
		return nil, refusal(in.Path, err)
	}
	sum := sha256.Sum256([]byte(in.Content))
	return &writeOut{in.Path, len(in.Content), hex.EncodeToString(sum[:]), created}, nil
}

// replace puts content in the place of a file, in one step. A file that has
// other names keeps its old content under those.
func (p place) replace(content []byte) (created bool, err error) {
	mode := fs.FileMode(0o644)
	switch info, err := p.dir.Lstat(p.name); {
	case errors.Is(err, fs.ErrNotExist):
		created = true
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, tool.Errorf("%q is a %s, and not a file.", shown(p.name), kindOf(info.Mode()))
	default:
		mode = info.Mode().Perm()
	}
	temporary := path.Join(path.Dir(p.name), ".gateway-"+rand.Text())
	f, err := p.dir.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return false, err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = p.dir.Rename(temporary, p.name)
	}
	if err != nil {
		_ = p.dir.Remove(temporary)
		return false, err
	}
	return created, p.syncDirectory()
}

// syncDirectory makes a rename durable.
func (p place) syncDirectory() error {
	d, err := p.dir.OpenFile(path.Dir(p.name), os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync() // not every file system has it
	return nil
}

type editIn struct {
	Path   string    `json:"path"`
	Edits  []oneEdit `json:"edits" min:"1" max:"200"`
	DryRun bool      `json:"dryRun,omitempty" doc:"only show the diff"`
}

type oneEdit struct {
	Old string `json:"oldText" min:"1"`
	New string `json:"newText"`
}

type editOut struct {
	Diff    string `json:"diff"`
	Applied bool   `json:"applied"`
}

// maxEdited is the longest file that is edited, in bytes.
const maxEdited = 8 << 20

func (f *files) edit(_ context.Context, _ *tool.Call, in *editIn) (*editOut, error) {
	p, err := f.roots.find(in.Path)
	if err != nil {
		return nil, err
	}
	file, info, err := p.openRegular(in.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.Size() > maxEdited {
		return nil, tool.Errorf("%q is longer than 8 MiB, which is the most that is edited.", shown(in.Path))
	}
	old, err := io.ReadAll(io.LimitReader(file, maxEdited))
	if err != nil {
		return nil, refusal(in.Path, err)
	}
	text := string(old)
	for i, e := range in.Edits {
		switch strings.Count(text, e.Old) {
		case 1:
			text = strings.Replace(text, e.Old, e.New, 1)
		case 0:
			return nil, tool.Errorf("The oldText of edit %d does not stand in %q. Nothing is changed.", i+1, shown(in.Path))
		default:
			return nil, tool.Errorf("The oldText of edit %d stands in %q more than once: give more of what is around it. Nothing is changed.", i+1, shown(in.Path))
		}
	}
	out := &editOut{Diff: diff(shown(in.Path), string(old), text)}
	if in.DryRun || text == string(old) {
		return out, nil
	}
	if _, err := p.replace([]byte(text)); err != nil {
		return nil, refusal(in.Path, err)
	}
	out.Applied = true
	return out, nil
}

// diff is a unified diff of one hunk, from the first line that differs to the
// last.
func diff(name, old, new string) string {
	const around, most = 3, 64 << 10
	a, b := linesOf(old), linesOf(new)
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	tail := 0
	for tail < len(a)-same && tail < len(b)-same && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	from, rest := max(0, same-around), max(0, tail-around)
	var d strings.Builder
	fmt.Fprintf(&d, "--- a/%s\n+++ b/%s\n@@ -%d,%d +%d,%d @@\n", name, name, from+1, len(a)-from-rest, from+1, len(b)-from-rest)
	add := func(mark string, lines []string) {
		for _, line := range lines {
			d.WriteString(mark + strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	add(" ", a[from:same])
	add("-", a[same:len(a)-tail])
	add("+", b[same:len(b)-tail])
	add(" ", a[len(a)-tail:len(a)-rest])
	if d.Len() > most {
		return strings.ToValidUTF8(d.String()[:most], "") + "\n(cut)\n"
	}
	return d.String()
}

func linesOf(text string) []string {
	lines := strings.SplitAfter(text, "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" })
}

type createIn struct {
	Path string `json:"path"`
}

type createOut struct {
	Path    string `json:"path"`
	Created bool   `json:"created"`
}

func (f *files) createDirectory(_ context.Context, _ *tool.Call, in *createIn) (*createOut, error) {
	p, err := f.roots.find(in.Path)
	if err != nil {
		return nil, err
	}
	_, before := p.dir.Lstat(p.name)
	if err := p.dir.MkdirAll(p.name, 0o755); err != nil {
		return nil, refusal(in.Path, err)
	}
	return &createOut{in.Path, errors.Is(before, fs.ErrNotExist)}, nil
}

type moveIn struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
}

type moveOut struct {
	Moved bool `json:"moved"`
}

func (f *files) move(_ context.Context, _ *tool.Call, in *moveIn) (*moveOut, error) {
	from, err := f.roots.find(in.Source)
	if err != nil {
		return nil, err
	}
	to, err := f.roots.find(in.Destination)
	if err != nil {
		return nil, err
	}
	if from.root != to.root {
		return nil, tool.Errorf("Source and destination are below different allowed directories: write the file anew, and delete the old one.")
	}
	if from.name == "." {
		return nil, tool.Errorf("An allowed directory itself cannot be moved.")
	}
	info, err := from.dir.Lstat(from.name)
	if err != nil {
		return nil, refusal(in.Source, err)
	}
	if info.Mode().IsRegular() {
		// A second name, and then one less: unlike a rename, the first step fails
		// where there is something already.
		if err := from.dir.Link(from.name, to.name); err != nil {
			return nil, refusal(in.Destination, err)
		}
		if err := from.dir.Remove(from.name); err != nil {
			return nil, refusal(in.Source, err)
		}
		return &moveOut{true}, nil
	}
	if _, err := to.dir.Lstat(to.name); err == nil {
		return nil, refusal(in.Destination, fs.ErrExist)
	}
	if err := from.dir.Rename(from.name, to.name); err != nil {
		return nil, refusal(in.Source, err)
	}
	return &moveOut{true}, nil
}

type removeIn struct {
	Path string `json:"path"`
}

type removeOut struct {
	Deleted bool `json:"deleted"`
}

func (f *files) remove(_ context.Context, _ *tool.Call, in *removeIn) (*removeOut, error) {
	p, err := f.roots.find(in.Path)
	if err != nil {
		return nil, err
	}
	if p.name == "." {
		return nil, tool.Errorf("An allowed directory itself cannot be deleted.")
	}
	switch err := p.dir.Remove(p.name); {
	case errors.Is(err, fs.ErrNotExist):
		return &removeOut{false}, nil
	case err != nil:
		return nil, refusal(in.Path, err)
	}
	return &removeOut{true}, nil
}
