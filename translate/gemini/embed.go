package gemini

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// AppendEmbedding appends the body of batchEmbedContents.
func (*Dialect) AppendEmbedding(dst []byte, q *neutral.Embedding, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	if len(q.Tokens) > 0 {
		return dst, nil, neutral.Unsupported("input", "This provider takes texts, not tokens.")
	}
	var drops neutral.Drops
	if q.User != "" {
		drops.Add("user")
	}
	var task []byte
	for _, m := range q.Extra {
		if m.Name == "taskType" || m.Name == "task_type" {
			task = m.Raw
		} else {
			drops.Add(m.Name)
		}
	}
	model := modelResource(t.Model)
	dst = append(dst, `{"requests":[`...)
	for i, input := range q.Inputs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"model":`...)
		dst = translate.AppendString(dst, model)
		dst = append(dst, `,"content":{"parts":[{"text":`...)
		dst = translate.AppendString(dst, input)
		dst = append(dst, `}]}`...)
		if q.Dimensions != nil {
			dst = append(append(dst, `,"outputDimensionality":`...), q.Dimensions...)
		}
		if task != nil {
			dst = append(append(dst, `,"taskType":`...), task...)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']', '}'), drops, nil
}

// ReadVectors reads the answer to batchEmbedContents. Older models report no
// usage.
func (d *Dialect) ReadVectors(body []byte, v *neutral.Vectors) *translate.Error {
	*v = neutral.Vectors{}
	failed := false
	o := translate.Members(body)
	for o.Next() {
		switch string(o.Key()) {
		case "embeddings":
			list := o.Elements()
			for list.Next() {
				v.Vectors = append(v.Vectors, readVector(list.Members()))
			}
		case "usageMetadata":
			v.Usage, _ = readUsage(o.Value())
		case "error":
			failed = true
		}
	}
	switch {
	case failed:
		return d.ReadError(200, body)
	case !o.Complete() || len(v.Vectors) == 0:
		return badResponse("The provider's answer has no embeddings.")
	}
	for i := range v.Vectors {
		if v.Vectors[i].Floats == nil {
			return badResponse("The provider's answer has an embedding without values.")
		}
	}
	return nil
}

func readVector(o translate.Object) (v neutral.Vector) {
	for o.Next() {
		if string(o.Key()) == "values" && o.Kind() == translate.KindArray {
			v.Floats = o.Value()
		}
	}
	return v
}
