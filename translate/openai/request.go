package openai

import (
	"bytes"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// ReadRequest reads r, the scanned body of op: a chat, or a legacy completion,
// whose prompt becomes the one turn of a user. The result borrows from the
// body.
func (*Dialect) ReadRequest(op translate.Op, r *translate.Request) (*neutral.Request, *translate.Error) {
	q := &neutral.Request{
		Model:  string(r.Model),
		Stream: r.Stream,
		Usage:  r.Usage == translate.UsageTrue,
	}
	s := requestReader{q: q, op: op}
	o := translate.Members(bytes.TrimPrefix(r.Body, byteOrderMark))
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		if f := s.field(string(keyOf(&o)), o.Value()); f != nil {
			return nil, f.err()
		}
	}
	s.finish()
	return q, neutral.Check(q)
}

// requestReader reads one request. What two fields say together is settled
// when both are known.
type requestReader struct {
	q         *neutral.Request
	op        translate.Op
	maxTokens []byte // the deprecated name; max_completion_tokens wins
	user      []byte // the deprecated name; safety_identifier wins
}

// field takes one top-level field, which is not null.
func (s *requestReader) field(key string, v []byte) *flaw {
	if s.op == translate.OpCompletion {
		if known, f := s.completionField(key, v); known {
			return f
		}
	}
	q := s.q
	switch key {
	case "model", "stream", "conversation_id", "conversationId":
		return nil // the gateway's own affair, or read by the scan
	case "messages":
		return s.messages(v).in(key)
	case "tools":
		return readTools(q, v).in(key)
	case "tool_choice":
		return readChoice(&q.Choice, v).in(key)
	case "functions":
		return readFunctions(q, v).in(key)
	case "function_call":
		return readFunctionChoice(&q.Choice, v).in(key)
	case "parallel_tool_calls":
		return readSwitch(&q.Parallel, v).in(key)
	case "response_format":
		return readFormat(&q.Format, v).in(key)
	case "reasoning_effort":
		return readEffort(&q.Reasoning, v).in(key)
	case "reasoning":
		return readReasoning(&q.Reasoning, v).in(key)
	case "thinking":
		return readThinking(&q.Reasoning, v).in(key)
	case "stop":
		return readStop(q, v).in(key)
	case "n":
		return readCount(&q.N, v).in(key)
	case "stream_options":
		s.streamOptions(v)
		return nil
	case "modalities":
		if len(v) > 2 && string(compact(v)) == `["text"]` {
			return nil // what every answer has
		}
	case "cache_control":
		q.Cache.Auto = readCacheControl(v)
		return nil
	}
	return s.scalar(key, v)
}

// scalar takes a field with a number, a boolean or a string, or one without a
// place in the neutral form.
func (s *requestReader) scalar(key string, v []byte) *flaw {
	q := s.q
	switch key {
	case "max_completion_tokens":
		return readWhole(&q.MaxTokens, v).in(key)
	case "max_tokens":
		return readWhole(&s.maxTokens, v).in(key)
	case "temperature":
		return readNumber(&q.Temperature, v).in(key)
	case "top_p":
		return readNumber(&q.TopP, v).in(key)
	case "top_k":
		return readNumber(&q.TopK, v).in(key)
	case "frequency_penalty":
		return readNumber(&q.FrequencyPenalty, v).in(key)
	case "presence_penalty":
		return readNumber(&q.PresencePenalty, v).in(key)
	case "seed":
		return readNumber(&q.Seed, v).in(key)
	case "logprobs":
		return readSwitch(&q.Logprobs, v).in(key)
	case "top_logprobs":
		return readWhole(&q.TopLogprobs, v).in(key)
	case "store":
		return readSwitch(&q.Store, v).in(key)
	case "metadata":
		if translate.KindOf(v) != translate.KindObject {
			return invalid("an object").in(key)
		}
		q.Metadata = translate.WithoutConversationID(v)
	case "service_tier":
		return readString(&q.ServiceTier, v).in(key)
	case "safety_identifier":
		return readString(&q.User, v).in(key)
	case "user":
		if translate.KindOf(v) != translate.KindString {
			return invalid("a string").in(key)
		}
		s.user = v
	case "prompt_cache_key":
		return readString(&q.Cache.Key, v).in(key)
	case "prompt_cache_retention":
		return readString(&q.Cache.Retention, v).in(key)
	default:
		q.Extra = append(q.Extra, neutral.Member{Name: key, Raw: v})
	}
	return nil
}

// streamOptions notes what the scan has not read.
func (s *requestReader) streamOptions(v []byte) {
	o := translate.Members(v)
	for o.Next() {
		if key := string(keyOf(&o)); key != "include_usage" && string(o.Value()) == "true" {
			s.lose("stream_options." + key)
		}
	}
}

