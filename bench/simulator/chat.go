package simulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// chatRequest is what is read of OpenAI's POST /v1/chat/completions.
type chatRequest struct {
	Messages []struct {
		Role    string  `json:"role"`
		Content content `json:"content"`
	} `json:"messages"`
	Stream        bool `json:"stream"`
	StreamOptions *struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens           *int `json:"max_tokens"`
	MaxCompletionTokens *int `json:"max_completion_tokens"`
	N                   *int `json:"n"`
	Stop                list `json:"stop"`
	Tools               []struct {
		Function struct {
			Name       string          `json:"name"`
			Parameters json.RawMessage `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
	ToolChoice        json.RawMessage `json:"tool_choice"`
	ParallelToolCalls *bool           `json:"parallel_tool_calls"`
	ResponseFormat    struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	ReasoningEffort string `json:"reasoning_effort"`
	Thinking        struct {
		Type string `json:"type"`
	} `json:"thinking"`
}

func (s *Server) chat(q *request, p *plan) *reply {
	if r, ok := s.benchReply(q, openAI, p); ok {
		return r
	}
	if bad := strictChat(q, p.strict); bad != nil {
		return bad
	}
	a, bad := s.readChat(q)
	if bad != nil {
		return bad
	}
	outs := make([]output, a.n)
	for i := range outs {
		outs[i] = s.compose(a, i, p)
	}
	if p.stream == "sse" || a.stream && p.stream != "json" {
		return streamReply(chatEvents(a, outs, p))
	}
	return jsonReply(appendChat(nil, a, outs, p))
}

// common fills in what chat and completions read alike.
func (s *Server) common(q *request, stream, usage bool, n *int, options bool) (*ask, *reply) {
	skill, ok := s.skillOf(q.model)
	if !ok {
		return nil, noModel(q.dialect, q.model)
	}
	if options && !stream {
		return nil, invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
	}
	a := &ask{model: q.model, skill: skill, stream: stream, wantUsage: usage, n: 1, seed: mix(s.config.Seed, hash(q.body))}
	if n != nil {
		a.n = *n
	}
	if a.n < 1 || a.n > 128 {
		return nil, invalid("Invalid 'n': expected an integer between 1 and 128.", "n")
	}
	return a, nil
}

func invalid(message, param string) *reply {
	return errorReply(openAI, http.StatusBadRequest, message, param, "invalid_value")
}

func (s *Server) readChat(q *request) (*ask, *reply) {
	var in chatRequest
	if bad := decode(openAI, q.body, &in); bad != nil {
		return nil, bad
	}
	usage := in.StreamOptions != nil && in.StreamOptions.IncludeUsage
	a, bad := s.common(q, in.Stream, usage, in.N, in.StreamOptions != nil)
	if bad != nil {
		return nil, bad
	}
	if len(in.Messages) == 0 {
		return nil, errorReply(openAI, http.StatusBadRequest, "Invalid 'messages': empty array.", "messages", "empty_array")
	}
	for _, limit := range []*int{in.MaxTokens, in.MaxCompletionTokens} {
		if limit != nil && *limit < 1 {
			return nil, invalid("Invalid 'max_tokens': expected a value >= 1.", "max_tokens")
		} else if limit != nil {
			a.maxTokens = *limit
		}
	}
	var results []string
	for _, m := range in.Messages {
		a.texts = append(a.texts, m.Content.text)
		a.images, a.files = a.images+m.Content.images, a.files+m.Content.files
		switch m.Role {
		case "user":
			a.user, results = m.Content.text, nil
		case "tool", "function":
			results = append(results, m.Content.text)
		default:
			results = nil
		}
	}
	if results != nil {
		all := strings.Join(results, " | ")
		a.result = &all
	}
	a.stop, a.think = in.Stop, in.thinks()
	a.object = in.ResponseFormat.Type == "json_object"
	if in.ResponseFormat.Type == "json_schema" {
		a.schema = in.ResponseFormat.JSONSchema.Schema
	}
	for _, t := range in.Tools {
		a.tools = append(a.tools, tool{t.Function.Name, t.Function.Parameters})
	}
	a.parallel = in.ParallelToolCalls == nil || *in.ParallelToolCalls
	a.choose, bad = chatChoice(in.ToolChoice)
	a.count()
	return a, bad
}

// thinks reports whether thoughts are asked for, in any of the ways that OpenAI's imitators have.
func (in *chatRequest) thinks() bool {
	return in.ReasoningEffort != "" && in.ReasoningEffort != "none" || in.Thinking.Type == "enabled"
}

func chatChoice(raw json.RawMessage) (string, *reply) {
	var word string
	var named struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return "auto", nil
	case json.Unmarshal(raw, &word) == nil && (word == "auto" || word == "none" || word == "required"):
		return word, nil
	case word == "any": // Mistral's
		return "required", nil
	case json.Unmarshal(raw, &named) == nil && named.Function.Name != "":
		return namedTool + named.Function.Name, nil
	}
	return "", invalid("Invalid 'tool_choice'.", "tool_choice")
}

// finishName is the finish reason in OpenAI's words, or null.
func finishName(f finish, p *plan) []byte {
	switch p.finish {
	case "":
		return quote([]string{finishStop: "stop", finishSequence: "stop", finishLength: "length", finishTools: "tool_calls", finishRefusal: "stop", finishFilter: "content_filter"}[f])
	case "none":
		return []byte("null")
	default:
		return quote(p.finish)
	}
}

func appendChat(b []byte, a *ask, outs []output, p *plan) []byte {
	b = appendOpening(b, a, a.id("chatcmpl-"), "chat.completion")
	b = append(b, `,"choices":[`...)
	for i, out := range outs {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"index":`...), int64(i), 10)
		b = appendChatMessage(append(b, `,"message":`...), out)
		b = append(b, `,"logprobs":null,"finish_reason":`...)
		b = append(append(b, finishName(out.finish, p)...), '}')
	}
	b = append(b, ']')
	if p.usage != "none" {
		b = appendUsage(append(b, `,"usage":`...), a.usage(outs, p))
	}
	return append(b, `,"service_tier":"default","system_fingerprint":"fp_simulated"}`...)
}

