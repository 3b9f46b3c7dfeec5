package conversation

import (
	"math"
	"strings"
	"sync"
	"testing"
)

// samples are texts of the kinds that messages are made of.
var samples = map[string]string{
	"prose": `We moved the launch to Thursday, 14 May 2026, because the audit isn't finished. Maria will call the
printers tomorrow; until then nobody should promise a date. "It's fine," she said, "as long as they've got 3,500 copies
by Monday." I'd rather have the second colour proof before we sign anything. What about the posters?`,
	"code": `func (s *Store) Load(ctx context.Context, id string) (*Row, error) {
	row, err := s.db.QueryRow(ctx, "SELECT id, name FROM rows WHERE id = $1", id)
	if err != nil {
		return nil, fmt.Errorf("cannot load %q: %w", id, err)
	}
	return row, nil
}`,
	"json":    `{"id":"call_9f3b","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Lyon\",\"days\":3}"}}`,
	"german":  `Für die Überprüfung der Änderungen benötigen wir spätestens übermorgen eine Bestätigung der Geschäftsführung.`,
	"russian": `Мы перенесли запуск на четверг, потому что проверка ещё не закончена.`,
	"chinese": `我们把发布推迟到星期四，因为审计还没有完成。在那之前谁也不应该承诺日期。`,
	"log":     "2026-05-14T09:31:07Z ERROR upstream timeout after 30000ms attempt=3 target=openai/gpt-5\n  at Dial (net.go:122)\n",
}

func TestCount(t *testing.T) {
	f := func(s string, want int) {
		t.Helper()
		if got := Count(s); got != want {
			t.Errorf("Count(%q) = %d, want %d", s, got, want)
		}
	}
	f("", 0)
	f("hello world", 2)
	f("hello  world", 3)
	f("I've been there", 3)
	f("<|endoftext|>", 7) // what users write is never a control token
}

func TestCountIsTheTokenizers(t *testing.T) {
	for name, s := range samples {
		for range 2 { // the second time from the table
			if got, want := Count(s), tokenized(s); got != want {
				t.Errorf("%s: %d tokens, the tokenizer has %d", name, got, want)
			}
		}
	}
}

func FuzzCount(f *testing.F) {
	for _, s := range samples {
		f.Add(s)
	}
	f.Add("a\u00a0 b  c \n d\u3000 e' s \xff x")
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4096 {
			return
		}
		if got, want := Count(s), tokenized(s); got != want {
			t.Errorf("%d tokens, the tokenizer has %d", got, want)
		}
	})
}

func TestCountConcurrently(t *testing.T) {
	want := map[string]int{}
	for name, s := range samples {
		want[name] = tokenized(s)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for name, s := range samples {
				if got := Count(s); got != want[name] {
					t.Errorf("%s: %d tokens, want %d", name, got, want[name])
				}
			}
		})
	}
	wg.Wait()
}

// TestEstimate holds the error that Estimate claims: a third for a text of
// any kind here.
func TestEstimate(t *testing.T) {
	for name, s := range samples {
		got, want := float64(Estimate(s)), float64(Count(s))
		t.Logf("%s: %+.0f %%", name, 100*(got/want-1))
		if math.Abs(got-want) > want/3 {
			t.Errorf("%s: %.0f tokens estimated, %.0f counted", name, got, want)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	text := strings.Repeat(samples["prose"], 10)
	tokens := Count(text)
	f := func(name string, count func(string) int) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				count(text)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tokens), "ns/token")
		})
	}
	f("known", Count)
	f("tokenizer", tokenized)
	f("estimate", Estimate)
}
