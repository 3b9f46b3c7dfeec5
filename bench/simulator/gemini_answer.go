package simulator

import "strings"

type geminiAnswer struct {
	ask  *ask
	plan *plan
	outs []output
}

func (g *geminiAnswer) finish(f finish) []byte {
	switch g.plan.finish {
	case "":
		names := map[finish]string{finishLength: "MAX_TOKENS", finishRefusal: "SAFETY", finishFilter: "SAFETY"}
		if name, ok := names[f]; ok {
			return quote(name)
		}
		return quote("STOP")
	case "none":
		return nil
	default:
		return quote(g.plan.finish)
	}
}

// parts are those of a choice, in the pieces that a stream has them.
func (g *geminiAnswer) parts(out output) []string {
	var all []string
	add := func(format string, args ...any) { all = append(all, string(js(format, args...))) }
	if !g.ask.hidden || g.plan.thinking {
		for _, t := range out.thoughts {
			add(`{"text":%s,"thought":true}`, quote(t))
		}
	}
	if out.finish != finishRefusal && out.finish != finishFilter {
		for _, t := range out.pieces {
			add(`{"text":%s}`, quote(t))
		}
	}
	for n, c := range out.calls {
		sign := ""
		if n == 0 && len(out.thoughts) > 0 { // of parallel calls the first one has it
			sign = string(js(`,"thoughtSignature":%s`, quote(signature(gemini, c.name))))
		}
		add(`{"functionCall":{"name":%s,"args":%s}%s}`, quote(c.name), c.arguments, sign)
	}
	return all
}

// body joins the pieces of a text, as an answer that is not streamed has them.
func (g *geminiAnswer) body() []byte {
	var candidates []string
	for i, out := range g.outs {
		whole := out
		whole.thoughts, whole.pieces = joinPieces(out.thoughts), joinPieces(out.pieces)
		candidates = append(candidates, g.candidate(i, strings.Join(g.parts(whole), ","), out.finish, true))
	}
	return g.response(strings.Join(candidates, ","), g.ask.usage(g.outs, g.plan))
}

func joinPieces(all []string) []string {
	if len(all) == 0 {
		return nil
	}
	return []string{strings.Join(all, "")}
}

func (g *geminiAnswer) candidate(index int, parts string, f finish, last bool) string {
	content, reason := "", ""
	if parts != "" {
		content = `"content":{"parts":[` + parts + `],"role":"model"},`
	}
	if name := g.finish(f); last && name != nil {
		reason = string(js(`"finishReason":%s,`, name))
	}
	return string(js(`{%s%s"index":%d}`, content, reason, index))
}

func (g *geminiAnswer) response(candidates string, u usage) []byte {
	meta := ""
	if g.plan.usage != "none" {
		meta = g.usage(u)
	}
	return js(`{"candidates":[%s]%s,"modelVersion":%s,"responseId":%s}`, candidates, meta, quote(g.ask.model), quote(g.ask.id("")))
}

func (g *geminiAnswer) usage(u usage) string {
	b := js(`,"usageMetadata":{"promptTokenCount":%d,"candidatesTokenCount":%d,"totalTokenCount":%d,"promptTokensDetails":[{"modality":"TEXT","tokenCount":%[1]d}]`,
		u.prompt, u.completion-u.reasoning, u.prompt+u.completion)
	if u.reasoning > 0 {
		b = js(`%s,"thoughtsTokenCount":%d`, b, u.reasoning)
	}
	if u.cached > 0 {
		b = js(`%s,"cachedContentTokenCount":%d`, b, u.cached)
	}
	return string(append(b, '}'))
}

// events stream the choices one after the other. Usage is that of all up to and with the event; the last event of a
// choice has an empty text and the finish reason.
func (g *geminiAnswer) events() []event {
	total := g.ask.usage(g.outs, g.plan)
	u := usage{prompt: total.prompt, cached: total.cached, completion: total.reasoning, reasoning: total.reasoning}
	var all []event
	for i, out := range g.outs {
		for _, part := range g.parts(out) {
			u.completion = min(u.completion+1, total.completion)
			all = append(all, event{data: g.response(g.candidate(i, part, out.finish, false), u)})
		}
		last := `{"text":""}`
		if out.finish == finishRefusal || out.finish == finishFilter {
			last = ""
		}
		if i == len(g.outs)-1 {
			u = total
		}
		all = append(all, event{data: g.response(g.candidate(i, last, out.finish, true), u)})
	}
	return all
}
