package neutral

import "github.com/ai-mcp-gateway/gateway/translate"

// EventKind says which fields of an Event are set.
type EventKind uint8

// The kinds of events, in the order in which a stream has them: Start; for each
// block BlockStart, its deltas, BlockStop; UsageReport wherever; for each
// choice Finished; End. Blocks of one choice do not overlap: see Serial.
const (
	Start           EventKind = iota + 1 // ID, Model, Created, ServiceTier, Fingerprint
	BlockStart                           // Index, Block, Origin; of a ToolUse ToolID, Name, Custom, Signature
	TextDelta                            // Text, of a Text, Thinking or Refusal block
	ArgumentsDelta                       // Text: a piece of the arguments
	SignatureDelta                       // Text: of a Thinking block, Redacted or not
	AnnotationDelta                      // Text: one raw annotation
	LogprobsDelta                        // Text: raw logprobs of the choice, in OpenAI's form
	BlockStop                            // Index
	UsageReport                          // Usage: what is known so far, in place of what was
	Finished                             // Finish, Native, StopSequence
	Ping                                 // nothing: the provider is alive
	End                                  // the stream is whole
)

// Event is a step of a streamed answer. Its bytes are borrowed from what was
// fed to the Decoder, until the next Feed.
type Event struct {
	Kind EventKind
	// Choice counts the answers from 0, Index the blocks of one of them.
	Choice, Index int

	Block        BlockKind
	ToolID, Name string
	Custom       bool
	Redacted     bool // a Thinking block with nothing but a signature
	Origin       string
	Text         []byte
	Signature    []byte

	ID, Model                string
	Created                  int64
	ServiceTier, Fingerprint string

	Finish               Finish
	Native, StopSequence string
	Usage                Usage

	// Raw and Dialect of a Foreign block's BlockStart.
	Raw     []byte
	Dialect string

	// Media of the BlockStart of an Image, Audio or File, which has no deltas.
	Media *Media
}

// Decoder turns the bytes of a provider's stream into events. It belongs to
// one stream.
type Decoder interface {
	// Feed takes the whole frames at the start of b, appends their events to
	// dst and returns how many bytes it has taken. Between two calls b may
	// only grow, or lose what was taken. An error ends the stream; the events
	// returned with it are good.
	Feed(dst []Event, b []byte) (events []Event, taken int, err *translate.Error)
	// Close is called at the end of input, with what Feed left. It appends
	// what ends the stream; one that was cut short is ProviderTruncated.
	Close(dst []Event, rest []byte) ([]Event, *translate.Error)
}

// Encoder writes a stream in a client's dialect. It belongs to one stream.
type Encoder interface {
	// Append appends the frames for e; End brings the last ones.
	Append(dst []byte, e *Event) []byte
	// Fail appends the frames of a stream that ends with err, and never the
	// mark of a good end.
	Fail(dst []byte, err *translate.Error) []byte
}
