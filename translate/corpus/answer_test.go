package corpus

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// TestAnswers sends every recorded answer out of every client's dialect:
// schema-valid, with the text, the calls, the reason and the usage of the
// recording, and the same streamed and whole.
func TestAnswers(t *testing.T) {
	table := newTally("answers")
	for _, x := range corpora(t) {
		w := wireOf(&x)
		if len(x.response) == 0 || w == other || w == vectors || x.status >= 300 || isFault(&x) {
			continue
		}
		form := "whole"
		if isStream(&x) {
			form = "stream"
		}
		row := fmt.Sprintf("%s %s %s", w, labelOf(&x), form)
		if form == "stream" && fails(eventsOf(&x, w)) {
			table.add(t, row+" -> failed", &x, failsOut(&x, w))
			continue
		}
		a := answerOf(&x, w)
		table.add(t, row+" -> decoded", &x, a.err)
		if a.err != nil {
			continue
		}
		for i := range clients {
			table.add(t, row+" -> "+string(clients[i].wire), &x, a.goesOut(i))
		}
	}
	table.report(t)
}

// isFault reports whether a recording without a status is an error body.
func isFault(x *exchange) bool {
	body, err := parse(x.response)
	return err == nil && body.has("error") && !body.has("choices") && body.at("object").text() != "response"
}

// fails reports whether a stream that came with a status of success reports a
// failure, or has nothing in it.
func fails(events []tree) bool {
	for _, e := range events {
		if kind := e.at("type").text(); e.has("error") || kind == "error" || kind == "response.failed" {
			return true
		}
	}
	return len(events) == 0
}

// failsOut holds that the failure is seen, and told to every client.
func failsOut(x *exchange, w wire) error {
	for i := range clients {
		c := &clients[i]
		a := &answer{x: x, wire: w}
		encode := c.NewEncoder(opOf(c.wire), &neutral.Request{Model: "model"})
		var stream []byte
		err := a.play(func(e *neutral.Event) { stream = encode.Append(stream, e) })
		var fault *translate.Error
		if !errors.As(err, &fault) {
			return errors.New("the failure is not seen")
		}
		if w != c.wire {
			fault.Body = nil // the engine passes it on in its own dialect only
		}
		all, err := frames(encode.Fail(nil, fault))
		if err != nil || len(all) == 0 {
			return fmt.Errorf("%w: %d frames", err, len(all))
		}
		for _, f := range all {
			name := "error"
			if kind := f.tree.at("type").text(); strings.HasPrefix(kind, "response.") {
				name = kind
			}
			if err := valid(c.wire, name, f.data); err != nil {
				return err
			}
		}
	}
	return nil
}

// answer is a recorded answer, read by the test and by the dialect.
type answer struct {
	x     *exchange
	wire  wire
	want  fact
	reply neutral.Reply
	err   error
}

func answerOf(x *exchange, w wire) *answer {
	a := &answer{x: x, wire: w}
	if isStream(x) {
		events := eventsOf(x, w)
		a.want = streamOf[w](events)
		var c neutral.Collector
		if a.err = a.play(c.Add); a.err == nil {
			a.reply = c.Reply
			a.err = compare(chat, a.want, replyFact(&a.reply))
		}
		return a
	}
	whole, err := parse(x.response)
	if err != nil {
		a.err = err
		return a
	}
	a.want = wholeOf[w](whole)
	if err := speaker(x, w).ReadReply(opOf(w), x.response, &a.reply); err != nil {
		a.err = err
		return a
	}
	a.err = compare(chat, a.want, replyFact(&a.reply))
	return a
}

// play decodes the recorded stream in pieces, and passes its events on. What
// is taken is overwritten, as the gateway's buffer is.
func (a *answer) play(visit func(*neutral.Event)) error {
	const piece = 911
	stream := streamBytes(a.x, a.wire)
	d := speaker(a.x, a.wire).NewDecoder(opOf(a.wire))
	var buf []byte
	var events []neutral.Event
	pass := func() {
		for i := range events {
			visit(&events[i])
		}
	}
	for len(stream) > 0 {
		n := min(piece, len(stream))
		buf = append(buf, stream[:n]...)
		stream = stream[n:]
		var taken int
		var err *translate.Error
		events, taken, err = d.Feed(events[:0], buf)
		pass()
		if err != nil {
			return err
		}
		rest := copy(buf, buf[taken:])
		buf = buf[:rest]
	}
	var err *translate.Error
	events, err = d.Close(events[:0], buf)
	pass()
	if err != nil {
		return err
	}
	return nil
}

