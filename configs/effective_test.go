package configs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/proxy"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

func mustLoad(t *testing.T, text string) *Config {
	t.Helper()
	c, err := load("f.yaml", []byte(text), lookup(environment))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestParts gives every package what the file says, each value in its place.
func TestParts(t *testing.T) {
	c := mustLoad(t, `
listen: 127.0.0.1:1
auth: off
limits: {body: 1KiB, upload: 7KiB, header: 2KiB, response: 3KiB, event: 4KiB, idle_conns: 5, conns_per_ip: 6}
timeouts: {connect: 1s, first_byte: 2s, idle: 3s, total: 4s, header: 5s, body: 6s, keep_alive: 7s, write: 8s}
shutdown: {drain: 9s, grace: 10s}
cors: {origins: [https://a.example]}
providers: {p: {dialect: openai, base_url: http://h/v1/, keys: [a, b], stream_usage: never}}
tiers: [{name: small, models: [p/a]}, {name: large, models: [p/b]}]
routing: {default_tier: small}
cache: {response: {enabled: false, ttl: 11s, memory: 12KiB, scope: user, coalesce: false}}
`)
	wantProxy := proxy.Config{
		Listen: "127.0.0.1:1", AuthOff: true, MaxBody: 1 << 10, MaxUpload: 7 << 10, MaxHeader: 2 << 10, MaxConnsPerIP: 6,
		HeaderTimeout: 5 * time.Second, BodyTimeout: 6 * time.Second, IdleTimeout: 7 * time.Second, WriteTimeout: 8 * time.Second,
		Origins: []string{"https://a.example"}, Drain: 9 * time.Second, Grace: 10 * time.Second,
	}
	if diff := cmp.Diff(wantProxy, c.Proxy()); diff != "" {
		t.Errorf("proxy (-want +have):\n%s", diff)
	}
	e := c.Engine()
	wantUpstream := upstream.Config{
		Connect: time.Second, FirstByte: 2 * time.Second, Idle: 3 * time.Second, Total: 4 * time.Second,
		MaxResponse: 3 << 10, MaxEvent: 4 << 10, MaxIdleConns: 5,
	}
	if diff := cmp.Diff(wantUpstream, e.Upstream); diff != "" {
		t.Errorf("upstream (-want +have):\n%s", diff)
	}
	if diff := cmp.Diff(cache.Config{TTL: 11 * time.Second, Memory: 12 << 10, Scope: "user"}, e.Cache); diff != "" {
		t.Errorf("cache (-want +have):\n%s", diff)
	}
	p := e.Providers[0]
	have := fmt.Sprint(p.Name, p.Dialect, p.BaseURL, p.Keys[0].Reveal(), p.Keys[1].Reveal(), p.StreamUsage, e.Tiers, e.Routing)
	if want := "popenaihttp://h/v1abnever[{small [p/a] } {large [p/b] }] {small large order auto true true false {true 3}}"; have != want {
		t.Errorf("engine: %s, want %s", have, want)
	}
}

// TestDefaultsOfUpstream: what is not said is what upstream takes by itself.
func TestDefaultsOfUpstream(t *testing.T) {
	c := mustLoad(t, "data_dir: x\n")
	if diff := cmp.Diff(upstream.Defaults(), c.Engine().Upstream); diff != "" {
		t.Errorf("(-upstream +configs):\n%s", diff)
	}
}

func TestVersion(t *testing.T) {
	base := "providers: {p: {dialect: openai, base_url: http://h/v1, keys: [%s]}}\ntiers: [{name: L0, models: [p/a]}]\n"
	one := mustLoad(t, fmt.Sprintf(base, "key-one")).Version()
	if len(one) != 12 || strings.Contains(one, "key") {
		t.Errorf("version %q", one)
	}
	f := func(what, text string, same bool) {
		t.Helper()
		if have := mustLoad(t, text).Version(); (have == one) != same {
			t.Errorf("%s: %s beside %s", what, have, one)
		}
	}
	text := fmt.Sprintf(base, "key-one")
	f("the same", text, true)
	f("written otherwise", "# comment\n"+strings.ReplaceAll(text, "h/v1", "h/v1/"), true)
	f("another instance", "listen: 127.0.0.1:99\ndata_dir: /elsewhere\n"+text, true)
	f("another key", fmt.Sprintf(base, "key-two"), false)
	f("another price", text+"models: {p/a: {price: {input: 1, output: 1}}}\n", false)
	f("another limit", text+"limits: {body: 1KiB}\n", false)
	f("another variable of an MCP server", text+"mcp: {servers: {a: {command: x, env: {A: b}}}}\n", false)
}

func TestWarnings(t *testing.T) {
	c := mustLoad(t, `
admin_key: short
keys: [{id: app, key: short-too}]
providers: {openai: {dialect: openai, base_url: http://h/v1}, claude: {dialect: anthropic, base_url: http://h}}
tiers: [{name: L0, models: [openai/gpt-6-lunar]}]
`)
	want := []string{
		"admin_key: shorter than 16 characters",
		"keys: the key app is shorter than 16 characters",
		`tiers: the tier L0 has openai/gpt-6-lunar, for which there is no price: the cost of its calls is unknown; did you mean "openai/gpt-6-luna"?`,
	}
	if diff := cmp.Diff(want, c.Warnings()); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
	c = mustLoad(t, "providers: {mine: {dialect: openai, base_url: http://h/v1}}\n")
	if w := c.Warnings(); len(w) != 1 || !strings.HasPrefix(w[0], "tiers: there are none") {
		t.Errorf("no tiers: %q", w)
	}
	if w := mustLoad(t, "data_dir: x\n").Warnings(); len(w) != 0 {
		t.Errorf("nothing to warn of: %q", w)
	}
}

// TestSecretsAreNotPrinted formats a whole configuration in every way.
func TestSecretsAreNotPrinted(t *testing.T) {
	c := mustLoad(t, `
admin_key: cAnArY-1
keys: [{id: a, key: cAnArY-2}]
state: {redis: "redis://:cAnArY-3@h", postgres: "postgres://u:cAnArY-4@h/d"}
providers: {p: {dialect: openai, base_url: http://h/v1, keys: [cAnArY-5]}}
mcp: {servers: {a: {command: x, env: {A: cAnArY-6}, headers: {B: cAnArY-7}}}}
`)
	for _, v := range []any{c, *c, c.Engine(), c.Keys, c.Warnings(), c.Version()} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(format, v); strings.Contains(text, "cAnArY") {
				t.Errorf("%s of %T shows a secret", format, v)
			}
		}
	}
}
