// Package tenant knows who calls. A Directory holds the configured keys as
// hashes and finds the Caller of a credential.
package tenant

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
)

const (
	// domain keeps a key's hash from being the hash of the same text
	// anywhere else.
	domain = "ai-mcp-gateway/tenant/key/1\x00"

	// defaultTenant is the tenant of those who have none.
	defaultTenant = "default"
)

// Caller is whom a call is made for. Project and User may be empty; KeyID is
// empty when no key was needed. Callers are shared: they are not changed.
type Caller struct{ Tenant, Project, User, KeyID string }

// Anonymous returns the caller of a listener that asks for no key.
func Anonymous() *Caller { return &anonymous }

var anonymous = Caller{Tenant: defaultTenant}

// digest is the hash of a key.
type digest [sha256.Size]byte

// Directory finds callers by their keys. It never changes and does not hold
// the keys themselves.
type Directory struct{ entries map[digest]entry }

type entry struct {
	digest digest
	caller *Caller
}

// NewDirectory checks and hashes the keys. An empty tenant means "default". An
// error names the key by its place and id, never by its text.
func NewDirectory(keys []KeyConfig) (*Directory, error) {
	d := &Directory{entries: make(map[digest]entry, len(keys))}
	ids := make(map[string]bool, len(keys))
	for i, k := range keys {
		if err := k.check(); err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		if ids[k.ID] {
			return nil, fmt.Errorf("keys[%d]: id %q is taken by another key", i, k.ID)
		}
		ids[k.ID] = true
		sum, _ := hash([]byte(k.Key.Reveal()))
		if twin, taken := d.entries[sum]; taken {
			return nil, fmt.Errorf("keys[%d]: ids %q and %q have the same key", i, twin.caller.KeyID, k.ID)
		}
		d.entries[sum] = entry{sum, k.caller()}
	}
	return d, nil
}

// Len is the number of keys.
func (d *Directory) Len() int { return len(d.entries) }

// Lookup returns the caller whose key the credential is. It keeps nothing of
// the credential.
func (d *Directory) Lookup(credential []byte) (*Caller, bool) {
	sum, ok := hash(credential)
	if !ok {
		return nil, false
	}
	// The map compares hashes, whose bytes nobody can choose, so its timing
	// says nothing of a key.
	e, ok := d.entries[sum]
	if subtle.ConstantTimeCompare(e.digest[:], sum[:]) != 1 || !ok {
		return nil, false
	}
	return e.caller, true
}

// Format implements fmt.Formatter: the hash of a weak key is worth guessing.
func (d Directory) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "tenant.Directory of %d keys", len(d.entries))
}

// hash returns the digest of a key, or false when it is no possible key.
func hash(key []byte) (sum digest, ok bool) {
	if len(key) == 0 || len(key) > maxCredential {
		return digest{}, false
	}
	var input [len(domain) + maxCredential]byte
	n := copy(input[:], domain)
	n += copy(input[n:], key)
	return sha256.Sum256(input[:n]), true
}
