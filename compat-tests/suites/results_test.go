package main

import (
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var unexported = cmp.AllowUnexported(result{}, kept{}, origin{}, mark{}, marks{}, class{}, classList{})

// TestParseResults: what the JVM and the kept files say, and what is refused.
func TestParseResults(t *testing.T) {
	text := "# comment\n" +
		"TestA\tx[1]\tpass\t12\t3\t44\tkerberos,hooked\t\n" +
		"org.apache.TestA\ty\tassumed\t0\t0\t0\t\tbecause\n"
	got, err := parseResults(text)
	want := []result{
		{class: "TestA", method: "x[1]", outcome: pass, ms: 12, started: 3, calls: 44, flags: []string{"kerberos", "hooked"}},
		{class: "TestA", method: "y", outcome: assumed, detail: "because"},
	}
	if diff := cmp.Diff(want, got, unexported); err != nil || diff != "" {
		t.Errorf("%v; -want +got\n%s", err, diff)
	}
	if again, err := parseResults(got[0].line() + "\n" + got[1].line()); err != nil || !cmp.Equal(again, want, unexported) {
		t.Errorf("written and read again: %v, %v", again, err)
	}
	for name, text := range map[string]string{
		"columns": "TestA\tx\tpass\t12\t3\t44\t", "number": "TestA\tx\tpass\tsoon\t3\t44\t\t", "outcome": "TestA\tx\tfine\t1\t3\t44\t\t",
		"twice": "TestA\tx\tpass\t1\t3\t44\t\t\nTestA\tx\tfail\t1\t3\t44\t\t",
	} {
		if got, err := parseResults(text); err == nil {
			t.Errorf("%s: no error, but %v", name, got)
		}
	}
}

// TestWeigh: a method that passed without a call to a process, or beside one that died, has not passed.
func TestWeigh(t *testing.T) {
	without := func(o outcome, flags ...string) result {
		return result{class: "TestA", method: "x", outcome: o, flags: flags}
	}
	for _, c := range []struct {
		name string
		r    result
		want outcome
	}{
		{"passes", r("TestA#x", pass), pass}, {"asks nobody", without(pass), noCall}, {"fails", without(fail), fail},
		{"a node died", flagged(nodeDied, "TestA#x", pass), fail},
		{"a node died, later", flagged(nodeDied, "TestA#x", laterPass), later},
		{"nobody knows the calls", without(pass, withKerberos, notCounted), fail},
		{"nobody knows all calls", flagged(notCounted, "TestA#x", pass), fail},
		{"later passes", r("TestA#x", laterPass), laterPass}, {"later asks nobody", without(laterPass), noCall},
		{"skipped", without(skip), skip}, {"SIGTERM did not end it", flagged(nodeKilled, "TestA#x", pass), pass},
	} {
		if got := weigh([]result{c.r})[0]; got.outcome != c.want || (got.detail == "") != (c.want == c.r.outcome) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestBesideControl: that SIGTERM does not end a node of ours is a failure where it ended Java's, and a pass says
// nothing where Java's node is not asked.
func TestBesideControl(t *testing.T) {
	x := flagged(nodeKilled, "TestA#x", pass)
	for _, c := range []struct {
		name    string
		control []result
		want    outcome
	}{
		{"the control ended", []result{r("TestA#x", pass)}, fail}, {"the control did not", []result{x}, pass},
		{"nobody knows", []result{r("TestA#y", pass)}, pass},
	} {
		if got := besideControl([]result{x}, c.control); got[0].outcome != c.want {
			t.Errorf("%s: %s", c.name, got[0].outcome)
		}
	}
	if got := besideControl([]result{r("TestA#x", pass)}, []result{r("TestA#x", pass)}); got[0].outcome != pass {
		t.Errorf("without the flag: %s", got[0].outcome)
	}
	for o, want := range map[outcome]outcome{pass: noCall, passSecond: noCall, laterPass: noCall, fail: fail, notRun: notRun,
		later: later, skip: skip} {
		x := r("TestA#x", o)
		x.calls = 604 // of what an earlier method left running
		got := besideControl([]result{x, r("TestA#y", pass)}, []result{silent("TestA#x"), r("TestA#y", pass)})
		if got[0].outcome != want || got[0].calls != 604 || got[1].outcome != pass {
			t.Errorf("%s where Java's node is not asked: %v", o, got)
		}
	}
}

// TestSecondAttempts: once more alone may only mend what failed, and says so; what only then fails has failed.
func TestSecondAttempts(t *testing.T) {
	died := r("TestA#x[1]", fail)
	died.final = true
	of := func(results ...result) secondRun { return secondRun{results: results} }
	whole := func(results ...result) secondRun { return secondRun{results: results, whole: true} }
	broken := func(s secondRun) secondRun { s.broken = true; return s }
	for _, c := range []struct {
		name   string
		first  []result
		second secondRun
		want   map[string]outcome
	}{
		{"passes then", []result{r("TestA#x", fail), r("TestA#y", pass)}, of(r("TestA#x", pass)),
			map[string]outcome{"TestA#x": passSecond, "TestA#y": pass}},
		{"did not run", []result{r("TestA#x", notRun)}, of(r("TestA#x", pass)), map[string]outcome{"TestA#x": passSecond}},
		{"fails again", []result{r("TestA#x", fail)}, of(r("TestA#x", fail)), map[string]outcome{"TestA#x": fail}},
		{"asks nobody then", []result{r("TestA#x", fail)}, of(r("TestA#x", noCall)), map[string]outcome{"TestA#x": noCall}},
		{"no second", []result{r("TestA#x", fail)}, of(), map[string]outcome{"TestA#x": fail}},
		{"passes in a JVM that died then", []result{r("TestA#x", fail)}, broken(of(r("TestA#x", pass))),
			map[string]outcome{"TestA#x": fail}},
		{"what passed fails then", []result{r("TestA#x[1]", pass), r("TestA#x[2]", fail)},
			of(r("TestA#x[1]", fail), r("TestA#x[2]", pass)), map[string]outcome{"TestA#x[1]": fail, "TestA#x[2]": passSecond}},
		{"one of two passes then", []result{r("TestA#x[1]", fail), r("TestA#x[2]", fail)},
			of(r("TestA#x[1]", fail), r("TestA#x[2]", pass)), map[string]outcome{"TestA#x[1]": fail, "TestA#x[2]": passSecond}},
		{"a node died at first", []result{died, r("TestA#x[2]", fail)}, of(r("TestA#x[1]", pass), r("TestA#x[2]", pass)),
			map[string]outcome{"TestA#x[1]": fail, "TestA#x[2]": passSecond}},
		{"the class fails then", []result{r("TestA#x", fail)}, of(r("TestA#x", pass), r("TestA#(TestA)", fail)),
			map[string]outcome{"TestA#x": passSecond, "TestA#(TestA)": fail}},
		{"the class failed", []result{r("TestA#(TestA)", fail)}, whole(r("TestA#x", pass), r("TestA#s", skip)),
			map[string]outcome{"TestA#x": passSecond, "TestA#s": skip}},
		{"the class failed and its methods did not", []result{r("TestA#x", pass), silent("TestA#n"), r("TestA#(TestA)", fail)},
			whole(r("TestA#x", pass), silent("TestA#n")), map[string]outcome{"TestA#x": passSecond, "TestA#n": noCall}},
		{"the class failed, then a method", []result{r("TestA#(TestA)", fail)}, whole(r("TestA#x", pass), r("TestA#y", fail)),
			map[string]outcome{"TestA#(TestA)": fail, "TestA#x": passSecond, "TestA#y": fail}},
		{"the class failed, then what had passed", []result{r("TestA#x", pass), r("TestA#y", pass), r("TestA#(TestA)", fail)},
			broken(whole(r("TestA#x", fail), r("TestA#y", notRun))),
			map[string]outcome{"TestA#(TestA)": fail, "TestA#x": fail, "TestA#y": pass}},
		{"the class failed, then its JVM died", []result{r("TestA#x", pass), r("TestA#(TestA)", fail)},
			broken(whole(r("TestA#x", pass))), map[string]outcome{"TestA#(TestA)": fail, "TestA#x": pass}},
		{"the class failed, then nothing ran", []result{r("TestA#(TestA)", fail)}, whole(),
			map[string]outcome{"TestA#(TestA)": fail}},
		{"the class fails again", []result{r("TestA#(TestA)", fail)}, whole(r("TestA#x", pass), r("TestA#(TestA)", fail)),
			map[string]outcome{"TestA#(TestA)": fail, "TestA#x": passSecond}},
	} {
		got := make(map[string]outcome)
		for _, r := range withSecond(c.first, c.second) {
			got[r.id()] = r.outcome
			if (r.outcome == passSecond) != strings.HasPrefix(r.detail, "at first: ") {
				t.Errorf("%s: %s is told as %q", c.name, r.id(), r.detail)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}

// TestFinal: what no second attempt of ours mends. Java's sources say it as [outsideMethods] does.
func TestFinal(t *testing.T) {
	whole := r("TestA#(TestA)", fail)
	outside := whole
	outside.detail = outsideMethods + "a JournalNode ended"
	control := []result{flagged(nodeKilled, "TestA#k", pass), r("TestA#x", pass)}
	for name, c := range map[string]struct {
		r    result
		want bool
	}{
		"fails":                          {r("TestA#x", fail), false},
		"a node died":                    {flagged(nodeDied, "TestA#x", fail), true},
		"a node died, and it is skipped": {flagged(nodeDied, "TestA#x", skip), false},
		"SIGTERM did not end a node":     {flagged(nodeKilled, "TestA#x", fail), true},
		"nor with the control":           {flagged(nodeKilled, "TestA#k", fail), false},
		"calls could not be read":        {flagged(notCounted, "TestA#x", fail), true},
		"it draws lots":                  {r("TestA#d[3]", fail), true},
		"it draws lots, and passes":      {r("TestA#d[4]", pass), false},
		"the class fails":                {whole, false},
		"outside the methods":            {outside, true},
	} {
		got := withFinal([]result{c.r}, control, marks{own: map[string]mark{"TestA#d": {outcome: drawsLots, reason: "a seed"}}})
		if got[0].final != c.want {
			t.Errorf("%s: %v", name, got[0].final)
		}
		if jobs := again(job{class: class{name: "org.TestA"}, dir: "/d/TestA"}, got); (len(jobs) == 0) != (c.want || !c.r.outcome.failed()) {
			t.Errorf("%s: %d second attempts", name, len(jobs))
		}
	}
	java, err := fs.ReadFile(javaSources, "java/common/gojn/suites/Ledger.java")
	if err != nil || !strings.Contains(string(java), `"`+outsideMethods) {
		t.Errorf("Java tells it in other words than %q: %v", outsideMethods, err)
	}
}

// TestAgain: which methods are tried again, and for how long.
func TestAgain(t *testing.T) {
	j := job{class: class{name: "org.TestA", budget: 20 * time.Minute}, dir: "/d/TestA"}
	slow := r("TestA#slow", fail)
	slow.ms = 100_000
	jobs := again(j, []result{r("TestA#a", pass), r("TestA#x[1]", fail), r("TestA#x[2]", fail), r("TestA#n", noCall),
		r("TestA#d", notRun), slow, r("TestA#k", later)})
	got := make(map[string]time.Duration)
	for _, k := range jobs {
		got[strings.Join(k.methods, ",")] = k.limit()
	}
	want := map[string]time.Duration{"x": secondBudget, "d": secondBudget, "slow": 5 * time.Minute}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("once more: -want +got\n%s", diff)
	}
	jobs = again(j, []result{r("TestA#(TestA)", fail)})
	if len(jobs) != 1 || len(jobs[0].methods) != 0 || jobs[0].limit() != j.limit() {
		t.Errorf("a class that failed is not run again as a whole: %v", jobs)
	}
	if jobs = again(j, []result{r("TestA#x", fail), r("TestA#(TestA)", fail), slow}); len(jobs) != 1 || len(jobs[0].methods) != 0 {
		t.Errorf("a class that failed has other second attempts than as a whole: %v", jobs)
	}
	j.class.kill, j.side = true, javaNode
	if jobs := again(j, []result{slow}); len(jobs) != 1 || jobs[0].limit() != controlPatience*20*time.Minute {
		t.Errorf("a method that starts hundreds of nodes: %v", jobs)
	}
	j.class = class{name: "org.TestA", budget: time.Minute}
	var dead []result
	for i := range 20 {
		dead = append(dead, r("TestA#m"+strconv.Itoa(i), notRun))
	}
	if jobs := again(j, append(dead, slow)); len(jobs) != mostOfNotRun+1 || jobs[0].limit() != secondBudget {
		t.Errorf("of a class that died: %d attempts", len(jobs))
	}
}

// TestNotRun: what was expected of a JVM that died is not forgotten.
func TestNotRun(t *testing.T) {
	c := &campaign{control: kept{results: []result{r("TestA#x", pass), r("TestA#y", pass), r("TestB#z", pass)}}}
	j := job{class: class{name: "org.TestA"}}
	got := c.complete(j, ended{results: []result{r("TestA#x", pass)}, problem: "died"})
	if len(got) != 2 || got[1].id() != "TestA#y" || got[1].outcome != notRun || got[1].detail != "died" {
		t.Errorf("after a death: %v", got)
	}
	if got = (&campaign{}).complete(j, ended{problem: "died"}); len(got) != 1 || got[0].outcome != notRun || !got[0].ofWholeClass() {
		t.Errorf("after the death of a class that nobody knows: %v", got)
	}
	if got = c.complete(j, ended{results: []result{r("TestA#x", pass)}}); len(got) != 1 {
		t.Errorf("after a good end: %v", got)
	}
}

// TestClassList: the committed lists are read, and what is refused.
func TestClassList(t *testing.T) {
	for _, release := range releases {
		list, err := listOf(release.Version)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(list.classes, func(c class) bool { return c.core }) {
			t.Errorf("no core class of %s", release.Version)
		}
		if !slices.ContainsFunc(list.classes, func(c class) bool { return c.name == ownTests && !c.core && c.budget > 0 }) {
			t.Errorf("our own tests do not run on %s", release.Version)
		}
	}
	list, err := parseClassList("org.TestA core kill budget=60\n- org.TestB it only names the class\n")
	want := classList{classes: []class{{"org.TestA", true, time.Minute, true}},
		left: map[string]string{"org.TestB": "it only names the class"}}
	if diff := cmp.Diff(want, list, unexported); err != nil || diff != "" {
		t.Errorf("%v; -want +got\n%s", err, diff)
	}
	for _, text := range []string{"", "org.TestA budget=much", "org.TestA quick", "- org.TestB", "org.TestA\ncom.TestA"} {
		if _, err := parseClassList(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// TestKeptDetail: what is kept names no directories of the machine, and all else as it was.
func TestKeptDetail(t *testing.T) {
	for detail, want := range map[string]string{
		"More than one log segment in /a/b.c/current starting": "More than one log segment in …/current starting",
		"= 'kerberos' (/x/y-1/conf/core-site.xml)":             "= 'kerberos' (…/core-site.xml)",
		"file:/a/b, to localhost/127.0.0.1:8485; see http://wiki.example.org/hadoop/EOF /": "file:/a/b, to localhost/127.0.0.1:8485; " +
			"see http://wiki.example.org/hadoop/EOF /",
	} {
		r := result{class: "TestA", method: "x", outcome: fail, detail: detail}
		again, err := parseResults(r.line())
		if err != nil || len(again) != 1 || again[0].detail != want {
			t.Errorf("%q: %+v, %v", detail, again, err)
		}
	}
}