// replyFact is what a neutral answer says.
func replyFact(r *neutral.Reply) (f fact) {
	words := map[neutral.Finish]finish{
		neutral.FinishNone: none, neutral.FinishStop: stop, neutral.FinishStopSequence: stopWord, neutral.FinishTools: tools,
		neutral.FinishLength: length, neutral.FinishContext: full, neutral.FinishFilter: filter, neutral.FinishPause: pause,
		neutral.FinishMalformed: malformed, neutral.FinishOther: stop,
	}
	for i := range r.Choices {
		s := said{finish: words[r.Choices[i].Finish]}
		for k := range r.Choices[i].Blocks {
			b := &r.Choices[i].Blocks[k]
			switch b.Kind {
			case neutral.Text, neutral.Refusal:
				s.text += string(b.Text)
			case neutral.Thinking:
				s.thought += string(b.Text)
			case neutral.ToolUse:
				c := call{name: b.Name, arguments: string(b.Arguments), custom: b.Custom}
				if !b.Custom {
					c.arguments = arguments(c.arguments)
				}
				s.calls = append(s.calls, c)
			}
		}
		f.choices = append(f.choices, s)
	}
	u := &r.Usage
	f.usage = usage{in: u.In, read: u.CacheRead, write: u.CacheWrite, out: u.Out, reasoning: u.Reasoning}
	return f
}

// goesOut tells the answer to a client whole, as a stream made of the whole,
// and, where it was recorded as a stream, as that.
func (a *answer) goesOut(to int) error {
	c := &clients[to]
	q := &neutral.Request{Model: "model", Usage: true}
	op := opOf(c.wire)
	body := c.AppendReply(nil, op, q, &a.reply)
	if err := valid(c.wire, "answer", body); err != nil {
		return err
	}
	whole, err := parse(body)
	if err != nil {
		return err
	}
	told := wholeOf[c.wire](whole)
	if err := compare(c.wire, a.want, told); err != nil {
		return err
	}
	encode := c.NewEncoder(op, q)
	var stream []byte
	for _, e := range neutral.Replay(nil, &a.reply) {
		stream = encode.Append(stream, &e)
	}
	if err := sameStream(c.wire, stream, told); err != nil {
		return fmt.Errorf("replayed: %w", err)
	}
	if !isStream(a.x) {
		return nil
	}
	encode, stream = c.NewEncoder(op, q), nil
	if err := a.play(func(e *neutral.Event) { stream = encode.Append(stream, e) }); err != nil {
		return err
	}
	if err := sameStream(c.wire, stream, told); err != nil {
		return fmt.Errorf("streamed: %w", err)
	}
	return nil
}

// sameStream compares a stream with the whole answer.
func sameStream(of wire, stream []byte, told fact) error {
	got, err := readStream(of, stream)
	if err != nil {
		return err
	}
	if diff := cmp.Diff(told, got, cmp.AllowUnexported(fact{}, said{}, call{}, usage{})); diff != "" {
		return fmt.Errorf("not what the whole answer says:\n%s", diff)
	}
	return nil
}

// compare holds that got says what was recorded. Clients of responses and
// messages are told the first of several answers; the text of a custom call is
// an object in messages.
func compare(to wire, want, got fact) error {
	choices := want.choices
	if to != chat && len(choices) > 1 {
		choices = choices[:1]
	}
	if len(got.choices) != len(choices) {
		return fmt.Errorf("%d choices, want %d", len(got.choices), len(choices))
	}
	for i := range choices {
		if err := sameSaid(&choices[i], &got.choices[i]); err != nil {
			return err
		}
	}
	if want.usage != got.usage {
		return fmt.Errorf("usage is %+v, want %+v", got.usage, want.usage)
	}
	return nil
}

func sameSaid(want, got *said) error {
	if want.text != got.text {
		return fmt.Errorf("text is:\n%s", cmp.Diff(want.text, got.text))
	}
	if want.thought != got.thought {
		return fmt.Errorf("thought is:\n%s", cmp.Diff(want.thought, got.thought))
	}
	same := func(w, g call) bool {
		if w.custom && !g.custom {
			w = call{name: w.name, arguments: tree{map[string]any{"input": w.arguments}}.canonical()}
		}
		return w == g
	}
	if !slices.EqualFunc(want.calls, got.calls, same) {
		return fmt.Errorf("calls are %+v, want %+v", got.calls, want.calls)
	}
	if want.brief() != got.brief() && want.finish != malformed {
		return fmt.Errorf("ended with %s, want %s", got.finish, want.finish)
	}
	return nil
}

// TestScope lists the recordings that are no calls of an API that is spoken
// here: files, batches, counts of tokens, and what clients fetch for their own.
func TestScope(t *testing.T) {
	identifier := regexp.MustCompile(`^[^/]*[0-9][^/]*$`)
	kinds := map[string]int{}
	read := 0
	for _, x := range corpora(t) {
		if wireOf(&x) != other {
			read++
			continue
		}
		parts := strings.Split(pathOf(x.url), "/")
		for i := range parts {
			name, verb, _ := strings.Cut(parts[i], ":")
			if identifier.MatchString(name) && len(name) > 2 {
				parts[i] = strings.TrimSuffix("*:"+verb, ":")
			}
		}
		kinds[strings.TrimSpace(x.method+" "+labelOf(&x)+strings.Join(parts, "/"))]++
	}
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(&b, "%4d  %s\n", kinds[kind], kind)
	}
	t.Logf("%d are read, not these:\n%s", read, &b)
	if read == 0 {
		t.Error("nothing is known")
	}
}
