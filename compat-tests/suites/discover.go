package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// markers are the classes by which a test of Hadoop gets a JournalNode.
var markers = []string{
	"org/apache/hadoop/hdfs/qjournal/MiniJournalCluster",
	"org/apache/hadoop/hdfs/qjournal/MiniQJMHACluster",
	"org/apache/hadoop/hdfs/qjournal/server/JournalNode",
}

// markerCalls are methods of helpers that start JournalNodes for their caller.
var markerCalls = []string{
	"org/apache/hadoop/hdfs/server/namenode/ha/HATestUtil.setUpObserverCluster",
}

// helpers are the classes that are no tests and name a marker. Others than these fail the discovery: tests might get a
// JournalNode by them.
var helpers = []string{
	"org.apache.hadoop.hdfs.qjournal.MiniJournalCluster",
	"org.apache.hadoop.hdfs.qjournal.MiniQJMHACluster",
	"org.apache.hadoop.hdfs.qjournal.QJMTestUtil",          // takes a cluster that its caller started
	"org.apache.hadoop.hdfs.server.namenode.ha.HATestUtil", // starts one in setUpObserverCluster, see markerCalls
}

// discover returns the names of the test classes below tests (an unpacked tests jar) that name a marker themselves,
// in a nested class or in a class that they extend; sorted.
func discover(tests fs.FS) ([]string, error) {
	marked := make(map[string]bool) // outer classes
	supers := make(map[string]map[string]bool)
	err := fs.WalkDir(tests, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".class") {
			return err
		}
		text, err := fs.ReadFile(tests, path)
		if err != nil {
			return err
		}
		c, err := parseClass(text)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		outer := outerClass(c.name)
		if supers[outer] == nil {
			supers[outer] = make(map[string]bool)
		}
		if super := outerClass(c.super); super != outer {
			supers[outer][super] = true
		}
		if isMarked(c) {
			marked[outer] = true
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for test classes: %w", err)
	}
	if len(supers) == 0 {
		return nil, errors.New("look for test classes: there is no class at all")
	}
	var found []string
	for class := range supers {
		switch {
		case !reaches(class, supers, marked, make(map[string]bool)):
		case isTest(class):
			found = append(found, class)
		case marked[class] && !slices.Contains(helpers, class):
			return nil, fmt.Errorf("look for test classes: %s is no test and uses JournalNodes: tests may get one by it", class)
		}
	}
	slices.Sort(found)
	return found, nil
}

func isMarked(c *classFile) bool {
	return slices.ContainsFunc(markers, c.names) ||
		slices.ContainsFunc(markerCalls, func(call string) bool { return c.calls[call] })
}

// outerClass is the class that a nested one stands in, with dots.
func outerClass(name string) string {
	slash := strings.LastIndexByte(name, '/') + 1
	if i := strings.IndexByte(name[slash:], '$'); i > 0 {
		name = name[:slash+i]
	}
	return strings.ReplaceAll(name, "/", ".")
}

// isTest follows Hadoop's configuration of surefire: its tests are the classes Test*.
func isTest(class string) bool { return strings.HasPrefix(simpleName(class), "Test") }

func simpleName(class string) string { return class[strings.LastIndexByte(class, '.')+1:] }

// reaches tells whether the class or one above it is marked.
func reaches(class string, supers map[string]map[string]bool, marked, seen map[string]bool) bool {
	if marked[class] {
		return true
	}
	seen[class] = true
	for super := range supers[class] {
		if !seen[super] && reaches(super, supers, marked, seen) {
			return true
		}
	}
	return false
}

// checkDiscovered compares the committed list with what the tests jar has: the list is complete, or the run says
// nothing.
func checkDiscovered(found []string, list classList) []string {
	var problems []string
	known := make(map[string]bool)
	for _, class := range list.classes {
		known[class.name] = true
	}
	delete(known, ownTests) // no jar of Hadoop has it
	maps.Copy(known, keys(list.left))
	for _, class := range found {
		if !known[class] {
			problems = append(problems, fmt.Sprintf("%s uses JournalNodes and is not in the list of classes", class))
		}
		delete(known, class)
	}
	for _, class := range slices.Sorted(maps.Keys(known)) {
		problems = append(problems, fmt.Sprintf("%s is in the list of classes, but uses no JournalNode, or is not there", class))
	}
	return problems
}

func keys[V any](m map[string]V) map[string]bool {
	all := make(map[string]bool)
	for key := range m {
		all[key] = true
	}
	return all
}
