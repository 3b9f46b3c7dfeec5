package file

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

const (
	// pageSize is how many entries a page of a directory has, maxEntries how
	// many a directory may have.
	pageSize, maxEntries = 500, 100_000
	// maxHashed is the longest file whose hash is told.
	maxHashed = 64 << 20
)

type listIn struct {
	Path   string `json:"path"`
	SortBy string `json:"sortBy,omitempty" enum:"name|size" default:"name"`
	Cursor string `json:"cursor,omitempty" doc:"nextCursor of the page before"`
}

type listOut struct {
	Entries    []entry `json:"entries"`
	NextCursor string  `json:"nextCursor,omitempty"`
	Truncated  bool    `json:"truncated"`
}

type entry struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Size     int64  `json:"size"`
	Modified string `json:"modified"`
}

func (f *files) list(_ context.Context, _ *tool.Call, in *listIn) (*listOut, error) {
	p, err := f.roots.find(in.Path)
	if err != nil {
		return nil, err
	}
	from := 0
	if in.Cursor != "" {
		if from, err = strconv.Atoi(in.Cursor); err != nil || from < 0 {
			return nil, tool.Errorf("The cursor is none of list_directory's.")
		}
	}
	d, err := p.dir.OpenFile(p.name, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, refusal(in.Path, err)
	}
	defer d.Close()
	found, err := d.ReadDir(maxEntries)
	if err != nil && err != io.EOF {
		return nil, refusal(in.Path, err)
	}
	entries := []entry{}
	for _, e := range found {
		info, err := e.Info()
		if err != nil {
			continue // it has gone
		}
		entries = append(entries, entry{e.Name(), kindOf(info.Mode()), info.Size(), info.ModTime().UTC().Format(time.RFC3339)})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if in.SortBy == "size" {
			if by := cmp.Compare(b.Size, a.Size); by != 0 {
				return by
			}
		}
		return cmp.Compare(a.Name, b.Name)
	})
	from = min(from, len(entries))
	to := min(from+pageSize, len(entries))
	out := &listOut{Entries: entries[from:to], Truncated: len(found) == maxEntries}
	if to < len(entries) {
		out.NextCursor = strconv.Itoa(to)
	}
	return out, nil
}

type infoIn struct {
	Path string `json:"path"`
	Hash bool   `json:"hash,omitempty" doc:"with the SHA-256 of the content"`
}

type infoOut struct {
	Size     int64  `json:"size"`
	Modified string `json:"modified"`
	Mode     string `json:"mode"`
	Type     string `json:"type"`
	SHA256   string `json:"sha256,omitempty"`
}

func (f *files) info(_ context.Context, _ *tool.Call, in *infoIn) (*infoOut, error) {
	p, err := f.roots.find(in.Path)
	if err != nil {
		return nil, err
	}
	info, err := p.dir.Lstat(p.name)
	if err != nil {
		return nil, refusal(in.Path, err)
	}
	out := &infoOut{
		Size: info.Size(), Modified: info.ModTime().UTC().Format(time.RFC3339),
		Mode: info.Mode().String(), Type: kindOf(info.Mode()),
	}
	if in.Hash && info.Mode().IsRegular() {
		if out.SHA256, err = p.hash(in.Path); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// hash is the SHA-256 of a file, in hexadecimal.
func (p place) hash(path string) (string, error) {
	f, info, err := p.openRegular(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info.Size() > maxHashed {
		return "", tool.Errorf("%q is too long to be hashed.", shown(path))
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxHashed)); err != nil {
		return "", refusal(path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

type allowedOut struct {
	Directories []string `json:"directories"`
}

func (f *files) allowed(context.Context, *tool.Call, *struct{}) (*allowedOut, error) {
	return &allowedOut{f.roots.Paths()}, nil
}
