package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const document = "# Title\n\n" +
	"| what | test | 2.7.7 | 3.4.2 |\n| --- | --- | --- | --- |\n" +
	"| a | `TestA` | CI | long |\n" + // line 5
	"| b | `TestB`, `TestC` | to 3.4.2 in CI, all long | – |\n" +
	"| d | `TestLong` | long | long |\n" +
	"\nText that names `TestElsewhere`.\n\n" +
	"| Java | ours | test |\n| --- | --- | --- |\n" +
	"| waits | does not | `TestUnit`, `TestLong` |\n" // line 13

// line is one that go test -json writes.
func line(action, test string) string {
	return `{"Action":"` + action + `","Package":"p","Test":"` + test + `"}`
}

// in is the line in another package.
func in(pkg, line string) string { return strings.Replace(line, `"p"`, `"`+pkg+`"`, 1) }

// all is a run that is evidence for each cell of document in CI.
var all = []string{
	`{"Action":"start","Package":"p"}`,
	line("pass", "TestA"), line("pass", "TestA/hadoop-2.7.7"), line("skip", "TestA/3.4.2"),
	line("pass", "TestB"), line("pass", "TestB/one"), line("pass", "TestC"), line("pass", "TestC/2.7.7-3.4.2"),
	line("skip", "TestLong"), line("pass", "TestUnit"),
}

