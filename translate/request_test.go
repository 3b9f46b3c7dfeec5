package translate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scan returns a scanned request, or the error in its place.
func scan(body string) (*Request, *Error) {
	r := new(Request)
	return r, r.Scan([]byte(body))
}

func TestScan_Members(t *testing.T) {
	body := " \n{\"model\" : \"gpt-5\",\r\n\t\"x\":{\"model\":1,\"stream\":\"no\"},\"n\":null , \"messages\":[ ] }\n"
	r, err := scan(body)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for f, m := range r.Members {
		if !m.Key.Empty() {
			got[string(m.Key.Of(r.Body))] = string(m.Value.Of(r.Body)) + " " + Field(f).String()
		}
	}
	want := map[string]string{`"model"`: `"gpt-5" model`, `"n"`: "null n", `"messages"`: "[ ] messages"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Value(FieldN) != nil {
		t.Error("an explicit null has a value")
	}
}

func TestScan_Fault048_Refused(t *testing.T) {
	f := func(at int, body string) {
		t.Helper()
		_, err := scan(body)
		if err == nil {
			t.Errorf("%.60q: accepted", body)
			return
		}
		if err.Code != CallerInvalidJSON || !strings.HasSuffix(err.Message, fmt.Sprintf("at byte %d.", at)) {
			t.Errorf("%.60q: got %v, want an error at byte %d", body, err, at)
		}
		if strings.Contains(err.Message, "secret") {
			t.Errorf("%.60q: the error quotes the body: %v", body, err)
		}
	}
	f(0, ``)
	f(2, "\n ")
	f(0, `null`)
	f(0, `[]`)
	f(0, `"secret"`)
	f(0, `<html>`)
	f(3, "\ufeff")
	f(0, "\xef\xbb{}")
	f(3, "\ufeff\ufeff{}")
	f(1, `{`)
	f(1, `{secret`)
	f(1, `{,}`)
	f(1, `{{}}`)
	f(7, `{"a":1,}`)
	f(6, `{"a":1;"b":2}`)
	f(7, `{"a":1 "b":2}`)
	f(4, `{"a"}`)
	f(5, `{"a":}`)
	f(5, `{"a":`)
	f(6, `{"a":1`)
	f(6, `{"a":[}`)
	f(7, `{"a":[1}`)
	f(8, `{"a":[1,]}`)
	f(8, `{"a":[1,`)
	f(6, `{"a":{]}`)
	f(9, `{"a":{"b"}}`)
	f(11, `{"a":{"b":1]`)
	f(12, `{"a":{"b":1,}}`)
	f(7, `{"a":1}x`)
	f(8, `{"a":1} {"a":1}`)
	f(5, `{"a":tru}`)
	f(5, `{"a":nul`)
	f(5, `{"a":True}`)
	f(9, `{"a":truex}`)
	f(5, `{"a":NaN}`)
	f(6, `{"a":-Infinity}`)
	f(6, `{"a":-}`)
	f(6, `{"a":01}`)
	f(5, `{"a":+1}`)
	f(5, `{"a":.5}`)
	f(7, `{"a":1.}`)
	f(7, `{"a":1e}`)
	f(8, `{"a":1e+}`)
	f(6, `{"a":0x10}`)
	f(5, `{"a":'secret'}`)
	f(12, `{"a":"secret`)
	f(7, `{"a":"\`)
	f(7, `{"a":"\x41"}`)
	f(10, `{"a":"\u12"}`)
	f(11, `{"a":"\u123g"}`)
	f(6, "{\"a\":\"\n\"}")
	f(14, "{\"a\":\"12345678\x1f\"}")
	f(2, "{\"\x00\":1}")
	f(4, `{"a":1,"b":2,"c`[:4])
}

func TestScan_Edge089_InvalidUTF8(t *testing.T) {
	f := func(at int, text string) {
		t.Helper()
		_, err := scan(`{"a":"` + text + `"}`)
		if err == nil || !strings.HasSuffix(err.Message, fmt.Sprintf("at byte %d.", at)) {
			t.Errorf("%q: got %v, want an error at byte %d", text, err, at)
		}
	}
	f(6, "\xff")
	f(6, "\x80")
	f(6, "\xc0\xaf")          // over-long
	f(6, "\xe0\x80\xaf")      // over-long
	f(6, "\xed\xa0\x80")      // a surrogate
	f(6, "\xf4\x90\x80\x80")  // beyond U+10FFFF
	f(6, "\xf0\x9f\xa6")      // cut short
	f(8, "é\xc3")             // cut short by the quote
	f(7, "a\xf0\x9f\\n\xa6b") // an escape in the middle
	f(30, "日本語 and some ASCII\xa0")
	if _, err := scan("{\"\xff\":1}"); err == nil {
		t.Error("invalid UTF-8 in a key: accepted")
	}
}

func TestScan_Accepted(t *testing.T) {
	f := func(body string) {
		t.Helper()
		if _, err := scan(body); err != nil {
			t.Errorf("%.60q: %v", body, err)
		}
	}
	f(`{}`)
	f("\ufeff \t\r\n{ }\r\n")
	f(`{"":""}`)
	f(`{"a":[[],{},[{}],{"b":[ ]}]}`)
	f(`{"a":[0,-0,1.0,-1.5e-10,1E400,9223372036854775808]}`) // 53: numbers beyond any type
	f(`{"a":"\"\\\/\b\f\n\r\t\u0000\uD83D\ude00"}`)
	f(`{"a":"\ud83d"}`) // 87: half a surrogate pair
	f("{\"a\":\"\u007f\u0080\u2028\U0010ffff\"}")
	f(`{"a":1,"a":2}`) // not a field of ours
	f(`{"Model":"a"}`) // alone it is an unknown member
	f(`{"messages":null,"temperature":null,"tools":null,"stop":null,"stream":null,"stream_options":null,"metadata":null}`)
	f(`{"` + strings.Repeat("k", 1000) + `":1}`)
}

func TestScan_Fault049_Depth(t *testing.T) {
	nest := func(open, end string, depth int) string {
		return `{"a":` + strings.Repeat(open, depth-1) + "1" + strings.Repeat(end, depth-1) + `}`
	}
	for _, pair := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
		if _, err := scan(nest(pair[0], pair[1], maxDepth)); err != nil {
			t.Errorf("depth %d of %s: %v", maxDepth, pair[0], err)
		}
		if _, err := scan(nest(pair[0], pair[1], maxDepth+1)); err == nil {
			t.Errorf("depth %d of %s: accepted", maxDepth+1, pair[0])
		}
	}
	body := []byte(nest("[", "]", 100_000))
	var r Request
	var err *Error
	best := time.Hour // of several, since a busy machine can stop any one of them
	for range 10 {
		start := time.Now()
		err = r.Scan(body)
		best = min(best, time.Since(start))
	}
	if best > time.Millisecond {
		t.Errorf("depth 100,000 took %v", best)
	}
	if err == nil || !strings.HasSuffix(err.Message, "at byte 260.") {
		t.Errorf("depth 100,000: %v", err)
	}
}

func TestScan_Fault051_Emoji(t *testing.T) {
	if _, err := scan(`{"input":"` + strings.Repeat("🦊e\u0301", 1<<20) + `"}`); err != nil {
		t.Error(err)
	}
}

func TestScan_Fault052_DuplicateField(t *testing.T) {
	f := func(param, body string) {
		t.Helper()
		_, err := scan(body)
		if err == nil || err.Code != CallerDuplicateField || err.Param != param {
			t.Errorf("%s: got %v, want a duplicate %q", body, err, param)
		}
	}
	f("model", `{"model":"a","model":"a"}`)
	f("model", `{"model":"a","x":1,"mod\u0065l":"b"}`)
	f("model", `{"\u006d\u006f\u0064\u0065\u006c":"a","model":"b"}`)
	f("model", `{"model":"a","Model":"b"}`)
	f("model", `{"MODEL":"a","model":"b"}`)
	f("model", `{"MODEL":"a","Model":"b"}`)
	f("model", `{"model":"a","\u004dodel":"b"}`)
	f("model", `{"model":null,"model":"a"}`)
	f("stream", `{"stream":true,"ſtream":false}`)
	f("stream", `{"stream":true,"\u017ftream":false}`)
	f("top_k", `{"top_k":1,"top_`+"\u212a"+`":2}`)
	f("messages", `{"messages":[],"messages":[]}`)
	f("conversationId", `{"conversationId":"a","conversationid":"b"}`)
	f("stream_options.include_usage", `{"stream_options":{"include_usage":true,"include_usage":false}}`)
	f("stream_options.include_usage", `{"stream_options":{"include_usage":true,"include_Usag\u0065":false}}`)
	f("metadata.conversation_id", `{"metadata":{"conversation_id":"a","conversation_id":"b"}}`)
	for f1 := FieldModel; f1 < FieldCount; f1++ {
		f(f1.String(), fmt.Sprintf(`{%q:null,%q:null}`, f1, f1))
		f(f1.String(), fmt.Sprintf(`{%q:null,%q:null}`, f1, strings.ToUpper(f1.String())))
	}
}

func TestScan_InvalidField(t *testing.T) {
	f := func(param, body string) {
		t.Helper()
		_, err := scan(body)
		if err == nil || err.Code != CallerInvalidField || err.Param != param {
			t.Errorf("%s: got %v, want an invalid %q", body, err, param)
		}
	}
	f("stream", `{"stream":"true"}`) // edge case 79
	f("stream", `{"stream":1}`)
	f("model", `{"model":1}`)
	f("model", `{"model":["a"]}`)
	f("stream_options", `{"stream_options":true}`)
	f("stream_options", `{"stream_options":[]}`)
	f("stream_options.include_usage", `{"stream_options":{"include_usage":"true"}}`)
	f("stream_options.include_usage", `{"stream_options":{"include_usage":1}}`)
	f("conversation_id", `{"conversation_id":7}`)
	f("conversationId", `{"conversationId":{}}`)
	f("metadata.conversation_id", `{"metadata":{"conversation_id":[]}}`)
}

func TestScan_Model(t *testing.T) {
	f := func(want, body string) {
		t.Helper()
		r, err := scan(body)
		if err != nil {
			t.Errorf("%s: %v", body, err)
		} else if string(r.Model) != want {
			t.Errorf("%s: got %q, want %q", body, r.Model, want)
		}
	}
	f("", `{}`)
	f("", `{"model":null}`)
	f("", `{"Model":"x"}`)
	f("gpt-5", `{"model":"gpt-5"}`)
	f("gpt-5", `{"mod\u0065l":"gp\u0074-5"}`)
	f("a/b\"c\\🦊\n", `{"model":"a\/b\"c\\\ud83e\udd8a\n"}`)
	f("\ufffdx", `{"model":"\ud83ex"}`)
}

func TestScan_StreamUsage(t *testing.T) {
	f := func(want StreamUsage, span, body string) {
		t.Helper()
		r, err := scan(body)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			return
		}
		if got := string(r.IncludeUsage.Of(r.Body)); r.Usage != want || got != span {
			t.Errorf("%s: got %d %q, want %d %q", body, r.Usage, got, want, span)
		}
	}
	f(UsageAbsent, "", `{"stream":true}`)
	f(UsageNull, "", `{"stream_options":null}`)
	f(UsageObject, "", `{"stream_options":{}}`)
	f(UsageObject, "", `{"stream_options":{"include_obfuscation":false,"Include_usage":true}}`)
	f(UsageFalse, "false", `{"stream_options":{"include_usage":false}}`)
	f(UsageFalse, "null", `{"stream_options":{"include_usage":null}}`)
	f(UsageTrue, "true", `{"stream_options":{"a":1, "include_usage" : true } }`)
	f(UsageTrue, "true", `{"stream_options":{"include\u005fusage":true}}`)
}

func TestScan_ConversationID(t *testing.T) {
	f := func(want, body string) {
		t.Helper()
		r, err := scan(body)
		if err != nil {
			t.Errorf("%s: %v", body, err)
		} else if string(r.ConversationID) != want {
			t.Errorf("%s: got %q, want %q", body, r.ConversationID, want)
		}
	}
	f("", `{"conversation_id":null,"metadata":{"conversation_id":null}}`)
	f("", `{"metadata":"conversation_id"}`)
	f("a", `{"conversation_id":"a"}`)
	f("b", `{"conversationId":"\u0062"}`)
	f("c", `{"metadata":{"x":1,"conversation_id":"c"}}`)
	f("a", `{"metadata":{"conversation_id":"c"},"conversationId":"b","conversation_id":"a"}`)
	f("b", `{"metadata":{"conversation_id":"c"},"conversationId":"b","conversation_id":""}`)
}

// TestScan_Again shows that nothing of one body is left for the next.
func TestScan_Again(t *testing.T) {
	var r, fresh Request
	if err := r.Scan([]byte(`{"model":"\u0061","stream":true,"stream_options":{"include_usage":true},"conversation_id":"\u0062","n":2,"MAX_TOKENS":1}`)); err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"n":3}`)
	if err := r.Scan(body); err != nil {
		t.Fatal(err)
	}
	if err := fresh.Scan(body); err != nil {
		t.Fatal(err)
	}
	r.text = nil
	if diff := cmp.Diff(fresh, r, cmp.AllowUnexported(Request{})); diff != "" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	f := func(op Op, code Code, param, body string) {
		t.Helper()
		r, err := scan(body)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		got := r.Check(op)
		if got == nil {
			got = &Error{}
		}
		if got.Code != code || got.Param != param {
			t.Errorf("%v %s: got %v %q, want %v %q", op, body, got.Code, got.Param, code, param)
		}
	}
	f(OpChat, CodeNone, "", `{"model":"m","messages":[]}`)
	f(OpChat, CodeNone, "", `{"model":"m","messages":[],"n":2}`)
	f(OpChat, CodeNone, "", `{"model":"m","messages":[],"n":1.0}`)
	f(OpChat, CodeNone, "", `{"model":"m","messages":[],"n":null}`)
	f(OpChat, CallerMissingField, "model", `{"messages":[]}`)
	f(OpChat, CallerMissingField, "model", `{"model":null,"messages":[]}`)
	f(OpChat, CallerInvalidField, "model", `{"model":"","messages":[]}`)
	f(OpChat, CallerMissingField, "messages", `{"model":"m"}`)
	f(OpChat, CallerMissingField, "messages", `{"model":"m","messages":null}`)
	f(OpChat, CallerInvalidField, "messages", `{"model":"m","messages":"hi"}`)
	for _, n := range []string{`0`, `-1`, `1.5`, `"2"`, `true`, `1e2`, `99999999999999999999`} {
		f(OpChat, CallerInvalidField, "n", `{"model":"m","messages":[],"n":`+n+`}`)
	}
	f(OpCompletion, CodeNone, "", `{"model":"m","prompt":["a",[1,2]]}`)
	f(OpCompletion, CallerMissingField, "prompt", `{"model":"m","messages":[]}`)
	f(OpEmbedding, CodeNone, "", `{"model":"m","input":""}`)
	f(OpEmbedding, CallerMissingField, "input", `{"model":"m"}`)
	f(OpNone, CodeNone, "", `{"model":"m"}`)
	f(OpNone, CallerMissingField, "model", `{}`)
}
