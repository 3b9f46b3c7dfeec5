package corpus

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// knownClass is a failure that is explained. It is told by a feature of the
// recorded request and by the error, never by the name of a file.
type knownClass struct {
	name string
	has  func(x *exchange, err error) bool
}

var knownClasses = []knownClass{
	// No other provider runs such a tool, and without it the request makes no
	// sense: a refusal is right, and names the field.
	{"a tool that its provider runs", func(x *exchange, err error) bool {
		return unsupported(err, "tools") && slices.ContainsFunc(valuesOf("type", x.request, "tools"), func(kind string) bool {
			return kind != "" && kind != "function" && kind != "custom"
		})
	}},
	// The calls and results of such tools in a history: some providers are
	// told without them, which is listed, others refuse.
	{"content of a tool that its provider runs", func(x *exchange, err error) bool {
		return unsupported(err, "messages", "input") && own(x)
	}},
	// What is listed as dropped may have had a text in it.
	{"content that only one provider has, dropped and listed", func(x *exchange, err error) bool {
		return strings.Contains(err.Error(), "dropped: [messages[].content[]") && own(x)
	}},
	// A call that stays as it is, and a result that is told as a text because
	// nothing here knows that the call is one. Such histories pass through.
	{"the result of a call that only one provider has", func(x *exchange, err error) bool {
		return strings.Contains(err.Error(), "no result") && slices.Contains(valuesOf("type", x.request, "input"), "tool_search_call")
	}},
	// Models differ in what they see and hear, and providers in whether they
	// fetch it. The gateway fetches images where that is switched on.
	{"media that the provider does not take", func(x *exchange, err error) bool {
		return unsupported(err, "messages", "input") && slices.ContainsFunc(valuesOf("type", x.request, "messages", "input"), func(kind string) bool {
			return media.MatchString(kind)
		})
	}},
	// Chats have one prompt of text, and nothing after what is asked for.
	{"a legacy completion of token ids, of several prompts, or before a suffix", func(x *exchange, err error) bool {
		body, _ := parse(x.request)
		return unsupported(err, "prompt", "suffix") && (len(body.at("prompt").list()) > 0 || body.has("suffix"))
	}},
	// Only OpenAI embeds token ids, which are of its own tokenizer.
	{"the embedding of token ids", func(x *exchange, err error) bool {
		body, _ := parse(x.request)
		return unsupported(err, "input") && len(body.at("input").list()) > 0 && len(stringsOf(nil, body.at("input"))) < len(body.at("input").list())
	}},
	// State is the gateway's: what was stored elsewhere is not known to it,
	// and nothing is made in the background.
	{"state that another provider keeps", func(x *exchange, err error) bool {
		body, _ := parse(x.request)
		absent := strings.Contains(err.Error(), `"previous_response_id" names is not stored here`)
		return (absent || unsupported(err, "background", "input", "conversation", "previous_response_id", "prompt")) &&
			(body.has("background") || body.has("conversation") || body.has("previous_response_id") || body.has("prompt") ||
				slices.Contains(valuesOf("type", x.request, "input"), "item_reference"))
	}},
	// Parts of a compatible server's own invention: the field is named.
	{"a part that OpenAI does not have", func(x *exchange, err error) bool {
		return strings.Contains(err.Error(), "].type\" must be") && slices.ContainsFunc(valuesOf("type", x.request, "messages"), func(kind string) bool {
			return strings.HasSuffix(kind, "_url") && kind != "image_url"
		})
	}},
}

// unsupported reports whether err refuses one of the fields.
func unsupported(err error, fields ...string) bool {
	var e *translate.Error
	if !errors.As(err, &e) || e.Code != translate.CallerUnsupported {
		return false
	}
	return slices.ContainsFunc(fields, func(field string) bool { return strings.HasPrefix(e.Param, field) })
}

var media = regexp.MustCompile(`^(image|audio|video|file|document|input_image|input_audio|input_file|image_url|file_url)$`)

// common are the types of items and parts that more than one provider has.
var common = regexp.MustCompile(`^(message|text|input_text|output_text|refusal|thinking|redacted_thinking|reasoning|summary_text|` +
	`tool_use|tool_result|function|function_call|function_call_output|custom_tool_call|custom_tool_call_output|base64|url|object|string|ephemeral)$`)

// own reports whether a request has content of a type that only one provider
// has.
func own(x *exchange) bool {
	return slices.ContainsFunc(valuesOf("type", x.request, "messages", "input"), func(kind string) bool {
		return !common.MatchString(kind) && !media.MatchString(kind)
	})
}

// valuesOf collects the texts of all members key below the given fields.
func valuesOf(key string, raw []byte, fields ...string) (all []string) {
	body, err := parse(raw)
	if err != nil {
		return nil
	}
	var walk func(t tree)
	walk = func(t tree) {
		for _, one := range t.list() {
			walk(one)
		}
		for _, name := range t.keys() {
			if s := t.at(name).text(); name == key && s != "" {
				all = append(all, s)
			}
			walk(t.at(name))
		}
	}
	for _, field := range fields {
		// Of a tool only its own type, not those in its schema.
		if field == "tools" {
			for _, tool := range body.at(field).list() {
				all = append(all, tool.at(key).text())
			}
			continue
		}
		walk(body.at(field))
	}
	return all
}
