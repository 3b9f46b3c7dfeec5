package upstream

import "time"

// Config bounds every exchange with a provider. A zero field takes the
// default that Defaults gives it.
type Config struct {
	// Connect bounds name resolution, TCP connect and TLS handshake together.
	Connect time.Duration `yaml:"connect"`
	// FirstByte bounds the time from the sent request to the first event of a
	// stream, or to the whole header of a plain answer.
	FirstByte time.Duration `yaml:"first_byte"`
	// Idle bounds the silence between two reads of a body.
	Idle time.Duration `yaml:"idle"`
	// Total bounds a call over all its attempts until its first byte; a
	// stream that flows is not cut by it.
	Total time.Duration `yaml:"total"`
	// MaxResponse is the most bytes of a plain answer, decompressed.
	MaxResponse int64 `yaml:"max_response" unit:"bytes"`
	// MaxEvent is the most bytes of one stream event.
	MaxEvent int64 `yaml:"max_event" unit:"bytes"`
	// MaxIdleConns is how many idle connections a target keeps.
	MaxIdleConns int `yaml:"max_idle_conns"`
}

// Defaults returns the configuration of a gateway that was told nothing.
func Defaults() Config {
	return Config{
		Connect:      3 * time.Second,
		FirstByte:    60 * time.Second,
		Idle:         60 * time.Second,
		Total:        120 * time.Second,
		MaxResponse:  64 << 20,
		MaxEvent:     8 << 20,
		MaxIdleConns: 512,
	}
}
