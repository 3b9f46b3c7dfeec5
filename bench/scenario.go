package main

import (
	"bytes"
	"fmt"

	"github.com/ai-mcp-gateway/gateway/bench/load"
)

// The simulator's cheap fixed answers.
const (
	plainModel  = "bench-1k"
	streamModel = "bench-stream-100x64-5ms"
)

// scenario is one kind of load on several systems.
type scenario struct {
	name string
	what string // for the report
	// systems in the order of even rounds; odd rounds turn it round.
	systems []string
	size    int    // of the request's body, in bytes
	stream  bool   // asks for a stream
	model   string // empty is plainModel, or streamModel for a stream
	repeat  bool   // the same prompt every time, so that a cache has it
	faults  string
	measure measurement
}

// measurement is how a scenario measures a system that has started.
type measurement string

const (
	saturated measurement = "saturated" // closed loop
	paced     measurement = "paced"     // open loop, latency
	streamed  measurement = "streamed"  // open loop of streams, CPU a chunk, first chunk
	tailed    measurement = "tailed"    // open loop of streams, their slowest first chunks
	held      measurement = "held"      // open streams, memory
	idle      measurement = "idle"      // start and rest
)

const (
	connections = 64
	pacedRate   = 2000 // requests a second
	// streamRate in streams a second: with 100 chunks each, 5 ms apart, some
	// 40 are open at a time and each chunk travels alone.
	streamRate       = 80
	openStreams      = 10_000
	quickOpenStreams = 2_000
)

// scenarios are all there are, in the order in which they run.
func scenarios() []scenario {
	return []scenario{
		{
			name: "1k", what: "1 KB chat, every prompt new, closed loop",
			systems: []string{direct, bareProxy, netHTTP, gatewayNoCache, gateway},
			size:    1 << 10, measure: saturated,
		},
		{
			name: "hit", what: "1 KB chat, one prompt, closed loop",
			systems: []string{constant, nginxFile, gateway},
			size:    1 << 10, repeat: true, measure: saturated,
		},
		{
			name: "32k", what: "32 KB chat, every prompt new, closed loop",
			systems: []string{bareProxy, gatewayNoCache, gateway},
			size:    32 << 10, measure: saturated,
		},
		{
			name: "1m", what: "1 MB chat, every prompt new, closed loop",
			systems: []string{bareProxy, gatewayNoCache},
			size:    1 << 20, measure: saturated,
		},
		{
			name: "latency", what: fmt.Sprintf("1 KB chat, every prompt new, open loop at %d a second", pacedRate),
			systems: []string{direct, bareProxy, gateway},
			size:    1 << 10, measure: paced,
		},
		{
			name: "stream", what: fmt.Sprintf("streams of 100 chunks 5 ms apart, open loop at %d a second", streamRate),
			systems: []string{direct, bareProxy, netHTTP, gateway},
			size:    1 << 10, stream: true, measure: streamed,
		},
		{
			name: "tail", what: fmt.Sprintf("short streams at %d a second, of which 1 in 40 begins 400 ms late", tailRate),
			systems: []string{gatewayNoHedging, gatewayHedging},
			size:    1 << 10, stream: true, model: tailModel, measure: tailed,
		},
		{
			name: "open", what: fmt.Sprintf("%d open streams (%d with -quick)", openStreams, quickOpenStreams),
			systems: []string{bareProxy, gateway},
			size:    1 << 10, stream: true, faults: "chunk-delay=1h", measure: held,
		},
		{
			name: "idle", what: "started and left alone; the gateway without configuration",
			systems: []string{bareProxy, gatewayDefault},
			measure: idle,
		},
	}
}

// request builds the request of a scenario. Its bytes are the same for every
// system; only to learn what a provider then says, it asks for usage.
func (s scenario) request(usage bool) *load.Request {
	model, accept, stream := plainModel, "application/json", ""
	if s.stream {
		model, accept, stream = streamModel, "text/event-stream", `,"stream":true`
	}
	if s.model != "" {
		model = s.model
	}
	if usage {
		stream += `,"stream_options":{"include_usage":true}`
	}
	headers := []string{"Authorization: Bearer " + clientKey, "Accept: " + accept}
	return load.Post("127.0.0.1", "/v1/chat/completions", headers, prompt(model, stream, s.size, s.repeat))
}

// prompt is a chat request of exactly size bytes.
func prompt(model, stream string, size int, repeat bool) []byte {
	const words = "the quick brown fox jumps over the lazy dog while seven wizards box five dozen jugs of liquor and "
	number := load.Serial
	if repeat {
		number = "the same as ever"
	}
	head := fmt.Sprintf(`{"model":"%s"%s,"temperature":0.7,"messages":[{"role":"system","content":"Answer in one word."},`+
		`{"role":"user","content":"%s: `, model, stream, number)
	const tail = `"}]}`
	filler := bytes.Repeat([]byte(words), size/len(words)+1)
	return fmt.Appendf(nil, "%s%s%s", head, filler[:max(0, size-len(head)-len(tail))], tail)
}
