package responses

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// ResolveItems appends body, a valid request, with the items themselves where
// its input refers to what the encoder has made, and reports whether there is
// any. find returns the Response object of an id, or nil when there is none to
// take items from; references that it cannot follow stay, for a provider that
// may know them.
func (*Dialect) ResolveItems(dst, body []byte, find func(id string) []byte) ([]byte, bool) {
	rest := 0 // what is behind the last item that was replaced
	body = bytes.TrimPrefix(body, byteOrderMark)
	o := translate.Members(body)
	for o.Next() {
		if string(o.Key()) != "input" || o.Kind() != translate.KindArray {
			continue
		}
		start := o.Span().Start
		items := translate.Elements(o.Value())
		for items.Next() {
			if item := referred(items.Value(), find); item != nil {
				at := items.Span()
				dst = append(dst, body[rest:start+at.Start]...)
				dst = appendWithoutID(dst, item) // by which a provider would look for it
				rest = start + at.End
			}
		}
	}
	if rest == 0 {
		return dst, false
	}
	return append(dst, body[rest:]...), true
}

// referred is the item that raw refers to, or nil. A reference needs no type.
func referred(raw []byte, find func(id string) []byte) []byte {
	if translate.KindOf(raw) != translate.KindObject {
		return nil
	}
	kind := text(member(raw, "type"))
	if string(kind) != "item_reference" && (kind != nil || member(raw, "role") != nil) {
		return nil
	}
	id := text(member(raw, "id"))
	items := translate.Elements(member(find(responseOf(id)), "output"))
	for items.Next() {
		if string(text(member(items.Value(), "id"))) == string(id) {
			return items.Value()
		}
	}
	return nil
}

// responseOf is the id of the response that the encoder has given the item
// with this id; see output.appendID.
func responseOf(item []byte) string {
	first, last := bytes.IndexByte(item, '_'), bytes.LastIndexByte(item, '_')
	if first == last {
		return ""
	}
	return idPrefix + string(item[first+1:last])
}
