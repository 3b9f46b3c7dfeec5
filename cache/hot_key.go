package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Keys are the names of what the hot tier keeps of one conversation. They have
// one hash tag, so that a Redis Cluster keeps them together.
type Keys struct {
	Summary, Messages, Todos string
}

// defaultTenant is the one whose names stand without a tenant before them.
const defaultTenant = "default"

// ConversationKeys returns "conv:summary:{id}", "conv:messages:{id}" and
// "todo:list:{id}", with "tenant/" before the id unless the tenant is
// "default". No two conversations share a key, whatever bytes their names
// have: in names '%', '/' and '}' are written as in a URL, and a name that is
// too long as "%sha256:" and its hash.
func ConversationKeys(tenant, id string) Keys {
	const summary, messages, todos = "conv:summary:{", "conv:messages:{", "todo:list:{"
	tag := appendTag(make([]byte, 0, 128), tenant, id)
	all := summary + string(tag) + messages + string(tag) + todos + string(tag)
	first := len(summary) + len(tag)
	second := first + len(messages) + len(tag)
	return Keys{Summary: all[:first], Messages: all[first:second], Todos: all[second:]}
}

// HintsKey returns "routing:hints:{project}", with "tenant/" before the
// project as in ConversationKeys.
func HintsKey(tenant, project string) string {
	return "routing:hints:{" + string(appendTag(nil, tenant, project))
}

// appendTag appends what stands between the braces, and the second of them.
func appendTag(dst []byte, tenant, name string) []byte {
	if tenant != defaultTenant {
		dst = append(appendName(dst, tenant), '/')
	} else if name == "" {
		dst = append(dst, '%') // an empty tag would be none
	}
	return append(appendName(dst, name), '}')
}

// maxName is how long a name in a key may be, in bytes.
const maxName = 512

func appendName(dst []byte, name string) []byte {
	const special = "%/}"
	i := strings.IndexAny(name, special)
	if i < 0 && len(name) <= maxName {
		return append(dst, name...)
	}
	if len(name) > maxName {
		sum := sha256.Sum256([]byte(name))
		return hex.AppendEncode(append(dst, "%sha256:"...), sum[:])
	}
	for ; i >= 0; i = strings.IndexAny(name, special) {
		dst = append(dst, name[:i]...)
		dst = append(dst, '%')
		dst = hex.AppendEncode(dst, []byte{name[i]})
		name = name[i+1:]
	}
	return append(dst, name...)
}
