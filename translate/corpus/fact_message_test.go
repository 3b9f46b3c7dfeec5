package corpus

import (
	"fmt"
	"strings"
)

var messageReasons = map[string]finish{
	"end_turn": stop, "stop_sequence": stopWord, "max_tokens": length, "tool_use": tools, "refusal": filter,
	"model_context_window_exceeded": full, "pause_turn": pause,
}

func messageFact(t tree) fact {
	var s said
	for _, b := range t.at("content").list() {
		s.add("text", b.at("text").text())
		s.add("thought", b.at("thinking").text())
		if b.at("type").text() == "tool_use" {
			s.calls = append(s.calls, call{name: b.at("name").text(), arguments: b.at("input").canonical()})
		}
	}
	s.finish = reason(messageReasons, t.at("stop_reason"))
	s.text += t.at("stop_details", "explanation").text() // the words of a refusal
	return fact{choices: []said{s}, usage: messageUsage(t.at("usage"))}
}

func messageUsage(u tree) usage {
	n := usage{
		read: u.at("cache_read_input_tokens").int(), write: u.at("cache_creation_input_tokens").int(),
		out: u.at("output_tokens").int(), reasoning: u.at("output_tokens_details", "thinking_tokens").int(),
	}
	n.in = u.at("input_tokens").int() + n.read + n.write
	return n
}

// messageStream takes each number of the usage from the last event that has it.
// What follows the end of the message is another one.
func messageStream(events []tree) fact {
	s := said{finish: none}
	counts := map[string]any{}
	count := func(u tree) {
		for _, key := range u.keys() {
			if u.has(key) {
				counts[key] = u.at(key).v
			}
		}
	}
	open := map[int64]int{} // blocks that are calls
	for _, e := range events {
		d, index := e.at("delta"), e.at("index").int()
		switch e.at("type").text() {
		case "message_start":
			count(e.at("message", "usage"))
			for _, b := range e.at("message", "content").list() { // a provider that calls by itself
				if b.at("type").text() == "tool_use" {
					s.calls = append(s.calls, call{name: b.at("name").text(), arguments: b.at("input").canonical()})
				}
			}
		case "content_block_start":
			b := e.at("content_block")
			s.add("text", b.at("text").text())
			s.add("thought", b.at("thinking").text())
			delete(open, index)
			if b.at("type").text() == "tool_use" {
				open[index] = len(s.calls)
				c := call{name: b.at("name").text()}
				if len(b.at("input").keys()) > 0 {
					c.arguments = b.at("input").canonical()
				}
				s.calls = append(s.calls, c)
			}
		case "content_block_delta":
			s.add("text", d.at("text").text())
			s.add("thought", d.at("thinking").text())
			if at, ok := open[index]; ok {
				s.calls[at].arguments += d.at("partial_json").text()
			}
		case "message_delta":
			count(e.at("usage"))
			if d.has("stop_reason") {
				s.finish = reason(messageReasons, d.at("stop_reason"))
			}
			s.text += d.at("stop_details", "explanation").text()
		}
		if e.at("type").text() == "message_stop" {
			break
		}
	}
	f := fact{choices: []said{s}, usage: messageUsage(tree{counts})}
	f.canonical()
	return f
}

func responseFact(t tree) fact {
	var s said
	for _, item := range t.at("output").list() {
		switch item.at("type").text() {
		case "message":
			for _, part := range item.at("content").list() {
				s.text += part.at("text").text() + part.at("refusal").text()
			}
		case "reasoning":
			s.thought += responseThought(item)
		case "function_call":
			s.calls = append(s.calls, call{name: item.at("name").text(), arguments: arguments(item.at("arguments").text())})
		case "custom_tool_call":
			s.calls = append(s.calls, call{name: item.at("name").text(), arguments: item.at("input").text(), custom: true})
		}
	}
	s.finish = responseReason(t)
	u := t.at("usage")
	return fact{choices: []said{s}, usage: usage{
		in: u.at("input_tokens").int(), out: u.at("output_tokens").int(),
		read:      u.at("input_tokens_details", "cached_tokens").int(),
		write:     u.at("input_tokens_details", "cache_write_tokens").int(),
		reasoning: u.at("output_tokens_details", "reasoning_tokens").int(),
	}}
}

// responseThought is the text itself where it is shown, else its summary. The
// parts are paragraphs.
func responseThought(item tree) string {
	for _, of := range []string{"content", "summary"} {
		var parts []string
		for _, part := range item.at(of).list() {
			parts = append(parts, part.at("text").text())
		}
		if len(parts) > 0 {
			return strings.Join(parts, "\n\n")
		}
	}
	return ""
}

func responseReason(t tree) finish {
	switch t.at("status").text() {
	case "completed":
		return stop
	case "incomplete":
		if t.at("incomplete_details", "reason").text() == "content_filter" {
			return filter
		}
		return length
	case "failed":
		return malformed
	default:
		return none
	}
}

// responseStream is the response that ends the stream. Some servers end it
// without its output, which is then what the items were.
func responseStream(events []tree) fact {
	var last tree
	var items []any
	for _, e := range events {
		switch e.at("type").text() {
		case "response.completed", "response.incomplete", "response.failed":
			last = e.at("response")
		case "response.output_item.done":
			items = append(items, e.at("item").v)
		}
	}
	f := responseFact(last)
	if len(last.at("output").list()) == 0 {
		f.choices[0] = responseFact(tree{map[string]any{"output": items}}).choices[0]
		f.choices[0].finish = responseReason(last)
	}
	if text := responseText(events); text != "" {
		f.choices[0].text = text
	}
	return f
}

// responseText is what the parts have said. What the end of a part adds to its
// deltas is told too; what contradicts them comes too late.
func responseText(events []tree) string {
	var text []string
	at := map[string]int{}
	for _, e := range events {
		kind := e.at("type").text()
		done := kind == "response.output_text.done" || kind == "response.refusal.done"
		if !done && kind != "response.output_text.delta" && kind != "response.refusal.delta" {
			continue
		}
		key := fmt.Sprint(e.at("output_index").int(), e.at("content_index").int())
		i, known := at[key]
		if !known {
			i = len(text)
			at[key] = i
			text = append(text, "")
		}
		whole := e.at("text").text() + e.at("refusal").text()
		switch {
		case !done:
			text[i] += e.at("delta").text()
		case strings.HasPrefix(whole, text[i]):
			text[i] = whole
		}
	}
	return strings.Join(text, "")
}
