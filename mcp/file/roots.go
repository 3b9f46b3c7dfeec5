// Package file is the tools for files below a few directories, the roots.
//
// Every operation goes through an os.Root: a name is resolved and used in one
// step, below an open directory, so that nothing can be swapped in between and
// no link leads out. What a Root does not stop is refused here: devices, pipes
// and other things that are no regular files, and files without end.
package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

// Roots are the directories that tools may see. They are safe for concurrent
// use.
type Roots struct {
	mu   sync.RWMutex
	list []*root
}

type root struct {
	path string // absolute, without links
	dir  *os.Root
}

// OpenRoots opens directories. Those inside another one are fine.
func OpenRoots(paths []string) (*Roots, error) {
	list, err := openAll(paths)
	return &Roots{list: list}, err
}

func openAll(paths []string) (list []*root, err error) {
	for _, path := range paths {
		r, err := openRoot(path)
		if err != nil {
			closeAll(list)
			return nil, fmt.Errorf("cannot open the root %q: %w", path, err)
		}
		list = append(list, r)
	}
	return list, nil
}

func openRoot(path string) (*root, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if absolute, err = filepath.EvalSymlinks(absolute); err != nil {
		return nil, err
	}
	dir, err := os.OpenRoot(absolute)
	if err != nil {
		return nil, err
	}
	return &root{absolute, dir}, nil
}

func closeAll(list []*root) {
	for _, r := range list {
		_ = r.dir.Close()
	}
}

// Replace puts other directories in the place of all. On error nothing
// changes. Calls under way may fail.
func (r *Roots) Replace(paths []string) error {
	list, err := openAll(paths)
	if err != nil {
		return err
	}
	r.mu.Lock()
	old := r.list
	r.list = list
	r.mu.Unlock()
	closeAll(old)
	return nil
}

// Close closes the directories.
func (r *Roots) Close() { _ = r.Replace(nil) }

// Paths are the directories, absolute.
func (r *Roots) Paths() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	paths := []string{}
	for _, root := range r.list {
		paths = append(paths, root.path)
	}
	return paths
}

// Holds reports whether an absolute path without links is below a root, or is
// one.
func (r *Roots) Holds(path string) bool {
	for _, root := range r.Paths() {
		if _, ok := below(root, path); ok {
			return true
		}
	}
	return false
}

// below returns path from root on, by whole components.
func below(root, path string) (string, bool) {
	if path == root {
		return ".", true
	}
	return strings.CutPrefix(path, strings.TrimSuffix(root, "/")+"/")
}

// place is a name below a root.
type place struct {
	*root
	name string
}

// find returns where a path is: an absolute one below the innermost root that
// it is in, any other below the first root.
func (r *Roots) find(path string) (place, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	switch {
	case len(r.list) == 0:
		return place{}, tool.Errorf("No directory is allowed: name some in mcp.roots, or MCP_ROOTS.")
	case strings.ContainsRune(path, 0):
		return place{}, tool.Errorf("A path has no zero byte.")
	case !filepath.IsAbs(path):
		if path = filepath.Clean(path); !filepath.IsLocal(path) {
			return place{}, outside()
		}
		return place{r.list[0], path}, nil
	}
	path = filepath.Clean(path)
	var best place
	for _, root := range r.list {
		if name, ok := below(root.path, path); ok && (best.root == nil || len(root.path) > len(best.path)) {
			best = place{root, name}
		}
	}
	if best.root == nil {
		return place{}, outside()
	}
	return best, nil
}

func outside() error {
	return tool.Errorf("The path is outside the allowed directories: list_allowed_directories has them.")
}

// OpenDir opens a directory for a program to be started in, and returns its
// path below its root besides. The caller closes it.
func (r *Roots) OpenDir(path string) (*os.File, string, error) {
	p, err := r.find(path)
	if err != nil {
		return nil, "", err
	}
	d, err := p.dir.OpenFile(p.name, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, "", refusal(path, err)
	}
	return d, p.name, nil
}

// openRegular opens a file that is one, for reading. It never blocks on what
// is none.
func (p place) openRegular(path string) (*os.File, fs.FileInfo, error) {
	f, err := p.dir.OpenFile(p.name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, refusal(path, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = tool.Errorf("%q is %s, and not a file.", shown(path), kindOf(info.Mode()))
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// refusal is what a client is told of a failed operation: its own path, and
// never one of the host's.
func refusal(path string, err error) error {
	var told *tool.Error
	var what string
	switch {
	case errors.As(err, &told):
		return told
	case errors.Is(err, fs.ErrNotExist):
		what = "does not exist"
	case errors.Is(err, syscall.ENOTEMPTY): // which is an ErrExist as well
		what = "is not empty"
	case errors.Is(err, fs.ErrExist):
		what = "exists already"
	case errors.Is(err, fs.ErrPermission):
		what = "may not be accessed"
	case errors.Is(err, syscall.ENOTDIR):
		what = "is not a directory"
	case errors.Is(err, syscall.EISDIR):
		what = "is a directory"
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV):
		what = "is not a file"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		what = "cannot be written: the disk is full"
	case errors.Is(err, syscall.ENAMETOOLONG):
		what = "is too long a name"
	case errors.Is(err, syscall.EROFS):
		what = "is on a disk that is read-only"
	case strings.Contains(err.Error(), "escapes from parent"):
		return outside()
	default:
		what = "cannot be accessed"
	}
	return tool.Errorf("%q %s.", shown(path), what)
}

// shown bounds what is said again of a path.
func shown(path string) string {
	if len(path) > 256 {
		path = path[:256]
	}
	return strings.ToValidUTF8(path, "?")
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return "file"
	case m.IsDir():
		return "directory"
	case m&fs.ModeSymlink != 0:
		return "link"
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	}
	return "other"
}
