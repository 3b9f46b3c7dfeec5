package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// attaching are the routes that take a conversation, with a turn in the shape
// of each. The first message has an image where the route knows them.
var attaching = []struct {
	name, path string
	body       func(id, text string, image, stream bool) string
}{
	{"chat", "/v1/chat/completions", func(id, text string, image, stream bool) string {
		content := fmt.Sprintf("%q", text)
		if image {
			content = fmt.Sprintf(`[{"type":"text","text":%q},{"type":"image_url","image_url":{"url":%q}}]`, text, onePixel)
		}
		return fmt.Sprintf(`{"model":"L0","conversation_id":%q,"stream":%t,"messages":[{"role":"user","content":%s}]}`, id, stream, content)
	}},
	{"responses", "/v1/responses", func(id, text string, image, stream bool) string {
		content := fmt.Sprintf("%q", text)
		if image {
			content = fmt.Sprintf(`[{"type":"input_text","text":%q},{"type":"input_image","image_url":%q}]`, text, onePixel)
		}
		return fmt.Sprintf(`{"model":"L0","conversation_id":%q,"stream":%t,"input":[{"role":"user","content":%s}]}`, id, stream, content)
	}},
	{"messages", "/v1/messages", func(id, text string, image, stream bool) string {
		content := fmt.Sprintf("%q", text)
		if image {
			_, data, _ := strings.Cut(onePixel, ",")
			content = fmt.Sprintf(`[{"type":"text","text":%q},{"type":"image","source":{"type":"base64","media_type":"image/png","data":%q}}]`, text, data)
		}
		return fmt.Sprintf(`{"model":"L0","max_tokens":100,"conversation_id":%q,"stream":%t,"messages":[{"role":"user","content":%s}]}`, id, stream, content)
	}},
	{"native", "/v1/chat", func(id, text string, _, stream bool) string {
		return fmt.Sprintf(`{"conversationId":%q,"message":%q,"stream":%t}`, id, text, stream)
	}},
}

const onePixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="

// TestAttach takes a turn on each route and goes on with it on each other one,
// streamed and not: what was said before is there, images included.
func TestAttach(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		sim := startSimulator(t, simulator.Config{})
		g := b.start(t, config("cache: {response: {enabled: false}}\n", sim.URL()+"/v1"))
		for _, first := range attaching {
			for _, second := range attaching {
				for _, stream := range []bool{false, true} {
					id := fmt.Sprint(first.name, "-", second.name, "-", stream)
					image := first.name != "native"
					if r := g.post(first.path, first.body(id, "The code word is zebra.", image, stream)); r.status != 200 || r.header.Get("X-Conversation-Id") != id {
						t.Fatalf("%s: %d %v %s", id, r.status, r.header, r.body)
					}
					if n := g.context(id).Get("messageCount").Int(); n != 2 {
						t.Errorf("%s: %d messages after the first turn", id, n)
					}
					if r := g.post(second.path, second.body(id, "What is it?", false, stream)); r.status != 200 {
						t.Fatalf("%s: %d %s", id, r.status, r.body)
					}
					seen := sim.Seen()
					body := string(seen[len(seen)-1].Body)
					if gjson.Get(body, "messages.#").Int() != 3 || !strings.Contains(gjson.Get(body, "messages.0.content").Raw, "The code word is zebra.") || !strings.Contains(body, "What is it?") || !strings.Contains(body, "[simulated") ||
						image != strings.Contains(body, "iVBORw0KGgo") || strings.Contains(body, "conversation_id") {
						t.Errorf("%s: %s", id, body)
					}
					got := g.context(id)
					if got.Get("messageCount").Int() != 4 || got.Get("recentMessages.1.role").Str != "assistant" || !strings.HasPrefix(got.Get("recentMessages.3.content").Str, "[simulated") {
						t.Errorf("%s: %s", id, got.Raw)
					}
				}
			}
		}
	})
}

// TestAttach_Tools keeps a call and its result together, for a client that sends
// its history again and for one that does not.
func TestAttach_Tools(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		sim := startSimulator(t, simulator.Config{})
		g := b.start(t, config("cache: {response: {enabled: false}}\n", sim.URL()+"/v1"))
		const tools = `"tools":[{"type":"function","function":{"name":"look_up","parameters":{"type":"object","properties":{}}}}]`
		for _, resend := range []bool{false, true} {
			id := fmt.Sprint("tools-", resend)
			ask := `{"role":"user","content":"Please look_up the word."}`
			r := g.post("/v1/chat/completions", fmt.Sprintf(`{"model":"L0","conversation_id":%q,%s,"messages":[%s]}`, id, tools, ask))
			call := gjson.Get(r.body, "choices.0.message").Raw
			callID := gjson.Get(call, "tool_calls.0.id").Str
			if callID == "" {
				t.Fatalf("%s", r.body)
			}
			messages := fmt.Sprintf(`{"role":"tool","tool_call_id":%q,"content":"zebra"}`, callID)
			if resend {
				messages = ask + "," + call + "," + messages
			}
			if r := g.post("/v1/chat/completions", fmt.Sprintf(`{"model":"L0","conversation_id":%q,%s,"messages":[%s]}`, id, tools, messages)); r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			seen := sim.Seen()
			sent := gjson.GetBytes(seen[len(seen)-1].Body, "messages").Array()
			if len(sent) != 3 || sent[1].Get("tool_calls.0.id").Str != callID || sent[2].Get("tool_call_id").Str != callID {
				t.Errorf("%s", seen[len(seen)-1].Body)
			}
			if n := g.context(id).Get("messageCount").Int(); n != 4 {
				t.Errorf("resend %v: %d messages, want 4", resend, n)
			}
		}
	})
}

// TestAttach_Cut has a stream cut by the provider, and by the client: what came
// is stored as incomplete.
func TestAttach_Cut(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		sim := startSimulator(t, simulator.Config{})
		g := b.start(t, config("cache: {response: {enabled: false}}\n", sim.URL()+"/v1"))
		for _, route := range attaching {
			id := "provider-" + route.name
			g.post(route.path, route.body(id, "Tell me. [sim tokens=40,fin-mid-stream=20]", false, true))
			wantIncomplete(t, g, id)

			id = "client-" + route.name
			ctx, leave := context.WithCancel(t.Context())
			r, err := g.send(ctx, route.path, route.body(id, "Tell me. [sim tokens=200,chunk-delay=20ms]", false, true))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r.Body, make([]byte, 2000)); err != nil {
				t.Errorf("%s: %v", id, err)
			}
			leave()
			_ = r.Body.Close()
			wantIncomplete(t, g, id)
		}
	})
}

func wantIncomplete(t *testing.T, g *instance, id string) {
	t.Helper()
	var got gjson.Result
	if !poll(20*time.Second, func() bool {
		got = g.context(id)
		return got.Get("messageCount").Int() == 2
	}) || !got.Get("recentMessages.1.incomplete").Bool() || got.Get("recentMessages.1.content").Str == "" {
		t.Errorf("%s: %s", id, got.Raw)
	}
}
