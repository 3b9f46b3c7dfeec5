package simulator

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// setter puts a fault with its argument, empty if none was given, into a plan.
type setter func(p *plan, arg string) error

// faults has every fault by name. The package comment says what each does.
var faults = map[string]setter{
	"ok": func(p *plan, _ string) error { *p = newPlan(); return nil },
	"p":  chance,

	"accept-silence": flag(func(p *plan) { p.accept = "silence" }),
	"accept-close":   flag(func(p *plan) { p.accept = "close" }),
	"accept-reset":   flag(func(p *plan) { p.accept = "reset" }),
	"accept-garbage": flag(func(p *plan) { p.accept = "garbage" }),
	"flap":           duration(100*time.Millisecond, func(p *plan) *time.Duration { return &p.flap }),

	"silence":          flag(func(p *plan) { p.instead = "silence" }),
	"close":            flag(func(p *plan) { p.instead = "close" }),
	"reset":            flag(func(p *plan) { p.instead = "reset" }),
	"garbage":          flag(func(p *plan) { p.instead = "garbage" }),
	"close-on-reuse":   flag(func(p *plan) { p.reuse = "close" }),
	"reset-on-reuse":   flag(func(p *plan) { p.reuse = "reset" }),
	"no-read":          duration(30*time.Second, func(p *plan) *time.Duration { return &p.unread }),
	"early":            number(413, func(p *plan) *int { return &p.early }),
	"interim":          number(103, func(p *plan) *int { return &p.interim }),
	"slow-tail":        slowTail,
	"latency":          duration(0, func(p *plan) *time.Duration { return &p.latency }),
	"idle-close":       duration(0, func(p *plan) *time.Duration { return &p.idleClose }),
	"slow-headers":     duration(time.Second, func(p *plan) *time.Duration { return &p.byteDelay }),
	"chunk-delay":      duration(0, func(p *plan) *time.Duration { return &p.chunkDelay }),
	"split":            number(1, func(p *plan) *int { return &p.split }),
	"split-delay":      duration(0, func(p *plan) *time.Duration { return &p.splitDelay }),
	"headers-stall":    flag(func(p *plan) { p.cut, p.cutAt = "stall", place{true, 0} }),
	"stall-mid-stream": cut("stall"),
	"reset-mid-stream": cut("reset"),
	"fin-mid-stream":   cut("fin"),
	"in-event":         flag(func(p *plan) { p.inEvent = true }),
	"half-close":       flag(func(p *plan) { p.after = "half-close" }),
	"silent-close":     flag(func(p *plan) { p.after = "silent-close" }),
	"conn-close":       flag(func(p *plan) { p.after = "conn-close" }),

	"framing":       choice(func(p *plan) *string { return &p.framing }, "length", "chunked", "close"),
	"long-length":   size(10, func(p *plan) *int64 { return &p.lengthDelta }),
	"short-length":  shortLength,
	"dup-length":    flag(func(p *plan) { p.dupLength = true }),
	"smuggle":       flag(func(p *plan) { p.smuggle = true }),
	"cl-te":         flag(func(p *plan) { p.bothLengths, p.framing = true, "chunked" }),
	"bad-chunk":     flag(func(p *plan) { p.badChunk, p.framing = true, "chunked" }),
	"no-last-chunk": flag(func(p *plan) { p.noLastChunk, p.framing = true, "chunked" }),
	"gzip":          flag(func(p *plan) { p.encoding = "gzip" }),
	"gzip-bomb":     size(10<<30, func(p *plan) *int64 { return &p.bomb }),
	"encoding":      text(func(p *plan) *string { return &p.encoding }),
	"dup-encoding":  flag(func(p *plan) { p.encoding, p.dupEncoding = "gzip", true }),
	"junk-headers":  flag(func(p *plan) { p.junkHeaders = true }),
	"huge-header":   size(64<<10, func(p *plan) *int64 { return &p.hugeHeader }),
	"date":          choice(func(p *plan) *string { return &p.date }, "now", "past", "future"),

	"status":          number(0, func(p *plan) *int { return &p.status }),
	"overloaded":      flag(func(p *plan) { p.overloaded = true }),
	"error-shape":     choice(func(p *plan) *string { return &p.errorShape }, errorShapes...),
	"error-type":      text(func(p *plan) *string { return &p.errorType }),
	"echo-key":        flag(func(p *plan) { p.echoKey = true }),
	"retry-after":     text(func(p *plan) *string { return &p.retryAfter }),
	"retry-after-ms":  text(func(p *plan) *string { return &p.retryAfterMs }),
	"ratelimit-reset": text(func(p *plan) *string { return &p.rateLimitReset }),
	"redirect":        number(302, func(p *plan) *int { return &p.redirect }),
	"location":        text(func(p *plan) *string { return &p.location }),

	"html":             flag(func(p *plan) { p.body = "html" }),
	"bad-json":         flag(func(p *plan) { p.body = "bad-json" }),
	"empty":            flag(func(p *plan) { p.body = "empty" }),
	"error-200":        flag(func(p *plan) { p.body = "error-200" }),
	"body-anyway":      flag(func(p *plan) { p.bodyAnyway = true }),
	"content-type":     text(func(p *plan) *string { return &p.contentType }),
	"sse":              flag(func(p *plan) { p.stream = "sse" }),
	"json":             flag(func(p *plan) { p.stream = "json" }),
	"tokens":           number(0, func(p *plan) *int { return &p.tokens }),
	"utf8":             flag(func(p *plan) { p.utf8 = true }),
	"huge":             size(-1, func(p *plan) *int64 { return &p.huge }),
	"finish":           text(func(p *plan) *string { return &p.finish }),
	"usage":            choice(func(p *plan) *string { return &p.usage }, "none", "last", "every", "always"),
	"cached-tokens":    number(0, func(p *plan) *int { return &p.cached }),
	"reasoning-tokens": number(0, func(p *plan) *int { return &p.reasoning }),
	"thinking":         flag(func(p *plan) { p.thinking = true }),
	"refusal":          flag(func(p *plan) { p.refusal = true }),
	"filter":           flag(func(p *plan) { p.filter = true }),
	"preamble":         flag(func(p *plan) { p.preamble = true }),
	"strict":           flag(func(p *plan) { p.strict = "openai" }),
	"mistral":          flag(func(p *plan) { p.strict = "mistral" }),

	"error-event":    at(0, func(p *plan) *place { return &p.errorEvent }),
	"bad-event":      at(-1, func(p *plan) *place { return &p.badEvent }),
	"bad-line":       at(-1, func(p *plan) *place { return &p.badLine }),
	"done":           choice(func(p *plan) *string { return &p.done }, "none", "twice", "trailing", "spaces"),
	"azure":          flag(func(p *plan) { p.azure = true }),
	"eol":            eol,
	"bom":            flag(func(p *plan) { p.bom = true }),
	"comments":       flag(func(p *plan) { p.comments = true }),
	"fields":         flag(func(p *plan) { p.fields = true }),
	"multi-line":     flag(func(p *plan) { p.multiLine = true }),
	"no-space":       flag(func(p *plan) { p.noSpace = true }),
	"no-final-blank": flag(func(p *plan) { p.noFinalBlank = true }),
}

