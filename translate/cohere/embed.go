package cohere

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// AppendEmbedding appends the body of embed. Cohere has to know what the
// vectors are for; a client that does not say is taken to fill an index.
func (*Dialect) AppendEmbedding(dst []byte, q *neutral.Embedding, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	if len(q.Tokens) > 0 {
		return dst, nil, neutral.Unsupported("input", "This provider takes texts, not tokens.")
	}
	var drops neutral.Drops
	if q.User != "" {
		drops.Add("user")
	}
	purpose, truncate := []byte(`"search_document"`), []byte(nil)
	for _, m := range q.Extra {
		switch m.Name {
		case "input_type":
			purpose = m.Raw
		case "truncate":
			truncate = m.Raw
		default:
			drops.Add(m.Name)
		}
	}
	dst = append(dst, `{"model":`...)
	dst = translate.AppendString(dst, []byte(t.Model))
	dst = append(append(dst, `,"input_type":`...), purpose...)
	dst = append(dst, `,"embedding_types":["float"],"texts":[`...)
	for i, input := range q.Inputs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = translate.AppendString(dst, input)
	}
	dst = append(dst, ']')
	if q.Dimensions != nil {
		dst = append(append(dst, `,"output_dimension":`...), q.Dimensions...)
	}
	if truncate != nil {
		dst = append(append(dst, `,"truncate":`...), truncate...)
	}
	return append(dst, '}'), drops, nil
}

// ReadVectors reads the answer to embed.
func (d *Dialect) ReadVectors(body []byte, v *neutral.Vectors) *translate.Error {
	*v = neutral.Vectors{}
	failed := false
	o := translate.Members(body)
	for o.Next() {
		switch string(o.Key()) {
		case "id":
			v.ID = textOf(o.Value())
		case "embeddings":
			v.Vectors = readVectors(o.Value())
		case "meta":
			meta := translate.Members(o.Value())
			for meta.Next() {
				if string(meta.Key()) == "billed_units" {
					readTokens(meta.Value(), &v.Usage)
				}
			}
		case "message", "error":
			failed = true
		}
	}
	switch {
	case failed && o.Complete():
		return d.ReadError(200, body)
	case !o.Complete() || len(v.Vectors) == 0:
		return badResponse("The provider's answer has no embeddings.")
	}
	return nil
}

// readVectors reads embeddings by type, or as a plain list, in which older
// models give floats.
func readVectors(raw []byte) (vectors []neutral.Vector) {
	floats := raw
	if o := translate.Members(raw); translate.KindOf(raw) == translate.KindObject {
		for o.Next() {
			if string(o.Key()) == "float" {
				floats = o.Value()
			}
		}
	}
	for list := translate.Elements(floats); list.Next(); {
		if list.Kind() != translate.KindArray {
			return nil
		}
		vectors = append(vectors, neutral.Vector{Floats: list.Value()})
	}
	return vectors
}
