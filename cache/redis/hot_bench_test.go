package redis

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
)

// conversation returns messages of about that many bytes, which compress as
// text does.
func conversation(bytes int) []byte {
	var text strings.Builder
	words := strings.Fields("the quick gateway answers a question about routing with some text of its own and goes on")
	r := rand.New(rand.NewPCG(1, 2))
	for text.Len() < bytes {
		text.WriteString(`{"role":"assistant","content":"`)
		for range 100 {
			fmt.Fprintf(&text, "%s%x ", words[r.IntN(len(words))], r.IntN(16))
		}
		text.WriteString(`"},`)
	}
	return []byte(text.String()[:bytes])
}

func BenchmarkHot(b *testing.B) {
	h := openUp(b, testservice.Redis(b).URL()).Hot()
	for _, size := range []int{1 << 10, 8 << 10, 64 << 10, 256 << 10} {
		k := cache.ConversationKeys("default", strconv.Itoa(size))
		items := []cache.Item{
			{Key: k.Summary, Value: conversation(1 << 10), TTL: cache.SummaryTTL},
			{Key: k.Messages, Value: conversation(size), TTL: cache.MessagesTTL},
			{Key: k.Todos, Value: conversation(500), TTL: cache.TodosTTL},
		}
		setHot(b, h, items...)
		keys, dst := []string{k.Summary, k.Messages, k.Todos}, make([]cache.Item, 0, 3)
		bench := func(name string, call func() error) {
			b.Run(fmt.Sprintf("%s_%dKiB", name, size>>10), func(b *testing.B) {
				b.ReportAllocs()
				before := processTime()
				for b.Loop() {
					if call() != nil { // the machine is busy
						answered(b, call)
					}
				}
				b.ReportMetric(float64((processTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
			})
		}
		bench("get3", func() (err error) {
			_, err = h.Get(ctx, dst, keys...)
			return err
		})
		bench("set3", func() error { return h.Set(ctx, items...) })
	}
}

// processTime is what this process has used of the processors, in the kernel
// as well.
func processTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it can't fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
