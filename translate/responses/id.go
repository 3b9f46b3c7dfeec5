package responses

import (
	"math/rand/v2"
	"strings"
)

// idPrefix is what the ids of responses start with.
const idPrefix = "resp_"

// NewID returns an id for a response. Providers' own ids do not do: some count
// from 1 in every process, and a stored response is asked for by its id.
func NewID() string {
	const digits = "0123456789abcdef"
	id := make([]byte, 0, len(idPrefix)+48)
	id = append(id, idPrefix...)
	for range 3 {
		for n, k := rand.Uint64(), 0; k < 16; k++ {
			id = append(id, digits[n&15])
			n >>= 4
		}
	}
	return string(id)
}

// isID reports whether a provider's id will do: it becomes part of others, and
// of paths.
func isID(id string) bool {
	tail, ok := strings.CutPrefix(id, idPrefix)
	return ok && tail != "" && !strings.ContainsFunc(tail, func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	})
}
