package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// frame is an event of a stream that a client gets.
type frame struct {
	event string
	data  []byte
	tree  tree
}

// frames splits a stream of ours, which has one line of data an event and no
// line that is not known.
func frames(stream []byte) (all []frame, _ error) {
	if len(stream) > 0 && !bytes.HasSuffix(stream, []byte("\n\n")) {
		return nil, fmt.Errorf("the stream ends in an event: %.100q", stream[max(0, len(stream)-100):])
	}
	for _, block := range bytes.Split(bytes.TrimSuffix(stream, []byte("\n\n")), []byte("\n\n")) {
		var f frame
		for _, line := range bytes.Split(block, []byte("\n")) {
			key, value, ok := bytes.Cut(line, []byte(": "))
			switch {
			case len(key) == 0: // a comment
			case ok && string(key) == "event" && f.event == "":
				f.event = string(value)
			case ok && string(key) == "data" && f.data == nil:
				f.data = value
			default:
				return nil, fmt.Errorf("the line %.100q", line)
			}
		}
		if f.data == nil {
			continue
		}
		if string(f.data) != "[DONE]" {
			var err error
			if f.tree, err = parse(f.data); err != nil {
				return nil, fmt.Errorf("%w: %.200q", err, f.data)
			}
		}
		all = append(all, f)
	}
	return all, nil
}

// readStream reads a whole stream that a client gets, and says what is wrong
// with an event or with their order.
func readStream(of wire, stream []byte) (fact, error) {
	all, err := frames(stream)
	if err != nil {
		return fact{}, err
	}
	check := map[wire]func([]frame) error{chat: chatOrder, messages: messageOrder, responses: responseOrder}[of]
	if err := check(all); err != nil {
		return fact{}, err
	}
	events := make([]tree, 0, len(all))
	for i := range all {
		events = append(events, all[i].tree)
	}
	return streamOf[of](events), nil
}

// chatOrder holds chunks of one head, a role first, calls with an id, a name
// and the next index, nothing after the end of a choice, the usage last.
func chatOrder(all []frame) error {
	if len(all) == 0 || string(all[len(all)-1].data) != "[DONE]" {
		return errors.New("no [DONE]")
	}
	all = all[:len(all)-1]
	roles, ended, calls := map[int64]bool{}, map[int64]bool{}, map[int64]int64{}
	for i, f := range all {
		if err := valid(chat, "chunk", f.data); err != nil {
			return err
		}
		if f.event != "" {
			return fmt.Errorf("event %q", f.event)
		}
		for _, key := range []string{"id", "created", "model"} {
			if f.tree.at(key).v != all[0].tree.at(key).v {
				return fmt.Errorf("another %s in %.200s", key, f.data)
			}
		}
		choices := f.tree.at("choices").list()
		if f.tree.has("usage") != (len(choices) == 0) || len(choices) == 0 && i != len(all)-1 {
			return fmt.Errorf("usage and choices in %.200s", f.data)
		}
		for _, c := range choices {
			at, d := c.at("index").int(), c.at("delta")
			if d.has("role") == roles[at] || ended[at] {
				return fmt.Errorf("misplaced: %.200s", f.data)
			}
			roles[at] = true
			ended[at] = c.has("finish_reason")
			for _, one := range d.at("tool_calls").list() {
				index := one.at("index").int()
				begins := one.has("id") && one.has("type") && (one.at("function").has("name") || one.at("custom").has("name"))
				if begins != (index == calls[at]) || index > calls[at] {
					return fmt.Errorf("call %d of %d: %.300s", index, calls[at], f.data)
				}
				if begins {
					calls[at]++
				}
			}
		}
	}
	for at := range roles {
		if !ended[at] {
			return fmt.Errorf("choice %d does not end", at)
		}
	}
	return nil
}

