package corpus

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// TestRequests reads every recorded request of a dialect that clients speak,
// and writes it for every provider: JSON, with all that was said in it, and
// the same when it is read back where a provider's dialect is a client's too.
func TestRequests(t *testing.T) {
	table := newTally("requests")
	for _, x := range corpora(t) {
		w := wireOf(&x)
		if w == completion && !strings.HasSuffix(pathOf(x.url), "/completions") || clientOf(w) == nil || !isObject(x.request) {
			continue
		}
		row := fmt.Sprintf("%s %s", w, labelOf(&x))
		q, err := ask(w, x.request)
		if err != nil {
			if x.status >= 400 && x.status != 429 {
				err = nil // the provider has refused it too
			}
			table.add(t, row+" -> read", &x, err)
			continue
		}
		table.add(t, row+" -> read", &x, nil)
		for _, p := range providers {
			table.add(t, string(w)+" -> "+p.Name(), &x, writes(&x, w, q, p))
		}
	}
	table.report(t)
}

func isObject(raw []byte) bool {
	t, err := parse(raw)
	_, ok := t.v.(map[string]any)
	return err == nil && ok
}

func clientOf(w wire) client {
	if w == completion {
		w = chat
	}
	for i := range clients {
		if clients[i].wire == w {
			return clients[i].client
		}
	}
	return nil
}

// ask reads a body as a client's request.
func ask(w wire, body []byte) (*neutral.Request, error) {
	r := new(translate.Request)
	if err := r.Scan(body); err != nil {
		return nil, err
	}
	q, err := clientOf(w).ReadRequest(opOf(w), r)
	if err != nil {
		return nil, err
	}
	return q, nil
}

// writes writes q for a provider.
func writes(x *exchange, w wire, q *neutral.Request, p provider) error {
	target := &neutral.Target{Model: "model", MaxOutput: 8192, Traits: traitsOf(catalogued(p.Name()), "*")}
	body, drops, fault := p.AppendRequest(nil, q, target)
	if fault != nil {
		return fault
	}
	sent, err := parse(body)
	if err != nil {
		return fmt.Errorf("%w: %.300s", err, body)
	}
	for _, drop := range drops {
		if !knownDrop(drop, x) {
			return fmt.Errorf("dropped %q, which is not in %.300s", drop, x.request)
		}
	}
	recorded, err := parse(x.request)
	if err != nil {
		return err
	}
	has := strings.Join(stringsOf(nil, sent), "\x00")
	for _, text := range saidIn(w, recorded) {
		if !holds(has, text) {
			return fmt.Errorf("%q (dropped: %v) is not in %.600s", text, drops, body)
		}
	}
	for i := range clients {
		if clients[i].Name() == p.Name() {
			return readsBack(clients[i].wire, q, body, drops)
		}
	}
	return nil
}

// holds reports whether text is among the texts of a body, or is JSON whose
// texts are.
func holds(has, text string) bool {
	if strings.Contains(has, text) {
		return true
	}
	t, err := parse([]byte(text))
	if _, ok := t.v.(map[string]any); err != nil || !ok {
		return false
	}
	return !slices.ContainsFunc(stringsOf(nil, t), func(one string) bool { return !strings.Contains(has, one) })
}

// knownDrop reports whether a drop names something that the client has sent,
// under OpenAI's name or its own.
func knownDrop(drop string, x *exchange) bool {
	last := drop[strings.LastIndexByte(drop, '.')+1:]
	names := append([]string{strings.TrimSuffix(last, "[]")}, aliases[drop]...)
	return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(string(x.request), name) })
}

// aliases are the names of parameters in other dialects than OpenAI's chat.
var aliases = map[string][]string{
	"reasoning_effort":                   {"reasoning", "thinking", "effort"},
	"reasoning.summary":                  {"display"},
	"cache_control":                      {"prompt_cache"},
	"messages[].content[].cache_control": {"prompt_cache"},
}

// stringsOf collects all texts in a body, those in JSON that is itself a text
// too.
func stringsOf(all []string, t tree) []string {
	switch v := t.v.(type) {
	case string:
		all = append(all, v)
		if inner, err := parse([]byte(v)); err == nil {
			switch inner.v.(type) {
			case map[string]any, []any:
				all = stringsOf(all, inner)
			}
		}
	case []any:
		for _, one := range t.list() {
			all = stringsOf(all, one)
		}
	case map[string]any:
		for key, one := range v {
			all = stringsOf(append(all, key), tree{one})
		}
	}
	return all
}

// saidIn collects what a recorded request says to the model: instructions,
// messages, calls and their results, and tools by name and description.
func saidIn(w wire, t tree) (all []string) {
	add := func(one tree) {
		if s := strings.TrimSpace(one.text()); s != "" {
			all = append(all, s)
		}
	}
	switch w {
	case completion:
		add(t.at("prompt"))
	case responses:
		add(t.at("instructions"))
		add(t.at("input"))
		for _, item := range t.at("input").list() {
			addContent(add, item.at("content"))
			addContent(add, item.at("output"))
			add(item.at("name"))
		}
	default:
		addContent(add, t.at("system"))
		for _, m := range t.at("messages").list() {
			addContent(add, m.at("content"))
			for _, one := range m.at("tool_calls").list() {
				add(one.at("function", "name"))
			}
		}
	}
	for _, tool := range t.at("tools").list() {
		if tool.has("function") {
			tool = tool.at("function")
		}
		if mayCall(t.at("tool_choice"), tool.at("name").text()) {
			add(tool.at("name"))
			add(tool.at("description"))
		}
	}
	return all
}

