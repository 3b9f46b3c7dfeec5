package gemini

import (
	"bytes"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// answer is a GenerateContentResponse: a whole answer, or what one event of a
// stream adds to it. Values are raw and borrowed.
type answer struct {
	candidates, model, id, created []byte
	blocked                        []byte // why the prompt was refused, a raw string
	failed                         bool
	tier                           []byte
	usage                          neutral.Usage
}

// readAnswer reads data and reports whether it is one well-formed object, or
// an array with an error.
func readAnswer(data []byte) (a answer, ok bool) {
	if a, ok = readObject(data); ok {
		return a, true
	}
	list := translate.Elements(data)
	if !list.Next() {
		return a, false
	}
	a, ok = readObject(list.Value())
	return a, ok && a.failed
}

func readObject(data []byte) (a answer, ok bool) {
	o := translate.Members(data)
	for o.Next() {
		switch string(o.Key()) {
		case "candidates":
			if o.Kind() == translate.KindArray {
				a.candidates = o.Value()
			}
		case "promptFeedback":
			a.blocked = readFeedback(o.Value())
		case "usageMetadata":
			a.usage, a.tier = readUsage(o.Value())
		case "modelVersion":
			a.model = o.Value()
		case "responseId":
			a.id = o.Value()
		case "createTime":
			a.created = o.Value()
		case "error":
			a.failed = a.failed || o.Kind() != translate.KindNull
		}
	}
	return a, o.Complete()
}

func readFeedback(raw []byte) (reason []byte) {
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) == "blockReason" && o.Kind() == translate.KindString {
			reason = o.Value()
		}
	}
	return reason
}

// createdAt is the Unix time of creation, 0 when it is not said.
func (a *answer) createdAt() int64 {
	if a.created == nil {
		return 0
	}
	at, err := time.Parse(time.RFC3339Nano, textOf(a.created))
	if err != nil {
		return 0
	}
	return at.Unix()
}

// tierOf is the service tier in OpenAI's words.
func (a *answer) tierOf() string {
	if tier := strings.ToLower(textOf(a.tier)); tier != "standard" {
		return tier
	}
	return "default"
}

// seed is what ids of calls are made of.
func (a *answer) seed(data []byte) string {
	if id := textOf(a.id); id != "" {
		return id
	}
	return string(data)
}

// readUsage reads usageMetadata. The prompt's count includes what was cached,
// and neither what tools put into it nor the thoughts are part of the counts
// that they belong to.
func readUsage(raw []byte) (u neutral.Usage, tier []byte) {
	o := translate.Members(raw)
	for o.Next() {
		switch key, v := string(o.Key()), o.Value(); key {
		case "promptTokenCount", "toolUsePromptTokenCount":
			u.In += count(v)
			u.Known = true
		case "cachedContentTokenCount":
			u.CacheRead = count(v)
		case "candidatesTokenCount":
			u.Out += count(v)
			u.Known = true
		case "thoughtsTokenCount":
			u.Reasoning = count(v)
			u.Out += u.Reasoning
			u.Known = true
		case "totalTokenCount":
			u.Total = count(v)
			u.Known = true
		case "promptTokensDetails":
			u.AudioIn = audio(v)
		case "candidatesTokensDetails":
			u.AudioOut = audio(v)
		case "serviceTier":
			tier = v
		}
	}
	u.CacheRead = min(u.CacheRead, u.In)
	return u, tier
}

// maxTokens is more than any call has; it keeps sums and prices in range.
const maxTokens = 1 << 40

func count(raw []byte) int64 {
	n, ok := translate.Int(raw)
	if !ok || n < 0 || n > maxTokens {
		return 0
	}
	return n
}

// audio is the count of the modality AUDIO in a list of details.
func audio(raw []byte) (tokens int64) {
	list := translate.Elements(raw)
	for list.Next() {
		var n int64
		is := false
		o := list.Members()
		for o.Next() {
			switch string(o.Key()) {
			case "modality":
				is = string(o.Value()) == `"AUDIO"`
			case "tokenCount":
				n = count(o.Value())
			}
		}
		if is {
			tokens += n
		}
	}
	return tokens
}

// candidate is one of the answers in an answer.
type candidate struct {
	index                       int
	parts                       []byte
	finish                      []byte
	grounding, citations, probs []byte
}

// maxChoices bounds the index of a candidate.
const maxChoices = 128

// readCandidate reads the candidate at position. The walks here do not nest:
// what a walk hands out would keep those around it on the heap.
func readCandidate(raw []byte, position int) candidate {
	c := candidate{index: position}
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "index":
			if n, ok := translate.Int(o.Value()); ok && n >= 0 && n < maxChoices {
				c.index = int(n)
			}
		case "content":
			content := translate.Members(o.Value())
			for content.Next() {
				if string(content.Key()) == "parts" {
					c.parts = content.Value()
				}
			}
		case "finishReason":
			if o.Kind() == translate.KindString {
				c.finish = o.Value()
			}
		case "groundingMetadata":
			c.grounding = objectOf(o.Value())
		case "citationMetadata":
			c.citations = objectOf(o.Value())
		case "logprobsResult":
			c.probs = objectOf(o.Value())
		}
	}
	return c
}

// objectOf is raw where it is an object with something in it.
func objectOf(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindObject || len(bytes.TrimSpace(raw[1:])) < 2 {
		return nil
	}
	return raw
}

// finishes says what the reasons mean; one that is not here is FinishOther.
// https://ai.google.dev/api/generate-content#FinishReason
var finishes = map[string]neutral.Finish{
	"STOP":                     neutral.FinishStop,
	"MAX_TOKENS":               neutral.FinishLength,
	"SAFETY":                   neutral.FinishFilter,
	"RECITATION":               neutral.FinishFilter,
	"BLOCKLIST":                neutral.FinishFilter,
	"PROHIBITED_CONTENT":       neutral.FinishFilter,
	"SPII":                     neutral.FinishFilter,
	"MODEL_ARMOR":              neutral.FinishFilter,
	"IMAGE_SAFETY":             neutral.FinishFilter,
	"IMAGE_PROHIBITED_CONTENT": neutral.FinishFilter,
	"IMAGE_RECITATION":         neutral.FinishFilter,
	"LANGUAGE":                 neutral.FinishMalformed,
	"OTHER":                    neutral.FinishMalformed,
	"IMAGE_OTHER":              neutral.FinishMalformed,
	"NO_IMAGE":                 neutral.FinishMalformed,
	"MALFORMED_FUNCTION_CALL":  neutral.FinishMalformed,
	"MALFORMED_RESPONSE":       neutral.FinishMalformed,
	"UNEXPECTED_TOOL_CALL":     neutral.FinishMalformed,
	"TOO_MANY_TOOL_CALLS":      neutral.FinishMalformed,
}

// finishOf returns what the word native means for an answer with or without
// calls.
func finishOf(native string, calls bool) neutral.Finish {
	said, ok := finishes[native]
	if !ok {
		said = neutral.FinishOther
	}
	return neutral.Reason(said, calls)
}

// textOf returns the text of a JSON string, "" of anything else.
func textOf(raw []byte) string {
	if translate.KindOf(raw) != translate.KindString {
		return ""
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	return string(translate.AppendText(nil, raw))
}

// texts holds the text of strings that had to be unescaped.
type texts []byte

// of returns the text of a JSON string: borrowed from raw, or from t, where
// it stays until t is cut. It is nil for anything else.
func (t *texts) of(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindString {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	start := len(*t)
	*t = translate.AppendText(*t, raw)
	return (*t)[start:len(*t):len(*t)]
}
