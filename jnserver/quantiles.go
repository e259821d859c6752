package jnserver

import (
	"math/bits"
	"time"
)

// latencies counts durations in microseconds in buckets that are at most 1/16 wide, so that a quantile is right to about
// 6 %, in fixed memory. Java's MutableQuantiles estimates too (CKMS).
type latencies struct {
	count   uint64
	buckets [latencyBuckets]uint32
}

const (
	latencySub     = 16 // buckets per power of two
	latencyBuckets = latencySub * 40
)

func latencyBucket(micros uint64) int {
	if micros < latencySub {
		return int(micros)
	}
	shift := bits.Len64(micros) - 5 // leaves 5 significant bits: 16..31
	return min(shift*latencySub+int(micros>>shift), latencyBuckets-1)
}

// latencyOf is the middle of a bucket.
func latencyOf(bucket int) uint64 {
	if bucket < 2*latencySub {
		return uint64(bucket)
	}
	shift := bucket/latencySub - 1
	low := uint64(bucket%latencySub+latencySub) << shift
	return low + (uint64(1)<<shift)/2
}

func (l *latencies) add(micros uint64) {
	l.count++
	l.buckets[latencyBucket(micros)]++
}

// quantile is the value at or below which the share q (0..1) of the counted durations lies; 0 if there are none.
func (l *latencies) quantile(q float64) uint64 {
	if l.count == 0 {
		return 0
	}
	rank := uint64(q * float64(l.count))
	seen := uint64(0)
	for b, n := range l.buckets {
		if seen += uint64(n); n > 0 && seen >= max(rank, 1) {
			return latencyOf(b)
		}
	}
	return latencyOf(latencyBuckets - 1)
}

// window is Java's MutableQuantiles: it shows the last complete interval, and zeros until the first one has ended or if it
// was empty.
type window struct {
	interval time.Duration
	ends     time.Time
	current  latencies
	shown    latencies
}

// roll moves on to the interval that now lies in.
func (w *window) roll(now time.Time) {
	if now.Before(w.ends) {
		return
	}
	w.shown = w.current
	w.current = latencies{}
	if passed := now.Sub(w.ends); passed >= w.interval { // a whole interval without anything has passed since
		w.shown = latencies{}
		w.ends = w.ends.Add(passed.Truncate(w.interval))
	}
	w.ends = w.ends.Add(w.interval)
}
