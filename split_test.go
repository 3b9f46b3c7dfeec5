package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestSplitAnywhere delivers a stream in two reads, cut at every byte: the
// client's bytes are the same.
func TestSplitAnywhere(t *testing.T) {
	p := startPlayer(t)
	g := startGateway(t, config("shutdown: {drain: 10ms}\n", p.URL+"/v1"))
	f := func(name, request, response string, want ...string) {
		t.Run(name, func(t *testing.T) {
			e := exchange{
				name: name, status: http.StatusOK, header: http.Header{"Content-Type": {"text/event-stream"}},
				request: []byte(request), response: []byte(response),
			}
			whole := strings.Join(want, "")
			for at := range len(response) {
				control := [...]string{"no-store", "no-cache"}[at%2] // a stream of its own, and one that is shared
				p.play(&e, true, at)
				r := g.post("/v1/chat/completions", request, "Cache-Control: "+control)
				if r.status != http.StatusOK || r.err != nil || r.body != whole {
					t.Fatalf("cut at %d, before %.20q: status %d, %v\n got %q\nwant %q", at, response[at:], r.status, r.err, r.body, whole)
				}
			}
		})
	}
	const (
		text   = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"é👋\\n\\\"usage\\\":{\"}}]}\n\n"
		finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
		usage  = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n"
		priced = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"cost\":0.000007}}\n\n"
		done   = "data: [DONE]\n\n"
	)
	asking := `{"model":"sim-l0","messages":[],"stream":true,"stream_options":{"include_usage":true}}`
	silent := `{"model":"sim-l0","messages":[],"stream":true}`
	f("usage is priced", asking, text+finish+usage+done, text, finish, priced, done)
	f("usage is left out", silent, text+finish+usage+done, text, finish, done)
	f("usage with more in it is left in", silent, text+finish[:len(finish)-3]+`,"usage":{"prompt_tokens":1}}`+"\n\n"+done,
		text, finish[:len(finish)-3]+`,"usage":{"prompt_tokens":1}}`+"\n\n", done)

	crlf := strings.NewReplacer("\n", "\r\n").Replace
	odd := "\ufeff: ping\n\nid: 1\nevent: x\ndata: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"é\"},\"finish_reason\":\"stop\"}]}\nretry: 1\n\n"
	f("lines end in CRLF", silent, crlf(odd+usage+"data:[DONE]\n\n"), crlf(odd+"data:[DONE]\n\n"))
	f("lines end in CR", silent, strings.ReplaceAll(odd+usage+done, "\n", "\r"),
		strings.ReplaceAll(odd+done, "\n", "\r"), "\n") // the LF that could have followed ends the wait for it
	f("no blank line and no end", silent, text+strings.TrimSpace(finish), text, finish, done)

	failure := "data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\",\"code\":null}}\n\n"
	ours := `data: {"error":{"message":"The provider could not answer: status 502.","type":"upstream_error","param":null,"code":"upstream_failed","gateway_code":"provider_failed"}}` + "\n\n"
	cut := `data: {"error":{"message":"the provider's answer ended early","type":"upstream_error","param":null,"code":"upstream_truncated","gateway_code":"provider_truncated"}}` + "\n\n"
	f("an error", silent, text+failure, text, ours)
	f("an end in the middle", silent, text+text[:20], text, cut)
}
