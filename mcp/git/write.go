package git

import (
	"context"
	"strings"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

func (g *git) writers() []*tool.Tool {
	return []*tool.Tool{
		tool.New(tool.Tool{
			Name: "git_add", Title: "Stage files", Hints: tool.Adds,
			Description: "Stage files for the next commit.",
		}, g.add),
		tool.New(tool.Tool{
			Name: "git_commit", Title: "Commit", Hints: tool.Hints{},
			Description: "Commit what is staged. No hooks run.",
		}, g.commit),
		tool.New(tool.Tool{
			Name: "git_reset", Title: "Unstage all", Hints: tool.Hints{Destructive: true, Idempotent: true},
			Description: "Unstage everything. The worktree stays as it is.",
		}, g.reset),
		tool.New(tool.Tool{
			Name: "git_create_branch", Title: "Create a branch", Hints: tool.Hints{},
			Description: "Create a branch, without switching to it.",
		}, g.createBranch),
		tool.New(tool.Tool{
			Name: "git_checkout", Title: "Switch branches", Hints: tool.Hints{},
			Description: "Switch to a branch. Changes that would be lost stop it.",
		}, g.checkout),
	}
}

type addIn struct {
	RepoPath string   `json:"repo_path" doc:"directory of the repository"`
	Files    []string `json:"files" min:"1" max:"1000" doc:"below repo_path"`
}

type addOut struct {
	Staged []string `json:"staged"`
}

func (g *git) add(ctx context.Context, _ *tool.Call, in *addIn) (*addOut, error) {
	if err := paths(in.Files); err != nil {
		return nil, err
	}
	r, err := g.open(ctx, in.RepoPath)
	if err != nil {
		return nil, err
	}
	defer r.dir.Close()
	if _, err := r.run(ctx, append([]string{"add", "--"}, in.Files...)...); err != nil {
		return nil, err
	}
	staged, err := r.staged(ctx)
	return &addOut{staged}, err
}

// staged are the files that differ from the last commit in the index. A
// repository without a commit has all of them.
func (r *repository) staged(ctx context.Context) ([]string, error) {
	out, err := r.run(ctx, append([]string{"diff", "--cached", "--name-only", "-z"}, plain...)...)
	if err != nil {
		return nil, err
	}
	return split(out.Stdout), nil
}

type commitIn struct {
	RepoPath string `json:"repo_path" doc:"directory of the repository"`
	Message  string `json:"message" min:"1" max:"100000"`
}

type commitOut struct {
	Hash string `json:"hash"`
}

func (g *git) commit(ctx context.Context, _ *tool.Call, in *commitIn) (*commitOut, error) {
	if strings.ContainsRune(in.Message, 0) || strings.TrimSpace(in.Message) == "" {
		return nil, tool.Errorf("A message is text.")
	}
	r, err := g.open(ctx, in.RepoPath)
	if err != nil {
		return nil, err
	}
	defer r.dir.Close()
	staged, err := r.staged(ctx)
	if err != nil {
		return nil, err
	}
	if len(staged) == 0 {
		return nil, tool.Errorf("Nothing is staged: git_add does that.")
	}
	if _, err := r.run(ctx, "commit", "--quiet", "--no-verify", "--no-gpg-sign", "--cleanup=whitespace", "--message="+in.Message); err != nil {
		return nil, err
	}
	out, err := r.run(ctx, "rev-parse", "HEAD")
	if err != nil {
		return nil, err
	}
	return &commitOut{strings.TrimSpace(text(out.Stdout))}, nil
}

type resetOut struct {
	Unstaged []string `json:"unstaged"`
}

func (g *git) reset(ctx context.Context, _ *tool.Call, in *repoIn) (*resetOut, error) {
	r, err := g.open(ctx, in.RepoPath)
	if err != nil {
		return nil, err
	}
	defer r.dir.Close()
	staged, err := r.staged(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := r.run(ctx, "reset", "--quiet", "--mixed"); err != nil {
		return nil, err
	}
	return &resetOut{staged}, nil
}

type createBranchIn struct {
	RepoPath string `json:"repo_path" doc:"directory of the repository"`
	Name     string `json:"branch_name" min:"1" max:"200"`
	Base     string `json:"base_branch,omitempty" max:"300" default:"HEAD"`
}

type onBranchOut struct {
	Branch string `json:"branch"`
}

func (g *git) createBranch(ctx context.Context, _ *tool.Call, in *createBranchIn) (*onBranchOut, error) {
	for name, text := range map[string]string{"branch_name": in.Name, "base_branch": in.Base} {
		if err := value(name, text); err != nil {
			return nil, err
		}
	}
	r, err := g.open(ctx, in.RepoPath)
	if err != nil {
		return nil, err
	}
	defer r.dir.Close()
	args := []string{"branch", "--no-track", "--end-of-options", in.Name}
	if in.Base != "" {
		if err := r.resolve(ctx, in.Base); err != nil {
			return nil, err
		}
		args = append(args, in.Base)
	}
	if _, err := r.run(ctx, args...); err != nil {
		return nil, err
	}
	return &onBranchOut{in.Name}, nil
}

type checkoutIn struct {
	RepoPath string `json:"repo_path" doc:"directory of the repository"`
	Name     string `json:"branch_name" min:"1" max:"200"`
}

func (g *git) checkout(ctx context.Context, _ *tool.Call, in *checkoutIn) (*onBranchOut, error) {
	if err := value("branch_name", in.Name); err != nil {
		return nil, err
	}
	r, err := g.open(ctx, in.RepoPath)
	if err != nil {
		return nil, err
	}
	defer r.dir.Close()
	// The name of a branch and nothing else: a path would overwrite files.
	if err := r.resolve(ctx, "refs/heads/"+in.Name); err != nil {
		return nil, tool.Errorf("There is no branch %.100q.", in.Name)
	}
	if _, err := r.run(ctx, "checkout", "--quiet", "--no-guess", in.Name, "--"); err != nil {
		return nil, err
	}
	return &onBranchOut{in.Name}, nil
}