func TestMissing(t *testing.T) {
	without := func(drop string, more ...string) []string {
		var kept []string
		for _, l := range all {
			if !strings.Contains(l, `"`+drop+`"`) {
				kept = append(kept, l)
			}
		}
		return append(kept, more...)
	}
	long := append(without("TestLong"), line("pass", "TestLong"), line("pass", "TestA/3.4.2"))
	for _, test := range []struct {
		name   string
		events []string
		long   bool
		want   []string
	}{
		{"all there", all, false, nil},
		{"all there, long", long, true, nil},
		{"not run", without("TestUnit"), false, []string{"line 13 names TestUnit, which did not run"}},
		{"skipped", without("TestUnit", line("skip", "TestUnit")), false, []string{"line 13 names TestUnit, which was skipped"}},
		{"skipped in one run, passed in another", append(all, line("skip", "TestUnit")), false, nil},
		{"failed, then passed", append([]string{line("fail", "TestUnit")}, all...), false,
			[]string{"line 13 names TestUnit, which failed"}},
		{"the release was left out", without("TestA/hadoop-2.7.7"), false,
			[]string{"line 5 names TestA, which had all of its subtests skipped with 2.7.7"}},
		{"the release was skipped", without("TestA/hadoop-2.7.7", line("skip", "TestA/hadoop-2.7.7")), false,
			[]string{"line 5 names TestA, which had all of its subtests skipped with 2.7.7"}},
		{"the release was skipped, another not",
			without("TestA/hadoop-2.7.7", line("skip", "TestA/hadoop-2.7.7"), line("pass", "TestA/3.5.0")), false,
			[]string{"line 5 names TestA, which has no subtest that passed with 2.7.7"}},
		{"all of the release was skipped", append(all, line("skip", "TestA/hadoop-2.7.7/x"), line("pass", "TestA/other")), false,
			[]string{"line 5 names TestA, which has no subtest that passed with 2.7.7"}},
		{"some of the release was skipped",
			append(all, line("skip", "TestA/hadoop-2.7.7/x"), line("pass", "TestA/hadoop-2.7.7/y")), false, nil},
		{"all subtests were skipped", append(all, line("skip", "TestUnit/x"), line("pass", "TestUnit/y"), line("skip", "TestUnit/y/z")),
			false, []string{"line 13 names TestUnit, which had all of its subtests skipped"}},
		{"some subtests were skipped", append(all, line("skip", "TestUnit/x"), line("pass", "TestUnit/y")), false, nil},
		{"skipped in another package", append(all, in("q", line("skip", "TestUnit"))), false,
			[]string{"line 13 names TestUnit, which was skipped"}},
		{"failed in another package", append([]string{in("a", line("fail", "TestUnit"))}, all...), false,
			[]string{"line 13 names TestUnit, which failed"}},
		{"passed in both packages", append(all, in("q", line("pass", "TestUnit"))), false, nil},
		{"the release was left out in another package", append(all, in("q", line("pass", "TestA")),
			in("q", line("pass", "TestA/3.5.0")), in("q", line("skip", "TestA/2.7.7"))), false,
			[]string{"line 5 names TestA, which has no subtest that passed with 2.7.7"}},
		{"another package knows no releases", append(all, in("q", line("pass", "TestA")), in("q", line("pass", "TestA/x"))), false,
			nil},
		{"one of two tests did not run", without("TestB"), false, []string{"line 6 names TestB, which did not run with 2.7.7"}},
		{"the one with the release did not run", without("TestC/2.7.7-3.4.2", line("pass", "TestC/3.5.0")), false,
			[]string{"line 6 names TestC, which has no subtest that passed with 2.7.7"}},
		{"long ones count in make long", all, true, []string{
			"line 5 names TestA, which has no subtest that passed with 3.4.2",
			"line 7 names TestLong, which was skipped with 2.7.7", "line 7 names TestLong, which was skipped with 3.4.2",
			"line 13 names TestLong, which was skipped"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			docs := filepath.Join(dir, "doc.md")
			for path, text := range map[string]string{
				docs: document, filepath.Join(dir, "run.json"): strings.Join(test.events, "\n") + "\n",
			} {
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			named, got, err := check(docs, dir, test.long)
			if err != nil || named != 5 {
				t.Fatalf("%d tests, %v", named, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCannotTell(t *testing.T) {
	dir := t.TempDir()
	docs, empty, broken := filepath.Join(dir, "doc.md"), filepath.Join(dir, "empty"), filepath.Join(dir, "broken")
	for path, text := range map[string]string{
		docs: document, filepath.Join(dir, "none.md"): "| a | b |\n| --- | --- |\n| c | d |\n",
		filepath.Join(broken, "x.json"): "ok  gojn/x 0.1s\n", filepath.Join(dir, "run.json"): line("pass", "TestA") + "\n",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ document, dir, want string }{
		{docs, empty, "nothing ran"},
		{docs, broken, "line 1"},
		{filepath.Join(dir, "none.md"), dir, "no table names a test"},
		{filepath.Join(dir, "no.md"), dir, "no such file"},
	} {
		if _, _, err := check(test.document, test.dir, false); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("check(%s, %s): %v, want %q", test.document, test.dir, err, test.want)
		}
	}
}

// TestDocument reads the document that CI checks: no table of it that names tests is read over.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	claims, err := claimsOf(string(text))
	if err != nil {
		t.Fatal(err)
	}
	in := make(map[string]bool)
	for _, name := range names(claims) {
		in[strings.Split(name, "/")[0]] = true
	}
	for _, l := range strings.Split(string(text), "\n") {
		for _, m := range testName.FindAllStringSubmatch(l, -1) {
			if strings.HasPrefix(l, "|") && !in[m[1]] {
				t.Errorf("a table names %s, which no claim has", m[1])
			}
		}
	}
	byRelease := 0
	for _, c := range claims {
		if len(c.where) == 3 {
			byRelease++
		}
	}
	if byRelease < 30 {
		t.Errorf("only %d rows have a column for each of three releases", byRelease)
	}
}

// TestPlanted: a method in a row of a build with a planted fault is claimed for that build, with the release.
func TestPlanted(t *testing.T) {
	const table = "| build | fails | 2.7.7 | 3.4.2 |\n| --- | --- | --- | --- |\n" +
		"| `f` | `TestA#x`, `TestA#y` | long | CI |\n| `g` | `TestA#x` | long | CI |\n"
	claims, err := claimsOf(table)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(outcomes)
	events := []string{line("pass", "TestA"), line("pass", "TestA/3.4.2/x"), line("pass", "TestA#x/f/3.4.2"), line("pass", "TestA#x/f"),
		line("pass", "TestA#y/f/2.7.7"), line("pass", "TestA#y/f/3.4.2"), line("pass", "TestA#y/f"),
		line("fail", "TestA#x/g/3.4.2"), line("fail", "TestA#x/g"), line("pass", "TestA#x/g/3.4.2"), line("pass", "TestA#x/g")}
	if err := seen.read(strings.NewReader(strings.Join(events, "\n"))); err != nil {
		t.Fatal(err)
	}
	for long, want := range map[bool][]string{
		false: {"line 4 names TestA#x/g, which failed with 3.4.2"},
		true: {"line 3 names TestA#x/f, which has no subtest that passed with 2.7.7",
			"line 4 names TestA#x/g, which failed with 2.7.7", "line 4 names TestA#x/g, which failed with 3.4.2"},
	} {
		if diff := cmp.Diff(want, seen.missing(claims, long)); diff != "" {
			t.Errorf("long %v: -want +got\n%s", long, diff)
		}
	}
	if _, err := claimsOf("| build | fails |\n| --- | --- |\n| f | `TestA#x` |\n"); err == nil {
		t.Error("a method is claimed for no build")
	}
}
