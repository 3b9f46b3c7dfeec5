package engine

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// autoModel is the name under which the router decides.
const autoModel = "auto"

// table is what a configuration compiles to: every name a client may use,
// with the targets behind it. It is immutable; a reload swaps it whole.
type table struct {
	providers map[string]*provider
	routes    map[string]*route
	catalogue []Model
	tiers     map[string]bool // their names
}

// route is the ordered list of targets behind one name.
type route struct {
	name    string
	reason  string
	targets []*target
}

// target is a provider's model.
type target struct {
	id       string // provider/model
	model    []byte // as the provider knows it
	tier     string // empty outside the tiers
	provider *provider
	config   ModelConfig
	known    bool // in the catalogue
	breaker  *upstream.Breaker
}

// Model is a line of GET /v1/models.
type Model struct {
	ID      string
	OwnedBy string
}

// serves reports whether the target can do op, as far as the catalogue says.
func (t *target) serves(op translate.Op) bool {
	embeds := slices.Contains(t.config.Capabilities, "embeddings")
	return !t.known || embeds == (op == translate.OpEmbedding)
}

// compile builds a table. Endpoints and breakers of old are taken over where
// provider and base URL are the same, so that a reload loses no connection
// and forgets no failure.
func compile(cfg *Config, dialects Dialects, roots *x509.CertPool, old *table) (*table, error) {
	t := &table{
		providers: map[string]*provider{},
		routes:    map[string]*route{},
		tiers:     map[string]bool{},
	}
	for _, pc := range cfg.Providers {
		d, ok := dialects[pc.Dialect]
		if !ok {
			continue // configured for a later version; New reports it
		}
		p, err := newProvider(pc, d, cfg.Upstream, roots, old)
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", pc.Name, err)
		}
		t.providers[pc.Name] = p
	}
	targets := t.compileModels(cfg, old)
	t.compileTiers(cfg, targets, old)
	t.compileCatalogue(cfg)
	return t, nil
}

// compileModels makes a route for each provider/model and each bare id.
func (t *table) compileModels(cfg *Config, old *table) map[string]*target {
	targets := map[string]*target{}
	for _, pc := range cfg.Providers {
		p := t.providers[pc.Name]
		if p == nil {
			continue
		}
		for _, mc := range cfg.Models {
			bare, ok := strings.CutPrefix(mc.ID, pc.Name+"/")
			if !ok {
				continue
			}
			entry := &target{id: mc.ID, model: []byte(bare), provider: p, config: mc, known: true, breaker: old.breaker(mc.ID, p)}
			targets[mc.ID] = entry
			t.routes[mc.ID] = &route{name: mc.ID, reason: "pinned model", targets: []*target{entry}}
			r := t.routes[bare]
			if r == nil {
				r = &route{name: bare, reason: "pinned model id"}
				t.routes[bare] = r
			}
			r.targets = append(r.targets, entry)
		}
	}
	return targets
}

// compileTiers makes the routes of the tiers and of auto: a tier's targets in
// order, then those of the tiers above it up to the highest allowed.
func (t *table) compileTiers(cfg *Config, targets map[string]*target, old *table) {
	start, highest := 0, len(cfg.Tiers)-1
	ranks := make([][]*target, len(cfg.Tiers))
	for i, tc := range cfg.Tiers {
		t.tiers[tc.Name] = true
		if tc.Name == cfg.Routing.MaxTier {
			highest = i
		}
		if tc.Name == cfg.Routing.DefaultTier {
			start = i
		}
		for _, id := range tc.Models {
			target := targets[id]
			if target == nil {
				target = t.adhoc(id, old)
			}
			if target == nil {
				continue // its provider speaks a dialect of a later version
			}
			if target.tier == "" {
				target.tier = tc.Name
			}
			ranks[i] = append(ranks[i], target)
		}
	}
	for i, tc := range cfg.Tiers {
		r := &route{name: tc.Name, reason: "tier " + tc.Name}
		for rank := i; rank <= max(i, highest); rank++ {
			r.targets = append(r.targets, ranks[rank]...)
		}
		r.targets = append(r.targets, t.embedders(cfg, targets)...)
		t.routes[tc.Name] = r
	}
	if len(cfg.Tiers) > 0 {
		auto := *t.routes[cfg.Tiers[start].Name]
		auto.name, auto.reason = autoModel, "auto: default tier "+cfg.Tiers[start].Name
		t.routes[autoModel] = &auto
	}
}

