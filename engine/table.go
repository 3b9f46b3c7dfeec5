package engine

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// autoModel is the name under which the router decides.
const autoModel = "auto"

// table is what a configuration compiles to: every name a client may use,
// with the targets behind it. It is immutable; a reload swaps it whole.
type table struct {
	providers map[string]*provider
	targets   map[string]*target // those that are configured, by their id
	routes    map[string]*route
	catalogue []Model
	cheapest  *route          // of the gateway's own calls; nil without a tier
	ladder    *ladder         // nil without a tier
	tiers     map[string]bool // their names
}

// route is the ordered list of targets behind one name.
type route struct {
	name    string
	auto    bool // the router decides on the tier
	reason  string
	targets []*target
	// ranks are what targets is made of, where that is more than one target;
	// balanced says that there is one to choose in.
	ranks    []rank
	balanced bool
}

// target is a provider's model.
type target struct {
	id       string // provider/model
	model    []byte // as the provider knows it
	tier     string // empty outside the tiers
	provider *provider
	config   ModelConfig
	neutral  neutral.Target
	known    bool // in the catalogue
	unlisted bool // not configured: a client's own word
	watched  bool // somebody chooses or hedges by how it is doing
	health
}

// Model is a line of GET /v1/models.
type Model struct {
	ID      string
	OwnedBy string
}

// serves reports whether the target can do op, as far as the catalogue says.
func (t *target) serves(op translate.Op) bool {
	embeds := slices.Contains(t.config.Capabilities, "embeddings")
	return t.provider.does(op) && (!t.known || embeds == (op == translate.OpEmbedding))
}

// compile builds a table. Endpoints and breakers of old are taken over where
// provider and base URL are the same, so that a reload loses no connection
// and forgets no failure.
func compile(cfg *Config, dialects *Dialects, roots *x509.CertPool, old *table) (*table, error) {
	t := &table{
		providers: map[string]*provider{},
		targets:   map[string]*target{},
		routes:    map[string]*route{},
		tiers:     map[string]bool{},
	}
	for _, pc := range cfg.Providers {
		if dialects.providers[pc.Dialect] == nil {
			continue // configured for a later version; New reports it
		}
		p, err := newProvider(pc, dialects, cfg.Upstream, roots, old)
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", pc.Name, err)
		}
		t.providers[pc.Name] = p
	}
	t.compileModels(cfg, old)
	t.compileTiers(cfg, old)
	t.compileRanks(cfg)
	t.compileCheapest(cfg)
	t.compileCatalogue(cfg)
	return t, nil
}

// compileModels makes a route for each provider/model and each bare id.
func (t *table) compileModels(cfg *Config, old *table) {
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
			entry := newTarget(p, bare, mc, old)
			entry.known = true
			t.targets[mc.ID] = entry
			t.routes[mc.ID] = &route{name: mc.ID, reason: "pinned model", targets: []*target{entry}}
			r := t.routes[bare]
			if r == nil {
				r = &route{name: bare, reason: "pinned model id"}
				t.routes[bare] = r
			}
			r.targets = append(r.targets, entry)
		}
	}
}

