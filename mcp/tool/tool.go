// Package tool is what an MCP client may call, and knows nothing of the
// protocol: tools with their schemas, and a Set of them that refuses what does
// not fit.
//
// A tool is a Go function from one struct to another; its schemas are read from
// the structs' tags (see SchemaOf). An Error is what the client is told; any
// other error is a bug or a part that is away, and is told as no more than that.
package tool

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ai-mcp-gateway/gateway/tenant"
)

// Hints are what clients are told of a tool beforehand.
type Hints struct {
	// ReadOnly: it changes nothing. Destructive: it may overwrite or remove.
	// Idempotent: a second call with the same arguments changes nothing more.
	// OpenWorld: it reaches beyond this machine.
	ReadOnly, Destructive, Idempotent, OpenWorld bool
}

// The hints of most tools.
var (
	Reads  = Hints{ReadOnly: true, Idempotent: true}
	Adds   = Hints{Idempotent: true}
	Alters = Hints{Destructive: true}
)

// Tool is something that a client may call.
type Tool struct {
	Name, Title, Description string
	// Aliases are other names that it is called by; they are not listed.
	Aliases []string
	Hints   Hints
	// Input is the schema of its arguments, Output that of its Result's
	// Structured; nil Output means that it has none.
	Input, Output *Schema
	// Slow tools wait their turn, so that many of them do not take the machine.
	Slow bool

	run func(ctx context.Context, c *Call, arguments []byte) (*Result, error)
}

// Call is one call of a tool.
type Call struct {
	// Caller is whom it is made for.
	Caller *tenant.Caller
	// RequestID names it in logs and in the ledger.
	RequestID string
	// Progress tells the client how far it is; nil when it does not ask. Total
	// is 0 when it is not known.
	Progress func(done, total float64, message string)
}

// Report tells the client how far the call is, if it wants to know.
func (c *Call) Report(done, total float64, message string) {
	if c.Progress != nil {
		c.Progress(done, total, message)
	}
}

// Result is what a tool answers.
type Result struct {
	// Structured is a JSON object as the tool's Output describes it, or nil.
	Structured json.RawMessage
	// Blocks are what the model reads. A result without any gets a text copy of
	// Structured.
	Blocks []Block
	// Failed: the tool has not done what it was asked for, and Blocks say why.
	Failed bool
}

// Block is a piece of a result: Text, or Data of the Type (a media type).
type Block struct {
	Text string
	Data []byte
	Type string
}

// Error is what a tool tells its client: what is wrong, and what to do.
type Error struct{ Text string }

// Error implements error.
func (e *Error) Error() string { return e.Text }

// Errorf returns an Error.
func Errorf(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// Attached is an output that has blocks besides its fields.
type Attached interface{ Blocks() []Block }

// New returns t as a tool that does run. In and Out are structs; an empty Out
// leaves the tool without an output schema.
func New[In, Out any](t Tool, run func(ctx context.Context, c *Call, in *In) (*Out, error)) *Tool {
	t.Input, t.Output = SchemaOf[In](), SchemaOf[Out]()
	t.run = func(ctx context.Context, c *Call, arguments []byte) (*Result, error) {
		in := new(In)
		if err := json.Unmarshal(arguments, in); err != nil {
			return nil, Errorf("The arguments cannot be read: %v", err)
		}
		out, err := run(ctx, c, in)
		if err != nil {
			return nil, err
		}
		structured, err := Marshal(out)
		if err != nil {
			return nil, fmt.Errorf("cannot marshal the output of %s: %w", t.Name, err)
		}
		r := &Result{Structured: structured}
		if a, ok := any(out).(Attached); ok {
			r.Blocks = a.Blocks()
		}
		return r, nil
	}
	return &t
}

// Raw returns t, whose schemas are set, as a tool that does run with the
// arguments as they came. They have been checked against Input.
func Raw(t Tool, run func(ctx context.Context, c *Call, arguments []byte) (*Result, error)) *Tool {
	t.run = run
	return &t
}
