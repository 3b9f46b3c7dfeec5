package telemetry

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// exposition is a parsed text: samples by their name and labels as written.
type exposition struct {
	kinds   map[string]string
	samples map[string]float64
}

var (
	helpLine   = regexp.MustCompile(`^# HELP ([a-z_][a-z0-9_]*) ([^\\]+)$`)
	typeLine   = regexp.MustCompile(`^# TYPE ([a-z_][a-z0-9_]*) (counter|gauge|histogram)$`)
	sampleLine = regexp.MustCompile(`^([a-z_][a-z0-9_]*)(\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})? (\S+)$`)
	bucketOnly = regexp.MustCompile(`,?le="([^"]+)"`)
)

// parse accepts only what the text format and our own conventions allow: HELP,
// TYPE and samples of a family together, no series twice, counters that end in
// _total, whole histograms.
func parse(t *testing.T, text []byte) *exposition {
	t.Helper()
	e := &exposition{kinds: map[string]string{}, samples: map[string]float64{}}
	var helped, family string
	buckets := map[string][]float64{}
	for line := range strings.Lines(string(text)) {
		line, whole := strings.CutSuffix(line, "\n")
		if !whole {
			t.Fatalf("the last line %q does not end", line)
		}
		if m := helpLine.FindStringSubmatch(line); m != nil {
			helped = m[1]
		} else if m := typeLine.FindStringSubmatch(line); m != nil {
			family = m[1]
			if _, again := e.kinds[family]; again || helped != family {
				t.Fatalf("%q comes twice or after the help of %q", line, helped)
			}
			if counter := strings.HasSuffix(family, "_total"); counter != (m[2] == "counter") {
				t.Errorf("%q: a counter ends in _total and nothing else does", line)
			}
			e.kinds[family] = m[2]
		} else if m := sampleLine.FindStringSubmatch(line); m != nil {
			e.add(t, family, m[1], m[2], m[3], buckets)
		} else {
			t.Fatalf("not a line of the format: %q", line)
		}
	}
	for series, counts := range buckets {
		if !slices.IsSorted(counts) || len(counts) != len(bounds)+1 || counts[len(counts)-1] != e.samples[series] {
			t.Errorf("buckets of %s are %v, count %v", series, counts, e.samples[series])
		}
	}
	return e
}

func (e *exposition) add(t *testing.T, family, name, labels, value string, buckets map[string][]float64) {
	t.Helper()
	suffix, ok := strings.CutPrefix(name, family)
	histogram := e.kinds[family] == "histogram"
	if !ok || histogram == (suffix == "") || (suffix != "" && !slices.Contains([]string{"_bucket", "_sum", "_count"}, suffix)) {
		t.Fatalf("a sample of %s in the family %s", name, family)
	}
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || (e.kinds[family] != "gauge" && (v < 0 || math.IsNaN(v))) {
		t.Fatalf("%s%s: value %q: %v", name, labels, value, err)
	}
	if _, again := e.samples[name+labels]; again {
		t.Fatalf("%s%s comes twice", name, labels)
	}
	e.samples[name+labels] = v
	if suffix == "_bucket" {
		series := family + "_count" + bucketOnly.ReplaceAllString(labels, "")
		buckets[series] = append(buckets[series], v)
	}
}

// want checks one sample, named as in the text.
func (e *exposition) want(t *testing.T, sample string, want float64) {
	t.Helper()
	if got, ok := e.samples[sample]; !ok || got != want {
		t.Errorf("%s = %v (there: %v), want %v", sample, got, ok, want)
	}
}

// sum adds up all samples of one name.
func (e *exposition) sum(name string) (sum float64) {
	for sample, v := range e.samples {
		if strings.HasPrefix(sample, name+"{") {
			sum += v
		}
	}
	return sum
}

// series counts the samples of one name.
func (e *exposition) series(name string) (n int) {
	for sample := range e.samples {
		if strings.HasPrefix(sample, name+"{") {
			n++
		}
	}
	return n
}

// quantile reads a quantile off a histogram as Prometheus does.
func (e *exposition) quantile(t *testing.T, q float64, name, labels string) float64 {
	t.Helper()
	counts := map[float64]float64{}
	for sample, v := range e.samples {
		le := bucketOnly.FindStringSubmatch(sample)
		if le == nil || sample != fmt.Sprintf("%s_bucket{%s,le=%q}", name, labels, le[1]) {
			continue
		}
		bound, err := strconv.ParseFloat(le[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		counts[bound] = v
	}
	rank := q * e.samples[name+"_count{"+labels+"}"]
	var low, below float64
	for _, bound := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[bound]; n >= rank {
			return low + (bound-low)*(rank-below)/(n-below)
		}
		low, below = bound, counts[bound]
	}
	t.Fatalf("no histogram %s{%s}", name, labels)
	return 0
}
