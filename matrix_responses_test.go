package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// gatherResponse wants the events of the Responses API in their order: each
// item whole before the next one, each delta within its item and part, and the
// response at the end to have the items that were streamed.
func gatherResponse(events []frame, _ bool) (string, error) {
	g := responseGatherer{}
	for n, e := range events {
		v := gjson.Parse(e.data)
		switch {
		case !gjson.Valid(e.data) || v.Get("type").Str != e.name:
			return "", fmt.Errorf("the event %s is called %q", e.data, e.name)
		case !v.Get("sequence_number").Exists() || v.Get("sequence_number").Int() != int64(n):
			return "", fmt.Errorf("the event %d has the number %s", n, v.Get("sequence_number").Raw)
		case g.whole != "":
			return "", fmt.Errorf("%s comes after the end", e.data)
		}
		if err := g.add(n, e.name, v); err != nil {
			return "", fmt.Errorf("%w: %s", err, e.data)
		}
	}
	if g.whole == "" {
		return "", errors.New("the stream has no end")
	}
	return g.whole, nil
}

type responseGatherer struct {
	id    string
	items []string     // whole
	item  gjson.Result // that is open
	part  gjson.Result // that is open in it
	parts []string     // that are closed
	text  strings.Builder
	done  bool // the text of the open part, or the arguments
	whole string
}

func (g *responseGatherer) add(n int, name string, v gjson.Result) error {
	want := map[int]string{0: "response.created", 1: "response.in_progress"}
	if begun := want[n]; begun != "" || name == want[0] || name == want[1] {
		if name != begun {
			return fmt.Errorf("the event %d has to be %s", n, begun)
		}
		g.id = v.Get("response.id").Str
		return responseBegun("response", v.Get("response"))
	}
	if out := v.Get("output_index"); out.Exists() && out.Int() != int64(len(g.items)) {
		return fmt.Errorf("it is of another item than %d", len(g.items))
	}
	if id := v.Get("item_id"); id.Exists() && id.Str != g.item.Get("id").Str {
		return errors.New("it has another item's id")
	}
	if at := v.Get("content_index"); at.Exists() && at.Int() != int64(len(g.parts)) {
		return fmt.Errorf("it is of another part than %d", len(g.parts))
	}
	switch name {
	case "response.output_item.added":
		return g.open(v.Get("item"))
	case "response.output_item.done":
		return g.close(v.Get("item"))
	case "response.completed", "response.incomplete":
		return g.end(name, v.Get("response"))
	case "response.content_part.added", "response.reasoning_summary_part.added":
		if !g.item.Exists() || g.part.Exists() {
			return errors.New("there is no item open, or a part is")
		}
		g.part, g.done = v.Get("part"), false
		g.text.Reset()
		return nil
	case "response.content_part.done", "response.reasoning_summary_part.done":
		return g.closePart(v.Get("part"))
	}
	return g.inner(name, v)
}

// responseTexts are the events with pieces of text, what they belong to, and
// the member that has all of it in the last one.
var responseTexts = map[string][2]string{
	"response.output_text": {"output_text", "text"}, "response.refusal": {"refusal", "refusal"},
	"response.reasoning_summary_text": {"summary_text", "text"}, "response.function_call_arguments": {"function_call", "arguments"},
}

// inner takes a piece of a text, or what ends it.
func (g *responseGatherer) inner(name string, v gjson.Result) error {
	base, last, _ := cutLast(name, ".")
	kind, ok := responseTexts[base]
	open := g.part
	if base == "response.function_call_arguments" {
		open = g.item
	}
	switch {
	case !ok:
		return errors.New("it is unknown")
	case open.Get("type").Str != kind[0] || g.done:
		return errors.New("there is nothing open for it")
	case base == "response.output_text" && !v.Get("logprobs").IsArray():
		return errors.New("it has no logprobs")
	case last == "delta" && v.Get("delta").Str == "":
		return errors.New("it is empty")
	case last == "delta":
		g.text.WriteString(v.Get("delta").Str)
		return nil
	case v.Get(kind[1]).Str != g.text.String():
		return fmt.Errorf("the pieces were %q", g.text.String())
	case open.Get("type").Str == "function_call" && v.Get("name").Str != open.Get("name").Str:
		return errors.New("it has not the name of the function")
	}
	g.done = true
	return nil
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

func (g *responseGatherer) open(item gjson.Result) error {
	status := item.Get("status").Str
	if g.item.Exists() || item.Get("type").Str != "reasoning" && status != "in_progress" {
		return errors.New("another item is open, or this one is not begun")
	}
	if item.Get("content.0").Exists() || item.Get("summary.0").Exists() || item.Get("arguments").Str != "" {
		return errors.New("the item is not empty at its start")
	}
	g.item, g.parts, g.done = item, nil, false
	g.text.Reset()
	return nil
}

func (g *responseGatherer) closePart(part gjson.Result) error {
	if !g.part.Exists() || !g.done || part.Get("type").Str != g.part.Get("type").Str || part.Get("text").Str+part.Get("refusal").Str != g.text.String() {
		return fmt.Errorf("the part is not as it was streamed: %q", g.text.String())
	}
	g.part, g.parts = gjson.Result{}, append(g.parts, part.Raw)
	return nil
}

func (g *responseGatherer) close(item gjson.Result) error {
	switch {
	case !g.item.Exists() || g.part.Exists() || item.Get("id").Str != g.item.Get("id").Str:
		return errors.New("a part is open, or it is of another item")
	case item.Get("type").Str == "function_call" && (!g.done || item.Get("arguments").Str != g.text.String()):
		return fmt.Errorf("the arguments are not as they were streamed: %q", g.text.String())
	case item.Get("type").Str == "message" && item.Get("content|@ugly").Raw != "["+strings.Join(g.parts, ",")+"]",
		item.Get("type").Str == "reasoning" && item.Get("summary|@ugly").Raw != "["+strings.Join(g.parts, ",")+"]":
		return fmt.Errorf("the parts are not those that were streamed: %s", g.parts)
	}
	g.items, g.item, g.parts = append(g.items, item.Raw), gjson.Result{}, nil
	return responseItem("item", item)
}

func (g *responseGatherer) end(name string, response gjson.Result) error {
	switch {
	case g.item.Exists() || response.Get("id").Str != g.id || name != "response."+response.Get("status").Str:
		return errors.New("an item is open, or the id or the status is another")
	case response.Get("output|@ugly").Raw != "["+strings.Join(g.items, ",")+"]":
		return fmt.Errorf("the output is not what was streamed: %s", g.items)
	}
	g.whole = response.Raw
	return nil
}
