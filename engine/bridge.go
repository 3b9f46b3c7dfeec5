package engine

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/internal/bufpool"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// bridge is what a call keeps that is translated between two dialects. The
// client's request is read once; each attempt writes its own for the provider.
type bridge struct {
	client  client
	history history
	request *neutral.Request
	names   *neutral.Names // the aliases under which providers get its tools
	embed   *neutral.Embedding
	body    []byte
	reply   neutral.Reply
	vectors neutral.Vectors
	drops   neutral.Drops
	wire    wire // of the attempt under way; nil when it passes through
}

// reset forgets the call, and keeps the scratch that is worth it.
func (b *bridge) reset() {
	body := b.body[:0]
	if cap(body) > bodyKept {
		body = nil
	}
	*b = bridge{body: body}
}

// maxToolName is the longest name of a tool that every provider takes.
const maxToolName = 64

// bodyKept is the largest scratch that a call gives to the next.
const bodyKept = 64 << 10

// Dropped lists the parameters that could not be told to the provider that
// answered, separated by commas.
func (c *Call) Dropped() string {
	if c.entry != nil {
		return c.entry.Dropped
	}
	return strings.Join(c.bridge.drops, ", ")
}

// translated writes r for t, whose dialect is not the client's.
func (c *Call) translated(t *target, r *translate.Request) *translate.Error {
	b := &c.bridge
	b.wire = t.provider.wire
	err := c.neutral(r)
	if err != nil {
		return err
	}
	if err = c.fetchMedia(t); err != nil {
		return err
	}
	if c.Op == translate.OpEmbedding {
		e, ok := b.wire.(embedder)
		if !ok {
			return neutral.Unsupported("model", "The provider %s has no embeddings.", t.provider.config.Name)
		}
		b.body, b.drops, err = e.AppendEmbedding(b.body[:0], b.embed, &t.neutral)
	} else {
		b.body, b.drops, err = b.wire.AppendRequest(b.body[:0], b.request, &t.neutral)
	}
	if err != nil {
		return c.fetchingOff(t, err)
	}
	if c.strict() && len(b.drops) > 0 {
		return neutral.Unsupported(b.drops[0], "The provider %s cannot be told %q.", t.provider.config.Name, b.drops[0])
	}
	return nil
}

// mixed reports whether r has in it what another provider has sealed, which
// has to come out although the client's dialect is the provider's.
func (c *Call) mixed(r *translate.Request) bool {
	return c.Op != translate.OpCountTokens && c.dialect.Mixed(r.Body)
}

// adapted reports whether a call that could pass through has in it what t is
// known to refuse, or to want in another form: then it is translated, from the
// dialect into the same one.
func (c *Call) adapted(t *target) bool {
	traits, r := &t.neutral.Traits, &c.Request
	if c.Op != translate.OpChat {
		return false
	}
	for f := translate.FieldModel; len(traits.Refuses) > 0 && f < translate.FieldCount; f++ {
		if r.Value(f) != nil && !traits.Takes(f.String()) {
			return true
		}
	}
	messages := r.Value(translate.FieldMessages)
	switch {
	case !traits.Takes("messages[].reasoning_content") && translate.Holds(messages, reasoningMember, len(`"reasoning`)):
		return true
	case traits.MaxTokens == "max_tokens" && r.Value(translate.FieldMaxCompletionTokens) != nil,
		traits.Schema != "" && r.Value(translate.FieldResponseFormat) != nil:
		return true
	case traits.ToolIDs == "" && !traits.Answered && !traits.Reasoned:
		return false
	}
	return translate.Holds(messages, callMember, len(`"tool`))
}

// How members of a message begin that has reasoning in it, or that calls tools
// or answers a call.
var (
	reasoningMember = []byte(`"reasoning_`)
	callMember      = []byte(`"tool_call`)
)

// asksUsage reports whether t may be asked to report usage in a stream.
func (t *target) asksUsage() bool {
	return t.provider.config.StreamUsage != "never" && t.neutral.Traits.Takes("stream_options")
}

// strict reports whether nothing may be dropped.
func (c *Call) strict() bool { return c.Strict || c.state.config.Strict }

// neutral reads the client's request r, unless an earlier attempt has.
func (c *Call) neutral(r *translate.Request) (err *translate.Error) {
	b := &c.bridge
	if b.request != nil || b.embed != nil {
		return nil
	}
	if c.Op == translate.OpEmbedding {
		b.embed, err = b.client.(embedding).ReadEmbedding(r)
		return err
	}
	if b.request, err = b.client.ReadRequest(c.Op, r); err != nil {
		return err
	}
	b.request.Usage = true // the gateway counts, whether the client does or not
	b.names = neutral.NewNames(b.request, maxToolName)
	return neutral.Check(b.request)
}

// envelope is what the head of an attempt at t is made from.
func (c *Call) envelope(t *target, key *credential, op translate.Op) translate.Envelope {
	return translate.Envelope{
		Host: t.provider.endpoint.Host(), Base: t.provider.endpoint.Path() + t.provider.endpoint.Query(),
		Op: op, Model: string(t.model), Stream: c.Request.Stream,
		Key: key.key.Reveal(), Body: c.segments, Time: time.Now(),
		Version: c.Version, Betas: c.Betas,
	}
}

