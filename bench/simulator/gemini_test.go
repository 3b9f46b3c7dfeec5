package simulator

import (
	"encoding/json"
	"strings"
	"testing"
)

const geminiPath = "/v1beta/models/sim-l0:generateContent"

func geminiAsk(text, more string) string {
	return `{"contents":[{"role":"user","parts":[{"text":"` + text + `"}]}]` + more + `}`
}

const geminiTools = `,"tools":[{"functionDeclarations":[{"name":"get_weather","parameters":{"type":"OBJECT","properties":{"city":{"type":"STRING"}},"required":["city"]}},{"name":"get_time"}]}]`

func TestGemini(t *testing.T) {
	c := dial(t, start(t, Config{}))
	f := func(body string, want ...string) {
		t.Helper()
		c.request(post(geminiPath, body))
		_, got := c.ok()
		if !json.Valid([]byte(got)) {
			t.Errorf("no JSON: %s", got)
		}
		has(t, got, want...)
	}
	f(geminiAsk("Hello", ""), `{"candidates":[{"content":{"parts":[{"text":"[simulated sim-l0]`, `"role":"model"},"finishReason":"STOP","index":0}]`,
		`"usageMetadata":{"promptTokenCount":`, `"modelVersion":"sim-l0","responseId":"`)
	f(geminiAsk("Hello", `,"generationConfig":{"maxOutputTokens":2,"candidateCount":2}`), `"finishReason":"MAX_TOKENS","index":1`, `"candidatesTokenCount":4,`)
	f(geminiAsk("Hello", `,"generationConfig":{"stopSequences":["-l0"]}`), `"text":"[simulated sim"}`, `"STOP"`)
	f(geminiAsk("get_weather and get_time", geminiTools), `{"functionCall":{"name":"get_weather","args":{"city":"`, `},{"functionCall":{"name":"get_time","args":{}}}]`, `"STOP"`)
	f(geminiAsk("Hello", geminiTools+`,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["get_time"]}}`), `"name":"get_time"`)
	f(geminiAsk("Hello", `,"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","properties":{"n":{"type":"INTEGER"}},"required":["n"]}}`), `"text":"{\"n\":`)
	f(geminiAsk("Hello", `,"generationConfig":{"thinkingConfig":{"includeThoughts":true}}`), `{"text":"Let me think`, `"thought":true},{"text":"[sim`, `"thoughtsTokenCount":`)
	f(geminiAsk("get_time", geminiTools+`,"generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW"}}`), `"args":{}},"thoughtSignature":"`)
	f(geminiAsk("[sim cached-tokens=40]", ""), `"cachedContentTokenCount":40`)
	f(geminiAsk("[sim filter]", ""), `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}`)
	f(geminiAsk("[sim refusal]", ""), `{"candidates":[{"finishReason":"SAFETY","index":0}]`)
	f(`{"contents":[{"parts":[{"text":"get_time"}]},{"role":"model","parts":[{"functionCall":{"name":"get_time","args":{}}}]},`+
		`{"role":"user","parts":[{"functionResponse":{"name":"get_time","response":{"output":"noon"},"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]}}]}]`+geminiTools+`}`,
		"(images: 1, files: 0) The tool returned: noon")
	c.request(post("/v1beta/models/sim-l0:countTokens", geminiAsk("Hello there", "")))
	_, got := c.ok()
	has(t, got, `"totalTokens":9`)
}

