package tenant

import "github.com/ai-mcp-gateway/gateway/internal/secret"

// KeyConfig is one static key of the configuration.
type KeyConfig struct {
	// ID names the key in logs and metrics; no two keys share one.
	ID string `yaml:"id" required:"true" pattern:"^[A-Za-z0-9._-]{1,128}$"`
	// Key is what the caller sends: visible ASCII, at most 512 bytes.
	Key secret.String `yaml:"key" required:"true"`
	// Tenant is whose data the key's calls see; empty means "default".
	Tenant string `yaml:"tenant" pattern:"^[A-Za-z0-9._-]{1,128}$"`
	// Project is what the key's calls are accounted to; empty means none.
	Project string `yaml:"project"`
	// User is whom they are accounted to; empty means none.
	User string `yaml:"user"`
}
