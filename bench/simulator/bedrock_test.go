package simulator

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const bedrockPath = "/model/sim-l0/converse"

func bedrockAsk(text, more string) string {
	return `{"messages":[{"role":"user","content":[{"text":"` + text + `"}]}]` + more + `}`
}

const bedrockTools = `,"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}}}}}},{"toolSpec":{"name":"get_time","inputSchema":{"json":{"type":"object"}}}}]}`

func TestConverse(t *testing.T) {
	c := dial(t, start(t, Config{}))
	f := func(body string, want ...string) {
		t.Helper()
		c.request(post(bedrockPath, body))
		_, got := c.ok()
		if !json.Valid([]byte(got)) {
			t.Errorf("no JSON: %s", got)
		}
		has(t, got, want...)
	}
	f(bedrockAsk("Hello", ""), `"output":{"message":{"content":[{"text":"[simulated sim-l0]`, `"role":"assistant"}}`, `"stopReason":"end_turn"`, `"inputTokens":`)
	f(bedrockAsk("Hello", `,"inferenceConfig":{"maxTokens":2}`), `"stopReason":"max_tokens"`, `"outputTokens":2`)
	f(bedrockAsk("Hello", `,"inferenceConfig":{"stopSequences":["-l0"]}`), `{"text":"[simulated sim"}`, `"stop_sequence"`)
	f(bedrockAsk("get_weather, get_time", bedrockTools), `{"toolUse":{"input":{"city":`, `"name":"get_time","toolUseId":"tooluse_`, `"stopReason":"tool_use"`)
	f(bedrockAsk("Hello", strings.Replace(bedrockTools, `"tools"`, `"toolChoice":{"tool":{"name":"get_time"}},"tools"`, 1)), `"name":"get_time"`)
	f(bedrockAsk("Hello", `,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"const\":{\"a\":1}}"}}}}`), `{"text":"{\"a\":1}"}`)
	f(bedrockAsk("Hello", `,"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":1024}}`), `{"reasoningContent":{"reasoningText":{"signature":"`, `"text":"Let me think`)
	f(bedrockAsk("[sim cached-tokens=90]", ""), `"cacheReadInputTokens":90`, `"inputTokens":0,`)
	f(bedrockAsk("[sim refusal]", ""), `"stopReason":"content_filtered"`)
	f(bedrockAsk("[sim filter]", ""), `"stopReason":"guardrail_intervened"`)
	f(`{"messages":[{"role":"user","content":[{"text":"x"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"a","name":"get_time","input":{}}}]},`+
		`{"role":"user","content":[{"toolResult":{"toolUseId":"a","content":[{"text":"noon"},{"image":{"format":"png","source":{"bytes":"AA=="}}}]}}]}]`+bedrockTools+`}`,
		"(images: 1, files: 0) The tool returned: noon")
	c.request(post("/model/sim-l0%21tokens%3D3/converse", bedrockAsk("x", "")))
	_, got := c.ok()
	has(t, got, `"outputTokens":3`)
}

// frame is one message of an event stream, read by the letter of its specification.
type frame struct {
	Kind, Name string
	Payload    string
}

func frames(t *testing.T, stream string) (all []frame) {
	t.Helper()
	b := []byte(stream)
	for len(b) > 0 {
		total, head := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		if int(total) > len(b) {
			t.Fatalf("a frame of %d bytes, %d are there", total, len(b))
		}
		one := b[:total]
		if crc32.ChecksumIEEE(one[:8]) != binary.BigEndian.Uint32(one[8:]) || crc32.ChecksumIEEE(one[:total-4]) != binary.BigEndian.Uint32(one[total-4:]) {
			t.Fatalf("wrong checksum in %q", one)
		}
		headers := map[string]string{}
		for h := one[12 : 12+head]; len(h) > 0; {
			name := string(h[1 : 1+h[0]])
			h = h[1+h[0]:]
			size := binary.BigEndian.Uint16(h[1:])
			if h[0] != 7 {
				t.Fatalf("header %s has type %d", name, h[0])
			}
			headers[name], h = string(h[3:3+size]), h[3+size:]
		}
		f := frame{headers[":message-type"], headers[":event-type"] + headers[":exception-type"], string(one[12+head : total-4])}
		if !json.Valid([]byte(f.Payload)) || headers[":content-type"] != "application/json" {
			t.Fatalf("got %q, %v", f.Payload, headers)
		}
		all, b = append(all, f), b[total:]
	}
	return all
}

