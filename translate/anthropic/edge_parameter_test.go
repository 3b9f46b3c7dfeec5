package anthropic

import (
	"slices"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func target(thinking, sampling string) neutral.Target {
	return neutral.Target{MaxOutput: 9000, Traits: neutral.Traits{Thinking: thinking, Sampling: sampling}}
}

// check sends q and compares one member and whether something was dropped.
func check(t *testing.T, q *neutral.Request, to neutral.Target, key, want, dropped string) {
	t.Helper()
	body, drops := send(t, q, to)
	same(t, key, at(t, body, key), want)
	if dropped == "" && len(drops) > 0 || dropped != "" && !slices.Contains(drops, dropped) {
		t.Errorf("%s: dropped %v, want %q", key, drops, dropped)
	}
}

func TestEdge046_ChoiceNone(t *testing.T) {
	q := hello()
	q.Tools, q.Choice.Mode, q.Parallel = []neutral.Tool{function}, neutral.ChoiceNone, neutral.Off
	check(t, q, neutral.Target{}, "tool_choice", `{"type":"none"}`, "")
}

func TestEdge047_ForcedToolAndThinking(t *testing.T) {
	q := hello()
	q.Tools, q.Choice.Mode = []neutral.Tool{function}, neutral.ChoiceRequired
	q.Reasoning = neutral.Reasoning{Set: true, Effort: "high"}
	check(t, q, target("budget", ""), "thinking", "", "reasoning_effort")
	check(t, q, target("budget", ""), "tool_choice", `{"type":"any"}`, "reasoning_effort")
	check(t, q, target("adaptive", ""), "thinking", `{"type":"adaptive"}`, "") // which may be forced
}

func TestEdge048_AllowedTools(t *testing.T) {
	q := hello()
	g := function
	g.Name = "g"
	q.Tools, q.Choice = []neutral.Tool{function, g}, neutral.ToolChoice{Mode: neutral.ChoiceRequired, Names: []string{"g"}}
	body, _ := send(t, q, neutral.Target{})
	same(t, "tool", at(t, body, "tools", 0, "name"), `"g"`)
	same(t, "tools", at(t, body, "tools", 1), "")
	same(t, "choice", at(t, body, "tool_choice"), `{"type":"any"}`)
}

func TestEdge049_ParallelOff(t *testing.T) {
	q := hello()
	q.Tools, q.Parallel = []neutral.Tool{function}, neutral.Off
	check(t, q, neutral.Target{}, "tool_choice", `{"type":"auto","disable_parallel_tool_use":true}`, "")
}

func TestEdge050_NoTools(t *testing.T) {
	q := request(t, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"tools":[],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`)
	body, _ := send(t, q, neutral.Target{})
	if strings.Contains(body, "tool") {
		t.Error(body)
	}
}

func TestEdge051_ToolNames(t *testing.T) {
	q := hello()
	odd := function
	odd.Name = "a.b/c"
	q.Tools, q.Choice = []neutral.Tool{odd}, neutral.ToolChoice{Mode: neutral.ChoiceNamed, Names: []string{odd.Name}}
	body, _ := send(t, q, neutral.Target{})
	alias := strings.Trim(at(t, body, "tools", 0, "name"), `"`)
	if strings.ContainsAny(alias, "./") || at(t, body, "tool_choice", "name") != `"`+alias+`"` {
		t.Error(body)
	}
	same(t, "back", neutral.NewNames(q, MaxName).In(alias), odd.Name)
}

func TestEdge053_RootSchema(t *testing.T) {
	for _, schema := range []string{"", "{}", `{"properties":{"a":{}}}`} { // and edge case 52
		q := hello()
		q.Tools = []neutral.Tool{{Name: "f", Schema: []byte(schema)}}
		if schema == "" {
			q.Tools[0].Schema = nil
		}
		body, _ := send(t, q, neutral.Target{})
		same(t, schema, at(t, body, "tools", 0, "input_schema", "type"), `"object"`)
	}
}

func TestEdge059_CustomTool(t *testing.T) {
	q := ask(user(text("a")), assistant(neutral.Block{Kind: neutral.ToolUse, ID: "a", Name: "f", Custom: true, Arguments: []byte("x\ny")}), user(result("a")))
	q.Tools = []neutral.Tool{{Name: "f", Custom: true, Grammar: []byte(`{}`)}}
	body, drops := send(t, q, neutral.Target{})
	same(t, "schema", at(t, body, "tools", 0, "input_schema", "required"), `["input"]`)
	same(t, "input", at(t, body, "messages", 1, "content", 0, "input"), `{"input":"x\ny"}`)
	if !slices.Contains(drops, "tools[].custom.format") {
		t.Error(drops)
	}
}

func TestEdge061_ToolFields(t *testing.T) {
	q := request(t, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"tools":[{"name":"f","input_schema":{"type":"object"},"defer_loading":true}]}`)
	_, drops := send(t, q, neutral.Target{})
	if !slices.Contains(drops, "tools[].defer_loading") {
		t.Error(drops)
	}
	q = hello()
	q.Tools = []neutral.Tool{{Name: "f", Strict: neutral.On}}
	check(t, q, neutral.Target{Traits: neutral.Traits{Schema: "tool"}}, "service_tier", "", "tools[].strict")
}

func TestEdge063_Stop(t *testing.T) {
	q := hello()
	q.Stop = []string{"", "a", " \n", "b"}
	check(t, q, neutral.Target{}, "stop_sequences", `["a","b"]`, "stop")
	q.Stop = []string{""}
	check(t, q, neutral.Target{}, "stop_sequences", "", "")
}

func TestEdge065_Temperature(t *testing.T) {
	q := hello()
	q.Temperature = []byte("1.7")
	check(t, q, neutral.Target{}, "temperature", "1", "temperature")
	q.Temperature = []byte("0.70")
	check(t, q, neutral.Target{}, "temperature", "0.70", "")
	_, err := readRequest(translate.OpMessages, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"temperature":"1"}`)
	if err == nil || err.Param != "temperature" {
		t.Error(err)
	}
}

func TestEdge066_TemperatureOrTopP(t *testing.T) {
	q := hello()
	q.Temperature, q.TopP = []byte("0.5"), []byte("0.9")
	check(t, q, target("", "one"), "top_p", "", "top_p")
	check(t, q, target("", ""), "top_p", "0.9", "")
	q.Temperature = nil
	check(t, q, target("", "one"), "top_p", "0.9", "")
}

func TestEdge067_FixedSampling(t *testing.T) {
	q := hello()
	q.Temperature, q.TopP = []byte("1.0"), []byte("0.99")
	check(t, q, target("", "fixed"), "temperature", "", "")
	q.Temperature = []byte("0.5")
	check(t, q, target("", "fixed"), "temperature", "", "temperature")
	q.TopP, q.TopK = []byte("0.5"), []byte("3")
	check(t, q, target("", "fixed"), "top_p", "", "top_p")
	check(t, q, target("", "fixed"), "top_k", "", "top_k")
}

func TestEdge069_MaxTokens(t *testing.T) {
	q := hello()
	check(t, q, neutral.Target{MaxOutput: 9000}, "max_tokens", "100", "")
	q.MaxTokens = []byte("100.0") // edge case 78
	check(t, q, neutral.Target{}, "max_tokens", "100", "")
	q.MaxTokens = nil
	check(t, q, neutral.Target{MaxOutput: 9000}, "max_tokens", "9000", "")
	check(t, q, neutral.Target{}, "max_tokens", "8192", "")
}

func TestEdge072_Budget(t *testing.T) {
	f := func(limit, effort, thinking, dropped string) {
		t.Helper()
		q := hello()
		q.MaxTokens = []byte(limit)
		q.Reasoning = neutral.Reasoning{Set: true, Effort: effort}
		check(t, q, target("budget", ""), "thinking", thinking, dropped)
		check(t, q, target("budget", ""), "max_tokens", limit, dropped)
	}
	f("8000", "high", `{"type":"enabled","budget_tokens":4096}`, "")
	f("3000", "high", `{"type":"enabled","budget_tokens":1976}`, "")
	f("1000", "high", "", "reasoning_effort")
	q := hello()
	q.MaxTokens, q.Reasoning = nil, neutral.Reasoning{Set: true, Budget: 20000}
	check(t, q, neutral.Target{Traits: neutral.Traits{Thinking: "budget"}}, "max_tokens", "28192", "")
}

func TestEdge073_Efforts(t *testing.T) {
	f := func(effort, thinking, output string) {
		t.Helper()
		q := hello()
		q.Reasoning = neutral.Reasoning{Set: true, Effort: effort}
		check(t, q, target("adaptive", ""), "thinking", thinking, "")
		check(t, q, target("adaptive", ""), "output_config", output, "")
	}
	f("none", "", "")
	f("minimal", `{"type":"adaptive"}`, `{"effort":"low"}`)
	f("medium", `{"type":"adaptive"}`, `{"effort":"medium"}`)
	f("max", `{"type":"adaptive"}`, `{"effort":"high"}`)
}

func TestThinking_Display(t *testing.T) {
	q := hello()
	q.Reasoning = neutral.Reasoning{Set: true, Adaptive: true, Summary: "auto"}
	check(t, q, target("adaptive", ""), "thinking", `{"type":"adaptive","display":"summarized"}`, "")
	q.Reasoning = neutral.Reasoning{Set: true, Budget: 2000, Summary: "omitted"}
	check(t, q, target("budget", ""), "thinking", "", "reasoning_effort")
	q.MaxTokens = nil
	check(t, q, target("budget", ""), "thinking", `{"type":"enabled","budget_tokens":2000,"display":"omitted"}`, "")
}

// TestThinking_Loop: with thinking on, the last call in a loop of tools must
// come after a thought.
func TestThinking_Loop(t *testing.T) {
	q := ask(user(text("a")), assistant(toolUse("a", "")), user(result("a")))
	q.MaxTokens, q.Reasoning = nil, neutral.Reasoning{Set: true, Effort: "low"}
	check(t, q, target("budget", ""), "thinking", "", "reasoning_effort")
	check(t, q, target("adaptive", ""), "thinking", `{"type":"adaptive"}`, "")
}

func TestThinking_Sampling(t *testing.T) {
	q := hello()
	q.MaxTokens, q.Reasoning = nil, neutral.Reasoning{Set: true, Effort: "low"}
	q.Temperature, q.TopK, q.TopP = []byte("0.5"), []byte("2"), []byte("0.96")
	check(t, q, target("budget", ""), "temperature", "", "temperature")
	check(t, q, target("budget", ""), "top_k", "", "top_k")
	check(t, q, target("budget", ""), "top_p", "0.96", "top_k")
}

func TestEdge080_User(t *testing.T) {
	q := hello()
	q.User = "ann@example.com"
	body, _ := send(t, q, neutral.Target{})
	again, _ := send(t, q, neutral.Target{})
	if id := at(t, body, "metadata", "user_id"); strings.Contains(id, "@") || len(id) > 64 || body != again {
		t.Error(id)
	}
}

func TestFormat(t *testing.T) {
	schema := neutral.Format{Kind: neutral.FormatSchema, Name: "n", Schema: []byte(`{"type":"object","b":1,"a":2}`)}
	as := func(way string) neutral.Target { return neutral.Target{Traits: neutral.Traits{Schema: way}} }
	q := hello()
	q.Format = schema
	check(t, q, as(""), "output_config", `{"format":{"type":"json_schema","schema":{"type":"object","b":1,"a":2}}}`, "")
	check(t, q, as("tool"), "tool_choice", `{"type":"tool","name":"gateway_structured_answer","disable_parallel_tool_use":true}`, "")
	check(t, q, as("none"), "output_config", "", "response_format")
	body, _ := send(t, q, as("json"))
	if !strings.Contains(at(t, body, "system"), `\"b\":1`) {
		t.Error(body)
	}
	q.Tools = []neutral.Tool{function}
	check(t, q, as("tool"), "tool_choice", `{"type":"any","disable_parallel_tool_use":true}`, "")
	q.Format = neutral.Format{Kind: neutral.FormatJSON}
	check(t, q, as(""), "system", `"Answer with one JSON object and nothing else."`, "")
}
