package corpus

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// cellName is how the recordings of one scenario at many providers are named:
// matrix[scenario-provider].
var cellName = regexp.MustCompile(`tool_choice_matrix\[(.+)-([a-z0-9_]+)\]\.yaml$`)

// cell is a scenario at a provider: its calls in order.
type cell struct {
	scenario, provider string
	calls              []*exchange
}

// TestToolChoiceMatrix makes of the chat in which a scenario was recorded the
// request of every other provider that has the scenario, and compares it with
// what was sent to that provider. What differs has to be in the table of
// differences, with its reason.
func TestToolChoiceMatrix(t *testing.T) {
	cells := matrixCells(corpora(t))
	if len(cells) == 0 {
		t.Skip("CORPORA has no tool-choice matrix")
	}
	results := resultsIn(cells)
	found := map[string][]string{}
	same, compared := 0, 0
	for _, to := range cells {
		for _, from := range cells {
			if from.scenario != to.scenario || wireOf(from.calls[0]) != chat {
				continue
			}
			for i := range to.calls {
				pair := fmt.Sprintf("%s %s -> %s #%d", to.scenario, from.provider, to.provider, i)
				differences, err := compareCall(from, to, i, results)
				if err != nil {
					t.Errorf("%s: %v", pair, err)
					continue
				}
				compared++
				if len(differences) == 0 {
					same++
				}
				for _, d := range differences {
					k := explain(from, to, d)
					if k == nil {
						t.Errorf("%s: %s", pair, d)
						continue
					}
					found[k.reason] = append(found[k.reason], fmt.Sprintf("%s: %s", pair, d))
				}
			}
		}
	}
	var b strings.Builder
	for _, why := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(&b, "%4d  %s\n      e.g. %s\n", len(found[why]), why, found[why][0])
	}
	t.Logf("matrix: %d of %d requests are the same; the others differ in:\n%s", same, compared, &b)
	if compared == 0 {
		t.Error("nothing to compare")
	}
}

func matrixCells(all []exchange) (cells []*cell) {
	byFile := map[string]*cell{}
	for i := range all {
		x := &all[i]
		name := cellName.FindStringSubmatch(filepath.Base(x.file))
		if name == nil || wireOf(x) == other {
			continue
		}
		c := byFile[x.file]
		if c == nil {
			c = &cell{scenario: name[1], provider: name[2]}
			byFile[x.file] = c
			cells = append(cells, c)
		}
		c.calls = append(c.calls, x)
	}
	return cells
}

// resultsIn are the texts that the scenarios' tools return, by name.
func resultsIn(cells []*cell) map[string]string {
	results := map[string]string{}
	for _, c := range cells {
		for _, x := range c.calls {
			body, err := parse(x.request)
			if err != nil || wireOf(x) != chat {
				continue
			}
			names := map[string]string{}
			for _, m := range body.at("messages").list() {
				for _, one := range m.at("tool_calls").list() {
					names[one.at("id").text()] = one.at("function", "name").text()
				}
				if m.at("role").text() == "tool" {
					results[names[m.at("tool_call_id").text()]] = m.at("content").text()
				}
			}
		}
	}
	return results
}

// compareCall writes call i of the scenario for the provider of to: the
// settings are those of the chat, the history what that provider answered.
func compareCall(from, to *cell, i int, results map[string]string) ([]string, error) {
	q, err := ask(chat, from.calls[min(i, len(from.calls)-1)].request)
	if err != nil {
		return nil, err
	}
	if i > 0 {
		if q, err = goOn(q, from, to, i, results); err != nil {
			return nil, err
		}
	}
	x := to.calls[i]
	w := wireOf(x)
	recorded, err := parse(x.request)
	if err != nil {
		return nil, err
	}
	target := targetOf(x, recorded)
	body, _, fault := speaks[w].AppendRequest(nil, q, target)
	if fault != nil {
		return nil, fault
	}
	ours, err := parse(body)
	if err != nil {
		return nil, err
	}
	return differ("", normal(recorded.v, ids{}), normal(ours.v, ids{})), nil
}

