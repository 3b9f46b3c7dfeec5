//go:build !race

package simulator

import "testing"

// A bench- model is to cost the benchmark nothing but its system calls.
func TestBench_Allocs(t *testing.T) {
	c := dial(t, start(t, Config{}))
	for _, model := range []string{"bench-1k", "bench-stream-50x64"} {
		request := []byte(post("/v1/chat/completions", chatBody(model, "")))
		c.request(string(request))
		answer := make([]byte, len(c.quiet()))
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
