package jnserver

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Each bucket holds a range without gaps, at most 1/16 of its values wide, and its middle lies in it.
func TestLatencyBuckets(t *testing.T) {
	last := -1
	for _, micros := range bucketBorders() {
		b := latencyBucket(micros)
		if b != last && b != last+1 {
			t.Fatalf("%d µs is in bucket %d, the one before in %d", micros, b, last)
		}
		last = b
		if b == latencyBuckets-1 {
			break
		}
		middle := latencyOf(b)
		if latencyBucket(middle) != b {
			t.Errorf("the middle %d of bucket %d is in bucket %d", middle, b, latencyBucket(middle))
		}
		if diff := max(middle, micros) - min(middle, micros); diff*16 > micros {
			t.Errorf("%d µs is shown as %d", micros, middle)
		}
	}
	if last != latencyBuckets-1 {
		t.Errorf("the borders end in bucket %d of %d", last, latencyBuckets)
	}
	for _, micros := range []uint64{1 << 45, 1 << 63, ^uint64(0)} {
		if b := latencyBucket(micros); b != latencyBuckets-1 {
			t.Errorf("%d µs is in bucket %d", micros, b)
		}
	}
}

// bucketBorders are all values below 4096 and, above, the values beside each possible border: 16 in each power of two.
func bucketBorders() []uint64 {
	var list []uint64
	for v := range uint64(4096) {
		list = append(list, v)
	}
	for shift := 8; shift < 40; shift++ {
		for top := uint64(16); top < 32; top++ {
			if border := top << shift; border > 4096 {
				list = append(list, border-1, border)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// The quantiles are those of the sorted values, to the width of a bucket.
func TestQuantiles(t *testing.T) {
	var none latencies
	if got := none.quantile(0.99); got != 0 {
		t.Errorf("99th percentile of nothing is %d", got)
	}
	var one latencies
	one.add(7)
	for _, q := range []float64{0, 0.5, 0.99, 1} {
		if got := one.quantile(q); got != 7 {
			t.Errorf("quantile %v of 7 is %d", q, got)
		}
	}
	var huge latencies
	huge.add(^uint64(0))
	if got := huge.quantile(0.5); got != latencyOf(latencyBuckets-1) {
		t.Errorf("quantile of the largest duration is %d", got)
	}
	seed := uint64(42)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		var l latencies
		values := make([]uint64, 1+r.IntN(2000))
		for i := range values {
			values[i] = r.Uint64N(1 << (4 + r.IntN(26)))
			l.add(values[i])
		}
		slices.Sort(values)
		for _, q := range []float64{0.5, 0.75, 0.9, 0.95, 0.99, 1} {
			want := values[max(int(q*float64(len(values))), 1)-1]
			if got := l.quantile(q); max(got, want)-min(got, want) > want/16+1 {
				t.Errorf("seed %d: quantile %v of %d values is %d, want %d", seed, q, len(values), got, want)
			}
		}
	}
}

// Java MutableQuantiles: what is shown is the last interval that has ended.
func TestWindow(t *testing.T) {
	start := time.Unix(1000, 0)
	const minute = time.Minute
	type step struct {
		at    time.Duration
		add   int // durations of 100 µs
		shown uint64
	}
	for name, steps := range map[string][]step{
		"nothing is shown in the first interval": {{0, 3, 0}, {minute - 1, 1, 0}},
		"shown from the border on":               {{0, 3, 0}, {minute, 0, 3}, {2*minute - 1, 0, 3}},
		"at the border counts in the next":       {{0, 3, 0}, {minute, 2, 3}, {2 * minute, 0, 2}},
		"an empty interval shows nothing":        {{0, 3, 0}, {minute, 0, 3}, {2 * minute, 0, 0}},
		"nobody looked for an interval":          {{0, 3, 0}, {2 * minute, 1, 0}, {3 * minute, 0, 1}},
		"nobody looked for long":                 {{0, 3, 0}, {100*minute + 5, 1, 0}, {101*minute - 1, 0, 0}, {101 * minute, 0, 1}},
		"the intervals keep their grid":          {{0, 3, 0}, {minute + minute/2, 4, 3}, {2*minute - 1, 0, 3}, {2 * minute, 0, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			w := window{interval: minute, ends: start.Add(minute)}
			for i, s := range steps {
				w.roll(start.Add(s.at))
				if w.shown.count != s.shown {
					t.Errorf("step %d at %v: %d are shown, want %d", i, s.at, w.shown.count, s.shown)
				}
				if s.shown > 0 && w.shown.quantile(0.5) != latencyOf(latencyBucket(100)) {
					t.Errorf("step %d: median %d", i, w.shown.quantile(0.5))
				}
				for range s.add {
					w.current.add(100)
				}
			}
		})
	}
}
