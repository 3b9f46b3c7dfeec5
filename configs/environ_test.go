package configs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/engine"
)

func TestFromEnvProviders(t *testing.T) {
	type provider struct {
		Name, Dialect, BaseURL string
		Keys                   int
	}
	f := func(vars string, want ...provider) {
		t.Helper()
		c, err := FromEnv(lookup(pairs(vars)))
		if err != nil {
			t.Errorf("%s: %v", vars, err)
			return
		}
		var have []provider
		for _, p := range c.Providers {
			have = append(have, provider{p.Name, p.Dialect, p.BaseURL, len(p.Keys)})
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s (-want +have):\n%s", vars, diff)
		}
	}
	f("")
	f("OPENAI_API_KEY=", nil...)
	f("OPENAI_API_KEY=k", provider{"openai", "openai", "https://api.openai.com/v1", 1})
	f("OPENAI_BASE_URL=http://127.0.0.1:1/v1/", provider{"openai", "openai", "http://127.0.0.1:1/v1", 0})
	f("OPENAI_API_KEY=k OPENAI_BASE_URL=http://h/v1", provider{"openai", "openai", "http://h/v1", 1})
	f("ANTHROPIC_API_KEY=k", provider{"anthropic", "anthropic", "https://api.anthropic.com", 1})
	f("ANTHROPIC_API_KEY=k ANTHROPIC_BASE_URL=https://api.anthropic.com", provider{"anthropic", "anthropic", "https://api.anthropic.com", 1})
	f("ANTHROPIC_API_KEY=k ANTHROPIC_BASE_URL=https://h/", provider{"anthropic", "anthropic", "https://h", 1})
	f("GEMINI_API_KEY=k", provider{"gemini", "gemini", "https://generativelanguage.googleapis.com", 1})
	f("GOOGLE_API_KEY=k", provider{"gemini", "gemini", "https://generativelanguage.googleapis.com", 1})
	f("GEMINI_BASE_URL=https://h/v1beta", provider{"gemini", "gemini", "https://h/v1beta", 0})
	f("GEMINI_BASE_URL=https://h/v1beta/openai/", provider{"gemini", "openai", "https://h/v1beta/openai", 0})
	f("XAI_API_KEY=a MISTRAL_API_KEY=b DEEPSEEK_API_KEY=c GROQ_API_KEY=d OPENROUTER_API_KEY=e TOGETHER_API_KEY=f FIREWORKS_API_KEY=g CEREBRAS_API_KEY=h",
		provider{"mistral", "openai", "https://api.mistral.ai/v1", 1},
		provider{"deepseek", "openai", "https://api.deepseek.com/v1", 1},
		provider{"xai", "openai", "https://api.x.ai/v1", 1},
		provider{"groq", "openai", "https://api.groq.com/openai/v1", 1},
		provider{"openrouter", "openai", "https://openrouter.ai/api/v1", 1},
		provider{"together", "openai", "https://api.together.ai/v1", 1},
		provider{"fireworks", "openai", "https://api.fireworks.ai/inference/v1", 1},
		provider{"cerebras", "openai", "https://api.cerebras.ai/v1", 1})
	f("OLLAMA_HOST=0.0.0.0", provider{"ollama", "openai", "http://127.0.0.1:11434/v1", 0})
	f("OLLAMA_HOST=box:1234", provider{"ollama", "openai", "http://box:1234/v1", 0})
	f("OLLAMA_HOST=http://[::1]", provider{"ollama", "openai", "http://[::1]:11434/v1", 0})
	f("OLLAMA_BASE_URL=https://box/v1/", provider{"ollama", "openai", "https://box/v1", 0})
	f("OLLAMA_API_KEY=k", nil...)
}

// pairs reads "NAME=value NAME=value".
func pairs(text string) map[string]string {
	vars := map[string]string{}
	for _, item := range strings.Fields(text) {
		name, value, _ := strings.Cut(item, "=")
		vars[name] = value
	}
	return vars
}

func TestFromEnvSettings(t *testing.T) {
	c, err := FromEnv(lookup(pairs("GATEWAY_LISTEN=0.0.0.0:80 GATEWAY_DATA_DIR=/d GATEWAY_ADMIN_KEY=adm GATEWAY_KEYS=a:k1,b:k2" +
		" REDIS_URL=redis://r DATABASE_URL=postgres://p LOG_LEVEL=WARN MODE=mcp")))
	if err != nil {
		t.Fatal(err)
	}
	have := []string{
		c.Listen, c.DataDir, c.AdminKey.Reveal(), c.Keys[0].ID, c.Keys[0].Key.Reveal(), c.Keys[1].ID, c.Keys[1].Key.Reveal(),
		c.Keys[1].Tenant, c.State.Redis.Reveal(), c.State.Postgres.Reveal(), c.Log.Level, c.Mode,
	}
	want := []string{"0.0.0.0:80", "/d", "adm", "a", "k1", "b", "k2", "default", "redis://r", "postgres://p", "warn", "mcp"}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
	c, err = FromEnv(lookup(nil))
	if err != nil || c.Listen != "127.0.0.1:8080" || c.Mode != "api" || len(c.Tiers) != 0 {
		t.Errorf("nothing set: %+v, %v", c, err)
	}
}

