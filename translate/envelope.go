package translate

import "time"

// Envelope is what a dialect makes the request line and the header lines of an
// attempt from.
type Envelope struct {
	// Host is the value of the Host header; Base is the base URL's path,
	// without a final slash.
	Host, Base string
	Op         Op
	Model      string
	Stream     bool
	// Key is the credential, as it is configured.
	Key string
	// Body is what will be sent, in pieces, for dialects that sign it.
	Body [][]byte
	Time time.Time
	// Version and Betas are the client's anthropic-version and anthropic-beta,
	// where it speaks that dialect.
	Version, Betas []byte
}
