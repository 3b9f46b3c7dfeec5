package responses

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// echoOf returns the members of a Response object that repeat the request,
// each with a comma before it. Clients want all of them, with the defaults for
// what was not said. The id of a previous response is among q's Extra, where
// whoever has expanded the request may put it.
func echoOf(q *neutral.Request) []byte {
	dst := append([]byte(nil), `,"background":false,"conversation":null,"instructions":`...)
	dst = appendInstructions(dst, q)
	dst = appendRaw(dst, `,"max_output_tokens":`, q.MaxTokens, "null")
	dst = appendRaw(dst, `,"max_tool_calls":`, extra(q, "max_tool_calls"), "null")
	dst = appendRaw(dst, `,"metadata":`, q.Metadata, "{}")
	dst = append(dst, `,"parallel_tool_calls":`...)
	dst = appendBool(dst, q.Parallel != neutral.Off)
	dst = appendRaw(dst, `,"previous_response_id":`, extra(q, "previous_response_id"), "null")
	dst = append(dst, `,"prompt":null`...)
	dst = appendWord(dst, `,"prompt_cache_key":`, q.Cache.Key)
	dst = appendWord(dst, `,"prompt_cache_retention":`, q.Cache.Retention)
	dst = appendWord(dst, `,"reasoning":{"effort":`, q.Reasoning.Effort)
	dst = appendWord(dst, `,"summary":`, q.Reasoning.Summary)
	dst = appendRaw(dst, `},"safety_identifier":`, extra(q, "safety_identifier"), "null")
	dst = append(dst, `,"store":`...)
	dst = appendBool(dst, q.Store != neutral.Off)
	dst = appendRaw(dst, `,"temperature":`, q.Temperature, "1")
	dst = appendRaw(dst, `,"top_p":`, q.TopP, "1")
	dst = appendRaw(dst, `,"presence_penalty":`, q.PresencePenalty, "0")
	dst = appendRaw(dst, `,"frequency_penalty":`, q.FrequencyPenalty, "0")
	dst = appendRaw(dst, `,"top_logprobs":`, q.TopLogprobs, "0")
	dst = appendFormat(append(dst, `,"text":{"format":`...), &q.Format)
	dst = appendRaw(dst, `,"verbosity":`, extra(q, "verbosity"), `"medium"`)
	dst = append(dst, `},"tools":[`...)
	for i := range q.Tools {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = echoTool(dst, &q.Tools[i])
	}
	dst = appendChoice(append(dst, `],"tool_choice":`...), q, nil)
	dst = appendRaw(dst, `,"truncation":`, extra(q, "truncation"), `"disabled"`)
	return appendWord(dst, `,"user":`, q.User)
}

func appendInstructions(dst []byte, q *neutral.Request) []byte {
	if len(q.System) > 0 && q.System[0].Dialect == name && q.System[0].Raw != nil {
		return append(dst, q.System[0].Raw...)
	}
	return append(dst, "null"...)
}

// echoTool appends a tool as it was sent.
func echoTool(dst []byte, t *neutral.Tool) []byte {
	if t.Raw != nil && t.Dialect == name {
		return appendLine(dst, t.Raw)
	}
	return appendTool(dst, t, t.Name)
}

// extra returns the raw value of a member that has no place in the neutral
// form.
func extra(q *neutral.Request, key string) []byte {
	for i := range q.Extra {
		if q.Extra[i].Name == key {
			return q.Extra[i].Raw
		}
	}
	return nil
}

func appendRaw(dst []byte, key string, raw []byte, other string) []byte {
	dst = append(dst, key...)
	if raw == nil {
		return append(dst, other...)
	}
	return appendLine(dst, raw)
}

// appendLine appends raw JSON without line ends, which stand between its
// tokens only: an event is one line.
func appendLine(dst, raw []byte) []byte {
	for {
		k := bytes.IndexAny(raw, "\r\n")
		if k < 0 {
			return append(dst, raw...)
		}
		dst = append(append(dst, raw[:k]...), ' ')
		raw = raw[k+1:]
	}
}

func appendWord(dst []byte, key, word string) []byte {
	dst = append(dst, key...)
	if word == "" {
		return append(dst, "null"...)
	}
	return translate.AppendString(dst, []byte(word))
}

