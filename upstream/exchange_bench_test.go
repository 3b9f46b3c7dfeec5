package upstream

import (
	"bytes"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// BenchmarkExchange compares our client with fasthttp's on the same exchange:
// 1 KB there, 1 KB back, over one kept-alive connection. The provider runs in
// the same process and costs both the same.
func BenchmarkExchange(b *testing.B) {
	sim, err := simulator.Start(simulator.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer sim.Close()
	body := []byte(`{"model":"bench-1k","messages":[{"role":"user","content":"` + string(bytes.Repeat([]byte("words "), 160)) + `"}]}`)

	b.Run("ours", func(b *testing.B) {
		e, err := NewEndpoint(sim.URL()+"/v1", Defaults(), nil)
		if err != nil {
			b.Fatal(err)
		}
		defer e.Close()
		r := Request{
			Head: []byte("POST /v1/chat/completions HTTP/1.1\r\nHost: " + e.Host() + "\r\nContent-Type: application/json\r\n"),
			Body: [][]byte{body}, BodyLen: len(body),
		}
		var cancel Cancel
		answer := make([]byte, 8<<10)
		b.ReportAllocs()
		for b.Loop() {
			x := AcquireExchange()
			if err := x.Do(e, &cancel, &r); err != nil || x.Status != 200 {
				b.Fatal(x.Status, err)
			}
			x.Flowing()
			for {
				if _, err := x.Read(answer); err != nil {
					break
				}
			}
			x.Close()
		}
	})

	b.Run("fasthttp", func(b *testing.B) {
		client := &fasthttp.HostClient{Addr: sim.URL()[len("http://"):]}
		defer client.CloseIdleConnections()
		request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		request.SetRequestURI(sim.URL() + "/v1/chat/completions")
		request.Header.SetMethod(fasthttp.MethodPost)
		request.Header.SetContentType("application/json")
		request.SetBodyRaw(body)
		b.ReportAllocs()
		for b.Loop() {
			if err := client.Do(request, response); err != nil || response.StatusCode() != 200 {
				b.Fatal(response.StatusCode(), err)
			}
		}
	})
}
