package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// uncached keeps equal calls apart.
const uncached = "cache: {response: {enabled: false}}\n"

// startParser runs a gateway whose every call goes to one recording provider.
func startParser(t *testing.T) (*instance, *simulator.Server) {
	t.Helper()
	sim := startSimulator(t, simulator.Config{})
	return startGateway(t, config(uncached+quick, sim.URL()+"/v1")), sim
}

// wantRefused posts a body and checks that it is refused with the code, that
// nothing goes upstream and that neither answer nor log quote it.
func wantRefused(t *testing.T, g *instance, sim *simulator.Server, body, code string, header ...string) apiError {
	t.Helper()
	before := sim.Requests()
	r := g.post(chatPath, body, header...)
	status := http.StatusBadRequest
	if code == "caller_unsupported_media" {
		status = http.StatusUnsupportedMediaType
	}
	e := r.wantError(t, status, code)
	if sim.Requests() != before {
		t.Error("it was sent upstream")
	}
	if strings.Contains(r.body, "c0nfidential") || strings.Contains(g.logs.String(), "c0nfidential") {
		t.Errorf("the body's content is quoted: %s", r.body)
	}
	return e
}

// wantForwarded posts a body to the model and checks that the provider got
// exactly these bytes.
func wantForwarded(t *testing.T, g *instance, sim *simulator.Server, body string) {
	t.Helper()
	if r := g.post(chatPath, body); r.status != http.StatusOK {
		t.Fatalf("status %d: %.300s", r.status, r.body)
	}
	seen := sim.Seen()
	if got := string(seen[len(seen)-1].Body); got != body {
		t.Errorf("the provider got\n%.300s\nwant\n%.300s", got, body)
	}
}

func TestFault048_MalformedJSON(t *testing.T) {
	g, sim := startParser(t)
	f := func(body string, offset int) {
		t.Helper()
		e := wantRefused(t, g, sim, body, "caller_invalid_json")
		if want := fmt.Sprintf("error at byte %d.", offset); e.Code != "invalid_json" || !strings.HasSuffix(e.Message, want) {
			t.Errorf("%s: code %q, message %q, want %q", body, e.Code, e.Message, want)
		}
	}
	f(``, 0)
	f(`   `, 3)
	f(`null`, 0)
	f(`[]`, 0)
	f(`[{"model":"c0nfidential"}]`, 0)
	f(`"c0nfidential"`, 0)
	f(`42`, 0)
	f(`true`, 0)
	f(`{`, 1)
	f(`{"c0nfidential"`, 15)
	f(`{"c0nfidential" 1}`, 16)
	f(`{"model":"c0nfidential}`, 23)
	f(`{"model":"c0nfidential",}`, 24)
	f(`{"model":"c0nfidential" "x":1}`, 24)
	f(`{"model":"c0nfidential"}}`, 24)
	f(`{"model":"c0nfidential"} c0nfidential`, 25)
	f(`{"model":"c0nfidential"}{"model":"x"}`, 24)
	f(`{"model":'c0nfidential'}`, 9)
	f(`{model:"c0nfidential"}`, 1)
	f(`{"x":[1,2}`, 9)
	f(`{"x":[1,2,]}`, 10)
	f(`{"x":tru}`, 5)
	f(`{"x":"c0nfidential\q"}`, 19)
	f("{\"x\":\"c0nfidential\n\"}", 18)
	f(`{"x":1/*c0nfidential*/}`, 6)
	f(`{"x":}`, 5)
	f(chat("sim-l0", "c0nfidential", false)+"\x00", len(chat("sim-l0", "c0nfidential", false)))
}

func TestFault049_Depth(t *testing.T) {
	g, sim := startParser(t)
	nested := func(open, shut string, depth int) string {
		return `{"model":"sim-l0","messages":[{"role":"user","content":"hi"}],"x":` +
			strings.Repeat(open, depth) + "1" + strings.Repeat(shut, depth) + `}`
	}
	wantForwarded(t, g, sim, nested("[", "]", 255))
	for _, body := range []string{
		nested("[", "]", 256), nested("[", "]", 100_000), nested(`{"a":`, "}", 256), nested(`{"a":`, "}", 100_000),
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000),
	} {
		wantRefused(t, g, sim, body, "caller_invalid_json")
	}
	// The gateway's own time is in the log; a busy machine gets several tries.
	fastest := time.Hour
	deep := nested("[", "]", 100_000)
	const tries = 20
	for range tries {
		g.post(chatPath, deep)
	}
	var lines []map[string]any
	eventually(t, patience, "all log lines", func() bool { lines = g.callsTo(chatPath); return len(lines) == 1+6+tries })
	for _, line := range lines[1+6:] {
		fastest = min(fastest, duration(line))
	}
	if fastest > time.Millisecond {
		t.Errorf("refusing 100,000 levels takes %v, want less than 1ms", fastest)
	}
}

