package openai

import (
	"strings"
	"testing"
)

func TestAppendUsageCost(t *testing.T) {
	// The usage object ends at the mark, which is no part of the event.
	f := func(event, want string) {
		t.Helper()
		end := strings.Index(event, "§")
		event = strings.Replace(event, "§", "", 1)
		if got := string(New().AppendUsageCost([]byte(">"), []byte(event), end, 12500)); got != ">"+want {
			t.Errorf("%s: got %s, want >%s", event, got, want)
		}
	}
	f("data: {\"choices\":[],\"usage\":{\"total_tokens\":1}§}\n\n", "data: {\"choices\":[],\"usage\":{\"total_tokens\":1,\"cost\":0.0000125}}\n\n")
	f(`{"usage" : {}§,"x":1}`, `{"usage" : {"cost":0.0000125},"x":1}`)
	f(`{"usage":{ "a":{"usage":{}} }§}`, `{"usage":{ "a":{"usage":{}} ,"cost":0.0000125}}`)
	f(`{"usage":{"cost":0.5,"a":"}"}§}`, `{"usage":{"cost":0.0000125,"a":"}"}}`)
	f(`{"usage":{"a":1,"cost":null}§,"usage2":{}}`, `{"usage":{"a":1,"cost":0.0000125},"usage2":{}}`)
	f(`{"usage":null§}`, `{"usage":null}`)
	f(`§{}`, `{}`)
}
