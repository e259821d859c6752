// Command ran says whether the tests that the tables of a document name did run: ran docs/compatibility.md DIR, where DIR
// holds what `go test -json` wrote, one file *.json per run. It prints each cell without evidence and exits with 1; with
// 2 where it cannot tell. With -long the cells that CI leaves to `make long` count too.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	long := flag.Bool("long", false, "the runs were those of make long")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: ran [-long] DOCUMENT DIR")
		os.Exit(2)
	}
	named, missing, err := check(flag.Arg(0), flag.Arg(1), *long)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ran:", err)
		os.Exit(2)
	}
	for _, m := range missing {
		fmt.Println(m)
	}
	if len(missing) > 0 {
		os.Exit(1)
	}
	fmt.Printf("%s names %d tests in its tables; each ran and passed where it says so\n", flag.Arg(0), named)
}

// check returns how many tests the document's tables name, and what there is no evidence for.
func check(document, dir string, long bool) (named int, missing []string, err error) {
	text, err := os.ReadFile(document)
	if err != nil {
		return 0, nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return 0, nil, err
	}
	if len(files) == 0 {
		return 0, nil, fmt.Errorf("no *.json in %s: nothing ran", dir)
	}
	seen := make(outcomes)
	for _, file := range files {
		events, err := os.Open(file)
		if err != nil {
			return 0, nil, err
		}
		err = errors.Join(seen.read(events), events.Close())
		if err != nil {
			return 0, nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	claims, err := claimsOf(string(text))
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", document, err)
	}
	return len(names(claims)), seen.missing(claims, long), nil
}