// An invalid byte is refused. Half a surrogate pair is valid JSON: it goes on
// as it came, which is the provider's affair; nothing is stored yet.
func TestFault050_InvalidUTF8(t *testing.T) {
	g, sim := startParser(t)
	for _, text := range []string{
		"\xff", "\x80", "\xc3", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xf0\x80\x80\x80", "a\xc3(", "é\xe9",
	} {
		wantRefused(t, g, sim, `{"model":"sim-l0","messages":[{"role":"user","content":"c0nfidential `+text+`"}]}`, "caller_invalid_json")
		wantRefused(t, g, sim, `{"model":"sim-l0","messages":[{"role":"user","content":"hi"}],"`+text+`":1}`, "caller_invalid_json")
	}
	for _, text := range []string{`\ud800`, `\udc00`, `\ud800\ud800`, `\udc00\ud800`, `\ud800x`, `\ud83d\ude00`, "\U0001F600", `\uFFFD`} {
		wantForwarded(t, g, sim, `{"model":"sim-l0","messages":[{"role":"user","content":"a `+text+` b"}]}`)
	}
}

func TestFault051_LongUnicode(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, strings.Replace(config(uncached, sim.URL()+"/v1"), "dialect: openai", "dialect: openai, stream_usage: never", 1))
	f := func(unit string, bytes int) (estimate float64) {
		t.Helper()
		before := len(g.callsTo(chatPath))
		body := chat("sim/bench-stream-10x8", strings.Repeat(unit, bytes/len(unit)), true)
		if r := g.post(chatPath, body); r.status != http.StatusOK || !strings.Contains(r.body, "[DONE]") {
			t.Fatalf("status %d: %.300s", r.status, r.body)
		}
		eventually(t, patience, "the log line", func() bool { return len(g.callsTo(chatPath)) > before })
		line := g.callsTo(chatPath)[before]
		if line["estimated"] != true {
			t.Errorf("the usage is not said to be estimated: %v", line)
		}
		return line["tokens_in"].(float64)
	}
	for _, unit := range []string{"\U0001F600", "e\u0301\u0302\u0303"} {
		small, large := f(unit, 512<<10), f(unit, 5<<20)
		if ratio := large / small; ratio < 9.9 || ratio > 10.1 {
			t.Errorf("ten times the text is %v times the tokens (%v, %v)", ratio, small, large)
		}
	}
}

func TestFault052_DuplicateKeys(t *testing.T) {
	g, sim := startParser(t)
	f := func(body, param string) {
		t.Helper()
		e := wantRefused(t, g, sim, body, "caller_duplicate_field")
		if e.Param == nil || *e.Param != param {
			t.Errorf("%s: param %v, want %s", body, e.Param, param)
		}
	}
	const rest = `"messages":[{"role":"user","content":"c0nfidential"}]}`
	f(`{"model":"sim-l0","model":"sim-l1",`+rest, "model")
	f(`{"model":"sim-l0","model":"sim-l0",`+rest, "model")
	f(`{"model":"sim-l0","Model":"sim-l1",`+rest, "model")
	f(`{"MODEL":"sim-l0","model":"sim-l1",`+rest, "model")
	f(`{"model":"sim-l0","m\u006fdel":"sim-l1",`+rest, "model")
	f(`{"model":"sim-l0","stream":false,"Stream":true,`+rest, "stream")
	f(`{"model":"sim-l0","messages":[],`+rest, "messages")
	f(`{"model":"sim-l0","Messages":[],`+rest, "messages")
	f(`{"model":"sim-l0","stream":true,"stream_options":{"include_usage":true,"include_usage":false},`+rest, "stream_options.include_usage")
	f(`{"model":"sim-l0","n":1,"N":2,`+rest, "n")
	f(`{"model":"sim-l0","metadata":{"conversation_id":"a","conversation_id":"b"},`+rest, "metadata.conversation_id")
	wantRefused(t, g, sim, `{"Model":"sim-l0",`+rest, "caller_missing_field")
}

func TestFault053_Numbers(t *testing.T) {
	g, sim := startParser(t)
	body := func(number string) string {
		return `{"model":"sim-l0","messages":[{"role":"user","content":"hi"}],"x":` + number + `,"y":[` + number + `],"z":{"w":` + number + `}}`
	}
	for _, number := range []string{
		"1e400", "-1E+400", "1e-400", "-0", "-0.0", "0e0", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
		"123456789012345678901234567890.12345678901234567890", "1.0", "1.10", "0.1e1", "1E5", "3.14159265358979323846264338327950288",
	} {
		wantForwarded(t, g, sim, body(number))
	}
	for _, number := range []string{
		"NaN", "Infinity", "-Infinity", "+1", "01", "-01", ".5", "1.", "1.e5", "0x10", "1_000", "1e", "1e+", "--1", "-", "1,5e", "１",
	} {
		wantRefused(t, g, sim, body(number), "caller_invalid_json")
	}
}

