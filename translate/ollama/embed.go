package ollama

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// Embeds reports that there are embeddings.
func (*Dialect) Embeds() bool { return true }

// AppendEmbedding appends the body of a call of /api/embed.
func (*Dialect) AppendEmbedding(dst []byte, q *neutral.Embedding, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	if len(q.Tokens) > 0 {
		return dst, nil, neutral.Unsupported("input", "This provider takes texts, not tokens.")
	}
	w := writer{dst: append(dst, '{'), t: t}
	w.key("model")
	w.text([]byte(t.Model))
	w.key("input")
	w.raw("[")
	for _, input := range q.Inputs {
		w.comma()
		w.text(input)
	}
	w.raw("]")
	w.number("dimensions", q.Dimensions)
	for i := range q.Extra {
		switch m := &q.Extra[i]; m.Name {
		case "truncate", "keep_alive", "options":
			w.number(m.Name, m.Raw)
		default:
			w.drop(translate.KindOf(m.Raw) != translate.KindNull, m.Name)
		}
	}
	w.drop(q.User != "", "user")
	return append(w.dst, '}'), w.drops, nil
}

// ReadVectors reads the answer of /api/embed. The vectors are borrowed from
// body.
func (*Dialect) ReadVectors(body []byte, v *neutral.Vectors) *translate.Error {
	*v = neutral.Vectors{}
	found, failed := false, false
	o := translate.Members(body)
	for o.Next() {
		switch string(o.Key()) {
		case "model":
			v.Model = string(textOf(o.Value()))
		case "embeddings":
			found = o.Kind() == translate.KindArray
			list := o.Elements()
			for list.Next() {
				found = found && list.Kind() == translate.KindArray
				v.Vectors = append(v.Vectors, neutral.Vector{Floats: list.Value()})
			}
		case "prompt_eval_count":
			v.Usage.In, v.Usage.Known = tokens(o.Value()), true
		case "error":
			failed = o.Kind() != translate.KindNull
		}
	}
	switch {
	case o.Complete() && failed:
		return readError(0, body)
	case !o.Complete() || !found:
		return translate.Errorf(translate.ProviderBadResponse, "", "The provider's answer has no embeddings.")
	}
	return nil
}
