package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// skipFile is the one list of what is not run, on either side, of what comes later on ours, and of what fails with
// Java's node. It is for all releases; a release may lack some of the methods.
const skipFile = "java/skips.tsv"

// javaFails begins the second column of a method that fails with Java's node; releases may follow, else it is all.
const javaFails = "java-fails"

// mark says why a method is listed.
type mark struct {
	outcome  outcome // skip, later, or fail of javaFails
	reason   string
	releases []string // of javaFails; none: all
}

// marks are the list. Methods go by Class#method without parameters.
type marks struct {
	runs map[string]mark // skip and later: how the JVM runs them
	java map[string]mark // javaFails
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
		if _, kind, _ := strings.Cut(line, "\t"); !strings.HasPrefix(kind, javaFails) { // nothing that a JVM does otherwise
			b.WriteString(line)
		}
	}
	return b.String()
}

func parseMarks(text string) (marks, error) {
	m := marks{runs: make(map[string]mark), java: make(map[string]mark)}
	for n, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, found, err := parseMark(line)
		if err != nil {
			return marks{}, fmt.Errorf("line %d: %w", n+1, err)
		}
		list := m.runs
		if found.outcome == fail {
			list = m.java
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
	if len(columns) != 3 {
		return "", mark{}, errors.New("not Class#method, one of skip, later and java-fails, and a reason with tabs between")
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
		return id, mark{fail, reason, words[1:]}, nil
	case len(words) == 1 && (outcome(words[0]) == skip || outcome(words[0]) == later):
		return id, mark{outcome(words[0]), reason, nil}, nil
	}
	return "", mark{}, fmt.Errorf("%q is none of skip, later and java-fails", columns[1])
}