func TestConverse_Stream(t *testing.T) {
	c := dial(t, start(t, Config{}))
	ask := func(body string) (names []string, text string) {
		t.Helper()
		c.request(post("/model/sim-l0/converse-stream", body))
		r, got := c.ok()
		if r.Header.Get("Content-Type") != "application/vnd.amazon.eventstream" {
			t.Errorf("got %v", r.Header)
		}
		for _, f := range frames(t, got) {
			var e struct {
				Delta struct {
					Text             string
					ToolUse          struct{ Input string }
					ReasoningContent struct{ Text string }
				}
				P string
			}
			if err := json.Unmarshal([]byte(f.Payload), &e); err != nil || e.P == "" || f.Kind != "event" {
				t.Fatalf("%v: %+v", err, f)
			}
			text += e.Delta.Text + e.Delta.ToolUse.Input + e.Delta.ReasoningContent.Text
			if len(names) == 0 || names[len(names)-1] != f.Name {
				names = append(names, f.Name)
			}
		}
		return names, text
	}
	names, text := ask(bedrockAsk("Hello", ""))
	if diff := cmp.Diff([]string{"messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}, names); diff != "" {
		t.Error(diff)
	}
	has(t, text, "[simulated sim-l0] You wrote")
	names, text = ask(bedrockAsk("get_weather", bedrockTools+`,"additionalModelRequestFields":{"thinking":{"type":"adaptive"}}`))
	if diff := cmp.Diff([]string{
		"messageStart", "contentBlockDelta", "contentBlockStop", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata",
	}, names); diff != "" {
		t.Error(diff)
	}
	has(t, text, `Let me think`, `{"city":"`)
}

func TestConverse_StreamFaults(t *testing.T) {
	c := dial(t, start(t, Config{}))
	c.request(post("/model/sim-l0!error-event=3,error-type=ThrottlingException/converse-stream", bedrockAsk("Hello", "")))
	_, got := c.ok()
	all := frames(t, got)
	if diff := cmp.Diff(frame{"exception", "throttlingException", `{"message":"the stream failed (simulated)"}`}, all[len(all)-1]); diff != "" || len(all) != 4 {
		t.Errorf("%d frames: %s", len(all), diff)
	}
	c.request(post("/model/sim-l0!bad-event=0/converse-stream", bedrockAsk("Hello", "")))
	_, got = c.ok()
	size := binary.BigEndian.Uint32([]byte(got))
	if crc32.ChecksumIEEE([]byte(got[:size-4])) == binary.BigEndian.Uint32([]byte(got[size-4:])) {
		t.Error("the checksum is right")
	}
	frames(t, got[size:])
}

func TestConverse_Refused(t *testing.T) {
	s := start(t, Config{})
	f := wireRefuses(t, s, func(more string) string { return post(bedrockPath, bedrockAsk("Hi", more)) })
	f(`,"max_tokens":5`, 400, `{"message":"1 validation error detected: Value at 'max_tokens'`)
	f(`,"inferenceConfig":{"temperature":1.5}`, 400, "inferenceConfig.temperature")
	f(`,"inferenceConfig":{"topK":5}`, 400, "inferenceConfig.topK")
	f(`,"toolConfig":{"tools":[]}`, 400, "at least 1")
	f(strings.Replace(bedrockTools, `"name":"get_time"`, `"name":"get_time","description":""`, 1), 400, "description")
	f(strings.Replace(bedrockTools, `"tools"`, `"toolChoice":{"tool":{"name":"none"}},"tools"`, 1), 400, "not found")
	f(strings.Replace(bedrockTools, `"tools"`, `"toolChoice":{"none":{}},"tools"`, 1), 400, "toolChoice.none")
	const thinking = `,"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}},"inferenceConfig":`
	f(thinking+`{"maxTokens":2000}`, 400, "must be greater than")
	f(thinking+`{"temperature":0.5}`, 400, "may only be set to 1")
	f(`,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":{}}}}}`, 400, "schema")

	f = wireRefuses(t, s, func(messages string) string { return post(bedrockPath, `{"messages":[`+messages+`]`+bedrockTools+`}`) })
	const user, call = `{"role":"user","content":[{"text":"x"}]}`, `{"role":"assistant","content":[{"toolUse":{"toolUseId":"a","name":"f","input":{}}},{"toolUse":{"toolUseId":"b","name":"f","input":{}}}]}`
	result := func(id string) string { return `{"toolResult":{"toolUseId":"` + id + `","content":[{"text":"1"}]}}` }
	turn := func(blocks string) string { return `,{"role":"user","content":[` + blocks + `]}` }
	f(user+`,`+user, 400, "roles must alternate")
	f(call+turn(result("a")), 400, "must start with a user message")
	f(`{"role":"user","content":[]}`, 400, "is empty")
	f(`{"role":"user","content":[{"text":" "}]}`, 400, "is blank")
	f(`{"role":"user","content":"x"}`, 400, "must be an array")
	f(user+`,`+call+turn(result("a")+`,`+result("b")), 200, "The tool returned: 1 | 1")
	f(user+`,`+call+turn(result("a")), 400, "without `tool_result` blocks immediately after: b")
	f(user+`,`+call+turn(result("a")+`,`+result("b")+`,`+result("c")), 400, "unexpected `tool_use_id`")
	f(user+`,`+call+turn(`{"text":"first"},`+result("a")+`,`+result("b")), 400, "must come before")
	f(user+`,`+strings.Replace(call, `"input":{}`, `"input":"{}"`, 1)+turn(result("a")), 400, "must be an object")
	f(`{"role":"user","content":[{"image":{"format":"jpg","source":{"bytes":"AA=="}}}]}`, 400, "format")
	f(`{"role":"user","content":[{"document":{"format":"pdf","name":"a.pdf","source":{"bytes":"AA=="}}}]}`, 400, "name")
	f(`{"role":"user","content":[{"document":{"format":"pdf","name":"a","source":{"bytes":"AA=="}}}]}`, 400, "text block is required")
	f(user+`,{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"x","signature":"foreign"}}}]}`, 400, "Invalid `signature`")

	c := dial(t, s)
	c.request(post(bedrockPath, `{"messages":[`+user+`,`+call+turn(result("a"))+`]}`))
	r, body, _ := c.response()
	if r.StatusCode != 400 || !strings.HasPrefix(r.Header.Get("X-Amzn-Errortype"), "ValidationException:") || r.Header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("got %v", r.Header)
	}
	has(t, body, "toolConfig field must be defined")
}