// goOn puts the provider's own answers in the place of those of the chat.
func goOn(q *neutral.Request, from, to *cell, i int, results map[string]string) (*neutral.Request, error) {
	first, err := ask(chat, from.calls[0].request)
	if err != nil {
		return nil, err
	}
	q.System, q.Turns = first.System, first.Turns
	for _, x := range to.calls[:i] {
		w := wireOf(x)
		var a neutral.Reply
		if err := speaks[w].ReadReply(opOf(w), x.response, &a); err != nil {
			return nil, err
		}
		q.Turns = append(q.Turns, neutral.Turn{Role: neutral.Assistant, Blocks: a.Choices[0].Blocks})
		var said []neutral.Block
		for _, b := range a.Choices[0].Blocks {
			if b.Kind != neutral.ToolUse {
				continue
			}
			text, ok := results[b.Name]
			if !ok {
				return nil, fmt.Errorf("no chat has a result of %q", b.Name)
			}
			said = append(said, neutral.Block{Kind: neutral.ToolResult, ID: b.ID, Name: b.Name, Content: []neutral.Block{{Kind: neutral.Text, Text: []byte(text)}}})
		}
		q.Turns = append(q.Turns, neutral.Turn{Role: neutral.User, Blocks: said})
	}
	return q, nil
}

// vendors are the providers of the catalogue, by a part of their host.
var vendors = [][2]string{
	{"openai.com", "openai"},
	{"anthropic", "anthropic"},
	{"amazonaws", "bedrock"},
	{"googleapis", "gemini"},
	{"mistral", "mistral"},
	{"groq", "groq"},
	{"cohere", "cohere"},
	{"deepseek", "deepseek"},
	{"x.ai", "xai"},
}

func targetOf(x *exchange, body tree) *neutral.Target {
	model := body.at("model").text()
	if model == "" { // in the path
		_, model, _ = strings.Cut(pathOf(x.url), "/model")
		model = strings.TrimPrefix(strings.TrimPrefix(model, "s"), "/")
		model, _, _ = strings.Cut(strings.TrimSuffix(model, "/converse"), ":generate")
	}
	t := &neutral.Target{Model: model, MaxOutput: 4096}
	u, err := url.Parse(x.url)
	for _, v := range vendors {
		if err == nil && strings.Contains(u.Host, v[0]) {
			t.Traits = traitsOf(v[1], model)
		}
	}
	return t
}

// ids numbers ids in their order.
type ids map[string]int

// normal makes bodies that mean the same the same.
func normal(v any, seen ids) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, 0, len(v))
		for _, one := range v {
			list = append(list, normal(one, seen))
		}
		return list
	case map[string]any:
		return normalObject(v, seen)
	default:
		return plain(v)
	}
}

// idKeys are the members whose value is only compared by where it stands
// again.
var idKeys = []string{"id", "call_id", "tool_call_id", "tool_use_id", "toolUseId"}

// defaults are members that say what is so without them.
var defaults = map[string]string{
	"stream": "false", "n": "1", "top_p": "1", "topP": "1", "responseModalities": `["TEXT"]`, "generationConfig": "{}", "is_error": "false", "status": `"success"`,
	"system": "[]", "inferenceConfig": "{}", "tool_choice": `"auto"`, "toolChoice": `{"auto":{}}`,
}

func normalObject(v map[string]any, seen ids) any {
	m := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(v)) {
		value := normal(v[key], seen)
		text, isText := value.(string)
		switch {
		case value == nil, (tree{value}).canonical() == defaults[key]:
			continue
		case key == "id" && (v["call_id"] != nil || v["type"] == "reasoning"):
			continue // of an item of responses, which goes by its call_id
		case isText && slices.Contains(idKeys, key):
			if _, known := seen[text]; !known {
				seen[text] = len(seen)
			}
			value = fmt.Sprint("id ", seen[text])
		case isText && key == "arguments":
			value = arguments(text)
		case key == "content":
			value = plainContent(value)
		}
		m[camel(key)] = value
	}
	return m
}

// plainContent is the text of a content that is one part of text.
func plainContent(v any) any {
	if list, ok := v.([]any); ok && len(list) == 1 {
		part := tree{list[0]}
		if kind := part.at("type").text(); len(part.keys()) == 2 && (kind == "text" || kind == "input_text" || kind == "output_text") {
			return part.at("text").v
		}
	}
	return v
}

