package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A table that names a test which does not exist proves nothing.
func TestDocsNameRealTests(t *testing.T) {
	root := filepath.Join("..", "..")
	defined := make(map[string]bool)
	definition := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && d.Name() != ".." && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir // caches hold whole file systems
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range definition.FindAllStringSubmatch(string(text), -1) {
			defined[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	hadoops(t, root, defined)
	named := regexp.MustCompile("`(Test\\w+)`")
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	count := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			count++
			if !defined[m[1]] {
				t.Errorf("%s names %s, which does not exist", filepath.Base(file), m[1])
			}
		}
	}
	if count == 0 {
		t.Error("no document names a test")
	}
}

// hadoops adds the test classes of Hadoop's that we run, by the lists of them, and those of ours beside them.
func hadoops(t *testing.T, root string, defined map[string]bool) {
	own, err := filepath.Glob(filepath.Join(root, "compat-tests", "suites", "java", "*", "gojn", "suites", "own", "Test*.java"))
	if err != nil || len(own) == 0 {
		t.Fatalf("no tests of ours beside Hadoop's: %v", err)
	}
	for _, name := range own {
		defined[strings.TrimSuffix(filepath.Base(name), ".java")] = true
	}
	lists, err := filepath.Glob(filepath.Join(root, "compat-tests", "suites", "classes", "*.txt"))
	if err != nil || len(lists) == 0 {
		t.Fatalf("no lists of Hadoop's tests: %v", err)
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); len(words) > 0 && words[0] != "#" && words[0] != "-" {
				defined[words[0][strings.LastIndexByte(words[0], '.')+1:]] = true
			}
		}
	}
}
