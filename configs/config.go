// Package configs reads the configuration: a strict YAML file, or nothing but
// environment variables, and the catalogue of models and prices that is built
// into the binary (models.json).
//
// Every mistake in a file is reported at once, each with its file, line and
// path and, for a misspelt key or value, a suggestion. A value may name
// environment variables: ${NAME} must be set, ${NAME:-default} need not be, $${
// stands for ${. A variable is put into a value after the YAML was read, so it
// can never add structure, and no message ever shows what it holds.
package configs

import (
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/internal/fetch"
	"github.com/ai-mcp-gateway/gateway/internal/secret"
	"github.com/ai-mcp-gateway/gateway/tenant"
)

// Config is the whole configuration, shaped as the YAML file is. Load and
// FromEnv return it complete: defaults filled in, checked, with tiers. It is
// not changed afterwards.
//
// The tags beside yaml are read by the decoder and by the generator of the
// JSON Schema: unit (bytes or usd), min, max, enum and pattern bound a value,
// required must be given, unset "empty" makes an environment variable that is
// not set an empty text, key "Name" reads a list of structs from a mapping
// whose keys become the field Name.
type Config struct {
	// Listen is the host:port that is served. Off loopback it needs keys or
	// auth: off.
	Listen string `yaml:"listen"`
	// DataDir holds what the embedded stores keep.
	DataDir string `yaml:"data_dir"`
	// Auth "off" admits callers without a key on any address. Empty asks every
	// caller for a key as soon as there is one.
	Auth string `yaml:"auth" enum:"|off"`
	// AdminKey opens the admin API; empty means that there is none.
	AdminKey secret.String `yaml:"admin_key"`
	// Keys are the static keys of callers.
	Keys []tenant.KeyConfig `yaml:"keys"`

	// Limits bound what is read from callers and from providers.
	Limits struct {
		// Body is the most bytes of a request's body.
		Body int64 `yaml:"body" unit:"bytes" min:"1"`
		// Upload is the most bytes of a multipart form, which is passed on while
		// it is read.
		Upload int64 `yaml:"upload" unit:"bytes" min:"1"`
		// Header is the most bytes of a request's header.
		Header int64 `yaml:"header" unit:"bytes" min:"1024" max:"16777216"`
		// Response is the most bytes of a provider's plain answer, decompressed.
		Response int64 `yaml:"response" unit:"bytes" min:"1"`
		// Event is the most bytes of one event of a provider's stream.
		Event int64 `yaml:"event" unit:"bytes" min:"1"`
		// IdleConns is how many idle connections are kept to each provider.
		IdleConns int `yaml:"idle_conns" min:"1" max:"65536"`
		// ConnsPerIP is how many connections one address may hold; 0 means any
		// number, which is right behind a load balancer.
		ConnsPerIP int `yaml:"conns_per_ip" min:"0" max:"1000000"`
	} `yaml:"limits"`

	// Timeouts bound waiting, upstream and towards the caller.
	Timeouts struct {
		// Connect bounds name resolution, TCP and TLS towards a provider.
		Connect time.Duration `yaml:"connect" min:"1ms" max:"24h"`
		// FirstByte bounds the wait for a provider's first event or header.
		FirstByte time.Duration `yaml:"first_byte" min:"1ms" max:"24h"`
		// Idle bounds a provider's silence between two reads of a body.
		Idle time.Duration `yaml:"idle" min:"1ms" max:"24h"`
		// Total bounds a call over all its attempts until its first byte.
		Total time.Duration `yaml:"total" min:"1ms" max:"24h"`
		// Header bounds reading a caller's request header.
		Header time.Duration `yaml:"header" min:"1ms" max:"24h"`
		// Body bounds reading a caller's request body.
		Body time.Duration `yaml:"body" min:"1ms" max:"24h"`
		// KeepAlive is how long an idle connection of a caller is kept.
		KeepAlive time.Duration `yaml:"keep_alive" min:"1ms" max:"24h"`
		// Write bounds one write to a caller, never a whole stream.
		Write time.Duration `yaml:"write" min:"1ms" max:"24h"`
	} `yaml:"timeouts"`

	// Shutdown paces the end of the process.
	Shutdown struct {
		// Drain is the pause between "not ready" and closing the listener.
		Drain time.Duration `yaml:"drain" max:"1h"`
		// Grace is how long calls under way may go on after that.
		Grace time.Duration `yaml:"grace" max:"24h"`
	} `yaml:"shutdown"`

	// CORS names the browsers' origins that are let in.
	CORS struct {
		// Origins are exact origins such as https://app.example.com, or "*".
		Origins []string `yaml:"origins"`
	} `yaml:"cors"`

	// Log steers the log on standard error.
	Log struct {
		// Level is the lowest level that is written.
		Level string `yaml:"level" enum:"debug|info|warn|error"`
	} `yaml:"log"`

	// State says where what outlives a request is kept.
	State struct {
		// Redis is the URL of the hot tier; empty means in-process.
		Redis secret.String `yaml:"redis" unset:"empty"`
		// Postgres is the URL of the cold tier; empty means SQLite in data_dir.
		Postgres secret.String `yaml:"postgres" unset:"empty"`
		// Durability is what an acknowledged turn survives: fsync the end of the
		// machine at once, async that of the process, and the machine's 200 ms
		// later.
		Durability string `yaml:"durability" enum:"fsync|async"`
		// Spool is how many bytes may wait in data_dir while PostgreSQL is away.
		Spool int64 `yaml:"spool" unit:"bytes" min:"65536"`
		// Archive is the directory of archived conversations; empty means
		// data_dir/archive. Instances that share PostgreSQL share it.
		Archive string `yaml:"archive"`
	} `yaml:"state"`

	// Strict refuses a request whose provider cannot be told all of it;
	// otherwise the answer lists what was dropped.
	Strict bool `yaml:"strict"`

	// Providers are the accounts at vendors, in the order of the file.
	Providers []engine.ProviderConfig `yaml:"providers" key:"Name" pattern:"^[a-z0-9][a-z0-9._-]{0,63}$"`
	// Models overrides and adds to models.json.
	Models []Model `yaml:"models" key:"ID" pattern:"^[a-z0-9][a-z0-9._-]{0,63}/.{1,255}$"`
	// Tiers is the ladder, the cheapest first. Without it, it is made of the
	// catalogue's models of the providers.
	Tiers []engine.TierConfig `yaml:"tiers"`

	// Routing steers the choice of a tier.
	Routing engine.RoutingConfig `yaml:"routing"`

	// Fetch is about images and documents that a request names by URL.
	Fetch fetch.Config `yaml:"fetch"`

	// Cache holds the caches of answers.
	Cache struct {
		// Response is the cache of whole answers.
		Response cache.Config `yaml:"response"`
	} `yaml:"cache"`

	// Conversation steers the memory of conversations.
	Conversation struct {
		// CompressAfter is the number of messages after which the older ones
		// are summed up.
		CompressAfter int `yaml:"compress_after" min:"1" max:"100000"`
		// KeepRecent is the number of newest messages kept word for word.
		KeepRecent int `yaml:"keep_recent" min:"5" max:"10"`
		// Summarize has the cheapest model of the lowest tier write the
		// summaries, in the background; else they are extracted without a
		// model, as they are at first anyway.
		Summarize bool `yaml:"summarize"`
	} `yaml:"conversation"`

	// MCP steers the MCP face.
	MCP struct {
		// Roots are the directories that tools may see. Without any, those of a
		// server on stdio are its working directory or the client's, and over
		// HTTP there are none.
		Roots []string `yaml:"roots"`
		// Write are the families of tools that may change something: fs, git, db
		// and redis; tests lets a project's tests be run.
		Write []string `yaml:"write"`
		// Database is the URL of the PostgreSQL that tools may query, by a role
		// that is no superuser and owns nothing; empty means that there are no
		// such tools.
		Database secret.String `yaml:"database" unset:"empty"`
		// Redis is the URL of the Redis whose keys below RedisPrefix, and the
		// tenant's name, tools may read; empty means that there are no such tools.
		Redis secret.String `yaml:"redis" unset:"empty"`
		// RedisPrefix begins the keys that tools see.
		RedisPrefix string `yaml:"redis_prefix"`
		// Sandbox auto runs tests unconfined where the machine cannot confine
		// them, required does not run them then.
		Sandbox string `yaml:"sandbox" enum:"auto|required"`
		// Profile is what tools/list has: core, a few tools and the three that
		// lead to the rest, or full, all of them.
		Profile string `yaml:"profile" enum:"core|full"`
		// Servers are MCP servers whose tools are offered too.
		Servers []MCPServer `yaml:"servers" key:"Name" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"`
	} `yaml:"mcp"`

	// Mode is "api" or "mcp"; it comes from the environment only.
	Mode string `yaml:"-"`

	catalogue []entry
	// ladderGiven says that Tiers came from the file, not from the catalogue;
	// asked is what the file wants of them.
	ladderGiven bool
	asked       engine.RoutingConfig
}

