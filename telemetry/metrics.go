package telemetry

import (
	"sync"
	"sync/atomic"
	"time"
)

// How many series each family may have before calls are counted as "other".
const (
	maxRoutes   = 200
	maxModels   = 1000
	maxFailures = 1000
	maxCodes    = 100
	maxStores   = 100
)

// cacheResults are the values of Call.Cache that are told apart.
var cacheResults = [...]string{"hit", "semantic", "coalesced", "miss", "bypass", other}

// Metrics counts finished calls and renders the counts in Prometheus' text
// format. They are of this process alone. All methods may be called from any
// goroutine.
type Metrics struct {
	version  string
	started  time.Time
	inFlight atomic.Int64
	config   atomic.Pointer[string]

	routes   *table[routeKey, routeSeries]
	models   *table[modelKey, modelSeries]
	failures *table[failureKey, atomic.Uint64]
	errors   *table[codeKey, atomic.Uint64]
	stores   *table[operationKey, histogram]
	cache    [len(cacheResults)]atomic.Uint64

	mu      sync.Mutex
	sources []source
}

// source is a metric whose value is asked for at each scrape.
type source struct {
	name, kind, help string
	value            func() float64
}

// NewMetrics returns empty metrics of a process of the given version, which
// counts as started now.
func NewMetrics(version string) *Metrics {
	return &Metrics{
		version:  version,
		started:  time.Now(),
		routes:   newTable[routeKey, routeSeries](maxRoutes),
		models:   newTable[modelKey, modelSeries](maxModels),
		failures: newTable[failureKey, atomic.Uint64](maxFailures),
		errors:   newTable[codeKey, atomic.Uint64](maxCodes),
		stores:   newTable[operationKey, histogram](maxStores),
	}
}

// Call counts c.
func (m *Metrics) Call(c *Call) {
	m.routes.get(routeKey{c.Route, c.Method, c.Stream}).add(c)
	for i := range c.Attempts {
		a := &c.Attempts[i]
		m.models.get(modelKey{a.Provider, a.Model}).add(a)
		if a.ErrorCode != "" {
			m.failures.get(failureKey{a.Provider, a.Model, a.ErrorCode}).Add(1)
		}
	}
	if c.ErrorCode != "" {
		m.errors.get(codeKey{c.ErrorCode}).Add(1)
	}
	if c.Cache != "" {
		m.cache[cacheResult(c.Cache)].Add(1)
	}
}

// Store counts an operation of the cold tier, such as "append", and the time that
// it took, the wait for a connection included.
func (m *Metrics) Store(operation string, took time.Duration) {
	m.stores.get(operationKey{operation}).observe(took)
}

// InFlight adds delta to the number of calls under way.
func (m *Metrics) InFlight(delta int64) { m.inFlight.Add(delta) }

// SetConfigVersion says which configuration is in force.
func (m *Metrics) SetConfigVersion(version string) { m.config.Store(&version) }

// Gauge adds a metric that goes up and down and is read from f at each
// scrape. A name that is there already gets the new f, so that a reload can
// hand in its new parts. f may be called by several goroutines.
func (m *Metrics) Gauge(name, help string, f func() float64) {
	m.source(source{name, "gauge", help, f})
}

// Counter is Gauge for a metric that only goes up.
func (m *Metrics) Counter(name, help string, f func() float64) {
	m.source(source{name, "counter", help, f})
}

func (m *Metrics) source(s source) {
	if !validName(s.name) {
		panic("BUG: telemetry: bad metric name " + s.name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.sources {
		if m.sources[i].name == s.name {
			m.sources[i] = s
			return
		}
	}
	m.sources = append(m.sources, s)
}

// validName accepts lower-case words joined by underscores.
func validName(name string) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return name != "" && (name[0] < '0' || name[0] > '9')
}

func cacheResult(result string) int {
	for i, known := range cacheResults {
		if result == known {
			return i
		}
	}
	return len(cacheResults) - 1
}
