package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// wantAPIError checks the SDK's error and returns it.
func wantAPIError(t *testing.T, err error, status int, code, gatewayCode string) *openai.Error {
	t.Helper()
	var e *openai.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is none of the API", err)
	}
	got := e.Response.Header.Get("X-Gateway-Error")
	if e.StatusCode != status || e.Code != code || got != gatewayCode || e.Response.Header.Get("X-Request-Id") == "" {
		t.Errorf("status %d, code %q, %s; want %d, %q, %s: %s", e.StatusCode, e.Code, got, status, code, gatewayCode, e.RawJSON())
	}
	return e
}

func TestSDKErrors(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	// One provider for each failure, since one that fails may be set aside.
	bases := slices.Repeat([]string{sim.URL() + "/v1"}, 8)
	g := startGateway(t, config("shutdown: {drain: 10ms}\nkeys: [{id: app, key: the-key-of-the-app}]\n", bases...))
	client := sdk(g, "the-key-of-the-app")
	f := func(model string, status int, code, gatewayCode string) *openai.Error {
		t.Helper()
		_, err := client.Chat.Completions.New(t.Context(), say(model, "Hello"))
		stream := client.Chat.Completions.NewStreaming(t.Context(), say(model, "Hello"))
		if stream.Next() || stream.Err() == nil {
			t.Errorf("%s: the stream has %s", model, stream.Current().RawJSON())
		}
		return wantAPIError(t, err, status, code, gatewayCode)
	}
	wrong := sdk(g, "wrong-key")
	_, err := wrong.Models.List(t.Context())
	wantAPIError(t, err, 401, "invalid_api_key", "caller_unauthenticated")
	_, err = wrong.Chat.Completions.New(t.Context(), say("auto", "Hello"))
	wantAPIError(t, err, 401, "invalid_api_key", "caller_unauthenticated")

	f("no-such-model", 404, "model_not_found", "caller_model_not_found")
	params := say("auto", "Hello")
	params.MaxTokens = openai.Int(0)
	_, err = client.Chat.Completions.New(t.Context(), params)
	if e := wantAPIError(t, err, 400, "invalid_value", "provider_rejected"); e.Param != "max_tokens" {
		t.Errorf("param %q", e.Param)
	}
	f("sim/no-such-model", 404, "model_not_found", "provider_rejected")
	f("", 400, "missing_required_parameter", "caller_missing_field")
	f("sim/sim-l0!status=400", 400, "", "provider_rejected")
	f("sim2/sim-l0!status=500,conn-close", 502, "upstream_failed", "provider_failed")
	f("sim3/sim-l0!status=503,conn-close", 503, "overloaded", "provider_overloaded")
	f("sim4/sim-l0!status=401,conn-close", 502, "provider_auth", "provider_auth")
	f("sim5/sim-l0!html,conn-close", 502, "upstream_bad_response", "provider_bad_response")
	f("sim6/sim-l0!close", 502, "upstream_truncated", "provider_truncated")
	limited := f("sim7/sim-l0!status=429,retry-after=7,conn-close", 429, "rate_limit_exceeded", "provider_rate_limited")
	if got := limited.Response.Header.Get("Retry-After"); got != "7" || limited.Type != "rate_limit_error" {
		t.Errorf("Retry-After %q, type %q", got, limited.Type)
	}

	stream := client.Chat.Completions.NewStreaming(t.Context(), say("sim8/sim-l0!reset-mid-stream=3", "Hello"))
	for stream.Next() {
	}
	if err := stream.Err(); err == nil || !strings.Contains(err.Error(), "broke the connection") {
		t.Errorf("a stream that was reset ends with %v", err)
	}
}

// TestSDKRetries lets the SDK retry as it does by default: it waits as long as
// the provider asked for, and succeeds.
func TestSDKRetries(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config("shutdown: {drain: 10ms}\n", sim.URL()+"/v1"))
	if err := sim.Script(simulator.Step{Requests: 1, Faults: "status=429,retry-after=1"}); err != nil {
		t.Fatal(err)
	}
	client := sdk(g, "any", option.WithMaxRetries(2))
	start := time.Now()
	if _, err := client.Chat.Completions.New(t.Context(), say("auto", "Hello")); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < time.Second || sim.Requests() != 2 {
		t.Errorf("an answer after %v and %d requests to the provider", took, sim.Requests())
	}
}

func TestSDKAbort(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config("shutdown: {drain: 10ms}\n", sim.URL()+"/v1"))
	client := sdk(g, "any")
	plain := func(ctx context.Context, model string, _ func()) {
		_, _ = client.Chat.Completions.New(ctx, say(model, "Hello"))
	}
	streamed := func(ctx context.Context, model string, flows func()) {
		stream := client.Chat.Completions.NewStreaming(ctx, say(model, "Hello"))
		defer stream.Close()
		for n := 0; stream.Next(); n++ {
			if n == 1 {
				flows()
			}
		}
	}
	f := func(name, model string, midStream bool, call func(context.Context, string, func())) {
		t.Run(name, func(t *testing.T) {
			var took time.Duration
			for range 3 { // a busy machine may be late: the best of three counts
				if took = abort(t, sim, model, midStream, call); took <= 100*time.Millisecond {
					return
				}
			}
			t.Errorf("the provider's connection was closed %v after the client left, want 100ms at most", took)
		})
	}
	f("before a plain answer", "sim/sim-l0!latency=30s", false, plain)
	f("before a stream", "sim/sim-l0!latency=30s", false, streamed)
	f("in a plain answer", "sim/sim-l0!stall-mid-stream", false, plain)
	f("in a stream that is silent", "sim/sim-l0!stall-mid-stream=3", true, streamed)
	f("in a stream that flows", "sim/sim-l0!tokens=2000,chunk-delay=5ms", true, streamed)
}

// abort makes a call, cancels it when it has reached the provider or, midStream,
// when it flows, and returns how long after that the provider noticed.
func abort(t *testing.T, sim *simulator.Server, model string, midStream bool, call func(context.Context, string, func())) time.Duration {
	t.Helper()
	limit, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	ctx, cancel := context.WithCancel(limit)
	defer cancel()
	id := sim.Requests() + 1
	flowing, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		call(ctx, model, func() { close(flowing) })
	}()
	if _, err := sim.Wait(limit, id); err != nil {
		t.Fatal(err)
	}
	if midStream {
		select {
		case <-flowing:
		case <-limit.Done():
			t.Fatal("the stream does not flow")
		}
	}
	cancelled := time.Now()
	cancel()
	<-ended
	seen, err := sim.WaitEnd(limit, id)
	if err != nil || !seen.Aborted {
		t.Fatalf("aborted %t, %v", seen.Aborted, err)
	}
	return seen.Ended.Sub(cancelled)
}
