package simulator

import (
	"fmt"
	"strings"
	"time"
)

// plan is what becomes of one request or connection: the sum of all specs that apply to it.
// What newPlan returns is good behaviour.
type plan struct {
	chance float64 // that any of this happens

	// Around an answer.
	accept    string // at accept: silence, close, reset, garbage
	flap      time.Duration
	instead   string // of an answer: silence, close, reset, garbage
	reuse     string // of an answer on a connection's second and later requests: close, reset
	unread    time.Duration
	early     int // status of an answer sent before the body is read
	latency   time.Duration
	tail      time.Duration // on top of latency, for a share of all requests
	tailShare float64
	interim   int // a 1xx status sent first
	idleClose time.Duration

	// What the answer is.
	status         int
	errorShape     string
	errorType      string
	overloaded     bool
	echoKey        bool
	retryAfter     string
	retryAfterMs   string
	rateLimitReset string
	redirect       int
	location       string
	body           string // html, bad-json, empty, error-200
	bodyAnyway     bool
	contentType    string
	stream         string // sse, json
	tokens         int
	utf8           bool
	huge           int64 // bytes of filler
	finish         string
	usage          string
	cached         int
	reasoning      int
	thinking       bool
	refusal        bool
	filter         bool
	preamble       bool
	strict         string // as OpenAI is, or mistral
	junkHeaders    bool
	hugeHeader     int64
	date           string

	// What the stream's events are, and how they are written.
	errorEvent   place
	badEvent     place
	badLine      place
	done         string
	azure        bool
	eol          string
	bom          bool
	comments     bool
	fields       bool
	multiLine    bool
	noSpace      bool
	noFinalBlank bool

	// How it travels.
	byteDelay   time.Duration // between the bytes of the header
	chunkDelay  time.Duration
	split       int
	splitDelay  time.Duration
	cut         string // stall, reset, fin
	cutAt       place
	inEvent     bool
	framing     string // length, chunked, close
	lengthDelta int64
	smuggle     bool
	badChunk    bool
	noLastChunk bool
	bothLengths bool
	dupLength   bool
	encoding    string // gzip, or any other name put on plain bytes
	dupEncoding bool
	bomb        int64  // bytes after decompression
	after       string // half-close, silent-close, conn-close
}

func newPlan() plan { return plan{chance: 1} }

// place is a point in an answer, in events. Its zero value is nowhere.
type place struct {
	set    bool
	events int // -1 is the middle
}

// of returns the place in an answer of n events, or -1.
func (at place) of(n int) int {
	switch {
	case !at.set:
		return -1
	case at.events < 0:
		return n / 2
	default:
		return min(at.events, n)
	}
}

// parse adds the faults of a spec to the plan.
func (p *plan) parse(spec string) error {
	if strings.TrimSpace(spec) == "" {
		return nil
	}
	for one := range strings.SplitSeq(spec, ",") {
		name, arg, given := strings.Cut(strings.TrimSpace(one), "=")
		set, ok := faults[name]
		if !ok {
			return fmt.Errorf("unknown fault %q", name)
		}
		if given && arg == "" {
			return fmt.Errorf("fault %q has an empty value", name)
		}
		if err := set(p, arg); err != nil {
			return fmt.Errorf("fault %q: %w", name, err)
		}
	}
	return nil
}

// happens settles the chance: a plan that does not come to pass becomes good behaviour.
// draw is the request's own number, equally spread over all of uint64.
func (p *plan) happens(draw uint64) {
	if p.chance < 1 && float64(draw>>11)/(1<<53) >= p.chance {
		*p = newPlan()
	}
	if p.tailShare > 0 && float64(mix(draw, 1)>>11)/(1<<53) < p.tailShare { // a draw of its own
		p.latency += p.tail
	}
}
