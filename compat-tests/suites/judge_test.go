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

func kerberos(id string, o outcome) result {
	k := r(id, o)
	k.flags = []string{"kerberos"}
	return k
}

// TestJudge: ours fails where the control passes and ours does not, and where the two cannot be compared.
func TestJudge(t *testing.T) {
	listed := marks{"TestA#k": {later, "Kerberos"}, "TestA#s": {skip, "asks the object"}}
	for _, c := range []struct {
		name    string
		trial   trial
		because []string
	}{
		{"both pass", trial{ours: []result{r("TestA#x", pass)}, control: []result{r("TestA#x", pass)}}, nil},
		{"second attempts count on either side", trial{ours: []result{r("TestA#x", passSecond), r("TestA#y", pass)},
			control: []result{r("TestA#x", pass), r("TestA#y", passSecond)}}, nil},
		{"both fail", trial{ours: []result{r("TestA#x", fail)}, control: []result{r("TestA#x", noCall)}}, nil},
		{"ours is better", trial{ours: []result{r("TestA#x", pass)}, control: []result{r("TestA#x", fail)}}, nil},
		{"ours fails", trial{ours: []result{r("TestA#x", fail)}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: the control passes, ours: fail"}},
		{"ours fails, the control at the second attempt not",
			trial{ours: []result{r("TestA#x", fail)}, control: []result{r("TestA#x", passSecond)}},
			[]string{"TestA#x: the control passes, ours: fail"}},
		{"no process was asked", trial{ours: []result{r("TestA#x", noCall)}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: the control passes, ours: no call"}},
		{"the JVM died", trial{ours: []result{r("TestA#x", notRun)}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: the control passes, ours: not run"}},
		{"a method is missing", trial{ours: []result{r("TestA#x", pass)}, control: []result{r("TestA#x", pass), r("TestA#y", pass)}},
			[]string{"TestA#y did not run; with the control: pass"}},
		{"one that fails with the control is missing",
			trial{ours: []result{r("TestA#x", pass)}, control: []result{r("TestA#x", pass), r("TestA#y", fail)}},
			[]string{"TestA#y did not run; with the control: fail"}},
		{"the control does not know a method", trial{ours: []result{r("TestA#x", pass), r("TestA#y", fail)},
			control: []result{r("TestA#x", pass)}}, []string{"TestA#y: the control does not know it; CONTROL=1 makes it anew"}},
		{"no result of a class", trial{ours: nil, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x did not run; with the control: pass", "TestA: no result at all"}},
		{"no control of a class", trial{ours: []result{r("TestA#x", pass)}}, []string{
			"TestA#x: the control does not know it; CONTROL=1 makes it anew",
			"TestA: the kept control has no result; CONTROL=1 makes it anew"}},
		{"both skip", trial{ours: []result{r("TestA#s", skip)}, control: []result{r("TestA#s", skip)}}, nil},
		{"ours skips", trial{ours: []result{r("TestA#x", skip)}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x: the control passes, ours: skip"}},
		{"ours skips what fails with the control", trial{ours: []result{r("TestA#x", skip)}, control: []result{r("TestA#x", fail)}},
			[]string{"TestA#x is skipped, but not with the control"}},
		{"an assumption fails with ours only", trial{ours: []result{r("TestA#x", assumed)}, control: []result{r("TestA#x", fail)}},
			[]string{"TestA#x is skipped, but not with the control"}},
		{"later", trial{ours: []result{kerberos("TestA#k", later)}, control: []result{kerberos("TestA#k", pass)}}, nil},
		{"later, not listed", trial{ours: []result{r("TestA#x", later)}, control: []result{r("TestA#x", pass)}},
			[]string{"TestA#x is said to come later and is not listed"}},
		{"later passes", trial{ours: []result{kerberos("TestA#k", laterPass)}, control: []result{kerberos("TestA#k", pass)}},
			[]string{"TestA#k passes: take it off the list of what comes later"}},
		{"Kerberos passes unlisted", trial{ours: []result{kerberos("TestA#x", pass)}, control: []result{kerberos("TestA#x", pass)}},
			[]string{"TestA#x ran with Kerberos and passes: that is not built"}},
		{"Kerberos fails unlisted", trial{ours: []result{kerberos("TestA#x", fail)}, control: []result{kerberos("TestA#x", pass)}},
			[]string{"TestA#x: the control passes, ours: fail"}},
		{"the documentation says that it passes", trial{ours: []result{r("TestA#x", fail)}, control: []result{r("TestA#x", fail)},
			claimed: []result{r("TestA#x", pass)}}, []string{"TestA#x passed when docs/compatibility.md was written, now: fail"}},
		{"the documentation tells a method that did not run", trial{ours: []result{r("TestA#x", pass)},
			control: []result{r("TestA#x", pass)}, claimed: []result{r("TestA#x", pass), r("TestA#y", passSecond)}},
			[]string{"TestA#y passed when docs/compatibility.md was written, now: it did not run"}},
	} {
		c.trial.classes, c.trial.marks = []string{"TestA"}, listed
		if diff := cmp.Diff(c.because, c.trial.judge()); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}

// TestJudgeControl: a control must have run; that it fails is no fault.
func TestJudgeControl(t *testing.T) {
	got := judgeControl([]string{"TestA", "TestB"}, []result{r("TestA#x", fail), r("TestA#y", noCall), r("TestA#z", notRun)})
	want := []string{"TestB: no result at all", "TestA#z did not run"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	control := asControl([]result{r("TestA#x", laterPass), r("TestA#y", later), r("TestA#z", skip)})
	if o := []outcome{control[0].outcome, control[1].outcome, control[2].outcome}; !cmp.Equal(o, []outcome{pass, fail, skip}) {
		t.Errorf("the control's outcomes are %v", o)
	}
}
