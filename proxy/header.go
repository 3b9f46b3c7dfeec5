package proxy

import (
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

var (
	keyRequestID  = []byte(headerRequestID)
	keyMessageID  = []byte(headerMessageID)
	keyContext    = []byte(headerConversationID)
	keyPersisted  = []byte("X-Conversation-Persisted")
	keyTier       = []byte("X-Gateway-Tier")
	keyModel      = []byte("X-Gateway-Model")
	keyProvider   = []byte("X-Gateway-Provider")
	keyCache      = []byte("X-Gateway-Cache")
	keyCacheWhy   = []byte("X-Gateway-Cache-Reason")
	keyCost       = []byte("X-Gateway-Cost")
	keyAttempts   = []byte("X-Gateway-Attempts")
	keyEscalated  = []byte("X-Gateway-Escalated")
	keyReason     = []byte("X-Gateway-Reason")
	keyCheck      = []byte("X-Gateway-Check")
	keyOverhead   = []byte("X-Gateway-Overhead-Us")
	keyDropped    = []byte("X-Gateway-Dropped")
	keyEstimated  = []byte("X-Gateway-Estimated")
	keySimulated  = []byte("X-Gateway-Simulated")
	keyBuffering  = []byte("X-Accel-Buffering")
	keyCacheStore = []byte("Cache-Control")

	valueFalse   = []byte("false")
	valueTrue    = []byte("true")
	valueNo      = []byte("no")
	valueNoCache = []byte("no-cache")
	valueUnknown = []byte("unknown")
	valueStream  = []byte("text/event-stream")
)

// writeHeader writes the header of an answer.
func (c *call) writeHeader(h *fasthttp.ResponseHeader) {
	if c.Request.Stream {
		h.SetContentTypeBytes(valueStream)
		h.SetCanonical(keyCacheStore, valueNoCache)
		h.SetCanonical(keyBuffering, valueNo)
	} else {
		h.SetContentTypeBytes(applicationJSON)
	}
	var scratch [64]byte
	h.SetCanonical(keyRequestID, append(scratch[:0], c.Record.RequestID...))
	if c.Op == translate.OpMessages || c.Op == translate.OpCountTokens {
		h.SetCanonical(keyMessageID, append(scratch[:0], c.Record.RequestID...))
	}
	if state := c.Context(); state.ConversationID != "" {
		h.SetCanonical(keyContext, []byte(state.ConversationID))
		if !state.Persisted && !c.Pending() {
			h.SetCanonical(keyPersisted, valueFalse)
		}
	}
	c.describe(h)
	c.Passed(h.SetBytesKV)
}

// describe writes the headers that say what the gateway did.
func (c *call) describe(h *fasthttp.ResponseHeader) {
	r := &c.Record
	var scratch [128]byte
	set := func(key []byte, value string) {
		if value != "" {
			h.SetCanonical(key, append(scratch[:0], value...))
		}
	}
	set(keyTier, r.Tier)
	set(keyModel, r.TargetModel)
	set(keyProvider, r.Provider)
	set(keyCache, r.Cache)
	set(keyCacheWhy, r.CacheReason)
	set(keyReason, r.Reason)
	set(keyCheck, r.Check)
	if r.Escalated {
		h.SetCanonical(keyEscalated, valueTrue)
	} else {
		h.SetCanonical(keyEscalated, valueFalse)
	}
	h.SetCanonical(keyAttempts, strconv.AppendInt(scratch[:0], int64(c.Attempts()), 10))
	switch {
	case r.CostKnown:
		h.SetCanonical(keyCost, translate.AppendUSD(scratch[:0], r.CostNano))
	case !c.Pending() && r.TargetModel != "":
		h.SetCanonical(keyCost, valueUnknown)
	}
	if dropped := c.Dropped(); dropped != "" {
		h.SetCanonical(keyDropped, []byte(dropped))
	}
	if c.Estimated {
		h.SetCanonical(keyEstimated, valueTrue)
	}
	if c.Simulated() {
		h.SetCanonical(keySimulated, valueTrue)
	}
	r.FirstByte = time.Since(c.Start)
	r.Overhead = max(0, r.FirstByte-c.Waited())
	h.SetCanonical(keyOverhead, strconv.AppendInt(scratch[:0], r.Overhead.Microseconds(), 10))
}