// Model overrides one entry of the catalogue, or adds one.
type Model struct {
	// ID is "provider/model".
	ID string `yaml:"-"`
	// Price replaces the catalogue's prices whole.
	Price *Price `yaml:"price"`
	// Context is the most tokens of a call, input and output together.
	Context int `yaml:"context" min:"1" max:"1000000000"`
	// MaxOutput is the most tokens of an answer.
	MaxOutput int `yaml:"max_output" min:"1" max:"1000000000"`
	// Weight is the model's share of the calls where models are chosen by
	// weight, relative to the others'. It is 1 where it is not given.
	Weight int `yaml:"weight" min:"1" max:"1000000"`
	// Capabilities are words of models.json, such as vision, tools, json_schema.
	Capabilities []string `yaml:"capabilities"`
	// Traits are what has to be known to translate for the model, on top of
	// its provider's.
	Traits engine.TraitsConfig `yaml:"traits"`
}

// Price is in nano-dollars a token, read from USD per million tokens. A cache
// price that is not given is the price of input.
type Price struct {
	// Input is the price of a token of the request.
	Input int64 `yaml:"input" unit:"usd" required:"true"`
	// CacheRead is the price of a token that the provider had cached.
	CacheRead *int64 `yaml:"cache_read" unit:"usd"`
	// CacheWrite is the price of a token that the provider puts into its cache.
	CacheWrite *int64 `yaml:"cache_write" unit:"usd"`
	// Output is the price of a token of the answer, reasoning included.
	Output int64 `yaml:"output" unit:"usd" required:"true"`
}

