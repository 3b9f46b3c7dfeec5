package simulator

import (
	"strings"
	"testing"
)

func TestMessage_Thinking(t *testing.T) {
	s := start(t, Config{})
	c := dial(t, s)
	const thinking = `,"max_tokens":3000,"thinking":{"type":"enabled","budget_tokens":1024}`
	c.request(post("/v1/messages", chatBody("sim-l0", thinking)))
	_, body := c.ok()
	has(t, body, `"content":[{"type":"thinking","thinking":"Let me think`, `"signature":"`, `},{"type":"text","text":"[simulated`)
	c.request(post("/v1/messages", chatBody("sim-l0", `,"stream":true`+thinking)))
	_, body = c.ok()
	has(t, body, `"content_block":{"type":"thinking","thinking":"","signature":""}`, `{"type":"thinking_delta","thinking":"Let"}`, `{"type":"signature_delta","signature":"`)
	c.request(post("/v1/messages", chatBody("sim-l0", `,"max_tokens":9,"thinking":{"type":"adaptive","display":"omitted"}`)))
	_, body = c.ok()
	has(t, body, `{"type":"thinking","thinking":"","signature":"`)

	f := wireRefuses(t, s, func(messages string) string {
		return post("/v1/messages", `{"model":"sim-l0"`+thinking+`,"messages":[{"role":"user","content":"x"},`+messages+`]}`)
	})
	block := `{"type":"thinking","thinking":"mine","signature":"` + signature(anthropic, "mine") + `"}`
	const call, result = `{"type":"tool_use","id":"a","name":"f","input":{}}`, `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"1"}]}`
	f(`{"role":"assistant","content":[`+block+`,`+call+`]}`+result, 200)
	f(`{"role":"assistant","content":[`+strings.Replace(block, "mine", "yours", 1)+`,`+call+`]}`+result, 400, "Invalid `signature`")
	f(`{"role":"assistant","content":[`+call+`]}`+result, 400, "Expected `thinking`")
}

func TestMessage_Strict(t *testing.T) {
	s := start(t, Config{})
	f := wireRefuses(t, s, func(more string) string { return post("/v1/messages", chatBody("sim-l0", `,"max_tokens":9`+more)) })
	f(`,"n":1`, 400, `"message":"n: Extra inputs are not permitted"`)
	f(`,"temperature":1.2`, 400, "temperature: must be from 0 to 1")
	f(`,"stop_sequences":[" "]`, 400, "non-whitespace")
	f(`,"tools":[{"name":"a.b","input_schema":{"type":"object"}}]`, 400, "tools.0.name")
	f(`,"tools":[{"name":"f","input_schema":{}}]`, 400, "tools.0.input_schema.type")
	f(`,"tools":[{"type":"function","function":{"name":"f"}}]`, 400, "tools.0")
	f(`,"tool_choice":{"type":"tool","name":"f"}`, 400, "not found")
	f(`,"tool_choice":"auto"`, 400, "tool_choice")
	f = wireRefuses(t, s, func(messages string) string {
		return post("/v1/messages", `{"model":"sim-l0","max_tokens":9,"messages":[`+messages+`]}`)
	})
	const user, call = `{"role":"user","content":"x"},`, `{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"tool_use","id":"b","name":"f","input":{}}]},`
	result := func(id string) string { return `{"type":"tool_result","tool_use_id":"` + id + `","content":"1"}` }
	f(user+call+`{"role":"user","content":[`+result("a")+`,`+result("b")+`,{"type":"text","text":"and?"}]}`, 200)
	f(user+call+`{"role":"user","content":[`+result("a")+`]},{"role":"user","content":[`+result("b")+`]}`, 200) // joined
	f(user+call+`{"role":"user","content":[`+result("a")+`]}`, 400, "immediately after: b")
	f(user+call+`{"role":"user","content":[{"type":"text","text":"x"},`+result("a")+`,`+result("b")+`]}`, 400, "must come before")
	f(user+`{"role":"user","content":[`+result("a")+`]}`, 400, "unexpected `tool_use_id`")
	f(user+strings.Replace(call, `"input":{}`, `"input":"{}"`, 1)+`{"role":"user","content":[`+result("a")+`]}`, 400, "messages.1.content.0.input: must be an object")
	f(user+strings.Replace(call, `"id":"a"`, `"id":"a/b"`, 1)+`{"role":"user","content":[`+result("a")+`]}`, 400, "messages.1.content.0.id")
	f(`{"role":"tool","content":"x"}`, 400, "messages.0.role")
	f(`{"role":"user","content":""}`, 400, "non-empty content")
	f(`{"role":"user","content":[{"type":"text","text":""}]}`, 400, "must be non-empty")
	f(`{"role":"user","content":" "}`, 400, "non-whitespace")
	f(user+`{"role":"assistant","content":"so "}`, 400, "trailing whitespace")
	f(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/svg+xml","data":"AA=="}}]}`, 400, "media_type")
	f(`{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}`, 400, "messages.0.content.0.type")
}
