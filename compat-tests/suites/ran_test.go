package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRan: what ran is told as go test -json would, a class as failed if anything of it is wrong, and as passed if it
// something of it passed.
func TestRan(t *testing.T) {
	r342, err := findReleases("3.4.2")
	if err != nil {
		t.Fatal(err)
	}
	c := &campaign{install: &installation{release: r342[0]}, side: ours,
		classes: []class{{name: "org.TestA"}, {name: "org.TestAB"}, {name: "org.TestC"}, {name: "org.TestD"}},
		results: []result{r("TestA#x[1]", passSecond), r("TestA#y", fail), r("TestA#s", skip), r("TestAB#z", pass),
			r("TestC#n", noCall), r("TestC#k", later), r("TestD#s", skip), r("TestD#i", assumed)}}
	dir := filepath.Join(t.TempDir(), "ran")
	if err := c.writeRan(dir, []string{"TestAB#z: SIGTERM did not end a node in time"}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "hadoop-suites-3.4.2-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, line := range [][2]string{
		{"pass", "TestA/3.4.2/x[1]"}, {"fail", "TestA/3.4.2/y"}, {"skip", "TestA/3.4.2/s"},
		{"pass", "TestA/3.4.2"}, {"pass", "TestA"},
		{"pass", "TestAB/3.4.2/z"}, {"fail", "TestAB/3.4.2"}, {"fail", "TestAB"},
		{"skip", "TestC/3.4.2/n"}, {"skip", "TestC/3.4.2/k"},
		{"skip", "TestC/3.4.2"}, {"skip", "TestC"},
		{"skip", "TestD/3.4.2/s"}, {"skip", "TestD/3.4.2/i"},
		{"skip", "TestD/3.4.2"}, {"skip", "TestD"},
	} {
		want.WriteString(`{"Action":"` + line[0] + `","Package":"gojn/compat-tests/suites","Test":"` + line[1] + "\"}\n")
	}
	if diff := cmp.Diff(want.String(), string(text)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	c.side = javaNode
	other := filepath.Join(t.TempDir(), "ran")
	if err := c.writeRan(other, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(other); !os.IsNotExist(err) {
		t.Errorf("the control is told as evidence: %v", err)
	}
}
