package configs

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ai-mcp-gateway/gateway/engine"
)

//go:embed models.json
var modelsJSON []byte

// ladder names the classes of models.json and with them the default tiers.
var ladder = []string{"L0", "L1", "L2"}

// entry is one model of the catalogue, as engine.ModelConfig has it, and the
// class that puts it into a default tier.
type entry struct {
	engine.ModelConfig
	tier string
}

// listedPrice is a price of models.json: USD per million tokens.
type listedPrice struct {
	Input      json.Number `json:"input"`
	CacheRead  json.Number `json:"cache_read"`
	CacheWrite json.Number `json:"cache_write"`
	Output     json.Number `json:"output"`
}

// listedModel is a model of models.json.
type listedModel struct {
	ID    string      `json:"id"`
	Price listedPrice `json:"price"`
	// Long is the price of a call with more input tokens than Above.
	Long *struct {
		Above int `json:"above"`
		listedPrice
	} `json:"long"`
	// Next is the price from the day From on.
	Next *struct {
		From string `json:"from"`
		listedPrice
	} `json:"next"`
	Context      int      `json:"context"`
	MaxOutput    int      `json:"max_output"`
	Capabilities []string `json:"capabilities"`
	Tier         string   `json:"tier"`
	Note         string   `json:"note"`
	Source       string   `json:"source"`
	Date         string   `json:"date"`
}

// listedTraits are the traits of all models of a pattern, "provider/*" or with
// more before the star. Of several that match, the last one counts first.
type listedTraits struct {
	Models string              `json:"models"`
	Traits engine.TraitsConfig `json:"traits"`
	Source string              `json:"source"`
}

// traitsOf are the listed traits of a model, or with a star as its name, those
// of any model of the provider.
func traitsOf(id string) (t engine.TraitsConfig) {
	for _, l := range slices.Backward(catalogueFile().Traits) {
		prefix, open := strings.CutSuffix(l.Models, "*")
		if id == l.Models || open && strings.HasPrefix(id, prefix) {
			t = t.Over(l.Traits)
		}
	}
	return t
}

// catalogueOn reads models.json with the prices of a day.
func catalogueOn(day time.Time) []entry {
	models := catalogueFile().Models
	list := make([]entry, len(models))
	for i, m := range models {
		var err error
		if list[i], err = m.entry(day); err != nil {
			panic(fmt.Sprintf("BUG: models.json: %s: %v", m.ID, err))
		}
	}
	return list
}

// listing is models.json.
type listing struct {
	About  []string       `json:"about"`
	Traits []listedTraits `json:"traits"`
	Models []listedModel  `json:"models"`
}

// catalogueFile is models.json as it was embedded.
var catalogueFile = sync.OnceValue(func() *listing {
	file, err := readCatalogue(modelsJSON)
	if err != nil {
		panic("BUG: models.json: " + err.Error())
	}
	return file
})

func readCatalogue(data []byte) (*listing, error) {
	var file listing
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	err := dec.Decode(&file)
	return &file, err
}

func (m listedModel) entry(day time.Time) (entry, error) {
	price := m.Price
	if m.Next != nil && day.UTC().Format(time.DateOnly) >= m.Next.From {
		price = m.Next.listedPrice
	}
	p, err := price.nano()
	if err != nil {
		return entry{}, err
	}
	e := entry{tier: m.Tier, ModelConfig: engine.ModelConfig{
		ID: m.ID, Context: m.Context, MaxOutput: m.MaxOutput, Capabilities: m.Capabilities,
		Traits: traitsOf(m.ID),
	}}
	e.charge(p)
	if m.Long == nil {
		return e, nil
	}
	if p, err = m.Long.nano(); err != nil {
		return entry{}, err
	}
	e.LongAbove = m.Long.Above
	e.LongInputPrice, e.LongCacheReadPrice, e.LongCacheWritePrice, e.LongOutputPrice = p.Input, *p.CacheRead, *p.CacheWrite, p.Output
	return e, nil
}

// nano turns a listed price into nano-dollars a token, every field set.
func (p listedPrice) nano() (Price, error) {
	var n [4]int64
	for i, usd := range []json.Number{
		p.Input, cmp.Or(p.CacheRead, p.Input), cmp.Or(p.CacheWrite, p.Input), p.Output,
	} {
		var err error
		if n[i], err = parseUSD(usd.String()); err != nil {
			return Price{}, fmt.Errorf("price %q: %w", usd, err)
		}
	}
	return Price{Input: n[0], CacheRead: &n[1], CacheWrite: &n[2], Output: n[3]}, nil
}

