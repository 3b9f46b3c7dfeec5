package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	loadgen "github.com/ai-mcp-gateway/gateway/bench/load"
	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/configs"
)

// BenchmarkGateway is a whole call over loopback: client, gateway and provider
// in one process. Its allocations are the gateway's, since the other two make
// none. The profile that the release is built with comes from it:
//
//	go test -trimpath -run '^$' -bench Gateway -benchtime 5s -cpuprofile default.pgo .
func BenchmarkGateway(b *testing.B) {
	const chat, messages = "/v1/chat/completions", "/v1/messages"
	for _, c := range []struct{ name, path, cache, model, serial string }{
		{"miss/cache-off", chat, "false", "bench-1k", ""},
		{"miss/cache-on", chat, "true", "bench-1k", loadgen.Serial},
		{"hit", chat, "true", "bench-1k", ""},
		{"stream", chat, "true", "bench-stream-20x64", loadgen.Serial},
		{"translated", messages, "false", "bench-1k", ""},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkGateway(b, c.path, c.cache, c.model, c.serial) })
	}
}

func benchmarkGateway(b *testing.B, path, cached, model, serial string) {
	sim, err := simulator.Start(simulator.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer sim.Close()
	addr := serveInProcess(b, "providers: {sim: {dialect: openai, base_url: \""+sim.URL()+"/v1\", keys: [provider-key]}}\n"+
		"models: {sim/"+model+": {price: {input: 1, output: 2}}}\n"+
		"tiers: [{name: L0, models: [sim/"+model+"]}]\n"+
		"keys: [{id: bench, key: bench-key-0123456789}]\n"+
		"cache: {response: {enabled: "+cached+"}}\n")
	stream := "false"
	if strings.Contains(model, "stream") {
		stream = "true"
	}
	body := `{"model":"sim/` + model + `","max_tokens":900,"stream":` + stream + `,"temperature":0.2,"messages":[{"role":"user","content":"` +
		serial + strings.Repeat("a usual prompt of some words ", 28) + `"}]}`
	request := loadgen.Post(addr, path, []string{"Authorization: Bearer bench-key-0123456789"}, []byte(body))
	ctx := context.Background()
	answer, err := loadgen.Learn(ctx, addr, request)
	if err != nil {
		b.Fatal(err)
	}
	g, err := loadgen.Open(ctx, loadgen.Config{Addr: addr, Connections: 16, Request: request, Answer: answer})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	b.ReportAllocs()
	b.ResetTimer()
	r := g.Saturate(ctx, loadgen.Limit{Duration: time.Minute, Requests: int64(b.N)})
	b.StopTimer()
	if r.Failed() != 0 {
		b.Fatalf("%d calls failed", r.Failed())
	}
}

// serveInProcess runs a gateway in this process until the benchmark ends.
func serveInProcess(b *testing.B, text string) (addr string) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "gateway.yaml")
	if err := os.WriteFile(path, []byte("listen: 127.0.0.1:0\ndata_dir: "+b.TempDir()+"\nshutdown: {drain: 0s, grace: 1s}\n"+text), 0o600); err != nil {
		b.Fatal(err)
	}
	cfg, err := configs.Load(path, func(string) (string, bool) { return "", false })
	if err != nil {
		b.Fatal(err)
	}
	g := &Gateway{}
	bound, err := g.Open(cfg, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx, context.Background()) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		g.Close()
	})
	return bound.String()
}
