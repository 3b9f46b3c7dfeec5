package simulator

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// benchmark is the answer of a bench- model. Whatever is asked gets the same.
type benchmark struct {
	body  []byte // if not a stream
	whole []byte // with its head, as it goes to the wire

	streams  [2]benchStream // without and with usage
	events   int
	interval time.Duration
}

// benchStream is an opening, the content event so often, and a closing.
type benchStream struct {
	opening, closing   []event
	content            event
	first, event, last []byte // as they go to the wire, the first with its head
}

// benchCache keeps benchmarks by model. Readers don't lock.
type benchCache struct {
	mu   sync.Mutex // among writers
	made [2]atomic.Pointer[map[string]*benchmark]
}

const (
	maxBenchmarks = 256
	benchPrefix   = "bench-"
)

// benchmark returns what to replay for the request in c.req, or nil if it needs more than the name of its model.
func (c *conn) benchmark(model []byte) *benchmark {
	s, head := c.server, &c.req.Header
	if !bytes.HasPrefix(model, []byte(benchPrefix)) || bytes.IndexByte(model, '!') >= 0 || !head.IsPost() {
		return nil
	}
	if s.config.Faults != "" || s.record != nil || len(s.config.Keys) > 0 || !s.script.empty() ||
		head.ConnectionClose() || len(head.Peek("X-Sim")) > 0 {
		return nil
	}
	switch string(head.RequestURI()) {
	case "/v1/chat/completions":
		return s.bench.get(openAI, model)
	case "/v1/messages":
		return s.bench.get(anthropic, model)
	}
	return nil
}

func (cache *benchCache) get(d dialect, model []byte) *benchmark {
	if made := cache.made[d].Load(); made != nil {
		if b := (*made)[string(model)]; b != nil {
			return b
		}
	}
	b := newBenchmark(d, string(model))
	if b == nil {
		return nil
	}
	cache.mu.Lock()
	defer cache.mu.Unlock()
	made := map[string]*benchmark{}
	if old := cache.made[d].Load(); old != nil && len(*old) < maxBenchmarks {
		made = maps.Clone(*old)
	}
	made[string(model)] = b
	cache.made[d].Store(&made)
	return b
}

// replay sends a benchmark's bytes.
func (c *conn) replay(b *benchmark) error {
	if b.whole != nil {
		_, err := c.rw.Write(b.whole)
		return err
	}
	stream := b.stream(c.req.Body())
	if _, err := c.rw.Write(stream.first); err != nil {
		return err
	}
	for range b.events {
		// A sleep costs less than a pause that watches the client, whose leaving the next writes will show.
		time.Sleep(b.interval)
		if _, err := c.rw.Write(stream.event); err != nil {
			return err
		}
	}
	_, err := c.rw.Write(stream.last)
	return err
}

// stream returns the stream that a request asks for.
func (b *benchmark) stream(body []byte) *benchStream {
	if bytes.Contains(body, []byte(`"include_usage":true`)) {
		return &b.streams[1]
	}
	return &b.streams[0]
}

// benchReply answers a bench- model where faults or records are wanted as well.
func (s *Server) benchReply(q *request, d dialect, p *plan) (*reply, bool) {
	if !strings.HasPrefix(q.model, benchPrefix) {
		return nil, false
	}
	b := newBenchmark(d, q.model)
	if b == nil {
		return noModel(d, q.model), true
	}
	if b.body != nil {
		return jsonReply(b.body), true
	}
	stream := b.stream(q.body)
	events := slices.Clone(stream.opening)
	for range b.events {
		events = append(events, stream.content)
	}
	if p.chunkDelay == 0 {
		p.chunkDelay = b.interval
	}
	return streamReply(append(events, stream.closing...)), true
}

// newBenchmark reads bench-<size> and bench-stream-<events>x<bytes>[-<interval>]; nil if the name is neither.
func newBenchmark(d dialect, model string) *benchmark {
	name := strings.TrimPrefix(model, benchPrefix)
	shape, isStream := strings.CutPrefix(name, "stream-")
	if !isStream {
		return benchBody(d, model, name)
	}
	shape, pace, _ := strings.Cut(shape, "-")
	count, size, _ := strings.Cut(shape, "x")
	events, err1 := strconv.Atoi(count)
	length, err2 := strconv.Atoi(size)
	interval, err3 := time.ParseDuration("0" + pace)
	if err1 != nil || err2 != nil || err3 != nil || events < 1 || events > 1e6 || length < 1 || length > 1<<20 || interval > time.Second {
		return nil
	}
	b := &benchmark{events: events, interval: interval}
	for i := range b.streams {
		b.streams[i] = newBenchStream(d, model, events, length, i == 1)
	}
	return b
}

func benchBody(d dialect, model, size string) *benchmark {
	unit := 1
	for suffix, factor := range map[string]int{"k": 1 << 10, "m": 1 << 20} {
		if rest, ok := strings.CutSuffix(size, suffix); ok {
			size, unit = rest, factor
		}
	}
	n, err := strconv.Atoi(size)
	if err != nil || n < 1 || n > 64<<20/unit {
		return nil
	}
	body := benchJSON(d, model, "")
	if pad := n*unit - len(body); pad > 0 {
		body = benchJSON(d, model, strings.Repeat("x", pad))
	}
	p := newPlan()
	r := jsonReply(body)
	return &benchmark{body: body, whole: append(r.appendHead(nil, &p, r.parts(&p), false), body...)}
}

func benchJSON(d dialect, model, text string) []byte {
	p := newPlan()
	a, out := &ask{model: model, promptTokens: 10}, output{pieces: []string{text}, count: 20}
	if d == openAI {
		return appendChat(nil, a, []output{out}, &p)
	}
	return appendMessageJSON(nil, a, out, &p)
}

func newBenchStream(d dialect, model string, events, length int, usage bool) benchStream {
	p := newPlan()
	a := &ask{model: model, promptTokens: 10, wantUsage: usage}
	out := output{pieces: []string{strings.Repeat("x", length)}, count: events}
	all, at := chatEvents(a, []output{out}, &p), 1 // at is where the content is
	if d == anthropic {
		all, at = messageEvents(a, out, &p), 3
	}
	b := benchStream{opening: all[:at], content: all[at], closing: all[at+1:]}
	b.first = appendChunks(streamReply(all).appendHead(nil, &p, nil, false), b.opening, &p)
	b.event = appendChunks(nil, all[at:at+1], &p)
	b.last = append(appendChunks(nil, b.closing, &p), "0\r\n\r\n"...)
	return b
}

func appendChunks(b []byte, events []event, p *plan) []byte {
	for _, q := range eventParts(events, p) {
		b = append(strconv.AppendInt(b, q.size(), 16), "\r\n"...)
		b = append(append(b, q.lead...), "\r\n"...)
	}
	return b
}