func TestGemini_Stream(t *testing.T) {
	c := dial(t, start(t, Config{}))
	const path = "/v1beta/models/sim-l0:streamGenerateContent"
	parts := func(chunks []string) (text, calls string) {
		for _, chunk := range chunks {
			var e struct {
				Candidates []struct {
					Content struct {
						Parts []struct {
							Text         string
							FunctionCall *struct{ Name string }
						}
					}
				}
			}
			if err := json.Unmarshal([]byte(chunk), &e); err != nil {
				t.Fatalf("%v in %q", err, chunk)
			}
			for _, p := range e.Candidates[0].Content.Parts {
				text += p.Text
				if p.FunctionCall != nil {
					calls += p.FunctionCall.Name + " "
				}
			}
		}
		return text, calls
	}
	c.request(post(path+"?alt=sse", geminiAsk("Hello", "")))
	r, body := c.ok()
	if r.Header.Get("Content-Type") != "text/event-stream" || strings.Contains(strings.ReplaceAll(body, "\r\n", ""), "\n") {
		t.Errorf("got %v %q", r.Header, brief(body))
	}
	text, _ := parts(strings.Split(strings.TrimSuffix(strings.TrimPrefix(body, "data: "), "\r\n\r\n"), "\r\n\r\ndata: "))
	has(t, text, "[simulated sim-l0] You wrote")
	if n := strings.Count(body, `"finishReason":"STOP"`); n != 1 {
		t.Errorf("%d finish reasons", n)
	}

	c.request(post(path, geminiAsk("get_time and get_weather", geminiTools)))
	r, body = c.ok()
	var chunks []json.RawMessage
	if err := json.Unmarshal([]byte(body), &chunks); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		t.Fatalf("%v: %v %s", err, r.Header, body)
	}
	texts := make([]string, len(chunks))
	for i := range chunks {
		texts[i] = string(chunks[i])
	}
	if _, calls := parts(texts); calls != "get_weather get_time " || len(chunks) != 3 {
		t.Errorf("got %q in %d chunks", calls, len(chunks))
	}
	c.request(post("/v1beta/models/sim-l0!error-event=2:streamGenerateContent?alt=sse", geminiAsk("Hello", "")))
	_, body = c.ok()
	if strings.Count(body, "data: ") != 3 {
		t.Errorf("got %s", body)
	}
	has(t, body, `data: {"error":{"code":500,"message":"the stream failed (simulated)","status":"INTERNAL"}}`)
}

func TestGemini_Embed(t *testing.T) {
	c := dial(t, start(t, Config{}))
	const one = `{"model":"models/sim-embed","content":{"parts":[{"text":"a b"}]},"outputDimensionality":2}`
	c.request(post("/v1beta/models/sim-embed:batchEmbedContents", `{"requests":[`+one+`,`+one+`]}`))
	_, got := c.ok()
	var out struct{ Embeddings []struct{ Values []float64 } }
	if err := json.Unmarshal([]byte(got), &out); err != nil || len(out.Embeddings) != 2 || len(out.Embeddings[1].Values) != 2 {
		t.Errorf("%v: %s", err, got)
	}
	c.request(post("/v1beta/models/sim-embed:embedContent", one))
	_, got = c.ok()
	has(t, got, `{"embedding":{"values":[`)
	f := wireRefuses(t, start(t, Config{}), func(body string) string { return post("/v1beta/models/sim-embed:batchEmbedContents", body) })
	f(`{"requests":[{"model":"models/other","content":{"parts":[{"text":"a"}]}}]}`, 400, "must match")
	f(`{"requests":[{"model":"models/sim-embed","content":"a"}]}`, 400, "must be an object")
}

