package simulator

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// messageRequest is what is read of Anthropic's POST /v1/messages.
type messageRequest struct {
	System   content `json:"system"`
	Messages []struct {
		Role    string  `json:"role"`
		Content content `json:"content"`
	} `json:"messages"`
	Stream        bool     `json:"stream"`
	MaxTokens     *int     `json:"max_tokens"`
	StopSequences []string `json:"stop_sequences"`
	Tools         []struct {
		Name        string          `json:"name"`
		InputSchema json.RawMessage `json:"input_schema"`
	} `json:"tools"`
	ToolChoice struct {
		Type            string `json:"type"`
		Name            string `json:"name"`
		DisableParallel bool   `json:"disable_parallel_tool_use"`
	} `json:"tool_choice"`
	OutputConfig struct {
		Format struct {
			Type   string          `json:"type"`
			Schema json.RawMessage `json:"schema"`
		} `json:"format"`
	} `json:"output_config"`
}

func (s *Server) message(q *request, p *plan) *reply {
	if r, ok := s.benchReply(q, anthropic, p); ok {
		return r
	}
	a, bad := s.readMessage(q, true)
	if bad != nil {
		return bad
	}
	out := s.compose(a, 0, p)
	if p.stream == "sse" || a.stream && p.stream != "json" {
		return streamReply(messageEvents(a, out, p))
	}
	return jsonReply(appendMessageJSON(nil, a, out, p))
}

func (s *Server) countTokens(q *request, _ *plan) *reply {
	a, bad := s.readMessage(q, false)
	if bad != nil {
		return bad
	}
	return jsonReply(append(strconv.AppendInt([]byte(`{"input_tokens":`), int64(a.promptTokens), 10), '}'))
}

func invalidMessage(text string) *reply {
	return errorReply(anthropic, http.StatusBadRequest, text, "", "")
}

func (s *Server) readMessage(q *request, answered bool) (*ask, *reply) {
	var in messageRequest
	if q.version == "" {
		return nil, invalidMessage("anthropic-version: header is required")
	}
	if bad := decode(anthropic, q.body, &in); bad != nil {
		return nil, bad
	}
	skill, ok := s.skillOf(q.model)
	switch {
	case !ok:
		return nil, noModel(anthropic, q.model)
	case len(in.Messages) == 0:
		return nil, invalidMessage("messages: at least one message is required")
	case answered && in.MaxTokens == nil:
		return nil, invalidMessage("max_tokens: Field required")
	case answered && *in.MaxTokens < 1:
		return nil, invalidMessage("max_tokens: Input should be greater than or equal to 1")
	}
	a := &ask{model: q.model, skill: skill, stream: in.Stream, n: 1, stop: in.StopSequences, seed: mix(s.config.Seed, hash(q.body))}
	if answered {
		a.maxTokens = *in.MaxTokens
	}
	if in.System.text != "" {
		a.texts = append(a.texts, in.System.text)
	}
	for _, m := range in.Messages {
		a.texts = append(a.texts, m.Content.text)
		if m.Role == "user" {
			a.user, a.result = m.Content.text, m.Content.result
		}
	}
	for _, t := range in.Tools {
		a.tools = append(a.tools, tool{t.Name, t.InputSchema})
	}
	if in.OutputConfig.Format.Type == "json_schema" {
		a.schema = in.OutputConfig.Format.Schema
	}
	a.parallel = !in.ToolChoice.DisableParallel
	words := map[string]string{"": "auto", "auto": "auto", "none": "none", "any": "required", "tool": namedTool + in.ToolChoice.Name}
	if a.choose, ok = words[in.ToolChoice.Type]; !ok {
		return nil, invalidMessage("tool_choice: Input tag '" + in.ToolChoice.Type + "' found using 'type' does not match any of the expected tags")
	}
	a.count()
	return a, nil
}

func stopReason(f finish, p *plan) []byte {
	names := []string{finishStop: "end_turn", finishSequence: "stop_sequence", finishLength: "max_tokens", finishTools: "tool_use"}
	switch p.finish {
	case "":
		return quote(names[f])
	case "none":
		return []byte("null")
	default:
		return quote(p.finish)
	}
}

