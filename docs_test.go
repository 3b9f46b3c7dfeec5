package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	mdLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// named are the words of documents that are names in the program: its
	// environment variables and its metrics.
	named = regexp.MustCompile(`\b(?:GATEWAY_[A-Z_]+|gateway_[a-z_]+_(?:total|seconds|info|requests|up))\b`)
)

// TestDocsLinksResolve holds that every relative link in a document leads to
// something that exists.
func TestDocsLinksResolve(t *testing.T) {
	for name, text := range documents(t) {
		for _, m := range mdLink.FindAllStringSubmatch(text, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), target)); err != nil {
				t.Errorf("%s: link to %s: %v", name, m[1], err)
			}
		}
	}
}

// TestDocsNamesExist holds that the environment variables and metrics that
// documents name are in the program's source.
func TestDocsNamesExist(t *testing.T) {
	source := source(t)
	for name, text := range documents(t) {
		for _, word := range named.FindAllString(text, -1) {
			if !strings.Contains(source, `"`+word+`"`) {
				t.Errorf("%s names %s, which the program does not know", name, word)
			}
		}
	}
}

// documents returns every Markdown file, by name.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	eachFile(t, ".md", func(name string) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	})
	if texts["README.md"] == "" {
		t.Fatal("there is no README.md")
	}
	return texts
}

// source returns the program's Go code, tests left out.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	eachFile(t, ".go", func(name string) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	})
	return all.String()
}

// eachFile calls visit for every file of the module with the extension.
func eachFile(t *testing.T, ext string, visit func(name string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && ignoredByGo(d.Name()):
			return filepath.SkipDir
		case !d.IsDir() && filepath.Ext(name) == ext:
			visit(filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ignoredByGo reports whether the directory holds no package of the module.
// npm's packages may bring Go files and documents, which are not ours.
func ignoredByGo(dir string) bool {
	return strings.HasPrefix(dir, ".") || strings.HasPrefix(dir, "_") || dir == "testdata" || dir == "node_modules"
}
