package simulator

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// embeddingRequest is what is read of OpenAI's POST /v1/embeddings.
type embeddingRequest struct {
	Input          json.RawMessage `json:"input"`
	EncodingFormat string          `json:"encoding_format"`
	Dimensions     *int            `json:"dimensions"`
}

const defaultDimensions = 256

func (s *Server) embedding(q *request, p *plan) *reply {
	var in embeddingRequest
	if bad := decode(q.dialect, q.body, &in); bad != nil {
		return bad
	}
	if _, ok := s.skillOf(q.model); !ok {
		return noModel(q.dialect, q.model)
	}
	texts, ok := inputs(in.Input)
	if !ok || len(texts) > 2048 {
		return invalid("Invalid 'input': expected 1 to 2048 inputs.", "input")
	}
	dimensions := defaultDimensions
	if in.Dimensions != nil {
		dimensions = *in.Dimensions
	}
	if dimensions < 1 || dimensions > 3072 {
		return invalid("Invalid 'dimensions'.", "dimensions")
	}
	words := 0
	b := []byte(`{"object":"list","data":[`)
	for i, text := range texts {
		if text == "" {
			return invalid("Invalid 'input': an input is empty.", "input")
		}
		words += len(pieces(text))
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"object":"embedding","index":`...), int64(i), 10)
		b = append(b, `,"embedding":`...)
		b = append(appendVector(b, embed(s.config.Seed, text, dimensions), in.EncodingFormat == "base64"), '}')
	}
	b = append(append(b, `],"model":`...), quote(q.model)...)
	if p.usage != "none" {
		b = strconv.AppendInt(append(b, `,"usage":{"prompt_tokens":`...), int64(words), 10)
		b = append(strconv.AppendInt(append(b, `,"total_tokens":`...), int64(words), 10), '}')
	}
	return jsonReply(append(b, '}'))
}

// embed sums a direction for each word, so that texts with words in common are near each other; the length is 1.
func embed(seed uint64, text string, dimensions int) []float32 {
	sum := make([]float64, dimensions)
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		r := random(mix(seed, hash([]byte(strings.Trim(word, ".,;:!?\"'()")))))
		for i := range sum {
			sum[i] += r.chance() - 0.5
		}
	}
	var square float64
	for _, x := range sum {
		square += x * x
	}
	vector := make([]float32, dimensions)
	for i, x := range sum {
		vector[i] = float32(x / max(math.Sqrt(square), 1e-9))
	}
	return vector
}

func appendVector(b []byte, vector []float32, packed bool) []byte {
	if packed {
		raw := make([]byte, 0, 4*len(vector))
		for _, x := range vector {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
		}
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), raw), '"')
	}
	b = append(b, '[')
	for i, x := range vector {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(x), 'g', -1, 32)
	}
	return append(b, ']')
}