func appendMessageJSON(b []byte, a *ask, out output, p *plan) []byte {
	b = appendMessage(b, a, appendBlocks(nil, out), stopReason(out.finish, p), out.stop)
	if p.usage != "none" {
		b = appendMessageUsage(append(b, `,"usage":`...), a.usage([]output{out}, p))
	}
	return append(b, '}')
}

// appendMessage appends a message without its usage and end.
func appendMessage(b []byte, a *ask, blocks, reason []byte, stop string) []byte {
	b = append(append(b, `{"id":"`...), a.id("msg_")...)
	b = append(append(b, `","type":"message","role":"assistant","model":`...), quote(a.model)...)
	b = append(append(append(b, `,"content":[`...), blocks...), `],"stop_reason":`...)
	b = append(append(b, reason...), `,"stop_sequence":`...)
	return append(b, quoteOrNull(stop)...)
}

func appendBlocks(b []byte, out output) []byte {
	if len(out.calls) == 0 {
		return append(append(append(b, `{"type":"text","text":`...), quote(out.text())...), '}')
	}
	for i, c := range out.calls {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(appendToolUse(b, c), c.arguments...), '}')
	}
	return b
}

// appendToolUse appends a block up to its input.
func appendToolUse(b []byte, c call) []byte {
	b = append(append(b, `{"type":"tool_use","id":"toolu_`...), c.id...)
	return append(append(append(b, `","name":`...), quote(c.name)...), `,"input":`...)
}

func appendMessageUsage(b []byte, u usage) []byte {
	b = strconv.AppendInt(append(b, `{"input_tokens":`...), int64(u.prompt-u.cached), 10)
	b = strconv.AppendInt(append(b, `,"cache_creation_input_tokens":0,"cache_read_input_tokens":`...), int64(u.cached), 10)
	b = strconv.AppendInt(append(b, `,"output_tokens":`...), int64(u.completion), 10)
	return append(b, `,"service_tier":"standard"}`...)
}

func messageEvents(a *ask, out output, p *plan) []event {
	u := a.usage([]output{out}, p)
	var events []event
	add := func(name string, data []byte) { events = append(events, event{name, data}) }

	b := appendMessage([]byte(`{"type":"message_start","message":`), a, nil, []byte("null"), "")
	if p.usage != "none" {
		start := u
		start.completion = 1
		b = appendMessageUsage(append(b, `,"usage":`...), start)
	}
	add("message_start", append(b, `}}`...))
	add("ping", []byte(`{"type":"ping"}`))
	for i, block := range blocksOf(out) {
		index := `"index":` + strconv.Itoa(i)
		add("content_block_start", []byte(`{"type":"content_block_start",`+index+`,"content_block":`+block.start+`}`))
		for _, delta := range block.deltas {
			add("content_block_delta", []byte(`{"type":"content_block_delta",`+index+`,"delta":`+delta+`}`))
		}
		add("content_block_stop", []byte(`{"type":"content_block_stop",`+index+`}`))
	}
	b = append([]byte(`{"type":"message_delta","delta":{"stop_reason":`), stopReason(out.finish, p)...)
	b = append(append(append(b, `,"stop_sequence":`...), quoteOrNull(out.stop)...), '}')
	if p.usage != "none" {
		b = appendMessageUsage(append(b, `,"usage":`...), u)
	}
	add("message_delta", append(b, '}'))
	add("message_stop", []byte(`{"type":"message_stop"}`))
	return events
}

type block struct {
	start  string
	deltas []string
}

func blocksOf(out output) []block {
	if len(out.calls) == 0 {
		text := block{start: `{"type":"text","text":""}`}
		for _, t := range out.pieces {
			text.deltas = append(text.deltas, `{"type":"text_delta","text":`+string(quote(t))+`}`)
		}
		return []block{text}
	}
	var blocks []block
	for _, c := range out.calls {
		b := block{start: string(appendToolUse(nil, c)) + `{}}`, deltas: []string{`{"type":"input_json_delta","partial_json":""}`}}
		for _, t := range pieces(c.arguments) {
			b.deltas = append(b.deltas, `{"type":"input_json_delta","partial_json":`+string(quote(t))+`}`)
		}
		blocks = append(blocks, b)
	}
	return blocks
}