// MCPServer is an MCP server whose tools the gateway offers: a command to run,
// or the URL of one that runs.
type MCPServer struct {
	Name string `yaml:"-"`
	// Command is the program, for a server on standard input and output.
	Command string `yaml:"command"`
	// Args are its arguments.
	Args []string `yaml:"args"`
	// Env are its environment variables.
	Env map[string]secret.String `yaml:"env"`
	// URL is where a server over streamable HTTP listens.
	URL string `yaml:"url"`
	// Headers are sent to it with every request.
	Headers map[string]secret.String `yaml:"headers"`
}

const defaultDataDir = "./data"

// defaults is the configuration of a gateway that was told nothing.
func defaults() *Config {
	c := &Config{Listen: "127.0.0.1:8080", DataDir: defaultDataDir, Mode: "api"}
	c.Limits.Body, c.Limits.Upload, c.Limits.Header = 32<<20, 512<<20, 16<<10
	c.Limits.Response, c.Limits.Event, c.Limits.IdleConns = 64<<20, 8<<20, 512
	c.Timeouts.Connect, c.Timeouts.FirstByte = 3*time.Second, time.Minute
	c.Timeouts.Idle, c.Timeouts.Total = time.Minute, 2*time.Minute
	c.Timeouts.Header, c.Timeouts.Body = 10*time.Second, time.Minute
	c.Timeouts.KeepAlive, c.Timeouts.Write = 75*time.Second, 30*time.Second
	c.Shutdown.Drain, c.Shutdown.Grace = time.Second, 30*time.Second
	c.Log.Level = "info"
	c.State.Durability, c.State.Spool = "fsync", 1<<30
	c.Routing.CrossCheck, c.Routing.Escalate, c.Routing.Learn = "auto", true, true
	c.Routing.Balance, c.Routing.Hedge = "order", engine.HedgeConfig{Enabled: true, Extra: 3}
	c.Cache.Response = cache.Config{Enabled: true, TTL: time.Hour, Memory: 256 << 20, Scope: "tenant", Coalesce: true}
	c.Fetch = fetch.Config{MaxBytes: 10 << 20, Timeout: 10 * time.Second}
	c.Conversation.CompressAfter, c.Conversation.KeepRecent = 50, 8
	c.Conversation.Summarize = true
	c.MCP.Profile, c.MCP.RedisPrefix, c.MCP.Sandbox = "core", "mcp:", "auto"
	return c
}
