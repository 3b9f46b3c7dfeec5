// Package git is the tools for git repositories below the roots.
//
// A repository is data of somebody else's: its configuration and attributes may
// name programs. So git is started by argument list, values of clients stand
// behind --end-of-options or --, every way in which a configuration starts a
// program is closed (see hardened and neutralise), and the repository, its
// worktree and its store all have to be below a root.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ai-mcp-gateway/gateway/mcp/child"
	"github.com/ai-mcp-gateway/gateway/mcp/file"
	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

// maxOutput is the most of git's output that an answer has, in bytes.
const maxOutput = 256 << 10

// hardened go before every command of git's: no hooks, no watchers, pagers or
// signers, no submodules, no cleaning up in the background.
var hardened = []string{
	"--no-pager", "--no-optional-locks", "--literal-pathspecs",
	"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat", "-c", "core.editor=false",
	"-c", "core.sshCommand=false", "-c", "core.gitProxy=false", "-c", "core.askPass=false", "-c", "credential.helper=",
	"-c", "core.alternateRefsCommand=false", "-c", "core.untrackedCache=false",
	"-c", "diff.external=", "-c", "diff.ignoreSubmodules=all", "-c", "submodule.recurse=false",
	"-c", "log.showSignature=false", "-c", "commit.gpgSign=false", "-c", "gpg.program=false", "-c", "gpg.ssh.program=false",
	"-c", "gpg.x509.program=false", "-c", "protocol.allow=never", "-c", "protocol.ext.allow=never",
	"-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "color.ui=false", "-c", "core.quotePath=false",
	"-c", "advice.detachedHead=false",
}

type git struct {
	roots   *file.Roots
	program string
}

// Tools returns the tools that read repositories and, with write, those that
// change them. Without a git on this machine there are none.
func Tools(roots *file.Roots, write bool) []*tool.Tool {
	program, err := exec.LookPath("git")
	if err != nil {
		return nil
	}
	if program, err = filepath.Abs(program); err != nil {
		return nil
	}
	g := &git{roots, program}
	list := g.readers()
	if write {
		list = append(list, g.writers()...)
	}
	return list
}

// repository is one that is open for a call.
type repository struct {
	*git
	dir     *os.File
	filters []string // configuration that disarms its filters
}

// open finds the repository that a path is in. The caller closes its dir.
func (g *git) open(ctx context.Context, path string) (*repository, error) {
	dir, _, err := g.roots.OpenDir(path)
	if err != nil {
		return nil, err
	}
	r := &repository{git: g, dir: dir}
	if err := r.check(ctx); err != nil {
		_ = dir.Close()
		return nil, err
	}
	return r, nil
}

// check refuses what is no repository, or one of which a part is elsewhere.
func (r *repository) check(ctx context.Context) error {
	out, err := r.start(ctx, "rev-parse", "--path-format=absolute", "--absolute-git-dir", "--git-common-dir", "--show-toplevel")
	if err != nil {
		return err
	}
	if out.Code != 0 {
		if bytes.Contains(out.Stderr, []byte("dubious ownership")) {
			return tool.Errorf("The repository belongs to another account; git's safe.directory admits it.")
		}
		return tool.Errorf("That is not a git repository with a worktree.")
	}
	for path := range strings.Lines(string(out.Stdout)) {
		path, err := filepath.EvalSymlinks(strings.TrimSuffix(path, "\n"))
		if err != nil || !r.roots.Holds(path) {
			return tool.Errorf("A part of the repository is outside the allowed directories.")
		}
	}
	return r.neutralise(ctx)
}

// neutralise empties the programs that the repository's configuration has for
// the content of files. They have names of its own, so that they have to be
// looked for.
func (r *repository) neutralise(ctx context.Context) error {
	out, err := r.start(ctx, "config", "-z", "--name-only", "--get-regexp", `^(filter|diff|merge)\.`)
	if err != nil {
		return err
	}
	if out.Truncated {
		return tool.Errorf("The repository's configuration is too long.")
	}
	seen := map[string]bool{}
	for name := range strings.SplitSeq(string(out.Stdout), "\x00") {
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 || strings.IndexByte(name, '.') == dot || seen[name[:dot]] {
			continue
		}
		driver := name[:dot]
		seen[driver] = true
		switch kind, _, _ := strings.Cut(driver, "."); kind {
		case "filter":
			r.filters = append(r.filters, driver+".clean", "", driver+".smudge", "", driver+".process", "", driver+".required", "false")
		case "diff":
			r.filters = append(r.filters, driver+".command", "", driver+".textconv", "", driver+".cachetextconv", "false")
		case "merge":
			r.filters = append(r.filters, driver+".driver", "false")
		}
	}
	return nil
}

// run runs git, and makes a failure of it what a client is told.
func (r *repository) run(ctx context.Context, args ...string) (*child.Output, error) {
	out, err := r.start(ctx, args...)
	if err != nil || out.Code == 0 || out.Truncated {
		return out, err
	}
	return nil, tool.Errorf("git %s failed: %s", args[0], r.said(out.Stderr))
}

// said is git's own explanation, without paths of this machine.
func (r *repository) said(stderr []byte) string {
	text := strings.TrimSpace(string(bytes.ToValidUTF8(stderr, []byte("?"))))
	for _, root := range r.roots.Paths() {
		text = strings.ReplaceAll(text, root+"/", "")
		text = strings.ReplaceAll(text, root, ".")
	}
	text = strings.TrimPrefix(text, "fatal: ")
	return text[:min(len(text), 1000)]
}

func (r *repository) start(ctx context.Context, args ...string) (*child.Output, error) {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_ATTR_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0",
		"GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1", "GIT_ASKPASS=false", "SSH_ASKPASS=false",
		"GIT_CEILING_DIRECTORIES=" + r.ceiling(),
		fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(r.filters)/2),
	}
	for i := 0; i < len(r.filters); i += 2 {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i/2, r.filters[i]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i/2, r.filters[i+1]))
	}
	out, err := child.Run(ctx, child.Command{
		Path: r.program, Args: append(append([]string{}, hardened...), args...), Dir: r.dir, Env: env, Keep: maxOutput,
	})
	if err != nil && ctx.Err() == nil && errors.Is(err, os.ErrNotExist) {
		return nil, tool.Errorf("git cannot be started.")
	}
	return out, err
}

// ceiling keeps git from looking for a repository above the roots.
func (r *repository) ceiling() string {
	var parents []string
	for _, root := range r.roots.Paths() {
		parents = append(parents, filepath.Dir(root))
	}
	return strings.Join(parents, ":")
}

// value refuses a client's value that git could take for an option.
func value(name, text string) error {
	if strings.HasPrefix(text, "-") || strings.ContainsAny(text, "\x00\n\r") {
		return tool.Errorf("The argument %q may not begin with - or have line breaks.", name)
	}
	return nil
}

// paths refuses files that are not below the repository's directory.
func paths(list []string) error {
	for _, p := range list {
		if strings.ContainsRune(p, 0) || filepath.IsAbs(p) || !filepath.IsLocal(p) {
			return tool.Errorf("The path %.100q is not below repo_path.", p)
		}
	}
	return nil
}
