package main

import (
	"cmp"
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

// readPairs reads all kept results. A side that was never run is empty.
func readPairs(files fs.FS) (map[string]pair, error) {
	pairs := make(map[string]pair)
	for _, r := range releases {
		var err error
		if pairs[r.Version], err = readPair(files, r.Version); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// ciReleases are those whose core classes CI runs, see hadoop-suites-ci in the Makefile; make long runs all of all.
var ciReleases = []string{"3.4.2", "2.7.7"}

// ciFaults is the release on which CI runs the builds with planted faults.
const ciFaults = "3.4.2"

// section is the generated part of the document.
func section(lists map[string]classList, pairs map[string]pair, m marks, faults []plantedFault) (string, error) {
	var b strings.Builder
	writeCounts(&b, lists, pairs)
	err := writeStale(&b, pairs)
	writeMethods(&b, pairs, m)
	writeFaults(&b, faults)
	return b.String(), err
}

// writeCounts is a row per class, with a column per release. Its form is what compat-tests/ran reads: where a cell
// says CI or long, the class has to run there and nothing of it may be wrong.
func writeCounts(b *strings.Builder, lists map[string]classList, pairs map[string]pair) {
	b.WriteString("| passed of ran |")
	for _, r := range releases {
		b.WriteString(" " + r.Version + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(releases)) + "\n")
	listed := make(map[string]map[string]class) // by simple name and release
	for version, list := range lists {
		for _, c := range list.classes {
			name := simpleName(c.name)
			if listed[name] == nil {
				listed[name] = make(map[string]class)
			}
			listed[name][version] = c
		}
	}
	sums := make(map[string][2]counts)
	row := func(name string) {
		fmt.Fprintf(b, "| `%s` |", name)
		for _, r := range releases {
			c, there := listed[name][r.Version]
			o := countOf(ofClasses(pairs[r.Version].ours.results, []string{name}))
			j := countOf(ofClasses(pairs[r.Version].control.results, []string{name}))
			sums[r.Version] = [2]counts{sums[r.Version][0].plus(o), sums[r.Version][1].plus(j)}
			text := "–"
			if there {
				text = both(o, j)
			}
			if there && o.passed > 0 { // else its run is evidence of nothing
				text += "; " + runsIn(c, r.Version)
			}
			b.WriteString(" " + text + " |")
		}
		b.WriteString("\n")
	}
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		if name != simpleName(ownTests) {
			row(name)
		}
	}
	b.WriteString("| all of Hadoop's |")
	for _, r := range releases {
		fmt.Fprintf(b, " %s |", both(sums[r.Version][0], sums[r.Version][1]))
	}
	b.WriteString("\n")
	if _, there := listed[simpleName(ownTests)]; there {
		row(simpleName(ownTests))
	}
}

func runsIn(c class, version string) string {
	if c.core && slices.Contains(ciReleases, version) {
		return "CI"
	}
	return "long"
}

// both tells the counts of ours and of Java's node.
func both(ours, java counts) string {
	tell := func(n counts) string {
		if n == (counts{}) {
			return "not run yet"
		}
		return n.String()
	}
	return tell(ours) + ", Java " + tell(java)
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

// writeMethods lists the methods that are no plain pass.
func writeMethods(b *strings.Builder, pairs map[string]pair, m marks) {
	lines(b, "Not run, on either side:", pairs, ofOurs,
		func(r result) bool { return r.outcome == skip || r.outcome == assumed },
		func(r result) string {
			if r.outcome == assumed {
				return "Hadoop's own: " + r.detail
			}
			return m.runs[r.key()].reason
		})
	lines(b, "Later, and fails now on ours:", pairs, ofOurs,
		func(r result) bool { return r.outcome == later },
		func(r result) string { return m.runs[r.key()].reason })
	lines(b, "Fails with Java's node:", pairs, ofControl,
		func(r result) bool { return r.outcome.failed() },
		func(r result) string { return cmp.Or(m.java[r.key()].reason, r.detail) })
	lines(b, "Asks no JournalNode, and so has passed with neither node:", pairs, ofOurs,
		func(r result) bool { return r.outcome == noCall }, nil)
	lines(b, "Passed at the second attempt with ours:", pairs, ofOurs,
		func(r result) bool { return r.outcome == passSecond },
		func(r result) string { return cmp.Or(m.own[r.key()].reason, r.detail) })
}

// writeFaults lists the builds with planted faults and who sees them. Its form is what compat-tests/ran reads: where a
// cell says CI or long, each method has to have failed there with the build of its row, and passed without the fault.
func writeFaults(b *strings.Builder, faults []plantedFault) {
	if len(faults) == 0 {
		return
	}
	fmt.Fprintf(b, "\nBuilds with a planted fault, and the methods that fail with it and pass without (%s is ours, all others"+
		" are Hadoop's):\n\n| build | what is wrong with it | fails |", simpleName(ownTests))
	for _, r := range releases {
		b.WriteString(" " + r.Version + " |")
	}
	b.WriteString("\n| --- | --- | --- |" + strings.Repeat(" --- |", len(releases)) + "\n")
	for _, f := range faults {
		victims := make(map[string][]string) // the releases of each text
		for _, r := range releases {
			text := victimText(f.victims[r.Version])
			victims[text] = append(victims[text], r.Version)
		}
		for _, text := range slices.Sorted(maps.Keys(victims)) {
			if text == "" {
				continue
			}
			fmt.Fprintf(b, "| `%s` | %s | %s |", f.name, cell(f.words), text)
			for _, r := range releases {
				where := "–"
				if slices.Contains(victims[text], r.Version) {
					where = faultsRunIn(r.Version)
				}
				b.WriteString(" " + where + " |")
			}
			b.WriteString("\n")
		}
	}
}

// faultsRunIn is where the builds with planted faults run on a release.
func faultsRunIn(version string) string {
	if version == ciFaults {
		return "CI"
	}
	return "long"
}

// victimText names methods as [victim.name] does.
func victimText(victims []victim) string {
	var names []string
	for _, v := range victims {
		names = append(names, "`"+v.name()+"`")
	}
	return strings.Join(names, ", ")
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
	lists, err := allLists()
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
	generated, err := section(lists, pairs, m, plantedFaults)
	if err != nil {
		return err
	}
	return os.WriteFile(name, []byte(before+generated+after), 0o644)
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
