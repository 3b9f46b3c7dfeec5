package spool

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// The kinds of records. What one means never changes: another shape is
// another kind, so that a log that was left by the last version is read.
const (
	kindCalls byte = iota + 1
	kindAppend
	kindSummary
	kindTodos
	kindResponse
	kindResponseDeleted
)

var errMalformed = errors.New("spool: malformed record")

// write is a write of anything but the call log, with what was answered.
type write struct {
	kind       byte
	tenant, id string
	// base is the version before it as it was known here, or unknown; version
	// the one that was answered. For appends and summaries only.
	base, version int64
	// waiting: it is in the log.
	waiting bool

	append   store.Append
	summary  store.Summary
	todos    []store.Todo
	response store.Response
	expires  time.Time
}

// unknown is a base that nobody could tell.
const unknown = -1

func appendWrite(b []byte, w *write) []byte {
	b = appendString(appendString(b, w.tenant), w.id)
	switch w.kind {
	case kindAppend:
		b = binary.AppendVarint(binary.AppendVarint(b, w.base), w.version)
		b = appendString(appendString(appendString(b, w.append.Project), w.append.User), w.append.Key)
		b = binary.AppendUvarint(b, uint64(len(w.append.Messages)))
		for i := range w.append.Messages {
			b = appendMessage(b, &w.append.Messages[i])
		}
	case kindSummary:
		s := &w.summary
		b = binary.AppendVarint(binary.AppendVarint(b, w.base), w.version)
		b = appendString(appendBytes(binary.AppendVarint(b, s.Through), s.Fields), s.Text)
		b = appendTime(appendString(b, s.Model), s.Created)
	case kindTodos:
		b = binary.AppendUvarint(b, uint64(len(w.todos)))
		for _, t := range w.todos {
			b = appendString(appendString(binary.AppendVarint(b, t.ID), t.Title), t.Description)
			b = appendString(b, t.Status)
		}
	case kindResponse:
		b = appendBytes(appendBytes(b, w.response.Input), w.response.Body)
		b = appendTime(appendString(b, w.response.Provider), w.expires)
	}
	return b
}

// decodeWrite copies what it keeps.
func decodeWrite(kind byte, payload []byte) (*write, error) {
	d := decoder{b: payload}
	w := &write{kind: kind, tenant: d.string(), id: d.string()}
	switch kind {
	case kindAppend:
		w.base, w.version = d.int(), d.int()
		w.append = store.Append{Tenant: w.tenant, Conversation: w.id, After: store.AnyVersion}
		w.append.Project, w.append.User, w.append.Key = d.string(), d.string(), d.string()
		w.append.Messages = decodeList(&d, (*decoder).message)
	case kindSummary:
		w.base, w.version = d.int(), d.int()
		w.summary = store.Summary{Version: w.version, Through: d.int(), Fields: d.bytes(), Text: d.string(), Model: d.string(), Created: d.time()}
	case kindTodos:
		w.todos = decodeList(&d, (*decoder).todo)
	case kindResponse:
		w.response = store.Response{Input: d.bytes(), Body: d.bytes(), Provider: d.string()}
		w.expires = d.time()
	case kindResponseDeleted:
	default:
		d.failed = true
	}
	return w, d.end()
}

// decodeKey reads whose a write is, and copies nothing else.
func decodeKey(kind byte, payload []byte) (key, error) {
	d := decoder{b: payload}
	k := key{tenant: d.string(), id: d.string(), response: kind == kindResponse || kind == kindResponseDeleted}
	if d.failed || kind < kindAppend || kind > kindResponseDeleted {
		return key{}, errMalformed
	}
	return k, nil
}

func appendMessage(b []byte, m *store.Message) []byte {
	b = appendBytes(appendString(appendString(b, m.Role), m.Dialect), m.Raw)
	b = append(b, m.Digest[:]...)
	b = appendString(binary.AppendVarint(b, int64(m.Tokens)), m.Model)
	return appendTime(appendBool(b, m.Incomplete), m.Created)
}

func (d *decoder) message() store.Message {
	m := store.Message{Role: d.string(), Dialect: d.string(), Raw: d.bytes()}
	copy(m.Digest[:], d.take(uint64(len(m.Digest))))
	m.Tokens, m.Model = int(d.int()), d.string()
	m.Incomplete, m.Created = d.bool(), d.time()
	return m
}

func (d *decoder) todo() store.Todo {
	return store.Todo{ID: d.int(), Title: d.string(), Description: d.string(), Status: d.string()}
}

