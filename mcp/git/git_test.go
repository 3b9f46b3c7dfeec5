package git_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/mcp/file"
	"github.com/ai-mcp-gateway/gateway/mcp/git"
	"github.com/ai-mcp-gateway/gateway/mcp/tool/tooltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// space is a root with a repository in it.
type space struct {
	*tooltest.Set
	t          *testing.T
	root, repo string
}

func newSpace(t *testing.T) *space {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("this machine has no git")
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	s := &space{t: t, root: t.TempDir()}
	s.repo = filepath.Join(s.root, "repo")
	if err := os.Mkdir(s.repo, 0o700); err != nil {
		t.Fatal(err)
	}
	s.git("init", "-q", "-b", "main")
	s.git("config", "user.name", "A Tester")
	s.git("config", "user.email", "tester@example.com")
	s.write("a.txt", "one\n")
	s.git("add", "a.txt")
	s.git("commit", "-q", "-m", "first")
	roots, err := file.OpenRoots([]string{s.root})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(roots.Close)
	s.Set = tooltest.New(t, git.Tools(roots, true))
	return s
}

func (s *space) git(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = s.repo
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *space) write(name, content string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.repo, name), []byte(content), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

func TestTools(t *testing.T) {
	s := newSpace(t)
	s.write("a.txt", "one\ntwo\n")
	s.write("new file.txt", "new\n")

	var status struct {
		Branch                      string
		Staged, Unstaged, Untracked []string
	}
	s.OK("git_status", `{"repo_path":"repo"}`, &status)
	if status.Branch != "main" || fmt.Sprint(status.Unstaged, status.Untracked, status.Staged) != "[a.txt] [new file.txt] []" {
		t.Errorf("status: %+v", status)
	}
	var diff struct {
		Diff  string
		Files []string
	}
	s.OK("git_diff_unstaged", `{"repo_path":"repo","context_lines":0}`, &diff)
	if !strings.Contains(diff.Diff, "+two") || len(diff.Files) != 1 {
		t.Errorf("unstaged: %+v", diff)
	}
	var added struct{ Staged []string }
	s.OK("git_add", `{"repo_path":"repo","files":["a.txt","new file.txt"]}`, &added)
	if len(added.Staged) != 2 {
		t.Errorf("staged: %q", added.Staged)
	}
	s.OK("git_diff_staged", `{"repo_path":"repo","paths":["a.txt"]}`, &diff)
	if !strings.Contains(diff.Diff, "+two") || len(diff.Files) != 1 {
		t.Errorf("staged: %+v", diff)
	}
	var committed struct{ Hash string }
	s.OK("git_commit", `{"repo_path":"repo","message":"second\n\nwith a body"}`, &committed)
	if committed.Hash != s.git("rev-parse", "HEAD") {
		t.Errorf("commit: %+v", committed)
	}
	s.Refused("git_commit", `{"repo_path":"repo","message":"nothing"}`, "Nothing is staged")

	var log struct {
		Commits []struct{ Hash, Author, Message string }
	}
	s.OK("git_log", `{"repo_path":"repo"}`, &log)
	if len(log.Commits) != 2 || log.Commits[0].Hash != committed.Hash || log.Commits[0].Message != "second\n\nwith a body" || log.Commits[1].Message != "first" {
		t.Errorf("log: %+v", log)
	}
	var shown struct {
		Commit struct{ Hash, Message string }
		Diff   string
	}
	s.OK("git_show", `{"repo_path":"repo","revision":"HEAD~1"}`, &shown)
	if shown.Commit.Message != "first" || !strings.Contains(shown.Diff, "+one") {
		t.Errorf("show: %+v", shown)
	}
	s.OK("git_diff", `{"repo_path":"repo","target":"HEAD~1"}`, &diff)
	if !strings.Contains(diff.Diff, "+two") {
		t.Errorf("diff: %+v", diff)
	}
	var branch struct {
		Branch   string
		Branches []struct {
			Name    string
			Current bool
		}
	}
	s.OK("git_create_branch", `{"repo_path":"repo","branch_name":"side","base_branch":"HEAD~1"}`, &branch)
	s.OK("git_checkout", `{"repo_path":"repo","branch_name":"side"}`, &branch)
	s.OK("git_branch", `{"repo_path":"repo"}`, &branch)
	if len(branch.Branches) != 2 || !branch.Branches[1].Current {
		t.Errorf("branches: %+v", branch)
	}
	s.write("a.txt", "three\n")
	s.git("add", "a.txt")
	var reset struct{ Unstaged []string }
	s.OK("git_reset", `{"repo_path":"repo"}`, &reset)
	if fmt.Sprint(reset.Unstaged) != "[a.txt]" {
		t.Errorf("reset: %+v", reset)
	}
}

