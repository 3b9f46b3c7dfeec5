package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// chatBody is a compact chat request of about n bytes, as the OpenAI SDKs
// write it, whose messages have about perMessage bytes.
func chatBody(n, perMessage int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"messages":[{"role":"system","content":"You are a helpful assistant."}`)
	const line = `The quick brown fox says \"hello\" to the lazy dog, and walks on.\n`
	text := strings.Repeat(line, max(1, perMessage/len(line)))
	for b.Len() < n-perMessage-100 {
		fmt.Fprintf(&b, `,{"role":"user","content":"%s"},{"role":"assistant","content":"Yes."}`, text)
	}
	b.WriteString(`],"model":"gpt-5","temperature":0.7,"max_completion_tokens":512,"user":"u-1","stream":true}`)
	return mustBeValid(b.Bytes())
}

func mustBeValid(body []byte) []byte {
	if !json.Valid(body) {
		panic("not JSON: " + string(body))
	}
	return body
}

// toolBody has tools whose members are not in canonical order.
func toolBody(tools int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"model":"gpt-5","messages":[{"role":"user","content":"What is the weather?"}],"tools":[`)
	for i := range tools {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"type":"function","function":{"name":"get_weather_%d","description":"Returns the weather at a place, now or on a day to come, in the unit that is asked for.","parameters":{"type":"object","properties":{"location":{"type":"string","description":"City and country, such as Paris, France"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["location","unit"],"additionalProperties":false},"strict":true}}`, i)
	}
	b.WriteString(`],"tool_choice":"auto"}`)
	return mustBeValid(b.Bytes())
}

func indented(body []byte) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, body, "", "  "); err != nil {
		panic(err)
	}
	return b.Bytes()
}

var keyBodies = []struct {
	name string
	body []byte
}{
	{"chat_1KB", chatBody(1<<10, 300)},
	{"chat_32KB", chatBody(32<<10, 2000)},
	{"short_messages_32KB", chatBody(32<<10, 60)},
	{"chat_1MB", chatBody(1<<20, 8000)},
	{"indented_32KB", indented(chatBody(31<<10, 1000))},
	{"tools_32KB", toolBody(72)},
	{"indented_tools_32KB", indented(toolBody(40))},
}

func BenchmarkSum(b *testing.B) {
	for _, c := range keyBodies {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.body)))
			for b.Loop() {
				Sum(&testScope, c.body)
			}
		})
		b.Run(c.name+"_local", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.body)))
			for b.Loop() {
				SumLocal(&testScope, c.body)
			}
		})
		b.Run(c.name+"_sha256_alone", func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			for b.Loop() {
				sha256.Sum256(c.body)
			}
		})
	}
}
