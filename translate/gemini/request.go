package gemini

import (
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// MaxName is the most characters that the name of a function may have; see
// neutral.NewNames.
const MaxName = 64

// AppendRequest appends the body of generateContent for q. The stream is
// asked for in the path, not here.
func (*Dialect) AppendRequest(dst []byte, q *neutral.Request, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	w := writer{dst: append(dst, '{'), q: q, t: t, names: neutral.NewNames(q, MaxName)}
	system, turns := neutral.Arrange(q, neutral.Rules{
		Merge: true, ResultsFirst: true, Pair: true, UserFirst: true,
		MidSystem: true, NoBlank: true, NeedUser: true, Origin: name,
	})
	w.turns = turns
	w.appendSystem(system)
	w.appendContents()
	w.appendTools()
	w.appendConfig()
	w.appendRest()
	if w.err != nil {
		return dst, nil, w.err
	}
	return append(w.dst, '}'), w.drops, nil
}

// writer writes one request. The first error is kept.
type writer struct {
	dst   []byte
	q     *neutral.Request
	t     *neutral.Target
	turns []neutral.Turn
	names *neutral.Names
	drops neutral.Drops
	err   *translate.Error
}

// key appends the name of a member, after a comma where it needs one.
func (w *writer) key(name string) {
	w.comma()
	w.dst = append(append(append(w.dst, '"'), name...), '"', ':')
}

// comma appends a comma unless a bracket has just been opened.
func (w *writer) comma() {
	if last := w.dst[len(w.dst)-1]; last != '{' && last != '[' {
		w.dst = append(w.dst, ',')
	}
}

func (w *writer) raw(s string)       { w.dst = append(w.dst, s...) }
func (w *writer) bytes(b []byte)     { w.dst = append(w.dst, b...) }
func (w *writer) text(b []byte)      { w.dst = translate.AppendString(w.dst, b) }
func (w *writer) string(s string)    { w.dst = translate.AppendString(w.dst, []byte(s)) }
func (w *writer) member(k, v string) { w.key(k); w.string(v) }

// unsupported ends the request with an error at param.
func (w *writer) unsupported(param, format string, args ...any) {
	if w.err == nil {
		w.err = neutral.Unsupported(param, format, args...)
	}
}

func (w *writer) appendSystem(system []neutral.Block) {
	if len(system) == 0 {
		return
	}
	w.key("systemInstruction")
	w.raw(`{"parts":[`)
	for i := range system {
		w.appendBlock(&system[i])
	}
	w.raw(`]}`)
}

func (w *writer) appendContents() {
	w.key("contents")
	w.raw("[")
	for i := range w.turns {
		turn := &w.turns[i]
		if turn.Name != "" {
			w.drops.Add("messages[].name")
		}
		if turn.Role == neutral.Assistant {
			w.appendContent("model", turn.Blocks)
			continue
		}
		// A turn that answers calls has as many parts as there were calls, so
		// whatever else the user says stands in a turn of its own.
		results := 0
		for results < len(turn.Blocks) && turn.Blocks[results].Kind == neutral.ToolResult {
			results++
		}
		w.appendContent("user", turn.Blocks[:results])
		w.appendContent("user", w.withResultMedia(turn.Blocks, results))
	}
	w.raw("]")
}

// appendContent appends one turn, and nothing when it would have no parts.
func (w *writer) appendContent(role string, blocks []neutral.Block) {
	start := len(w.dst)
	w.comma()
	w.raw(`{"role":"` + role + `","parts":[`)
	head, signed := len(w.dst), false
	for i := range blocks {
		b := &blocks[i]
		if b.Kind == neutral.ToolUse {
			w.appendCall(b, !signed)
			signed = true
			continue
		}
		w.appendBlock(b)
	}
	if len(w.dst) == head {
		w.dst = w.dst[:start]
		return
	}
	w.raw("]}")
}

// withResultMedia returns the blocks after the results, with the media of the
// results before them where a result can hold none itself.
func (w *writer) withResultMedia(blocks []neutral.Block, results int) []neutral.Block {
	rest := blocks[results:]
	if w.t.Traits.ResultMedia {
		return rest
	}
	var moved []neutral.Block
	for i := range blocks[:results] {
		result := &blocks[i]
		told := false
		for _, b := range result.Content {
			if !isMedia(b.Kind) {
				continue
			}
			if !told {
				moved = append(moved, neutral.Block{Kind: neutral.Text, Text: []byte("From the result of " + w.callName(result) + ":")})
				told = true
			}
			moved = append(moved, b)
		}
	}
	if moved == nil {
		return rest
	}
	return slices.Concat(moved, rest)
}

// appendRest appends the members beside contents, tools and the
// configuration, and notes what has none.
func (w *writer) appendRest() {
	q := w.q
	w.appendTier()
	for _, m := range q.Extra {
		switch m.Name {
		case "safetySettings", "safety_settings":
			w.key("safetySettings")
			w.bytes(m.Raw)
		case "cachedContent", "cached_content":
			w.key("cachedContent")
			w.bytes(m.Raw)
		case "labels":
			w.key("labels")
			w.bytes(m.Raw)
		case "modalities": // in the configuration
		default:
			w.dropIf(translate.KindOf(m.Raw) != translate.KindNull, m.Name)
		}
	}
	w.dropIf(q.User != "", "user")
	w.dropIf(q.Metadata != nil, "metadata")
	w.dropIf(q.Store == neutral.On, "store")
	w.dropIf(q.Cache.Key != "", "prompt_cache_key")
	w.dropIf(q.Cache.Retention != "", "prompt_cache_retention")
	w.dropIf(q.Cache.Auto.Set, "cache_control")
	w.dropIf(q.Parallel == neutral.Off && len(q.Tools) > 0, "parallel_tool_calls")
}

func (w *writer) dropIf(lost bool, path string) {
	if lost {
		w.drops.Add(path)
	}
}

func (w *writer) appendTier() {
	switch tier := w.q.ServiceTier; tier {
	case "", "auto":
	case "default", "standard", "standard_only":
		w.member("serviceTier", "standard")
	case "flex", "priority":
		w.member("serviceTier", tier)
	default:
		w.drops.Add("service_tier")
	}
}
