package responses

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func textBlocks(s string) []neutral.Block {
	return []neutral.Block{{Kind: neutral.Text, Text: []byte(s)}}
}

func user(s string) neutral.Turn { return neutral.Turn{Role: neutral.User, Blocks: textBlocks(s)} }

func TestAppendRequest(t *testing.T) {
	q := &neutral.Request{
		System: append(textBlocks("Be brief."), textBlocks("Be \"kind\".")...),
		Turns: []neutral.Turn{
			{Role: neutral.User, Name: "bob", Blocks: []neutral.Block{
				{Kind: neutral.Text, Text: []byte("Look")},
				{Kind: neutral.Image, Media: neutral.Media{URL: "https://example.com/a.png"}},
				{Kind: neutral.Image, Media: neutral.Media{Data: []byte("iVBORw0KGgo="), MIME: "image/png", Detail: "low"}},
				{Kind: neutral.File, Media: neutral.Media{Data: []byte("JVBERi0="), MIME: "application/pdf"}},
			}},
			{Role: neutral.Assistant, Blocks: []neutral.Block{
				{Kind: neutral.Thinking, Text: []byte("Hm"), Signature: []byte("sealed"), Origin: name},
				{Kind: neutral.Text, Text: []byte("I look.")},
				{Kind: neutral.ToolUse, ID: "c1", Name: "look", Arguments: []byte(`{"n":12345678901234567890}`)},
				{Kind: neutral.ToolUse, ID: "c2", Name: "sql", Arguments: []byte("SELECT 1"), Custom: true},
			}},
			{Role: neutral.User, Blocks: []neutral.Block{
				{Kind: neutral.ToolResult, ID: "c1", Content: append(textBlocks("seen"), neutral.Block{Kind: neutral.Image, Media: neutral.Media{FileID: "file_1"}})},
				{Kind: neutral.ToolResult, ID: "c2", Content: textBlocks("1"), Failed: true},
			}},
			{Role: neutral.System, Blocks: textBlocks("Hurry.")},
			user("And?"),
		},
		Tools: []neutral.Tool{
			{Name: "look", Description: "Look", Schema: []byte(`{"type":"object","properties":{"z":{},"a":{}}}`)},
			{Name: "sql", Custom: true, Grammar: []byte(`{"type":"grammar","grammar":{"syntax":"lark","definition":"x"}}`)},
		},
		Choice: neutral.ToolChoice{Mode: neutral.ChoiceAuto, Names: []string{"sql"}}, Parallel: neutral.Off,
		MaxTokens: []byte("100"), Temperature: []byte("0.70"), Stop: []string{"END"}, Seed: []byte("7"), TopK: []byte("3"),
		Format: neutral.Format{Kind: neutral.FormatSchema, Schema: []byte(`{"type":"object"}`)},
		User:   "u", Metadata: []byte(`{"a":"b"}`), Stream: true,
		Extra: []neutral.Member{{Name: "verbosity", Raw: []byte(`"low"`)}, {Name: "logit_bias", Raw: []byte("{}")}},
	}
	got, drops := mustAppend(t, q, neutral.Target{Model: "served"})
	want := `{"model":"served","instructions":"Be brief.","input":[` +
		`{"type":"message","role":"system","content":"Be \"kind\"."},` +
		`{"type":"message","role":"user","content":[{"type":"input_text","text":"Look"},` +
		`{"type":"input_image","image_url":"https://example.com/a.png","detail":"auto"},` +
		`{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo=","detail":"low"},` +
		`{"type":"input_file","filename":"document","file_data":"data:application/pdf;base64,JVBERi0="}]},` +
		`{"type":"reasoning","summary":[{"type":"summary_text","text":"Hm"}],"encrypted_content":"sealed"},` +
		`{"type":"message","role":"assistant","content":"I look."},` +
		`{"type":"function_call","call_id":"c1","name":"look","arguments":"{\"n\":12345678901234567890}"},` +
		`{"type":"custom_tool_call","call_id":"c2","name":"sql","input":"SELECT 1"},` +
		`{"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"seen"},{"type":"input_image","file_id":"file_1","detail":"auto"}]},` +
		`{"type":"custom_tool_call_output","call_id":"c2","output":"1"},` +
		`{"type":"message","role":"system","content":"Hurry."},{"type":"message","role":"user","content":"And?"}],` +
		`"tools":[{"type":"function","name":"look","description":"Look","parameters":{"type":"object","properties":{"z":{},"a":{}}},"strict":false},` +
		`{"type":"custom","name":"sql","format":{"type":"grammar","syntax":"lark","definition":"x"}}],` +
		`"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"custom","name":"sql"}]},"parallel_tool_calls":false,` +
		`"max_output_tokens":100,"temperature":0.70,` +
		`"text":{"format":{"type":"json_schema","name":"answer","schema":{"type":"object"},"strict":false},"verbosity":"low"},` +
		`"user":"u","metadata":{"a":"b"},"store":false,"stream":true}`
	if diff := cmp.Diff(strings.Split(want, `,"`), strings.Split(got, `,"`)); diff != "" {
		t.Error(diff)
	}
	wantDrops := neutral.Drops{"messages[].is_error", "messages[].name", "logit_bias", "seed", "top_k", "stop"}
	for _, drop := range wantDrops {
		if !strings.Contains(strings.Join(drops, " "), drop) {
			t.Errorf("%s is not among %v", drop, drops)
		}
	}
	if len(drops) != len(wantDrops) {
		t.Errorf("dropped %v", drops)
	}
}

