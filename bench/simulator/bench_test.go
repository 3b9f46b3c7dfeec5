package simulator

import (
	"strings"
	"testing"
	"time"
)

func TestBench_Body(t *testing.T) {
	c := dial(t, start(t, Config{}))
	for model, size := range map[string]int{"bench-1k": 1 << 10, "bench-32k": 32 << 10, "bench-1m": 1 << 20, "bench-900": 900} {
		for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
			for _, faults := range []string{"", "!ok"} { // prebuilt, and made for the occasion
				c.request(post(path, chatBody(model+faults, `,"max_tokens":9`)))
				_, body := c.ok()
				if len(body) != size {
					t.Errorf("%s %s has %d bytes", path, model+faults, len(body))
				}
				has(t, body, `"model":"`+model+`"`)
			}
		}
	}
	for _, model := range []string{"bench-", "bench-x", "bench-0k", "bench--1k", "bench-65m", "bench-stream-", "bench-stream-5", "bench-stream-0x5", "bench-stream-5x5-2s", "bench-stream-2000000x5"} {
		c.chat(model, "")
		if r, body, _ := c.response(); r.StatusCode != 404 {
			t.Errorf("%s: got %d %s", model, r.StatusCode, body)
		}
	}
}

func TestBench_Stream(t *testing.T) {
	c := dial(t, start(t, Config{}))
	ask := func(path, model, more string) string {
		c.request(post(path, chatBody(model, more)))
		_, body := c.ok()
		return body
	}
	const chat, messages, usage = "/v1/chat/completions", "/v1/messages", `,"stream":true,"stream_options":{"include_usage":true}`
	began := time.Now()
	got := ask(chat, "bench-stream-30x64-5ms", "")
	if d := time.Since(began); d < 150*time.Millisecond {
		t.Errorf("took %v", d)
	}
	if events(got) != 30 || len(joined(got)) != 30*64 || !strings.HasSuffix(got, "data: [DONE]\n\n") {
		t.Errorf("got %d events: %s", events(got), brief(got))
	}
	hasNot(t, got, `"usage"`)
	got = ask(chat, "bench-stream-30x64", usage)
	has(t, got, `"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":30`, `"usage":null`)
	if made := ask(chat, "bench-stream-30x64!ok", usage); made != got {
		t.Errorf("prebuilt %s\nmade %s", brief(got), brief(made))
	}
	got = ask(messages, "bench-stream-30x64", "")
	if n := strings.Count(got, `"text_delta"`); n != 30 || !strings.HasSuffix(got, `{"type":"message_stop"}`+"\n\n") {
		t.Errorf("got %d events: %s", n, brief(got))
	}
	if made := ask(messages, "bench-stream-30x64!ok", ""); made != got {
		t.Errorf("prebuilt %s\nmade %s", brief(got), brief(made))
	}
}

// More names than are kept must not grow the memory.
func TestBenchCache_Bounded(t *testing.T) {
	var cache benchCache
	for i := range 3 * maxBenchmarks {
		if cache.get(openAI, []byte("bench-"+strings.Repeat("0", i)+"1")) == nil {
			t.Fatal("not made")
		}
	}
	if n := len(*cache.made[openAI].Load()); n > maxBenchmarks {
		t.Errorf("%d are kept", n)
	}
}

// round sends a request and reads an answer of known size.
func round(c *client, request, answer []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	for n := 0; n < len(answer); {
		m, err := c.Read(answer[n:])
		if err != nil {
			return err
		}
		n += m
	}
	return nil
}

func BenchmarkServer(b *testing.B) {
	f := func(name, model, end string) {
		b.Run(name, func(b *testing.B) {
			c := dial(b, start(b, Config{}))
			request := []byte(post("/v1/chat/completions", chatBody(model, "")))
			c.request(string(request))
			answer := make([]byte, len(c.until(end, 1)))
			b.SetBytes(int64(len(answer)))
			b.ReportAllocs()
			for b.Loop() {
				if err := round(c, request, answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	f("1k", "bench-1k", jsonEnd)
	f("stream", "bench-stream-100x64", "[DONE]\n\n\r\n"+chunkEnd)
	f("sim", "sim-l0", jsonEnd)
}