// camel is the name of one of Gemini's members in its other spelling, which
// the API takes as well.
func camel(key string) string {
	if key == "parameters_json_schema" {
		return "parametersJsonSchema"
	}
	return key
}

// differ lists where two values are not the same.
func differ(path string, recorded, ours any) (all []string) {
	a, aOK := recorded.(map[string]any)
	b, bOK := ours.(map[string]any)
	if aOK && bOK {
		keys := map[string]bool{}
		for key := range a {
			keys[key] = true
		}
		for key := range b {
			keys[key] = true
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			all = append(all, differ(path+"."+key, a[key], b[key])...)
		}
		return all
	}
	x, xOK := recorded.([]any)
	y, yOK := ours.([]any)
	if xOK && yOK && len(x) == len(y) {
		for i := range x {
			all = append(all, differ(path+"[]", x[i], y[i])...)
		}
		return all
	}
	if (tree{recorded}).canonical() == (tree{ours}).canonical() {
		return nil
	}
	return []string{fmt.Sprintf("%s: recorded %s, ours %s", strings.TrimPrefix(path, "."), tree{recorded}.canonical(), tree{ours}.canonical())}
}

// difference is one that is explained: at matches the whole line that differ
// makes of it. With alone, one of the two is of a client that sends the chosen
// tool alone.
type difference struct {
	at     *regexp.Regexp
	alone  bool
	reason string
}

var differences = []difference{
	{
		at:     regexp.MustCompile(`^(tools|toolConfig\.tools)\[\]\.([a-zA-Z_.]+(\[\])?\.)?strict: |^strict_tools: `),
		reason: "strict: the client asks for it at OpenAI and where its model takes it; what the chat asks for is passed on, or dropped and listed",
	},
	{
		at:     regexp.MustCompile(`\.(additionalProperties|title): recorded (null|false), ours (null|false|"\w+")$`),
		reason: "schema: the client writes it another way for some providers; that of the chat is passed on byte for byte",
	},
	{
		at:     regexp.MustCompile(`^(tools\[\]|tool_choice)\.type: recorded null, ours "function"$`),
		reason: "type: some clients leave out what can only be a function",
	},
	{
		at:     regexp.MustCompile(`^messages\[\]\.(prefix: recorded false|content: recorded \[\]|tool_calls\[\]\.index: recorded \d+), ours null$`),
		reason: "Mistral: its client writes members that say nothing",
	},
	{
		at:     regexp.MustCompile(`^tool_choice: recorded "any", ours "required"$`),
		reason: "Mistral: two words for the same, and the API takes both",
	},
	{
		at:     regexp.MustCompile(`^messages\[\]\.tool_plan: recorded null, ours "`),
		reason: "Cohere: the plan that the model made goes back to it; the client forgets it",
	},
	{
		at:     regexp.MustCompile(`^p: recorded null, ours 0\.99$`),
		reason: "Cohere: the chat says top_p 1, and this is the greatest",
	},
	{
		at:     regexp.MustCompile(`^store: recorded null, ours false$`),
		reason: "Responses: the provider has nothing to store, the gateway does",
	},
	{
		at:     regexp.MustCompile(`^input\[\]\.type: recorded null, ours "message"$`),
		reason: "Responses: the type of a message may be left out",
	},
	{
		at:     regexp.MustCompile(`^(tools|tools\[\]\.functionDeclarations|toolConfig\.tools|tool_choice|tool_choice\.type|tool_choice\.name|toolConfig\.toolChoice\.(tool|any)|toolConfig\.functionCallingConfig\.allowedFunctionNames): `),
		alone:  true,
		reason: "one tool: one client sends the chosen tool alone and says that some tool has to be called, the others all tools and which",
	},
}

func explain(from, to *cell, line string) *difference {
	for i := range differences {
		if d := &differences[i]; d.at.MatchString(line) && (!d.alone || alone(from) != alone(to)) {
			return d
		}
	}
	return nil
}

// alone reports whether some tool has to be called, and there is one.
func alone(c *cell) bool {
	body, err := parse(c.calls[0].request)
	choice := body.at("tool_choice").text()
	return err == nil && len(body.at("tools").list()) == 1 && (choice == "any" || choice == "required")
}
