package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// matrixClient is a client dialect of the matrix: where it calls, and how it
// reads an answer, strictly.
type matrixClient struct {
	name, path string
	answer     shape
	read       func(answer gjson.Result) said
	// gather puts a stream together as the answer that it streams.
	gather func(events []frame, relayed bool) (answer string, err error)
	// sees is what of an answer the dialect can tell.
	sees func(s said) said
}

var matrixClients = []matrixClient{
	{"chat", "/v1/chat/completions", chatAnswer, saidByChat, gatherChat, func(s said) said { return s }},
	{"responses", "/v1/responses", responseAnswer, saidByResponses, gatherResponse, func(s said) said { return s }},
	{"messages", "/v1/messages", messageAnswer, saidByMessages, gatherMessage, func(s said) said {
		s.Text, s.Refusal = s.Text+s.Refusal, "" // it has no block for a refusal
		return s
	}},
	{"completions", "/v1/completions", completionAnswer, saidByCompletion, gatherCompletion, func(s said) said {
		return said{Text: s.Text + s.Refusal, Finish: s.Finish, Usage: s.Usage}
	}},
}

// clientNamed finds a client.
func clientNamed(name string) matrixClient {
	i := slices.IndexFunc(matrixClients, func(c matrixClient) bool { return c.name == name })
	return matrixClients[i]
}

func saidByCompletion(v gjson.Result) said {
	s := saidByChat(v)
	s.Text = v.Get("choices.0.text").Str
	return s
}

// readAnswer reads a whole answer.
func (c *matrixClient) readAnswer(body string) (said, error) {
	if !gjson.Valid(body) {
		return said{}, fmt.Errorf("no JSON: %.200s", body)
	}
	v := gjson.Parse(body)
	if err := c.answer("answer", v); err != nil {
		return said{}, fmt.Errorf("%w in %s", err, body)
	}
	return c.readValid(v)
}

// readStream reads a streamed answer. One that is relayed may have its usage
// where the provider has put it.
func (c *matrixClient) readStream(body string, relayed bool) (said, error) {
	events, err := frames(body)
	if err != nil {
		return said{}, err
	}
	whole, err := c.gather(events, relayed)
	if err != nil {
		return said{}, fmt.Errorf("%w in %s", err, body)
	}
	v := gjson.Parse(whole)
	if err := c.answer("gathered answer", v); err != nil {
		return said{}, fmt.Errorf("%w in %s", err, whole)
	}
	return c.readValid(v)
}

// readValid checks what a shape does not say.
func (c *matrixClient) readValid(v gjson.Result) (said, error) {
	s := c.read(v)
	total := v.Get("usage.total_tokens")
	if total.Exists() && total.Int() != s.Usage.In+s.Usage.Out {
		return s, fmt.Errorf("total_tokens is no sum: %s", v.Get("usage").Raw)
	}
	seen := map[string]bool{}
	for _, path := range []string{"choices.0.message.tool_calls.#.id", "output.#.call_id", "output.#.id", `content.#(type=="tool_use")#.id`} {
		for _, id := range v.Get(path).Array() {
			if seen[id.Str] {
				return s, fmt.Errorf("the id %s is there twice in %s", id.Str, v.Raw)
			}
			seen[id.Str] = true
		}
	}
	return s, nil
}

// frame is an event of a stream.
type frame struct{ name, data string }

// frames splits a stream, which has events of an optional name and one line
// of data, and comments.
func frames(body string) (all []frame, err error) {
	text, ok := strings.CutSuffix(body, "\n\n")
	if !ok {
		return nil, fmt.Errorf("the stream ends in the middle of an event: %.200q", body[max(0, len(body)-200):])
	}
	for event := range strings.SplitSeq(text, "\n\n") {
		var f frame
		for line := range strings.SplitSeq(event, "\n") {
			field, value, _ := strings.Cut(line, ": ")
			switch {
			case field == "event" && f.name == "":
				f.name = value
			case field == "data" && f.data == "":
				f.data = value
			case field != "":
				return nil, fmt.Errorf("an event has the line %q", line)
			}
		}
		if f != (frame{}) {
			all = append(all, f)
		}
	}
	return all, nil
}

// streamedCall is a call that comes in pieces.
type streamedCall struct {
	id, name  string
	arguments strings.Builder
}

