package git

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

func (g *git) readers() []*tool.Tool {
	return []*tool.Tool{
		tool.New(tool.Tool{
			Name: "git_status", Title: "Git status", Hints: tool.Reads,
			Description: "Branch, and what is staged, changed and untracked.",
		}, g.status),
		tool.New(tool.Tool{
			Name: "git_diff_unstaged", Title: "Unstaged changes", Hints: tool.Reads,
			Description: "The changes in the worktree that are not staged.",
		}, func(ctx context.Context, _ *tool.Call, in *plainDiffIn) (*diffOut, error) {
			return g.diff(ctx, &diffIn{RepoPath: in.RepoPath, Context: in.Context, Paths: in.Paths})
		}),
		tool.New(tool.Tool{
			Name: "git_diff_staged", Title: "Staged changes", Hints: tool.Reads,
			Description: "The changes that are staged for the next commit.",
		}, func(ctx context.Context, _ *tool.Call, in *plainDiffIn) (*diffOut, error) {
			return g.diff(ctx, &diffIn{RepoPath: in.RepoPath, Context: in.Context, Paths: in.Paths, Staged: true})
		}),
		tool.New(tool.Tool{
			Name: "git_diff", Title: "Git diff", Hints: tool.Reads,
			Description: "The worktree, or what is staged, against a revision; against the index without one.",
		}, func(ctx context.Context, _ *tool.Call, in *diffIn) (*diffOut, error) { return g.diff(ctx, in) }),
		tool.New(tool.Tool{
			Name: "git_log", Title: "Git log", Hints: tool.Reads,
			Description: "The newest commits, of a revision and a path where they are given.",
		}, g.log),
		tool.New(tool.Tool{
			Name: "git_show", Title: "Show a commit", Hints: tool.Reads,
			Description: "A commit and its changes.",
		}, g.show),
		tool.New(tool.Tool{
			Name: "git_branch", Title: "List branches", Hints: tool.Reads,
			Description: "The branches of a repository.",
		}, g.branches),
	}
}

type repoIn struct {
	RepoPath string `json:"repo_path" doc:"directory of the repository"`
}

type statusOut struct {
	Branch    string   `json:"branch"`
	Ahead     int      `json:"ahead"`
	Behind    int      `json:"behind"`
	Staged    []string `json:"staged"`
	Unstaged  []string `json:"unstaged"`
	Untracked []string `json:"untracked"`
	Text      string   `json:"text"`
	Truncated bool     `json:"truncated"`
}

func (g *git) status(ctx context.Context, _ *tool.Call, in *repoIn) (*statusOut, error) {
	r, err := g.open(ctx, in.RepoPath)
	if err != nil {
		return nil, err
	}
	defer r.dir.Close()
	out, err := r.run(ctx, "status", "--porcelain=v2", "--branch", "-z", "--ignore-submodules=all", "--no-renames")
	if err != nil {
		return nil, err
	}
	s := &statusOut{Staged: []string{}, Unstaged: []string{}, Untracked: []string{}, Truncated: out.Truncated}
	for line := range strings.SplitSeq(text(out.Stdout), "\x00") {
		s.take(line)
	}
	return s, nil
}

// take reads a line of porcelain v2.
func (s *statusOut) take(line string) {
	switch {
	case strings.HasPrefix(line, "# branch.head "):
		s.Branch = line[len("# branch.head "):]
	case strings.HasPrefix(line, "# branch.ab "):
		if f := strings.Fields(line); len(f) == 4 {
			s.Ahead, _ = strconv.Atoi(strings.TrimPrefix(f[2], "+"))
			s.Behind, _ = strconv.Atoi(strings.TrimPrefix(f[3], "-"))
		}
	case strings.HasPrefix(line, "? "):
		s.Untracked = append(s.Untracked, line[2:])
		s.Text += "?? " + line[2:] + "\n"
	case strings.HasPrefix(line, "1 "), strings.HasPrefix(line, "u "):
		fields := 9
		if line[0] == 'u' {
			fields = 11
		}
		f := strings.SplitN(line, " ", fields)
		if len(f) < fields || len(f[1]) != 2 {
			return
		}
		name := f[fields-1]
		if f[1][0] != '.' {
			s.Staged = append(s.Staged, name)
		}
		if f[1][1] != '.' {
			s.Unstaged = append(s.Unstaged, name)
		}
		s.Text += f[1] + " " + name + "\n"
	}
}