func TestAppendRequestUnsupported(t *testing.T) {
	f := func(q *neutral.Request, param string) {
		t.Helper()
		dst, _, err := New().AppendRequest([]byte("dst"), q, &neutral.Target{})
		if err == nil || err.Param != param || err.Code != translate.CallerUnsupported || string(dst) != "dst" {
			t.Errorf("%q: %v, %q", param, err, dst)
		}
	}
	f(&neutral.Request{Turns: []neutral.Turn{user("x")}, N: 2}, "n")
	f(&neutral.Request{Turns: []neutral.Turn{{Role: neutral.User, Blocks: []neutral.Block{{Kind: neutral.Audio}}}}}, "messages")
}

// A tool that another provider runs itself is never left out in silence.
func TestEdge060_ServerTools(t *testing.T) {
	q := &neutral.Request{Turns: []neutral.Turn{user("x")}, Tools: []neutral.Tool{{Name: "bash_20250124", Server: true, Dialect: "anthropic", Raw: []byte("{}")}}}
	_, _, err := New().AppendRequest(nil, q, &neutral.Target{})
	if err == nil || err.Param != "tools" || !strings.Contains(err.Message, "bash_20250124") {
		t.Errorf("%v", err)
	}
	own := mustRead(t, `{"model":"m","input":"x","tools":[{"type":"mcp","server_label":"s"}],"tool_choice":{"type":"mcp","server_label":"s"}}`)
	if body, _ := mustAppend(t, own, neutral.Target{}); !strings.Contains(body, `"tools":[{"type":"mcp","server_label":"s"}],"tool_choice":{"type":"mcp"}`) {
		t.Error(body)
	}
}

func TestEdge048_AllowedTools(t *testing.T) {
	const choice = `{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"},{"type":"custom","name":"c"}]}`
	q := mustRead(t, `{"model":"m","input":"x","tools":[{"type":"function","name":"f"},{"type":"custom","name":"c"}],"tool_choice":`+choice+`}`)
	if body, _ := mustAppend(t, q, neutral.Target{}); !strings.Contains(body, `"tool_choice":`+choice) {
		t.Error(body)
	}
}

func TestEdge050_NoTools(t *testing.T) {
	q := mustRead(t, `{"model":"m","input":"x","tools":[],"tool_choice":"auto","parallel_tool_calls":true}`)
	if body, _ := mustAppend(t, q, neutral.Target{}); strings.Contains(body, "tool") {
		t.Error(body)
	}
}

// Without storage reasoning goes sealed, and nothing has an id that the
// provider would look for.
func TestEdge162_StatelessReasoning(t *testing.T) {
	q := mustRead(t, `{"model":"m","store":false,"input":[{"role":"user","content":"x"},
		{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"e"},{"type":"reasoning","id":"rs_2","summary":[{"type":"summary_text","text":"unsealed"}]},
		{"type":"web_search_call","id":"ws_1","status":"completed"},
		{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"y"}]},{"role":"user","content":"z"}]}`)
	body, _ := mustAppend(t, q, neutral.Target{Model: "m", Traits: neutral.Traits{Thinking: "effort"}})
	if strings.Contains(body, `"id"`) || strings.Contains(body, "unsealed") ||
		!strings.Contains(body, `{"type":"reasoning","summary":[],"encrypted_content":"e"}`) ||
		!strings.Contains(body, `"include":["reasoning.encrypted_content"]`) || !strings.Contains(body, `"store":false`) {
		t.Error(body)
	}
	plain, _ := mustAppend(t, q, neutral.Target{Model: "m"})
	if strings.Contains(plain, "include") { // such models refuse it
		t.Error(plain)
	}
}

// Thinking and seals of other providers stay behind.
func TestEdge159_ForeignThinking(t *testing.T) {
	q := mustRead(t, `{"model":"m","input":[{"role":"user","content":"x"},
		{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"elsewhere"}],"encrypted_content":"gw1.t.anthropic.SIG"},
		{"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"gw1.c.gemini.CALL"},
		{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"y"}],
		"tools":[{"type":"function","name":"f"}]}`)
	blocks := q.Turns[1].Blocks
	if len(blocks) != 2 || blocks[0].Origin != "anthropic" || string(blocks[0].Signature) != "SIG" ||
		blocks[1].Origin != "gemini" || string(blocks[1].Signature) != "CALL" {
		t.Fatalf("%+v", blocks)
	}
	body, _ := mustAppend(t, q, neutral.Target{Model: "m", Traits: neutral.Traits{Thinking: "effort"}})
	for _, secret := range []string{"elsewhere", "SIG", "CALL"} {
		if strings.Contains(body, secret) {
			t.Errorf("%s is sent: %s", secret, body)
		}
	}
	if !strings.Contains(body, `"function_call","call_id":"c"`) {
		t.Error(body)
	}
}