// embedders are the models that embed, cheapest first: what auto means for an
// embedding, which no chat model of a tier can make.
func (t *table) embedders(cfg *Config, targets map[string]*target) []*target {
	var out []*target
	for _, mc := range cfg.Models {
		if target := targets[mc.ID]; target != nil && slices.Contains(mc.Capabilities, "embeddings") {
			out = append(out, target)
		}
	}
	slices.SortStableFunc(out, func(a, b *target) int { return cmp.Compare(a.config.InputPrice, b.config.InputPrice) })
	return out
}

// adhoc is a target that the catalogue does not list; its cost is unknown.
func (t *table) adhoc(id string, old *table) *target {
	name, bare, ok := strings.Cut(id, "/")
	p := t.providers[name]
	if !ok || p == nil || bare == "" {
		return nil
	}
	return &target{id: id, model: []byte(bare), provider: p, config: ModelConfig{ID: id}, breaker: old.breaker(id, p)}
}

// resolve finds the route for a name, and for auto the tier the caller hinted
// at. It returns nil for a name that nothing serves.
func (t *table) resolve(model, tierHint []byte) *route {
	if string(model) == autoModel && len(tierHint) > 0 && t.tiers[string(tierHint)] {
		model = tierHint
	}
	if r := t.routes[string(model)]; r != nil {
		if len(r.targets) == 0 {
			return nil // all its providers speak dialects of later versions
		}
		return r
	}
	if found := t.adhoc(string(model), nil); found != nil {
		return &route{name: found.id, reason: "pinned model, not in the catalogue", targets: []*target{found}}
	}
	return nil
}

func (t *table) compileCatalogue(cfg *Config) {
	add := func(id, owner string) { t.catalogue = append(t.catalogue, Model{ID: id, OwnedBy: owner}) }
	if len(t.tiers) > 0 {
		add(autoModel, "gateway")
	}
	for _, tc := range cfg.Tiers {
		add(tc.Name, "gateway")
	}
	seen := map[string]bool{}
	for _, pc := range cfg.Providers {
		for _, mc := range cfg.Models {
			bare, ok := strings.CutPrefix(mc.ID, pc.Name+"/")
			if !ok || t.providers[pc.Name] == nil {
				continue
			}
			add(mc.ID, pc.Name)
			if !seen[bare] {
				seen[bare] = true
				add(bare, pc.Name)
			}
		}
	}
}

// breaker returns the breaker that the old table had for the target, or a new
// one. A target outside the catalogue shares its provider's.
func (t *table) breaker(id string, p *provider) *upstream.Breaker {
	if t == nil {
		return p.breaker
	}
	if r := t.routes[id]; r != nil && len(r.targets) == 1 && r.targets[0].id == id && r.targets[0].provider.endpoint == p.endpoint {
		return r.targets[0].breaker
	}
	return new(upstream.Breaker)
}

// close closes the endpoints that next does not use.
func (t *table) close(next *table) {
	kept := map[*upstream.Endpoint]bool{}
	if next != nil {
		for _, p := range next.providers {
			kept[p.endpoint] = true
		}
	}
	for _, p := range t.providers {
		if !kept[p.endpoint] {
			p.endpoint.Close()
		}
	}
}

// cooling returns the earliest time at which one of the targets may be tried
// again, when all of them are set aside.
func (r *route) cooling(now time.Time) (until time.Time) {
	for _, t := range r.targets {
		at, open := t.breaker.Open(now)
		if open && (until.IsZero() || at.Before(until)) {
			until = at
		}
	}
	return until
}

// limited returns the earliest time at which one of the targets for op may be
// tried again, when all of them are kept away by rate limits.
func (r *route) limited(op translate.Op, now time.Time) (until time.Time) {
	for _, t := range r.targets {
		if !r.offers(t, op) {
			continue
		}
		at, limited := t.breaker.Limited(now)
		if !limited {
			return time.Time{}
		}
		if until.IsZero() || at.Before(until) {
			until = at
		}
	}
	return until
}

// offers reports whether t may be sent op: a route's only target may always,
// as the provider knows better than the catalogue.
func (r *route) offers(t *target, op translate.Op) bool { return len(r.targets) == 1 || t.serves(op) }

// first is the target that a call would be sent to now.
func (r *route) first(op translate.Op, now time.Time) *target {
	for _, t := range r.targets {
		if _, open := t.breaker.Open(now); !open && t.serves(op) {
			return t
		}
	}
	return r.targets[0]
}