type plainDiffIn struct {
	RepoPath string   `json:"repo_path" doc:"directory of the repository"`
	Context  *int64   `json:"context_lines,omitempty" min:"0" max:"1000" default:"3"`
	Paths    []string `json:"paths,omitempty" max:"1000"`
}

type diffIn struct {
	RepoPath string   `json:"repo_path" doc:"directory of the repository"`
	Target   string   `json:"target,omitempty" max:"300" doc:"branch, tag or commit"`
	Staged   bool     `json:"staged,omitempty"`
	Context  *int64   `json:"context_lines,omitempty" min:"0" max:"1000" default:"3"`
	Paths    []string `json:"paths,omitempty" max:"1000"`
}

type diffOut struct {
	Diff      string   `json:"diff"`
	Files     []string `json:"files"`
	Truncated bool     `json:"truncated"`
}

// plain are the arguments of a diff that starts no program.
var plain = []string{"--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=all"}

func (g *git) diff(ctx context.Context, in *diffIn) (*diffOut, error) {
	if err := value("target", in.Target); err != nil {
		return nil, err
	}
	if err := paths(in.Paths); err != nil {
		return nil, err
	}
	r, err := g.open(ctx, in.RepoPath)
	if err != nil {
		return nil, err
	}
	defer r.dir.Close()
	args := append([]string{"diff"}, plain...)
	if in.Staged {
		args = append(args, "--cached")
	}
	if in.Context != nil {
		args = append(args, "--unified="+strconv.FormatInt(*in.Context, 10))
	}
	what := []string{"--end-of-options"}
	if in.Target != "" {
		if err := r.resolve(ctx, in.Target); err != nil {
			return nil, err
		}
		what = append(what, in.Target)
	}
	what = append(append(what, "--"), in.Paths...)
	out, err := r.run(ctx, append(args, what...)...)
	if err != nil {
		return nil, err
	}
	names, err := r.run(ctx, append(append(args, "--name-only", "-z"), what...)...)
	if err != nil {
		return nil, err
	}
	return &diffOut{text(out.Stdout), split(names.Stdout), out.Truncated || names.Truncated}, nil
}

