package telemetry

import (
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
)

// AppendText appends all metrics in Prometheus' text format 0.0.4
// (text/plain; version=0.0.4).
// https://prometheus.io/docs/instrumenting/exposition_formats/
func (m *Metrics) AppendText(dst []byte) []byte {
	p := page{b: dst}
	m.appendInfo(&p)
	m.appendRoutes(&p)
	m.appendModels(&p)
	m.appendStores(&p)
	m.appendSources(&p)
	m.appendProcess(&p)
	return p.b
}

func (m *Metrics) appendInfo(p *page) {
	p.family("gateway_build_info", "gauge", "The running program; always 1.")
	p.integer("", `version="`+label(m.version)+`",go_version="`+label(runtime.Version())+`"`, 1)
	if config := m.config.Load(); config != nil {
		p.family("gateway_config_info", "gauge", "The configuration in force; always 1.")
		p.integer("", `version="`+label(*config)+`"`, 1)
	}
	p.family("gateway_in_flight_requests", "gauge", "Requests under way.")
	p.integer("", "", m.inFlight.Load())
	p.family("gateway_cache_total", "counter", "Calls by what the response cache did.")
	for i, result := range cacheResults {
		p.integer("", `result="`+result+`"`, int64(m.cache[i].Load()))
	}
	p.family("gateway_errors_total", "counter", "Failed calls by error code.")
	for _, r := range m.errors.rows() {
		p.integer("", r.labels, int64(r.v.Load()))
	}
}

func (m *Metrics) appendRoutes(p *page) {
	rows := m.routes.rows()
	p.family("gateway_requests_total", "counter", "Finished requests.")
	for _, r := range rows {
		for status := range r.v.statuses {
			if n := r.v.statuses[status].Load(); n > 0 {
				p.integer("", r.labels+`,status="`+strconv.Itoa(status)+`"`, int64(n))
			}
		}
	}
	histograms := func(name, help string, of func(*routeSeries) *histogram) {
		p.family(name, "histogram", help)
		for _, r := range rows {
			p.histogram(r.labels, of(r.v))
		}
	}
	histograms("gateway_request_duration_seconds", "From a request's first byte to its answer's last.",
		func(s *routeSeries) *histogram { return &s.duration })
	histograms("gateway_time_to_first_byte_seconds", "From a request's first byte to its answer's first.",
		func(s *routeSeries) *histogram { return &s.firstByte })
	histograms("gateway_overhead_seconds", "The part of a request's duration that the gateway itself took.",
		func(s *routeSeries) *histogram { return &s.overhead })
	counters(p, rows, "gateway_request_bytes_total", "Bytes of request bodies.", 0,
		func(s *routeSeries) *atomic.Int64 { return &s.bytesIn })
	counters(p, rows, "gateway_response_bytes_total", "Bytes of response bodies.", 0,
		func(s *routeSeries) *atomic.Int64 { return &s.bytesOut })
}

func (m *Metrics) appendModels(p *page) {
	rows := m.models.rows()
	p.family("gateway_attempts_total", "counter", "Exchanges with providers; an outcome is ok or an error code.")
	for _, r := range rows {
		p.integer("", r.labels+`,outcome="ok"`, int64(r.v.answered.Load()))
	}
	for _, r := range m.failures.rows() {
		p.integer("", r.labels, int64(r.v.Load()))
	}
	counters(p, rows, "gateway_attempt_duration_seconds_total", "Time spent in exchanges with providers.", 6,
		func(s *modelSeries) *atomic.Int64 { return &s.micros })
	p.family("gateway_tokens_total", "counter",
		"Tokens that providers reported. in holds cache_read and cache_write, out holds reasoning.")
	for _, r := range rows {
		p.integer("", r.labels+`,kind="in"`, r.v.in.Load())
		p.integer("", r.labels+`,kind="cache_read"`, r.v.cacheRead.Load())
		p.integer("", r.labels+`,kind="cache_write"`, r.v.cacheWrite.Load())
		p.integer("", r.labels+`,kind="out"`, r.v.out.Load())
		p.integer("", r.labels+`,kind="reasoning"`, r.v.reasoning.Load())
	}
	counters(p, rows, "gateway_cost_dollars_total", "Cost of all attempts as far as it is known, in USD.", 9,
		func(s *modelSeries) *atomic.Int64 { return &s.costNano })
	p.family("gateway_cost_unknown_total", "counter", "Attempts whose cost is not wholly known.")
	for _, r := range rows {
		p.integer("", r.labels, int64(r.v.costUnknown.Load()))
	}
}

func (m *Metrics) appendStores(p *page) {
	p.family("gateway_store_duration_seconds", "histogram", "Operations of the cold tier, with the wait for a connection.")
	for _, r := range m.stores.rows() {
		p.histogram(r.labels, r.v)
	}
}

func (m *Metrics) appendSources(p *page) {
	m.mu.Lock()
	sources := slices.Clone(m.sources)
	m.mu.Unlock()
	for _, s := range sources {
		p.family(s.name, s.kind, s.help)
		p.float("", s.value())
	}
}

// counters appends a family of counters in units of 10 to the power -decimals.
func counters[V any](p *page, rows []row[V], name, help string, decimals int, of func(*V) *atomic.Int64) {
	p.family(name, "counter", help)
	for _, r := range rows {
		p.start("", r.labels)
		p.decimal(of(r.v).Load(), decimals)
	}
}

// page is a text under way, within one family.
type page struct {
	b    []byte
	name string
}

// family starts a metric. The help is one line without a backslash.
func (p *page) family(name, kind, help string) {
	p.name = name
	p.b = append(p.b, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n"...)
}

// start appends a sample up to its value.
func (p *page) start(suffix, labels string) {
	p.b = append(append(p.b, p.name...), suffix...)
	if labels != "" {
		p.b = append(append(append(p.b, '{'), labels...), '}')
	}
	p.b = append(p.b, ' ')
}

func (p *page) integer(suffix, labels string, n int64) {
	p.start(suffix, labels)
	p.decimal(n, 0)
}

func (p *page) float(labels string, v float64) {
	p.start("", labels)
	p.b = append(strconv.AppendFloat(p.b, v, 'g', -1, 64), '\n')
}

// decimal ends a sample with n times 10 to the power -decimals, exactly. A
// fraction needs n not to be negative.
func (p *page) decimal(n int64, decimals int) {
	unit := int64(1)
	for range decimals {
		unit *= 10
	}
	p.b = strconv.AppendInt(p.b, n/unit, 10)
	if rest := n % unit; rest != 0 {
		point := len(p.b)
		p.b = strconv.AppendInt(p.b, unit+rest, 10) // the leading 1 keeps the zeros
		p.b[point] = '.'
	}
	p.b = append(p.b, '\n')
}

// histogram appends the samples of one histogram. The buckets are read one by
// one while calls go on, so the count is their sum and always fits them.
func (p *page) histogram(labels string, h *histogram) {
	var total uint64
	for i := range bounds {
		total += h.buckets[i].Load()
		p.integer("_bucket", labels+`,le="`+bounds[i].le+`"`, int64(total))
	}
	total += h.buckets[len(bounds)].Load()
	p.integer("_bucket", labels+`,le="+Inf"`, int64(total))
	p.start("_sum", labels)
	p.decimal(h.micros.Load(), 6)
	p.integer("_count", labels, int64(total))
}
