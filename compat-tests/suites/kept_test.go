package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestKept: results are kept with date and command, class by class, and belong to one release.
func TestKept(t *testing.T) {
	list := classList{classes: []class{{name: "org.TestA"}, {name: "org.TestB"}}}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	old := kept{release: "3.4.2", command: "make it", dates: map[string]string{"TestA": "2025-01-01T00:00:00Z",
		"TestB": "2025-01-01T00:00:00Z", "TestGone": "2025-01-01T00:00:00Z"},
		results: []result{r("TestA#x", fail), r("TestB#y", pass), r("TestGone#z", pass)}}
	made := origin{"0123456789ab+", "fedcba987654", "KEEP=1 make hadoop-suites CLASSES='TestA|TestB'"}
	next := old.with(list, []string{"TestA"}, []result{r("TestA#x", pass)}, made, at)
	want := kept{release: "3.4.2", command: made.command, made: map[string]origin{"TestA": made},
		dates:   map[string]string{"TestA": "2026-01-02T03:04:05Z", "TestB": "2025-01-01T00:00:00Z"},
		results: []result{r("TestA#x", pass), r("TestB#y", pass)}}
	if diff := cmp.Diff(want, next, unexported); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	got, err := parseKept(next.text())
	if diff := cmp.Diff(want, got, unexported); err != nil || diff != "" {
		t.Errorf("written and read again: %v; -want +got\n%s", err, diff)
	}
	for name, change := range map[string][2]string{
		"another release": {"# release 3.4.2", "# release 3.4.1"}, "no command": {"# command", "# comment"},
		"no date": {"# date TestB", "# date TestC"}, "odd date": {"2026-01-02T03:04:05Z", "yesterday"},
	} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "control"), 0o755); err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(next.text(), change[0], change[1], 1)
		if err := os.WriteFile(filepath.Join(dir, "control", "3.4.2.tsv"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readKept(os.DirFS(dir), javaNode, "3.4.2"); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestAllRan: a class of which something did not run does not replace what was kept before.
func TestAllRan(t *testing.T) {
	for _, c := range []struct {
		results []result
		want    bool
	}{
		{nil, false}, {[]result{r("TestA#x", pass), r("TestA#y", fail), r("TestA#s", skip)}, true},
		{[]result{r("TestA#x", pass), r("TestA#y", notRun)}, false},
	} {
		if got := allRan(c.results); got != c.want {
			t.Errorf("%v: %v", c.results, got)
		}
	}
}

// TestReadPair: what was kept of ours counts as the control lets it, also one that is younger; a side that was never run
// is empty.
func TestReadPair(t *testing.T) {
	head := "# release 3.4.2\n# command make it\n# date TestA 2026-01-02T03:04:05Z\n"
	files := fstest.MapFS{
		"ours/3.4.2.tsv":    {Data: []byte(head + "TestA\tx\tpass\t1\t0\t604\t\t\nTestA\ty\tpass\t1\t1\t9\t\t\n")},
		"control/3.4.2.tsv": {Data: []byte(head + "TestA\tx\tno call\t1\t0\t0\t\t\nTestA\ty\tpass\t1\t1\t9\t\t\n")},
	}
	p, err := readPair(files, "3.4.2")
	if n := countOf(p.ours.results); err != nil || n != (counts{passed: 1, ran: 2, silent: 1}) {
		t.Errorf("%v, %v", n, err)
	}
	delete(files, "control/3.4.2.tsv")
	if p, err = readPair(files, "3.4.2"); err != nil || len(p.control.results) != 0 || countOf(p.ours.results).passed != 2 {
		t.Errorf("without a control: %+v, %v", p, err)
	}
	files["control/3.4.2.tsv"] = &fstest.MapFile{Data: []byte("odd")}
	if p, err = readPair(files, "3.4.2"); err == nil {
		t.Errorf("an odd control is taken: %+v", p)
	}
}

// TestKeptTogether: several runs at a time lose nothing of each other, and whoever reads sees a whole file.
func TestKeptTogether(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "ours"), 0o755); err != nil {
		t.Fatal(err)
	}
	var list classList
	for i := range 20 {
		list.classes = append(list.classes, class{name: "org.Test" + strconv.Itoa(i)})
	}
	var runs sync.WaitGroup
	for _, c := range list.classes {
		runs.Go(func() {
			name := simpleName(c.name)
			err := keepIn(dir, ours, "3.4.2", func(k kept) kept {
				return k.with(list, []string{name}, []result{r(name+"#x", pass)}, origin{"a", "b", "make"}, time.Now())
			})
			if err != nil {
				t.Error(err)
			}
			if _, err := readKept(os.DirFS(dir), ours, "3.4.2"); err != nil {
				t.Error(err)
			}
		})
	}
	runs.Wait()
	k, err := readKept(os.DirFS(dir), ours, "3.4.2")
	if err != nil || len(k.results) != len(list.classes) {
		t.Errorf("%d of %d are kept, %v", len(k.results), len(list.classes), err)
	}
	if files, err := os.ReadDir(filepath.Join(dir, "ours")); err != nil || len(files) != 1 {
		t.Errorf("left there: %v, %v", files, err)
	}
}