func TestConverse_Keys(t *testing.T) {
	s := start(t, Config{Keys: []string{"token", "AKIDOPEN", "AKIDEXAMPLE:secret"}})
	f := wireRefuses(t, s, func(authorization string) string {
		return strings.Replace(post(bedrockPath, bedrockAsk("x", "")), "\r\n", "\r\n"+authorization+"X-A: b\r\n", 1)
	})
	sign := func(id string) string {
		return "Authorization: AWS4-HMAC-SHA256 Credential=" + id + "/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=00\r\n"
	}
	f("", 403, "Missing Authentication Token")
	f("Authorization: Bearer token\r\n", 200)
	f("Authorization: Bearer other\r\n", 403, "security token")
	f(sign("AKIDOPEN"), 200)
	f(sign("AKIDOTHER"), 403, "security token")
	f(sign("AKIDEXAMPLE"), 403, "Signature expired")
}

// The example is get-vanilla of AWS's test suite for signature version 4.
func TestSigV4(t *testing.T) {
	headers := map[string]string{"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z", "X-Amz-Date": "20150830T123600Z"}
	q := &request{method: "GET", uri: "/", header: func(name string) string { return headers[name] }}
	got := sigV4(q, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830/us-east-1/service/aws4_request", "host;x-amz-date")
	if want := "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
