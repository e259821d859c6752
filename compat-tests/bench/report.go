package main

import (
	"fmt"
	"os"
	"strings"
)

// report is all that a run has found.
type report struct {
	facts    facts
	rows     []row
	floors   []*floor
	syncs    []syncRow
	verdicts []verdict
}

// markdown is the report as docs/performance.md holds it.
func (r report) markdown() string {
	var b strings.Builder
	for _, f := range r.facts {
		fmt.Fprintf(&b, "- %s: %s\n", f.name, f.value)
	}
	b.WriteString("\n### Calls\n\nMedians of the rounds; times in µs as the client saw them. A ratio is ours to Java's, the median of " +
		"the rounds' ratios, with the least and the greatest of them. CPU is the server's processor time per call.\n\n")
	table(&b, "call", "p50 ours", "Java", "ratio", "p99 ours", "Java", "ratio", "rate ours", "Java", "CPU ours", "Java", "ratio")
	for _, row := range r.rows {
		if _, ok := row.series[p50]; !ok {
			continue
		}
		cells := []string{row.name}
		cells = append(cells, row.cells(p50)...)
		cells = append(cells, row.cells(p99)...)
		cells = append(cells, row.rates()...)
		cells = append(cells, row.cells(cpu)...)
		line(&b, cells)
	}
	b.WriteString("\n### Start and memory\n\n")
	table(&b, "", "unit", "ours", "worst", "Java", "ratio")
	for _, row := range r.rows {
		for _, f := range []struct {
			of         quantity
			name, unit string
		}{
			{start, startName(row), "ms"}, {resident, residentName(row), "MiB"},
			{settled, "some seconds after the load, resident", "MiB"}, {peak, "most ever resident", "MiB"},
		} {
			if s, ok := row.series[f.of]; ok {
				c := s.compare()
				line(&b, []string{f.name, f.unit, number(c.Ours), number(c.Worst), number(c.Java), ratio(c)})
			}
		}
	}
	b.WriteString("\n### The machine's limits\n\nMeasured between the rows above, in the same directory; times in µs.\n\n")
	table(&b, "", "p50", "p99", "MB/s")
	for _, f := range r.floors {
		cells := []string{f.name, number(median(f.p50)), "", ""}
		if len(f.p99) > 0 {
			cells[2] = number(median(f.p99))
		}
		if f.bytes > 0 {
			cells[3] = number(float64(f.bytes) / median(f.p50))
		}
		line(&b, cells)
	}
	fmt.Fprintf(&b, "\n### Syncs per call\n\nCounted with strace over %d calls, on nodes that were not timed.\n\n", countedCalls)
	table(&b, "call", "needed", "ours fdatasync", "fsync", "O_DSYNC opens", "Java fdatasync", "fsync", "O_DSYNC opens")
	for _, s := range r.syncs {
		cells := []string{s.name, fmt.Sprint(s.least)}
		for _, of := range []syncs{s.ours, s.java} {
			for _, n := range []int{of.data, of.all, of.durable} {
				cells = append(cells, fmt.Sprintf("%.2f", float64(n)/countedCalls))
			}
		}
		line(&b, cells)
	}
	b.WriteString("\n### Verdict\n\n")
	table(&b, "what must hold", "seen", "")
	for _, v := range r.verdicts {
		line(&b, []string{v.what, v.seen, passed(v.pass)})
	}
	return b.String()
}

func startName(r row) string {
	if _, ok := r.series[p50]; ok {
		return "start to the answer of prepareRecovery"
	}
	return r.name
}

func residentName(r row) string {
	if _, ok := r.series[start]; ok {
		return "idle, resident"
	}
	return "after the load, resident"
}

func passed(ok bool) string {
	if ok {
		return "PASS"
	}
	return "FAIL"
}

// cells are ours, Java's and the ratio of a quantity; empty where it was not measured.
func (r row) cells(q quantity) []string {
	s, ok := r.series[q]
	if !ok {
		return []string{"", "", ""}
	}
	c := s.compare()
	return []string{number(c.Ours), number(c.Java), ratio(c)}
}

// rates are calls or megabytes (10^6) per second of both sides.
func (r row) rates() []string {
	c := r.series[perCall].compare()
	if r.bytes >= 1<<10 {
		return []string{number(float64(r.bytes)/c.Ours) + " MB/s", number(float64(r.bytes)/c.Java) + " MB/s"}
	}
	return []string{number(1e6/c.Ours) + " /s", number(1e6/c.Java) + " /s"}
}

func ratio(c comparison) string { return fmt.Sprintf("**%.2f** (%.2f–%.2f)", c.Ratio, c.Low, c.High) }

// number has three digits that count.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func table(b *strings.Builder, heads ...string) {
	line(b, heads)
	marks := make([]string, len(heads))
	for i := range marks {
		marks[i] = "---:"
	}
	marks[0] = "---"
	line(b, marks)
}

func line(b *strings.Builder, cells []string) { fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | ")) }

const (
	beginMark = "<!-- begin of what make bench-java writes -->"
	endMark   = "<!-- end of what make bench-java writes -->"
)

// between puts text between the marks of a document.
func between(document, text string) (string, error) {
	head, rest, ok := strings.Cut(document, beginMark)
	_, tail, ended := strings.Cut(rest, endMark)
	if !ok || !ended {
		return "", fmt.Errorf("the document lacks %q and %q", beginMark, endMark)
	}
	return head + beginMark + "\n\n" + strings.TrimSpace(text) + "\n\n" + endMark + tail, nil
}

// writeInto puts the report into the file.
func (r report) writeInto(name string) error {
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text, err := between(string(old), r.markdown())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, []byte(text), 0o644)
}
