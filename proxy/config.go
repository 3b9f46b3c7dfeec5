package proxy

import (
	"time"

	"github.com/ai-mcp-gateway/gateway/internal/secret"
)

// Config is the HTTP face.
type Config struct {
	// Listen is host:port. Off loopback it needs keys or AuthOff.
	Listen string
	// AuthOff admits everyone, on any address.
	AuthOff bool
	// AdminKey opens /metrics to somebody who is no caller; empty means nobody.
	AdminKey secret.String
	// MaxBody and MaxHeader are in bytes; MaxUpload is MaxBody for multipart
	// forms, which are not held in memory.
	MaxBody, MaxUpload, MaxHeader int64
	// MaxConnsPerIP is how many connections one address may hold; zero means
	// any number.
	MaxConnsPerIP int
	// HeaderTimeout, BodyTimeout and IdleTimeout bound reading from a client;
	// WriteTimeout bounds one write to it, never a whole stream.
	HeaderTimeout, BodyTimeout, IdleTimeout, WriteTimeout time.Duration
	// Origins are the exact origins that CORS admits; empty means none.
	Origins []string
	// Drain is the pause between "not ready" and closing the listener; Grace
	// is how long calls under way may go on after that.
	Drain, Grace time.Duration
}
