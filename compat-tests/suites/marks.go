package main

import (
	"errors"
	"fmt"
	"strings"
)

// skipFile is the one list of what is not run, on either side, and of what comes later on ours. It is for all
// releases; a release may lack some of the methods.
const skipFile = "java/skips.tsv"

// mark is one line of the list.
type mark struct {
	outcome outcome // skip or later
	reason  string
}

// marks are the list by Class#method.
type marks map[string]mark

func (m marks) is(id string, o outcome) bool {
	found, ok := m[id]
	return ok && found.outcome == o
}

// readMarks reads the list; text is the file as the JVM gets it.
func readMarks() (m marks, text []byte, err error) {
	if text, err = javaSources.ReadFile(skipFile); err != nil {
		return nil, nil, err
	}
	if m, err = parseMarks(string(text)); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", skipFile, err)
	}
	return m, text, nil
}

func parseMarks(text string) (marks, error) {
	m := make(marks)
	for n, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(line, "\t")
		if len(columns) != 3 {
			return nil, fmt.Errorf("line %d: not Class#method, skip or later, and a reason with tabs between", n+1)
		}
		id, o, reason := columns[0], outcome(columns[1]), strings.TrimSpace(columns[2])
		class, method, _ := strings.Cut(id, "#")
		switch {
		case class == "" || method == "":
			return nil, fmt.Errorf("line %d: %q is no Class#method", n+1, id)
		case o != skip && o != later:
			return nil, fmt.Errorf("line %d: %q is neither skip nor later", n+1, o)
		case reason == "":
			return nil, fmt.Errorf("line %d: %s has no reason", n+1, id)
		}
		if _, twice := m[id]; twice {
			return nil, errors.New(id + " comes twice")
		}
		m[id] = mark{o, reason}
	}
	return m, nil
}
