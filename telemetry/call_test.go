package telemetry

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sample is a call that fell back once, with every field set.
func sample() *Call {
	c := &Call{
		Time:      time.Date(2026, 3, 4, 5, 6, 7, 123_456_789, time.UTC),
		RequestID: "req-01HZX", TraceID: "0af7651916cd43dd8448eb211c80319c",
		Method: "POST", Route: "/v1/chat/completions", Op: "chat", Status: 200,
		Tenant: "default", Project: "shop", User: "u-1", KeyID: "app",
		Model: "auto", TargetModel: "gpt-5", Provider: "openai", Tier: "L2", Stream: true,
		Cache: "miss", CacheReason: "new", Reason: "default tier",
		Tokens:   Tokens{In: 1200, CacheRead: 1000, CacheWrite: 20, Out: 300, Reasoning: 100},
		CostNano: 4_500_000, CostKnown: true, Estimated: true,
		Duration: 1500 * time.Millisecond, FirstByte: 250 * time.Millisecond, Overhead: 42 * time.Microsecond,
		BytesIn: 1024, BytesOut: 4096,
	}
	*c.AddAttempt() = Attempt{
		Provider: "anthropic", Model: "claude-haiku-4-5", Status: 529, ErrorCode: "provider_overloaded",
		CostKnown: true, Duration: 100 * time.Millisecond,
	}
	*c.AddAttempt() = Attempt{
		Provider: "openai", Model: "gpt-5", Status: 200,
		Tokens: c.Tokens, CostNano: c.CostNano, CostKnown: true, Duration: 1390 * time.Millisecond,
	}
	return c
}

func TestResetKeepsNothingButRoom(t *testing.T) {
	c := sample()
	room := cap(c.Attempts)
	c.Reset()
	if diff := cmp.Diff(&Call{Attempts: []Attempt{}}, c); diff != "" {
		t.Errorf("after Reset (-want +got):\n%s", diff)
	}
	if cap(c.Attempts) != room {
		t.Errorf("room for %d attempts, want %d", cap(c.Attempts), room)
	}
	if diff := cmp.Diff(&Attempt{}, c.AddAttempt()); diff != "" {
		t.Errorf("a new attempt holds an old one's (-want +got):\n%s", diff)
	}
}
