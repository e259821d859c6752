package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// counts are how many methods of a class passed, ran to an end, and did not; of those that ran, how many needed a second
// attempt, and how many have not passed because no process received a call (silent).
type counts struct{ passed, ran, second, skipped, later, silent int }

func countOf(results []result) counts {
	var n counts
	for _, r := range results {
		switch {
		case r.outcome == skip || r.outcome == assumed:
			n.skipped++
		case r.outcome == later:
			n.later++
		case r.outcome == noCall:
			n.silent++
			n.ran++
		case r.outcome.passed():
			n.passed++
			n.ran++
			if r.outcome == passSecond {
				n.second++
			}
		default:
			n.ran++
		}
	}
	return n
}

func (n counts) plus(m counts) counts {
	return counts{n.passed + m.passed, n.ran + m.ran, n.second + m.second, n.skipped + m.skipped, n.later + m.later,
		n.silent + m.silent}
}

func (n counts) String() string {
	if n == (counts{}) {
		return "–"
	}
	text := fmt.Sprintf("%d of %d", n.passed, n.ran)
	if n.second > 0 {
		text += fmt.Sprintf(", %d at the 2nd attempt", n.second)
	}
	var more []string
	for _, part := range []struct {
		n    int
		what string
	}{{n.silent, "without a call"}, {n.skipped, "skipped"}, {n.later, "later"}} {
		if part.n > 0 {
			more = append(more, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(more) > 0 {
		text += " (" + strings.Join(more, ", ") + ")"
	}
	return text
}

// writeTable prints class, method, ours and control, with counts, and what needed a second attempt with ours alone.
func (c *campaign) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "\nHadoop %s, %s\n", c.install.release.Version, map[side]string{
		ours: "ours beside the kept control", javaNode: "the control beside the kept results of ours"}[c.side])
	mine, theirs := c.results, c.control.results
	if c.side == javaNode {
		mine, theirs = c.ours.results, c.results
	}
	if err := writeRows(w, c.names(), mine, theirs); err != nil {
		return err
	}
	if seconds := secondOnly(c.results, c.control.results); c.side == ours && len(seconds) > 0 {
		fmt.Fprintf(w, "\nHadoop %s: passed at the 2nd attempt, with the control at once:\n  %s\n", c.install.release.Version,
			strings.Join(seconds, "\n  "))
	}
	return nil
}

// writeRows prints a row per method, a row of counts per class, and one of all.
func writeRows(w io.Writer, classes []string, mine, theirs []result) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "class\tmethod\tours\tcontrol\treason")
	var sum, sumControl counts
	slices.Sort(classes)
	for _, class := range classes {
		o, c := ofClasses(mine, []string{class}), ofClasses(theirs, []string{class})
		oursByID, controlByID := byID(o), byID(c)
		ids := keys(oursByID)
		maps.Copy(ids, keys(controlByID))
		for _, id := range slices.Sorted(maps.Keys(ids)) {
			a, b := oursByID[id], controlByID[id]
			method, reason := a.method, a.detail
			if method == "" {
				method = b.method
			}
			if reason == "" {
				reason = b.detail
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", class, method, orDash(a.outcome), orDash(b.outcome), brief(reason))
		}
		fmt.Fprintf(table, "%s\t\t%v\t%v\t\n", class, countOf(o), countOf(c))
		sum, sumControl = sum.plus(countOf(o)), sumControl.plus(countOf(c))
	}
	fmt.Fprintf(table, "all\t\t%v\t%v\t\n", sum, sumControl)
	return table.Flush()
}

func orDash(o outcome) string {
	if o == "" {
		return "–"
	}
	return string(o)
}