// answerBody turns a provider's whole answer into the client's. Streams are
// collected where the client asked for none.
func (c *Call) answerBody(t *target, body *bufpool.Buffer, streams bool) *translate.Error {
	b := &c.bridge
	if c.Op == translate.OpEmbedding {
		if err := b.wire.(embedder).ReadVectors(body.B, &b.vectors); err != nil {
			return t.provider.foreign(err)
		}
		return c.replaceBody(body, b.client.(embedding).AppendVectors(b.body[:0], b.embed, &b.vectors))
	}
	b.reply = neutral.Reply{}
	var err *translate.Error
	if streams || len(body.B) > 0 && body.B[0] == '[' { // Gemini's other form of a stream
		err = c.collect(body.B)
	} else {
		err = b.wire.ReadReply(asked(c.Op), body.B, &b.reply)
	}
	if err != nil {
		return t.provider.foreign(err)
	}
	if b.reply.Model == "" {
		b.reply.Model = t.neutral.Model
	}
	for i := range b.reply.Choices {
		for k := range b.reply.Choices[i].Blocks {
			block := &b.reply.Choices[i].Blocks[k]
			block.Name = b.names.In(block.Name)
		}
	}
	return c.replaceBody(body, b.client.AppendReply(b.body[:0], c.Op, c.echoed(), &b.reply))
}

// echoed is the request as the answer repeats it: with the response that it
// goes on from, where the provider was sent the history in its place.
func (c *Call) echoed() *neutral.Request {
	q := c.bridge.request
	if c.bridge.history.expanded == nil {
		return q
	}
	echo := *q
	raw := c.Request.Value(translate.FieldPreviousResponseID)
	echo.Extra = append(slices.Clip(q.Extra), neutral.Member{Name: translate.FieldPreviousResponseID.String(), Raw: raw})
	return &echo
}

// replaceBody puts text, which was made from what is in body, in its place.
func (c *Call) replaceBody(body *bufpool.Buffer, text []byte) *translate.Error {
	c.bridge.body = text
	body.B = append(body.B[:0], text...)
	return nil
}

// collect reads the events of a stream that nobody asked for.
func (c *Call) collect(body []byte) *translate.Error {
	var all neutral.Collector
	d := c.bridge.wire.NewDecoder(asked(c.Op))
	events, n, err := d.Feed(nil, body)
	for i := range events {
		all.Add(&events[i])
	}
	if err != nil {
		return err
	}
	events, err = d.Close(events[:0], body[n:])
	for i := range events {
		all.Add(&events[i])
	}
	c.bridge.reply = all.Reply
	return err
}

// transcoder turns a provider's stream into the client's as it comes in.
type transcoder struct {
	decoder neutral.Decoder
	encoder neutral.Encoder
	names   *neutral.Names
	model   string          // for a provider that does not say it
	raw     *bufpool.Buffer // what the decoder has not taken yet
	events  []neutral.Event
	ended   bool
}

func (c *Call) newTranscoder(t *target) *transcoder {
	b := &c.bridge
	return &transcoder{
		model:   t.neutral.Model,
		decoder: b.wire.NewDecoder(asked(c.Op)),
		encoder: b.client.NewEncoder(c.Op, c.echoed()),
		names:   b.names,
		raw:     bufpool.Get(streamStart),
	}
}

// read reads once from x and appends the client's frames of what has come to
// dst. An error of the provider's is *translate.Error; io.EOF comes when the
// frames are whole.
func (t *transcoder) read(dst []byte, x *upstream.Exchange, limit int) ([]byte, error) {
	raw := t.raw
	if len(raw.B) == cap(raw.B) {
		if len(raw.B) >= limit {
			return dst, &translate.Error{Code: translate.ProviderTooLarge, Message: failureText(translate.ProviderTooLarge)}
		}
		raw.Grow(1)
	}
	n, err := x.Read(raw.B[len(raw.B):cap(raw.B)])
	raw.B = raw.B[:len(raw.B)+n]
	dst, taken, failed := t.feed(dst)
	if failed != nil {
		return dst, failed
	}
	if err == io.EOF && !t.ended {
		return t.close(dst, raw.B[taken:])
	}
	raw.B = raw.B[:copy(raw.B, raw.B[taken:])]
	return dst, err
}

// feed decodes what is at hand.
func (t *transcoder) feed(dst []byte) (_ []byte, taken int, err *translate.Error) {
	t.events, taken, err = t.decoder.Feed(t.events[:0], t.raw.B)
	return t.write(dst), taken, err
}

// close decodes the end.
func (t *transcoder) close(dst, rest []byte) ([]byte, error) {
	var err *translate.Error
	t.events, err = t.decoder.Close(t.events[:0], rest)
	dst = t.write(dst)
	if err != nil {
		return dst, err
	}
	return dst, io.EOF
}

// write encodes the events that were decoded last.
func (t *transcoder) write(dst []byte) []byte {
	for i := range t.events {
		e := &t.events[i]
		t.ended = t.ended || e.Kind == neutral.End
		e.Name = t.names.In(e.Name)
		if e.Kind == neutral.Start && e.Model == "" {
			e.Model = t.model
		}
		dst = t.encoder.Append(dst, e)
	}
	return dst
}

// release gives the buffer back.
func (t *transcoder) release() {
	if t.raw != nil {
		t.raw.Release()
		t.raw = nil
	}
}
