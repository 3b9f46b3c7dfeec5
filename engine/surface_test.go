package engine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestReadSurfaceUsage(t *testing.T) {
	f := func(body string, want translate.Usage) {
		t.Helper()
		if diff := cmp.Diff(want, readSurfaceUsage([]byte(body))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
		stream := "data: {\"type\":\"x\"}\n\ndata: " + body + "\n\n"
		for _, size := range []int{1, 7, len(stream)} {
			var tail usageTail
			tail.add([]byte(strings.Repeat("x", maxUsageTail+100)))
			for rest := stream; len(rest) > 0; {
				n := min(size, len(rest))
				tail.add([]byte(rest[:n]))
				rest = rest[n:]
			}
			if diff := cmp.Diff(want, tail.usage()); diff != "" || len(tail.end) > maxUsageTail {
				t.Errorf("%s in pieces of %d (-want +got):\n%s", body, size, diff)
			}
		}
	}
	f(`{"usage":{"input_tokens":5,"output_tokens":7,"total_tokens":12,"input_tokens_details":{"cached_tokens":2}}}`, translate.Usage{In: 5, Out: 7, CacheRead: 2, Known: true})
	f(`{"a":"\"usage\":{\"input_tokens\":9}","usage": {"prompt_tokens":5,"completion_tokens":1}}`, translate.Usage{In: 5, Out: 1, Known: true})
	f(`{"usage":{"total_tokens":12}}`, translate.Usage{In: 12, Known: true})
	f(`{"usage":{"type":"duration","seconds":7}}`, translate.Usage{})
	f(`{"usage":{"input_tokens":-1,"output_tokens":"x"}}`, translate.Usage{})
	f(`{"usage":null}`, translate.Usage{})
	f(`{"text":"\"usage\":{\"input_tokens\":9}"}`, translate.Usage{})
	f(`[]`, translate.Usage{})
}