func TestEdge068_ReasoningModel(t *testing.T) {
	q := mustRead(t, `{"model":"m","input":"x","temperature":0.5,"top_p":0.5,"top_logprobs":2,"reasoning":{"effort":"minimal"}}`)
	body, drops := mustAppend(t, q, neutral.Target{Model: "m", Traits: neutral.Traits{Sampling: "reasoning", Thinking: "effort"}})
	if diff := cmp.Diff(neutral.Drops{"temperature", "top_p", "top_logprobs", "logprobs"}, drops); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(body, `"reasoning":{"effort":"low"}`) {
		t.Error(body)
	}
}

func TestSmallLimits(t *testing.T) {
	f := func(limit, want string, drops ...string) {
		t.Helper()
		body, got := mustAppend(t, &neutral.Request{Turns: []neutral.Turn{user("x")}, MaxTokens: []byte(limit)}, neutral.Target{})
		if !strings.Contains(body, `"max_output_tokens":`+want+`,`) {
			t.Errorf("%s: %s", limit, body)
		}
		if diff := cmp.Diff(neutral.Drops(drops), got); diff != "" {
			t.Error(diff)
		}
	}
	f("1", "16", "max_completion_tokens")
	f("15", "16", "max_completion_tokens")
	f("16", "16")
	f("0", "0")     // the provider says what is wrong with it
	f("1.5", "1.5") // and here
}

func TestReasoningSummary(t *testing.T) {
	f := func(r neutral.Reasoning, want string) {
		t.Helper()
		r.Set = true
		body, _ := mustAppend(t, &neutral.Request{Turns: []neutral.Turn{user("x")}, Reasoning: r}, neutral.Target{Traits: neutral.Traits{Thinking: "effort"}})
		if !strings.Contains(body, want) {
			t.Errorf("%+v: %s", r, body)
		}
	}
	f(neutral.Reasoning{Effort: "high"}, `"reasoning":{"effort":"high"},`)
	f(neutral.Reasoning{Budget: 2048}, `"reasoning":{"effort":"medium","summary":"auto"},`)
	f(neutral.Reasoning{Adaptive: true, Summary: "summarized"}, `"summary":"auto"}`)
	f(neutral.Reasoning{Effort: "low", Summary: "omitted"}, `"reasoning":{"effort":"low"},`)
}

func TestEdge042_LongCallIDs(t *testing.T) {
	id := strings.Repeat("x", 80)
	q := &neutral.Request{
		Turns: []neutral.Turn{
			{Role: neutral.Assistant, Blocks: []neutral.Block{{Kind: neutral.ToolUse, ID: id, Name: "f"}}},
			{Role: neutral.User, Blocks: []neutral.Block{{Kind: neutral.ToolResult, ID: id, Content: textBlocks("y")}}},
		},
		Tools: []neutral.Tool{{Name: "f"}},
	}
	body, _ := mustAppend(t, q, neutral.Target{})
	_, rest, _ := strings.Cut(body, `"call_id":"`)
	short, _, _ := strings.Cut(rest, `"`)
	if len(short) > 64 || strings.Count(body, `"call_id":"`+short+`"`) != 2 {
		t.Error(body)
	}
	if !strings.Contains(body, `"arguments":"{}"`) {
		t.Error(body)
	}
}

func TestEdge051_ToolNames(t *testing.T) {
	q := &neutral.Request{Turns: []neutral.Turn{user("x")}, Tools: []neutral.Tool{{Name: "a.b/c"}}, Choice: neutral.ToolChoice{Mode: neutral.ChoiceNamed, Names: []string{"a.b/c"}}}
	body, _ := mustAppend(t, q, neutral.Target{})
	alias := neutral.NewNames(q, maxName).Out("a.b/c")
	if strings.Count(body, `"name":"`+alias+`"`) != 2 {
		t.Error(body)
	}
}

// A call without its result would be refused: it gets one.
func TestEdge019_MissingResult(t *testing.T) {
	q := mustRead(t, `{"model":"m","input":[{"role":"user","content":"x"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"role":"user","content":"y"}],"tools":[{"type":"function","name":"f"}]}`)
	if body, _ := mustAppend(t, q, neutral.Target{}); !strings.Contains(body, `"function_call_output","call_id":"c"`) {
		t.Error(body)
	}
}

// TestContextManagement sends the field in the form of this API only: Anthropic
// has another one under the same name.
func TestContextManagement(t *testing.T) {
	f := func(raw string, want neutral.Drops) {
		t.Helper()
		q := &neutral.Request{Turns: []neutral.Turn{user("a")}, Extra: []neutral.Member{{Name: "context_management", Raw: []byte(raw)}}}
		body, drops, err := New().AppendRequest(nil, q, &neutral.Target{Model: "m"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, drops); diff != "" || strings.Contains(string(body), raw) == (want != nil) {
			t.Errorf("%s became %s: %s", raw, body, diff)
		}
	}
	f(`[{"type":"compaction"}]`, nil)
	f(`{"edits":[]}`, neutral.Drops{"context_management"})
}
