package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocumented: the section of docs/compatibility.md is what the kept results give, and they are no worse than the
// control.
func TestDocumented(t *testing.T) {
	pairs, err := readPairs(keptFiles)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := readMarks()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, generated, _, err := cutSection(string(text))
	if err != nil {
		t.Fatal(err)
	}
	lists, err := allLists()
	if err != nil {
		t.Fatal(err)
	}
	want, err := section(lists, pairs, m, plantedFaults)
	if diff := cmp.Diff(want, generated); err != nil || diff != "" {
		t.Errorf("KEEP=1 make hadoop-suites writes another section: %v; -generated +document\n%s", err, diff)
	}
	used := make(map[string]bool)
	for _, release := range releases {
		p := pairs[release.Version]
		c := &campaign{side: ours, marks: m, control: p.control, classes: lists[release.Version].classes,
			results: p.ours.results}
		names := c.names()
		theirs := control{version: release.Version, results: p.control.results, marks: m}
		for _, problem := range append(c.judge(false), theirs.judge()...) {
			t.Errorf("%s %s", release.Version, problem)
		}
		for _, kept := range append(slices.Clone(p.ours.results), p.control.results...) {
			if !slices.Contains(names, kept.class) {
				t.Errorf("%s: %s has kept results and is not in the list of classes", release.Version, kept.class)
			}
			used[kept.class+"#"+kept.function()] = true
		}
	}
	ids := keys(m.runs)
	maps.Copy(ids, keys(m.java))
	maps.Copy(ids, keys(m.own))
	for id := range ids {
		if !used[id] {
			t.Errorf("%s names %s, which no release has", skipFile, id)
		}
	}
}

// TestSection: what the section tells of results.
func TestSection(t *testing.T) {
	fresh, err := shimDigest(releases[0], "TestA")
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[string]pair{
		"2.7.7": {kept{dates: map[string]string{"TestA": "a", "TestB": "b"},
			made: map[string]origin{"TestA": {shim: fresh}, "TestB": {shim: "0123456789ab"}}, results: []result{r("TestA#x", pass), r("TestA#y[a|b]", fail), kerberos("TestA#k", later), silent("TestA#q"),
				r("TestB#z", passSecond), r("TestNodeRules#n", pass)}},
			kept{results: []result{r("TestA#x", passSecond), {class: "TestA", method: "y[a|b]", outcome: fail, detail: "List<x>"},
				r("TestA#k", pass), r("TestA#q", noCall)}}},
		"3.4.2": {kept{results: []result{r("TestA#s[1]", skip), {class: "TestA", method: "i", outcome: assumed, detail: "broken"}}},
			kept{results: []result{r("TestA#s[1]", skip), {class: "TestA", method: "i", outcome: assumed, detail: "broken"}}}},
	}
	core := class{name: "org.TestA", core: true}
	lists := map[string]classList{"2.7.7": {classes: []class{core, {name: "org.TestB"}, {name: ownTests}}},
		"3.4.2": {classes: []class{core}}}
	want := "| passed of ran | 2.7.7 | 3.4.2 | 3.5.0 |\n| --- | --- | --- | --- |\n" +
		"| `TestA` | 1 of 3 (1 without a call, 1 later), Java 2 of 4, 1 at the 2nd attempt (1 without a call); CI | " +
		"0 of 0 (2 skipped), Java 0 of 0 (2 skipped) | – |\n" +
		"| `TestB` | 1 of 1, 1 at the 2nd attempt, Java not run yet; long | – | – |\n" +
		"| all of Hadoop's | 2 of 4, 1 at the 2nd attempt (1 without a call, 1 later), " +
		"Java 2 of 4, 1 at the 2nd attempt (1 without a call) | " +
		"0 of 0 (2 skipped), Java 0 of 0 (2 skipped) | not run yet, Java not run yet |\n" +
		"| `TestNodeRules` | 1 of 1, Java not run yet; long | – | – |\n" + `
On 2.7.7, kept of an earlier shim or set-up, of ours: TestB.

Not run, on either side:

| method | releases | reason |
| --- | --- | --- |
| TestA i | 3.4.2 | Hadoop's own: broken |
| TestA s[1] | 3.4.2 | asks the object |

Later, and fails now on ours:

| method | releases | reason |
| --- | --- | --- |
| TestA k | 2.7.7 | Kerberos |

Fails with Java's node:

| method | releases | reason |
| --- | --- | --- |
| TestA y[a\|b] | 2.7.7 | List&lt;x> |

Asks no JournalNode, and so has passed with neither node:

| method | releases |
| --- | --- |
| TestA q | 2.7.7 |

Passed at the second attempt with ours:

| method | releases | reason |
| --- | --- | --- |
| TestB z | 2.7.7 | wrong about time |

Builds with a planted fault, and the methods that fail with it and pass without (TestNodeRules is ours, all others are Hadoop's):

| build | what is wrong with it | fails | 2.7.7 | 3.4.2 | 3.5.0 |
| --- | --- | --- | --- | --- | --- |
` + "| `f` | forgets | `TestA#x`, `TestA#y`, `TestO#z` | long | – | long |\n| `f` | forgets | `TestA#y` | – | CI | – |\n"
	m := marks{runs: map[string]mark{"TestA#s": {outcome: skip, reason: "asks the object"},
		"TestA#k": {outcome: later, reason: "Kerberos"}}, own: map[string]mark{"TestB#z": {outcome: racy, reason: "wrong about time"}}}
	usual := []victim{{class: "org.TestA", method: "x"}, {class: "org.TestA", method: "y"},
		{class: "gojn.suites.own.TestO", method: "z"}}
	got, err := section(lists, pairs, m, []plantedFault{{name: "f", words: "forgets",
		victims: map[string][]victim{"2.7.7": usual, "3.5.0": usual, "3.4.2": usual[1:2]}}})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v; -want +got\n%s", err, diff)
	}
}

// TestCells: a cell says CI where the Makefile runs the class in CI.
func TestCells(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "-release " + strings.Join(ciReleases, ",") + " -core "; !strings.Contains(string(text), want) {
		t.Errorf("hadoop-suites-ci does not run %s", want)
	}
	if want := " -negative-release " + ciFaults + " "; !strings.Contains(string(text), want) || faultsRunIn(ciFaults) != "CI" ||
		faultsRunIn("2.7.7") != "long" {
		t.Errorf("hadoop-suites-ci does not run %s", want)
	}
	for _, row := range []struct {
		core    bool
		version string
		want    string
	}{{true, "3.4.2", "CI"}, {true, "2.7.7", "CI"}, {true, "3.5.0", "long"}, {false, "3.4.2", "long"}} {
		if got := runsIn(class{core: row.core}, row.version); got != row.want {
			t.Errorf("%+v: %s", row, got)
		}
	}
}
