// Package secret holds text that must not be printed: provider keys and the
// like. Every way of formatting a String shows a fixed placeholder.
package secret

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

const placeholder = "[redacted]"

// String is a secret text. Reveal is the only way to read it; two are == when
// their texts are.
type String struct {
	// text is a handle because fmt calls no method of a value that lies in an
	// unexported field: of a string it would print the text, of a handle it
	// prints an address.
	text unique.Handle[string]
}

// New wraps text.
func New(text string) String {
	if text == "" {
		return String{}
	}
	return String{unique.Make(text)}
}

// Reveal returns the secret itself. The caller puts it on a wire or hashes it
// and nowhere else.
func (s String) Reveal() string {
	if s.Empty() {
		return ""
	}
	return s.text.Value()
}

// Empty reports whether there is no secret.
func (s String) Empty() bool { return s == String{} }

// String implements fmt.Stringer without the secret.
func (s String) String() string { return placeholder }

// Format implements fmt.Formatter without the secret, for every verb.
func (s String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, placeholder) }

// MarshalText implements encoding.TextMarshaler without the secret.
func (s String) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

// LogValue implements slog.LogValuer without the secret.
func (s String) LogValue() slog.Value { return slog.StringValue(placeholder) }

// Equal reports whether both hold the same text.
func (s String) Equal(other String) bool { return s == other }
