package openai

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func embedding(t *testing.T, body string) (*neutral.Embedding, *translate.Error) {
	t.Helper()
	var r translate.Request
	if err := r.Scan([]byte(body)); err != nil {
		t.Fatal(err)
	}
	return New().ReadEmbedding(&r)
}

// TestEdge156_Embeddings covers edge cases 156 and 157.
func TestEdge156_Embeddings(t *testing.T) {
	q, err := embedding(t, `{"model":"m","input":["a","b\n"],"encoding_format":"base64","dimensions":2,"user":"u","odd":1}`)
	if err != nil {
		t.Fatal(err)
	}
	body, drops, err := New().AppendEmbedding(nil, q, &neutral.Target{Model: "p"})
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, `{"model":"p","input":["a","b\n"],"encoding_format":"base64","dimensions":2,"user":"u"}`, string(body))
	if diff := cmp.Diff(neutral.Drops{"odd"}, drops); diff != "" {
		t.Error(diff)
	}

	var v neutral.Vectors
	const answer = `{"object":"list","model":"p","data":[{"index":1,"embedding":"AACAPwAAAEA="},{"index":0,"embedding":[1,-0.5]}],"usage":null}`
	if err := New().ReadVectors([]byte(answer), &v); err != nil {
		t.Fatal(err)
	}
	sameJSON(t, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAL8="},`+
		`{"object":"embedding","index":1,"embedding":"AACAPwAAAEA="}],"model":"p","usage":{"prompt_tokens":0,"total_tokens":0}}`,
		string(New().AppendVectors(nil, q, &v)))
	sameJSON(t, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,-0.5]},`+
		`{"object":"embedding","index":1,"embedding":[1,2]}],"model":"p","usage":{"prompt_tokens":0,"total_tokens":0}}`,
		string(New().AppendVectors(nil, &neutral.Embedding{}, &v)))
}

func TestReadEmbedding_Inputs(t *testing.T) {
	f := func(input, want string) {
		t.Helper()
		q, err := embedding(t, `{"model":"m","input":`+input+`}`)
		if err != nil {
			t.Fatalf("%s: %v", input, err)
		}
		body, _, _ := New().AppendEmbedding(nil, q, &neutral.Target{Model: "p"})
		sameJSON(t, `{"model":"p","input":`+want+`}`, string(body))
	}
	f(`"a"`, `["a"]`)
	f(`[1,2]`, `[[1,2]]`)
	f(`[[1],[2,3]]`, `[[1],[2,3]]`)

	bad := func(input, param string) {
		t.Helper()
		if _, err := embedding(t, `{"model":"m","input":`+input+`}`); err == nil || err.Param != param || err.HTTPStatus() != 400 {
			t.Errorf("%s: got %+v", input, err)
		}
	}
	bad(`""`, "input")
	bad(`[]`, "input")
	bad(`null`, "input")
	bad(`{}`, "input")
	bad(`["a",""]`, "input[1]")
	bad(`["a",[1]]`, "input[1]")
	bad(`[1,"a"]`, "input[1]")
	bad(`[[1],["a"]]`, "input[1][0]")
}

func TestReadVectors_NoAnswer(t *testing.T) {
	f := func(body string, code translate.Code) {
		t.Helper()
		var v neutral.Vectors
		if err := New().ReadVectors([]byte(body), &v); err == nil || err.Code != code {
			t.Errorf("%s: got %v", body, err)
		}
	}
	f(``, translate.ProviderBadResponse)
	f(`{}`, translate.ProviderBadResponse)
	f(`{"data":[{"index":0}]}`, translate.ProviderBadResponse)
	f(`{"error":{"message":"no"}}`, translate.ProviderFailed)
}
