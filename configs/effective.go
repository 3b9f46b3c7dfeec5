package configs

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/internal/secret"
	"github.com/ai-mcp-gateway/gateway/proxy"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// minKey is the length in bytes under which a key is called short.
const minKey = 16

// Engine is the part of the configuration that the engine needs.
func (c *Config) Engine() engine.Config {
	cfg := engine.Config{
		Providers: slices.Clone(c.Providers),
		Tiers:     slices.Clone(c.Tiers),
		Routing:   c.Routing,
		Cache:     c.Cache.Response,
		Fetch:     c.Fetch,
		Strict:    c.Strict,
		Summarize: c.Conversation.Summarize,
		Upstream: upstream.Config{
			Connect:      c.Timeouts.Connect,
			FirstByte:    c.Timeouts.FirstByte,
			Idle:         c.Timeouts.Idle,
			Total:        c.Timeouts.Total,
			MaxResponse:  c.Limits.Response,
			MaxEvent:     c.Limits.Event,
			MaxIdleConns: c.Limits.IdleConns,
		},
	}
	for i := range cfg.Providers {
		p := &cfg.Providers[i]
		p.Traits = p.Traits.Over(traitsOf(p.Name + "/*"))
	}
	for _, e := range c.models() {
		cfg.Models = append(cfg.Models, e.ModelConfig)
	}
	return cfg
}

// ArchiveDir is where the files of archived conversations are.
func (c *Config) ArchiveDir() string {
	return cmp.Or(c.State.Archive, filepath.Join(c.DataDir, "archive"))
}

// Proxy is the part of the configuration that the HTTP face needs.
func (c *Config) Proxy() proxy.Config {
	return proxy.Config{
		Listen:        c.Listen,
		AuthOff:       c.Auth == "off",
		AdminKey:      c.AdminKey,
		MaxBody:       c.Limits.Body,
		MaxUpload:     c.Limits.Upload,
		MaxHeader:     c.Limits.Header,
		MaxConnsPerIP: c.Limits.ConnsPerIP,
		HeaderTimeout: c.Timeouts.Header,
		BodyTimeout:   c.Timeouts.Body,
		IdleTimeout:   c.Timeouts.KeepAlive,
		WriteTimeout:  c.Timeouts.Write,
		Origins:       slices.Clone(c.CORS.Origins),
		Drain:         c.Shutdown.Drain,
		Grace:         c.Shutdown.Grace,
	}
}

// WithProvider returns a copy of the configuration with one more provider, one
// that was found when the program started: a local server, the simulator.
// models are the bare names of the models that it offers; those that the
// catalogue does not know are taken to cost nothing. Without models it offers
// what the catalogue lists for it. Tiers that were made of the catalogue are
// made anew. A provider that is already there stays as it is.
func (c *Config) WithProvider(p engine.ProviderConfig, models ...string) *Config {
	d := *c
	if slices.ContainsFunc(c.Providers, func(q engine.ProviderConfig) bool { return q.Name == p.Name }) {
		return &d
	}
	d.Providers = append(slices.Clone(c.Providers), p)
	d.Models = slices.Clone(c.Models)
	d.normalize()
	if len(models) > 0 {
		known := map[string]bool{}
		d.catalogue = slices.DeleteFunc(slices.Clone(c.catalogue), func(e entry) bool {
			name, bare, _ := strings.Cut(e.ID, "/")
			offered := name != p.Name || slices.Contains(models, bare)
			known[e.ID] = offered
			return !offered
		})
		for _, m := range models {
			if id := p.Name + "/" + m; !known[id] {
				d.catalogue = append(d.catalogue, free(id))
			}
		}
	}
	d.climb()
	return &d
}

// free is a model that costs nothing and that only its id is known of.
func free(id string) entry {
	e := entry{tier: ladder[0], ModelConfig: engine.ModelConfig{ID: id}}
	e.charge(Price{})
	return e
}

// DefaultDataDir reports whether nobody has said where DataDir is.
func (c *Config) DefaultDataDir() bool { return c.DataDir == defaultDataDir }

// WithDataDir returns c with another DataDir.
func (c *Config) WithDataDir(dir string) *Config {
	d := *c
	d.DataDir = dir
	return &d
}

// Warnings are sentences about what is allowed but deserves a look: keys that
// are short, models without a price.
func (c *Config) Warnings() []string {
	var list []string
	warn := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	short := func(s secret.String) bool { return !s.Empty() && len(s.Reveal()) < minKey }
	if short(c.AdminKey) {
		warn("admin_key: shorter than %d characters", minKey)
	}
	for _, k := range c.Keys {
		if short(k.Key) {
			warn("keys: the key %s is shorter than %d characters", k.ID, minKey)
		}
	}
	if len(c.MCP.Servers) > 0 {
		warn("mcp.servers: this version does not offer the tools of other MCP servers")
	}
	if len(c.Providers) > 0 && len(c.Tiers) == 0 {
		warn("tiers: there are none and the catalogue has no model for any of the providers; auto has nowhere to go")
	}
	var priced []string
	for _, e := range c.models() {
		if e.Priced {
			priced = append(priced, e.ID)
		}
	}
	for _, t := range c.Tiers {
		for _, id := range t.Models {
			if !slices.Contains(priced, id) {
				warn("tiers: the tier %s has %s, for which there is no price: the cost of its calls is unknown%s", t.Name, id, suggest(id, priced))
			}
		}
	}
	return list
}

// Version is a short digest of what decides how calls are answered, the same on
// all instances that are configured alike: listen, data_dir and the mode are
// left out, secrets are in it as digests of their own.
func (c *Config) Version() string {
	same := *c
	same.Listen, same.DataDir, same.Mode = "", "", ""
	text := appendValue(nil, reflect.ValueOf(same))
	text = appendValue(text, reflect.ValueOf(c.Engine().Models))
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

// appendValue writes a value in one fixed form.
func appendValue(dst []byte, v reflect.Value) []byte {
	if s, ok := v.Interface().(secret.String); ok {
		sum := sha256.Sum256([]byte(s.Reveal()))
		return append(dst, hex.EncodeToString(sum[:])...)
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				dst = append(append(dst, f.Name...), '=')
				dst = append(appendValue(dst, v.Field(i)), '\n')
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			dst = append(appendValue(append(dst, '-'), v.Index(i)), '\n')
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			dst = fmt.Appendf(dst, "%q=", k.String())
			dst = append(appendValue(dst, v.MapIndex(k)), '\n')
		}
	case reflect.Pointer:
		if !v.IsNil() {
			dst = appendValue(dst, v.Elem())
		}
	default:
		dst = fmt.Appendf(dst, "%q", fmt.Sprint(v.Interface()))
	}
	return dst
}
