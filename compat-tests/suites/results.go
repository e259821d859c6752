package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// outcome is what became of a method.
type outcome string

const (
	pass       outcome = "pass"
	passSecond outcome = "pass (2nd)" // failed, and passed alone in a JVM of its own
	fail       outcome = "fail"
	noCall     outcome = "no call" // ended well, but no external process received a call: it counts as not passed
	notRun     outcome = "not run" // its JVM ended before
	skip       outcome = "skip"    // asks for something that only a node in the test's own JVM has
	assumed    outcome = "assumed" // Hadoop's own @Ignore, @Disabled or assumption
	later      outcome = "later"   // needs what is not built yet, and fails
	laterPass  outcome = "later-passed"
)

// passed and failed: skip, assumed and later are neither. Nor is no call, which has not passed and needs no second attempt.
func (o outcome) passed() bool { return o == pass || o == passSecond }
func (o outcome) failed() bool { return o == fail || o == notRun || o == laterPass }

// What the JVM flags a method with.
const (
	withKerberos = "kerberos"  // a node had Kerberos on, or was refused for it
	withHook     = "hooked"    // a node was the build that asks the test at a recovery's record
	nodeDied     = "died"      // a node ended that nobody had stopped, or panicked
	nodeKilled   = "killed"    // SIGTERM did not end a node in time
	notCounted   = "uncounted" // the calls that a node received could not be read
)

// result is one method's, as the JVM reports it and as it is kept.
type result struct {
	class, method  string // the class by its simple name; the method with its parameters
	outcome        outcome
	ms             int
	started, calls int // external processes, and calls that they received
	flags          []string
	detail         string // one line: why it failed or was skipped
	where          string // the directory of its JVM; not kept
	final          bool   // it failed and a second attempt does not mend that; not kept
}

func (r result) has(flag string) bool { return slices.Contains(r.flags, flag) }

// key names the method without its parameters, as the list of marks does.
func (r result) key() string { return r.class + "#" + r.function() }

func (r result) id() string { return r.class + "#" + r.method }

// function is the method's name without parameters, as one runs it alone.
func (r result) function() string {
	if i := strings.IndexAny(r.method, "[( "); i > 0 {
		return r.method[:i]
	}
	return r.method
}

const resultColumns = 8

// machinePath is an absolute path of two names or more; what stands before it is kept.
var machinePath = regexp.MustCompile(`(^|[\s('"=])(?:/[^\s/:;,)'"]+)+/([^\s/:;,)'"]+)`)

// line is the result as one line of a file, without paths of the machine that it was made on.
func (r result) line() string {
	r.detail = machinePath.ReplaceAllString(r.detail, "$1…/$2")
	return strings.Join([]string{r.class, r.method, string(r.outcome), strconv.Itoa(r.ms), strconv.Itoa(r.started),
		strconv.Itoa(r.calls), strings.Join(r.flags, ","), r.detail}, "\t")
}

// parseResults reads lines as of [result.line]. Comments begin with #. A line that is cut off is an error, and so is a
// method that comes twice; what came before is returned with it.
func parseResults(text string) ([]result, error) {
	var all []result
	seen := make(map[string]bool)
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		r, err := parseResult(line)
		if err != nil {
			return all, fmt.Errorf("line %d: %w: %q", n+1, err, line)
		}
		if seen[r.id()] {
			return all, fmt.Errorf("line %d: %s comes twice", n+1, r.id())
		}
		seen[r.id()] = true
		all = append(all, r)
	}
	return all, nil
}

func parseResult(line string) (result, error) {
	columns := strings.Split(line, "\t")
	if len(columns) != resultColumns {
		return result{}, fmt.Errorf("%d columns, not %d", len(columns), resultColumns)
	}
	r := result{class: simpleName(columns[0]), method: columns[1], outcome: outcome(columns[2]), detail: columns[7]}
	var errs [3]error
	r.ms, errs[0] = strconv.Atoi(columns[3])
	r.started, errs[1] = strconv.Atoi(columns[4])
	r.calls, errs[2] = strconv.Atoi(columns[5])
	if err := errors.Join(errs[:]...); err != nil {
		return result{}, err
	}
	if columns[6] != "" {
		r.flags = strings.Split(columns[6], ",")
	}
	switch r.outcome {
	case pass, passSecond, fail, noCall, notRun, skip, assumed, later, laterPass:
	default:
		return result{}, fmt.Errorf("no such outcome: %q", r.outcome)
	}
	return r, nil
}

// weigh applies the rules that a method proves nothing which asked no external process anything, and that it has not
// passed if a process died in it or nobody knows what it was asked.
func weigh(results []result) []result {
	all := slices.Clone(results)
	for i, r := range all {
		switch {
		case r.outcome != pass && r.outcome != laterPass:
		case r.has(nodeDied):
			all[i] = r.spoiled("it passed, but a JournalNode ended that nobody had stopped")
		case r.has(notCounted):
			all[i] = r.spoiled("it passed, but the calls that a JournalNode received could not be read")
		case r.calls <= 0:
			all[i].outcome, all[i].detail = noCall, "no external process received a call"
		}
	}
	return all
}