// charge sets the price of an entry; a price for long input goes with the old
// one.
func (e *entry) charge(p Price) {
	e.Priced = true
	e.InputPrice, e.OutputPrice = p.Input, p.Output
	e.CacheReadPrice, e.CacheWritePrice = p.Input, p.Input
	if p.CacheRead != nil {
		e.CacheReadPrice = *p.CacheRead
	}
	if p.CacheWrite != nil {
		e.CacheWritePrice = *p.CacheWrite
	}
	e.LongAbove, e.LongInputPrice, e.LongCacheReadPrice, e.LongCacheWritePrice, e.LongOutputPrice = 0, 0, 0, 0, 0
}

// models is the catalogue with the overrides of the configuration, for the
// providers that are there.
func (c *Config) models() []entry {
	var list []entry
	at := map[string]int{}
	for _, e := range c.catalogue {
		if c.provider(e.ID) != nil {
			at[e.ID] = len(list)
			list = append(list, e)
		}
	}
	for _, m := range c.Models {
		i, ok := at[m.ID]
		if !ok {
			i = len(list)
			at[m.ID] = i
			list = append(list, entry{ModelConfig: engine.ModelConfig{ID: m.ID, Traits: traitsOf(m.ID)}})
		}
		list[i].override(m)
	}
	return list
}

func (e *entry) override(m Model) {
	if m.Price != nil {
		e.charge(*m.Price)
	}
	e.Context, e.MaxOutput = cmp.Or(m.Context, e.Context), cmp.Or(m.MaxOutput, e.MaxOutput)
	e.Weight = cmp.Or(m.Weight, e.Weight)
	if m.Capabilities != nil {
		e.Capabilities = m.Capabilities
	}
	e.Traits = m.Traits.Over(e.Traits)
}

// provider is the provider of a model id, nil when it is not configured.
func (c *Config) provider(id string) *engine.ProviderConfig {
	name, _, _ := strings.Cut(id, "/")
	for i := range c.Providers {
		if c.Providers[i].Name == name {
			return &c.Providers[i]
		}
	}
	return nil
}

// climb makes the tiers out of the catalogue, unless the file has tiers: in
// each class the first model of every provider, the cheapest first. A class
// without a model borrows the tier below, or else the tier above, so that every
// tier's name answers.
func (c *Config) climb() {
	if !c.ladderGiven {
		c.Tiers = nil
		models := c.models()
		for _, class := range ladder {
			if t := tierOf(class, models); len(t.Models) > 0 {
				c.Tiers = append(c.Tiers, t)
			}
		}
		c.Tiers = fillLadder(c.Tiers)
	}
	c.Routing = c.asked
	if n := len(c.Tiers); n > 0 {
		c.Routing.DefaultTier = cmp.Or(c.asked.DefaultTier, c.Tiers[0].Name)
		c.Routing.MaxTier = cmp.Or(c.asked.MaxTier, c.Tiers[n-1].Name)
	}
}

func tierOf(class string, models []entry) engine.TierConfig {
	var picked []entry
	seen := map[string]bool{}
	for _, e := range models {
		name, _, _ := strings.Cut(e.ID, "/")
		if e.tier == class && !seen[name] {
			seen[name] = true
			picked = append(picked, e)
		}
	}
	slices.SortStableFunc(picked, func(a, b entry) int { return cmp.Compare(a.OutputPrice, b.OutputPrice) })
	t := engine.TierConfig{Name: class}
	for _, e := range picked {
		t.Models = append(t.Models, e.ID)
	}
	return t
}

// fillLadder gives every class that has no tier the models of its neighbour.
func fillLadder(tiers []engine.TierConfig) []engine.TierConfig {
	if len(tiers) == 0 {
		return nil
	}
	var full []engine.TierConfig
	last := tiers[0].Models
	for _, class := range ladder {
		if len(tiers) > 0 && tiers[0].Name == class {
			last = tiers[0].Models
			tiers = tiers[1:]
		}
		full = append(full, engine.TierConfig{Name: class, Models: last})
	}
	return full
}