// resolve refuses what names no commit.
func (r *repository) resolve(ctx context.Context, revision string) error {
	out, err := r.start(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err == nil && out.Code != 0 {
		err = tool.Errorf("There is no revision %.100q.", revision)
	}
	return err
}

type logIn struct {
	RepoPath string `json:"repo_path" doc:"directory of the repository"`
	MaxCount int64  `json:"max_count,omitempty" min:"1" max:"1000" default:"10"`
	Start    string `json:"start_timestamp,omitempty" max:"100" doc:"such as 2026-01-31 or 2 weeks ago"`
	End      string `json:"end_timestamp,omitempty" max:"100"`
	Revision string `json:"revision,omitempty" max:"300" default:"HEAD"`
	Path     string `json:"path,omitempty"`
}

type logOut struct {
	Commits   []commit `json:"commits"`
	Truncated bool     `json:"truncated"`
}

type commit struct {
	Hash    string `json:"hash"`
	Author  string `json:"author"`
	Date    string `json:"date"`
	Message string `json:"message"`
}

// commitFormat ends every field with a zero byte.
const commitFormat = "--format=tformat:%H%x00%an <%ae>%x00%aI%x00%B%x00"

func (g *git) log(ctx context.Context, _ *tool.Call, in *logIn) (*logOut, error) {
	for name, text := range map[string]string{"revision": in.Revision, "start_timestamp": in.Start, "end_timestamp": in.End} {
		if err := value(name, text); err != nil {
			return nil, err
		}
	}
	r, err := g.open(ctx, in.RepoPath)
	if err != nil {
		return nil, err
	}
	defer r.dir.Close()
	if in.MaxCount == 0 {
		in.MaxCount = 10
	}
	if in.Revision == "" {
		in.Revision = "HEAD"
	}
	if err := r.resolve(ctx, in.Revision); err != nil {
		return nil, err
	}
	args := []string{"log", "--no-show-signature", commitFormat, "--max-count=" + strconv.FormatInt(in.MaxCount, 10)}
	if in.Start != "" {
		args = append(args, "--since="+in.Start)
	}
	if in.End != "" {
		args = append(args, "--until="+in.End)
	}
	args = append(args, "--end-of-options", in.Revision, "--")
	if in.Path != "" {
		if err := paths([]string{in.Path}); err != nil {
			return nil, err
		}
		args = append(args, in.Path)
	}
	out, err := r.run(ctx, args...)
	if err != nil {
		return nil, err
	}
	return &logOut{commitsOf(out.Stdout), out.Truncated}, nil
}

func commitsOf(b []byte) []commit {
	list := []commit{}
	f := strings.Split(text(b), "\x00")
	for ; len(f) > 4; f = f[4:] {
		list = append(list, commit{strings.TrimSpace(f[0]), f[1], f[2], strings.TrimSpace(f[3])})
	}
	return list
}

type showIn struct {
	RepoPath string `json:"repo_path" doc:"directory of the repository"`
	Revision string `json:"revision" min:"1" max:"300"`
}

type showOut struct {
	Commit    commit `json:"commit"`
	Diff      string `json:"diff"`
	Truncated bool   `json:"truncated"`
}

func (g *git) show(ctx context.Context, _ *tool.Call, in *showIn) (*showOut, error) {
	if err := value("revision", in.Revision); err != nil {
		return nil, err
	}
	r, err := g.open(ctx, in.RepoPath)
	if err != nil {
		return nil, err
	}
	defer r.dir.Close()
	if err := r.resolve(ctx, in.Revision); err != nil {
		return nil, err
	}
	args := append([]string{"show", "--no-show-signature", "--patch", commitFormat}, plain...)
	out, err := r.run(ctx, append(args, "--end-of-options", in.Revision+"^{commit}", "--")...)
	if err != nil {
		return nil, err
	}
	f := bytes.SplitN(out.Stdout, []byte{0}, 5)
	if len(f) < 5 {
		return nil, tool.Errorf("The commit's message is too long to be shown.")
	}
	head := commitsOf(append(bytes.Join(f[:4], []byte{0}), 0))
	return &showOut{head[0], strings.TrimSpace(text(f[4])), out.Truncated}, nil
}

type branchIn struct {
	RepoPath    string `json:"repo_path" doc:"directory of the repository"`
	Type        string `json:"branch_type,omitempty" enum:"local|remote|all" default:"local"`
	Contains    string `json:"contains,omitempty" max:"300" doc:"only those that have this commit"`
	NotContains string `json:"not_contains,omitempty" max:"300"`
}

type branchOut struct {
	Branches  []branch `json:"branches"`
	Truncated bool     `json:"truncated"`
}

type branch struct {
	Name    string `json:"name"`
	Commit  string `json:"commit"`
	Current bool   `json:"current"`
}

func (g *git) branches(ctx context.Context, _ *tool.Call, in *branchIn) (*branchOut, error) {
	r, err := g.open(ctx, in.RepoPath)
	if err != nil {
		return nil, err
	}
	defer r.dir.Close()
	args := []string{"for-each-ref", "--format=%(refname:short)%00%(objectname)%00%(HEAD)"}
	for name, revision := range map[string]string{"contains": in.Contains, "no-contains": in.NotContains} {
		if revision == "" {
			continue
		}
		if err := value(name, revision); err != nil {
			return nil, err
		}
		if err := r.resolve(ctx, revision); err != nil {
			return nil, err
		}
		args = append(args, "--"+name+"="+revision)
	}
	switch in.Type {
	case "remote":
		args = append(args, "refs/remotes")
	case "all":
		args = append(args, "refs/heads", "refs/remotes")
	default:
		args = append(args, "refs/heads")
	}
	out, err := r.run(ctx, args...)
	if err != nil {
		return nil, err
	}
	b := &branchOut{Branches: []branch{}, Truncated: out.Truncated}
	for line := range strings.Lines(text(out.Stdout)) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), "\x00"); len(f) == 3 {
			b.Branches = append(b.Branches, branch{f[0], f[1], f[2] == "*"})
		}
	}
	return b, nil
}

func text(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

func split(b []byte) []string {
	list := []string{}
	for name := range strings.SplitSeq(text(b), "\x00") {
		if name != "" {
			list = append(list, name)
		}
	}
	return list
}
