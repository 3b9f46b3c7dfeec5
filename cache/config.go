// Package cache is the response cache: the key of a request and the
// in-process tier. An answer is shared only between requests that agree in
// everything that changes an answer, and only inside one Scope.
package cache

import "time"

// Config is the response cache.
type Config struct {
	// Enabled false: nothing is looked up, stored or coalesced.
	Enabled bool `yaml:"enabled"`
	// TTL is how long an answer may be served; zero means one hour.
	TTL time.Duration `yaml:"ttl" max:"720h"`
	// Memory is the bound of the in-process tier in bytes, bookkeeping
	// included; zero means 256 MiB.
	Memory int64 `yaml:"memory" unit:"bytes"`
	// Scope is what never shares an answer: "tenant", "project" or "user".
	Scope string `yaml:"scope" enum:"tenant|project|user"`
	// Coalesce lets identical calls in flight share one upstream attempt.
	Coalesce bool `yaml:"coalesce"`
}