// gatherChat wants the role first, calls one after the other, the reason once,
// the usage alone after it, and [DONE].
func gatherChat(events []frame, relayed bool) (string, error) {
	message := map[string]any{"role": "assistant", "content": nil, "refusal": nil}
	var calls []*streamedCall
	add := func(field string, v gjson.Result) {
		if v.Str != "" || field == "content" && v.Type == gjson.String {
			before, _ := message[field].(string)
			message[field] = before + v.Str
		}
	}
	head, reason, usage, err := gatherChoices(events, relayed, chatChunk, func(choice gjson.Result, first bool) error {
		delta := choice.Get("delta")
		if first != delta.Get("role").Exists() {
			return errors.New("the role has to be in the first delta alone")
		}
		for _, field := range []string{"content", "refusal", "reasoning_content"} {
			add(field, delta.Get(field))
		}
		for _, v := range delta.Get("tool_calls").Array() {
			index := int(v.Get("index").Int())
			if index == len(calls) {
				if !v.Get("id").Exists() || !v.Get("type").Exists() || !v.Get("function.name").Exists() {
					return fmt.Errorf("a call starts without id, type and name: %s", v.Raw)
				}
				calls = append(calls, &streamedCall{id: v.Get("id").Str, name: v.Get("function.name").Str})
			} else if index != len(calls)-1 || v.Get("id").Exists() {
				return fmt.Errorf("a call goes on that is not the last one: %s", v.Raw)
			}
			calls[index].arguments.WriteString(v.Get("function.arguments").Str)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	var list []any
	for _, c := range calls {
		list = append(list, map[string]any{"id": c.id, "type": "function", "function": map[string]any{"name": c.name, "arguments": c.arguments.String()}})
	}
	if list != nil {
		message["tool_calls"] = list
		if message["content"] == "" {
			message["content"] = nil
		}
	}
	return encode(map[string]any{
		"id": head.Get("id").Str, "object": "chat.completion", "created": head.Get("created").Int(), "model": head.Get("model").Str,
		"choices": []any{map[string]any{"index": 0, "message": message, "logprobs": nil, "finish_reason": reason}},
		"usage":   json.RawMessage(usage),
	}), nil
}

func gatherCompletion(events []frame, relayed bool) (string, error) {
	var text strings.Builder
	head, reason, usage, err := gatherChoices(events, relayed, completionChunk, func(choice gjson.Result, _ bool) error {
		text.WriteString(choice.Get("text").Str)
		return nil
	})
	if err != nil {
		return "", err
	}
	return encode(map[string]any{
		"id": head.Get("id").Str, "object": "text_completion", "created": head.Get("created").Int(), "model": head.Get("model").Str,
		"choices": []any{map[string]any{"index": 0, "text": text.String(), "logprobs": nil, "finish_reason": reason}},
		"usage":   json.RawMessage(usage),
	}), nil
}

// gatherChoices checks what the streams of chats and completions share, and
// hands out the choices.
func gatherChoices(events []frame, relayed bool, chunk shape, take func(choice gjson.Result, first bool) error) (head gjson.Result, reason, usage string, err error) {
	if n := len(events); n == 0 || events[n-1].data != "[DONE]" {
		return head, "", "", errors.New("the stream has no [DONE] at its end")
	}
	for _, e := range events[:len(events)-1] {
		v := gjson.Parse(e.data)
		if e.name != "" || !gjson.Valid(e.data) {
			return head, "", "", fmt.Errorf("no event of this dialect: %q %s", e.name, e.data)
		}
		if v.Get("prompt_filter_results").Exists() { // Azure's own first event
			continue
		}
		if err := chunk("chunk", v); err != nil {
			return head, "", "", fmt.Errorf("%w: %s", err, e.data)
		}
		first := !head.Exists()
		if first {
			head = v
		}
		choices := v.Get("choices").Array()
		switch {
		case v.Get("id").Str != head.Get("id").Str || v.Get("created").Int() != head.Get("created").Int() || v.Get("model").Str != head.Get("model").Str:
			err = errors.New("chunks differ in id, created or model")
		case usage != "" && !relayed:
			err = errors.New("a chunk follows the usage")
		case len(choices) == 0 && reason != "":
			usage = v.Get("usage").Raw
		case len(choices) != 1 || reason != "" || v.Get("usage").Type != gjson.Null && !relayed:
			err = errors.New("a chunk has several choices, none before the reason, more after it, or usage")
		default:
			err = take(choices[0], first)
			reason = choices[0].Get("finish_reason").Str
			if u := v.Get("usage"); u.IsObject() {
				usage = u.Raw
			}
		}
		if err != nil {
			return head, "", "", fmt.Errorf("%w: %s", err, e.data)
		}
	}
	if reason == "" || usage == "" {
		return head, "", "", errors.New("the stream has no finish_reason or no usage")
	}
	return head, reason, usage, nil
}

// gatherMessage wants message_start, blocks one after the other, what ends the
// message and message_stop. Later usage replaces earlier.
func gatherMessage(events []frame, _ bool) (string, error) {
	var message, usage map[string]any
	var content []any
	var block map[string]any
	var pieces strings.Builder // of the open block's arguments
	stage := "message_start"
	for _, e := range events {
		v := gjson.Parse(e.data)
		if err := messageEvent("event", v); err != nil {
			return "", fmt.Errorf("%w: %s", err, e.data)
		}
		kind := v.Get("type").Str
		if kind != e.name {
			return "", fmt.Errorf("the event %s is called %q", e.data, e.name)
		}
		wrong := fmt.Errorf("%s is not the place for %s", stage, e.data)
		inBlock := block != nil
		switch kind {
		case "ping":
		case "message_start":
			if stage != "message_start" {
				return "", wrong
			}
			stage, message = "blocks", decodeObject(v.Get("message").Raw)
			usage, _ = message["usage"].(map[string]any)
		case "content_block_start":
			if stage != "blocks" || inBlock || int(v.Get("index").Int()) != len(content) {
				return "", wrong
			}
			block = decodeObject(v.Get("content_block").Raw)
			pieces.Reset()
		case "content_block_delta":
			if !inBlock || int(v.Get("index").Int()) != len(content) {
				return "", wrong
			}
			if err := addDelta(block, &pieces, v.Get("delta")); err != nil {
				return "", err
			}
		case "content_block_stop":
			if !inBlock || int(v.Get("index").Int()) != len(content) {
				return "", wrong
			}
			if block["type"] == "tool_use" {
				block["input"] = json.RawMessage(pieces.String())
			}
			content, block = append(content, block), nil
		case "message_delta":
			if stage != "blocks" || inBlock {
				return "", wrong
			}
			stage = "message_stop"
			for name, value := range decodeObject(v.Get("delta").Raw) {
				message[name] = value
			}
			for name, value := range decodeObject(v.Get("usage").Raw) {
				usage[name] = value
			}
		case "message_stop":
			if stage != "message_stop" {
				return "", wrong
			}
			stage = "end"
		}
	}
	if stage != "end" {
		return "", fmt.Errorf("the stream ends where %s should come", stage)
	}
	message["content"] = append([]any{}, content...)
	return encode(message), nil
}

// addDelta adds to an open block of its kind.
func addDelta(block map[string]any, pieces *strings.Builder, delta gjson.Result) error {
	field := map[string][2]string{
		"text_delta": {"text", "text"}, "thinking_delta": {"thinking", "thinking"}, "signature_delta": {"thinking", "signature"},
		"input_json_delta": {"tool_use", "partial_json"}, "citations_delta": {"text", "citation"},
	}[delta.Get("type").Str]
	value := delta.Get(field[1])
	switch before, _ := block[field[1]].(string); {
	case block["type"] != field[0]:
		return fmt.Errorf("a delta of another block's: %s", delta.Raw)
	case field[1] == "signature" && before != "":
		return errors.New("a block has two signatures")
	case field[1] == "thinking" && block["signature"] != "":
		return errors.New("thinking goes on after its signature")
	case field[1] == "partial_json":
		pieces.WriteString(value.Str)
	case field[1] != "citation":
		block[field[1]] = before + value.Str
	}
	return nil
}

func decodeObject(raw string) (v map[string]any) {
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		panic(err)
	}
	return v
}

// encode writes what the tests have put together.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error() // no shape takes it
	}
	return string(b)
}
