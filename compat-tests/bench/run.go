package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"gojn/compat-tests/hadoop"
)

// row is a scenario with what its rounds gave.
type row struct {
	scenario
	series map[quantity]series
}

// run makes all rounds of all scenarios. The sides alternate as in ABBA, so that neither always comes first. Between two
// scenarios limits is called: the machine's limits are those of the same minutes.
func (b *bench) run(ctx context.Context, list []scenario, limits func() error, progress io.Writer) ([]row, error) {
	var rows []row
	for _, sc := range list {
		began := time.Now()
		r := row{scenario: sc, series: map[quantity]series{}}
		for i := -sc.warm; i < sc.rounds; i++ {
			got := map[hadoop.Kind]values{}
			for _, s := range order(b.ours, b.java, i) {
				v, err := sc.round(ctx, b, s)
				if err != nil {
					return rows, fmt.Errorf("%s, %s: %w", sc.name, s.kind, err)
				}
				got[s.kind] = v
			}
			if i >= 0 {
				r.add(got[hadoop.Ours], got[hadoop.Java])
			}
		}
		if err := limits(); err != nil {
			return rows, err
		}
		rows = append(rows, r)
		if _, err := fmt.Fprintf(progress, "%-45s %6.1f s  %s\n", sc.name, time.Since(began).Seconds(), r.brief()); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// order is who goes first in round i.
func order(a, b *side, i int) []*side {
	if i&1 == 0 {
		return []*side{a, b}
	}
	return []*side{b, a}
}

func (r *row) add(ours, java values) {
	for q, v := range ours {
		s := r.series[q]
		s.Ours, s.Java = append(s.Ours, v), append(s.Java, java[q])
		r.series[q] = s
	}
}

// brief is what is shown of a row while the run goes on.
func (r *row) brief() string {
	text := ""
	for _, q := range []quantity{p50, p99, perCall, cpu, start, resident, settled, peak} {
		if s, ok := r.series[q]; ok {
			c := s.compare()
			text += fmt.Sprintf("  %s %.1f/%.1f=%.2f", q, c.Ours, c.Java, c.Ratio)
		}
	}
	return text
}
