package telemetry

import (
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

const chatRoute = `route="/v1/chat/completions",method="POST",stream="true"`

func TestCallIsCounted(t *testing.T) {
	m := NewMetrics("1.2.3")
	m.SetConfigVersion("abc123")
	m.InFlight(3)
	m.InFlight(-1)
	m.Call(sample())
	failed := sample()
	failed.Status, failed.ErrorCode, failed.Cache = 502, "provider_unavailable", "bypass"
	failed.Attempts = failed.Attempts[:1]
	failed.Attempts[0].CostKnown = false
	m.Call(failed)

	e := parse(t, m.AppendText(nil))
	f := func(sample string, want float64) {
		t.Helper()
		e.want(t, sample, want)
	}
	f(`gateway_config_info{version="abc123"}`, 1)
	f(`gateway_in_flight_requests`, 2)
	f(`gateway_requests_total{`+chatRoute+`,status="200"}`, 1)
	f(`gateway_requests_total{`+chatRoute+`,status="502"}`, 1)
	f(`gateway_request_duration_seconds_sum{`+chatRoute+`}`, 3)
	f(`gateway_request_duration_seconds_bucket{`+chatRoute+`,le="1"}`, 0)
	f(`gateway_request_duration_seconds_bucket{`+chatRoute+`,le="2.5"}`, 2)
	f(`gateway_time_to_first_byte_seconds_bucket{`+chatRoute+`,le="0.1"}`, 0)
	f(`gateway_time_to_first_byte_seconds_bucket{`+chatRoute+`,le="0.25"}`, 2)
	f(`gateway_overhead_seconds_sum{`+chatRoute+`}`, 84e-6)
	f(`gateway_overhead_seconds_bucket{`+chatRoute+`,le="2.5e-05"}`, 0)
	f(`gateway_overhead_seconds_bucket{`+chatRoute+`,le="5e-05"}`, 2)
	f(`gateway_request_bytes_total{`+chatRoute+`}`, 2048)
	f(`gateway_response_bytes_total{`+chatRoute+`}`, 8192)
	f(`gateway_attempts_total{provider="openai",model="gpt-5",outcome="ok"}`, 1)
	f(`gateway_attempts_total{provider="anthropic",model="claude-haiku-4-5",outcome="ok"}`, 0)
	f(`gateway_attempts_total{provider="anthropic",model="claude-haiku-4-5",outcome="provider_overloaded"}`, 2)
	f(`gateway_attempt_duration_seconds_total{provider="openai",model="gpt-5"}`, 1.39)
	f(`gateway_tokens_total{provider="openai",model="gpt-5",kind="in"}`, 1200)
	f(`gateway_tokens_total{provider="openai",model="gpt-5",kind="cache_read"}`, 1000)
	f(`gateway_tokens_total{provider="openai",model="gpt-5",kind="cache_write"}`, 20)
	f(`gateway_tokens_total{provider="openai",model="gpt-5",kind="out"}`, 300)
	f(`gateway_tokens_total{provider="openai",model="gpt-5",kind="reasoning"}`, 100)
	f(`gateway_cost_dollars_total{provider="openai",model="gpt-5"}`, 0.0045)
	f(`gateway_cost_unknown_total{provider="anthropic",model="claude-haiku-4-5"}`, 1)
	f(`gateway_cost_unknown_total{provider="openai",model="gpt-5"}`, 0)
	f(`gateway_cache_total{result="miss"}`, 1)
	f(`gateway_cache_total{result="bypass"}`, 1)
	f(`gateway_cache_total{result="hit"}`, 0)
	f(`gateway_errors_total{code="provider_unavailable"}`, 1)
}

// Each quantile of each endpoint can be read off within its bucket, which is
// at most 2.5 times as wide as its lower bound.
func TestAccept_O1_QuantilesPerEndpoint(t *testing.T) {
	m := NewMetrics("test")
	for i := 1; i <= 1000; i++ {
		m.Call(&Call{Route: "/a", Method: "POST", Status: 200, Duration: time.Duration(i) * time.Millisecond})
		m.Call(&Call{Route: "/b", Method: "GET", Status: 200 + i%2*300, Duration: time.Duration(i) * 20 * time.Microsecond})
	}
	e := parse(t, m.AppendText(nil))
	f := func(labels string, q, want float64) {
		t.Helper()
		got := e.quantile(t, q, "gateway_request_duration_seconds", labels)
		if got < want/2.5 || got > want*2.5 {
			t.Errorf("p%v of %s = %v, want about %v", q*100, labels, got, want)
		}
	}
	a, b := `route="/a",method="POST",stream="false"`, `route="/b",method="GET",stream="false"`
	f(a, 0.5, 0.5)
	f(a, 0.95, 0.95)
	f(a, 0.99, 0.99)
	f(b, 0.5, 0.010)
	f(b, 0.95, 0.019)
	f(b, 0.99, 0.0198)
	e.want(t, `gateway_requests_total{`+b+`,status="500"}`, 500) // the error rate
}

func TestAccept_O2_CacheHitRate(t *testing.T) {
	m := NewMetrics("test")
	f := func(result string, n int) {
		for range n {
			m.Call(&Call{Cache: result})
		}
	}
	f("hit", 80)
	f("coalesced", 5)
	f("miss", 15)
	f("", 7)
	f("surprise", 1)
	e := parse(t, m.AppendText(nil))
	e.want(t, `gateway_cache_total{result="hit"}`, 80)
	e.want(t, `gateway_cache_total{result="other"}`, 1)
	if got := e.sum("gateway_cache_total"); got != 101 {
		t.Errorf("%v calls with a cache result, want 101", got)
	}
}

// Whatever a client sends, the number and the form of the series are bounded,
// and nothing is lost from the sums.
func TestCardinalityIsBounded(t *testing.T) {
	const n = 3 * maxModels
	m := NewMetrics("test")
	for i := range n {
		m.Call(&Call{
			Route: fmt.Sprint("/", i), Method: fmt.Sprint("M", i), Status: i - 100, ErrorCode: fmt.Sprint("code", i),
			Attempts: []Attempt{
				{Provider: "openai", Model: fmt.Sprint("m", i), ErrorCode: fmt.Sprint("code", i), CostNano: 1},
				{Provider: "openai", Model: "evil\"} 1\n" + fmt.Sprint(i)},
				{Provider: "openai", Model: strings.Repeat("x", maxLabel+1)},
			},
		})
	}
	e := parse(t, m.AppendText(nil))
	f := func(name string, most int, sum float64) {
		t.Helper()
		if got := e.series(name); got > most {
			t.Errorf("%s has %d series, want at most %d", name, got, most)
		}
		if got := e.sum(name); math.Abs(got-sum) > 1e-12 {
			t.Errorf("%s sums up to %v, want %v", name, got, sum)
		}
	}
	f("gateway_requests_total", maxRoutes*2+maxStatus, n)
	f("gateway_errors_total", maxCodes+1, n)
	f("gateway_attempts_total", maxModels+maxFailures+2, 3*n)
	f("gateway_cost_dollars_total", maxModels+1, n*1e-9)
	e.want(t, `gateway_requests_total{route="other",method="other",stream="false",status="599"}`, 1)
	if got := e.samples[`gateway_attempts_total{provider="openai",model="other",outcome="ok"}`]; got < 2*n {
		t.Errorf("%v attempts at other models, want at least %v", got, 2*n)
	}
}

func TestFiguresThatMakeNoSense(t *testing.T) {
	m := NewMetrics("test")
	m.Call(&Call{
		Status: -1, Duration: -time.Second, Overhead: -1, FirstByte: -1,
		Attempts: []Attempt{{Tokens: Tokens{In: -5}, CostNano: -5, Duration: -1}},
	})
	e := parse(t, m.AppendText(nil))
	e.want(t, `gateway_requests_total{route="",method="other",stream="false",status="0"}`, 1)
}

func TestBuckets(t *testing.T) {
	f := func(d time.Duration, want string) {
		t.Helper()
		got := "+Inf"
		if i := bucketOf(d); i < len(bounds) {
			got = bounds[i].le
		}
		if got != want {
			t.Errorf("%v is in bucket %s, want %s", d, got, want)
		}
	}
	f(-1, "1e-05")
	f(0, "1e-05")
	f(10*time.Microsecond, "1e-05")
	f(10*time.Microsecond+1, "2.5e-05")
	f(time.Second, "1")
	f(250*time.Second, "250")
	f(250*time.Second+1, "+Inf")
	for i, b := range bounds {
		if got := fmt.Sprint(b.max.Seconds()); got != b.le {
			t.Errorf("bound %d is %s seconds, written as %s", i, got, b.le)
		}
	}
}

func TestDecimal(t *testing.T) {
	f := func(n int64, decimals int, want string) {
		t.Helper()
		p := page{}
		p.decimal(n, decimals)
		if got := string(p.b); got != want+"\n" {
			t.Errorf("%d with %d decimals is %q, want %s", n, decimals, got, want)
		}
	}
	f(0, 0, "0")
	f(-7, 0, "-7")
	f(0, 9, "0")
	f(1, 9, "0.000000001")
	f(4_500_000, 9, "0.004500000")
	f(3_000_000_000, 9, "3")
	f(math.MaxInt64, 9, "9223372036.854775807")
	f(1_050_000, 6, "1.050000")
}

func TestSources(t *testing.T) {
	m := NewMetrics("test")
	m.Gauge("gateway_redis_up", "Whether Redis answers.", func() float64 { return 0 })
	m.Counter("gateway_log_dropped_total", "Log lines lost.", func() float64 { return 12345678 })
	m.Gauge("gateway_redis_up", "Whether Redis answers.", func() float64 { return 1 }) // a reload
	e := parse(t, m.AppendText(nil))
	e.want(t, "gateway_redis_up", 1)
	e.want(t, "gateway_log_dropped_total", 12345678)
	defer func() {
		if recover() == nil {
			t.Error("a bad name did not panic")
		}
	}()
	m.Gauge("a b", "", nil)
}

func TestParseStat(t *testing.T) {
	page := int64(os.Getpagesize())
	f := func(stat string, cpu time.Duration, rss int64, ok bool) {
		t.Helper()
		gotCPU, gotRSS, gotOK := parseStat([]byte(stat))
		if gotCPU != cpu || gotRSS != rss || gotOK != ok {
			t.Errorf("%q: %v, %d, %v; want %v, %d, %v", stat, gotCPU, gotRSS, gotOK, cpu, rss, ok)
		}
	}
	const fields = " S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 8 0 1000 999999 77 18446744073709551615\n"
	f("42 (gateway)"+fields, 2*time.Second, 77*page, true)
	f("42 (a ) b (c)"+fields, 2*time.Second, 77*page, true)
	f("42 (gateway) S 1 2", 0, 0, false)
	f("", 0, 0, false)
}

func TestConcurrentCallsAddUp(t *testing.T) {
	const writers, each = 8, 500
	m := NewMetrics("test")
	var wg sync.WaitGroup
	for id := range writers {
		wg.Go(func() {
			for i := range each {
				c := sample()
				c.Attempts[1].Model = fmt.Sprint("m", i%50)
				c.Route = fmt.Sprint("/", id%3)
				m.Call(c)
				if i%100 == 0 {
					parse(t, m.AppendText(nil))
				}
			}
		})
	}
	wg.Wait()
	e := parse(t, m.AppendText(nil))
	const n = writers * each
	if got := e.sum("gateway_requests_total"); got != n {
		t.Errorf("%v requests, want %v", got, n)
	}
	if got := e.sum("gateway_request_duration_seconds_count"); got != n {
		t.Errorf("%v durations, want %v", got, n)
	}
	if got := e.sum("gateway_attempts_total"); got != 2*n {
		t.Errorf("%v attempts, want %v", got, 2*n)
	}
}

func BenchmarkMetrics(b *testing.B) {
	m := NewMetrics("test")
	for name, c := range map[string]*Call{"call": single(), "call-fallback": sample()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Call(c)
			}
		})
	}
	b.Run("text", func(b *testing.B) {
		var text []byte
		b.ReportAllocs()
		for b.Loop() {
			text = m.AppendText(text[:0])
		}
		b.ReportMetric(float64(len(text)), "B/text")
	})
}
