package file

import "github.com/ai-mcp-gateway/gateway/mcp/tool"

// Tools returns the tools that read below the roots and, with write, those that
// change what is there.
func Tools(roots *Roots, write bool) []*tool.Tool {
	f := &files{roots}
	list := []*tool.Tool{
		tool.New(tool.Tool{
			Name: "read_text_file", Title: "Read a text file", Hints: tool.Reads, Aliases: []string{"read_file", "fs_read"},
			Description: "Read a text file, or some of its lines.",
		}, f.readText),
		tool.New(tool.Tool{
			Name: "read_media_file", Title: "Read an image or sound", Hints: tool.Reads,
			Description: "Read an image, sound or other binary file of at most 8 MiB.",
		}, f.readMedia),
		tool.New(tool.Tool{
			Name: "read_multiple_files", Title: "Read several text files", Hints: tool.Reads,
			Description: "Read up to 50 text files. One that cannot be read has an error in its place.",
		}, f.readMultiple),
		tool.New(tool.Tool{
			Name: "list_directory", Title: "List a directory", Hints: tool.Reads, Aliases: []string{"fs_list", "list_directory_with_sizes"},
			Description: "List a directory, in pages of 500 entries.",
		}, f.list),
		tool.New(tool.Tool{
			Name: "directory_tree", Title: "Show a directory tree", Hints: tool.Reads, Slow: true,
			Description: "Show what is below a directory as a tree of at most 2,000 entries.",
		}, f.tree),
		tool.New(tool.Tool{
			Name: "search_files", Title: "Find files by name", Hints: tool.Reads, Slow: true,
			Description: "Find files and directories whose name or path matches a glob pattern.",
		}, f.search),
		tool.New(tool.Tool{
			Name: "grep_files", Title: "Search in files", Hints: tool.Reads, Slow: true,
			Description: "Find the lines of text files that match a regular expression (RE2).",
		}, f.grep),
		tool.New(tool.Tool{
			Name: "get_file_info", Title: "Describe a file", Hints: tool.Reads,
			Description: "Size, time, mode and type of a file or directory.",
		}, f.info),
		tool.New(tool.Tool{
			Name: "list_allowed_directories", Title: "List the allowed directories", Hints: tool.Reads,
			Description: "The directories that tools may see. A relative path starts at the first.",
		}, f.allowed),
	}
	if write {
		list = append(list, f.writers()...)
	}
	return list
}

func (f *files) writers() []*tool.Tool {
	again := tool.Hints{Destructive: true, Idempotent: true}
	return []*tool.Tool{
		tool.New(tool.Tool{
			Name: "write_file", Title: "Write a file", Hints: again, Aliases: []string{"fs_write"},
			Description: "Write a whole file, in one step: readers see the old one or the new one.",
		}, f.write),
		tool.New(tool.Tool{
			Name: "edit_file", Title: "Edit a file", Hints: tool.Alters,
			Description: "Replace pieces of a text file. Each oldText has to stand in it exactly once.",
		}, f.edit),
		tool.New(tool.Tool{
			Name: "create_directory", Title: "Create a directory", Hints: tool.Adds,
			Description: "Create a directory, and those that it is in.",
		}, f.createDirectory),
		tool.New(tool.Tool{
			Name: "move_file", Title: "Move a file", Hints: tool.Alters,
			Description: "Move or rename a file or directory. The destination must not exist.",
		}, f.move),
		tool.New(tool.Tool{
			Name: "delete_file", Title: "Delete a file", Hints: again,
			Description: "Delete a file, or an empty directory.",
		}, f.remove),
	}
}

type files struct{ roots *Roots }
