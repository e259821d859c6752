package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestJudgeVictim: with the fault a victim must have run and failed; without, passed.
func TestJudgeVictim(t *testing.T) {
	v := victim{class: "org.TestA", method: "x", says: "lost"}
	failed := func(method string) result {
		return result{class: "TestA", method: method, outcome: fail, detail: "an edit is lost"}
	}
	n := negativeJob{fault: plantedFault{name: "f", words: "wrong"}}
	for _, c := range []struct {
		name          string
		results       []result
		faulty, sound bool // whether that is as it must be
	}{
		{"fails", []result{failed("x")}, true, false},
		{"fails of something else", []result{r("TestA#x", fail)}, false, false},
		{"passes", []result{r("TestA#x", pass)}, false, true},
		{"asks nobody", []result{r("TestA#x", noCall)}, false, false},
		{"is skipped", []result{r("TestA#x", skip)}, false, false},
		{"did not run", nil, false, false},
		{"fails with one set of parameters", []result{r("TestA#x[1]", pass), failed("x[2]"), r("TestA#x[3]", pass)}, true, false},
		{"another method fails", []result{r("TestA#xy", fail), r("TestB#x", fail)}, false, false},
	} {
		n.sound = false
		if _, problem := n.judge(v, ended{results: c.results}); (problem == "") != c.faulty {
			t.Errorf("%s with the fault: %q", c.name, problem)
		}
		n.sound = true
		if _, problem := n.judge(v, ended{results: c.results}); (problem == "") != c.sound {
			t.Errorf("%s without the fault: %q", c.name, problem)
		}
	}
}

// TestJudgeSays: a victim that fails of something else is none.
func TestJudgeSays(t *testing.T) {
	n := negativeJob{fault: plantedFault{name: "f", words: "wrong"}}
	v := victim{class: "org.TestA", method: "x", says: "expected 4"}
	for detail, want := range map[string]bool{"finalized to wrong txid, expected 4": true, "test timed out": false, "": false} {
		x := r("TestA#x", fail)
		x.detail = detail
		if _, problem := n.judge(v, ended{results: []result{x}}); (problem == "") != want {
			t.Errorf("%q: %q", detail, problem)
		}
	}
}

// TestRunNegative: what the builds did is told as evidence for the table, a victim as failed where it did not see the
// fault or did not pass without, and that nothing runs is no success.
func TestRunNegative(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("RAN", filepath.Join(dir, "ran"))
	blind := plantedFaults[0] // nobody sees it
	odd := plantedFaults[1]   // its victims fail without it too
	p := pool{places: 2, out: io.Discard, runs: func(j job, _ context.Context) (ended, error) {
		var results []result
		for _, f := range plantedFaults {
			for _, v := range f.victims["3.5.0"] {
				x := r(simpleName(v.class)+"#"+v.method, pass)
				if j.name == f.name && f.name != blind.name || j.name == "without "+odd.name && f.name == odd.name {
					x.outcome, x.detail = fail, v.says
				}
				if (j.name == f.name || j.name == "without "+f.name) && slices.Contains(j.methods, v.method) {
					results = append(results, x)
				}
			}
		}
		return ended{results: results}, nil
	}}
	found, err := findReleases("3.5.0")
	if err != nil {
		t.Fatal(err)
	}
	c := &campaign{install: &installation{release: found[0]}}
	builds := make([]builtFault, len(plantedFaults))
	ran, err := runNegative(t.Context(), p, []*campaign{c}, false, builds, filepath.Join(dir, "negative"))
	if err != nil {
		t.Fatal(err)
	}
	problems, err := ran.judge(io.Discard)
	if want := len(blind.victims["3.5.0"]) + len(odd.victims["3.5.0"]); err != nil || len(problems) != want {
		t.Errorf("%d problems, not %d: %q, %v", len(problems), want, problems, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "ran", "hadoop-suites-faults-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	text := string(must(os.ReadFile(files[0]))(t))
	for _, f := range plantedFaults {
		for _, v := range f.victims["3.5.0"] {
			for _, name := range []string{v.name() + "/" + f.name, v.name() + "/" + f.name + "/3.5.0"} {
				failed := strings.Contains(text, `{"Action":"fail","Package":"gojn/compat-tests/suites","Test":"`+name+`"}`)
				passed := strings.Contains(text, `{"Action":"pass","Package":"gojn/compat-tests/suites","Test":"`+name+`"}`)
				if bad := f.name == blind.name || f.name == odd.name; failed != bad || !bad && !passed {
					t.Errorf("%s: failed %v, passed %v", name, failed, passed)
				}
			}
		}
	}
	if ran, err = runNegative(t.Context(), p, nil, false, builds, filepath.Join(dir, "none")); err == nil {
		t.Errorf("without a job: %v", ran)
	}
}

// TestTogether: victims of a class share a JVM.
func TestTogether(t *testing.T) {
	a, b, c := victim{class: "A", method: "x"}, victim{class: "A", method: "y"}, victim{class: "B", method: "x"}
	want := [][]victim{{a, b}, {c}}
	if diff := cmp.Diff(want, together([]victim{a, c, b}), cmp.AllowUnexported(victim{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestSoundInClasses: where the victims' class runs on the ordinary build anyway that is the sound run, and must have passed.
func TestSoundInClasses(t *testing.T) {
	p := pool{places: 1, out: io.Discard, runs: func(job, context.Context) (ended, error) { return ended{}, nil }}
	c := &campaign{install: &installation{release: releases[0]}, classes: []class{{name: journalNodeTests}}}
	ran, err := runNegative(t.Context(), p, []*campaign{c}, true, make([]builtFault, len(plantedFaults)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range ran.jobs {
		here := n.class.name == journalNodeTests
		if (n.classes != nil) != here || here && n.sound {
			t.Errorf("%s of %s: sound %v, in the classes' run %v", n.fault.name, n.class.name, n.sound, n.classes != nil)
		}
		if !here {
			continue
		}
		v := n.victims[0]
		failed := ended{results: []result{{class: simpleName(v.class), method: v.method, outcome: fail, detail: v.says}}}
		for o, want := range map[outcome]bool{pass: true, passSecond: true, fail: false, noCall: false} {
			c.results = []result{r(v.name(), o)}
			if _, problem := n.judge(v, failed); (problem == "") != want {
				t.Errorf("%s, on the ordinary build: %s: %q", v.name(), o, problem)
			}
		}
	}
}
