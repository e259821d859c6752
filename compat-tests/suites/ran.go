package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// testEvent is a line of go test -json, as compat-tests/ran reads it.
type testEvent struct{ Action, Package, Test string }

// writeRan writes what ran into dir, so that CI can hold the tables of docs/compatibility.md to it: each method, and
// each class with the release, as passed if something of it passed and nothing of it is wrong. The control is no evidence.
func (c *campaign) writeRan(dir string, wrong []string) error {
	if c.side != ours {
		return nil
	}
	return writeEvents(dir, c.install.release.Version, c.events(wrong))
}

// writeEvents writes events into a file of their own in dir; nothing without a dir.
func writeEvents(dir, what string, events []testEvent) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	for _, e := range events {
		if err := lines.Encode(e); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("hadoop-suites-%s-%d.json", what, os.Getpid())
	return os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644)
}

// event is one of these suites.
func event(action, test string) testEvent { return testEvent{action, "gojn/compat-tests/suites", test} }

func (c *campaign) events(wrong []string) []testEvent {
	var events []testEvent
	say := func(action, test string) {
		events = append(events, event(action, test))
	}
	for _, class := range c.names() {
		on := class + "/" + c.install.release.Version
		for _, r := range ofClasses(c.results, []string{class}) {
			action := "skip" // and what comes later, or asks no JournalNode
			switch {
			case r.outcome.passed():
				action = "pass"
			case r.outcome.failed():
				action = "fail"
			}
			say(action, on+"/"+r.method)
		}
		action := "skip"
		if slices.ContainsFunc(c.results, func(r result) bool { return r.class == class && r.outcome.passed() }) {
			action = "pass"
		}
		if slices.ContainsFunc(wrong, func(problem string) bool { return classOf(problem) == class }) {
			action = "fail"
		}
		say(action, on)
		say(action, class)
	}
	return events
}
