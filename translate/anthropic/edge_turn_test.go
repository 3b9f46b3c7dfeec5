package anthropic

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// messagesOf returns the messages that turns become.
func messagesOf(t *testing.T, turns ...neutral.Turn) string {
	t.Helper()
	body, _ := send(t, ask(turns...), neutral.Target{})
	return at(t, body, "messages")
}

func TestEdge001_SystemBlocks(t *testing.T) {
	q := hello()
	q.System = []neutral.Block{text("a"), text("b")}
	body, _ := send(t, q, neutral.Target{})
	same(t, "system", at(t, body, "system"), `[{"type":"text","text":"a"},{"type":"text","text":"b"}]`)
}

func TestEdge002_MidSystem(t *testing.T) {
	system := neutral.Turn{Role: neutral.System, Blocks: []neutral.Block{text("now in verse")}}
	f := func(want bool, target neutral.Target, turns ...neutral.Turn) {
		t.Helper()
		body, _ := send(t, ask(turns...), target)
		if got := strings.Contains(body, `"role":"system"`); got != want || strings.Contains(body, `"system":`) {
			t.Errorf("system turn is %v, want %v: %s", got, want, body)
		}
		if !strings.Contains(body, "now in verse") {
			t.Errorf("lost: %s", body)
		}
	}
	first := neutral.Target{Traits: neutral.Traits{System: "first"}}
	f(true, neutral.Target{}, user(text("a")), system)
	f(true, neutral.Target{}, user(text("a")), system, assistant(text("b")), user(text("c")))
	f(false, neutral.Target{}, user(text("a")), assistant(text("b")), system, user(text("c")))
	f(false, first, user(text("a")), system)
}

func TestEdge004_OnlySystem(t *testing.T) {
	q := ask()
	q.System = []neutral.Block{text("a"), text("b")}
	body, _ := send(t, q, neutral.Target{})
	same(t, "system", at(t, body, "system"), `"a"`)
	same(t, "messages", at(t, body, "messages"), `[{"role":"user","content":[{"type":"text","text":"b"}]}]`)
}

func TestEdge005_NoMessages(t *testing.T) {
	_, err := readRequest(translate.OpMessages, `{"model":"m","max_tokens":1,"messages":[]}`)
	if err == nil || err.Param != "messages" {
		t.Error(err)
	}
}

// TestEdge007_AssistantFirst: recorded exchanges show that the API takes it.
func TestEdge007_AssistantFirst(t *testing.T) {
	same(t, "messages", messagesOf(t, assistant(text("hello")), user(text("hi"))),
		`[{"role":"assistant","content":[{"type":"text","text":"hello"}]},{"role":"user","content":[{"type":"text","text":"hi"}]}]`)
}

func TestEdge008_Prefill(t *testing.T) {
	same(t, "messages", messagesOf(t, user(text("a")), assistant(text("The answer is \n"))),
		`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"text","text":"The answer is"}]}]`)
}

func TestEdge009_EmptyTextBesideCall(t *testing.T) {
	got := messagesOf(t, user(text("a")), assistant(text(""), toolUse("a", "{}")), user(result("a", text("r"))))
	same(t, "content", at(t, got, 1, "content"), `[{"type":"tool_use","id":"a","name":"f","input":{}}]`)
}

func TestEdge010_EmptyTurn(t *testing.T) {
	same(t, "messages", messagesOf(t, user(text("a")), assistant(), user(text("b"))),
		`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`)
}

func TestEdge012_BlankBlocks(t *testing.T) {
	same(t, "messages", messagesOf(t, user(text("a"), text(" \n"), text("b"))),
		`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`)
}

func TestEdge016_ResultWithImage(t *testing.T) {
	picture := neutral.Block{Kind: neutral.Image, Media: neutral.Media{Data: []byte(image)}}
	got := messagesOf(t, user(text("a")), assistant(toolUse("a", "")), user(result("a", text("see"), picture)))
	same(t, "result", at(t, got, 2, "content", 0, "content"),
		`[{"type":"text","text":"see"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"`+image+`"}}]`)
	q := request(t, `{"model":"m","max_tokens":1,"messages":`+got+`}`)
	if diff := cmp.Diff("image/png", q.Turns[2].Blocks[0].Content[1].Media.MIME); diff != "" {
		t.Error(diff)
	}
}

func TestEdge017_ResultsInOneTurn(t *testing.T) {
	got := messagesOf(t, user(text("x")), assistant(toolUse("a", ""), toolUse("b", "")),
		user(result("a")), user(result("b")), user(text("go on")))
	same(t, "turns", at(t, got, 3), "")
	same(t, "content", at(t, got, 2, "content"),
		`[{"type":"tool_result","tool_use_id":"a"},{"type":"tool_result","tool_use_id":"b"},{"type":"text","text":"go on"}]`)
}

func TestEdge018_ResultOrder(t *testing.T) {
	got := messagesOf(t, user(text("x")), assistant(toolUse("a", ""), toolUse("b", "")), user(result("b"), text("go on"), result("a")))
	same(t, "content", at(t, got, 2, "content"),
		`[{"type":"tool_result","tool_use_id":"a"},{"type":"tool_result","tool_use_id":"b"},{"type":"text","text":"go on"}]`)
}

func TestEdge019_MissingResult(t *testing.T) {
	got := messagesOf(t, user(text("x")), assistant(toolUse("a", "")), user(text("never mind")))
	same(t, "is_error", at(t, got, 2, "content", 0, "is_error"), "true")
	same(t, "id", at(t, got, 2, "content", 0, "tool_use_id"), `"a"`)
}

