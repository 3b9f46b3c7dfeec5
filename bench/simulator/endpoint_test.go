package simulator

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
)

func TestCompletion_SDK(t *testing.T) {
	client := sdk(start(t, Config{}))
	in := openai.CompletionNewParams{
		Model: "sim-l0", N: param.NewOpt(int64(2)), MaxTokens: param.NewOpt(int64(100)), Echo: param.NewOpt(true),
		Prompt: openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"One", "Two"}},
	}
	got, err := client.Completions.New(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	texts := make([]string, 4)
	for i, choice := range got.Choices {
		prompt := []string{"One", "One", "Two", "Two"}[i]
		if choice.Index != int64(i) || !strings.HasPrefix(choice.Text, prompt+"[simulated") || !strings.Contains(choice.Text, "You wrote: \""+prompt) {
			t.Errorf("choice %d: got %s", i, choice.RawJSON())
		}
		texts[i] = choice.Text
	}
	stream := client.Completions.NewStreaming(t.Context(), in)
	streamed := make([]string, 4)
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			streamed[choice.Index] += choice.Text
		}
	}
	if diff := cmp.Diff(texts, streamed); diff != "" || stream.Err() != nil {
		t.Errorf("%v\n%s", stream.Err(), diff)
	}
	in.MaxTokens = param.Opt[int64]{} // 16 is the default
	in.Echo = param.Opt[bool]{}
	if got, err = client.Completions.New(t.Context(), in); err != nil || got.Usage.CompletionTokens != 4*16 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestEmbedding_SDK(t *testing.T) {
	client := sdk(start(t, Config{}))
	in := openai.EmbeddingNewParams{
		Model: "sim-embed", Dimensions: param.NewOpt(int64(64)),
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"the red fox", "the red dog", "ten stone walls"}},
	}
	got, err := client.Embeddings.New(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	dot := func(a, b []float64) (sum float64) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	first, near, far := got.Data[0].Embedding, got.Data[1].Embedding, got.Data[2].Embedding
	if len(first) != 64 || math.Abs(dot(first, first)-1) > 1e-5 || dot(first, near) < dot(first, far)+0.2 {
		t.Errorf("%d dimensions, length %v, near %v, far %v", len(first), dot(first, first), dot(first, near), dot(first, far))
	}
	if got.Usage.PromptTokens != 9 || got.Data[2].Index != 2 {
		t.Errorf("got %s, index %d", got.Usage.RawJSON(), got.Data[2].Index)
	}
}

