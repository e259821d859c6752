package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// trial is one run of ours with all that it is judged by. Results are those of the classes that were to run, no others.
type trial struct {
	classes []string // simple names of the classes that were to run
	ours    []result
	control []result // of the Java node, kept
	// claimed are kept results of ours that the documentation tells: what passed there passes again.
	claimed []result
	marks   marks
	// strict: what passes at the second attempt, and with the control at once, must have lost a race that is listed. Else
	// time excuses it too, see late: the control was kept on a quiet machine.
	strict bool
}

// judge returns what is wrong, sorted; nothing if the run passes. Each begins with the class, see classOf.
func (t trial) judge() []string {
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	mine, theirs := byID(t.ours), byID(t.control)
	for _, class := range t.classes {
		in := func(r result) bool { return r.class == class }
		if !slices.ContainsFunc(t.ours, in) {
			wrong("%s: no result at all", class)
		}
		if !slices.ContainsFunc(t.control, in) {
			wrong("%s: the kept control has no result; CONTROL=1 makes it anew", class)
		}
	}
	for id, o := range mine {
		c, known := theirs[id]
		problem := t.ofLater(o, c)
		switch {
		case problem != "":
		case !known:
			problem = "the control does not know it; CONTROL=1 makes it anew"
		case t.isLater(o): // needs no more
		default:
			problem = cmp.Or(compare(o, c), t.excuse(o, c))
		}
		if problem != "" {
			wrong("%s: %s", id, problem)
		}
	}
	for id, c := range theirs {
		if _, ran := mine[id]; !ran {
			wrong("%s: it did not run; with the control: %s", id, c.outcome)
		}
	}
	for _, c := range t.claimed {
		if o, ran := mine[c.id()]; c.outcome.passed() && (!ran || !o.outcome.passed()) {
			wrong("%s: it passed when docs/compatibility.md was written, now: %s", c.id(),
				cmp.Or(string(o.outcome), "it did not run"))
		}
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

// isLater: a listed one that passes without asking a JournalNode proves nothing about what comes later.
func (t trial) isLater(o result) bool {
	return o.outcome == later || o.outcome == noCall && t.marks.is(o, later)
}

// ofLater is what is wrong with a method as one that needs what is not built. Only Kerberos excuses one.
func (t trial) ofLater(o, c result) string {
	switch {
	case o.outcome == laterPass:
		return "it passes: take it off the list of what comes later"
	case t.isLater(o) && !t.marks.is(o, later):
		return "it is said to come later and is not listed"
	case t.isLater(o) && !o.has(withKerberos) && !c.has(withKerberos):
		return "it is listed as later, but had Kerberos on neither with ours nor with the control" + because(o)
	case o.outcome.passed() && o.has(withKerberos) && !t.marks.is(o, later):
		return "it ran with Kerberos and passes: that is not built"
	}
	return ""
}

// compare is what is wrong with a method of ours beside the control's.
func compare(o, c result) string {
	skipped := o.outcome == skip || o.outcome == assumed
	switch {
	case c.outcome == notRun:
		return "it did not run with the control; CONTROL=1 makes it anew"
	case c.outcome == skip && o.outcome != skip:
		return fmt.Sprintf("the control is stale, it skips this; CONTROL=1 makes it anew. Ours: %s%s", o.outcome, because(o))
	case o.outcome.failed() && !c.outcome.failed():
		return fmt.Sprintf("the control: %s, ours: %s%s", c.outcome, o.outcome, because(o))
	case c.outcome.passed() && !o.outcome.passed():
		return fmt.Sprintf("the control passes, ours: %s%s", o.outcome, because(o))
	case o.outcome == noCall && c.outcome != noCall && c.calls > 0:
		return fmt.Sprintf("it asks no JournalNode with ours, but %d times with the control%s", c.calls, because(o))
	case skipped && c.outcome != o.outcome:
		return "it is skipped, but not with the control"
	}
	return ""
}

// overtime is how a method tells that its time was over, and whose: its own (JUnit 4 in milliseconds, JUnit 5 in any unit) or
// its JVM's. What timed out within the test is no such thing: that may be a node which hangs.
var overtime = regexp.MustCompile(`\btimed out after (\d+) (milli|)(s|m|h)[a-z]*|longer than its budget of ([\w.]+)`)

// slack is how many times longer than with the control, on a quiet machine, something may take for want of a processor.
const slack = 4

// late tells whether a failure may be for want of time alone: the control needed a good part of the same time. A node that
// does not answer looks the same otherwise, since many a method waits for it without an end.
func (t trial) late(o, c result) bool {
	m := overtime.FindStringSubmatch(o.detail)
	if m == nil {
		return false
	}
	unit := m[3]
	if m[2] != "" {
		unit = "ms"
	}
	limit, err := time.ParseDuration(cmp.Or(m[4], m[1]+unit))
	needed := time.Duration(c.ms) * time.Millisecond
	if m[4] != "" {
		needed = took(t.control, o.class)
	}
	return err == nil && slack*needed >= limit
}

// excuse is what is wrong with a second attempt that the control did not need.
func (t trial) excuse(o, c result) string {
	if o.outcome != passSecond || c.outcome != pass || t.marks.lost(o) || !t.strict && t.late(o, c) {
		return ""
	}
	return "it passed at the 2nd attempt alone, with the control at once, and lost no race that is listed" + because(o)
}

// classOf is the class of a problem that [trial.judge] tells.
func classOf(problem string) string {
	if i := strings.IndexAny(problem, "#:"); i > 0 {
		return problem[:i]
	}
	return problem
}

// secondOnly are the methods that passed with ours at the second attempt, and with the control at once.
func secondOnly(mine, theirs []result) []string {
	var all []string
	control := byID(theirs)
	for _, o := range mine {
		if o.outcome == passSecond && control[o.id()].outcome == pass {
			all = append(all, o.id()+because(o))
		}
	}
	return all
}

func because(r result) string {
	var text string
	if r.detail != "" {
		text = ", " + r.detail
	}
	if r.where != "" {
		text += " [" + r.where + "]"
	}
	return text
}

func byID(results []result) map[string]result {
	all := make(map[string]result)
	for _, r := range results {
		all[r.id()] = r
	}
	return all
}

// ofClasses are the results of some classes.
func ofClasses(results []result, classes []string) []result {
	return slices.DeleteFunc(slices.Clone(results), func(r result) bool { return !slices.Contains(classes, r.class) })
}

// asControl is what the Java node's results mean: what comes later for us is no exception for it.
func asControl(results []result) []result {
	all := slices.Clone(results)
	for i, r := range all {
		switch r.outcome {
		case laterPass:
			all[i].outcome = pass
		case later:
			all[i].outcome = fail
		}
	}
	return all
}

// control is one run of the Java node with all that it is judged by. It is the standard, so it need only be complete,
// and fail where it is listed to.
type control struct {
	version string
	classes []string // simple names of those that were to run
	results []result
	before  []result // kept of an earlier run
	marks   marks
}

// judge returns what is wrong, sorted.
func (t control) judge() []string {
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, class := range t.classes {
		if !slices.ContainsFunc(t.results, func(r result) bool { return r.class == class }) {
			wrong("%s: no result at all", class)
		}
	}
	before := byID(t.before)
	passes := make(map[string]bool) // the listed ones; all sets of parameters
	for _, r := range t.results {
		_, listed := t.marks.javaFails(r, t.version)
		switch {
		case r.outcome == notRun:
			wrong("%s: it did not run%s", r.id(), because(r))
		case r.outcome.failed() && !listed:
			wrong("%s: it fails with Java's node and is not listed as %s%s", r.id(), javaFails, because(r))
		}
		if r.outcome.failed() && before[r.id()].outcome.passed() {
			wrong("%s: it passed in the kept control, now: %s", r.id(), r.outcome)
		}
		if listed && r.outcome.failed() {
			passes[r.key()] = false
		} else if _, known := passes[r.key()]; listed && r.outcome.passed() && !known {
			passes[r.key()] = true
		}
	}
	for key, pass := range passes {
		if pass {
			wrong("%s: it passes with Java's node: take it off the list of %s", key, javaFails)
		}
	}
	slices.Sort(problems)
	return problems
}
