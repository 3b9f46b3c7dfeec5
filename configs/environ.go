package configs

import (
	"cmp"
	"net"
	"net/url"
	"strings"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/internal/secret"
	"github.com/ai-mcp-gateway/gateway/tenant"
)

// vendor is a provider that the environment can name.
type vendor struct {
	name string
	// keys and urls are the variables' names, the first that is set counts.
	keys, urls []string
	// base is the vendor's own OpenAI-compatible endpoint.
	base string
	// native is the dialect of base, and of another base URL that the
	// environment gives; empty means openai.
	native string
	// responses: there is a Responses API besides.
	responses bool
}

// vendors in the order in which they are tried for a model that several serve.
var vendors = []vendor{
	{name: "openai", keys: []string{"OPENAI_API_KEY"}, urls: []string{"OPENAI_BASE_URL"}, base: "https://api.openai.com/v1", responses: true},
	{name: "anthropic", keys: []string{"ANTHROPIC_API_KEY"}, urls: []string{"ANTHROPIC_BASE_URL"}, base: "https://api.anthropic.com", native: "anthropic"},
	{name: "gemini", keys: []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"}, urls: []string{"GEMINI_BASE_URL"}, base: "https://generativelanguage.googleapis.com", native: "gemini"},
	{name: "mistral", keys: []string{"MISTRAL_API_KEY"}, urls: []string{"MISTRAL_BASE_URL"}, base: "https://api.mistral.ai/v1"},
	{name: "deepseek", keys: []string{"DEEPSEEK_API_KEY"}, urls: []string{"DEEPSEEK_BASE_URL"}, base: "https://api.deepseek.com/v1"},
	{name: "xai", keys: []string{"XAI_API_KEY"}, urls: []string{"XAI_BASE_URL"}, base: "https://api.x.ai/v1", responses: true},
	{name: "groq", keys: []string{"GROQ_API_KEY"}, urls: []string{"GROQ_BASE_URL"}, base: "https://api.groq.com/openai/v1"},
	{name: "openrouter", keys: []string{"OPENROUTER_API_KEY"}, urls: []string{"OPENROUTER_BASE_URL"}, base: "https://openrouter.ai/api/v1", responses: true},
	{name: "together", keys: []string{"TOGETHER_API_KEY"}, urls: []string{"TOGETHER_BASE_URL"}, base: "https://api.together.ai/v1"},
	{name: "fireworks", keys: []string{"FIREWORKS_API_KEY"}, urls: []string{"FIREWORKS_BASE_URL"}, base: "https://api.fireworks.ai/inference/v1"},
	{name: "cerebras", keys: []string{"CEREBRAS_API_KEY"}, urls: []string{"CEREBRAS_BASE_URL"}, base: "https://api.cerebras.ai/v1"},
	{name: "ollama", keys: []string{"OLLAMA_API_KEY"}, urls: []string{"OLLAMA_BASE_URL", "OLLAMA_HOST"}},
}

// FromEnv makes a configuration of environment variables alone: a provider for
// each vendor whose <VENDOR>_API_KEY or <VENDOR>_BASE_URL is set (OpenAI,
// Anthropic, Gemini, Mistral, DeepSeek, xAI, Groq, OpenRouter, Together,
// Fireworks, Cerebras; OLLAMA_HOST for Ollama), a ladder of tiers out of the
// catalogue's models of these providers, and the settings GATEWAY_LISTEN,
// GATEWAY_DATA_DIR, GATEWAY_ADMIN_KEY, GATEWAY_KEYS (id:key, separated by
// commas), GATEWAY_AUTH, REDIS_URL, DATABASE_URL, LOG_LEVEL and MODE. Without
// any provider the configuration has none and no tiers; see WithProvider.
func FromEnv(env func(string) (string, bool)) (*Config, error) {
	c := defaults()
	r := newReport("")
	return finish(c, r, env)
}

// providersFromEnv makes a provider of each vendor that the environment names.
func providersFromEnv(r *report, env func(string) (string, bool)) []engine.ProviderConfig {
	var list []engine.ProviderConfig
	for _, v := range vendors {
		key, _ := first(env, v.keys)
		base, from := first(env, v.urls)
		if base == "" && (key == "" || v.base == "") {
			continue
		}
		p := engine.ProviderConfig{Name: v.name, Dialect: cmp.Or(v.native, "openai"), BaseURL: v.base, Responses: v.responses}
		if base != "" {
			r.marks[join("providers", v.name)] = mark{env: from}
			p.Dialect, p.BaseURL = v.endpoint(base)
			p.Responses = v.responses && hostOf(base) == hostOf(v.base)
		}
		if key != "" {
			p.Keys = []secret.String{secret.New(key)}
		}
		list = append(list, p)
	}
	return list
}

// endpoint says how to speak to a base URL that the environment gave.
func (v vendor) endpoint(base string) (dialect, url string) {
	switch {
	case v.name == "ollama":
		return "openai", ollamaURL(base)
	case v.native == "" || strings.HasSuffix(strings.TrimRight(base, "/"), "/openai"):
		return "openai", base
	}
	return v.native, base
}

// ollamaURL reads OLLAMA_HOST, which is what Ollama's own tools take: a host, a
// host:port or a URL, and the server's listening address as well.
func ollamaURL(host string) string {
	if !strings.Contains(host, "://") {
		host = "http://" + host
	}
	u, err := url.Parse(host)
	if err != nil {
		return host
	}
	name, port := u.Hostname(), u.Port()
	if name == "" || name == "0.0.0.0" || name == "::" {
		name = "127.0.0.1"
	}
	if port == "" && u.Scheme == "http" {
		port = "11434"
	}
	if port != "" {
		u.Host = net.JoinHostPort(name, port)
	}
	if u.Path = strings.TrimRight(u.Path, "/"); !strings.HasSuffix(u.Path, "/v1") {
		u.Path += "/v1"
	}
	return u.String()
}

func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Host
}

// first is the value of the first of the variables that is set and not empty.
func first(env func(string) (string, bool), names []string) (value, name string) {
	for _, name := range names {
		if value, _ := env(name); value != "" {
			return value, name
		}
	}
	return "", ""
}

// keysFromEnv reads GATEWAY_KEYS: id:key, separated by commas.
func keysFromEnv(list string) []tenant.KeyConfig {
	if list == "" {
		return nil
	}
	var keys []tenant.KeyConfig
	for item := range strings.SplitSeq(list, ",") {
		id, key, _ := strings.Cut(strings.TrimSpace(item), ":")
		keys = append(keys, tenant.KeyConfig{ID: id, Key: secret.New(key)})
	}
	return keys
}