// spoiled is a result of a method that passed, as a failure.
func (r result) spoiled(why string) result {
	if r.outcome == laterPass {
		r.outcome = later
	} else {
		r.outcome = fail
	}
	r.detail = why
	return r
}

// killed tells whether a node did not end by SIGTERM in a method of ours, but did in the control's.
func killed(ours, control result) bool { return ours.has(nodeKilled) && !control.has(nodeKilled) }

// besideControl applies to results of ours the rules that need the control's: that a node of ours ends by SIGTERM where
// Java's does, and that a method in which no Java node is asked says nothing about ours. Calls that were counted in it
// came from what a method before it had left running.
func besideControl(results, control []result) []result {
	all, theirs := slices.Clone(results), byID(control)
	for i, r := range all {
		c, known := theirs[r.id()]
		if !known || !r.outcome.passed() && r.outcome != laterPass {
			continue
		}
		switch {
		case killed(r, c):
			all[i] = r.spoiled("it passed, but SIGTERM did not end a JournalNode in time")
		case c.outcome == noCall:
			all[i].outcome = noCall
			all[i].detail = fmt.Sprintf("Java's node is not asked in it; the %d calls here are those of others", r.calls)
		}
	}
	return all
}

// outsideMethods begins what the JVM tells of a class whose nodes ended in the wrong way before or after its methods.
const outsideMethods = "outside the methods "

// withFinal marks what no second attempt of ours mends: that a node ended by itself, could not be asked, or did not end by
// SIGTERM where Java's did, and what the next attempt would not try again. What happens once in two runs happens.
func withFinal(results, control []result, m marks) []result {
	all, theirs := slices.Clone(results), byID(control)
	for i, r := range all {
		crashed := r.has(nodeDied) || r.has(notCounted) || killed(r, theirs[r.id()]) ||
			r.ofWholeClass() && strings.HasPrefix(r.detail, outsideMethods)
		all[i].final = r.outcome.failed() && (crashed || m.follows(r, drawsLots))
	}
	return all
}

// ofWholeClass tells whether the result is one of a class that failed outside its methods, or whose methods nobody
// knows.
func (r result) ofWholeClass() bool { return strings.HasPrefix(r.method, "(") }

// secondRun is a second attempt: of a method with all its parameters, or of a class that failed as a whole.
type secondRun struct {
	results []result
	whole   bool
	broken  bool // its JVM did not come to its end
}

// mends tells whether the attempt takes away that the class failed as a whole: nothing at all went wrong in it.
func (s secondRun) mends() bool {
	return s.whole && !s.broken && len(s.results) > 0 &&
		!slices.ContainsFunc(s.results, func(r result) bool { return r.outcome.failed() })
}

// withSecond puts the results of a second attempt into the first ones. A failure of either counts, unless it was the
// first and the same method with the same parameters passed then. What asks no JournalNode then has not passed either,
// see compare.
func withSecond(first []result, second secondRun) []result {
	var all []result
	known, again, why := byID(first), byID(second.results), ""
	for _, r := range first {
		if r.ofWholeClass() && r.outcome.failed() {
			why = "the class failed as a whole: " + r.detail
		}
	}
	for _, r := range first {
		s, repeated := again[r.id()]
		switch {
		case r.final:
			all = append(all, r)
		case r.ofWholeClass() && r.outcome.failed():
			if !second.mends() {
				all = append(all, r)
			}
		case r.outcome.failed() && !second.broken && (s.outcome.passed() || s.outcome == noCall):
			all = append(all, s.second(r.detail))
		case !r.outcome.failed() && s.outcome == fail:
			s.detail = "at the 2nd attempt, after: " + string(r.outcome) + ": " + s.detail
			all = append(all, s)
		case repeated && second.mends() && !r.outcome.failed():
			all = append(all, s.second(why))
		default:
			all = append(all, r)
		}
	}
	for _, s := range second.results {
		if _, there := known[s.id()]; !there {
			all = append(all, s.second(cmp.Or(why, "it did not run")))
		}
	}
	return all
}

// second is the result of a second attempt, with what was wrong with the first.
func (r result) second(first string) result {
	switch r.outcome {
	case pass:
		r.outcome, r.detail = passSecond, "at first: "+first
	case noCall:
		r.detail += "; at first: " + first
	}
	return r
}

// withNotRun adds what was expected of a JVM that did not come to its end.
func withNotRun(results []result, expected []result, why string) []result {
	all := slices.Clone(results)
	for _, e := range expected {
		if !slices.ContainsFunc(all, func(r result) bool { return r.id() == e.id() }) {
			all = append(all, result{class: e.class, method: e.method, outcome: notRun, detail: why})
		}
	}
	return all
}

func sortResults(results []result) {
	slices.SortFunc(results, func(a, b result) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.method, b.method))
	})
}
