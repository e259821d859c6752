package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// skipFile is the one list of what is not run, on either side, of what comes later on ours, of what fails with Java's node,
// and of methods that are judged by rules of their own. It is for all releases; a release may lack some of the methods.
const skipFile = "java/skips.tsv"

// javaFails begins the second column of a method that fails with Java's node; releases may follow, else it is all.
const javaFails = "java-fails"

// Rules of a method's own.
const (
	// asksNone is a method whose test asks no JournalNode: calls in it are those of others, by chance. It has no call.
	asksNone = "no-call"
	// racy is a method that is wrong about time with either node, so that a second attempt may decide if it failed as is told.
	racy = "racy"
	// drawsLots is a method that does something else each time. A second attempt decides nothing.
	drawsLots = "draws-lots"
)

// mark says why a method is listed.
type mark struct {
	outcome  outcome // skip, later, fail of javaFails, or a rule
	reason   string
	releases []string // of javaFails; none: all
	says     string   // of racy: a regular expression of how it fails; another failure is none of its races
}

// marks are the list. Methods go by Class#method without parameters.
type marks struct {
	runs map[string]mark // skip and later: how the JVM runs them
	java map[string]mark // javaFails
	own  map[string]mark // asksNone, racy and drawsLots
}

// follows tells whether the method has this rule of its own.
func (m marks) follows(r result, rule outcome) bool { return m.own[r.key()].outcome == rule }

// lost tells whether a failure of the method, by its detail, is one of its races.
func (m marks) lost(r result) bool {
	says, err := regexp.Compile(m.own[r.key()].says)
	return err == nil && m.follows(r, racy) && says.MatchString(r.detail)
}

// silence takes calls from methods that ask no JournalNode.
func (m marks) silence(results []result) []result {
	all := slices.Clone(results)
	for i, r := range all {
		if m.follows(r, asksNone) && (r.outcome.passed() || r.outcome == noCall) {
			all[i].outcome, all[i].detail = noCall, m.own[r.key()].reason
		}
	}
	return all
}

func (m marks) is(r result, o outcome) bool {
	found, ok := m.runs[r.key()]
	return ok && found.outcome == o
}

// javaFails tells whether, and why, a method fails with Java's node of a release.
func (m marks) javaFails(r result, version string) (reason string, fails bool) {
	found, ok := m.java[r.key()]
	return found.reason, ok && (len(found.releases) == 0 || slices.Contains(found.releases, version))
}

// readMarks reads the list; text is the file as the JVM gets it.
func readMarks() (m marks, text []byte, err error) {
	all, err := javaSources.ReadFile(skipFile)
	if err != nil {
		return marks{}, nil, err
	}
	if m, err = parseMarks(string(all)); err != nil {
		return marks{}, nil, fmt.Errorf("%s: %w", skipFile, err)
	}
	return m, []byte(forJVM(string(all))), nil
}

// forJVM is the list as the tests' JVM reads it.
func forJVM(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		_, rest, listed := strings.Cut(line, "\t")
		kind, _, _ := strings.Cut(rest, "\t")
		if listed && !strings.HasPrefix(line, "#") && (kind == string(skip) || kind == string(later)) { // with all others a JVM does nothing else
			b.WriteString(line)
		}
	}
	return b.String()
}

func parseMarks(text string) (marks, error) {
	m := marks{runs: make(map[string]mark), java: make(map[string]mark), own: make(map[string]mark)}
	for n, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, found, err := parseMark(line)
		if err != nil {
			return marks{}, fmt.Errorf("line %d: %w", n+1, err)
		}
		list := m.runs
		switch found.outcome {
		case fail:
			list = m.java
		case asksNone, racy, drawsLots:
			list = m.own
		}
		if _, twice := list[id]; twice {
			return marks{}, errors.New(id + " comes twice")
		}
		list[id] = found
	}
	return m, nil
}

func parseMark(line string) (string, mark, error) {
	columns := strings.Split(line, "\t")
	if len(columns) != 3 && (len(columns) != 4 || columns[1] != racy) {
		return "", mark{}, fmt.Errorf("not Class#method, one of %s, a reason and, of racy alone, how it fails, with tabs between", kinds)
	}
	id, words, reason := columns[0], strings.Fields(columns[1]), strings.TrimSpace(columns[2])
	class, method, _ := strings.Cut(id, "#")
	switch {
	case class == "" || method == "":
		return "", mark{}, fmt.Errorf("%q is no Class#method", id)
	case reason == "":
		return "", mark{}, fmt.Errorf("%s has no reason", id)
	case len(words) > 0 && words[0] == javaFails:
		if _, err := findReleases(strings.Join(words[1:], " ")); err != nil {
			return "", mark{}, err
		}
		return id, mark{outcome: fail, reason: reason, releases: words[1:]}, nil
	case columns[1] == racy:
		says := strings.TrimSpace(strings.Join(columns[3:], ""))
		if says == "" {
			return "", mark{}, fmt.Errorf("%s does not tell how it fails", id)
		}
		if _, err := regexp.Compile(says); err != nil {
			return "", mark{}, fmt.Errorf("how %s fails: %w", id, err)
		}
		return id, mark{outcome: racy, reason: reason, says: says}, nil
	case len(words) == 1 && slices.Contains(kinds, words[0]):
		return id, mark{outcome: outcome(words[0]), reason: reason}, nil
	}
	return "", mark{}, fmt.Errorf("%q is none of %s", columns[1], kinds)
}

// kinds are what stands in the second column.
var kinds = []string{string(skip), string(later), javaFails, asksNone, racy, drawsLots}