// TestHostileValues holds that nothing a client sends is an option, a path out
// of the repository, or more than it says.
func TestHostileValues(t *testing.T) {
	s := newSpace(t)
	target := filepath.Join(t.TempDir(), "written")
	s.Refused("git_diff", `{"repo_path":"repo","target":"--output=`+target+`"}`, "may not begin with -")
	s.Refused("git_show", `{"repo_path":"repo","revision":"--output=`+target+`"}`, "may not begin with -")
	s.Refused("git_log", `{"repo_path":"repo","revision":"-O`+target+`"}`, "may not begin with -")
	s.Refused("git_log", `{"repo_path":"repo","start_timestamp":"--output=`+target+`"}`, "may not begin with -")
	s.Refused("git_create_branch", `{"repo_path":"repo","branch_name":"-D"}`, "may not begin with -")
	s.Refused("git_create_branch", `{"repo_path":"repo","branch_name":"a..b"}`, "failed")
	s.Refused("git_checkout", `{"repo_path":"repo","branch_name":"a.txt"}`, "no branch")
	s.Refused("git_checkout", `{"repo_path":"repo","branch_name":"--orphan=x"}`, "may not begin with -")
	s.Refused("git_show", `{"repo_path":"repo","revision":"HEAD:a.txt"}`, "no revision")
	s.Refused("git_branch", `{"repo_path":"repo","contains":"nope"}`, "no revision")
	s.Refused("git_add", `{"repo_path":"repo","files":["../../etc/passwd"]}`, "not below repo_path")
	s.Refused("git_add", `{"repo_path":"repo","files":["/etc/passwd"]}`, "not below repo_path")
	s.Refused("git_add", `{"repo_path":"repo","files":["--all"]}`, "did not match")
	s.Refused("git_add", `{"repo_path":"repo","files":[":(top)a.txt"]}`, "did not match")
	s.Refused("git_status", `{"repo_path":"../.."}`, "outside the allowed directories")
	s.Refused("git_status", `{"repo_path":"/"}`, "outside the allowed directories")
	s.Refused("git_status", `{"repo_path":"."}`, "not a git repository")
	s.Refused("git_status", `{"repo_path":"repo","--git-dir":"/x"}`, "There is no argument")
	if _, err := os.Stat(target); err == nil {
		t.Error("a file was written")
	}
}

