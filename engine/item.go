package engine

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// itemsField is the field of a request to op that has the conversation in it.
func itemsField(op translate.Op) translate.Field {
	switch op {
	case translate.OpChat, translate.OpMessages:
		return translate.FieldMessages
	case translate.OpResponses:
		return translate.FieldInput
	default:
		return translate.FieldNone
	}
}

// incoming returns the raw messages of the request. Text alone, which the
// Responses API takes for a message, becomes one.
func incoming(op translate.Op, r *translate.Request) [][]byte {
	raw := r.Value(itemsField(op))
	if translate.KindOf(raw) == translate.KindString {
		return [][]byte{append(append([]byte(`{"role":"user","content":`), raw...), '}')}
	}
	var items [][]byte
	all := translate.Elements(raw)
	for all.Next() {
		items = append(items, all.Value())
	}
	return items
}

// replaceItems writes the request anew with other messages in it, and without
// the name of its conversation.
func (c *Call) replaceItems(items [][]byte) *translate.Error {
	list := append([]byte{'['}, bytes.Join(items, []byte{','})...)
	list = append(list, ']')
	var p translate.Plan
	r := &c.Request
	p.Replace(r.Members[itemsField(c.Op)].Value, list)
	r.Remove(&p, translate.FieldConversationID)
	r.Remove(&p, translate.FieldConversationIDCamel)
	return r.Scan(p.Append(make([]byte, 0, p.Size(r.Body)), r.Body))
}

// answered returns the raw messages of a plain answer, as a later request would
// have them in its history.
func answered(op translate.Op, answer []byte) [][]byte {
	o := translate.Members(answer)
	for o.Next() {
		switch key := string(o.Key()); {
		case op == translate.OpChat && key == "choices":
			choices := o.Elements()
			if choices.Next() {
				return [][]byte{chatMessage(choices.Members())}
			}
		case op == translate.OpMessages && key == "content":
			return [][]byte{append(append([]byte(`{"role":"assistant","content":`), o.Value()...), '}')}
		case op == translate.OpResponses && key == "output":
			var items [][]byte
			output := o.Elements()
			for output.Next() {
				items = append(items, bytes.Clone(output.Value()))
			}
			return items
		}
	}
	return nil
}

// chatMessage returns the message of a choice without what only answers have.
func chatMessage(choice translate.Object) []byte {
	var dst []byte
	for choice.Next() {
		if string(choice.Key()) != "message" {
			continue
		}
		m := choice.Members()
		dst = append(dst, '{')
		for m.Next() {
			value := m.Value()
			switch string(m.Key()) {
			case "annotations":
				continue
			case "audio":
				value = audioReference(m.Members())
			case "role", "content":
			default:
				if translate.KindOf(value) == translate.KindNull {
					continue
				}
			}
			if len(dst) > 1 {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, '"'), m.Key()...), `":`...)
			dst = append(dst, value...)
		}
		dst = append(dst, '}')
	}
	return dst
}

// audioReference is how a request names the audio of an earlier answer.
func audioReference(audio translate.Object) []byte {
	for audio.Next() {
		if string(audio.Key()) == "id" {
			return append(append([]byte(`{"id":`), audio.Value()...), '}')
		}
	}
	return []byte("null")
}

// gathered returns the plain answer that a stream tells, also of one that was
// cut; nil when it tells none.
func (c *Call) gathered(stream []byte) []byte {
	if answer, ok := c.dialect.AppendAnswer(nil, stream, c.Op); ok {
		return answer
	}
	d, ok := c.engine.options.Dialects.providers[speaks(c.Op)]
	if !ok || c.neutral(&c.Request) != nil {
		return nil
	}
	var all neutral.Collector
	decoder := d.NewDecoder(asked(c.Op))
	events, n, _ := decoder.Feed(nil, stream)
	for i := range events {
		all.Add(&events[i])
	}
	events, _ = decoder.Close(events[:0], stream[n:]) // it was cut: what there is counts
	for i := range events {
		all.Add(&events[i])
	}
	if len(all.Reply.Choices) == 0 {
		return nil
	}
	return c.bridge.client.AppendReply(nil, c.Op, c.bridge.request, &all.Reply)
}

// inDialect returns stored messages of one dialect as messages of another.
func (e *Engine) inDialect(from, to string, items [][]byte) ([][]byte, *translate.Error) {
	ops := map[string]translate.Op{"openai": translate.OpChat, "anthropic": translate.OpMessages, "responses": translate.OpResponses}
	reader, writer := e.options.Dialects.clients[from], e.options.Dialects.providers[to]
	if reader == nil || writer == nil {
		return nil, translate.Errorf(translate.GatewayInternal, "", "a stored message is in the dialect %q", from)
	}
	field := itemsField(ops[from]).String()
	body := append(append([]byte(`{"model":"stored","max_tokens":1,"`), field...), `":[`...)
	body = append(append(body, bytes.Join(items, []byte{','})...), `]}`...)
	var r translate.Request
	if err := r.Scan(body); err != nil {
		return nil, err
	}
	q, err := reader.ReadRequest(ops[from], &r)
	if err != nil {
		return nil, err
	}
	out, _, err := writer.AppendRequest(nil, q, &neutral.Target{Model: "stored"})
	if err != nil {
		return nil, err
	}
	if err := r.Scan(out); err != nil {
		return nil, err
	}
	return incoming(ops[to], &r), nil
}
