package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestStoreTimes reads a page of metrics, and quantiles off what was added to it.
func TestStoreTimes(t *testing.T) {
	page := func(ten, twenty, all string) map[string]buckets {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for _, line := range []string{`0.01"} ` + ten, `0.02"} ` + twenty, `+Inf"} ` + all} {
				_, _ = w.Write([]byte(`gateway_store_duration_seconds_bucket{operation="append",le="` + line + "\n"))
			}
			_, _ = w.Write([]byte("gateway_in_flight_requests 1\n"))
		}))
		defer server.Close()
		times, err := storeTimes(t.Context(), strings.TrimPrefix(server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		return times
	}
	added := page("110", "210", "210")["append"].minus(page("10", "10", "10")["append"])
	if n := added.count(); n != 200 {
		t.Errorf("%d times, want 200", n)
	}
	for q, want := range map[float64]float64{0.25: 5, 0.5: 10, 0.75: 15, 1: 20} {
		if got := added.quantile(q); got != want {
			t.Errorf("the quantile %g is %g ms, want %g", q, got, want)
		}
	}
	if got := buckets(nil).quantile(0.5); got != 0 {
		t.Errorf("%g ms of nothing", got)
	}
}