// TestElsewhere holds that a repository of which a part is outside the roots is
// refused, however it got there.
func TestElsewhere(t *testing.T) {
	f := func(name string, arrange func(s *space, outside string)) {
		t.Run(name, func(t *testing.T) {
			s := newSpace(t)
			outside := filepath.Join(t.TempDir(), "outside")
			if err := os.Rename(s.repo, outside); err != nil {
				t.Fatal(err)
			}
			arrange(s, outside)
			r := s.Call("git_status", `{"repo_path":"repo"}`)
			if !r.Failed {
				t.Errorf("it is read: %s", tooltest.Text(r))
			}
		})
	}
	must := func(s *space, err error) {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	f("a link", func(s *space, outside string) { must(s, os.Symlink(outside, s.repo)) })
	f("a gitdir file", func(s *space, outside string) {
		must(s, os.Mkdir(s.repo, 0o700))
		s.write(".git", "gitdir: "+outside+"/.git\n")
	})
	f("a linked store", func(s *space, outside string) {
		must(s, os.Mkdir(s.repo, 0o700))
		must(s, os.Symlink(outside+"/.git", s.repo+"/.git"))
	})
	f("a worktree elsewhere", func(s *space, outside string) {
		must(s, os.Mkdir(s.repo, 0o700))
		s.git("init", "-q")
		s.git("config", "core.worktree", outside)
	})
	f("a parent's", func(s *space, outside string) {
		must(s, os.Mkdir(s.repo, 0o700))
		must(s, os.Rename(outside+"/.git", filepath.Join(filepath.Dir(s.root), ".git")))
		s.t.Cleanup(func() { _ = os.RemoveAll(filepath.Join(filepath.Dir(s.root), ".git")) })
	})
}

// TestHostileRepository holds that no program that a repository names is run.
// Each case names one in another place; it would leave a file behind.
func TestHostileRepository(t *testing.T) {
	f := func(name string, arrange func(s *space, evil string)) {
		t.Run(name, func(t *testing.T) {
			s := newSpace(t)
			dir := t.TempDir()
			proof := filepath.Join(dir, "proof")
			evil := filepath.Join(dir, "evil")
			if err := os.WriteFile(evil, []byte("#!/bin/sh\necho \"$@\" >> "+proof+"\ncat 2>/dev/null\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			s.write("b.txt", "b\n")
			s.git("add", "b.txt")
			s.git("commit", "-q", "-m", "b")
			s.git("branch", "side", "HEAD~1")
			arrange(s, evil)
			_ = os.Remove(proof) // arranging may have run it
			s.write("b.txt", "changed\n")
			s.write("c.txt", "c\n")
			for _, call := range [][2]string{
				{"git_status", `{"repo_path":"repo"}`},
				{"git_diff_unstaged", `{"repo_path":"repo"}`},
				{"git_diff", `{"repo_path":"repo","target":"HEAD~1"}`},
				{"git_show", `{"repo_path":"repo","revision":"HEAD"}`},
				{"git_log", `{"repo_path":"repo"}`},
				{"git_branch", `{"repo_path":"repo","branch_type":"all"}`},
				{"git_add", `{"repo_path":"repo","files":["b.txt","c.txt"]}`},
				{"git_diff_staged", `{"repo_path":"repo"}`},
				{"git_commit", `{"repo_path":"repo","message":"m"}`},
				{"git_reset", `{"repo_path":"repo"}`},
				{"git_create_branch", `{"repo_path":"repo","branch_name":"other"}`},
				{"git_checkout", `{"repo_path":"repo","branch_name":"side"}`},
			} {
				s.Call(call[0], call[1])
				if said, err := os.ReadFile(proof); err == nil {
					t.Fatalf("%s has run it: %s", call[0], said)
				}
			}
		})
	}
	config := func(key string, attributes ...string) func(s *space, evil string) {
		return func(s *space, evil string) {
			s.git("config", key, evil)
			if len(attributes) > 0 {
				s.write(".gitattributes", strings.Join(attributes, "\n")+"\n")
			}
		}
	}
	f("fsmonitor", config("core.fsmonitor"))
	f("hooksPath", func(s *space, evil string) {
		for _, hook := range []string{"pre-commit", "post-commit", "commit-msg", "prepare-commit-msg", "post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"} {
			if err := os.Symlink(evil, filepath.Join(filepath.Dir(evil), hook)); err != nil {
				s.t.Fatal(err)
			}
		}
		s.git("config", "core.hooksPath", filepath.Dir(evil))
	})
	f("hooks", func(s *space, evil string) {
		for _, hook := range []string{"pre-commit", "post-commit", "commit-msg", "post-checkout", "post-index-change", "reference-transaction"} {
			_ = os.MkdirAll(filepath.Join(s.repo, ".git/hooks"), 0o755)
			if err := os.Symlink(evil, filepath.Join(s.repo, ".git/hooks", hook)); err != nil {
				s.t.Fatal(err)
			}
		}
	})
	f("external diff", config("diff.external"))
	f("textconv", config("diff.x.textconv", "* diff=x"))
	f("diff command", config("diff.x.command", "* diff=x"))
	f("clean filter", config("filter.x.clean", "* filter=x"))
	f("smudge filter", config("filter.x.smudge", "* filter=x"))
	f("process filter", config("filter.x.process", "* filter=x"))
	f("a filter with an odd name", config("filter.a=b c.d.clean", `* "filter=a=b c.d"`, "* filter=a=b"))
	f("merge driver", config("merge.x.driver", "* merge=x"))
	f("pager", config("core.pager"))
	f("editor", config("core.editor"))
	f("sshCommand", config("core.sshCommand"))
	f("signer", func(s *space, evil string) {
		s.git("config", "gpg.program", evil)
		s.git("config", "commit.gpgSign", "true")
		s.git("config", "log.showSignature", "true")
	})
	f("alternate refs", config("core.alternateRefsCommand"))
	f("credential helper", config("credential.helper"))
	f("an include", func(s *space, evil string) {
		included := filepath.Join(filepath.Dir(evil), "included")
		if err := os.WriteFile(included, []byte("[core]\n\tfsmonitor = "+evil+"\n[filter \"y\"]\n\tclean = "+evil+"\n"), 0o600); err != nil {
			s.t.Fatal(err)
		}
		s.git("config", "include.path", included)
		s.write(".gitattributes", "* filter=y\n")
	})
	f("the worktree's own", func(s *space, evil string) {
		s.git("config", "extensions.worktreeConfig", "true")
		s.git("config", "--worktree", "filter.z.clean", evil)
		s.git("config", "--worktree", "core.fsmonitor", evil)
		s.write(".gitattributes", "* filter=z\n")
	})
	f("a promised object", func(s *space, evil string) {
		s.git("config", "extensions.partialClone", "origin")
		s.git("config", "remote.origin.url", "ext::"+evil)
		s.git("config", "remote.origin.promisor", "true")
		s.git("config", "remote.origin.uploadpack", evil)
		s.git("config", "protocol.ext.allow", "always")
		s.git("config", "protocol.file.allow", "always")
		blob := s.git("rev-parse", "HEAD:a.txt")
		if err := os.Remove(filepath.Join(s.repo, ".git/objects", blob[:2], blob[2:])); err != nil {
			s.t.Fatal(err)
		}
	})
	f("a submodule", func(s *space, evil string) {
		sub := filepath.Join(s.repo, "sub")
		if err := os.Mkdir(sub, 0o700); err != nil {
			s.t.Fatal(err)
		}
		for _, args := range [][]string{{"init", "-q"}, {"config", "user.name", "x"}, {"config", "user.email", "x@example.com"}, {"commit", "-q", "--allow-empty", "-m", "sub"}} {
			s.git(append([]string{"-C", "sub"}, args...)...)
		}
		s.git("-c", "protocol.file.allow=always", "add", "sub")
		s.git("commit", "-q", "-m", "sub")
		s.git("-C", "sub", "config", "core.fsmonitor", evil)
		s.git("-C", "sub", "config", "filter.x.clean", evil)
		_ = os.WriteFile(filepath.Join(sub, ".gitattributes"), []byte("* filter=x\n"), 0o600)
		_ = os.WriteFile(filepath.Join(sub, "f"), []byte("x"), 0o600)
	})
}