func TestEnvironmentOverFile(t *testing.T) {
	file := []byte("listen: 127.0.0.1:1\nstate: {redis: redis://file}\nproviders: {p: {dialect: openai, base_url: http://h/v1}}\nkeys: [{id: f, key: file-key}]\n")
	c, err := load("f.yaml", file, lookup(pairs("GATEWAY_LISTEN=127.0.0.1:2 REDIS_URL=redis://env OPENAI_API_KEY=k GATEWAY_KEYS=e:env-key")))
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:2" || c.State.Redis.Reveal() != "redis://env" || len(c.Keys) != 2 {
		t.Errorf("%+v", c)
	}
	if len(c.Providers) != 1 || c.Providers[0].Name != "p" {
		t.Errorf("the file's providers are not alone: %+v", c.Providers)
	}
	c, err = load("f.yaml", []byte("listen: 127.0.0.1:1\n"), lookup(pairs("OPENAI_API_KEY=k")))
	if err != nil || len(c.Providers) != 1 || len(c.Tiers) != 3 {
		t.Errorf("a file without providers: %+v, %v", c, err)
	}
}

func TestFromEnvErrors(t *testing.T) {
	f := func(vars, want string) {
		t.Helper()
		_, err := FromEnv(lookup(pairs(vars)))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", vars, err, want)
		}
	}
	f("GATEWAY_LISTEN=cAnArY", "GATEWAY_LISTEN: listen: must be host:port, such as 127.0.0.1:8080")
	f("GATEWAY_LISTEN=0.0.0.0:1", "GATEWAY_LISTEN: listen: can be reached from other machines and there are no keys; add keys, or say auth: off")
	f("LOG_LEVEL=cAnArY", "LOG_LEVEL: log.level: must be one of debug, info, warn, error")
	f("MODE=cAnArY", "MODE: mode: must be one of api, mcp")
	f("GATEWAY_AUTH=on", "GATEWAY_AUTH: auth: must be one of off")
	f("REDIS_URL=cAnArY", "REDIS_URL: state.redis: must be a URL that begins with redis:// or rediss://")
	f("OPENAI_BASE_URL=http://cAnArY@h/", "OPENAI_BASE_URL: providers.openai.base_url: must not hold credentials; put the key into keys")
	f("GATEWAY_KEYS=cAnArY", "GATEWAY_KEYS: keys[0]: must be id:key, several separated by commas; an id has letters, digits and . _ -")
	f("GATEWAY_KEYS=a/b:x", "GATEWAY_KEYS: keys[0]: must be id:key, several separated by commas; an id has letters, digits and . _ -")
	f("GATEWAY_KEYS=a:x,cAnArY", "GATEWAY_KEYS: keys[1]: must be id:key, several separated by commas; an id has letters, digits and . _ -")
}

func TestCheckListen(t *testing.T) {
	f := func(address string, keyed, authOff, ok bool) {
		t.Helper()
		if err := CheckListen(address, keyed, authOff); (err == nil) != ok {
			t.Errorf("CheckListen(%q, %v, %v): %v", address, keyed, authOff, err)
		}
	}
	for _, open := range []string{"0.0.0.0:1", "[::]:1", ":1", "example.com:1", "192.168.0.1:1", "[::ffff:10.0.0.1]:1"} {
		f(open, false, false, false)
		f(open, true, false, true)
		f(open, false, true, true)
	}
	for _, closed := range []string{"127.0.0.1:1", "127.9.9.9:0", "[::1]:1", "localhost:1", "[::ffff:127.0.0.1]:1"} {
		f(closed, false, false, true)
	}
	for _, bad := range []string{"", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1", "a b:1", "u@h:1", "http://h:1"} {
		f(bad, true, true, false)
	}
}

func TestWithProvider(t *testing.T) {
	none, err := FromEnv(lookup(nil))
	if err != nil {
		t.Fatal(err)
	}
	ladder := func(c *Config) (list []string) {
		for _, t := range c.Tiers {
			list = append(list, t.Name+"="+strings.Join(t.Models, ","))
		}
		return append(list, c.Routing.DefaultTier+".."+c.Routing.MaxTier)
	}
	f := func(what string, want, have any) {
		t.Helper()
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s (-want +have):\n%s", what, diff)
		}
	}
	sim := none.WithProvider(engine.ProviderConfig{Name: "simulated", Dialect: "openai", BaseURL: "http://127.0.0.1:1/v1/", Simulated: true})
	f("simulated", []string{"L0=simulated/sim-l0", "L1=simulated/sim-l1", "L2=simulated/sim-l2", "L0..L2"}, ladder(sim))
	f("base", "http://127.0.0.1:1/v1", sim.Providers[0].BaseURL)
	f("the original", []string{".."}, ladder(none))

	keyed, err := FromEnv(lookup(pairs("OPENAI_API_KEY=k ANTHROPIC_API_KEY=k")))
	if err != nil {
		t.Fatal(err)
	}
	ollama := engine.ProviderConfig{Name: "ollama", Dialect: "openai", BaseURL: "http://127.0.0.1:11434/v1"}
	both := keyed.WithProvider(ollama, "mine:latest", "llama3.2:3b")
	f("with ollama", []string{
		"L0=ollama/llama3.2:3b,openai/gpt-6-luna,anthropic/claude-haiku-5-5",
		"L1=openai/gpt-6.1-terra,anthropic/claude-haiku-4-5",
		"L2=openai/gpt-6.1-sol,anthropic/claude-sonnet-5-5", "L0..L2",
	}, ladder(both))
	var local []string
	for _, m := range both.Engine().Models {
		if strings.HasPrefix(m.ID, "ollama/") {
			local = append(local, m.ID)
			f(m.ID+" is free", true, m.Priced && m.OutputPrice == 0)
		}
	}
	f("its models", []string{"ollama/llama3.2:3b", "ollama/mine:latest"}, local)
	f("a second time", len(both.Providers), len(both.WithProvider(ollama).Providers))

	alone := none.WithProvider(ollama, "mine:latest")
	f("one tier is lent to all", []string{"L0=ollama/mine:latest", "L1=ollama/mine:latest", "L2=ollama/mine:latest", "L0..L2"}, ladder(alone))
}