// compileTiers makes the routes of the tiers and of auto: a tier's targets in
// order, then those of the tiers above it up to the highest allowed.
func (t *table) compileTiers(cfg *Config, old *table) {
	start, highest := 0, len(cfg.Tiers)-1
	ranks := make([]rank, len(cfg.Tiers))
	for i, tc := range cfg.Tiers {
		t.tiers[tc.Name] = true
		if tc.Name == cfg.Routing.MaxTier {
			highest = i
		}
		if tc.Name == cfg.Routing.DefaultTier {
			start = i
		}
		ranks[i] = rank{targets: t.tier(tc, old), balance: cmp.Or(tc.Balance, cfg.Routing.Balance), alike: true}
	}
	for i, tc := range cfg.Tiers {
		r := &route{name: tc.Name, reason: "tier " + tc.Name}
		r.ranks = append(r.ranks, ranks[i:max(i, highest)+1]...)
		r.ranks = append(r.ranks, rank{targets: t.embedders(cfg)})
		t.routes[tc.Name] = r
	}
	if len(cfg.Tiers) > 0 {
		auto := *t.routes[cfg.Tiers[start].Name]
		auto.name, auto.reason, auto.auto = autoModel, "auto: default tier "+cfg.Tiers[start].Name, true
		t.routes[autoModel] = &auto
		t.ladder = &ladder{start: start, top: max(start, highest)}
		for i, tc := range cfg.Tiers {
			t.ladder.tiers = append(t.ladder.tiers, t.routes[tc.Name])
			t.ladder.models = append(t.ladder.models, ranks[i].targets)
		}
	}
}

// tier is the targets of one.
func (t *table) tier(tc TierConfig, old *table) (targets []*target) {
	for _, id := range tc.Models {
		target := t.targets[id]
		if target == nil {
			p, bare := t.split(id)
			if p == nil {
				continue // it speaks a dialect of a later version
			}
			target = newTarget(p, bare, ModelConfig{ID: id}, old)
			t.targets[id] = target
		}
		if target.tier == "" {
			target.tier = tc.Name
		}
		targets = append(targets, target)
	}
	return targets
}

// embedders are the models that embed, cheapest first: what auto means for an
// embedding, which no chat model of a tier can make.
func (t *table) embedders(cfg *Config) []*target {
	var out []*target
	for _, mc := range cfg.Models {
		if target := t.targets[mc.ID]; target != nil && slices.Contains(mc.Capabilities, "embeddings") {
			out = append(out, target)
		}
	}
	slices.SortStableFunc(out, func(a, b *target) int { return cmp.Compare(a.config.InputPrice, b.config.InputPrice) })
	return out
}

// split finds the provider that an id begins with; nil when there is none.
func (t *table) split(id string) (p *provider, bare string) {
	name, bare, ok := strings.Cut(id, "/")
	if !ok || bare == "" {
		return nil, ""
	}
	return t.providers[name], bare
}

// newTarget returns a target with the health that old knew it in, if any.
func newTarget(p *provider, bare string, mc ModelConfig, old *table) *target {
	t := &target{
		id: mc.ID, model: []byte(bare), provider: p, config: mc,
		neutral: neutral.Target{Model: bare, MaxOutput: int64(mc.MaxOutput), Traits: mc.Traits.Over(p.config.Traits)},
	}
	if before := old.target(mc.ID); before != nil && before.provider.endpoint == p.endpoint {
		t.health = newHealth(p, &before.health, before.provider.keys)
	} else {
		t.health = newHealth(p, nil, nil)
	}
	return t
}

// unlisted is a target that is not configured; its cost is unknown. All of a
// provider's have their health in common.
func (t *table) unlisted(id string) *target {
	p, bare := t.split(id)
	if p == nil {
		return nil
	}
	return &target{
		id: id, model: []byte(bare), provider: p, config: ModelConfig{ID: id}, unlisted: true,
		neutral: neutral.Target{Model: bare, Traits: p.config.Traits}, health: p.unlisted,
	}
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
	if found := t.unlisted(string(model)); found != nil {
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

// target returns the configured target with an id, or nil. There may be no
// table.
func (t *table) target(id string) *target {
	if t == nil {
		return nil
	}
	return t.targets[id]
}

// provider returns the one that pc goes on with: same name, same address, same
// limits. There may be no table.
func (t *table) provider(pc ProviderConfig, limits upstream.Config) *provider {
	if t == nil {
		return nil
	}
	p := t.providers[pc.Name]
	if p == nil || p.config.BaseURL != pc.BaseURL || p.endpoint.Config() != limits {
		return nil
	}
	return p
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
		at, limited := t.limited(now)
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
