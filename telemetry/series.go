package telemetry

import (
	"strconv"
	"strings"
	"sync/atomic"
)

// routeKey names what a client can ask for.
type routeKey struct {
	route, method string
	stream        bool
}

func (k routeKey) canonical() routeKey {
	return routeKey{label(k.route), knownMethod(k.method), k.stream}
}

func (k routeKey) overflow() routeKey { return routeKey{route: other, method: other} }

func (k routeKey) clone() routeKey {
	return routeKey{strings.Clone(k.route), strings.Clone(k.method), k.stream}
}

func (k routeKey) text() string {
	return `route="` + k.route + `",method="` + k.method + `",stream="` + strconv.FormatBool(k.stream) + `"`
}

// knownMethod keeps a client from making a series for each word it invents.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return method
	default:
		return other
	}
}

// maxStatus bounds the HTTP statuses that are told apart; 0 counts the rest.
const maxStatus = 600

// routeSeries counts the calls of a route.
type routeSeries struct {
	statuses          [maxStatus]atomic.Uint64
	duration          histogram
	overhead          histogram
	firstByte         histogram
	bytesIn, bytesOut atomic.Int64
}

func (s *routeSeries) add(c *Call) {
	status := c.Status
	if status < 0 || status >= maxStatus {
		status = 0
	}
	s.statuses[status].Add(1)
	s.duration.observe(c.Duration)
	if c.Overhead > 0 {
		s.overhead.observe(c.Overhead)
	}
	if c.FirstByte > 0 {
		s.firstByte.observe(c.FirstByte)
	}
	s.bytesIn.Add(c.BytesIn)
	s.bytesOut.Add(c.BytesOut)
}

// modelKey names a model at a provider. A model that is not in the catalogue
// has a client-chosen name; a provider's is configured.
type modelKey struct{ provider, model string }

func (k modelKey) canonical() modelKey { return modelKey{label(k.provider), label(k.model)} }
func (k modelKey) overflow() modelKey  { return modelKey{k.provider, other} }

func (k modelKey) clone() modelKey {
	return modelKey{strings.Clone(k.provider), strings.Clone(k.model)}
}

func (k modelKey) text() string {
	return `provider="` + k.provider + `",model="` + k.model + `"`
}

// modelSeries counts the attempts at a model.
type modelSeries struct {
	answered                                  atomic.Uint64
	in, cacheRead, cacheWrite, out, reasoning atomic.Int64
	costNano                                  atomic.Int64
	costUnknown                               atomic.Uint64
	micros                                    atomic.Int64
}

func (s *modelSeries) add(a *Attempt) {
	if a.ErrorCode == "" {
		s.answered.Add(1)
	}
	s.micros.Add(micros(a.Duration))
	addTo(&s.in, a.Tokens.In)
	addTo(&s.cacheRead, a.Tokens.CacheRead)
	addTo(&s.cacheWrite, a.Tokens.CacheWrite)
	addTo(&s.out, a.Tokens.Out)
	addTo(&s.reasoning, a.Tokens.Reasoning)
	addTo(&s.costNano, a.CostNano)
	if !a.CostKnown {
		s.costUnknown.Add(1)
	}
}

// addTo keeps a counter from going down on a figure that makes no sense.
func addTo(counter *atomic.Int64, n int64) {
	if n > 0 {
		counter.Add(n)
	}
}

// failureKey names a way in which attempts at a model failed.
type failureKey struct{ provider, model, code string }

func (k failureKey) canonical() failureKey {
	return failureKey{label(k.provider), label(k.model), label(k.code)}
}

func (k failureKey) overflow() failureKey { return failureKey{k.provider, other, other} }

func (k failureKey) clone() failureKey {
	return failureKey{strings.Clone(k.provider), strings.Clone(k.model), strings.Clone(k.code)}
}

func (k failureKey) text() string {
	return modelKey{k.provider, k.model}.text() + `,outcome="` + k.code + `"`
}

// operationKey is one of the cold tier's.
type operationKey struct{ operation string }

func (k operationKey) canonical() operationKey { return operationKey{label(k.operation)} }
func (k operationKey) overflow() operationKey  { return operationKey{other} }
func (k operationKey) clone() operationKey     { return operationKey{strings.Clone(k.operation)} }
func (k operationKey) text() string            { return `operation="` + k.operation + `"` }

// codeKey is an error code.
type codeKey struct{ code string }

func (k codeKey) canonical() codeKey { return codeKey{label(k.code)} }
func (k codeKey) overflow() codeKey  { return codeKey{other} }
func (k codeKey) clone() codeKey     { return codeKey{strings.Clone(k.code)} }
func (k codeKey) text() string       { return `code="` + k.code + `"` }
