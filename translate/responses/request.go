package responses

import (
	"bytes"
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

var byteOrderMark = []byte("\ufeff")

// ReadRequest reads a client's request. One that goes on from a stored
// response has to be expanded before (ExpandInput), and one that runs in the
// background, in a conversation of the provider's or from a stored prompt has
// no meaning elsewhere: those are errors.
//
// The instructions are the first block of System, with the raw string in Raw
// and this dialect's name in Dialect, so that the answer can repeat them;
// tools keep their Raw for the same reason. Store is Off where the client says
// so and Unset otherwise: what is kept, the gateway keeps.
func (*Dialect) ReadRequest(_ translate.Op, r *translate.Request) (*neutral.Request, *translate.Error) {
	in := reader{q: neutral.Request{Model: string(r.Model), Stream: r.Stream, Usage: true}}
	o := translate.Members(bytes.TrimPrefix(r.Body, byteOrderMark))
	for o.Next() {
		v := given(o.Value())
		if v == nil {
			continue
		}
		key := string(o.Key())
		if err := unsupported(key, v); err != nil {
			return nil, err
		}
		if f := in.member(key, v); f != nil {
			return nil, f.in(key).err()
		}
	}
	return in.finish()
}

// unsupported reports the fields that need what only the API's own servers
// have.
func unsupported(key string, v []byte) *translate.Error {
	switch key {
	case "previous_response_id":
		err := translate.Errorf(translate.CallerInvalidField, key, "The response that %q names is not stored here.", key)
		err.Reason = "previous_response_not_found"
		return err
	case "background":
		if v[0] != 't' {
			return nil
		}
		return neutral.Unsupported(key, "The field %q is not supported for this model: the answer cannot be made in the background.", key)
	case "conversation", "prompt":
		return neutral.Unsupported(key, "The field %q is not supported for this model: it names what is stored at another provider.", key)
	}
	return nil
}

// reader collects a request.
type reader struct {
	q            neutral.Request
	history      history
	instructions []neutral.Block
	identifier   []byte // safety_identifier
	choice       []byte // tool_choice
}

// member reads a top-level member that is not null.
func (in *reader) member(key string, v []byte) *flaw {
	q := &in.q
	switch key {
	case "model", "stream", "background", "conversation_id", "conversationId":
		return nil
	case "input":
		return in.history.readInput(v)
	case "instructions":
		return in.readInstructions(v)
	case "tools":
		return in.readTools(v)
	case "tool_choice":
		in.choice = v
		return nil
	case "parallel_tool_calls":
		return readSwitch(&q.Parallel, v)
	case "store":
		f := readSwitch(&q.Store, v)
		if q.Store == neutral.On {
			q.Store = neutral.Unset
		}
		return f
	case "text":
		return in.readText(v)
	case "reasoning":
		return in.readReasoning(v)
	case "include":
		return in.readInclude(v)
	case "truncation":
		if string(v) != `"disabled"` { // which is the default everywhere
			in.extra(key, v)
		}
		return nil
	case "max_output_tokens":
		return readInt(&q.MaxTokens, v)
	case "top_logprobs":
		return in.readTopLogprobs(v)
	case "temperature":
		return readNumber(&q.Temperature, v)
	case "top_p":
		return readNumber(&q.TopP, v)
	default:
		return in.word(key, v)
	}
}

// word reads the members that are strings, the metadata, and what is left.
func (in *reader) word(key string, v []byte) *flaw {
	q := &in.q
	switch key {
	case "metadata":
		if translate.KindOf(v) != translate.KindObject {
			return wrong("", "an object")
		}
		q.Metadata = translate.WithoutConversationID(v)
		return nil
	case "user":
		return readString(&q.User, v)
	case "prompt_cache_key":
		return readString(&q.Cache.Key, v)
	case "prompt_cache_retention":
		return readString(&q.Cache.Retention, v)
	case "service_tier":
		return readString(&q.ServiceTier, v)
	case "safety_identifier":
		in.identifier = v
		return nil
	}
	in.extra(key, v)
	return nil
}

func (in *reader) extra(key string, v []byte) {
	in.q.Extra = append(in.q.Extra, neutral.Member{Name: key, Raw: v})
}

func (in *reader) readInstructions(v []byte) *flaw {
	switch translate.KindOf(v) {
	case translate.KindString:
		in.instructions = []neutral.Block{{Kind: neutral.Text, Text: text(v), Raw: v, Dialect: name}}
		return nil
	case translate.KindArray: // as a response echoes them
		var h history
		f := h.readInput(v)
		in.instructions = h.system
		return f
	default:
		return wrong("", "a string")
	}
}

// finish puts together what stands in several members.
func (in *reader) finish() (*neutral.Request, *translate.Error) {
	q := &in.q
	q.System, q.Turns = slices.Concat(in.instructions, in.history.system), in.history.turns
	if len(q.System) == 0 && len(q.Turns) == 0 {
		return nil, missing("input").err()
	}
	if in.choice != nil {
		if f := in.readChoice(in.choice); f != nil {
			return nil, f.in("tool_choice").err()
		}
	}
	switch {
	case in.identifier == nil:
	case q.User == "":
		if f := readString(&q.User, in.identifier); f != nil {
			return nil, f.in("safety_identifier").err()
		}
	default:
		in.extra("safety_identifier", in.identifier)
	}
	return q, nil
}

func readSwitch(dst *neutral.Switch, v []byte) *flaw {
	if translate.KindOf(v) != translate.KindBool {
		return wrong("", "a boolean")
	}
	*dst = neutral.SwitchOf(v[0] == 't')
	return nil
}

func readString(dst *string, v []byte) *flaw {
	s := text(v)
	if s == nil {
		return wrong("", "a string")
	}
	*dst = string(s)
	return nil
}

func readNumber(dst *[]byte, v []byte) *flaw {
	if translate.KindOf(v) != translate.KindNumber {
		return wrong("", "a number")
	}
	*dst = v
	return nil
}

func readInt(dst *[]byte, v []byte) *flaw {
	if n, ok := translate.Int(v); !ok || n < 0 {
		return wrong("", "a whole number that is not negative")
	}
	*dst = v
	return nil
}
