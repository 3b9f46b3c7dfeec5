package configs

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/engine"
)

// TestCatalogue holds models.json to its own rules.
func TestCatalogue(t *testing.T) {
	file, err := readCatalogue(modelsJSON)
	if err != nil {
		t.Fatal(err)
	}
	models := file.Models
	for _, rule := range file.Traits {
		prefix, _ := strings.CutSuffix(rule.Models, "*")
		if !strings.Contains(prefix, "/") || !strings.HasPrefix(rule.Source, "https://") || reflect.DeepEqual(rule.Traits, engine.TraitsConfig{}) {
			t.Errorf("traits of %q", rule.Models)
		}
	}
	if len(models) < 80 || len(models) > 150 {
		t.Errorf("%d models", len(models))
	}
	words := []string{"vision", "tools", "json_schema", "reasoning", "audio", "embeddings", "stream"}
	id := regexp.MustCompile(`^[a-z0-9-]+/[A-Za-z0-9._:/-]+$`)
	// The highest price of a token of output in a class, in nano-dollars.
	ceiling := map[string]int64{"L0": 1500, "L1": 7500, "L2": 60000}
	seen := map[string]bool{}
	for _, m := range models {
		e, err := m.entry(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Errorf("%s: %v", m.ID, err)
			continue
		}
		if !id.MatchString(m.ID) || seen[m.ID] {
			t.Errorf("id %q", m.ID)
		}
		seen[m.ID] = true
		if _, err := time.Parse(time.DateOnly, m.Date); err != nil || !strings.HasPrefix(m.Source, "https://") && !strings.HasPrefix(m.ID, "simulated/") {
			t.Errorf("%s: source %q, date %q", m.ID, m.Source, m.Date)
		}
		if slices.ContainsFunc(m.Capabilities, func(c string) bool { return !slices.Contains(words, c) }) || len(m.Capabilities) == 0 {
			t.Errorf("%s: capabilities %v", m.ID, m.Capabilities)
		}
		if embeds := slices.Contains(m.Capabilities, "embeddings"); m.Tier != "" && embeds {
			t.Errorf("%s embeds and has a tier", m.ID)
		}
		if limit, ok := ceiling[m.Tier]; m.Tier != "" && (!ok || e.OutputPrice > limit) {
			t.Errorf("%s costs %d nano-dollars a token, too much for %q", m.ID, e.OutputPrice, m.Tier)
		}
		if e.CacheReadPrice > e.InputPrice || e.CacheWritePrice < e.InputPrice && m.Price.CacheWrite != "" {
			t.Errorf("%s: cache prices %d and %d beside %d", m.ID, e.CacheReadPrice, e.CacheWritePrice, e.InputPrice)
		}
		if e.LongAbove > 0 && (e.LongInputPrice <= e.InputPrice || e.LongAbove >= e.Context) || m.MaxOutput > m.Context {
			t.Errorf("%s: long above %d of %d, output %d", m.ID, e.LongAbove, m.Context, m.MaxOutput)
		}
		if m.Next != nil {
			if _, err := time.Parse(time.DateOnly, m.Next.From); err != nil {
				t.Errorf("%s: next from %q", m.ID, m.Next.From)
			}
			if _, err := m.Next.nano(); err != nil {
				t.Errorf("%s: next: %v", m.ID, err)
			}
		}
	}
}