func appendChatMessage(b []byte, out output) []byte {
	b = append(b, `{"role":"assistant","content":`...)
	content, refusal := quote(out.text()), []byte("null")
	if out.finish == finishRefusal {
		content, refusal = refusal, content
	} else if len(out.calls) > 0 && len(out.pieces) == 0 {
		content = []byte("null")
	}
	b = append(b, content...)
	if len(out.thoughts) > 0 {
		b = append(append(b, `,"reasoning_content":`...), quote(strings.Join(out.thoughts, ""))...)
	}
	for j, c := range out.calls {
		lead := `,"tool_calls":[{`
		if j > 0 {
			lead = ",{"
		}
		b = append(appendCall(append(b, lead...), c, c.arguments), '}')
	}
	if len(out.calls) > 0 {
		b = append(b, ']')
	}
	b = append(append(b, `,"refusal":`...), refusal...)
	return append(b, `,"annotations":[]}`...)
}

func (out output) text() string {
	n := 0
	for _, t := range out.pieces {
		n += len(t)
	}
	b := make([]byte, 0, n)
	for _, t := range out.pieces {
		b = append(b, t...)
	}
	return string(b)
}

// appendOpening appends an object's first members, without its end.
func appendOpening(b []byte, a *ask, id, object string) []byte {
	b = append(append(b, `{"id":"`...), id...)
	b = append(append(b, `","object":"`...), object...)
	b = strconv.AppendInt(append(b, `","created":`...), a.created(), 10)
	return append(append(b, `,"model":`...), quote(a.model)...)
}

func appendCall(b []byte, c call, arguments string) []byte {
	b = append(b, `"id":"`...)
	if !c.bare {
		b = append(b, "call_"...)
	}
	b = append(append(b, c.id...), `","type":"function","function":{"name":`...)
	b = append(b, quote(c.name)...)
	b = append(append(b, `,"arguments":`...), quote(arguments)...)
	return append(b, '}')
}