// mayCall reports whether a choice leaves the model the tool of that name.
// Providers that cannot be told otherwise are not shown the others.
func mayCall(choice tree, name string) bool {
	named := choice.at("name").text() + choice.at("function", "name").text()
	return choice.text() != "none" && choice.at("type").text() != "none" && (named == "" || named == name)
}

func addContent(add func(tree), content tree) {
	add(content)
	for _, part := range content.list() {
		if kind := part.at("type").text(); kind != "reasoning" && kind != "thinking" {
			add(part.at("text"))
			addContent(add, part.at("content"))
		}
		add(part.at("name"))
	}
}

// readsBack compares what was asked with what a client's dialect reads from
// the provider's body. More may be there: hints in place of what the provider
// has no field for, and media that a result has no place for.
func readsBack(w wire, q *neutral.Request, body []byte, drops neutral.Drops) error {
	again, err := ask(w, body)
	if err != nil {
		return fmt.Errorf("read back: %w from %.600s", err, body)
	}
	want, got := outlineOf(q), outlineOf(again)
	for _, line := range want.lines {
		drop, _, _ := strings.Cut(line, " ")
		if slices.Contains(drops, drop) || slices.Contains(got.lines, line) {
			continue
		}
		if drop == "response_format" && q.Format.Kind == neutral.FormatJSON && w == messages {
			continue // a hint
		}
		return fmt.Errorf("read back (dropped: %v): no %s in\n%s", drops, line, strings.Join(got.lines, "\n"))
	}
	for _, text := range want.texts {
		if !strings.Contains(strings.Join(got.texts, ""), text) {
			return fmt.Errorf("read back: no %q in %q", text, got.texts)
		}
	}
	return nil
}

// outline is what a request comes to: what it says, and a line for each call,
// result and parameter, which starts with the parameter's name.
type outline struct {
	texts, lines []string
	ids          map[string]int // numbered, as providers have rules for them
}

func outlineOf(q *neutral.Request) *outline {
	o := &outline{ids: map[string]int{}}
	o.blocks(q.System)
	for i := range q.Turns {
		o.blocks(q.Turns[i].Blocks)
	}
	for i := range q.Tools {
		if tool := &q.Tools[i]; !tool.Server {
			o.line("tools %s %s %s", tool.Name, tool.Description, schemaText(tool.Schema))
		}
	}
	if mode := q.Choice.Mode; len(q.Tools) > 0 && mode != neutral.ChoiceAuto && mode != neutral.ChoiceUnset {
		o.line("tool_choice %v %v", mode, q.Choice.Names)
	}
	if q.MaxTokens != nil {
		o.line("max_completion_tokens %s", q.MaxTokens)
	}
	for name, number := range map[string][]byte{"temperature": q.Temperature, "top_p": q.TopP} {
		if s := arguments(string(number)); number != nil && s != "1" { // which is the default
			o.line("%s %s", name, s)
		}
	}
	if q.Stop != nil {
		o.line("stop %q", q.Stop)
	}
	if q.Format.Kind != neutral.FormatText {
		o.line("response_format %v %s", q.Format.Kind, schemaText(q.Format.Schema))
	}
	o.line("stream %v", q.Stream)
	return o
}

func (o *outline) line(format string, args ...any) {
	o.lines = append(o.lines, fmt.Sprintf(format, args...))
}

func (o *outline) id(id string) int {
	if _, known := o.ids[id]; !known {
		o.ids[id] = len(o.ids)
	}
	return o.ids[id]
}

func (o *outline) blocks(blocks []neutral.Block) {
	for i := range blocks {
		switch b := &blocks[i]; b.Kind {
		case neutral.Text, neutral.Refusal:
			o.texts = append(o.texts, strings.TrimSpace(string(b.Text)))
		case neutral.Image, neutral.Audio, neutral.File:
			o.line("media %s%.40s%s", b.Media.URL, b.Media.Data, b.Media.FileID)
		case neutral.ToolUse:
			o.line("call %d %s %s", o.id(b.ID), b.Name, arguments(string(neutral.ArgumentsObject(b))))
		case neutral.ToolResult:
			text := ""
			for k := range b.Content {
				switch piece := &b.Content[k]; piece.Kind {
				case neutral.Text:
					text += string(piece.Text)
				default:
					o.blocks(b.Content[k : k+1])
				}
			}
			o.line("result %d", o.id(b.ID))
			o.texts = append(o.texts, strings.TrimSpace(text))
		}
	}
}

// schemaText is a schema, comparable: objects that say nothing of their
// properties have none.
func schemaText(raw []byte) string {
	t, err := parse(raw)
	m, ok := t.v.(map[string]any)
	if err != nil || !ok {
		return string(raw)
	}
	if t.at("type").text() == "object" && !t.has("properties") {
		m["properties"] = map[string]any{}
	}
	return t.canonical()
}

// catalogued is the provider in the catalogue that speaks the dialect.
func catalogued(dialect string) string {
	if dialect == "azure" || dialect == "responses" {
		return "openai"
	}
	return dialect
}

// traitsOf are the catalogue's traits of a model.
func traitsOf(provider, model string) (traits neutral.Traits) {
	catalogue.once.Do(func() {
		raw, err := os.ReadFile("../../configs/models.json")
		if err == nil {
			err = json.Unmarshal(raw, &catalogue.file)
		}
		if err != nil {
			panic(err)
		}
	})
	id := provider + "/" + model
	for _, l := range slices.Backward(catalogue.file.Traits) {
		prefix, open := strings.CutSuffix(l.Models, "*")
		if id == l.Models || open && strings.HasPrefix(id, prefix) {
			traits = traits.Over(l.Traits)
		}
	}
	return traits
}

var catalogue struct {
	once sync.Once
	file struct {
		Traits []struct {
			Models string
			Traits neutral.Traits
		}
	}
}
