package main

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var near = cmpopts.EquateApprox(0, 1e-9)

// TestQuantile: R's type 7, whatever the order of the values, which stays.
func TestQuantile(t *testing.T) {
	values := []float64{40, 10, 30, 20}
	for q, want := range map[float64]float64{0: 10, 0.25: 17.5, 0.5: 25, 0.75: 32.5, 0.99: 39.7, 1: 40} {
		if got := quantile(values, q); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %g is %g, want %g", q, got, want)
		}
	}
	if got := quantile([]float64{7}, 0.99); got != 7 {
		t.Errorf("of one value: %g", got)
	}
	if !slices.Equal(values, []float64{40, 10, 30, 20}) {
		t.Errorf("the values were sorted in place: %v", values)
	}
}

// TestCompare: the ratio is the median of the rounds' ratios, not the ratio of medians: a slow minute of the machine hits
// both of a pair.
func TestCompare(t *testing.T) {
	got := series{Ours: []float64{1, 10, 3, 4}, Java: []float64{2, 20, 3, 2}}.compare()
	want := comparison{Ours: 3.5, Java: 2.5, Ratio: 0.75, Low: 0.5, High: 2, Quarter: 0.5, Worst: 10}
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestSlower(t *testing.T) {
	for _, c := range []struct {
		name string
		ours []float64
		want bool
	}{
		{"faster", []float64{0.8, 0.9, 0.7, 0.8}, false},
		{"the same", []float64{1, 1, 1, 1}, false},
		{"slower in each round", []float64{1.1, 1.2, 1.05, 1.1}, true},
		{"slower in five rounds of eight", []float64{1.1, 1.2, 1.3, 1.1, 1.4, 0.9, 0.9, 0.9}, false},
		{"slower in all rounds but one of eight", []float64{1.1, 1.2, 1.3, 1.1, 1.4, 1.1, 1.1, 0.9}, true},
		{"slower in one round", []float64{0.9, 0.9, 5, 0.9}, false},
	} {
		java := slices.Repeat([]float64{1}, len(c.ours))
		if got := (series{Ours: c.ours, Java: java}).compare().slower(); got != c.want {
			t.Errorf("%s: slower is %v", c.name, got)
		}
	}
}

// TestTiming: percentiles of the calls, and what overlapping calls took of the wall's time each.
func TestTiming(t *testing.T) {
	var calls []time.Duration
	for i := range p99Calls {
		calls = append(calls, time.Duration(p99Calls-i)*time.Microsecond)
	}
	got := timing{Wall: 1000 * time.Microsecond, Calls: calls}.values(500 * time.Microsecond)
	want := values{p50: 100.5, p99: 198.01, perCall: 5, cpu: 2.5}
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if few := (timing{Wall: 1, Calls: calls[:p99Calls-1]}).values(0); few[p99] != 0 {
		t.Errorf("a 99th percentile of %d calls", p99Calls-1)
	}
}

func TestParseTiming(t *testing.T) {
	got, err := parseTiming("3000 1000 2000")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(timing{Wall: 3000, Calls: []time.Duration{1000, 2000}}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, bad := range []string{"", "12 x", "1.5"} {
		if _, err := parseTiming(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