// idSource names rows: 16 random digits of the process and a number, in 32
// digits.
type idSource struct {
	prefix [16]byte
	last   atomic.Uint64
}

func (s *idSource) init() {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	hex.Encode(s.prefix[:], random[:])
}

// append appends the next id.
func (s *idSource) append(b []byte) []byte {
	b = append(b, s.prefix[:]...)
	n := s.last.Add(1)
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[n>>shift&15])
	}
	return b
}

// idLength is the length of what an idSource appends.
const idLength = 32

// appendCalls names the rows that have no id, where there are ids.
func appendCalls(b []byte, calls []store.Call, ids *idSource) []byte {
	b = binary.AppendUvarint(b, uint64(len(calls)))
	for i := range calls {
		b = appendCall(b, &calls[i], ids)
	}
	return b
}

func decodeCalls(payload []byte) ([]store.Call, error) {
	d := decoder{b: payload}
	calls := decodeList(&d, (*decoder).call)
	return calls, d.end()
}

func appendCall(b []byte, c *store.Call, ids *idSource) []byte {
	if c.ID == "" && ids != nil {
		b = ids.append(binary.AppendUvarint(b, idLength))
	} else {
		b = appendString(b, c.ID)
	}
	b = appendTime(b, c.Time)
	for _, s := range [...]string{c.RequestID, c.Tenant, c.Project, c.User, c.KeyID, c.Conversation, c.Op, c.Role, c.Layer, c.Provider, c.Model, c.Error} {
		b = appendString(b, s)
	}
	for _, n := range [...]int64{int64(c.Status), c.InputTokens, c.CacheReadTokens, c.CacheWriteTokens, c.OutputTokens, c.ReasoningTokens, c.CostNano, int64(c.Duration)} {
		b = binary.AppendVarint(b, n)
	}
	b = appendBool(appendBool(appendBool(b, c.Cached), c.CostKnown), c.Estimated)
	return appendBytes(appendBytes(appendBytes(b, c.Decision), c.Request), c.Answer)
}

func (d *decoder) call() store.Call {
	c := store.Call{ID: d.string(), Time: d.time()}
	for _, s := range [...]*string{&c.RequestID, &c.Tenant, &c.Project, &c.User, &c.KeyID, &c.Conversation, &c.Op, &c.Role, &c.Layer, &c.Provider, &c.Model, &c.Error} {
		*s = d.string()
	}
	c.Status = int(d.int())
	for _, n := range [...]*int64{&c.InputTokens, &c.CacheReadTokens, &c.CacheWriteTokens, &c.OutputTokens, &c.ReasoningTokens, &c.CostNano} {
		*n = d.int()
	}
	c.Duration = time.Duration(d.int())
	c.Cached, c.CostKnown, c.Estimated = d.bool(), d.bool(), d.bool()
	c.Decision, c.Request, c.Answer = d.bytes(), d.bytes(), d.bytes()
	return c
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendBytes tells nil from empty.
func appendBytes(b, s []byte) []byte {
	if s == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(s))+1), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendTime keeps microseconds, as a store does.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(b, math.MinInt64)
	}
	return binary.AppendVarint(b, t.UnixMicro())
}

// decoder reads what was appended. After a failure everything is zero.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) take(n uint64) []byte {
	if d.failed || n > uint64(len(d.b)) {
		d.failed = true
		return nil
	}
	s := d.b[:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) skip(n int) {
	if n <= 0 {
		d.failed = true
		return
	}
	d.take(uint64(n))
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if d.skip(n); d.failed {
		return 0
	}
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if d.skip(n); d.failed {
		return 0
	}
	return v
}

func (d *decoder) bool() bool {
	b := d.take(1)
	return len(b) == 1 && b[0] == 1
}

func (d *decoder) string() string { return string(d.take(d.uint())) }

func (d *decoder) bytes() []byte {
	n := d.uint()
	if n == 0 {
		return nil
	}
	return append([]byte{}, d.take(n-1)...)
}

func (d *decoder) time() time.Time {
	switch n := d.int(); {
	case n == math.MinInt64 || d.failed:
		return time.Time{}
	default:
		return time.UnixMicro(n).UTC()
	}
}

// decodeList reads a list of things that take at least a byte each.
func decodeList[T any](d *decoder, one func(*decoder) T) []T {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.failed = true
	}
	if n == 0 || d.failed {
		return nil
	}
	list := make([]T, 0, min(n, 64))
	for range n {
		if d.failed {
			return nil
		}
		list = append(list, one(d))
	}
	return list
}

func (d *decoder) end() error {
	if d.failed || len(d.b) > 0 {
		return errMalformed
	}
	return nil
}
