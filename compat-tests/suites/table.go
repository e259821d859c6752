package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// counts are how many methods of a class passed, ran at all, and did not run because they are skipped.
type counts struct{ passed, ran, skipped, later int }

func countOf(results []result) counts {
	var n counts
	for _, r := range results {
		switch {
		case r.outcome == skip || r.outcome == assumed:
			n.skipped++
		case r.outcome == later:
			n.later++
		case r.outcome.passed():
			n.passed++
			n.ran++
		default:
			n.ran++
		}
	}
	return n
}

func (n counts) plus(m counts) counts {
	return counts{n.passed + m.passed, n.ran + m.ran, n.skipped + m.skipped, n.later + m.later}
}

func (n counts) String() string {
	text := fmt.Sprintf("%d of %d", n.passed, n.ran)
	switch {
	case n == counts{}:
		return "–"
	case n.skipped > 0 && n.later > 0:
		text += fmt.Sprintf(" (%d skipped, %d later)", n.skipped, n.later)
	case n.skipped > 0:
		text += fmt.Sprintf(" (%d skipped)", n.skipped)
	case n.later > 0:
		text += fmt.Sprintf(" (%d later)", n.later)
	}
	return text
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
