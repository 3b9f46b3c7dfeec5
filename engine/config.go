package engine

import (
	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/internal/fetch"
	"github.com/ai-mcp-gateway/gateway/internal/secret"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// Config is everything the engine needs to know of providers, models and
// tiers. It is immutable: a reload builds another one.
type Config struct {
	// Providers are in configuration order, which is the order in which a
	// model served by several of them is tried.
	Providers []ProviderConfig
	// Models is the catalogue: models.json with the configuration's overrides.
	Models []ModelConfig
	// Tiers are in ascending order of price and skill.
	Tiers   []TierConfig
	Routing RoutingConfig
	// Upstream bounds every attempt.
	Upstream upstream.Config
	Cache    cache.Config
	// Fetch is about media that a request names by URL.
	Fetch fetch.Config
	// Summarize has a model of the lowest tier write the summaries of long
	// conversations, in the background.
	Summarize bool
	// Strict refuses a request whose provider cannot be told all of it; else
	// what is dropped is listed in the answer.
	Strict bool
}

// TraitsConfig is what models of one dialect differ in.
type TraitsConfig = neutral.Traits

// ProviderConfig is an account at a vendor.
type ProviderConfig struct {
	Name    string `yaml:"-"`
	Dialect string `yaml:"dialect" required:"true" enum:"openai|anthropic|gemini|bedrock|azure|ollama|cohere|responses"`
	// BaseURL is what the dialect's path is appended to.
	BaseURL string `yaml:"base_url" required:"true"`
	// Keys are tried in turn; one that is refused is set aside.
	Keys []secret.String `yaml:"keys"`
	// StreamUsage is "auto" (ask for usage in streams) or "never" (the
	// provider refuses stream_options).
	StreamUsage string `yaml:"stream_usage" enum:"auto|never"`
	// Responses says that the provider has OpenAI's Responses API besides its
	// dialect, so that calls to it pass through.
	Responses bool `yaml:"responses"`
	// Traits are those of all its models that say nothing else.
	Traits TraitsConfig `yaml:"traits"`
	// Simulated marks built-in providers, whose answers are not a model's.
	Simulated bool `yaml:"-"`
}

// ModelConfig is one entry of the catalogue. Prices are in nano-dollars a
// token (USD per million tokens times 1,000, rounded up).
type ModelConfig struct {
	// ID is "provider/model"; the part after the first slash is the id that
	// the provider knows.
	ID string
	// Priced is false when the cost of a call is unknown.
	Priced                                                   bool
	InputPrice, CacheReadPrice, CacheWritePrice, OutputPrice int64
	// LongAbove, when positive, is the number of input tokens above which a
	// whole call is charged at the Long prices instead.
	LongAbove                                                                int
	LongInputPrice, LongCacheReadPrice, LongCacheWritePrice, LongOutputPrice int64
	// Context and MaxOutput are in tokens; zero means unknown.
	Context, MaxOutput int
	// Capabilities are words of models.json: "vision", "tools", "json_schema",
	// "reasoning", "audio", "embeddings" ...
	Capabilities []string
	// Traits are those of the model, on top of its provider's.
	Traits TraitsConfig
	// Weight is the share of calls of a model that is chosen by weight; zero
	// counts as one.
	Weight int
}

// TierConfig is one rung of the ladder that auto climbs.
type TierConfig struct {
	// Name is how clients ask for the tier; its letters are free.
	Name string `yaml:"name" required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"`
	// Models are "provider/model", the first choice first.
	Models []string `yaml:"models" required:"true"`
	// Balance is how one of the models is chosen; empty means as routing.balance
	// says.
	Balance string `yaml:"balance" enum:"|order|weighted|least_loaded|latency"`
}

// RoutingConfig steers the choice of a tier.
type RoutingConfig struct {
	// DefaultTier is where auto starts; empty means the first tier.
	DefaultTier string `yaml:"default_tier"`
	// MaxTier is the highest tier that auto may reach; empty means the last.
	MaxTier string `yaml:"max_tier"`
	// Balance is how a call chooses among the models of a tier, and among the
	// providers of a model: in order, at random by weight, the one with the
	// fewest calls under way for its weight, or of two at random the one that
	// should answer first. Empty means in order.
	Balance string `yaml:"balance" enum:"order|weighted|least_loaded|latency"`
	// CrossCheck has a second model look at the answers of auto: never, where
	// the decision asks for it, or always.
	CrossCheck string `yaml:"cross_check" enum:"off|auto|always"`
	// Escalate takes an answer that is not good enough to the next tier.
	Escalate bool `yaml:"escalate"`
	// Learn has the requests of a project start a tier higher where the answers of
	// a tier are disputed too often for their kind of work, and lower again where
	// they are not any more.
	Learn bool `yaml:"learn"`
	// FreeOnly refuses every attempt that could cost anything.
	FreeOnly bool `yaml:"free_only"`
	// Hedge asks a second model of the same tier, or a second provider of the
	// same model, when the first is slow.
	Hedge HedgeConfig `yaml:"hedge"`
}

// HedgeConfig steers second attempts at slow calls.
type HedgeConfig struct {
	// Enabled starts a second attempt when the first event is later than 95 %
	// of the first target's are. Whoever is first answers, the other is
	// cancelled.
	Enabled bool `yaml:"enabled"`
	// Extra is the most second attempts, in percent of the calls that could
	// have one.
	Extra int `yaml:"extra" min:"1" max:"100"`
}
