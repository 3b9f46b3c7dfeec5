// Package neutral is a call in no dialect: what a client asks, what a provider
// answers, and the events of a stream. A client's dialect and a provider's
// meet here and nowhere else, so N and M of them make N+M translations.
//
// Text is decoded; whatever only the model or the client's code has to
// understand (schemas, arguments, metadata) stays the JSON that it was, byte
// for byte. Both are borrowed from the body that they were read from, unless
// escapes had to be undone.
package neutral

import "github.com/ai-mcp-gateway/gateway/translate"

// Request is a call for a chat answer.
type Request struct {
	Model string
	// System are the instructions before the first turn, in order.
	System []Block
	Turns  []Turn

	Tools  []Tool
	Choice ToolChoice
	// Parallel says whether the model may call several tools at once.
	Parallel Switch

	// Numbers are raw JSON numbers, nil when absent.
	MaxTokens, Temperature, TopP, TopK []byte
	FrequencyPenalty, PresencePenalty  []byte
	Seed, TopLogprobs                  []byte
	Logprobs                           Switch
	// N is how many answers are wanted; 0 and 1 mean one.
	N    int
	Stop []string

	Format    Format
	Reasoning Reasoning
	Cache     Cache

	ServiceTier, User string
	Metadata          []byte // a raw object
	Store             Switch

	Stream bool
	// Usage: a client of OpenAI's chat wants the usage in its stream.
	Usage bool

	// Extra are the top-level fields that have no place above, as they stand.
	// A provider's dialect takes those that it knows by the same name and
	// meaning, and reports the rest as dropped.
	Extra []Member
}

// Member is a member of a JSON object.
type Member struct {
	Name string
	Raw  []byte
}

// Switch is a boolean that may be absent.
type Switch uint8

// The states of a Switch.
const (
	Unset Switch = iota
	Off
	On
)

// SwitchOf is On for true.
func SwitchOf(on bool) Switch {
	if on {
		return On
	}
	return Off
}

// Role is who speaks in a turn.
type Role uint8

// The roles. System turns stand between others; leading ones are in
// Request.System. Results of tools are blocks of a user's turn.
const (
	User Role = iota + 1
	Assistant
	System
)

// Turn is what one side says before the other does. A dialect that splits it
// into several messages has several turns in a row.
type Turn struct {
	Role Role
	// Name is the speaker's, where the client gives one.
	Name   string
	Blocks []Block
}

// BlockKind says which fields of a Block are set.
type BlockKind uint8

// The kinds of blocks.
const (
	Text BlockKind = iota + 1
	Image
	Audio
	File
	ToolUse
	ToolResult
	Thinking
	Refusal
	// Foreign is a block of one dialect that no other has (a server tool's
	// call or result, a container): Raw and Dialect.
	Foreign
)

// Block is a piece of a turn or of an answer.
type Block struct {
	Kind BlockKind

	// Text of Text, Thinking and Refusal.
	Text []byte

	// Media is the content of Image, Audio and File.
	Media Media

	// ID and Name identify a tool's call; a result repeats the ID, and the
	// name where it is known. Arguments are those of the call: raw JSON when
	// Custom is unset, else free text. In a request they are exactly what the
	// client sent, which need not be an object or even JSON; see Arguments.
	ID, Name  string
	Arguments []byte
	Custom    bool
	// Content and Failed are a result's.
	Content []Block
	Failed  bool

	// Signature seals a Thinking block or a ToolUse for the provider that
	// made it; Redacted thinking has nothing else. Origin names that
	// provider's dialect: others are not sent it.
	Signature []byte
	Redacted  bool
	Origin    string

	// Annotations is a raw array of what the provider said about a text, in
	// Origin's dialect.
	Annotations []byte

	// Breakpoint ends a cached prefix with this block.
	Breakpoint Breakpoint

	Raw     []byte
	Dialect string
}

// Media is an image, a recording or a document. One of URL, Data and FileID
// is set.
type Media struct {
	URL string
	// Data is base64 of the standard alphabet with padding, without a prefix.
	Data   []byte
	FileID string
	// MIME is the type, in lower case and without parameters; empty when
	// nobody said it.
	MIME string
	Name string
	// Detail is OpenAI's for images: auto, low, high.
	Detail string
}

// Breakpoint marks the end of a prefix to cache. TTL is "5m" or "1h", or
// empty for the provider's default.
type Breakpoint struct {
	Set bool
	TTL string
}

// Tool is a function that the model may call.
type Tool struct {
	Name, Description string
	// Schema is the raw JSON schema of the arguments; nil when there is none.
	Schema []byte
	Strict Switch
	// Custom tools take free text; Grammar is the raw format object, if any.
	Custom  bool
	Grammar []byte
	// Server is a tool that the provider runs itself: Raw as it stands in
	// Dialect, under Name.
	Server  bool
	Raw     []byte
	Dialect string

	Breakpoint Breakpoint
}

// ChoiceMode is what the model is to do with its tools.
type ChoiceMode uint8

// The modes. ChoiceUnset leaves it to the provider, which means auto.
const (
	ChoiceUnset ChoiceMode = iota
	ChoiceAuto
	ChoiceNone
	ChoiceRequired
	// ChoiceNamed is required with the one tool in Names.
	ChoiceNamed
)

// ToolChoice steers the use of tools.
type ToolChoice struct {
	Mode ChoiceMode
	// Names restricts auto and required to these tools; nil allows all.
	Names []string
}

// FormatKind is the form of the answer's text.
type FormatKind uint8

// The forms.
const (
	FormatText FormatKind = iota
	FormatJSON
	FormatSchema
)

// Format asks for an answer in a form.
type Format struct {
	Kind              FormatKind
	Name, Description string
	Schema            []byte // raw
	Strict            Switch
}

// Reasoning says how much a model thinks before it answers.
type Reasoning struct {
	// Set is true when the client said anything about it.
	Set bool
	// Effort is none, minimal, low, medium, high, xhigh or max, or empty.
	Effort string
	// Budget is in tokens; 0 is none given. Adaptive leaves it to the model.
	Budget   int64
	Adaptive bool
	// Summary is what is shown of it: OpenAI's auto, concise, detailed, or
	// Anthropic's summarized, omitted.
	Summary string
}

// Cache steers a provider's prompt cache.
type Cache struct {
	Key, Retention string
	// Auto sets a breakpoint at the end of the prompt.
	Auto Breakpoint
}

// Drops are the parameters that got lost on the way to a provider, by their
// path in the client's request, each once.
type Drops []string

// Add notes path.
func (d *Drops) Add(path string) {
	for _, known := range *d {
		if known == path {
			return
		}
	}
	*d = append(*d, path)
}

// Unsupported is the error of a request that a provider cannot express and
// that makes no sense without it.
func Unsupported(param, format string, args ...any) *translate.Error {
	return translate.Errorf(translate.CallerUnsupported, param, format, args...)
}
