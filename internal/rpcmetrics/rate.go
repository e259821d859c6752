package rpcmetrics

import (
	"sync/atomic"
	"time"
)

// rate counts calls and their times (Java MutableRate).
type rate struct {
	calls, queued, took atomic.Int64 // the times are sums in nanoseconds
	listed              bool         // shown before its first call, by 3.x

	window window // guarded by shown.mu
}

func (r *rate) add(queued, took time.Duration) {
	r.queued.Add(int64(queued))
	r.took.Add(int64(took))
	r.calls.Add(1) // last: times may be seen without their call, no call without its times
}

func (r *rate) sample() sample {
	calls := r.calls.Load()
	return sample{calls: calls, queued: r.queued.Load(), took: r.took.Load()}
}

// sample is what a rate had counted at a moment.
type sample struct{ calls, queued, took int64 }

func (s *sample) plus(o sample) {
	s.calls += o.calls
	s.queued += o.queued
	s.took += o.took
}

// window is the last interval of a rate: the mean times of its calls, in milliseconds with fractions, where Java counts whole
// ones and most calls of a writer would be 0.
type window struct {
	end                        sample
	queue, processing, overall float64
}

// roll ends an interval. One without calls has the mean 0; with keep, that of the one before it.
func (w *window) roll(now sample, keep bool) {
	n := float64(now.calls - w.end.calls)
	switch {
	case n > 0:
		queued, took := float64(now.queued-w.end.queued), float64(now.took-w.end.took)
		ms := n * float64(time.Millisecond)
		w.queue, w.processing, w.overall = queued/ms, took/ms, (queued+took)/ms
	case !keep:
		w.queue, w.processing, w.overall = 0, 0, 0
	}
	w.end = now
}
