package cache

import "crypto/sha256"

// Scope is what never shares an answer although the request's body is the
// same.
type Scope struct {
	// Tenant includes the partition that the configuration asks for: the
	// tenant alone, or the tenant with its project or user.
	Tenant string
	// Dialect and Op name the wire API and the operation that was called.
	Dialect, Op string
	// Model is the resolved model; the body's own model member is not counted.
	Model string
}

// Key names an answer: a hash over the scope and the canonical form of the
// request.
type Key [sha256.Size]byte

// Sum returns the key of a request body, which the caller has already found to
// be one valid JSON object. The key does not depend on white space, on the
// order of members at any depth, or on the top-level members of ignored, and a
// top-level null counts as an absent member. Everything else counts as it is
// spelled: fields we do not know, service_tier (the answer echoes it), and 1.0
// is not 1. Members of one name keep their order, since readers differ in
// which one they take.
//
// A body that is not what the caller promised, is nested deeper than maxDepth
// or has too many members out of order is hashed as it stands. The body is
// only read, and nothing is allocated unless a member's name has escapes.
//
// The hash is SHA-256: instances can share what is stored under the key.
func Sum(s *Scope, body []byte) Key { return sum(s, body, false) }

// SumLocal is Sum with a hash that is faster and means nothing outside of this
// process. It must not be told to anybody.
func SumLocal(s *Scope, body []byte) Key { return sum(s, body, true) }

func sum(s *Scope, body []byte, local bool) Key {
	h := acquireHasher(body, local)
	h.putScope(s)
	if h.index() {
		h.putByte(formCanonical)
		h.putRequest()
	} else {
		h.putByte(formRaw)
		h.put(body)
	}
	k := h.sum()
	h.release()
	return k
}

const (
	// domain separates these hashes from every other use of SHA-256, and
	// changes whenever the canonical form does.
	domain = "gateway response cache 1\x00"

	formCanonical = 'c'
	formRaw       = 'r'

	// maxDepth is how many objects and arrays may stand in each other.
	maxDepth = 256
	// maxMembers bounds the scratch of a hasher. Counted are the members of
	// the objects that are open and of those found out of order.
	maxMembers = 1 << 16
	// blockSize is how many bytes a hash gets at a time.
	blockSize = 4 << 10
	// maxNames is how many bytes of decoded names, and of tags, a hasher keeps
	// for the next body.
	maxNames = 64 << 10
)

// ignored reports whether a top-level member does not change the answer.
func ignored(name []byte) bool {
	switch string(name) {
	case "model", // the scope has the resolved one
		"stream", "stream_options", // the form of the answer
		"user", "safety_identifier", "metadata", // who asks
		"prompt_cache_key", "prompt_cache_retention", "store", // what the provider keeps
		"conversation_id", "conversationId": // ours, resolved before the look-up
		return true
	}
	return false
}