func TestEdge020_OrphanResult(t *testing.T) {
	got := messagesOf(t, user(result("gone", text("42"))))
	if strings.Contains(got, "tool_result") || !strings.Contains(got, "42") {
		t.Error(got)
	}
}

func TestEdge025_Refusal(t *testing.T) {
	got := messagesOf(t, user(text("a")), assistant(neutral.Block{Kind: neutral.Refusal, Text: []byte("no")}), user(text("b")))
	same(t, "content", at(t, got, 1, "content"), `[{"type":"text","text":"no"}]`)
}

func TestEdge029_Detail(t *testing.T) {
	q := ask(user(neutral.Block{Kind: neutral.Image, Media: neutral.Media{URL: "https://x/y.png", Detail: "high"}}))
	body, drops := send(t, q, neutral.Target{})
	same(t, "source", at(t, body, "messages", 0, "content", 0, "source"), `{"type":"url","url":"https://x/y.png"}`)
	if diff := cmp.Diff(neutral.Drops{"messages[].content[].image_url.detail"}, drops); diff != "" {
		t.Error(diff)
	}
}

func TestEdge030_EmptyArguments(t *testing.T) {
	for _, arguments := range []string{"", "  ", "null"} { // and edge case 31
		got := messagesOf(t, user(text("x")), assistant(toolUse("a", arguments)), user(result("a")))
		same(t, "input", at(t, got, 1, "content", 0, "input"), "{}")
	}
}

func TestEdge034_InvalidArguments(t *testing.T) {
	f := func(arguments, want string) {
		t.Helper()
		got := messagesOf(t, user(text("x")), assistant(toolUse("a", arguments)), user(result("a")))
		same(t, arguments, at(t, got, 1, "content", 0, "input"), want)
	}
	f(`{"a":`, `{"_raw":"{\"a\":"}`)
	f(`[1]`, `{"value":[1]}`)
	f(`{"b":1e400,"a":12345678901234567890}`, `{"b":1e400,"a":12345678901234567890}`) // and edge cases 83, 84
}

func TestEdge042_CallIDs(t *testing.T) {
	got := messagesOf(t, user(text("x")), assistant(toolUse("call:1/é", "")), user(result("call:1/é")))
	use, answer := at(t, got, 1, "content", 0, "id"), at(t, got, 2, "content", 0, "tool_use_id")
	if use != answer || strings.ContainsAny(use, ":/é") {
		t.Errorf("%s and %s", use, answer)
	}
}

func TestEdge093_DataVariants(t *testing.T) {
	f := func(mime, data, wantMIME string) {
		t.Helper()
		q := request(t, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"`+mime+`","data":"`+data+`"}}]}]}`)
		m := q.Turns[0].Blocks[0].Media
		if m.MIME != wantMIME || string(m.Data) != image {
			t.Errorf("%s: %s %s", mime, m.MIME, m.Data)
		}
	}
	f("image/png", image, "image/png")
	f("IMAGE/PNG", image[:20]+`\n`+image[20:], "image/png")
	f("image/jpeg", strings.TrimRight(image, "="), "image/png") // and edge case 94
}

func TestEdge095_ImageTypes(t *testing.T) {
	_, _, err := New().AppendRequest(nil, ask(user(neutral.Block{
		Kind: neutral.Image, Media: neutral.Media{Data: []byte("PHN2ZyB4bWxucz0iIi8+"), MIME: "image/png"},
	})), &neutral.Target{Model: "m"})
	if err == nil || err.Code != translate.CallerUnsupported || !strings.Contains(err.Message, "image/svg+xml") {
		t.Error(err)
	}
}

func TestEdge096_URLs(t *testing.T) {
	q := ask(user(neutral.Block{Kind: neutral.Image, Media: neutral.Media{URL: "https://x/y.png"}}))
	_, _, err := New().AppendRequest(nil, q, &neutral.Target{Model: "m", Traits: neutral.Traits{NoURLs: true}})
	if err == nil || err.Code != translate.CallerUnsupported {
		t.Error(err)
	}
}

func TestEdge153_Breakpoints(t *testing.T) {
	marked := func(s string) neutral.Block {
		b := text(s)
		b.Breakpoint = neutral.Breakpoint{Set: true, TTL: "1h"}
		return b
	}
	thought := neutral.Block{Kind: neutral.Thinking, Signature: []byte("s"), Origin: name, Breakpoint: neutral.Breakpoint{Set: true}}
	q := ask(user(marked("a"), marked("b"), marked(" ")), assistant(thought, marked("c")), user(marked("d"), marked("e")))
	body, drops := send(t, q, neutral.Target{})
	const mark = `"cache_control":{"type":"ephemeral","ttl":"1h"}`
	if n := strings.Count(body, mark); n != 4 || strings.Count(body, "cache_control") != 4 || strings.Contains(body, `"a",`+mark) {
		t.Errorf("%d marks: %s", n, body)
	}
	if diff := cmp.Diff(neutral.Drops{"cache_control"}, drops); diff != "" {
		t.Error(diff)
	}
	body, _ = send(t, q, neutral.Target{Traits: neutral.Traits{Refuses: []string{"cache_control.ttl"}}}) // edge case 152
	if strings.Contains(body, "1h") || strings.Count(body, `"cache_control":{"type":"ephemeral"}`) != 4 {
		t.Error(body)
	}
}

func TestEdge159_ForeignThinking(t *testing.T) {
	thought := neutral.Block{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("s"), Origin: "gemini"}
	got := messagesOf(t, user(text("x")), assistant(thought, toolUse("a", "")), user(result("a")))
	same(t, "content", at(t, got, 1, "content"), `[{"type":"tool_use","id":"a","name":"f","input":{}}]`)
}
