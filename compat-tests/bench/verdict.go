package main

import "fmt"

// limit is one line of what must hold.
type limit struct {
	scenario string
	of       quantity
	ratio    float64 // the most that the median of the ratios may be; 0: no such limit
	most     float64 // the most that ours may be in its worst round; 0: no such limit
	what     string
}

// limits are those of the issue that asked for the benchmark.
var required = []limit{
	{"journal 150 B", p50, 0.7, 0, "journal of 150 B takes at most 0.7 of Java's time"},
	{"start to first answer", start, 0, 100, "first answer within 100 ms of the start"},
	{"start to first answer", resident, 0, 30, "at most 30 MiB resident when idle"},
	{"memory after the load", resident, 0, 64, "at most 64 MiB resident after the load"},
	{"memory after the load", settled, 0, 64, "at most 64 MiB resident some seconds after the load"},
	{"manifest of 50000 segments", p50, 0.5, 0, "manifest of 50,000 segments takes at most 0.5 of Java's time"},
}

// verdict is a line of the report: what had to hold, what was seen.
type verdict struct {
	what, seen string
	pass       bool
}

// judge holds rows against the required limits, and each row's times against Java's.
func judge(rows []row) []verdict {
	var out []verdict
	byName := map[string]row{}
	for _, r := range rows {
		byName[r.name] = r
		for _, q := range []quantity{p50, p99, perCall, start, resident, settled} {
			s, ok := r.series[q]
			if !ok || q == perCall && r.writer == 1 { // calls one after the other: p50 and p99 tell it
				continue
			}
			c := s.compare()
			out = append(out, verdict{
				what: fmt.Sprintf("%s, %s: not slower or larger than Java", r.name, q),
				seen: fmt.Sprintf("%.2f (%.2f to %.2f)", c.Ratio, c.Low, c.High), pass: !c.slower(),
			})
		}
	}
	for _, l := range required {
		s, ok := byName[l.scenario].series[l.of]
		v := verdict{what: l.what, seen: "not measured"}
		if ok {
			c := s.compare()
			v.seen, v.pass = fmt.Sprintf("%.2f (%.2f to %.2f)", c.Ratio, c.Low, c.High), c.Ratio <= l.ratio
			if l.most > 0 {
				v.seen, v.pass = fmt.Sprintf("%.1f, in the worst round %.1f", c.Ours, c.Worst), c.Worst <= l.most
			}
		}
		out = append(out, v)
	}
	return out
}