func appendUsage(b []byte, u usage) []byte {
	b = strconv.AppendInt(append(b, `{"prompt_tokens":`...), int64(u.prompt), 10)
	b = strconv.AppendInt(append(b, `,"completion_tokens":`...), int64(u.completion), 10)
	b = strconv.AppendInt(append(b, `,"total_tokens":`...), int64(u.prompt+u.completion), 10)
	b = strconv.AppendInt(append(b, `,"prompt_tokens_details":{"cached_tokens":`...), int64(u.cached), 10)
	b = strconv.AppendInt(append(b, `,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":`...), int64(u.reasoning), 10)
	return append(b, `,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`...)
}

// chatEvents streams the choices in turns, as a provider that thinks about all of them at once.
func chatEvents(a *ask, outs []output, p *plan) []event {
	s := chatStream{ask: a, plan: p, outs: outs, usage: a.wantUsage || p.usage == "always"}
	if p.azure {
		s.events = append(s.events, event{data: []byte(`{"id":"","object":"","created":0,"model":"","choices":[],` +
			`"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}`)})
	}
	deltas := make([][]string, len(outs))
	longest := 0
	for i, out := range outs {
		deltas[i] = chatDeltas(out)
		longest = max(longest, len(deltas[i]))
	}
	for j := range longest {
		for i := range outs {
			if j < len(deltas[i]) {
				s.add(i, deltas[i][j], []byte("null"), p.usage == "last" && j == longest-1)
			}
		}
	}
	for i, out := range outs {
		s.add(i, `{}`, finishName(out.finish, p), false)
	}
	if s.usage && p.usage != "none" && p.usage != "last" {
		b := appendOpening(nil, a, a.id("chatcmpl-"), "chat.completion.chunk")
		b = append(b, `,"service_tier":"default","system_fingerprint":"fp_simulated","choices":[],"usage":`...)
		s.events = append(s.events, event{data: append(appendUsage(b, a.usage(outs, p)), '}')})
	}
	return append(s.events, event{data: []byte("[DONE]")})
}

// chatDeltas returns the deltas of a choice, in JSON.
func chatDeltas(out output) []string {
	deltas := []string{`{"role":"assistant","content":"","refusal":null}`}
	name := "content"
	if out.finish == finishRefusal {
		name = "refusal"
	}
	if len(out.calls) > 0 && len(out.pieces) == 0 {
		deltas[0] = `{"role":"assistant","content":null,"refusal":null}`
	}
	for _, t := range out.thoughts {
		deltas = append(deltas, `{"reasoning_content":`+string(quote(t))+`}`)
	}
	for _, t := range out.pieces {
		deltas = append(deltas, `{"`+name+`":`+string(quote(t))+`}`)
	}
	for i, c := range out.calls {
		index := `{"tool_calls":[{"index":` + strconv.Itoa(i) + `,`
		deltas = append(deltas, index+string(appendCall(nil, c, ""))+`}]}`)
		for _, t := range pieces(c.arguments) {
			deltas = append(deltas, index+`"function":{"arguments":`+string(quote(t))+`}}]}`)
		}
	}
	return deltas
}

type chatStream struct {
	ask    *ask
	plan   *plan
	outs   []output
	usage  bool // was asked for
	events []event
}

func (s *chatStream) add(choice int, delta string, finish []byte, last bool) {
	b := appendOpening(nil, s.ask, s.ask.id("chatcmpl-"), "chat.completion.chunk")
	b = append(b, `,"service_tier":"default","system_fingerprint":"fp_simulated","choices":[{"index":`...)
	b = strconv.AppendInt(b, int64(choice), 10)
	b = append(append(b, `,"delta":`...), delta...)
	b = append(append(b, `,"logprobs":null,"finish_reason":`...), finish...)
	b = append(b, `}]`...)
	switch {
	case last || s.plan.usage == "every":
		b = appendUsage(append(b, `,"usage":`...), s.ask.usage(s.outs, s.plan))
	case s.usage && s.plan.usage != "none":
		b = append(b, `,"usage":null`...)
	}
	s.events = append(s.events, event{data: append(b, '}')})
}
