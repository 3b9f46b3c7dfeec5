package tenant

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxCredential is the longest key in bytes; what is longer is refused
	// unread.
	maxCredential = 512

	// maxName is the longest id of a key, tenant, project or user in bytes.
	maxName = 128
)

// check says what is wrong with k, without its key.
func (k *KeyConfig) check() error {
	key := k.Key.Reveal()
	switch {
	case !isIdentifier(k.ID):
		return fmt.Errorf("id must be 1 to %d letters, digits, '.', '_' or '-'", maxName)
	case k.Tenant != "" && !isIdentifier(k.Tenant):
		return fmt.Errorf("tenant must be 1 to %d letters, digits, '.', '_' or '-'", maxName)
	case !isPrintable(k.Project):
		return fmt.Errorf("project must be printable text of at most %d bytes", maxName)
	case !isPrintable(k.User):
		return fmt.Errorf("user must be printable text of at most %d bytes", maxName)
	case key == "":
		return errors.New("key is missing")
	case len(key) > maxCredential:
		return fmt.Errorf("key is longer than %d bytes", maxCredential)
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("key holds something other than visible ASCII, which no header carries")
	}
	return nil
}

// caller returns the Caller that the key stands for.
func (k *KeyConfig) caller() *Caller {
	c := &Caller{Tenant: k.Tenant, Project: k.Project, User: k.User, KeyID: k.ID}
	if c.Tenant == "" {
		c.Tenant = defaultTenant
	}
	return c
}

// isIdentifier accepts what may become part of a cache key; the patterns of
// KeyConfig say the same to whoever checks a file.
func isIdentifier(s string) bool {
	odd := func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !letter && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	}
	return s != "" && len(s) <= maxName && !strings.ContainsFunc(s, odd)
}

// isPrintable accepts what may be shown: an address or a title, or nothing.
func isPrintable(s string) bool {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	return len(s) <= maxName && utf8.ValidString(s) && !strings.ContainsFunc(s, odd)
}
