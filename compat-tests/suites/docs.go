package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gojn/compat-tests/hadoop"
)

// The generated part of docs/compatibility.md lies between these lines.
const (
	docsBegin = "<!-- begin: made by KEEP=1 make hadoop-suites -->\n"
	docsEnd   = "<!-- end: made by KEEP=1 make hadoop-suites -->\n"
)

// pair are the kept results of a release.
type pair struct{ ours, control kept }

// readPairs reads all kept results. A side that was never run is empty.
func readPairs(files fs.FS) (map[string]pair, error) {
	pairs := make(map[string]pair)
	for _, r := range releases {
		o, err := readKept(files, ours, r.Version)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		c, err := readKept(files, javaNode, r.Version)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		pairs[r.Version] = pair{o, c}
	}
	return pairs, nil
}

// section is the generated part of the document.
func section(pairs map[string]pair, m marks) string {
	var b strings.Builder
	writeCounts(&b, pairs)
	writeSkips(&b, pairs, m)
	writeLater(&b, pairs, m)
	writeControlFails(&b, pairs)
	return b.String()
}

// writeCounts is a row per class, with a pair of columns per release.
func writeCounts(b *strings.Builder, pairs map[string]pair) {
	b.WriteString("| passed of ran |")
	for _, r := range releases {
		fmt.Fprintf(b, " %s ours | Java's |", r.Version)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- | --- |", len(releases)) + "\n")
	classes := make(map[string]bool)
	for _, p := range pairs {
		for _, r := range append(slices.Clone(p.ours.results), p.control.results...) {
			classes[r.class] = true
		}
	}
	sums := make(map[string][2]counts)
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		fmt.Fprintf(b, "| %s |", class)
		for _, r := range releases {
			o := countOf(ofClasses(pairs[r.Version].ours.results, []string{class}))
			c := countOf(ofClasses(pairs[r.Version].control.results, []string{class}))
			fmt.Fprintf(b, " %v | %v |", o, c)
			sums[r.Version] = [2]counts{sums[r.Version][0].plus(o), sums[r.Version][1].plus(c)}
		}
		b.WriteString("\n")
	}
	b.WriteString("| all |")
	for _, r := range releases {
		fmt.Fprintf(b, " %v | %v |", sums[r.Version][0], sums[r.Version][1])
	}
	b.WriteString("\n")
}

// where are the releases in whose results a method has an outcome.
func where(pairs map[string]pair, results func(pair) []result, id string, is func(result) bool) []string {
	var versions []string
	for _, r := range releases {
		if found, ok := byID(results(pairs[r.Version]))[id]; ok && is(found) {
			versions = append(versions, r.Version)
		}
	}
	return versions
}

func ofOurs(p pair) []result    { return p.ours.results }
func ofControl(p pair) []result { return p.control.results }

// lines writes a list of methods with releases and, unless that is nil, reason; nothing if there are none.
func lines(b *strings.Builder, title string, pairs map[string]pair, results func(pair) []result, is func(result) bool,
	reason func(result) string) {
	reasons := make(map[string]string)
	for _, r := range releases {
		for _, found := range results(pairs[r.Version]) {
			if is(found) {
				reasons[found.id()] = ""
				if reason != nil {
					reasons[found.id()] = reason(found)
				}
			}
		}
	}
	if len(reasons) == 0 {
		return
	}
	b.WriteString("\n" + title + "\n\n| method | releases |")
	if reason != nil {
		b.WriteString(" reason |\n| --- | --- | --- |\n")
	} else {
		b.WriteString("\n| --- | --- |\n")
	}
	for _, id := range slices.Sorted(maps.Keys(reasons)) {
		class, method, _ := strings.Cut(id, "#")
		fmt.Fprintf(b, "| %s %s | %s |", class, cell(method), strings.Join(where(pairs, results, id, is), ", "))
		if reason != nil {
			fmt.Fprintf(b, " %s |", cell(reasons[id]))
		}
		b.WriteString("\n")
	}
}

// cell makes a text fit for a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}

func writeSkips(b *strings.Builder, pairs map[string]pair, m marks) {
	lines(b, "Not run, on either side:", pairs, ofOurs,
		func(r result) bool { return r.outcome == skip || r.outcome == assumed },
		func(r result) string {
			if r.outcome == assumed {
				return "Hadoop's own: " + r.detail
			}
			return m[r.id()].reason
		})
}

func writeLater(b *strings.Builder, pairs map[string]pair, m marks) {
	lines(b, "Later, and fails now on ours:", pairs, ofOurs,
		func(r result) bool { return r.outcome == later },
		func(r result) string { return m[r.id()].reason })
}

func writeControlFails(b *strings.Builder, pairs map[string]pair) {
	lines(b, "Fails with Java's node too:", pairs, ofControl,
		func(r result) bool { return r.outcome.failed() && r.outcome != noCall },
		func(r result) string { return r.detail })
	lines(b, "Counts as failed, with either node, because no JournalNode received a call in it:", pairs, ofControl,
		func(r result) bool { return r.outcome == noCall }, nil)
}

// writeDocs writes the section of what is kept now into docs/compatibility.md.
func writeDocs() error {
	dir, err := sourceDir()
	if err != nil {
		return err
	}
	repo, err := hadoop.RepositoryRoot()
	if err != nil {
		return err
	}
	pairs, err := readPairs(os.DirFS(dir))
	if err != nil {
		return err
	}
	m, _, err := readMarks()
	if err != nil {
		return err
	}
	name := filepath.Join(repo, "docs", "compatibility.md")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, _, after, err := cutSection(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, []byte(before+section(pairs, m)+after), 0o644)
}

// cutSection divides the document at the generated part; before and after have the lines of the markers.
func cutSection(text string) (before, generated, after string, err error) {
	i, j := strings.Index(text, docsBegin), strings.Index(text, docsEnd)
	if i < 0 || j < i {
		return "", "", "", errors.New("the generated section has no begin and end")
	}
	i += len(docsBegin)
	return text[:i], text[i:j], text[j:], nil
}
