//go:build !race

package simulator

import "testing"

// A bench- model is to cost the benchmark nothing but its system calls.
func TestBench_Allocs(t *testing.T) {
	c := dial(t, start(t, Config{}))
	for model, end := range map[string]string{"bench-1k": jsonEnd, "bench-stream-50x64": "[DONE]\n\n\r\n" + chunkEnd} {
		request := []byte(post("/v1/chat/completions", chatBody(model, "")))
		c.request(string(request))
		answer := make([]byte, len(c.until(end, 1)))
		allocs := testing.AllocsPerRun(200, func() {
			if err := round(c, request, answer); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a request", model, allocs)
		}
	}
}
