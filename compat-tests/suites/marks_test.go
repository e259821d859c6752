package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMarks: the list of skips has a reason in each line.
func TestMarks(t *testing.T) {
	got, err := parseMarks("# comment\n\nTestA#x\tskip\tasks the object\nTestA#k\tlater\tKerberos\n" +
		"TestA#k\tjava-fails\tJDK 17\nTestA#y\tjava-fails 2.7.7 3.5.0\ttoo slow\n" +
		"TestA#n\tno-call\tasks nobody\nTestA#r\tracy\tsleeps\tlate|later\nTestA#d\tdraws-lots\ta seed\n")
	want := marks{runs: map[string]mark{"TestA#x": {outcome: skip, reason: "asks the object"},
		"TestA#k": {outcome: later, reason: "Kerberos"}},
		java: map[string]mark{"TestA#k": {outcome: fail, reason: "JDK 17", releases: []string{}},
			"TestA#y": {outcome: fail, reason: "too slow", releases: []string{"2.7.7", "3.5.0"}}},
		own: map[string]mark{"TestA#n": {outcome: asksNone, reason: "asks nobody"},
			"TestA#r": {outcome: racy, reason: "sleeps", says: "late|later"},
			"TestA#d": {outcome: drawsLots, reason: "a seed"}}}
	if diff := cmp.Diff(want, got, unexported); err != nil || diff != "" {
		t.Errorf("%v; -want +got\n%s", err, diff)
	}
	for _, text := range []string{"TestA#x\tskip\t ", "TestA#x\tskip", "TestA\tskip\twhy", "TestA#x\tnever\twhy",
		"TestA#x\t\twhy",
		"TestA#x\tskip\twhy\nTestA#x\tlater\twhy", "TestA#x\tracy\twhy\thow\nTestA#x\tno-call\twhy",
		"TestA#x\tracy\twhy", "TestA#x\tracy\twhy\t ", "TestA#x\tracy\twhy\t(", "TestA#x\tno-call\twhy\thow", "TestA#x\tracy\twhy\thow\t",
		"TestA#x\tracy 2.7.7\twhy", "TestA#x\tpass\twhy", "TestA#x\tskip 2.7.7\twhy", "TestA#x\tjava-fails 2.7.6\twhy",
		"TestA#x\tjava-fails\t", "TestA#x\tjava-fails\twhy\nTestA#x\tjava-fails 2.7.7\twhy"} {
		if _, err := parseMarks(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if !got.is(r("TestA#k[1: a]", fail), later) || got.is(r("TestA#k2", fail), later) ||
		got.is(r("TestA#y", fail), later) {
		t.Error("a mark is not that of the method with any parameters")
	}
	for version, want := range map[string]bool{"2.7.7": true, "3.4.2": false, "3.5.0": true} {
		if _, fails := got.javaFails(r("TestA#y[2]", fail), version); fails != want {
			t.Errorf("%s: fails with Java's node: %v", version, fails)
		}
	}
	jvm := forJVM("# java-fails\nTestA#x\tskip\twhy\nTestA#y\tjava-fails 2.7.7\twhy\n" +
		"TestA#y\tjava-fails\twhy\nTestA#n\tno-call\twhy\nTestA#r\tracy\twhy\thow\nTestA#d\tdraws-lots\twhy\nTestA#k\tlater\twhy\n")
	if jvm != "TestA#x\tskip\twhy\nTestA#k\tlater\twhy\n" {
		t.Errorf("a JVM gets %q", jvm)
	}
	if _, text, err := readMarks(); err != nil || !strings.Contains(string(text), "\tskip\t") {
		t.Errorf("a JVM gets %q, %v", text, err)
	}
}

// TestSilence: what asks no JournalNode has no call, whatever others ask meanwhile; a failure stays one.
func TestSilence(t *testing.T) {
	m := marks{own: map[string]mark{"TestA#n": {outcome: asksNone, reason: "why"}, "TestA#r": {outcome: racy, reason: "why"}}}
	got := m.silence([]result{r("TestA#n", pass), r("TestA#n[2]", fail), r("TestA#r", pass), r("TestA#n2", pass)})
	want := []outcome{noCall, fail, pass, pass}
	for i, o := range want {
		if got[i].outcome != o {
			t.Errorf("%s: %s, not %s", got[i].id(), got[i].outcome, o)
		}
	}
}
