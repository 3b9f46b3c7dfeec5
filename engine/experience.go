package engine

import (
	"sync"

	"github.com/ai-mcp-gateway/gateway/routing"
)

// maxLoss is the share of a tier's answers that may be worse than a higher
// tier's.
const maxLoss = 0.01

// mostStreams bounds how many streams experience is kept of. One that is not
// among them starts where the table says.
const mostStreams = 10_000

// streamKey names a stream of requests: one project's, of one kind of work.
type streamKey struct {
	tenant, project string
	task            routing.Task
}

// experience is what this process has seen of its streams.
type experience struct {
	mu      sync.Mutex
	streams map[streamKey]*routing.Stream
}

// with calls f with the stream that c belongs to.
func (x *experience) with(c *Call, f func(s *routing.Stream)) {
	k := streamKey{c.Caller.Tenant, c.Caller.Project, c.Task}
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.streams[k]
	if s == nil {
		if len(x.streams) >= mostStreams {
			return
		}
		if x.streams == nil {
			x.streams = map[streamKey]*routing.Stream{}
		}
		s = &routing.Stream{Loss: maxLoss}
		x.streams[k] = s
	}
	f(s)
}

// learns reports whether experience moves requests.
func (c *Call) learns() bool {
	r := &c.state.config.Routing
	return r.Learn && r.CrossCheck != checkOff
}
