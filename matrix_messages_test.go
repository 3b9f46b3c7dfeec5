package main

import (
	"encoding/base64"
	endian "encoding/binary"
	"math"
	"net/http"
	"testing"

	"github.com/tidwall/gjson"
)

// Tokens are counted by the provider that can, and guessed for any other.
func TestMatrixCount(t *testing.T) {
	m := startMatrix(t, "", byName, "")
	for _, p := range matrixProviders {
		r := m.post("/v1/messages/count_tokens", `{"model":"`+p.name+`/sim-l0","system":"Be brief.","messages":[{"role":"user","content":"How many words are these, about?"}],`+messageTools+`}`)
		seen := m.upstream()
		native := p.name == "anthropic"
		if r.status != http.StatusOK || object(members{"input_tokens": natural})("count", gjson.Parse(r.body)) != nil || gjson.Get(r.body, "input_tokens").Int() < 10 {
			t.Errorf("%s: status %d: %s", p.name, r.status, r.body)
		}
		if estimated := r.header.Get("X-Gateway-Estimated") == "true"; estimated == native || (len(seen) == 1) != native {
			t.Errorf("%s: estimated %t, the provider has seen %d requests", p.name, estimated, len(seen))
		}
	}
}

// The clients of Anthropic's dialect get its list of models and its errors.
func TestMatrixAnthropicFace(t *testing.T) {
	m := startMatrix(t, "", byName, "models:\n  gemini/sim-l0: {price: {input: 1, output: 2}}\n")
	get := func(path string) reply { return m.ask("GET", path, "", "anthropic-version: 2023-06-01") }
	model := object(members{"type": word("model"), "id": filled, "display_name": filled, "created_at": filled})
	models := object(members{"data": list(model), "has_more": boolean, "first_id": orNull(filled), "last_id": orNull(filled)})
	all := get("/v1/models")
	if err := models("models", gjson.Parse(all.body)); err != nil || !gjson.Get(all.body, `data.#(id=="gemini/sim-l0")`).Exists() {
		t.Errorf("%v: %s", err, all.body)
	}
	one := get("/v1/models/gemini/sim-l0")
	if err := model("model", gjson.Parse(one.body)); err != nil {
		t.Errorf("%v: %s", err, one.body)
	}
	c := clientNamed("messages")
	f := func(r reply, status int, kind string) {
		t.Helper()
		if r.status != status {
			t.Errorf("status %d, want %d: %s", r.status, status, r.body)
		}
		if err := c.isError(r.body, "", kind); err != nil {
			t.Error(err)
		}
	}
	f(get("/v1/models/none"), http.StatusNotFound, "not_found_error")
	f(m.post(c.path, `{`), http.StatusBadRequest, "invalid_request_error")
	f(m.post(c.path, `{"model":"gemini/sim-l0","messages":[]}`), http.StatusBadRequest, "invalid_request_error")
	f(m.post(c.path, `{"model":"none","max_tokens":1,"messages":[{"role":"user","content":"Hi."}]}`), http.StatusNotFound, "not_found_error")
	f(m.post(c.path, `{"model":"gemini/sim-l0","max_tokens":1,"messages":[{"role":"user","content":[{"type":"strange"}]}]}`), http.StatusBadRequest, "invalid_request_error")
	f(m.ask("GET", c.path, ""), http.StatusMethodNotAllowed, "invalid_request_error")
}

// Embeddings come in the client's form, in order and with usage, from every
// provider that has them, and as a refusal from the others.
func TestMatrixEmbeddings(t *testing.T) {
	m := startMatrix(t, "", byName, "")
	answer := object(members{
		"object": word("list"), "model": filled, "data": list(object(members{"object": word("embedding"), "index": natural, "embedding": anything})),
		"usage": object(members{"prompt_tokens": natural, "total_tokens": natural, "cost?": number}),
	})
	for _, p := range matrixProviders {
		ask := func(format string) reply {
			return m.post("/v1/embeddings", `{"model":"`+p.name+`/sim-embed","input":["one text","another"],"encoding_format":"`+format+`"}`)
		}
		floats := ask("float")
		if p.name == "anthropic" || p.name == "bedrock" || p.name == "responses" {
			if floats.status != http.StatusBadRequest || len(m.upstream()) != 0 {
				t.Errorf("%s: status %d: %s", p.name, floats.status, floats.body)
			}
			continue
		}
		packed := ask("base64")
		m.upstream()
		for _, r := range []reply{floats, packed} {
			if err := answer("answer", gjson.Parse(r.body)); err != nil || r.status != http.StatusOK {
				t.Errorf("%s: status %d, %v: %.300s", p.name, r.status, err, r.body)
			}
		}
		for n, v := range gjson.Get(floats.body, "data").Array() {
			raw, _ := base64.StdEncoding.DecodeString(gjson.Get(packed.body, "data").Array()[n].Get("embedding").Str)
			numbers := v.Get("embedding").Array()
			if v.Get("index").Int() != int64(n) || len(numbers) == 0 || len(raw) != 4*len(numbers) {
				t.Fatalf("%s: %d numbers, %d bytes: %.300s", p.name, len(numbers), len(raw), v.Raw)
			}
			for i, number := range numbers {
				if got := math.Float32frombits(endian.LittleEndian.Uint32(raw[4*i:])); got != float32(number.Num) {
					t.Fatalf("%s: number %d is %v in one form and %v in the other", p.name, i, number.Num, got)
				}
			}
		}
	}
}