var errNeedsValue = errors.New("needs a value")

func flag(set func(p *plan)) setter {
	return func(p *plan, arg string) error {
		if arg != "" {
			return errors.New("takes no value")
		}
		set(p)
		return nil
	}
}

func text(field func(p *plan) *string) setter {
	return func(p *plan, arg string) error {
		if arg == "" {
			return errNeedsValue
		}
		if strings.ContainsAny(arg, "\r\n") {
			return errors.New("has a line break")
		}
		*field(p) = arg
		return nil
	}
}

func choice(field func(p *plan) *string, values ...string) setter {
	return func(p *plan, arg string) error {
		if !slices.Contains(values, arg) {
			return fmt.Errorf("wants one of %s", strings.Join(values, ", "))
		}
		*field(p) = arg
		return nil
	}
}

// number takes a positive integer; fallback 0 means that it must be given.
func number(fallback int, field func(p *plan) *int) setter {
	return func(p *plan, arg string) error {
		n := fallback
		if arg != "" {
			var err error
			if n, err = strconv.Atoi(arg); err != nil {
				return err
			}
		}
		if n <= 0 {
			return errNeedsValue
		}
		*field(p) = n
		return nil
	}
}

// duration takes a positive duration; fallback 0 means that it must be given.
func duration(fallback time.Duration, field func(p *plan) *time.Duration) setter {
	return func(p *plan, arg string) error {
		d := fallback
		if arg != "" {
			var err error
			if d, err = time.ParseDuration(arg); err != nil {
				return err
			}
		}
		if d <= 0 {
			return errNeedsValue
		}
		*field(p) = d
		return nil
	}
}

// size takes bytes, with or without a unit (KiB, MiB, GiB).
func size(fallback int64, field func(p *plan) *int64) setter {
	return func(p *plan, arg string) error {
		n := fallback
		if arg != "" {
			var err error
			if n, err = parseSize(arg); err != nil {
				return err
			}
		}
		*field(p) = n
		return nil
	}
}

func parseSize(s string) (int64, error) {
	shift := 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if rest, ok := strings.CutSuffix(s, unit); ok {
			s, shift = rest, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err == nil && n <= 0 {
		err = errNeedsValue
	}
	return n << shift, err
}

// at takes a number of events.
func at(fallback int, field func(p *plan) *place) setter {
	return func(p *plan, arg string) error {
		n := fallback
		if arg != "" {
			var err error
			if n, err = strconv.Atoi(arg); err != nil {
				return err
			}
			if n < 0 {
				return errors.New("is negative")
			}
		}
		*field(p) = place{set: true, events: n}
		return nil
	}
}

func cut(how string) setter {
	where := at(-1, func(p *plan) *place { return &p.cutAt })
	return func(p *plan, arg string) error {
		p.cut = how
		return where(p, arg)
	}
}

func chance(p *plan, arg string) (err error) {
	p.chance, err = strconv.ParseFloat(arg, 64)
	if err == nil && !(p.chance >= 0 && p.chance <= 1) {
		err = errors.New("is not in 0..1")
	}
	return err
}

// slowTail takes a share and a duration with a colon between them.
func slowTail(p *plan, arg string) error {
	share, wait, _ := strings.Cut(arg, ":")
	var err error
	if p.tailShare, err = strconv.ParseFloat(share, 64); err != nil {
		return err
	}
	if !(p.tailShare > 0 && p.tailShare <= 1) {
		return errors.New("is not a share in 0..1")
	}
	return duration(0, func(p *plan) *time.Duration { return &p.tail })(p, wait)
}

func shortLength(p *plan, arg string) error {
	err := size(10, func(p *plan) *int64 { return &p.lengthDelta })(p, arg)
	p.lengthDelta = -p.lengthDelta
	return err
}

func eol(p *plan, arg string) error {
	ends := map[string]string{"lf": "\n", "crlf": "\r\n", "cr": "\r"}
	end, ok := ends[arg]
	if !ok {
		return errors.New("wants one of lf, crlf, cr")
	}
	p.eol = end
	return nil
}
