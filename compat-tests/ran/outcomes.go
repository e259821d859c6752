package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// outcomes are the tests and subtests that ended, by full name, with the last word on each: "pass", "fail", "skip". A failure
// stays one, whatever a second run says.
type outcomes map[string]string

// event is a line of `go test -json` (cmd/test2json); lines of other kinds are read over.
type event struct{ Action, Package, Test string }

// read takes in one run.
func (o outcomes) read(events io.Reader) error {
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		switch e.Action {
		case "pass", "fail", "skip":
			if e.Test == "" || o[e.Test] == "fail" {
				continue
			}
			if e.Action == "skip" && o[e.Test] == "pass" {
				continue // it ran elsewhere
			}
			o[e.Test] = e.Action
		}
	}
	return lines.Err()
}

// missing returns a line for each cell without evidence.
func (o outcomes) missing(claims []claim, long bool) []string {
	left := onlyLong(claims)
	var lines []string
	say := func(c claim, test, format string, args ...any) {
		lines = append(lines, fmt.Sprintf("line %d names %s, which ", c.line, test)+fmt.Sprintf(format, args...))
	}
	for _, c := range claims {
		for _, test := range c.tests {
			if len(c.where) == 0 {
				if (long || !left[test]) && o[test] != "pass" {
					say(c, test, "%s", did(o[test]))
				}
				continue
			}
			for _, p := range c.where {
				if p.inCI() || long && p.long() {
					if ok, why := o.passedOn(test, p.release); !ok && !o.otherPassedOn(c.tests, test, p.release) {
						say(c, test, "%s with %s", why, p.release)
					}
				}
			}
		}
	}
	return lines
}

// anyRelease finds a release in a subtest's name: 3.4.2, also in hadoop-3.4.2.
var anyRelease = regexp.MustCompile(`\d+\.\d+\.\d+`)

// passedOn says whether a test passed with a release: by a subtest that is named after it, or as a whole if no subtest of it
// is named after any.
func (o outcomes) passedOn(test, release string) (ok bool, why string) {
	if o[test] != "pass" {
		return false, did(o[test])
	}
	on, byRelease := o.subtest(test, release)
	return on || !byRelease, "has no subtest that passed"
}

// subtest says whether a subtest that is named after the release passed, and whether any is named after one at all.
func (o outcomes) subtest(test, release string) (passed, byRelease bool) {
	for name, outcome := range o {
		if !strings.HasPrefix(name, test+"/") {
			continue
		}
		for _, r := range anyRelease.FindAllString(name, -1) {
			byRelease = true
			passed = passed || r == release && outcome == "pass"
		}
	}
	return passed, byRelease
}

// otherPassedOn: of a row with several tests each has to pass, but it is enough that one of them did so with the release.
func (o outcomes) otherPassedOn(tests []string, test, release string) bool {
	return o[test] == "pass" && slices.ContainsFunc(tests, func(other string) bool {
		passed, _ := o.subtest(other, release)
		return passed && o[other] == "pass"
	})
}

// did is what happened to a test, in words.
func did(outcome string) string {
	switch outcome {
	case "":
		return "did not run"
	case "skip":
		return "was skipped"
	case "fail":
		return "failed"
	}
	return "did: " + outcome
}
