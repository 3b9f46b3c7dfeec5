package gemini

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func TestAppendEmbedding(t *testing.T) {
	q := &neutral.Embedding{
		Inputs: [][]byte{[]byte("a\n"), []byte("b")}, Dimensions: []byte("256"), User: "u",
		Extra: []neutral.Member{{Name: "task_type", Raw: []byte(`"RETRIEVAL_QUERY"`)}, {Name: "x", Raw: []byte("1")}},
	}
	got, drops, err := New().AppendEmbedding(nil, q, &neutral.Target{Model: "e"})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"requests":[{"model":"models/e","content":{"parts":[{"text":"a\n"}]},"outputDimensionality":256,"taskType":"RETRIEVAL_QUERY"},` +
		`{"model":"models/e","content":{"parts":[{"text":"b"}]},"outputDimensionality":256,"taskType":"RETRIEVAL_QUERY"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(neutral.Drops{"user", "x"}, drops); diff != "" {
		t.Error(diff)
	}
	_, _, err = New().AppendEmbedding(nil, &neutral.Embedding{Tokens: [][]byte{[]byte("[1]")}}, &neutral.Target{})
	if err == nil || err.Code != translate.CallerUnsupported || err.Param != "input" {
		t.Error(err)
	}
}

func TestEdge156_VectorOrder(t *testing.T) {
	var v neutral.Vectors
	if err := New().ReadVectors([]byte(`{"embeddings":[{"values":[0.5,-1]},{"values":[2]}],"usageMetadata":{"promptTokenCount":7}}`), &v); err != nil {
		t.Fatal(err)
	}
	want := []neutral.Vector{{Floats: []byte("[0.5,-1]")}, {Floats: []byte("[2]")}}
	if diff := cmp.Diff(want, v.Vectors); diff != "" || v.Usage.In != 7 {
		t.Error(diff, v.Usage)
	}
	if got := string(v.Vectors[0].AppendPacked(nil)); got != "AAAAPwAAgL8=" {
		t.Error(got)
	}
}

func TestEdge157_NoUsage(t *testing.T) {
	var v neutral.Vectors
	if err := New().ReadVectors([]byte(`{"embeddings":[{"values":[1]}]}`), &v); err != nil || v.Usage.Known || v.Usage.In != 0 {
		t.Error(err, v.Usage)
	}
}

func TestReadVectors_Bad(t *testing.T) {
	f := func(body string, code translate.Code) {
		t.Helper()
		var v neutral.Vectors
		if err := New().ReadVectors([]byte(body), &v); err == nil || err.Code != code {
			t.Errorf("%s: %v", body, err)
		}
	}
	f(``, translate.ProviderBadResponse)
	f(`{"embeddings":[]}`, translate.ProviderBadResponse)
	f(`{"embeddings":[{}]}`, translate.ProviderBadResponse)
	f(`{"embeddings":[{"values":[1]}]`, translate.ProviderBadResponse)
	f(`{"error":{"code":404,"message":"m","status":"NOT_FOUND"}}`, translate.ProviderRejected)
}
