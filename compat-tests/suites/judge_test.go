package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func r(id string, o outcome) result {
	class, method, _ := strings.Cut(id, "#")
	return result{class: class, method: method, outcome: o, calls: 1}
}

func flagged(flag, id string, o outcome) result {
	k := r(id, o)
	k.flags = []string{flag}
	return k
}

func kerberos(id string, o outcome) result { return flagged(withKerberos, id, o) }

// TestJudge: ours fails where the control passes and ours does not, and where the two cannot be compared.
func TestJudge(t *testing.T) {
	listed := marks{runs: map[string]mark{"TestA#k": {outcome: later, reason: "Kerberos"},
		"TestA#s": {outcome: skip, reason: "asks the object"}}, own: map[string]mark{"TestA#r": {outcome: racy, reason: "sleeps", says: "the file is not there"}}}
	second := func(id, first string) result {
		s := r(id, passSecond)
		s.detail = "at first: " + first
		return s
	}
	late := second("TestA#x", "test timed out after 1000 milliseconds")
	hung := second("TestA#x", "java.util.concurrent.TimeoutException: Timed out waiting 20000ms for a quorum of nodes to respond")
	slow := second("TestA#x", "it took longer than its budget of 1m0s")
	needs := func(ms int) []result {
		x, y := r("TestA#x", pass), r("TestA#y", pass)
		x.ms, y.ms = ms, 9*ms
		return []result{x, y}
	}
	y := r("TestA#y", pass)
	for _, c := range []struct {
		name    string
		trial   trial
		because []string
	}{
		{"both pass", trial{ours: []result{r("TestA#x", pass)}, control: []result{r("TestA#x", pass)}}, nil},
		{"second attempts that the control needs too", trial{ours: []result{r("TestA#x", passSecond), r("TestA#y", pass)},
			control: []result{r("TestA#x", passSecond), r("TestA#y", passSecond)}}, nil},
		{"a second attempt that the control did not need",
			trial{ours: []result{r("TestA#x", passSecond)}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: it passed at the 2nd attempt alone, with the control at once, and lost no race that is listed"}},
		{"a second attempt of a racy one", trial{ours: []result{second("TestA#r[1]", "the file is not there")},
			control: []result{r("TestA#r[1]", pass)}, strict: true}, nil},
		{"a second attempt of a racy one that failed otherwise", trial{ours: []result{second("TestA#r[1]", "wrong epoch")},
			control: []result{r("TestA#r[1]", pass)}},
			[]string{"TestA#r[1]: it passed at the 2nd attempt alone, with the control at once, and lost no race that is listed, " +
				"at first: wrong epoch"}},
		{"a second attempt for time", trial{ours: []result{late, y}, control: needs(250)}, nil},
		{"a second attempt for time that the control did not need", trial{ours: []result{late, y}, control: needs(249)},
			[]string{"TestA#x: it passed at the 2nd attempt alone, with the control at once, and lost no race that is listed, " + late.detail}},
		{"a second attempt for time in JUnit 5's words",
			trial{ours: []result{second("TestA#x", "x() timed out after 1 second"), y}, control: needs(250)}, nil},
		{"a second attempt for time in JUnit 5's words that the control did not need",
			trial{ours: []result{second("TestA#x", "x() timed out after 30 seconds"), y}, control: needs(7499)},
			[]string{"TestA#x: it passed at the 2nd attempt alone, with the control at once, and lost no race that is listed, " +
				"at first: x() timed out after 30 seconds"}},
		{"a second attempt for time in JUnit 5's minutes",
			trial{ours: []result{second("TestA#x", "x() timed out after 5 minutes"), y}, control: needs(75000)}, nil},
		{"a second attempt for the class's time", trial{ours: []result{slow, y}, control: needs(1500)}, nil},
		{"a second attempt for the class's time that the control did not need", trial{ours: []result{slow, y}, control: needs(1499)},
			[]string{"TestA#x: it passed at the 2nd attempt alone, with the control at once, and lost no race that is listed, " + slow.detail}},
		{"a second attempt for what timed out within the test", trial{ours: []result{hung}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: it passed at the 2nd attempt alone, with the control at once, and lost no race that is listed, " + hung.detail}},
		{"a second attempt for time, and it is to be kept",
			trial{ours: []result{late, y}, control: needs(1000), strict: true},
			[]string{"TestA#x: it passed at the 2nd attempt alone, with the control at once, and lost no race that is listed, " + late.detail}},
		{"both fail", trial{ours: []result{r("TestA#x", fail)}, control: []result{r("TestA#x", fail)}}, nil},
		{"ours is better", trial{ours: []result{r("TestA#x", pass)}, control: []result{r("TestA#x", fail)}}, nil},
		{"ours fails", trial{ours: []result{r("TestA#x", fail)}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: the control: pass, ours: fail"}},
		{"ours fails, the control at the second attempt not",
			trial{ours: []result{r("TestA#x", fail)}, control: []result{r("TestA#x", passSecond)}},
			[]string{"TestA#x: the control: pass (2nd), ours: fail"}},
		{"no process was asked", trial{ours: []result{r("TestA#x", noCall)}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: the control passes, ours: no call"}},
		{"the JVM died", trial{ours: []result{r("TestA#x", notRun)}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: the control: pass, ours: not run"}},
		{"a method is missing", trial{ours: []result{r("TestA#x", pass)},
			control: []result{r("TestA#x", pass), r("TestA#y", pass)}},
			[]string{"TestA#y: it did not run; with the control: pass"}},
		{"one that fails with the control is missing",
			trial{ours: []result{r("TestA#x", pass)}, control: []result{r("TestA#x", pass), r("TestA#y", fail)}},
			[]string{"TestA#y: it did not run; with the control: fail"}},
		{"the control does not know a method", trial{ours: []result{r("TestA#x", pass), r("TestA#y", fail)},
			control: []result{r("TestA#x", pass)}}, []string{"TestA#y: the control does not know it; CONTROL=1 makes it anew"}},
		{"no result of a class", trial{ours: nil, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: it did not run; with the control: pass", "TestA: no result at all"}},
		{"no control of a class", trial{ours: []result{r("TestA#x", pass)}}, []string{
			"TestA#x: the control does not know it; CONTROL=1 makes it anew",
			"TestA: the kept control has no result; CONTROL=1 makes it anew"}},
		{"both skip", trial{ours: []result{r("TestA#s", skip)}, control: []result{r("TestA#s", skip)}}, nil},
		{"ours skips", trial{ours: []result{r("TestA#x", skip)}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: the control passes, ours: skip"}},
		{"ours skips what fails with the control", trial{ours: []result{r("TestA#x", skip)},
			control: []result{r("TestA#x", fail)}},
			[]string{"TestA#x: it is skipped, but not with the control"}},
		{"an assumption fails with ours only", trial{ours: []result{r("TestA#x", assumed)},
			control: []result{r("TestA#x", fail)}},
			[]string{"TestA#x: it is skipped, but not with the control"}},
		{"later", trial{ours: []result{kerberos("TestA#k", later)}, control: []result{kerberos("TestA#k", pass)}}, nil},
		{"later, not listed", trial{ours: []result{r("TestA#x", later)}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: it is said to come later and is not listed"}},
		{"later passes", trial{ours: []result{kerberos("TestA#k", laterPass)}, control: []result{kerberos("TestA#k", pass)}},
			[]string{"TestA#k: it passes: take it off the list of what comes later"}},
		{"Kerberos passes unlisted", trial{ours: []result{kerberos("TestA#x", pass)},
			control: []result{kerberos("TestA#x", pass)}},
			[]string{"TestA#x: it ran with Kerberos and passes: that is not built"}},
		{"Kerberos fails unlisted", trial{ours: []result{kerberos("TestA#x", fail)},
			control: []result{kerberos("TestA#x", pass)}},
			[]string{"TestA#x: the control: pass, ours: fail"}},
		{"ours fails what the control skips", trial{ours: []result{r("TestA#s", fail)},
			control: []result{r("TestA#s", skip)}},
			[]string{"TestA#s: the control is stale, it skips this; CONTROL=1 makes it anew. Ours: fail"}},
		{"ours passes what the control skips", trial{ours: []result{r("TestA#s", pass)},
			control: []result{r("TestA#s", skip)}},
			[]string{"TestA#s: the control is stale, it skips this; CONTROL=1 makes it anew. Ours: pass"}},
		{"ours fails what an assumption ended with the control",
			trial{ours: []result{r("TestA#x", fail)}, control: []result{r("TestA#x", assumed)}},
			[]string{"TestA#x: the control: assumed, ours: fail"}},
		{"ours passes what an assumption ended with the control",
			trial{ours: []result{r("TestA#x", pass)}, control: []result{r("TestA#x", assumed)}}, nil},
		{"ours fails what passes with the control without a call",
			trial{ours: []result{r("TestA#x", fail)}, control: []result{r("TestA#x", noCall)}},
			[]string{"TestA#x: the control: no call, ours: fail"}},
		{"neither is asked", trial{ours: []result{silent("TestA#x")}, control: []result{silent("TestA#x")}}, nil},
		{"neither has a call by its mark, whatever others ask",
			trial{ours: []result{r("TestA#x", noCall)}, control: []result{r("TestA#x", noCall)}}, nil},
		{"ours is not asked, the control is and fails",
			trial{ours: []result{silent("TestA#x")}, control: []result{r("TestA#x", fail)}},
			[]string{"TestA#x: it asks no JournalNode with ours, but 1 times with the control"}},
		{"ours is asked, the control is not", trial{ours: []result{r("TestA#x", pass)},
			control: []result{silent("TestA#x")}}, nil},
		{"the control did not run it", trial{ours: []result{r("TestA#x", pass)}, control: []result{r("TestA#x", notRun)}},
			[]string{"TestA#x: it did not run with the control; CONTROL=1 makes it anew"}},
		{"neither ran it", trial{ours: []result{r("TestA#x", notRun)}, control: []result{r("TestA#x", notRun)}},
			[]string{"TestA#x: it did not run with the control; CONTROL=1 makes it anew"}},
		{"later, of all parameters", trial{ours: []result{kerberos("TestA#k[1]", later), kerberos("TestA#k[2]", later)},
			control: []result{kerberos("TestA#k[1]", pass), kerberos("TestA#k[2]", pass)}}, nil},
		{"later, by the control's word", trial{ours: []result{r("TestA#k", later)},
			control: []result{kerberos("TestA#k", pass)}}, nil},
		{"later, by ours", trial{ours: []result{kerberos("TestA#k", later)}, control: []result{r("TestA#k", fail)}}, nil},
		{"later, but not for Kerberos", trial{ours: []result{r("TestA#k", later)}, control: []result{r("TestA#k", pass)}},
			[]string{"TestA#k: it is listed as later, but had Kerberos on neither with ours nor with the control"}},
		{"later passes without a call", trial{ours: []result{silent("TestA#k")},
			control: []result{kerberos("TestA#k", pass)}}, nil},
		{"later passes without a call, not for Kerberos",
			trial{ours: []result{silent("TestA#k")}, control: []result{r("TestA#k", pass)}},
			[]string{"TestA#k: it is listed as later, but had Kerberos on neither with ours nor with the control"}},
		{"neither ends by SIGTERM", trial{ours: []result{flagged(nodeKilled, "TestA#x", pass)},
			control: []result{flagged(nodeKilled, "TestA#x", pass)}}, nil},
		{"the documentation says that it passes", trial{ours: []result{r("TestA#x", fail)},
			control: []result{r("TestA#x", fail)},
			claimed: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: it passed when docs/compatibility.md was written, now: fail"}},
		{"the documentation tells a method that did not run", trial{ours: []result{r("TestA#x", pass)},
			control: []result{r("TestA#x", pass)}, claimed: []result{r("TestA#x", pass), r("TestA#y", passSecond)}},
			[]string{"TestA#y: it passed when docs/compatibility.md was written, now: it did not run"}},
	} {
		c.trial.classes, c.trial.marks = []string{"TestA"}, listed
		if diff := cmp.Diff(c.because, c.trial.judge()); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}

// silent is a method that passed and asked no JournalNode.
func silent(id string) result {
	s := r(id, noCall)
	s.calls = 0
	return s
}

// TestJudgeControl: a control must have run, and fail where it is listed to and nowhere else.
func TestJudgeControl(t *testing.T) {
	listed := marks{java: map[string]mark{"TestA#f": {outcome: fail, reason: "why"},
		"TestA#o": {outcome: fail, reason: "why", releases: []string{"2.7.7"}}}}
	for _, row := range []struct {
		name            string
		results, before []result
		because         []string
	}{
		{"passes", []result{r("TestA#x", pass), r("TestA#y", passSecond), r("TestA#s", skip), silent("TestA#n")}, nil, nil},
		{"did not run", []result{r("TestA#x", notRun)}, nil, []string{"TestA#x: it did not run"}},
		{"nothing ran", nil, nil, []string{"TestA: no result at all"}},
		{"fails", []result{r("TestA#x", fail)}, nil,
			[]string{"TestA#x: it fails with Java's node and is not listed as java-fails"}},
		{"fails as listed", []result{r("TestA#f", fail)}, nil, nil},
		{"fails as listed for another release", []result{r("TestA#o", fail)}, nil,
			[]string{"TestA#o: it fails with Java's node and is not listed as java-fails"}},
		{"passes, listed for another release", []result{r("TestA#o", pass)}, nil, nil},
		{"passes, listed", []result{r("TestA#f", pass)}, nil,
			[]string{"TestA#f: it passes with Java's node: take it off the list of java-fails"}},
		{"fails with some parameters, listed",
			[]result{r("TestA#f[1]", pass), r("TestA#f[2]", fail), r("TestA#f[3]", pass)}, nil, nil},
		{"passes with all parameters, listed", []result{r("TestA#f[1]", pass), r("TestA#f[2]", passSecond)}, nil,
			[]string{"TestA#f: it passes with Java's node: take it off the list of java-fails"}},
		{"passed before", []result{r("TestA#f", fail), r("TestA#x", fail)},
			[]result{r("TestA#f", passSecond), r("TestA#x", pass)},
			[]string{"TestA#f: it passed in the kept control, now: fail",
				"TestA#x: it fails with Java's node and is not listed as java-fails",
				"TestA#x: it passed in the kept control, now: fail"}},
		{"failed before", []result{r("TestA#x", pass)}, []result{r("TestA#x", fail)}, nil},
	} {
		got := control{"3.4.2", []string{"TestA"}, row.results, row.before, listed}.judge()
		if diff := cmp.Diff(row.because, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", row.name, diff)
		}
	}
	java := asControl([]result{r("TestA#x", laterPass), r("TestA#y", later), r("TestA#z", skip)})
	if o := []outcome{java[0].outcome, java[1].outcome, java[2].outcome}; !cmp.Equal(o, []outcome{pass, fail, skip}) {
		t.Errorf("the control's outcomes are %v", o)
	}
}

// TestProblemTells: a problem begins with its class, and says where the JVM's output is.
func TestProblemTells(t *testing.T) {
	x := r("TestA#x", fail)
	x.detail, x.where = "timed out", "/out/TestA"
	got := trial{classes: []string{"TestA"}, ours: []result{x}, control: []result{r("TestA#x", pass)}}.judge()
	if diff := cmp.Diff([]string{"TestA#x: the control: pass, ours: fail, timed out [/out/TestA]"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for problem, want := range map[string]string{got[0]: "TestA", "TestB: no result at all": "TestB", "TestC": "TestC"} {
		if class := classOf(problem); class != want {
			t.Errorf("%q is of %q", problem, class)
		}
	}
}

// TestSecondOnly: a second attempt that the control did not need is told.
func TestSecondOnly(t *testing.T) {
	x, y := r("TestA#x", fail), r("TestA#y", fail)
	x.detail = "timed out"
	seconds := withSecond([]result{x, y, r("TestA#z", pass)},
		secondRun{results: []result{r("TestA#x", pass), r("TestA#y", pass)}})
	got := secondOnly(seconds, []result{r("TestA#x", pass), r("TestA#y", passSecond), r("TestA#z", pass)})
	if diff := cmp.Diff([]string{"TestA#x, at first: timed out"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
