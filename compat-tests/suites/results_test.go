package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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

// TestWithKilled: that SIGTERM does not end a node of ours is a failure where it ended Java's.
func TestWithKilled(t *testing.T) {
	x := flagged(nodeKilled, "TestA#x", pass)
	for _, c := range []struct {
		name    string
		control []result
		want    outcome
	}{
		{"the control ended", []result{r("TestA#x", pass)}, fail}, {"the control did not", []result{x}, pass},
		{"nobody knows", []result{r("TestA#y", pass)}, pass},
	} {
		if got := withKilled([]result{x}, c.control); got[0].outcome != c.want {
			t.Errorf("%s: %s", c.name, got[0].outcome)
		}
	}
	if got := withKilled([]result{r("TestA#x", pass)}, []result{r("TestA#x", pass)}); got[0].outcome != pass {
		t.Errorf("without the flag: %s", got[0].outcome)
	}
}

// TestSecondAttempts: once more alone may only mend what failed, and says so.
func TestSecondAttempts(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second []result
		want          map[string]outcome
	}{
		{"passes then", []result{r("TestA#x", fail), r("TestA#y", pass)}, []result{r("TestA#x", pass)},
			map[string]outcome{"TestA#x": passSecond, "TestA#y": pass}},
		{"did not run", []result{r("TestA#x", notRun)}, []result{r("TestA#x", pass)}, map[string]outcome{"TestA#x": passSecond}},
		{"fails again", []result{r("TestA#x", fail)}, []result{r("TestA#x", fail)}, map[string]outcome{"TestA#x": fail}},
		{"asks nobody then", []result{r("TestA#x", fail)}, []result{r("TestA#x", noCall)}, map[string]outcome{"TestA#x": fail}},
		{"no second", []result{r("TestA#x", fail)}, nil, map[string]outcome{"TestA#x": fail}},
		{"of what passed", []result{r("TestA#x[1]", pass), r("TestA#x[2]", fail)}, []result{r("TestA#x[1]", fail), r("TestA#x[2]", pass)},
			map[string]outcome{"TestA#x[1]": pass, "TestA#x[2]": passSecond}},
		{"the class failed", []result{r("TestA#(TestA)", fail)}, []result{r("TestA#x", pass), r("TestA#y", fail)},
			map[string]outcome{"TestA#x": passSecond, "TestA#y": fail}},
		{"the class fails again", []result{r("TestA#(TestA)", fail)}, []result{r("TestA#(TestA)", fail)},
			map[string]outcome{"TestA#(TestA)": fail}},
	} {
		got := make(map[string]outcome)
		for _, r := range withSecond(c.first, c.second) {
			got[r.id()] = r.outcome
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
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
	}
	list, err := parseClassList("org.TestA core kill pending heap=2048 budget=60\n- org.TestB it only names the class\n")
	want := classList{classes: []class{{"org.TestA", true, 2048, time.Minute, true, true}},
		left: map[string]string{"org.TestB": "it only names the class"}}
	if diff := cmp.Diff(want, list, unexported); err != nil || diff != "" {
		t.Errorf("%v; -want +got\n%s", err, diff)
	}
	for _, text := range []string{"", "org.TestA heap=much", "org.TestA quick", "- org.TestB", "org.TestA\ncom.TestA"} {
		if _, err := parseClassList(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// TestResume: what came to an end in a directory is taken from there, what did not is not.
func TestResume(t *testing.T) {
	j := job{dir: t.TempDir(), resume: true}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(j.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("results.tsv", "TestA\tx\tpass\t12\t3\t0\t\t\nTestA\ty\tfa")
	if e, err := j.before(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without an end: %v, %v", e, err)
	}
	write(endedFile, "died")
	e, err := j.before()
	if err != nil || e.problem != "died" || len(e.results) != 1 || e.results[0].outcome != noCall {
		t.Errorf("after an end: %+v, %v", e, err)
	}
	write("results.tsv", "TestA\tx\tfine\t12\t3\t0\t\t\n")
	if e, err := j.before(); err == nil {
		t.Errorf("of odd results: %+v", e)
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