// messageOrder holds one message, blocks one after the other with the next
// index, deltas of their kind only, and the end.
func messageOrder(all []frame) error {
	deltas := map[string][]string{
		"text": {"text_delta", "citations_delta"}, "thinking": {"thinking_delta", "signature_delta"}, "tool_use": {"input_json_delta"},
	}
	var order []string
	open, next, signed := "", int64(0), false
	for _, f := range all {
		kind := f.tree.at("type").text()
		if err := valid(messages, kind, f.data); err != nil {
			return err
		}
		if f.event != kind {
			return fmt.Errorf("event %q is %q", f.event, kind)
		}
		fault := fmt.Errorf("misplaced: %.300s", f.data)
		switch kind {
		case "ping":
			continue
		case "content_block_start":
			b := f.tree.at("content_block")
			if open != "" || f.tree.at("index").int() != next {
				return fault
			}
			if open = b.at("type").text(); open == "tool_use" && len(b.at("input").keys()) > 0 {
				return fault // the SDKs take it for nothing
			}
			signed = false
		case "content_block_delta":
			d := f.tree.at("delta", "type").text()
			if open == "" || f.tree.at("index").int() != next || signed || deltas[open] != nil && !slices.Contains(deltas[open], d) {
				return fault
			}
			signed = d == "signature_delta"
		case "content_block_stop":
			if open == "" || f.tree.at("index").int() != next {
				return fault
			}
			open = ""
			next++
		}
		if len(order) == 0 || !strings.HasPrefix(kind, "content_block") || order[len(order)-1] != "blocks" {
			if strings.HasPrefix(kind, "content_block") {
				kind = "blocks"
			}
			order = append(order, kind)
		}
	}
	switch strings.Join(order, " ") {
	case "message_start blocks message_delta message_stop", "message_start message_delta message_stop":
	default:
		return fmt.Errorf("the order %v", order)
	}
	if open != "" {
		return errors.New("an open block")
	}
	return nil
}

// responseOrder holds the numbers, one open item and part at a time, each done
// with what its deltas were, and an end with the items that there were.
func responseOrder(all []frame) error {
	var r responseReader
	for i, f := range all {
		kind := f.tree.at("type").text()
		if err := valid(responses, kind, f.data); err != nil {
			return err
		}
		if f.event != kind || f.tree.at("sequence_number").int() != int64(i) || r.ended {
			return fmt.Errorf("event %q, number %d: %.300s", f.event, i, f.data)
		}
		if err := r.add(i, kind, f.tree); err != nil {
			return fmt.Errorf("%w: %.300s", err, f.data)
		}
	}
	if !r.ended {
		return errors.New("the stream does not end")
	}
	return nil
}

type responseReader struct {
	id, item    string // that are open
	items       []any
	text        string // of the open part, arguments or summary
	part, ended bool
}

func (r *responseReader) add(i int, kind string, e tree) error {
	want := map[int]string{0: "response.created", 1: "response.in_progress"}[i]
	if want != "" && kind != want {
		return errors.New("no " + want)
	}
	if e.has("response") {
		if id := e.at("response", "id").text(); r.id != "" && id != r.id {
			return errors.New("another id")
		}
		r.id = e.at("response", "id").text()
	}
	if kind != "response.output_item.added" && e.has("item_id") && e.at("item_id").text() != r.item {
		return errors.New("of an item that is not open")
	}
	if e.has("output_index") && e.at("output_index").int() != int64(len(r.items)) {
		return errors.New("another place")
	}
	return r.step(strings.TrimPrefix(kind, "response."), e)
}

func (r *responseReader) step(kind string, e tree) error {
	of, verb := kind, ""
	if at := strings.LastIndexByte(kind, '.'); at >= 0 {
		of, verb = kind[:at], kind[at+1:]
	}
	switch {
	case kind == "output_item.added":
		if r.item != "" {
			return errors.New("an item is open")
		}
		r.item, r.text = e.at("item", "id").text(), ""
	case kind == "output_item.done":
		if e.at("item", "id").text() != r.item || r.part {
			return errors.New("not the open item, or a part is open")
		}
		r.items = append(r.items, e.at("item").v)
		r.item = ""
	case of == "content_part", of == "reasoning_summary_part":
		if r.part == (verb == "added") {
			return errors.New("parts overlap")
		}
		if r.part = verb == "added"; r.part {
			r.text = ""
		} else if e.at("part", "text").text()+e.at("part", "refusal").text() != r.text {
			return errors.New("the part is not what its deltas were")
		}
	case verb == "delta":
		r.text += e.at("delta").text()
	case verb == "done":
		done := e.at("text").text() + e.at("refusal").text() + e.at("arguments").text() + e.at("input").text()
		if done != r.text {
			return fmt.Errorf("the end is not what the deltas were: %.200q", r.text)
		}
	case kind == "completed", kind == "incomplete", kind == "failed":
		r.ended = true
		if (tree{r.items}).canonical() != e.at("response", "output").canonical() && len(r.items)+len(e.at("response", "output").list()) > 0 || r.item != "" {
			return errors.New("the output is not what the items were")
		}
		if e.at("response", "status").text() != kind {
			return errors.New("another status")
		}
	}
	return nil
}
