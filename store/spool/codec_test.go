package spool

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/store"
)

func FuzzDecode(f *testing.F) {
	for _, w := range writes() {
		f.Add(w.kind, appendWrite(nil, w))
	}
	f.Add(kindCalls, appendCalls(nil, []store.Call{fullCall()}, nil))
	f.Fuzz(func(t *testing.T, kind byte, payload []byte) {
		if kind == kindCalls {
			if calls, err := decodeCalls(payload); err == nil {
				again, err := decodeCalls(appendCalls(nil, calls, nil))
				if diff := cmp.Diff(calls, again); err != nil || diff != "" {
					t.Errorf("%v %s", err, diff)
				}
			}
			return
		}
		w, err := decodeWrite(kind, payload)
		if err != nil {
			return
		}
		again, err := decodeWrite(kind, appendWrite(nil, w))
		if diff := cmp.Diff(w, again, cmp.AllowUnexported(write{})); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
		if k, err := decodeKey(kind, payload); err != nil || k != w.key() {
			t.Errorf("%+v, %v", k, err)
		}
	})
}

func writes() []*write {
	m := store.Message{Role: "user", Dialect: "openai", Raw: []byte("{}"), Digest: [16]byte{1}, Tokens: 3, Model: "m", Incomplete: true, Created: time.UnixMicro(5).UTC()}
	return []*write{
		{kind: kindAppend, tenant: "t", id: "c", base: unknown, version: 2, append: store.Append{Tenant: "t", Conversation: "c", Project: "p", User: "u", After: store.AnyVersion, Key: "k", Messages: []store.Message{m, {}}}},
		{kind: kindSummary, tenant: "t", id: "c", base: 1, version: 2, summary: store.Summary{Version: 2, Through: 9, Fields: []byte{}, Text: "x", Model: "m", Created: time.UnixMicro(6).UTC()}},
		{kind: kindTodos, tenant: "t", id: "c", todos: []store.Todo{{ID: 1, Title: "x", Description: "y", Status: store.TodoCompleted}}},
		{kind: kindResponse, tenant: "t", id: "r", response: store.Response{Input: []byte("[]"), Body: []byte("{}"), Provider: "p"}, expires: time.UnixMicro(7).UTC()},
		{kind: kindResponseDeleted, tenant: "t", id: "r"},
	}
}

func fullCall() store.Call {
	return store.Call{
		ID: "018f6b1e-7c1a-7000-8000-00000000000a", Time: time.UnixMicro(1_790_000_000_000_000).UTC(), RequestID: "018f6b1e-7c1a-7000-8000-00000000000b",
		Tenant: "default", Project: "shop", User: "u", KeyID: "app", Conversation: "c-1", Op: "chat", Role: "primary",
		Layer: "L0", Provider: "openai", Model: "openai/gpt-5-mini", Status: 200, Error: "none", Cached: true,
		InputTokens: 1, CacheReadTokens: 2, CacheWriteTokens: 3, OutputTokens: 4, ReasoningTokens: 5,
		CostNano: 6, CostKnown: true, Estimated: true, Duration: 7,
		Decision: []byte(`{"tier":"L0"}`), Request: []byte{}, Answer: nil,
	}
}

// TestCodec keeps every field: a new one that is not written shows here as
// soon as it is set.
func TestCodec(t *testing.T) {
	for _, w := range writes() {
		got, err := decodeWrite(w.kind, appendWrite(nil, w))
		if diff := cmp.Diff(w, got, cmp.AllowUnexported(write{})); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	}
	want := []store.Call{fullCall(), {}}
	data := appendCalls(nil, want, nil)
	got, err := decodeCalls(data)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for n := range data {
		if _, err := decodeCalls(data[:n]); err == nil {
			t.Fatalf("%d bytes of %d are accepted", n, len(data))
		}
	}
	if _, err := decodeCalls(binary.AppendUvarint(nil, 1<<60)); err == nil {
		t.Error("a long list of nothing is accepted")
	}
}
