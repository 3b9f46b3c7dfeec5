package configs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ai-mcp-gateway/gateway/internal/spell"
)

// maxFaults bounds what is reported of a file that is wrong everywhere.
const maxFaults = 50

// mark is where a value came from.
type mark struct {
	line int    // in the file; zero: not from a file
	raw  string // as written, when environment variables took part in the value
	env  string // the environment variable that set the value instead of the file
}

// fault is one mistake in a configuration.
type fault struct {
	file, path, env string
	line            int
	problem         string
}

// Error implements error: place, path, problem.
func (f fault) Error() string {
	var b strings.Builder
	switch {
	case f.env != "":
		b.WriteString(f.env + ": ")
	case f.line > 0:
		fmt.Fprintf(&b, "%s:%d: ", f.file, f.line)
	case f.file != "":
		b.WriteString(f.file + ": ")
	}
	if f.path != "" {
		b.WriteString(f.path + ": ")
	}
	b.WriteString(f.problem)
	return b.String()
}

// report gathers the faults of one configuration and knows where its values
// came from.
type report struct {
	file   string
	marks  map[string]mark
	faults []fault
	seen   map[place]bool
}

// place is where a fault is. One fault at a place is enough, the others follow
// from it.
type place struct {
	path string
	line int
}

func newReport(file string) *report {
	return &report{file: file, marks: map[string]mark{}, seen: map[place]bool{}}
}

// add reports a fault of the value at path. Its place is that of the value or,
// where there is none, of the nearest mapping around it.
func (r *report) add(path, format string, args ...any) {
	m, ok := r.marks[path]
	for p := path; !ok && p != ""; {
		p = p[:max(strings.LastIndexAny(p, ".["), 0)]
		m, ok = r.marks[p]
	}
	r.addAt(m, path, format, args...)
}

func (r *report) addAt(m mark, path, format string, args ...any) {
	at := place{path, m.line}
	if r.seen[at] {
		return
	}
	r.seen[at] = true
	r.faults = append(r.faults, fault{
		file: r.file, path: path, env: m.env, line: m.line, problem: fmt.Sprintf(format, args...),
	})
}

// show renders the value at path for a message: what was written, never what a
// variable held.
func (r *report) show(path, value string) string {
	m := r.marks[path]
	switch {
	case m.env != "":
		return "its value"
	case m.raw != "":
		return abridge(m.raw)
	}
	return `"` + abridge(value) + `"`
}

// err joins the faults in the order of the file; nil when there are none.
func (r *report) err() error {
	slices.SortStableFunc(r.faults, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
	var errs []error
	for i, f := range r.faults {
		if i == maxFaults {
			errs = append(errs, fmt.Errorf("%s: and %d more", r.file, len(r.faults)-i))
			break
		}
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// abridge keeps a message on one short line.
func abridge(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// join appends a mapping's key to a path.
func join(path, key string) string {
	plain := key != "" && strings.IndexFunc(key, func(r rune) bool {
		return r != '_' && r != '-' && r != '/' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
	switch {
	case !plain:
		return path + `["` + abridge(key) + `"]`
	case path == "":
		return key
	}
	return path + "." + key
}

// suggest says which of words was probably meant, or nothing.
func suggest(word string, words []string) string {
	if best := spell.Closest(word, words); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return ""
}
