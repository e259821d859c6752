package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// outcomes are the tests and subtests that ended, by package and full name, with the last word on each: "pass", "fail",
// "skip". A failure stays one, whatever a second run says.
type outcomes map[string]map[string]string

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
			if o[e.Package] == nil {
				o[e.Package] = make(map[string]string)
			}
			before := o[e.Package][e.Test]
			if e.Test == "" || before == "fail" || e.Action == "skip" && before == "pass" { // it ran elsewhere
				continue
			}
			o[e.Package][e.Test] = e.Action
		}
	}
	return lines.Err()
}

// missing returns a line for each cell without evidence.
func (o outcomes) missing(claims []claim, long bool) []string {
	left, seen := onlyLong(claims), o.evidenceOf(names(claims))
	var lines []string
	say := func(c claim, test, format string, args ...any) {
		lines = append(lines, fmt.Sprintf("line %d names %s, which ", c.line, test)+fmt.Sprintf(format, args...))
	}
	for _, c := range claims {
		for _, test := range c.tests {
			if len(c.where) == 0 {
				if (long || !left[test]) && seen[test].wrong != "" {
					say(c, test, "%s", seen[test].wrong)
				}
				continue
			}
			for _, p := range c.where {
				if !p.inCI() && (!long || !p.long()) {
					continue
				}
				switch e := seen[test]; {
				case e.wrong != "":
					say(c, test, "%s with %s", e.wrong, p.release)
				case !e.on(p.release) && (strings.Contains(test, "#") || !slices.ContainsFunc(c.tests, func(other string) bool {
					return seen[other].wrong == "" && seen[other].releases[p.release]
				})): // of a row with several tests each has to pass, but one of them with the release is enough; not so of a fault's victims
					say(c, test, "has no subtest that passed with %s", p.release)
				}
			}
		}
	}
	return lines
}

// evidence is what ran of a test. One name may be that of tests in several packages: each of them has to pass, whichever is
// meant.
type evidence struct {
	wrong    string          // why it is no evidence at all; "": it passed
	releases map[string]bool // those that subtests are named after; whether one of them passed
}

// on tells whether a test that passed did so with a release: by a subtest that is named after it, or as a whole if no
// subtest of it is named after any.
func (e evidence) on(release string) bool { return e.releases[release] || len(e.releases) == 0 }

// anyRelease finds a release in a subtest's name: 3.4.2, also in hadoop-3.4.2.
var anyRelease = regexp.MustCompile(`\d+\.\d+\.\d+`)

// evidenceOf is that of some tests. What has subtests has run only if one of the innermost has: Go tells a test as passed
// whose subtests were all skipped.
func (o outcomes) evidenceOf(tests []string) map[string]evidence {
	all := make(map[string]evidence)
	for _, test := range tests {
		all[test] = evidence{wrong: did("")}
	}
	for _, inPackage := range slices.Sorted(maps.Keys(o)) {
		inner := innermost(o[inPackage])
		for _, test := range tests {
			if outcome, ended := o[inPackage][test]; ended {
				all[test] = all[test].and(found(test, outcome, inner))
			}
		}
	}
	return all
}

// innermost are the tests of a package that have no subtests.
func innermost(all map[string]string) map[string]string {
	inner := maps.Clone(all)
	for name := range all {
		for i, r := range name {
			if r == '/' {
				delete(inner, name[:i])
			}
		}
	}
	return inner
}

// found is the evidence of a test in one package.
func found(test, outcome string, inner map[string]string) evidence {
	e := evidence{releases: make(map[string]bool)}
	if outcome != "pass" {
		e.wrong = did(outcome)
		return e
	}
	ran := inner[test] == outcome
	for name, of := range inner {
		if !strings.HasPrefix(name, test+"/") {
			continue
		}
		ran = ran || of == "pass"
		for _, release := range anyRelease.FindAllString(name, -1) {
			e.releases[release] = e.releases[release] || of == "pass"
		}
	}
	if !ran {
		e.wrong = "had all of its subtests skipped"
	}
	return e
}

// and puts together what packages have of one name.
func (e evidence) and(other evidence) evidence {
	if e.wrong == did("") {
		return other
	}
	e.wrong = cmp.Or(e.wrong, other.wrong)
	for release, passed := range other.releases {
		before, known := e.releases[release]
		e.releases[release] = passed && (before || !known)
	}
	return e
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
