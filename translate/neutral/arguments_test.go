package neutral

import (
	"encoding/json"
	"strings"
	"testing"
)

func testArguments(t *testing.T, custom bool, in, want string) {
	t.Helper()
	got := string(ArgumentsObject(&Block{Kind: ToolUse, Custom: custom, Arguments: []byte(in)}))
	if got != want {
		t.Errorf("%q: got %s, want %s", in, got, want)
	}
}

func TestEdge030_EmptyArguments(t *testing.T) {
	testArguments(t, false, "", `{}`)
	testArguments(t, false, " \r\n\t", `{}`)
	testArguments(t, false, "{}", `{}`)
	if got := ArgumentsObject(&Block{}); string(got) != "{}" {
		t.Errorf("nil: got %s", got)
	}
}

func TestEdge031_NullArguments(t *testing.T) {
	testArguments(t, false, "null", `{}`)
	testArguments(t, false, " null ", `{}`)
	testArguments(t, false, `"null"`, `{"value":"null"}`)
}

func TestEdge034_InvalidArguments(t *testing.T) {
	testArguments(t, false, `{"a":`, `{"_raw":"{\"a\":"}`)
	testArguments(t, false, `{}{"a":1}`, `{"_raw":"{}{\"a\":1}"}`)
	testArguments(t, false, `1,"b":2`, `{"_raw":"1,\"b\":2"}`)
	testArguments(t, false, `1}`, `{"_raw":"1}"}`)
	testArguments(t, false, `nul`, `{"_raw":"nul"}`)
	testArguments(t, false, `[1, "a"]`, `{"value":[1, "a"]}`)
	testArguments(t, false, `3`, `{"value":3}`)
	testArguments(t, false, strings.Repeat("[", 300), `{"_raw":"`+strings.Repeat("[", 300)+`"}`)
}

func TestEdge059_CustomArguments(t *testing.T) {
	testArguments(t, true, "a \"b\"\n", `{"input":"a \"b\"\n"}`)
	testArguments(t, true, "", `{"input":""}`)
}

func TestEdge084_NumbersInArguments(t *testing.T) {
	const raw = `{"z":9007199254740993,"a":1e400,"m":1.0,"b":-0, "a":2}`
	testArguments(t, false, raw, raw)
	testArguments(t, false, "\n"+raw+"\n", raw)
}

func FuzzArgumentsObject(f *testing.F) {
	for _, seed := range []string{``, `{}`, `null`, `1,"b":2`, `{"a":1}}`, "\x00\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := ArgumentsObject(&Block{Arguments: []byte(in)})
		if got[0] != '{' || !json.Valid(got) {
			t.Errorf("%q: got %s", in, got)
		}
	})
}
