package main

import (
	"strings"
)

// matrixCase is a call that every client can make in its own words.
type matrixCase struct {
	name string
	// bodies are the members of the request by client, without model and
	// stream. A client that has none cannot make the call.
	bodies map[string]string
	// sent are texts of the request that have to reach the provider.
	sent []string
	// want is what the answer has to be about: a list of words, such as
	// "calls=2", that wanted checks.
	want []string
	// drops are parameters that the case is about: without them it comes to
	// something else.
	drops []string
}

// pixel is a PNG of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

const (
	placeSchema  = `{"type":"object","properties":{"place":{"type":"string"},"unit":{"type":"string","enum":["celsius","kelvin"]}},"required":["place","unit"],"additionalProperties":false}`
	zoneSchema   = `{"type":"object","properties":{"zone":{"type":"string"},"exact":{"type":"boolean"}},"required":["zone","exact"],"additionalProperties":false}`
	reportSchema = `{"type":"object","properties":{"title":{"type":"string"},"score":{"type":"integer"},"tags":{"type":"array","items":{"type":"string"}}},"required":["title","score","tags"],"additionalProperties":false}`
)

// The tools in each client's words.
var (
	chatTools = `"tools":[{"type":"function","function":{"name":"get_weather","description":"The weather of a place.","parameters":` + placeSchema + `}},` +
		`{"type":"function","function":{"name":"get_time","description":"The time of a zone.","parameters":` + zoneSchema + `}}]`
	responseTools = `"tools":[{"type":"function","name":"get_weather","description":"The weather of a place.","parameters":` + placeSchema + `,"strict":false},` +
		`{"type":"function","name":"get_time","description":"The time of a zone.","parameters":` + zoneSchema + `,"strict":false}]`
	messageTools = `"tools":[{"name":"get_weather","description":"The weather of a place.","input_schema":` + placeSchema + `},` +
		`{"name":"get_time","description":"The time of a zone.","input_schema":` + zoneSchema + `}]`
)

// ask are the bodies for a prompt and, in some clients' own words, more.
func askFor(prompt string, chatMore, responseMore, messageMore, completionMore string) map[string]string {
	text := encode(prompt)
	return map[string]string{
		"chat":        `"messages":[{"role":"user","content":` + text + `}]` + chatMore,
		"responses":   `"input":` + text + responseMore,
		"messages":    strings.TrimPrefix(`,"messages":[{"role":"user","content":`+text+`}]`+messageMore+limitUnless(messageMore), ","),
		"completions": `"prompt":` + text + completionMore,
	}
}

// limitUnless is the limit that Messages must have.
func limitUnless(more string) string {
	if strings.Contains(more, `"max_tokens"`) {
		return ""
	}
	return `,"max_tokens":1000`
}

// without leaves out clients that cannot ask for it.
func without(bodies map[string]string, clients ...string) map[string]string {
	for _, c := range clients {
		delete(bodies, c)
	}
	return bodies
}

