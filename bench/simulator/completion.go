package simulator

import (
	"encoding/json"
	"strconv"
	"strings"
)

// completionRequest is what is read of OpenAI's POST /v1/completions.
type completionRequest struct {
	Prompt        json.RawMessage `json:"prompt"`
	Stream        bool            `json:"stream"`
	StreamOptions *struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens *int `json:"max_tokens"`
	N         *int `json:"n"`
	Stop      list `json:"stop"`
	Echo      bool `json:"echo"`
}

func (s *Server) completion(q *request, p *plan) *reply {
	var in completionRequest
	if bad := decode(openAI, q.body, &in); bad != nil {
		return bad
	}
	usage := in.StreamOptions != nil && in.StreamOptions.IncludeUsage
	a, bad := s.common(q, in.Stream, usage, in.N, in.StreamOptions != nil)
	if bad != nil {
		return bad
	}
	prompts, ok := inputs(in.Prompt)
	if !ok {
		return invalid("Invalid 'prompt'.", "prompt")
	}
	a.stop, a.texts, a.maxTokens = in.Stop, prompts, 16
	if in.MaxTokens != nil {
		a.maxTokens = *in.MaxTokens
	}
	a.count()
	var outs []output
	for _, prompt := range prompts { // the choices of the first prompt come first
		one := *a
		one.texts, one.user = []string{prompt}, prompt
		for i := range a.n {
			out := s.compose(&one, i, p)
			if in.Echo {
				out.pieces = append([]string{prompt}, out.pieces...)
			}
			outs = append(outs, out)
		}
	}
	if p.stream == "sse" || in.Stream && p.stream != "json" {
		return streamReply(completionEvents(a, outs, p))
	}
	b := append(appendOpening(nil, a, a.id("cmpl-"), "text_completion"), `,"choices":[`...)
	for i, out := range outs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendCompletionChoice(b, i, out.text(), finishName(out.finish, p))
	}
	b = append(b, ']')
	if p.usage != "none" {
		b = appendUsage(append(b, `,"usage":`...), a.usage(outs, p))
	}
	return jsonReply(append(b, '}'))
}

func appendCompletionChoice(b []byte, index int, text string, finish []byte) []byte {
	b = append(append(b, `{"text":`...), quote(text)...)
	b = strconv.AppendInt(append(b, `,"index":`...), int64(index), 10)
	return append(append(append(b, `,"logprobs":null,"finish_reason":`...), finish...), '}')
}

func completionEvents(a *ask, outs []output, p *plan) []event {
	var events []event
	wantUsage := a.wantUsage || p.usage == "always"
	add := func(i int, text string, finish []byte, last bool) {
		b := append(appendOpening(nil, a, a.id("cmpl-"), "text_completion"), `,"choices":[`...)
		b = append(appendCompletionChoice(b, i, text, finish), ']')
		switch {
		case p.usage == "every", p.usage == "last" && last:
			b = appendUsage(append(b, `,"usage":`...), a.usage(outs, p))
		case wantUsage && p.usage != "none":
			b = append(b, `,"usage":null`...)
		}
		events = append(events, event{data: append(b, '}')})
	}
	for i, out := range outs {
		for _, t := range out.pieces {
			add(i, t, []byte("null"), false)
		}
		add(i, "", finishName(out.finish, p), i == len(outs)-1)
	}
	if wantUsage && p.usage != "none" && p.usage != "last" {
		b := append(appendOpening(nil, a, a.id("cmpl-"), "text_completion"), `,"choices":[],"usage":`...)
		events = append(events, event{data: append(appendUsage(b, a.usage(outs, p)), '}')})
	}
	return append(events, event{data: []byte("[DONE]")})
}

// inputs reads a string, a list of strings, a list of tokens, or a list of such lists. Tokens become words of digits.
func inputs(raw json.RawMessage) ([]string, bool) {
	var texts list
	var tokens []int
	var many [][]int
	switch {
	case len(raw) == 0:
		return nil, false
	case json.Unmarshal(raw, &texts) == nil:
		return texts, len(texts) > 0
	case json.Unmarshal(raw, &tokens) == nil:
		many = [][]int{tokens}
	case json.Unmarshal(raw, &many) != nil:
		return nil, false
	}
	texts = nil // the first try may have left something
	for _, one := range many {
		words := make([]string, len(one))
		for i, n := range one {
			words[i] = strconv.Itoa(n)
		}
		texts = append(texts, strings.Join(words, " "))
	}
	return texts, len(texts) > 0
}