func TestGemini_Refused(t *testing.T) {
	s := start(t, Config{})
	f := wireRefuses(t, s, func(more string) string { return post(geminiPath, geminiAsk("Hi", more)) })
	const invalid = `"status":"INVALID_ARGUMENT"}}`
	f(`,"top_k":5`, 400, `Unknown name \"top_k\" at '': Cannot find field.`, invalid)
	f(`,"generationConfig":{"maxTokens":5}`, 400, `Unknown name \"maxTokens\" at 'generationConfig'`)
	f(`,"generationConfig":{"temperature":2.5}`, 400, "must be from 0 to 2")
	f(`,"generationConfig":{"stopSequences":["a","b","c","d","e","f"]}`, 400, "at most 5")
	f(`,"generationConfig":{"responseSchema":{"type":"OBJECT"}}`, 400, "response mime type")
	f(`,"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","additionalProperties":false}}`, 400, "additionalProperties")
	f(`,"generationConfig":{"thinkingConfig":{"thinkingBudget":0,"thinkingLevel":"LOW"}}`, 400, "one of thinking budget")
	f(`,"tools":[{"functionDeclarations":[{"name":"a b"}]}]`, 400, "must be a string that matches")
	f(`,"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}}]}]`, 400, "should be non-empty for OBJECT type")
	f(`,"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT","properties":{"x":{"$ref":"#"}}}}]}]`, 400, "$ref")
	f(`,"tools":[{"functionDeclarations":[{"name":"f"},{"name":"f"}]}]`, 400, "Duplicate function")
	f(geminiTools+`,"toolConfig":{"functionCallingConfig":{"mode":"AUTO","allowedFunctionNames":["get_time"]}}`, 400, "only when")
	f(geminiTools+`,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["nothing"]}}`, 400, "not declared")

	f = wireRefuses(t, s, func(contents string) string {
		return post(geminiPath, `{"generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW"}},"contents":[`+contents+`]}`)
	})
	const ask, call = `{"role":"user","parts":[{"text":"x"}]},`, `{"role":"model","parts":[{"functionCall":{"name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"name":"g"}}]},`
	result := func(name string) string { return `{"functionResponse":{"name":"` + name + `","response":{}}}` }
	f(``, 400, "at least 1")
	f(`{"role":"assistant","parts":[{"text":"x"}]}`, 400, "must be one of user, model, function")
	f(`{"role":"user","parts":[{"text":""}]}`, 400, "empty text parameter")
	f(`{"role":"user","parts":[{"text":"x","inlineData":{"mimeType":"image/png","data":"AA=="}}]}`, 400, "exactly one of")
	f(`{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"data:image/png;base64,AA=="}}]}`, 400, "inlineData.data")
	f(ask+call+`{"role":"user","parts":[`+result("f")+`,`+result("g")+`]}`, 200, "The tool returned")
	f(ask+call+`{"role":"user","parts":[`+result("f")+`]}`, 400, "equal to the number of function call parts")
	f(ask+call+`{"role":"user","parts":[`+result("g")+`,`+result("f")+`]}`, 400, "does not match")
	f(ask+call+`{"role":"user","parts":[{"functionResponse":{"name":"f","response":"text"}}]}`, 400, "must be an object")
	f(strings.TrimSuffix(call, ","), 400, "immediately after a user turn")
	f(ask+strings.TrimSuffix(call, ","), 400, "followed by a function response")
	f(ask+strings.Replace(call, `,"thoughtSignature":"skip_thought_signature_validator"`, "", 1)+`{"role":"user","parts":[`+result("f")+`,`+result("g")+`]}`, 400, "missing a thought_signature")
	f(ask+strings.Replace(call, "skip_thought_signature_validator", "foreign", 1)+`{"role":"user","parts":[`+result("f")+`,`+result("g")+`]}`, 400, "not valid")

	f = wireRefuses(t, start(t, Config{Keys: []string{"right"}}), func(header string) string {
		return strings.Replace(post(geminiPath, geminiAsk("x", "")), "\r\n", "\r\n"+header+"X-A: b\r\n", 1)
	})
	f("X-Goog-Api-Key: right\r\n", 200)
	f("Authorization: Bearer right\r\n", 200)
	f("X-Api-Key: right\r\n", 403, `"status":"PERMISSION_DENIED"`)
	f("X-Goog-Api-Key: wrong\r\n", 400, `"reason":"API_KEY_INVALID"`)
	f = wireRefuses(t, s, func(model string) string {
		return post("/v1beta/models/"+model+":generateContent", geminiAsk("x", ""))
	})
	f("gemini-9", 404, `"status":"NOT_FOUND"`)
	f("sim-l0!status=429,retry-after=7", 429, `"status":"RESOURCE_EXHAUSTED"`, `"retryDelay":"7s"`)
	f("sim-l0%21status%3D503", 503, `"status":"UNAVAILABLE"`)
}