var matrixCases = []matrixCase{
	{
		name: "text",
		bodies: map[string]string{
			"chat":      `"messages":[{"role":"system","content":"Be brief: Grüße."},{"role":"user","content":"Hello \"you\" there, 你好 🙂"}]`,
			"responses": `"instructions":"Be brief: Grüße.","input":[{"role":"user","content":[{"type":"input_text","text":"Hello \"you\" there, 你好 🙂"}]}]`,
			"messages":  `"max_tokens":1000,"system":[{"type":"text","text":"Be brief: Grüße."}],"messages":[{"role":"user","content":[{"type":"text","text":"Hello \"you\" there, 你好 🙂"}]}]`,
			// A limit that is not given is 16 for these.
			"completions": `"max_tokens":1000,"prompt":"Be brief: Grüße. Hello \"you\" there, 你好 🙂"`,
		},
		sent: []string{"Be brief: Grüße.", `Hello \"you\" there, 你好 🙂`},
		want: []string{"text", "finish=stop"},
	},
	{
		name:   "tools",
		bodies: without(askFor("Use get_weather for Oslo.", ","+chatTools+`,"tool_choice":"auto"`, ","+responseTools+`,"tool_choice":"auto"`, ","+messageTools+`,"tool_choice":{"type":"auto"}`, ""), "completions"),
		sent:   []string{"The weather of a place.", "kelvin"},
		want:   []string{"calls=1", "finish=tools"},
	},
	{
		name:   "parallel tools",
		bodies: without(askFor("[sim preamble] Use get_weather and get_time for Oslo.", ","+chatTools, ","+responseTools, ","+messageTools, ""), "completions"),
		want:   []string{"calls=2", "preamble", "finish=tools"},
	},
	{
		name:   "forced tool",
		bodies: without(askFor("What time is it?", ","+chatTools+`,"tool_choice":{"type":"function","function":{"name":"get_time"}}`, ","+responseTools+`,"tool_choice":{"type":"function","name":"get_time"}`, ","+messageTools+`,"tool_choice":{"type":"tool","name":"get_time"}`, ""), "completions"),
		want:   []string{"calls=1", "finish=tools"},
		drops:  []string{"tool_choice"},
	},
	{
		name: "tool results",
		bodies: map[string]string{
			"chat": `"messages":[{"role":"user","content":"Weather and time?"},{"role":"assistant","content":null,"tool_calls":[` +
				`{"id":"call_one","type":"function","function":{"name":"get_weather","arguments":"{\"place\":\"Oslo\",\"unit\":\"kelvin\"}"}},` +
				`{"id":"call_two","type":"function","function":{"name":"get_time","arguments":"{\"zone\":\"CET\",\"exact\":true}"}}]},` +
				`{"role":"tool","tool_call_id":"call_one","content":"result-one 281 K"},{"role":"tool","tool_call_id":"call_two","content":[{"type":"text","text":"result-two 12:00"}]}],` + chatTools,
			"responses": `"input":[{"role":"user","content":"Weather and time?"},` +
				`{"type":"function_call","call_id":"call_one","name":"get_weather","arguments":"{\"place\":\"Oslo\",\"unit\":\"kelvin\"}"},` +
				`{"type":"function_call","call_id":"call_two","name":"get_time","arguments":"{\"zone\":\"CET\",\"exact\":true}"},` +
				`{"type":"function_call_output","call_id":"call_one","output":"result-one 281 K"},{"type":"function_call_output","call_id":"call_two","output":[{"type":"input_text","text":"result-two 12:00"}]}],` + responseTools,
			"messages": `"max_tokens":1000,"messages":[{"role":"user","content":"Weather and time?"},{"role":"assistant","content":[` +
				`{"type":"tool_use","id":"call_one","name":"get_weather","input":{"place":"Oslo","unit":"kelvin"}},{"type":"tool_use","id":"call_two","name":"get_time","input":{"zone":"CET","exact":true}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_one","content":"result-one 281 K"},{"type":"tool_result","tool_use_id":"call_two","content":[{"type":"text","text":"result-two 12:00"}]}]}],` + messageTools,
		},
		sent: []string{"result-one 281 K", "result-two 12:00"},
		want: []string{"says=result-one 281 K | result-two 12:00", "finish=stop"},
	},
	{
		name: "results with images",
		bodies: map[string]string{
			"responses": `"input":[{"role":"user","content":"Look."},{"type":"function_call","call_id":"call_one","name":"get_weather","arguments":"{\"place\":\"Oslo\",\"unit\":\"kelvin\"}"},` +
				`{"type":"function_call_output","call_id":"call_one","output":[{"type":"input_text","text":"see-the-map"},{"type":"input_image","image_url":"data:image/png;base64,` + pixel + `"}]}],"tool_choice":"none",` + responseTools,
			"messages": `"max_tokens":1000,"messages":[{"role":"user","content":"Look."},{"role":"assistant","content":[{"type":"tool_use","id":"call_one","name":"get_weather","input":{"place":"Oslo","unit":"kelvin"}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_one","content":[{"type":"text","text":"see-the-map"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + pixel + `"}}]}]}],"tool_choice":{"type":"none"},` + messageTools,
		},
		sent: []string{"see-the-map", pixel},
		want: []string{"says=images: 1", "finish=stop"},
	},
	{
		name: "image",
		bodies: map[string]string{
			"chat":      `"messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + pixel + `"}}]}]`,
			"responses": `"input":[{"role":"user","content":[{"type":"input_text","text":"What is this?"},{"type":"input_image","image_url":"data:image/png;base64,` + pixel + `","detail":"auto"}]}]`,
			"messages":  `"max_tokens":1000,"messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + pixel + `"}}]}]`,
		},
		sent: []string{pixel},
		want: []string{"says=images: 1", "finish=stop"},
	},
	{
		name: "structured output",
		bodies: without(askFor("Report.", `,"response_format":{"type":"json_schema","json_schema":{"name":"report","strict":true,"schema":`+reportSchema+`}}`,
			`,"text":{"format":{"type":"json_schema","name":"report","strict":true,"schema":`+reportSchema+`}}`,
			`,"output_config":{"format":{"type":"json_schema","schema":`+reportSchema+`}}`, ""), "completions"),
		sent: []string{"score"},
		want: []string{"report", "finish=stop"},
	},
	{
		name: "reasoning",
		bodies: without(askFor("Think about it.", `,"reasoning_effort":"medium"`, `,"reasoning":{"effort":"medium","summary":"auto"}`,
			`,"max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":2048}`, ""), "completions"),
		want: []string{"thoughts", "text", "finish=stop"},
	},
	{
		name:   "stop",
		bodies: without(askFor("Say on.", `,"stop":["asked; this"]`, "", `,"stop_sequences":["asked; this"]`, `,"max_tokens":1000,"stop":"asked; this"`), "responses"),
		sent:   []string{"asked; this"},
		want:   []string{"text", "silent=asked; this", "finish=stop"},
		drops:  []string{"stop"},
	},
	{
		name:   "length",
		bodies: askFor("Say on.", `,"max_completion_tokens":16`, `,"max_output_tokens":16`, `,"max_tokens":16`, `,"max_tokens":16`),
		want:   []string{"text", "finish=length"},
	},
	{
		name:   "refusal",
		bodies: askFor("[sim refusal] Do it.", "", "", "", `,"max_tokens":1000`),
	},
	{
		name:   "filter",
		bodies: askFor("[sim filter] Do it.", "", "", "", `,"max_tokens":1000`),
	},
	{
		name:   "usage",
		bodies: askFor("[sim cached-tokens=64,reasoning-tokens=7] Count.", "", "", "", `,"max_tokens":1000`),
		want:   []string{"text", "usage", "finish=stop"},
	},
}
