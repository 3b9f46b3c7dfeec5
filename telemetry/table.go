package telemetry

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// maxLabel is the longest label value in bytes.
const maxLabel = 128

// other is the label value of what is not worth, or not safe, a series.
const other = "other"

// labels is the key of a series. The values of a looked-up key are borrowed.
type labels[K any] interface {
	comparable
	// canonical replaces the values that cannot be labels.
	canonical() K
	// overflow is the key of calls that find the table full.
	overflow() K
	// clone returns the key with values of its own.
	clone() K
	// text is the inside of the braces in the text format.
	text() string
}

// table is a set of series, of which it makes at most limit; what comes later
// is counted under overflow keys. Reading it takes no lock: a new series
// replaces the whole map, which stops happening soon.
type table[K labels[K], V any] struct {
	limit  int
	series atomic.Pointer[map[K]*V]
	mu     sync.Mutex // for writers of series
}

func newTable[K labels[K], V any](limit int) *table[K, V] {
	t := &table[K, V]{limit: limit}
	t.series.Store(&map[K]*V{})
	return t
}

// get returns the series of k.
func (t *table[K, V]) get(k K) *V {
	if v := (*t.series.Load())[k]; v != nil {
		return v
	}
	return t.add(k.canonical())
}

func (t *table[K, V]) add(k K) *V {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := *t.series.Load()
	if v := now[k]; v != nil {
		return v
	}
	if len(now) >= t.limit {
		k = k.overflow()
		if v := now[k]; v != nil {
			return v
		}
	}
	next := maps.Clone(now)
	v := new(V)
	next[k.clone()] = v
	t.series.Store(&next)
	return v
}

// row is a series with its labels written out.
type row[V any] struct {
	labels string
	v      *V
}

// rows returns all series in the order of their labels.
func (t *table[K, V]) rows() []row[V] {
	var rows []row[V]
	for k, v := range *t.series.Load() {
		rows = append(rows, row[V]{k.text(), v})
	}
	slices.SortFunc(rows, func(a, b row[V]) int { return strings.Compare(a.labels, b.labels) })
	return rows
}

// label returns s when it can be a label value: short, and plain ASCII that
// needs no escaping, as every name of a model, provider or route is.
func label(s string) string {
	if len(s) > maxLabel {
		return other
	}
	for i := range len(s) {
		if !plain[s[i]] {
			return other
		}
	}
	return s
}