// Whatever the gateway does not know goes to the provider as it came: white
// space, order, spelling, escapes and all. Only the name of the model and, in
// a stream, the wish for usage are spliced in.
func TestFault054_UnknownFields(t *testing.T) {
	g, sim := startParser(t)
	const body = "{ \"zeta\" : {\"b\":1 , \"a\":[ 1,2 ,{ } ]} ,\r\n\t\"model\":\"MODEL\", \"\\u0061\": \"\\u00e9\\/\\n\", \"x\": \"a\", \"x\": \"b\"," +
		" \"temperature\":1.50, \"messages\" : [ {\"role\":\"user\",\"content\":\"hi \\ud83d\\ude00 </script>\",\"unknown\":{\"deep\":[null,true]}} ],\n\n  \"\":0, \"last\" : null }  \n"
	wantForwarded(t, g, sim, strings.Replace(body, "MODEL", "sim-l0", 1))
	for _, model := range []string{"auto", "L0", "sim/sim-l0"} {
		if r := g.post(chatPath, strings.Replace(body, "MODEL", model, 1)); r.status != http.StatusOK {
			t.Fatalf("status %d: %s", r.status, r.body)
		}
		seen := sim.Seen()
		if got, want := seen[len(seen)-1].Body, strings.Replace(body, "MODEL", "sim-l0", 1); string(got) != want {
			t.Errorf("%s: the provider got\n%s\nwant\n%s", model, got, want)
		}
	}
	r := g.post(chatPath, strings.Replace(body, `"model":"MODEL",`, `"model":"auto","stream":true,`, 1))
	seen := sim.Seen()
	got := seen[len(seen)-1].Body
	head, _, _ := strings.Cut(body, `"model"`)
	_, rest, _ := strings.Cut(body, `"model":"MODEL",`)
	for _, part := range []string{head, strings.TrimSuffix(strings.TrimRight(rest, " \n\t"), "}")} {
		if r.status != http.StatusOK || !bytes.Contains(got, []byte(part)) {
			t.Errorf("status %d; of a stream the provider got\n%s\nwithout\n%s", r.status, got, part)
		}
	}
}

func TestFault055_NUL(t *testing.T) {
	g, sim := startParser(t)
	wantForwarded(t, g, sim, `{"model":"sim-l0","messages":[{"role":"user","content":"a\u0000b"}],"user":"\u0000","\u0000":"\u0000"}`)
	wantRefused(t, g, sim, "{\"model\":\"sim-l0\",\"messages\":[{\"role\":\"user\",\"content\":\"c0nfidential\x00\"}]}", "caller_invalid_json")
	wantRefused(t, g, sim, "{\"model\":\"sim-l0\",\x00\"messages\":[]}", "caller_invalid_json")
	if r := g.post(chatPath, chat("c0nfidential\x00", "hi", false)); r.status >= 500 {
		t.Errorf("NUL in the name of a model: status %d: %s", r.status, r.body)
	}
}

func TestFault056_ContentType(t *testing.T) {
	g, sim := startParser(t)
	body := chat("sim-l0", "hi", false)
	for _, accepted := range []string{
		"Content-Type: application/json", "Content-Type: application/json; charset=utf-8", `Content-Type: application/json;charset="UTF-8"`,
		"Content-Type: Application/JSON ; Charset=UTF-8; x=1", "Content-Type: application/vnd.api+json", "Content-Type: ", "Content-Encoding: identity",
	} {
		if r := g.post(chatPath, body, accepted); r.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", accepted, r.status, r.body)
		}
	}
	for _, refused := range []string{
		"Content-Type: text/plain", "Content-Type: text/json", "Content-Type: application/x-www-form-urlencoded", "Content-Type: application/xml",
		"Content-Type: application/json; charset=latin1", "Content-Type: application/json; charset=utf-16", "Content-Type: application/json; x=1; charset=latin1",
		"Content-Type: application/jsonx", "Content-Type: */*", "Content-Type: json",
		"Content-Encoding: gzip", "Content-Encoding: deflate", "Content-Encoding: br", "Content-Encoding: zstd", "Content-Encoding: gzip, gzip", "Content-Encoding: x",
	} {
		wantRefused(t, g, sim, body, "caller_unsupported_media", refused)
	}
}

// No route takes multipart yet, so it is refused by its type, unread.
func TestFault057_Multipart(t *testing.T) {
	g, sim := startParser(t)
	var parts strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&parts, "--b\r\nContent-Disposition: form-data; name=\"f%d\"\r\n\r\nc0nfidential\r\n", i)
	}
	parts.WriteString("--b--\r\n")
	for _, kind := range []string{"multipart/form-data; boundary=b", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=b"} {
		wantRefused(t, g, sim, parts.String(), "caller_unsupported_media", "Content-Type: "+kind)
	}
}