// TestVendorsHaveEveryTier: one key of a big vendor is enough for a ladder.
func TestVendorsHaveEveryTier(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		c, err := FromEnv(lookup(pairs(name + "=k")))
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, tier := range c.Tiers {
			have = append(have, strings.Join(tier.Models, ","))
		}
		if strings.Join(have, " ") != want {
			t.Errorf("%s: %v, want %s", name, have, want)
		}
	}
	f("OPENAI_API_KEY", "openai/gpt-6-luna openai/gpt-6.1-terra openai/gpt-6.1-sol")
	f("ANTHROPIC_API_KEY", "anthropic/claude-haiku-5-5 anthropic/claude-haiku-4-5 anthropic/claude-sonnet-5-5")
	f("GEMINI_API_KEY", "gemini/gemini-3.1-flash-lite gemini/gemini-3.8-flash gemini/gemini-4-argon")
	f("MISTRAL_API_KEY", "mistral/mistral-small-2603 mistral/mistral-large-2512 mistral/mistral-medium-3-5")
	f("DEEPSEEK_API_KEY", "deepseek/deepseek-flash deepseek/deepseek-v4-pro deepseek/deepseek-v4-pro")
	f("XAI_API_KEY", "xai/grok-build-0.1 xai/grok-build-0.1 xai/grok-4.7")
	f("GROQ_API_KEY", "groq/openai/gpt-oss-20b groq/openai/gpt-oss-120b groq/qwen/qwen3.8-27b")
	f("OPENROUTER_API_KEY", "")
}

func TestPriceOfTheDay(t *testing.T) {
	m := listedModel{ID: "p/m", Price: listedPrice{Input: "1", Output: "2"}}
	m.Next = &struct {
		From string `json:"from"`
		listedPrice
	}{"2026-12-01", listedPrice{Input: "2", Output: "4"}}
	f := func(day string, want int64) {
		t.Helper()
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := m.entry(at); err != nil || e.OutputPrice != want {
			t.Errorf("%s: %d, %v", day, e.OutputPrice, err)
		}
	}
	f("2026-11-30", 2000)
	f("2026-12-01", 4000)
	f("2027-01-01", 4000)
}

func TestParseUSD(t *testing.T) {
	f := func(text string, want int64) {
		t.Helper()
		if have, err := parseUSD(text); err != nil || have != want {
			t.Errorf("parseUSD(%s) = %d, %v, want %d", text, have, err, want)
		}
	}
	f("0", 0)
	f("15", 15_000)
	f("0.25", 250)
	f("0.0375", 38) // 37.5
	f("0.001", 1)
	f("0.0000001", 1) // never free by rounding
	f("1.0010000", 1001)
	f("1000000", 1_000_000_000)
	f("1000000.000", 1_000_000_000)
	for _, bad := range []string{"", "-1", "1e3", ".5", "1.", "1,5", "1000000.1", "1000001", "NaN", "0x1", "99999999", "1_000"} {
		if have, err := parseUSD(bad); err == nil {
			t.Errorf("parseUSD(%q) = %d", bad, have)
		}
	}
}

func TestModelOverrides(t *testing.T) {
	c, err := load("f.yaml", []byte(`
providers: {openai: {dialect: openai, base_url: http://h/v1}, local: {dialect: openai, base_url: http://h/v1}}
models:
  openai/gpt-6.1-sol: {price: {input: 1, output: 2}}
  openai/gpt-6-luna: {context: 1000}
  local/a: {price: {input: 0.5, cache_read: 0.1, output: 0}, capabilities: [vision]}
tiers: [{name: L0, models: [local/a, local/b]}]
`), lookup(nil))
	if err != nil {
		t.Fatal(err)
	}
	have := map[string][]int64{}
	for _, m := range c.Engine().Models {
		if strings.HasPrefix(m.ID, "anthropic/") {
			t.Errorf("%s is there without its provider", m.ID)
		}
		have[m.ID] = []int64{m.InputPrice, m.CacheReadPrice, m.CacheWritePrice, m.OutputPrice, int64(m.LongAbove), int64(m.Context), map[bool]int64{true: 1}[m.Priced]}
	}
	f := func(id string, want ...int64) {
		t.Helper()
		if diff := cmp.Diff(want, have[id]); diff != "" {
			t.Errorf("%s (-want +have):\n%s", id, diff)
		}
	}
	f("openai/gpt-6.1-sol", 1000, 1000, 1000, 2000, 0, 1050000, 1)
	f("openai/gpt-6.1-terra", 1000, 50, 1250, 5000, 272000, 1050000, 1)
	f("openai/gpt-6-luna", 100, 10, 125, 500, 272000, 1000, 1)
	f("local/a", 500, 100, 500, 0, 0, 0, 1)
	f("local/b") // unknown: the engine takes it as it comes
}