func TestEmbedding_Base64(t *testing.T) {
	c := dial(t, start(t, Config{}))
	vectors := func(more string) (string, []float32) {
		c.request(post("/v1/embeddings", `{"model":"sim-embed","input":"a b c","dimensions":8`+more+`}`))
		_, body := c.ok()
		var out struct {
			Data []struct{ Embedding json.RawMessage }
		}
		if err := json.Unmarshal([]byte(body), &out); err != nil {
			t.Fatal(err)
		}
		var floats []float32
		var text string
		if json.Unmarshal(out.Data[0].Embedding, &floats) == nil {
			return "", floats
		}
		if err := json.Unmarshal(out.Data[0].Embedding, &text); err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(raw); i += 4 {
			floats = append(floats, math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
		}
		return text, floats
	}
	_, want := vectors("")
	text, got := vectors(`,"encoding_format":"base64"`)
	if diff := cmp.Diff(want, got); diff != "" || text == "" || len(got) != 8 {
		t.Errorf("%q:\n%s", text, diff)
	}
	for _, input := range []string{`""`, `[]`, `[""]`, `{}`, `null`, `"x","dimensions":0`} {
		c.request(post("/v1/embeddings", `{"model":"sim-embed","input":`+input+`}`))
		if r, body, _ := c.response(); r.StatusCode != 400 {
			t.Errorf("%s: got %d %s", input, r.StatusCode, body)
		}
	}
	c.request(post("/v1/embeddings", `{"model":"sim-embed","input":[[1,2],[3]]}`))
	_, body := c.ok()
	has(t, body, `"index":1`, `"prompt_tokens":3`)
}

func TestModels_SDK(t *testing.T) {
	client := sdk(start(t, Config{Models: map[string]int{"gpt-4o": 2, "a/b": 1, "*": 0}}))
	page, err := client.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range page.Data {
		names = append(names, m.ID)
	}
	if diff := cmp.Diff([]string{"sim-l0", "sim-l1", "sim-l2", "sim-embed", "a/b", "gpt-4o"}, names); diff != "" {
		t.Error(diff)
	}
	if m, err := client.Models.Get(t.Context(), "a/b"); err != nil || m.ID != "a/b" {
		t.Errorf("got %v, %v", m, err)
	}
	client = sdk(start(t, Config{}))
	if _, err := client.Models.Get(t.Context(), "a/b"); err == nil {
		t.Error("unknown model is there")
	}
}

func TestMessage(t *testing.T) {
	c := dial(t, start(t, Config{}))
	ask := func(more string) string {
		t.Helper()
		c.request(post("/v1/messages", chatBody("sim-l0", more+`,"max_tokens":100`)))
		r, body, _ := c.response()
		if r.StatusCode != 200 {
			t.Fatalf("got %d %s", r.StatusCode, body)
		}
		return body
	}
	has(t, ask(""), `{"id":"msg_`, `"content":[{"type":"text","text":"[simulated sim-l0]`, `"stop_reason":"end_turn","stop_sequence":null`)
	has(t, ask(`,"stop_sequences":["-l0"]`), `"stop_reason":"stop_sequence","stop_sequence":"-l0"`)
	c.request(post("/v1/messages", chatBody("sim-l0", `,"max_tokens":1`)))
	_, short := c.ok()
	has(t, short, `"stop_reason":"max_tokens"`, `"output_tokens":1,`)
	has(t, ask(`,"output_config":{"format":{"type":"json_schema","schema":{"const":{"a":1}}}}`), `"text":"{\"a\":1}"`)
	const tools = `,"tools":[{"name":"f","input_schema":{"type":"object","properties":{"x":{"type":"integer"}}}},{"name":"grow","input_schema":{"type":"object"}}]`
	has(t, ask(tools+`,"tool_choice":{"type":"any"}`), `{"type":"tool_use","id":"toolu_`, `"name":"f","input":{"x":`, `"stop_reason":"tool_use"`)
	has(t, ask(tools+`,"tool_choice":{"type":"tool","name":"grow"}`), `"name":"grow"`)
	hasNot(t, ask(tools+`,"tool_choice":{"type":"none"}`), `tool_use`)

	// Text in the middle of a turn with a tool's result.
	c.request(post("/v1/messages", `{"model":"sim-l0","max_tokens":50,"system":[{"type":"text","text":"Be kind."}]`+tools+
		`,"messages":[{"role":"user","content":"f"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"It rains."}]}]}]}`))
	_, body := c.ok()
	has(t, body, "The tool returned: It rains.")
	c.request(post("/v1/messages/count_tokens", chatBody("sim-l0", "")))
	if _, body = c.ok(); body != `{"input_tokens":9}` {
		t.Errorf("got %s", body)
	}
}

func TestMessage_Stream(t *testing.T) {
	c := dial(t, start(t, Config{}))
	ask := func(more string) (names []string, text string) {
		t.Helper()
		c.request(post("/v1/messages", chatBody("sim-l0", `,"max_tokens":100,"stream":true`+more)))
		_, body := c.ok()
		for one := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
			name, data, ok := strings.Cut(strings.TrimPrefix(one, "event: "), "\ndata: ")
			var e struct {
				Type  string
				Delta struct {
					Text        string
					PartialJSON string `json:"partial_json"`
				}
			}
			if err := json.Unmarshal([]byte(data), &e); err != nil || !ok || e.Type != name {
				t.Fatalf("event %q", one)
			}
			text += e.Delta.Text + e.Delta.PartialJSON
			if len(names) == 0 || names[len(names)-1] != name {
				names = append(names, name)
			}
		}
		return names, text
	}
	order := []string{"message_start", "ping", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}
	names, text := ask("")
	if diff := cmp.Diff(order, names); diff != "" || !strings.HasPrefix(text, "[simulated sim-l0]") {
		t.Errorf("%q\n%s", text, diff)
	}
	names, text = ask(`,"tool_choice":{"type":"any"},"tools":[{"name":"f","input_schema":{"type":"object","properties":{"x":{"const":[1]}}}}]`)
	if diff := cmp.Diff(order, names); diff != "" || text != `{"x":[1]}` {
		t.Errorf("%q\n%s", text, diff)
	}
}

func TestMessage_Refused(t *testing.T) {
	c := dial(t, start(t, Config{}))
	f := func(raw string, status int, want string) {
		t.Helper()
		c.request(raw)
		r, body, _ := c.response()
		if r.StatusCode != status {
			t.Errorf("got %d %s", r.StatusCode, body)
		}
		has(t, body, `{"type":"error","error":{"type":"`+want)
	}
	f(post("/v1/messages", chatBody("sim-l0", "")), 400, `invalid_request_error","message":"max_tokens`)
	f(post("/v1/messages", chatBody("claude-9", `,"max_tokens":5`)), 404, `not_found_error`)
	f(post("/v1/messages", `{"model":"sim-l0","max_tokens":5}`), 400, `invalid_request_error","message":"messages`)
	f(strings.Replace(post("/v1/messages", chatBody("sim-l0", `,"max_tokens":5`)), "Anthropic-Version", "X-Other", 1), 400,
		`invalid_request_error","message":"anthropic-version`)
}
