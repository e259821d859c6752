package main

import (
	"slices"
	"time"
)

// quantity is something that a scenario measures. Of all but the rates, less is better.
type quantity string

const (
	p50      quantity = "p50"      // microseconds of the median call of a round
	p99      quantity = "p99"      // microseconds; only where a round has at least p99Calls calls
	perCall  quantity = "per call" // microseconds of a round divided by its calls, which with several writers overlap
	cpu      quantity = "CPU"      // microseconds of the server's processor time per call, user and system
	start    quantity = "start"    // milliseconds
	resident quantity = "resident" // MiB of VmRSS
	settled  quantity = "settled"  // MiB of VmRSS some seconds later
	peak     quantity = "peak"     // MiB of VmHWM
)

// p99Calls is how many calls a round needs for its 99th percentile to be more than its maximum.
const p99Calls = 200

// values are what one round of a scenario gave.
type values map[quantity]float64

// series holds the values of all rounds, of ours and of Java's in the same order: round i of both ran one after the other.
type series struct{ Ours, Java []float64 }

// comparison is what a series says.
type comparison struct {
	Ours, Java float64 // medians of the rounds
	Ratio      float64 // median of the rounds' ratios, ours to Java's
	Low, High  float64 // the least and the greatest of these ratios
	Quarter    float64 // their lower quartile
	Worst      float64 // the greatest value of ours
}

// compare makes medians. Both sides must have the same number of rounds, at least one.
func (s series) compare() comparison {
	ratios := make([]float64, len(s.Ours))
	for i := range ratios {
		ratios[i] = s.Ours[i] / s.Java[i]
	}
	return comparison{
		Ours: median(s.Ours), Java: median(s.Java), Ratio: median(ratios),
		Low: slices.Min(ratios), High: slices.Max(ratios), Quarter: quantile(ratios, 0.25), Worst: slices.Max(s.Ours),
	}
}

// slower tells whether ours was slower beyond the noise: in the middle round, and in three of four rounds.
func (c comparison) slower() bool { return c.Ratio > 1 && c.Quarter > 1 }

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile is the value below which the part q (0..1) of the values lies, interpolated between neighbours (R's type 7).
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below+1 == len(sorted) {
		return sorted[below]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}

// timing is a series of calls as the client saw them.
type timing struct {
	Wall  time.Duration // from the first call to the last answer
	Calls []time.Duration
}

// values makes the quantities of a round; used is the server's processor time.
func (t timing) values(used time.Duration) values {
	calls := make([]float64, len(t.Calls))
	for i, d := range t.Calls {
		calls[i] = micros(d)
	}
	n := float64(len(calls))
	v := values{p50: median(calls), perCall: micros(t.Wall) / n, cpu: micros(used) / n}
	if len(calls) >= p99Calls {
		v[p99] = quantile(calls, 0.99)
	}
	return v
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
