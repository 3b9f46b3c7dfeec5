package telemetry

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendCall(t *testing.T) {
	f := func(name string, c *Call, want string) {
		t.Helper()
		got := string(appendCall(nil, c))
		if got != want+"\n" {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s: not JSON", name)
		}
	}
	f("everything", sample(), `{"time":"2026-03-04T05:06:08.623456789Z","level":"INFO","msg":"call","request_id":"req-01HZX","trace_id":"0af7651916cd43dd8448eb211c80319c","method":"POST","route":"/v1/chat/completions","op":"chat","status":200,"tenant":"default","project":"shop","user":"u-1","key_id":"app","model":"auto","target_model":"gpt-5","provider":"openai","tier":"L2","reason":"default tier","cache":"miss","cache_reason":"new","stream":true,"tokens_in":1200,"tokens_out":300,"tokens_cache_read":1000,"tokens_cache_write":20,"tokens_reasoning":100,"cost_nano":4500000,"estimated":true,"attempts":2,"tries":[{"status":529,"provider":"anthropic","model":"claude-haiku-4-5","error":"provider_overloaded","tokens_in":0,"tokens_out":0,"cost_nano":0,"duration_us":100000},{"status":200,"provider":"openai","model":"gpt-5","tokens_in":1200,"tokens_out":300,"tokens_cache_read":1000,"tokens_cache_write":20,"tokens_reasoning":100,"cost_nano":4500000,"duration_us":1390000}],"duration_us":1500000,"first_byte_us":250000,"overhead_us":42,"bytes_in":1024,"bytes_out":4096}`)

	plain := sample()
	*plain = Call{Time: plain.Time, RequestID: "r", Method: "GET", Route: "/health", Status: 200}
	f("no model call", plain, `{"time":"2026-03-04T05:06:07.123456789Z","level":"INFO","msg":"call","request_id":"r","method":"GET","route":"/health","status":200,"bytes_in":0,"bytes_out":0}`)

	failed := sample()
	*failed = Call{Time: failed.Time, RequestID: "r", Op: "chat", Status: 502, ErrorCode: "provider_unavailable"}
	*failed.AddAttempt() = Attempt{Provider: "openai"}
	f("failure of unknown cost", failed, `{"time":"2026-03-04T05:06:07.123456789Z","level":"ERROR","msg":"call","request_id":"r","op":"chat","status":502,"error":"provider_unavailable","tokens_in":0,"tokens_out":0,"cost_nano":0,"cost_known":false,"attempts":1,"bytes_in":0,"bytes_out":0}`)
}

func TestAppendText(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		if got := string(appendText(nil, "", value)); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
	f("", "")
	f("gpt-5", `"gpt-5"`)
	f(`a"b\c`, `"a\"b\\c"`)
	f("x\r\n{\"level\":\"INFO\"}", `"x\u000d\u000a{\"level\":\"INFO\"}"`)
	f("\x00\x1b[31m\x7f", `"\u0000\u001b[31m\u007f"`)
	f("\u009b2J\u202egnp\u200b", `"\u009b2J\u202egnp\u200b"`)
	f("bad \xff\xed\xa0\x80", `"bad \ufffd\ufffd\ufffd\ufffd"`)
	f("日本 🎉", `"日本 🎉"`)
	f("tag \U000E0041", `"tag \udb40\udc41"`)
	f(strings.Repeat("a", 256), `"`+strings.Repeat("a", 256)+`"`)
	f(strings.Repeat("a", 257), `"`+strings.Repeat("a", 253)+`…"`)
	f(strings.Repeat("a", 252)+strings.Repeat("日", 10), `"`+strings.Repeat("a", 252)+`…"`)
}

func FuzzAppendText(f *testing.F) {
	for _, seed := range []string{"a", "\"\\\n\x00", "\u2028\u202e", "\xff\xc3", "🎉\U000E0041", strings.Repeat("é", 200)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		line := appendText(nil, "", value)
		if value == "" {
			return
		}
		for _, c := range line {
			if c < ' ' || c == 0x7F {
				t.Fatalf("a control byte in %q", line)
			}
		}
		var back string
		if err := json.Unmarshal(line, &back); err != nil || !utf8.Valid(line) {
			t.Fatalf("%q is not JSON: %v", line, err)
		}
		want := value
		if len(want) > maxValue {
			want = cut(want) + "…"
		}
		if want = string([]rune(want)); back != want {
			t.Fatalf("reads back as %q, want %q", back, want)
		}
	})
}
