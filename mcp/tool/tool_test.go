package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
	"github.com/ai-mcp-gateway/gateway/tenant"
)

type in struct {
	Path  string   `json:"path" doc:"where" min:"1"`
	Sort  string   `json:"sortBy,omitempty" enum:"name|size" default:"name"`
	Count int      `json:"count,omitempty" min:"1" max:"10"`
	Names []string `json:"names,omitempty" max:"2"`
	Items []struct {
		Old string `json:"oldText"`
	} `json:"items,omitempty"`
}

type out struct {
	Value *string `json:"value"`
}

func TestSchema(t *testing.T) {
	b, err := json.Marshal(tool.SchemaOf[in]())
	const want = `{"type":"object","properties":{"path":{"type":"string","description":"where","minLength":1},` +
		`"sortBy":{"type":"string","enum":["name","size"],"default":"name"},"count":{"type":"integer","minimum":1,"maximum":10},` +
		`"names":{"type":"array","maxItems":2,"items":{"type":"string"}},` +
		`"items":{"type":"array","items":{"type":"object","properties":{"oldText":{"type":"string"}},"required":["oldText"],"additionalProperties":false}}},` +
		`"required":["path"],"additionalProperties":false}`
	if err != nil || string(b) != want {
		t.Errorf("%v\n%s\n%s", err, b, want)
	}
	if b, _ := json.Marshal(tool.SchemaOf[out]()); !strings.Contains(string(b), `"value":{"type":["string","null"]}`) {
		t.Errorf("%s", b)
	}
}

func TestCheck(t *testing.T) {
	s := tool.SchemaOf[in]()
	f := func(raw, want string) {
		t.Helper()
		text := ""
		if err := s.Check([]byte(raw)); err != nil {
			text = err.Text
		}
		if want == "" && text != "" || !strings.Contains(text, want) {
			t.Errorf("%s: %q, want %q", raw, text, want)
		}
	}
	f(`{"path":"a"}`, "")
	f(`{"path":"a","sortBy":"size","count":10,"names":["x"],"items":[{"oldText":"y"}]}`, "")
	f(`{}`, `"path" is missing`)
	f(`{"path":""}`, "at least 1 characters")
	f(`{"path":null}`, "a string")
	f(`{"path":7}`, "a string")
	f(`{"path":"a","PATH":"b"}`, `Did you mean "path"?`)
	f(`{"path":"a","sort":"name"}`, `no argument "sort"`)
	f(`{"path":"a","sortBy":"date"}`, "one of name, size")
	f(`{"path":"a","count":0}`, "at least 1")
	f(`{"path":"a","count":11}`, "10 at most")
	f(`{"path":"a","count":1.5}`, "an integer")
	f(`{"path":"a","count":"1"}`, "an integer")
	f(`{"path":"a","names":["x","y","z"]}`, "2 items at most")
	f(`{"path":"a","names":["x",1]}`, `"names[1]"`)
	f(`{"path":"a","items":[{"oldText":"y","x":1}]}`, `"items[0].x"`)
	f(`[]`, "an object")
}

func TestRun(t *testing.T) {
	set := tool.NewSet(slog.New(slog.DiscardHandler))
	set.Add(
		tool.New(tool.Tool{Name: "echo", Aliases: []string{"say"}}, func(_ context.Context, _ *tool.Call, in *in) (*out, error) {
			return &out{&in.Path}, nil
		}),
		tool.New(tool.Tool{Name: "told"}, func(context.Context, *tool.Call, *struct{}) (*out, error) {
			return nil, tool.Errorf("try again")
		}),
		tool.New(tool.Tool{Name: "broken"}, func(context.Context, *tool.Call, *struct{}) (*out, error) {
			return nil, errors.New("/secret/path is away")
		}),
		tool.New(tool.Tool{Name: "long"}, func(context.Context, *tool.Call, *struct{}) (*out, error) {
			text := strings.Repeat("x", 100<<20)
			return &out{&text}, nil
		}),
	)
	f := func(name, arguments string, failed bool, want string) {
		t.Helper()
		found, err := set.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		r := set.Run(t.Context(), found, &tool.Call{Caller: tenant.Anonymous()}, []byte(arguments))
		if r.Failed != failed || len(r.Blocks) != 1 || !strings.Contains(r.Blocks[0].Text, want) || strings.Contains(r.Blocks[0].Text, "secret") {
			t.Errorf("%s: %v %.200q, want %q", name, r.Failed, r.Blocks[0].Text, want)
		}
	}
	f("echo", `{"path":"a<b>"}`, false, `{"value":"a<b>"}`)
	f("say", `{"path":"x"}`, false, `{"value":"x"}`)
	f("echo", `{}`, true, "is missing")
	f("told", ``, true, "try again")
	f("broken", `{}`, true, "is away or has failed")
	f("long", `{}`, true, "ask for a part of it")
	if _, err := set.Find("ecco"); !errors.Is(err, tool.ErrUnknown) || !strings.Contains(err.Error(), `did you mean "echo"?`) {
		t.Error(err)
	}
}
