package azure

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/translate/openai"
)

const stream = `data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}

data: {"choices":[{"content_filter_results":{},"delta":{"content":"","role":"assistant"},"finish_reason":null,"index":0}],"created":7,"id":"chatcmpl-1","model":"gpt","object":"chat.completion.chunk"}

data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":null,"index":0}],"created":7,"id":"chatcmpl-1","model":"gpt"}

data: {"choices":[{"content_filter_offsets":{"check_offset":1},"content_filter_results":{},"finish_reason":null,"index":0}],"created":0,"id":"","model":""}

data: {"choices":[{"delta":{},"finish_reason":"stop","index":0}],"created":7,"id":"chatcmpl-1","model":"gpt"}

data: [DONE]

`

func TestEdge109_FirstChunkHasNoID(t *testing.T) {
	d := New(openai.New())
	decoder := d.NewDecoder(translate.OpChat)
	events, taken, err := decoder.Feed(nil, []byte(stream))
	if err != nil || taken != len(stream) {
		t.Fatalf("%v after %d bytes", err, taken)
	}
	var c neutral.Collector
	for i := range events {
		c.Add(&events[i])
	}
	want := neutral.Reply{ID: "chatcmpl-1", Model: "gpt", Created: 7, Choices: []neutral.Choice{{
		Blocks: []neutral.Block{{Kind: neutral.Text, Text: []byte("Hi"), Origin: "openai"}}, Finish: neutral.FinishStop, Native: "stop",
	}}}
	if diff := cmp.Diff(want, c.Reply); diff != "" {
		t.Error(diff)
	}
	var e translate.StreamEvent
	if d.ReadEvent([]byte(`{"choices":[],"id":"","model":"","prompt_filter_results":[]}`), &e); e.Kind != translate.EventData || e.Content {
		t.Errorf("in passing: %+v", e)
	}
}

func TestEdge141_ContentFilterThroughOpenAI(t *testing.T) {
	d := New(openai.New())
	e := d.ReadError(400, []byte(filterBody))
	if e.Code != translate.ProviderRejected || e.Status != 400 || e.Reason != "content_filter" || string(e.Body) != filterBody {
		t.Errorf("%+v", e)
	}
}
