package main

import (
	"cmp"
	"fmt"
	"slices"
)

// trial is one run of ours with all that it is judged by. Results are those of the classes that were to run, no others.
type trial struct {
	classes []string // simple names of the classes that were to run
	ours    []result
	control []result // of the Java node, kept
	// claimed are kept results of ours that the documentation tells: what passed there passes again.
	claimed []result
	marks   marks
}

// judge returns what is wrong, sorted; nothing if the run passes.
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
		switch {
		case o.outcome == laterPass:
			wrong("%s passes: take it off the list of what comes later", id)
		case o.outcome.passed() && slices.Contains(o.flags, "kerberos") && !t.marks.is(id, later):
			wrong("%s ran with Kerberos and passes: that is not built", id)
		case !known:
			wrong("%s: the control does not know it; CONTROL=1 makes it anew", id)
		case o.outcome == later:
			if !t.marks.is(id, later) {
				wrong("%s is said to come later and is not listed", id)
			}
		case c.outcome.passed() && !o.outcome.passed():
			wrong("%s: the control passes, ours: %s%s", id, o.outcome, because(o))
		case (o.outcome == skip || o.outcome == assumed) && c.outcome != o.outcome:
			wrong("%s is skipped, but not with the control", id)
		}
	}
	for id, c := range theirs {
		if _, ran := mine[id]; !ran {
			wrong("%s did not run; with the control: %s", id, c.outcome)
		}
	}
	for _, c := range t.claimed {
		if o, ran := mine[c.id()]; c.outcome.passed() && (!ran || !o.outcome.passed()) {
			wrong("%s passed when docs/compatibility.md was written, now: %s", c.id(), cmp.Or(string(o.outcome), "it did not run"))
		}
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

func because(r result) string {
	if r.detail == "" {
		return ""
	}
	return ", " + r.detail
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

// judgeControl is what is wrong with a control: it is the standard, so only what was no run at all.
func judgeControl(classes []string, results []result) []string {
	var problems []string
	for _, class := range classes {
		if !slices.ContainsFunc(results, func(r result) bool { return r.class == class }) {
			problems = append(problems, class+": no result at all")
		}
	}
	for _, r := range results {
		if r.outcome == notRun {
			problems = append(problems, r.id()+" did not run"+because(r))
		}
	}
	return problems
}
