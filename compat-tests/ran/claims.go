package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// claim is what one row of a table says of its tests.
type claim struct {
	line int // in the document
	// tests are named as in the runs. A method, Class#method, is one that sees the fault of the build in the first cell:
	// Class#method/build.
	tests []string
	// where is what the cell of each release's column says; empty in a table without such columns.
	where []place
}

// place is one cell under a release.
type place struct{ release, cell string }

// inCI and long: the cell says that its tests run there. What runs in CI runs in make long too.
func (p place) inCI() bool { return strings.Contains(p.cell, "CI") }
func (p place) long() bool { return p.inCI() || strings.Contains(p.cell, "long") }

var (
	testName    = regexp.MustCompile("`(Test\\w+(?:#\\w+)?)`")
	firstName   = regexp.MustCompile("^`([^`]+)`")
	releaseName = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	separator   = regexp.MustCompile(`^[\s|:-]+$`)
)

// claimsOf returns the claims of all tables of a Markdown text. That a table names no test at all is no error, that the whole
// text has none is one.
func claimsOf(text string) ([]claim, error) {
	var (
		all    []claim
		header []string
	)
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "|") {
			header = nil
			continue
		}
		if separator.MatchString(line) {
			continue
		}
		cells := strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, "/"), "| "), "|")
		for n := range cells {
			cells[n] = strings.TrimSpace(cells[n])
		}
		if header == nil {
			header = cells
			continue
		}
		c := claim{line: i + 1}
		for n, cell := range cells {
			for _, m := range testName.FindAllStringSubmatch(cell, -1) {
				name := m[1]
				if strings.Contains(name, "#") {
					build := firstName.FindStringSubmatch(cells[0])
					if build == nil {
						return nil, fmt.Errorf("line %d: %s is claimed, and no build in the first cell", i+1, name)
					}
					name += "/" + build[1]
				}
				c.tests = append(c.tests, name)
			}
			if n < len(header) && releaseName.MatchString(header[n]) {
				c.where = append(c.where, place{header[n], cell})
			}
		}
		if len(c.tests) > 0 {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no table names a test")
	}
	return all, nil
}

// names are all tests that are named, once each.
func names(claims []claim) []string {
	var all []string
	for _, c := range claims {
		all = append(all, c.tests...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// onlyLong are the tests that run in make long alone, by the rows that have a column per release.
func onlyLong(claims []claim) map[string]bool {
	only := make(map[string]bool)
	for _, c := range claims {
		if len(c.where) == 0 {
			continue
		}
		for _, test := range c.tests {
			before, known := only[test]
			only[test] = (before || !known) && !slices.ContainsFunc(c.where, place.inCI)
		}
	}
	return only
}
