package engine

import (
	"bytes"
	"slices"
	"strings"

	"github.com/ai-mcp-gateway/gateway/routing"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// How answers are checked by a second model.
const (
	checkOff    = "off"
	checkAlways = "always"
)

// ladder is what auto climbs.
type ladder struct {
	tiers      []*route // by tier; each goes on with the tiers above it
	models     [][]*target
	start, top int
}

// routed is a call of auto as the router sees it.
type routed struct {
	decided bool // the router has chosen the tier
	routing.Decision
	needs needs
	// midRound: it brings a tool's result, so that the model which asked for it
	// goes on.
	midRound bool
}

// needs are what a model must be able to do to be asked at all.
type needs struct{ vision, tools, schema bool }

// met reports whether t can do it, as far as the catalogue says.
func (n needs) met(t *target) bool {
	able := t.config.Capabilities
	if len(able) == 0 {
		return true
	}
	return (!n.vision || slices.Contains(able, "vision")) &&
		(!n.tools || slices.Contains(able, "tools")) &&
		(!n.schema || slices.Contains(able, "json_schema"))
}

// decide chooses the tier of a call of auto, whose route is r until then.
func (c *Call) decide(r *route) (*route, *translate.Error) {
	l := c.state.table.ladder
	quality, err := c.quality()
	if err != nil {
		return nil, err
	}
	ask := routing.Request{Text: c.gist(), Quality: quality}
	if ask.Text == nil {
		return r, nil // it has no messages: what it is, the provider may say
	}
	c.needs = c.needed()
	ask.Size, ask.Tools, ask.Schema = len(c.Request.Value(itemsField(c.Op))), c.needs.tools, c.needs.schema
	allowed, err := c.allowed(l)
	if err != nil {
		return nil, err
	}
	analysis := routing.DefaultPrior().Analyse(&ask)
	c.Task = analysis.Task // which names the stream
	ladder := routing.Ladder{Start: l.start, Top: l.top, Allowed: allowed}
	if c.learns() {
		c.engine.seen.with(c, func(s *routing.Stream) {
			ladder.Stream = s
			c.Decision = routing.Decide(&analysis, &ladder)
		})
	}
	if ladder.Stream == nil { // nothing is known of it
		c.Decision = routing.Decide(&analysis, &ladder)
	}
	c.Check = c.Check || c.doubtful(l)
	c.decided = true
	rec := &c.Record
	rec.Complexity, rec.Quality, rec.Task = c.Complexity.String(), quality.String(), c.Task.String()
	rec.Reason = c.because(quality)
	return l.tiers[c.Tier], nil
}

// doubtful reports whether an answer of the chosen tier is checked although the
// table does not ask for it: because it has not been seen yet that its models are
// right with such requests, and another one of them can tell, which costs little.
func (c *Call) doubtful(l *ladder) (doubtful bool) {
	if !c.learns() || c.Tier >= l.top || len(l.models[c.Tier]) < 2 {
		return false
	}
	c.engine.seen.with(c, func(s *routing.Stream) { doubtful = !s.Trusts(c.Tier) })
	return doubtful
}

// goesOn is the way to the model that has asked for the tool's result which the
// call brings, where its conversation knows it: nobody else goes on in the middle
// of a round. Without it the decision is made from the same question again, and
// so comes out the same.
func (c *Call) goesOn(r *route) *route {
	if !c.midRound || c.turn == nil {
		return r
	}
	same := c.state.table.target(c.turn.LastModel())
	if same == nil || !c.fits(same) {
		return r
	}
	c.Record.Reason = "auto: a tool's result goes to the model that asked for it"
	on := *r // the others are for when it fails
	on.ranks = append([]rank{{targets: []*target{same}}}, r.ranks...)
	on.targets = append([]*target{same}, r.targets...)
	return &on
}

// because is the reason that is told.
func (c *Call) because(asked routing.Quality) string {
	d := &c.Decision
	said := []string{"auto: ", d.Complexity.String(), " complexity, ", d.Task.String(), ", ", asked.String(), " quality"}
	if d.Risk {
		said = append(said, ", risk")
	}
	if d.Raised {
		said = append(said, ", raised by experience")
	}
	if d.Lowered {
		said = append(said, ", lowered by cost or needs")
	}
	return strings.Join(append(said, ": ", c.state.config.Tiers[d.Tier].Name), "")
}

// quality is what the caller asks for.
func (c *Call) quality() (routing.Quality, *translate.Error) {
	if len(c.Quality) == 0 {
		return routing.Normal, nil
	}
	q, ok := routing.ParseQuality(c.Quality)
	if !ok {
		return q, translate.Errorf(translate.CallerInvalidField, "X-Gateway-Quality", "X-Gateway-Quality must be one of normal, high, critical.")
	}
	return q, nil
}

// gist returns what the user has said last; nil when the request has no
// messages. It notes whether a tool's result follows.
func (c *Call) gist() []byte {
	raw := c.Request.Value(itemsField(c.Op))
	switch translate.KindOf(raw) {
	case translate.KindString:
		c.asked = translate.AppendText(c.asked[:0], raw)
		return c.asked
	case translate.KindArray:
	default:
		return nil
	}
	items := c.items[:0]
	for all := translate.Elements(raw); all.Next(); {
		items = append(items, all.Value())
	}
	c.items = items
	c.asked = c.asked[:0]
	for _, item := range slices.Backward(items) {
		role, kind, content := outline(item)
		switch {
		case asks(role, content):
			if c.asked = appendContent(c.asked, content); len(c.asked) > 0 {
				return c.asked
			}
		case string(role) == `"tool"`, string(role) == `"function"`, bytes.HasSuffix(kind, outputKind), holdsResult(content):
			c.midRound = true
		}
	}
	return c.asked
}

var (
	outputKind = []byte(`_output"`)
	resultKind = []byte(`"tool_result"`)
)

// outline returns the raw members of a message that say what it is.
func outline(item []byte) (role, kind, content []byte) {
	for o := translate.Members(item); o.Next(); {
		switch string(o.Key()) {
		case "role":
			role = o.Value()
		case "type":
			kind = o.Value()
		case "content":
			content = o.Value()
		}
	}
	return role, kind, content
}

// asks reports whether a message is its user's own, and not what a tool says.
func asks(role, content []byte) bool { return string(role) == `"user"` && !holdsResult(content) }

// holdsResult reports whether a content has a tool's result in it.
func holdsResult(content []byte) bool {
	return len(content) > 0 && content[0] == '[' && translate.Holds(content, resultKind, len(`"tool_`))
}

// appendContent appends the text of a message's content.
func appendContent(dst, raw []byte) []byte {
	switch translate.KindOf(raw) {
	case translate.KindString:
		return translate.AppendText(dst, raw)
	case translate.KindArray:
		for parts := translate.Elements(raw); parts.Next(); {
			if parts.Kind() != translate.KindObject {
				continue
			}
			for o := parts.Members(); o.Next(); {
				if string(o.Key()) == "text" && o.Kind() == translate.KindString {
					if len(dst) > 0 {
						dst = append(dst, '\n')
					}
					dst = translate.AppendText(dst, o.Value())
				}
			}
		}
	}
	return dst
}

// pictures are how a message's parts begin that have one in them.
var pictures = [][]byte{[]byte(`"image_url"`), []byte(`"input_image"`), []byte(`"image"`)}

// needed is what the request takes.
func (c *Call) needed() (n needs) {
	r := &c.Request
	messages := r.Value(itemsField(c.Op))
	for _, part := range pictures {
		n.vision = n.vision || translate.Holds(messages, part, len(`"i`))
	}
	for _, f := range [...]translate.Field{translate.FieldTools, translate.FieldFunctions} {
		if tools := translate.Elements(r.Value(f)); tools.Next() {
			n.tools = true
		}
	}
	format := r.Value(translate.FieldResponseFormat)
	if c.Op == translate.OpResponses {
		format = r.Value(translate.FieldText)
	}
	n.schema = translate.Holds(format, []byte(`"json_schema"`), len(`"js`))
	return n
}

// allowed has a bit for each tier with a model that may be asked.
func (c *Call) allowed(l *ladder) (bits uint64, err *translate.Error) {
	able := false
	for i := range min(l.top+1, 64) {
		for _, t := range l.models[i] {
			if !t.serves(c.Op) || !c.needs.met(t) {
				continue
			}
			able = true
			if c.affords(t) {
				bits |= 1 << i
				break
			}
		}
	}
	switch {
	case bits != 0:
		return bits, nil
	case able:
		return 0, tooDear()
	}
	need := c.unmet(l)
	return 0, translate.Errorf(translate.CallerUnsupported, need, "No model up to the tier %s can do what the request needs: %s.", c.state.config.Tiers[l.top].Name, need)
}

// unmet names a need that no model meets, or all that none meets together.
func (c *Call) unmet(l *ladder) string {
	all := ""
	for _, need := range [...]struct {
		name string
		n    needs
	}{{"vision", needs{vision: true}}, {"tools", needs{tools: true}}, {"json_schema", needs{schema: true}}} {
		if (need.n.vision && !c.needs.vision) || (need.n.tools && !c.needs.tools) || (need.n.schema && !c.needs.schema) {
			continue
		}
		met := false
		for i := range l.top + 1 {
			met = met || slices.ContainsFunc(l.models[i], need.n.met)
		}
		if !met {
			return need.name
		}
		if all != "" {
			all += " and "
		}
		all += need.name
	}
	return all
}

// fits reports whether the call may be sent to t: it can do what is needed,
// and the call may be charged for it.
func (c *Call) fits(t *target) bool {
	return (!c.decided || c.needs.met(t)) && c.affords(t)
}