func appendBool(dst []byte, on bool) []byte {
	if on {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

// appendFormat appends a text format.
func appendFormat(dst []byte, f *neutral.Format) []byte {
	switch f.Kind {
	case neutral.FormatJSON:
		return append(dst, `{"type":"json_object"}`...)
	case neutral.FormatSchema:
		called := f.Name
		if called == "" {
			called = "answer" // required here, and not everywhere
		}
		dst = appendWord(dst, `{"type":"json_schema","name":`, called)
		if f.Description != "" {
			dst = appendWord(dst, `,"description":`, f.Description)
		}
		dst = appendRaw(dst, `,"schema":`, f.Schema, "{}")
		dst = append(dst, `,"strict":`...)
		return append(appendBool(dst, f.Strict == neutral.On), '}')
	default:
		return append(dst, `{"type":"text"}`...)
	}
}

// appendTool appends a tool that is not of this dialect's own making.
func appendTool(dst []byte, t *neutral.Tool, called string) []byte {
	if t.Server {
		return appendLine(dst, t.Raw)
	}
	kind := `{"type":"function","name":`
	if t.Custom {
		kind = `{"type":"custom","name":`
	}
	dst = appendWord(dst, kind, called)
	if t.Description != "" {
		dst = appendWord(dst, `,"description":`, t.Description)
	}
	if t.Custom {
		if t.Grammar != nil {
			dst = appendGrammar(append(dst, `,"format":`...), t.Grammar)
		}
		return append(dst, '}')
	}
	dst = appendLine(append(dst, `,"parameters":`...), neutral.ObjectSchema(t.Schema))
	// What is not said means strict here, and the contrary in chat completions.
	dst = append(dst, `,"strict":`...)
	return append(appendBool(dst, t.Strict == neutral.On), '}')
}

// appendGrammar appends the format of a custom tool. Chat completions have
// the grammar in an object of its own.
func appendGrammar(dst, raw []byte) []byte {
	var nested []byte
	m := translate.Members(raw)
	for m.Next() {
		if string(m.Key()) == "grammar" && m.Kind() == translate.KindObject {
			nested = m.Value()
		}
	}
	if nested != nil {
		return appendTyped(dst, "grammar", nested)
	}
	return appendLine(dst, raw)
}

// appendChoice appends a tool_choice; names may be nil.
func appendChoice(dst []byte, q *neutral.Request, names *neutral.Names) []byte {
	c := &q.Choice
	mode := "auto"
	switch c.Mode {
	case neutral.ChoiceNone:
		mode = "none"
	case neutral.ChoiceRequired:
		mode = "required"
	case neutral.ChoiceNamed:
		if len(c.Names) > 0 {
			return kindsOf(q).appendChosen(dst, c.Names[0], names)
		}
		mode = "required"
	}
	if c.Names == nil || c.Mode == neutral.ChoiceNone {
		return append(append(append(dst, '"'), mode...), '"')
	}
	dst = append(append(dst, `{"type":"allowed_tools","mode":"`...), mode...)
	dst = append(dst, `","tools":[`...)
	kinds := kindsOf(q)
	for i, called := range c.Names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = kinds.appendChosen(dst, called, names)
	}
	return append(dst, "]}"...)
}

// toolKinds are the tools that are no functions; nil when all are.
type toolKinds map[string]toolKind

type toolKind uint8

const (
	customTool toolKind = iota + 1
	serverTool
)

func kindsOf(q *neutral.Request) (kinds toolKinds) {
	for i := range q.Tools {
		t := &q.Tools[i]
		if !t.Custom && !t.Server {
			continue
		}
		if kinds == nil {
			kinds = make(toolKinds)
		}
		kinds[t.Name] = customTool
		if t.Server {
			kinds[t.Name] = serverTool
		}
	}
	return kinds
}

// appendChosen appends how a choice refers to a tool.
func (k toolKinds) appendChosen(dst []byte, called string, names *neutral.Names) []byte {
	kind := `{"type":"function","name":`
	switch k[called] {
	case serverTool:
		return append(appendWord(dst, `{"type":`, called), '}')
	case customTool:
		kind = `{"type":"custom","name":`
	}
	return append(appendWord(dst, kind, names.Out(called)), '}')
}
