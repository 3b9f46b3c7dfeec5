package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// TestGist finds what the user has said last, and what the request needs, in
// every dialect.
func TestGist(t *testing.T) {
	f := func(op translate.Op, body, gist string, midRound bool, n needs) {
		t.Helper()
		c := AcquireCall(time.Now())
		defer c.Release()
		c.Op = op
		if err := c.Request.Scan([]byte(body)); err != nil {
			t.Fatal(err)
		}
		if got := string(c.gist()); got != gist || c.midRound != midRound {
			t.Errorf("%s: %q, mid-round %v; want %q, %v", body, got, c.midRound, gist, midRound)
		}
		if got := c.needed(); got != n {
			t.Errorf("%s: needs %+v, want %+v", body, got, n)
		}
	}
	none := needs{}
	f(translate.OpChat, `{"messages":[{"role":"user","content":"a \"b\""}]}`, `a "b"`, false, none)
	f(translate.OpChat, `{"messages":[{"role":"user","content":"first"},{"role":"assistant","content":"x"},{"role":"user","content":[{"type":"text","text":"one"},{"type":"image_url","image_url":{"url":"u"}},{"type":"text","text":"two"}]}]}`,
		"one\ntwo", false, needs{vision: true})
	f(translate.OpChat, `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[]},{"role":"tool","tool_call_id":"1","content":"r"}],"tools":[{"type":"function"}]}`,
		"q", true, needs{tools: true})
	f(translate.OpChat, `{"messages":[{"role":"user","content":"q"}],"tools":[],"response_format":{"type":"json_schema","json_schema":{}}}`, "q", false, needs{schema: true})
	f(translate.OpMessages, `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use"}]},{"role":"user","content":[{"type":"tool_result","content":"r"}]}]}`, "q", true, none)
	f(translate.OpMessages, `{"messages":[{"role":"user","content":[{"type":"image","source":{}},{"type":"text","text":"q"}]}]}`, "q", false, needs{vision: true})
	f(translate.OpResponses, `{"input":"plain"}`, "plain", false, none)
	f(translate.OpResponses, `{"input":[{"role":"user","content":[{"type":"input_text","text":"q"},{"type":"input_image"}]},{"type":"function_call","call_id":"1"},{"type":"function_call_output","call_id":"1","output":"r"}],"text":{"format":{"type":"json_schema"}}}`,
		"q", true, needs{vision: true, schema: true})
	f(translate.OpChat, `{"messages":[]}`, "", false, none)
	f(translate.OpChat, `{"messages":[1,"x",{"role":"user","content":7}]}`, "", false, none)
}

// BenchmarkDecide is what auto adds before the first attempt.
func BenchmarkDecide(b *testing.B) {
	for _, size := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			words := strings.Repeat("why does the gateway keep a thread while a cheap model writes plain words ", size/70+1)[:size]
			body := []byte(`{"model":"auto","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"` + words + `"}]}`)
			only := &target{provider: &provider{}, config: ModelConfig{ID: "p/a"}}
			r := &route{targets: []*target{only}}
			l := &ladder{tiers: []*route{r}, models: [][]*target{{only}}}
			e := &Engine{}
			s := &state{config: Config{Tiers: []TierConfig{{Name: "L0"}}, Routing: RoutingConfig{CrossCheck: "auto", Learn: true}}, table: &table{ladder: l}}
			c := AcquireCall(time.Now())
			defer c.Release()
			c.Op, c.Caller, c.engine, c.state = translate.OpChat, tenant.Anonymous(), e, s
			if err := c.Request.Scan(body); err != nil {
				b.Fatal(err)
			}
			c.most = noLimit
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.decide(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
