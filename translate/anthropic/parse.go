package anthropic

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// reader reads one request.
type reader struct {
	q     *neutral.Request
	texts arena
	calls []call // of the history, for the names of their results
	seal  neutral.Block
}

// call is what a tool's result is matched by.
type call struct {
	id   []byte
	name string
}

// ReadRequest reads the body of a message, or of a count of its tokens. What
// it hands out is borrowed from the body, unless escapes had to be undone.
func (*Dialect) ReadRequest(op translate.Op, r *translate.Request) (*neutral.Request, *translate.Error) {
	p := reader{q: &neutral.Request{Model: string(r.Model), Stream: r.Stream}}
	o := translate.Members(bytes.TrimPrefix(r.Body, []byte("\ufeff")))
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		if err := p.field(&o); err != nil {
			return nil, named(err)
		}
	}
	switch {
	case p.q.MaxTokens == nil && op == translate.OpMessages:
		return nil, missing("max_tokens")
	case r.Value(translate.FieldMessages) == nil:
		return nil, missing("messages")
	}
	if err := neutral.Check(p.q); err != nil {
		return nil, err
	}
	return p.q, nil
}

// ReadCount reads the body of a count of tokens.
func (d *Dialect) ReadCount(r *translate.Request) (*neutral.Request, *translate.Error) {
	return d.ReadRequest(translate.OpCountTokens, r)
}

// AppendCount appends the answer to a count of tokens.
func (*Dialect) AppendCount(dst []byte, tokens int64) []byte {
	dst = append(dst, `{"input_tokens":`...)
	return append(strconv.AppendInt(dst, tokens, 10), '}')
}

// wrong is the error of the field at path, which has to be want. Its message
// is put together by named when the whole path is known.
func wrong(path, want string) *translate.Error {
	return &translate.Error{Code: translate.CallerInvalidField, Param: path, Message: want}
}

// under puts the path of the value that an error is within before its own.
func under(err *translate.Error, format string, args ...any) *translate.Error {
	if err != nil {
		head := fmt.Sprintf(format, args...)
		if err.Param != "" && err.Param[0] != '[' {
			head += "."
		}
		err.Param = head + err.Param
	}
	return err
}

func named(err *translate.Error) *translate.Error {
	if err.Code == translate.CallerInvalidField {
		err.Message = fmt.Sprintf("The field %q must be %s.", err.Param, err.Message)
	}
	return err
}

func missing(path string) *translate.Error {
	return translate.Errorf(translate.CallerMissingField, path, "The field %q is missing.", path)
}

// field reads the top-level member that o is at.
func (p *reader) field(o *translate.Object) *translate.Error {
	q, v := p.q, o.Value()
	key := string(p.key(o))
	switch key {
	case "model", "stream", "conversation_id", "conversationId":
		return nil
	case "max_tokens":
		return numberAt(&q.MaxTokens, key, v)
	case "temperature":
		return numberAt(&q.Temperature, key, v)
	case "top_p":
		return numberAt(&q.TopP, key, v)
	case "top_k":
		return numberAt(&q.TopK, key, v)
	case "messages":
		return p.messages(v)
	case "system":
		return p.system(v)
	case "stop_sequences":
		return p.stop(v)
	case "tools":
		return p.tools(v)
	case "tool_choice":
		return p.choice(o.Members())
	case "thinking":
		return p.thinking(o)
	case "output_config":
		return p.output(o)
	case "metadata":
		return p.metadata(o)
	case "service_tier":
		q.ServiceTier = textOf(v)
		if q.ServiceTier == "standard_only" {
			q.ServiceTier = "default"
		}
		return nil
	case "cache_control":
		q.Cache.Auto = breakpoint(v)
		return nil
	case "thread":
		err := neutral.Unsupported(key, "This provider keeps no threads: send the whole conversation.")
		err.Reason = threadReason
		return err
	}
	p.extra(key, v)
	return nil
}

// key returns the decoded key of the member that o is at.
func (p *reader) key(o *translate.Object) []byte {
	key := o.Key()
	if bytes.IndexByte(key, '\\') < 0 {
		return key
	}
	quoted := append(append([]byte{'"'}, key...), '"')
	return p.texts.text(quoted)
}

