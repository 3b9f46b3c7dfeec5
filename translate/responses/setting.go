package responses

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// The values of include that mean something to every provider.
const (
	includeSealed   = `"reasoning.encrypted_content"`
	includeLogprobs = `"message.output_text.logprobs"`
)

// readText reads the form of the answer. The verbosity is a top-level field
// of chat completions, and kept under that name.
func (in *reader) readText(v []byte) *flaw {
	if translate.KindOf(v) != translate.KindObject {
		return wrong("", "an object")
	}
	o := translate.Members(v)
	for o.Next() {
		switch raw := given(o.Value()); {
		case raw == nil:
		case string(o.Key()) == "format":
			if f := in.readFormat(raw); f != nil {
				return f.in("format")
			}
		case string(o.Key()) == "verbosity":
			in.extra("verbosity", raw)
		default:
			in.extra("text."+string(o.Key()), raw)
		}
	}
	return nil
}

func (in *reader) readFormat(v []byte) *flaw {
	var kind []byte
	format := &in.q.Format
	o := translate.Members(v)
	for o.Next() {
		switch raw := given(o.Value()); string(o.Key()) {
		case "type":
			kind = text(raw)
		case "name":
			format.Name = string(text(raw))
		case "description":
			format.Description = string(text(raw))
		case "schema":
			format.Schema = raw
		case "strict":
			if raw == nil {
				continue
			}
			if f := readSwitch(&format.Strict, raw); f != nil {
				return f.in("strict")
			}
		}
	}
	switch string(kind) {
	case "text":
	case "json_object":
		format.Kind = neutral.FormatJSON
	case "json_schema":
		format.Kind = neutral.FormatSchema
		if translate.KindOf(format.Schema) != translate.KindObject {
			return wrong("schema", "an object")
		}
	default:
		return wrong("type", "text, json_object or json_schema")
	}
	return nil
}

func (in *reader) readReasoning(v []byte) *flaw {
	if translate.KindOf(v) != translate.KindObject {
		return wrong("", "an object")
	}
	r := &in.q.Reasoning
	o := translate.Members(v)
	for o.Next() {
		raw := given(o.Value())
		if raw == nil {
			continue
		}
		var f *flaw
		switch key := string(o.Key()); key {
		case "effort":
			f = readEffort(&r.Effort, raw)
		case "summary", "generate_summary":
			f = readString(&r.Summary, raw)
		default:
			in.extra("reasoning."+key, raw)
		}
		if f != nil {
			return f.in(string(o.Key()))
		}
		r.Set = true
	}
	return nil
}

func readEffort(dst *string, v []byte) *flaw {
	switch s := string(text(v)); s {
	case "none", "minimal", "low", "medium", "high", "xhigh", "max":
		*dst = s
		return nil
	default:
		return wrong("", "none, minimal, low, medium, high, xhigh or max")
	}
}

// readInclude reads what the answer is to have beside the usual. What is left
// out of reasoning on demand elsewhere is always there in ours; the rest is
// about tools that other providers do not run.
func (in *reader) readInclude(v []byte) *flaw {
	if translate.KindOf(v) != translate.KindArray {
		return wrong("", "an array")
	}
	others := false
	a := translate.Elements(v)
	for k := 0; a.Next(); k++ {
		switch raw := a.Value(); {
		case translate.KindOf(raw) != translate.KindString:
			return wrong("", "a string").at(k)
		case string(raw) == includeLogprobs:
			in.q.Logprobs = neutral.On
		case string(raw) != includeSealed:
			others = true
		}
	}
	if others {
		in.extra("include", v)
	}
	return nil
}

func (in *reader) readTopLogprobs(v []byte) *flaw {
	var raw []byte
	if f := readInt(&raw, v); f != nil {
		return f
	}
	if n, _ := translate.Int(raw); n > 0 {
		in.q.TopLogprobs, in.q.Logprobs = raw, neutral.On
	}
	return nil
}
