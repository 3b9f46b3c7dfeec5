package tool

import "context"

// Resource is something that a client may read by its URI.
type Resource struct {
	// URI may be a template of RFC 6570, such as conversation://{id}.
	URI                      string
	Template                 bool
	Name, Title, Description string
	// Type is the media type of what is read.
	Type string
	// Read returns the text at uri. An Error is what the client is told.
	Read func(ctx context.Context, c *Call, uri string) (string, error)
}

// Prompt is a text that a user may ask for, to begin with.
type Prompt struct {
	Name, Title, Description string
	Arguments                []Argument
	// Text is what is said, with the arguments put in.
	Text func(arguments map[string]string) string
}

// Argument is one of a Prompt's.
type Argument struct {
	Name, Description string
	Required          bool
	// Values returns the values that it may have, for completion; nil where it
	// may have any.
	Values func() []string
}
