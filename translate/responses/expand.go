package responses

import (
	"bytes"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// ExpandInput appends body, a valid request, as one that needs no stored
// response: the items of a stored one, its raw input and the output of its
// Response object, stand before the request's own, and previous_response_id is
// gone. An input that is a string becomes a message. Stored items lose the ids
// under which a provider would look for them.
func (*Dialect) ExpandInput(dst, input, response, body []byte) []byte {
	stored := [...][]byte{input, member(response, "output")}
	dst = append(dst, '{')
	separator, done := `"`, false
	o := translate.Members(bytes.TrimPrefix(body, byteOrderMark))
	for o.Next() {
		key := o.Key()
		if bytes.IndexByte(key, '\\') >= 0 {
			key = translate.AppendText(nil, append(append([]byte{'"'}, key...), '"'))
		}
		if string(key) == "previous_response_id" {
			continue
		}
		dst = append(append(append(dst, separator...), o.Key()...), `":`...)
		separator = `,"`
		if string(key) == "input" {
			dst, done = appendExpanded(dst, stored[:], o.Value()), true
		} else {
			dst = append(dst, o.Value()...)
		}
	}
	if !done {
		dst = appendExpanded(append(append(dst, separator...), `input":`...), stored[:], nil)
	}
	return append(dst, '}')
}

// appendExpanded appends the stored items and those of the input, as an array.
func appendExpanded(dst []byte, stored [][]byte, input []byte) []byte {
	dst = append(dst, '[')
	start := len(dst)
	for _, list := range stored {
		items := translate.Elements(list)
		for items.Next() {
			if len(dst) > start {
				dst = append(dst, ',')
			}
			dst = appendWithoutID(dst, items.Value())
		}
	}
	if len(dst) > start && hasItems(input) {
		dst = append(dst, ',')
	}
	switch translate.KindOf(input) {
	case translate.KindString:
		dst = append(append(dst, `{"type":"message","role":"user","content":`...), input...)
		dst = append(dst, '}')
	case translate.KindArray:
		dst = append(dst, input[1:len(input)-1]...)
	}
	return append(dst, ']')
}

func hasItems(input []byte) bool {
	if translate.KindOf(input) == translate.KindString {
		return true
	}
	a := translate.Elements(input)
	return a.Next()
}

// AppendInput appends the input of body, a valid request, as a raw array of
// items as the API lists them: each has a type and an id, and a message's
// content is an array. The ids are made from that of the response.
func (*Dialect) AppendInput(dst, body []byte, id string) []byte {
	var input []byte
	o := translate.Members(bytes.TrimPrefix(body, byteOrderMark))
	for o.Next() {
		if string(o.Key()) == "input" {
			input = given(o.Value())
		}
	}
	dst = append(dst, '[')
	if translate.KindOf(input) == translate.KindString {
		message := append([]byte(`{"role":"user","content":`), input...)
		input = append(append([]byte{'['}, message...), "}]"...)
	}
	items := translate.Elements(input)
	for k := 0; items.Next(); k++ {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = appendListed(dst, items.Value(), "in_"+id+"_"+strconv.Itoa(k))
	}
	return append(dst, ']')
}

// ReadResponse finds the Response object, and its id, in an answer or in the
// data of a stream's last event. The id is nil when there is none.
func (*Dialect) ReadResponse(data []byte) (response, id []byte) {
	data = bytes.TrimSpace(data)
	if inner := member(data, "response"); translate.KindOf(inner) == translate.KindObject {
		data = inner
	}
	r, ok := scanResponse(data)
	if id = text(r.id); !ok || len(id) == 0 {
		return nil, nil
	}
	return data, id
}

// appendListed appends an item with what the API's lists have in it.
func appendListed(dst, raw []byte, id string) []byte {
	it, _ := scanItem(raw)
	dst = append(dst, '{')
	separator := ""
	if member(raw, "id") == nil {
		dst = appendWord(dst, `"id":`, id)
		separator = ","
	}
	if it.kind == nil {
		dst = append(append(dst, separator...), `"type":"message"`...)
		separator = ","
	}
	o := translate.Members(raw)
	for o.Next() {
		key, v := string(o.Key()), o.Value()
		if key == "id" && given(v) == nil || key == "type" && it.kind == nil {
			continue
		}
		dst = append(append(append(dst, separator...), '"'), key...)
		dst = append(dst, `":`...)
		separator = ","
		if key == "content" && translate.KindOf(v) == translate.KindString {
			dst = appendTextPart(dst, string(it.role) == "assistant", v)
		} else {
			dst = append(dst, v...)
		}
	}
	return append(dst, '}')
}

// appendTextPart appends a raw text as the parts of a message.
func appendTextPart(dst []byte, output bool, raw []byte) []byte {
	if output {
		dst = append(append(dst, `[{"type":"output_text","text":`...), raw...)
		return append(dst, `,"annotations":[]}]`...)
	}
	dst = append(append(dst, `[{"type":"input_text","text":`...), raw...)
	return append(dst, "}]"...)
}
