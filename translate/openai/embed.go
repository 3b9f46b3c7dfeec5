package openai

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// ReadEmbedding reads the scanned request r for embeddings. The result
// borrows from the body.
func (*Dialect) ReadEmbedding(r *translate.Request) (*neutral.Embedding, *translate.Error) {
	q := &neutral.Embedding{Model: string(r.Model)}
	o := translate.Members(bytes.TrimPrefix(r.Body, byteOrderMark))
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		key := string(keyOf(&o))
		if f := readEmbeddingField(q, key, o.Value()).in(key); f != nil {
			return nil, f.err()
		}
	}
	if len(q.Inputs) == 0 && len(q.Tokens) == 0 {
		return nil, missing().in("input").err()
	}
	return q, nil
}

func readEmbeddingField(q *neutral.Embedding, key string, v []byte) *flaw {
	switch key {
	case "model", "conversation_id", "conversationId":
	case "input":
		return readInput(q, v)
	case "dimensions":
		return readWhole(&q.Dimensions, v)
	case "user":
		return readString(&q.User, v)
	case "encoding_format":
		switch string(v) {
		case `"float"`:
		case `"base64"`:
			q.Base64 = true
		default:
			return invalid("float or base64")
		}
	default:
		q.Extra = append(q.Extra, neutral.Member{Name: key, Raw: v})
	}
	return nil
}

// readInput reads a text, an array of texts, an array of token ids, or an
// array of such arrays.
func readInput(q *neutral.Embedding, v []byte) *flaw {
	switch translate.KindOf(v) {
	case translate.KindString:
		if !filled(v) {
			return invalid("a string that is not empty")
		}
		q.Inputs = append(q.Inputs, textBytes(v))
		return nil
	case translate.KindArray:
	default:
		return invalid("a string or an array")
	}
	list := translate.Elements(v)
	for i := 0; list.Next(); i++ {
		kind := list.Kind()
		switch {
		case kind == translate.KindNumber && i == 0:
			q.Tokens = append(q.Tokens, v)
			return checkTokens(v)
		case kind == translate.KindString && filled(list.Value()) && q.Tokens == nil:
			q.Inputs = append(q.Inputs, textBytes(list.Value()))
		case kind == translate.KindArray && filled(list.Value()) && q.Inputs == nil:
			if f := checkTokens(list.Value()); f != nil {
				return f.at(i)
			}
			q.Tokens = append(q.Tokens, list.Value())
		default:
			return invalid("a string that is not empty, or an array of token ids, as the others are").at(i)
		}
	}
	if q.Inputs == nil && q.Tokens == nil {
		return invalid("a string or an array with something in it")
	}
	return nil
}

func checkTokens(v []byte) *flaw {
	list := translate.Elements(v)
	for i := 0; list.Next(); i++ {
		if list.Kind() != translate.KindNumber {
			return invalid("a token id").at(i)
		}
	}
	return nil
}

// AppendVectors appends the answer v to q.
func (*Dialect) AppendVectors(dst []byte, q *neutral.Embedding, v *neutral.Vectors) []byte {
	dst = append(dst, `{"object":"list","data":[`...)
	for i := range v.Vectors {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendInt(append(dst, `{"object":"embedding","index":`...), int64(i))
		dst = append(dst, `,"embedding":`...)
		if q.Base64 {
			dst = append(v.Vectors[i].AppendPacked(append(dst, '"')), '"')
		} else {
			dst = v.Vectors[i].AppendFloats(dst)
		}
		dst = append(dst, '}')
	}
	dst = translate.AppendString(append(dst, `],"model":`...), []byte(orElse(v.Model, q.Model)))
	dst = appendInt(append(dst, `,"usage":{"prompt_tokens":`...), v.Usage.In)
	dst = appendInt(append(dst, `,"total_tokens":`...), v.Usage.Sum())
	return append(dst, "}}"...)
}

// Embeds reports that the dialect has embeddings.
func (*Dialect) Embeds() bool { return true }

// AppendEmbedding appends q as the body of a request for t.
func (*Dialect) AppendEmbedding(dst []byte, q *neutral.Embedding, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	e := composer{t: t}
	dst = translate.AppendString(append(dst, `{"model":`...), []byte(t.Model))
	dst = append(dst, `,"input":[`...)
	for i, text := range q.Inputs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = translate.AppendString(dst, text)
	}
	for i, ids := range q.Tokens {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, ids...)
	}
	dst = append(dst, ']')
	if q.Base64 && t.Traits.Takes("encoding_format") { // else floats come, and are packed on the way back
		dst = append(dst, `,"encoding_format":"base64"`...)
	}
	dst = e.raw(dst, "dimensions", q.Dimensions)
	dst = e.text(dst, "user", q.User)
	for _, m := range q.Extra {
		e.drops.Add(m.Name)
	}
	return append(dst, '}'), e.drops, nil
}

// ReadVectors reads the body of an answer. It borrows from body. Vectors that
// come in another order are put in that of their inputs.
func (d *Dialect) ReadVectors(body []byte, v *neutral.Vectors) *translate.Error {
	*v = neutral.Vectors{}
	var data, usage []byte
	failed := false
	o := translate.Members(body)
	for o.Next() {
		switch raw := o.Value(); string(o.Key()) {
		case "id":
			v.ID = stringOf(raw)
		case "model":
			v.Model = stringOf(raw)
		case "data":
			data = raw
		case "usage":
			usage = raw
		case "error":
			failed = filled(raw)
		}
	}
	switch {
	case o.Complete() && failed:
		return d.ReadError(200, body)
	case !o.Complete() || translate.KindOf(data) != translate.KindArray:
		return noAnswer()
	}
	if translate.KindOf(usage) == translate.KindObject {
		v.Usage = fullUsage(usage)
	}
	var ok bool
	if v.Vectors, ok = readVectors(data); !ok {
		return noAnswer()
	}
	return nil
}

// readVectors reads the elements of data, each with one vector in either form.
func readVectors(data []byte) ([]neutral.Vector, bool) {
	type numbered struct {
		index  int64
		vector neutral.Vector
	}
	var all []numbered
	list := translate.Elements(data)
	for i := int64(0); list.Next(); i++ {
		n := numbered{index: i}
		o := list.Members()
		for o.Next() {
			switch string(o.Key()) {
			case "index":
				if index, ok := translate.Int(o.Value()); ok {
					n.index = index
				}
			case "embedding":
				switch o.Kind() {
				case translate.KindArray:
					n.vector.Floats = o.Value()
				case translate.KindString:
					n.vector.Packed = textBytes(o.Value())
				}
			}
		}
		if n.vector.Floats == nil && n.vector.Packed == nil {
			return nil, false
		}
		all = append(all, n)
	}
	slices.SortStableFunc(all, func(a, b numbered) int { return cmp.Compare(a.index, b.index) })
	vectors := make([]neutral.Vector, len(all))
	for i := range all {
		vectors[i] = all[i].vector
	}
	return vectors, true
}