// extra keeps what has no neutral form, so that it is reported as dropped
// where it is. Below the top level its name is a path; one of each is enough.
func (p *reader) extra(path string, raw []byte) {
	for i := range p.q.Extra {
		if p.q.Extra[i].Name == path {
			return
		}
	}
	p.q.Extra = append(p.q.Extra, neutral.Member{Name: path, Raw: raw})
}

func numberAt(to *[]byte, path string, raw []byte) *translate.Error {
	if translate.KindOf(raw) != translate.KindNumber {
		return wrong(path, "a number")
	}
	*to = raw
	return nil
}

// system reads the instructions: a text, or blocks of text.
func (p *reader) system(raw []byte) *translate.Error {
	blocks, err := p.content(raw, neutral.System)
	p.q.System = append(blocks, p.q.System...)
	return under(err, "system")
}

func (p *reader) stop(raw []byte) *translate.Error {
	if translate.KindOf(raw) != translate.KindArray {
		return wrong("stop_sequences", "an array")
	}
	list := translate.Elements(raw)
	for list.Next() {
		if list.Kind() != translate.KindString {
			return wrong(fmt.Sprintf("stop_sequences[%d]", len(p.q.Stop)), "a string")
		}
		p.q.Stop = append(p.q.Stop, textOf(list.Value()))
	}
	return nil
}

// thinking reads how much the model is to think.
func (p *reader) thinking(o *translate.Object) *translate.Error {
	if o.Kind() != translate.KindObject {
		return wrong("thinking", "an object")
	}
	r := &p.q.Reasoning
	kind := ""
	m := o.Members()
	for m.Next() {
		switch string(m.Key()) {
		case "type":
			kind = textOf(m.Value())
		case "budget_tokens":
			r.Budget = max(0, neutral.Int(m.Value()))
		case "display":
			r.Summary = textOf(m.Value())
		}
	}
	switch kind {
	case "enabled":
	case "adaptive":
		r.Adaptive = true
	case "disabled":
		r.Effort, r.Budget = "none", 0
	default:
		return wrong("thinking.type", "enabled, disabled or adaptive")
	}
	r.Set = true
	return nil
}

// output reads output_config.
func (p *reader) output(o *translate.Object) *translate.Error {
	if o.Kind() != translate.KindObject {
		return wrong("output_config", "an object")
	}
	m := o.Members()
	for m.Next() {
		if m.Kind() == translate.KindNull {
			continue
		}
		switch key := string(m.Key()); key {
		case "effort":
			if r := &p.q.Reasoning; r.Effort == "" { // thinking that is off stays off
				r.Set, r.Effort = true, textOf(m.Value())
			}
		case "format":
			if err := p.format(m.Members()); err != nil {
				return err
			}
		default:
			p.extra("output_config."+key, m.Value())
		}
	}
	return nil
}

func (p *reader) format(o translate.Object) *translate.Error {
	kind := ""
	var schema []byte
	for o.Next() {
		switch string(o.Key()) {
		case "type":
			kind = textOf(o.Value())
		case "schema":
			schema = o.Value()
		}
	}
	switch {
	case kind != "json_schema":
		return wrong("output_config.format.type", "json_schema")
	case translate.KindOf(schema) != translate.KindObject:
		return wrong("output_config.format.schema", "an object")
	}
	p.q.Format = neutral.Format{Kind: neutral.FormatSchema, Name: "answer", Schema: schema, Strict: neutral.On}
	return nil
}

func (p *reader) metadata(o *translate.Object) *translate.Error {
	if o.Kind() != translate.KindObject {
		return wrong("metadata", "an object")
	}
	m := o.Members()
	for m.Next() {
		switch key := string(p.key(&m)); key {
		case "user_id":
			p.q.User = textOf(m.Value())
		case "conversation_id": // is the gateway's
		default:
			p.extra("metadata."+key, m.Value())
		}
	}
	return nil
}

// breakpoint reads a cache_control.
func breakpoint(raw []byte) neutral.Breakpoint {
	b := neutral.Breakpoint{Set: translate.KindOf(raw) == translate.KindObject}
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) == "ttl" {
			b.TTL = textOf(o.Value())
		}
	}
	return b
}
