package file

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

const (
	// maxVisited is how many entries one search looks at.
	maxVisited = 200_000
	maxMatches = 1000
	maxTree    = 2000
	// maxLine is the most of a line that is shown, or searched, in bytes.
	maxLine = 2 << 10
	// maxSearched is the longest file that is searched in.
	maxSearched = 32 << 20
)

// walk calls visit for what is below p, as paths from p on, until it returns
// false. Links are not followed. It reports whether all was visited.
func (p place) walk(ctx context.Context, shownPath string, exclude globs, visit func(name string, d fs.DirEntry) (more bool, err error)) (all bool, err error) {
	visited := 0
	err = fs.WalkDir(p.dir.FS(), path.Clean(p.name), func(name string, d fs.DirEntry, err error) error {
		rest, _ := below(path.Clean(p.name), name)
		if p.name == "." {
			rest = name
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && rest == ".":
			return err
		case err != nil:
			return nil //nolint:nilerr // what cannot be read is left out
		case rest == ".":
			return nil
		}
		if visited++; visited > maxVisited {
			return fs.SkipAll
		}
		if d.IsDir() && d.Name() == ".git" || exclude.match(rest) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		more, err := visit(rest, d)
		if err == nil && !more {
			visited = maxVisited + 1
			return fs.SkipAll
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		err = refusal(shownPath, err)
	}
	return visited <= maxVisited, err
}

type treeIn struct {
	Path     string   `json:"path"`
	Exclude  []string `json:"excludePatterns,omitempty" max:"100"`
	MaxDepth int      `json:"maxDepth,omitempty" min:"1" max:"50" default:"10"`
}

type treeOut struct {
	Tree      []*node `json:"tree"`
	Truncated bool    `json:"truncated"`
}

type node struct {
	Name     string  `json:"name"`
	Type     string  `json:"type"`
	Children []*node `json:"children,omitempty"`
}

func (f *files) tree(ctx context.Context, _ *tool.Call, in *treeIn) (*treeOut, error) {
	p, exclude, err := f.searched(in.Path, in.Exclude)
	if err != nil {
		return nil, err
	}
	if in.MaxDepth == 0 {
		in.MaxDepth = 10
	}
	top := &node{Children: []*node{}}
	dirs, n, deeper := map[string]*node{".": top}, 0, false
	all, err := p.walk(ctx, in.Path, exclude, func(name string, d fs.DirEntry) (bool, error) {
		if strings.Count(name, "/") >= in.MaxDepth {
			deeper = true
			if d.IsDir() {
				return true, fs.SkipDir
			}
			return true, nil
		}
		if n++; n > maxTree {
			return false, nil
		}
		child := &node{Name: d.Name(), Type: kindOf(d.Type())}
		parent := dirs[path.Dir(name)]
		parent.Children = append(parent.Children, child)
		if d.IsDir() {
			dirs[name] = child
		}
		return true, nil
	})
	return &treeOut{top.Children, !all || deeper}, err
}

// searched finds a directory and reads patterns.
func (f *files) searched(path string, exclude []string) (p place, patterns globs, err error) {
	if p, err = f.roots.find(path); err != nil {
		return p, nil, err
	}
	patterns, err = readGlobs(exclude)
	return p, patterns, err
}

type searchIn struct {
	Path    string   `json:"path"`
	Pattern string   `json:"pattern" min:"1" max:"1000" doc:"glob, such as *.go or src/**/test_*"`
	Exclude []string `json:"excludePatterns,omitempty" max:"100"`
}

type searchOut struct {
	Matches   []string `json:"matches"`
	Truncated bool     `json:"truncated"`
}

func (f *files) search(ctx context.Context, _ *tool.Call, in *searchIn) (*searchOut, error) {
	p, exclude, err := f.searched(in.Path, in.Exclude)
	if err != nil {
		return nil, err
	}
	wanted, err := readGlobs([]string{in.Pattern})
	if err != nil {
		return nil, err
	}
	out := &searchOut{Matches: []string{}}
	all, err := p.walk(ctx, in.Path, exclude, func(name string, _ fs.DirEntry) (bool, error) {
		if wanted.match(name) {
			out.Matches = append(out.Matches, path.Join(in.Path, name))
		}
		return len(out.Matches) < maxMatches, nil
	})
	out.Truncated = !all
	return out, err
}

type grepIn struct {
	Path       string `json:"path"`
	Pattern    string `json:"pattern" min:"1" max:"1000" doc:"regular expression (RE2)"`
	Glob       string `json:"glob,omitempty" max:"1000" doc:"only in files like this"`
	MaxMatches int    `json:"maxMatches,omitempty" min:"1" max:"1000" default:"200"`
}

type grepOut struct {
	Matches   []match `json:"matches"`
	Truncated bool    `json:"truncated"`
}

type match struct {
	Path string `json:"path"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

func (f *files) grep(ctx context.Context, _ *tool.Call, in *grepIn) (*grepOut, error) {
	p, err := f.roots.find(in.Path)
	if err != nil {
		return nil, err
	}
	pattern, err := regexp.Compile(in.Pattern)
	if err != nil {
		return nil, tool.Errorf("The pattern is no regular expression: %v", err)
	}
	only, err := readGlobs([]string{in.Glob})
	if err != nil {
		return nil, err
	}
	if in.MaxMatches == 0 {
		in.MaxMatches = 200
	}
	out := &grepOut{Matches: []match{}}
	grep := func(name, shown string) (bool, error) {
		err := place{p.root, name}.grep(ctx, shown, pattern, func(line int, text string) bool {
			out.Matches = append(out.Matches, match{shown, line, text})
			return len(out.Matches) < in.MaxMatches
		})
		return len(out.Matches) < in.MaxMatches, err
	}
	if info, err := p.dir.Stat(p.name); err == nil && info.Mode().IsRegular() {
		more, err := grep(p.name, in.Path)
		out.Truncated = !more
		return out, err
	}
	all, err := p.walk(ctx, in.Path, nil, func(name string, d fs.DirEntry) (bool, error) {
		if !d.Type().IsRegular() || in.Glob != "" && !only.match(name) {
			return true, nil
		}
		return grep(path.Join(p.name, name), path.Join(in.Path, name))
	})
	out.Truncated = !all
	return out, err
}

// grep calls found for each line of p that matches. What is no text is left
// out.
func (p place) grep(ctx context.Context, path string, pattern *regexp.Regexp, found func(line int, text string) bool) error {
	f, info, err := p.openRegular(path)
	if err != nil || info.Size() > maxSearched {
		if err == nil {
			_ = f.Close()
		}
		return nil // it has gone, or is not to be searched
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 64<<10)
	if head, _ := r.Peek(8 << 10); strings.IndexByte(string(head), 0) >= 0 {
		return nil
	}
	for line, begins := 1, true; ; {
		part, err := r.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !long && !errors.Is(err, io.EOF) {
			return nil
		}
		text := strings.TrimRight(string(part), "\r\n")
		if begins && (len(part) > 0) && pattern.MatchString(text) && !found(line, cutText(text)) {
			return nil
		}
		if begins = !long; begins {
			line++
		}
		if err != nil && !long {
			return nil
		}
		if line%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// cutText bounds a line, at the end of a character.
func cutText(text string) string {
	if len(text) > maxLine {
		text = text[:maxLine]
		for len(text) > 0 && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]) {
			text = text[:len(text)-1]
			if len(text) < maxLine-utf8.UTFMax {
				break
			}
		}
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// globs are patterns of paths.
type globs []*regexp.Regexp

// readGlobs compiles patterns: * and ? stay within a name, ** does not; one
// without a slash is for names anywhere.
func readGlobs(patterns []string) (list globs, err error) {
	for _, pattern := range patterns {
		text := "^"
		if !strings.Contains(pattern, "/") {
			text = "(?:^|/)"
		}
		for i := 0; i < len(pattern); i++ {
			switch c := pattern[i]; {
			case strings.HasPrefix(pattern[i:], "**/"):
				text += "(?:.*/)?"
				i += 2
			case strings.HasPrefix(pattern[i:], "**"):
				text += ".*"
				i++
			case c == '*':
				text += "[^/]*"
			case c == '?':
				text += "[^/]"
			default:
				text += regexp.QuoteMeta(pattern[i : i+1])
			}
		}
		compiled, err := regexp.Compile(text + "$")
		if err != nil {
			return nil, tool.Errorf("The pattern %q cannot be read.", shown(pattern))
		}
		list = append(list, compiled)
	}
	return list, nil
}

func (list globs) match(name string) bool {
	for _, g := range list {
		if g.MatchString(name) {
			return true
		}
	}
	return false
}
