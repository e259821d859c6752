package main

import (
	"os"
	"path/filepath"
	"slices"
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
	if diff := cmp.Diff(section(pairs, m), generated); diff != "" {
		t.Errorf("KEEP=1 make hadoop-suites writes another section: -generated +document\n%s", diff)
	}
	used := make(map[string]bool)
	for _, release := range releases {
		list, err := listOf(release.Version)
		if err != nil {
			t.Fatal(err)
		}
		p := pairs[release.Version]
		c := &campaign{side: ours, classes: list.classes, marks: m, control: p.control, results: p.ours.results}
		for _, problem := range c.judge(false) {
			t.Errorf("%s %s", release.Version, problem)
		}
		for _, kept := range append(slices.Clone(p.ours.results), p.control.results...) {
			if !slices.Contains(c.names(), kept.class) {
				t.Errorf("%s: %s has kept results and is not in the list of classes", release.Version, kept.class)
			}
			used[kept.class+"#"+kept.function()] = true
		}
	}
	for id := range m {
		if !used[id] {
			t.Errorf("%s names %s, which no release has", skipFile, id)
		}
	}
}

// TestSection: what the section tells of results.
func TestSection(t *testing.T) {
	pairs := map[string]pair{
		"2.7.7": {kept{results: []result{r("TestA#x", pass), r("TestA#y[a|b]", fail), kerberos("TestA#k", later)}},
			kept{results: []result{r("TestA#x", passSecond), {class: "TestA", method: "y[a|b]", outcome: fail, detail: "List<x>"},
				r("TestA#k", pass), r("TestA#q", noCall)}}},
		"3.4.2": {kept{results: []result{r("TestA#s", skip), {class: "TestA", method: "i", outcome: assumed, detail: "broken"}}},
			kept{results: []result{r("TestA#s", skip), {class: "TestA", method: "i", outcome: assumed, detail: "broken"}}}},
	}
	want := `| passed of ran | 2.7.7 ours | Java's | 3.4.2 ours | Java's | 3.5.0 ours | Java's |
| --- | --- | --- | --- | --- | --- | --- |
| TestA | 1 of 2 (1 later) | 2 of 4 | 0 of 0 (2 skipped) | 0 of 0 (2 skipped) | – | – |
| all | 1 of 2 (1 later) | 2 of 4 | 0 of 0 (2 skipped) | 0 of 0 (2 skipped) | – | – |

Not run, on either side:

| method | releases | reason |
| --- | --- | --- |
| TestA i | 3.4.2 | Hadoop's own: broken |
| TestA s | 3.4.2 | asks the object |

Later, and fails now on ours:

| method | releases | reason |
| --- | --- | --- |
| TestA k | 2.7.7 | Kerberos |

Fails with Java's node too:

| method | releases | reason |
| --- | --- | --- |
| TestA y[a\|b] | 2.7.7 | List&lt;x> |

Counts as failed, with either node, because no JournalNode received a call in it:

| method | releases |
| --- | --- |
| TestA q | 2.7.7 |
`
	got := section(pairs, marks{"TestA#s": {skip, "asks the object"}, "TestA#k": {later, "Kerberos"}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
