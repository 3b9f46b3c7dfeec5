//go:build !race

package load

import (
	"net"
	"testing"
)

// replayed is a connection that says the same over and over.
type replayed struct {
	net.Conn
	bytes []byte
}

func (r replayed) Read(p []byte) (int, error)  { return copy(p, r.bytes), nil }
func (r replayed) Write(p []byte) (int, error) { return len(p), nil }

// exchanges are what the generator does most, each ready to be repeated.
func exchanges() map[string]func() error {
	all := map[string]func() error{}
	for name, e := range map[string]struct {
		response string
		answer   *Answer
	}{
		"plain":  {plain("hello world"), plainAnswer},
		"stream": {chunked(true, "data: a\n\n", "data: b\n\n", "data: c\n\n", "data: [DONE]\n\n"), eventAnswer},
	} {
		e.answer.index()
		c := &conn{net: replayed{bytes: []byte(e.response)}, wire: question.wire, buf: make([]byte, plainBuffer)}
		all[name] = func() error {
			if err := c.send(1); err != nil {
				return err
			}
			return c.receive(e.answer)
		}
	}
	return all
}

func TestExchangeDoesNotAllocate(t *testing.T) {
	for name, exchange := range exchanges() {
		var err error
		if n := testing.AllocsPerRun(100, func() { err = exchange() }); n != 0 || err != nil {
			t.Errorf("%s: %v allocations, %v", name, n, err)
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	for name, exchange := range exchanges() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := exchange(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