// lose notes what the neutral form has no place for: a provider's dialect
// reports it as dropped, as it knows no field of that name.
func (s *requestReader) lose(path string) {
	for _, m := range s.q.Extra {
		if m.Name == path {
			return
		}
	}
	s.q.Extra = append(s.q.Extra, neutral.Member{Name: path, Raw: null})
}

// defaultCompletionTokens is what a legacy completion is cut to when it names
// no limit.
var defaultCompletionTokens = []byte("16")

func (s *requestReader) finish() {
	q := s.q
	if q.MaxTokens == nil {
		q.MaxTokens = s.maxTokens
	}
	if q.MaxTokens == nil && s.op == translate.OpCompletion {
		q.MaxTokens = defaultCompletionTokens
	}
	switch user := stringOf(s.user); {
	case q.User == "":
		q.User = user
	case user != "" && user != q.User:
		s.lose("user")
	}
}

// completionField takes a field that is a legacy completion's, or means
// something else there.
func (s *requestReader) completionField(key string, v []byte) (known bool, _ *flaw) {
	switch key {
	case "prompt":
		return true, s.prompt(v).in(key)
	case "messages":
		s.lose(key)
		return true, nil
	case "logprobs":
		if n, ok := translate.Int(v); ok && n >= 0 {
			s.q.Logprobs, s.q.TopLogprobs = neutral.On, v
			return true, nil
		}
		return true, invalid("a whole number").in(key)
	case "echo":
		if string(v) == "true" {
			return true, unsupported("A chat model cannot echo its prompt: %q.").in(key)
		}
	case "suffix":
		if filled(v) {
			return true, unsupported("A chat model cannot fill in before a suffix: %q.").in(key)
		}
	case "best_of":
		if n, _ := translate.Int(v); n > 1 {
			return true, unsupported("A chat model cannot pick the best of several answers: %q.").in(key)
		}
	default:
		return false, nil
	}
	return true, nil
}

// prompt makes a turn of the prompt: a string, or an array with one.
func (s *requestReader) prompt(v []byte) *flaw {
	text := v
	if translate.KindOf(v) == translate.KindArray {
		list := translate.Elements(v)
		if !list.Next() {
			return invalid("a string that is not empty")
		}
		if text = list.Value(); translate.KindOf(text) != translate.KindString {
			return unsupported("A chat model takes no token ids: %q.")
		}
		if list.Next() {
			return unsupported("A chat model takes one prompt at a time: %q.")
		}
	}
	if translate.KindOf(text) != translate.KindString {
		return invalid("a string")
	}
	s.q.Turns = []neutral.Turn{{Role: neutral.User, Blocks: []neutral.Block{textBlock(text)}}}
	return nil
}

func readStop(q *neutral.Request, v []byte) *flaw {
	if translate.KindOf(v) == translate.KindString {
		if filled(v) {
			q.Stop = []string{stringOf(v)}
		}
		return nil
	}
	if translate.KindOf(v) != translate.KindArray {
		return invalid("a string or an array of strings")
	}
	list := translate.Elements(v)
	for i := 0; list.Next(); i++ {
		if list.Kind() != translate.KindString {
			return invalid("a string").at(i)
		}
		if filled(list.Value()) {
			q.Stop = append(q.Stop, stringOf(list.Value()))
		}
	}
	return nil
}

func readFormat(format *neutral.Format, v []byte) *flaw {
	var kind string
	var schema []byte
	o := translate.Members(v)
	for o.Next() {
		switch string(keyOf(&o)) {
		case "type":
			kind = stringOf(o.Value())
		case "json_schema":
			schema = o.Value()
		}
	}
	switch kind {
	case "text":
	case "json_object":
		format.Kind = neutral.FormatJSON
	case "json_schema":
		format.Kind = neutral.FormatSchema
		return readSchema(format, schema).in(".json_schema")
	default:
		return invalid("text, json_object or json_schema").in(".type")
	}
	return nil
}

func readSchema(format *neutral.Format, v []byte) *flaw {
	if translate.KindOf(v) != translate.KindObject {
		return invalid("an object")
	}
	o := translate.Members(v)
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		var f *flaw
		switch string(keyOf(&o)) {
		case "name":
			f = readString(&format.Name, o.Value()).in(".name")
		case "description":
			f = readString(&format.Description, o.Value()).in(".description")
		case "strict":
			f = readSwitch(&format.Strict, o.Value()).in(".strict")
		case "schema":
			format.Schema = o.Value()
			if o.Kind() != translate.KindObject {
				f = invalid("an object").in(".schema")
			}
		}
		if f != nil {
			return f
		}
	}
	return nil
}

// readCount reads n, which the engine has checked already.
func readCount(n *int, v []byte) *flaw {
	count, ok := translate.Int(v)
	if !ok || count < 1 || count > maxChoices {
		return invalid("a whole number from 1 to " + strconv.Itoa(maxChoices))
	}
	*n = int(count)
	return nil
}

// maxChoices is OpenAI's limit of n.
const maxChoices = 128
