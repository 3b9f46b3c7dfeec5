package corpus

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// vectorWire tells whose embeddings an answer has.
func vectorWire(x *exchange, t tree) wire {
	switch {
	case vectorAt(t):
		return chat
	case t.has("embeddings") && t.has("response_type"), t.at("meta").has("billed_units"):
		return cohere
	case t.has("embedding"), t.has("embeddings") && t.at("embeddings").v != nil && geminiVectors(t):
		return gemini
	case t.has("embeddings") && t.has("model"):
		return ollama
	}
	return other
}

func geminiVectors(t tree) bool {
	list := t.at("embeddings").list()
	return len(list) > 0 && list[0].has("values")
}

// TestVectors reads every recorded embedding, and tells it to clients in both
// forms: the same numbers, as 32-bit floats.
func TestVectors(t *testing.T) {
	table := newTally("vectors")
	for _, x := range corpora(t) {
		if wireOf(&x) != vectors || x.status >= 300 {
			continue
		}
		whole, err := parse(x.response)
		if err != nil {
			t.Errorf("%s#%d: %v", x.where, x.index, err)
			continue
		}
		w := vectorWire(&x, whole)
		e, ok := speaks[w].(embedder)
		if !ok {
			t.Errorf("%s#%d: whose embeddings are %.200s", x.where, x.index, x.response)
			continue
		}
		for _, packed := range []bool{false, true} {
			row := fmt.Sprintf("%s %s -> packed %v", w, labelOf(&x), packed)
			table.add(t, row, &x, tellVectors(e, whole, x.response, packed))
		}
	}
	table.report(t)
}

func tellVectors(e embedder, whole tree, raw []byte, packed bool) error {
	var v neutral.Vectors
	if err := e.ReadVectors(raw, &v); err != nil {
		return err
	}
	body := openaiVectors.AppendVectors(nil, &neutral.Embedding{Model: "model", Base64: packed}, &v)
	if err := valid(chat, "vectors", body); err != nil {
		return err
	}
	told, err := parse(body)
	if err != nil {
		return err
	}
	want := recordedVectors(whole)
	data := told.at("data").list()
	if len(data) != len(want) || len(want) == 0 {
		return fmt.Errorf("%d vectors, want %d", len(data), len(want))
	}
	for i, one := range data {
		if _, isText := one.at("embedding").v.(string); isText != packed || int(one.at("index").int()) != i {
			return fmt.Errorf("vector %d: %.100s", i, body)
		}
		got := floatsOf(one.at("embedding"))
		if len(got) != len(want[i]) {
			return fmt.Errorf("vector %d has %d numbers, want %d", i, len(got), len(want[i]))
		}
		for k := range got {
			if got[k] != want[i][k] {
				return fmt.Errorf("vector %d, number %d is %v, want %v", i, k, got[k], want[i][k])
			}
		}
	}
	if in := recordedTokens(whole); in != told.at("usage", "prompt_tokens").int() {
		return fmt.Errorf("%d tokens, want %d", told.at("usage", "prompt_tokens").int(), in)
	}
	return nil
}

var openaiVectors interface {
	ReadEmbedding(r *translate.Request) (*neutral.Embedding, *translate.Error)
	AppendVectors(dst []byte, q *neutral.Embedding, v *neutral.Vectors) []byte
} = chatDialect

// TestVectorRequests writes every recorded request of OpenAI's embeddings for
// every provider that embeds: JSON, with all inputs in it.
func TestVectorRequests(t *testing.T) {
	table := newTally("requests of vectors")
	for _, x := range corpora(t) {
		if wireOf(&x) != vectors || !strings.HasSuffix(pathOf(x.url), "/embeddings") || !isObject(x.request) || x.status >= 300 {
			continue
		}
		for _, p := range providers {
			if e, ok := p.(interface {
				embedder
				Embeds() bool
			}); ok && e.Embeds() {
				table.add(t, labelOf(&x)+" -> "+p.Name(), &x, writeVectors(e, x.request))
			}
		}
	}
	table.report(t)
}

func writeVectors(e embedder, body []byte) error {
	r := new(translate.Request)
	if err := r.Scan(body); err != nil {
		return err
	}
	q, fault := openaiVectors.ReadEmbedding(r)
	if fault != nil {
		return fault
	}
	out, _, fault := e.AppendEmbedding(nil, q, &neutral.Target{Model: "model"})
	if fault != nil {
		return fault
	}
	sent, err := parse(out)
	if err != nil {
		return err
	}
	asked, err := parse(body)
	if err != nil {
		return err
	}
	has := stringsOf(nil, sent)
	for _, text := range stringsOf(nil, asked.at("input")) {
		if !slices.Contains(has, text) {
			return fmt.Errorf("%q is not in %.300s", text, out)
		}
	}
	return nil
}

// recordedVectors are the numbers in an answer of any provider.
func recordedVectors(t tree) (all [][]float32) {
	for _, one := range t.at("data").list() {
		all = append(all, floatsOf(one.at("embedding")))
	}
	for _, one := range t.at("embeddings").list() {
		if one.has("values") {
			one = one.at("values")
		}
		all = append(all, floatsOf(one))
	}
	for _, one := range t.at("embeddings", "float").list() {
		all = append(all, floatsOf(one))
	}
	if t.has("embedding") {
		all = append(all, floatsOf(t.at("embedding", "values")))
	}
	return all
}

func floatsOf(t tree) (all []float32) {
	raw, _ := base64.StdEncoding.DecodeString(t.text())
	for ; len(raw) >= 4; raw = raw[4:] {
		all = append(all, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
	for _, one := range t.list() {
		n, _ := one.v.(json.Number)
		f, _ := strconv.ParseFloat(n.String(), 32)
		all = append(all, float32(f))
	}
	return all
}

// recordedTokens is what the input came to; 0 where nobody says.
func recordedTokens(t tree) int64 {
	for _, path := range [][]string{{"usage", "prompt_tokens"}, {"usage", "total_tokens"}, {"meta", "billed_units", "input_tokens"}, {"prompt_eval_count"}, {"usageMetadata", "promptTokenCount"}} {
		if n := t.at(path...).int(); n > 0 {
			return n
		}
	}
	return 0
}
