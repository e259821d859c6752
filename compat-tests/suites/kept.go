package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gojn/compat-tests/hadoop"
)

// keptFiles are results of earlier runs: of the Java node, by which ours is judged, and of ours, which
// docs/compatibility.md tells.
//
//go:embed control ours
var keptFiles embed.FS

// kept are the results of one side on one release.
type kept struct {
	release string
	command string            // of the last run
	dates   map[string]string // of each class, RFC 3339
	made    map[string]origin // of each class, from when on that is kept
	results []result
}

func keptName(s side, version string) string {
	if s == javaNode {
		return "control/" + version + ".tsv"
	}
	return "ours/" + version + ".tsv"
}

// readKept reads kept results of one release. None at all are fs.ErrNotExist.
func readKept(files fs.FS, s side, version string) (kept, error) {
	name := keptName(s, version)
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return kept{}, err
	}
	k, err := parseKept(string(text))
	if err == nil && k.release != version {
		err = fmt.Errorf("it is of Hadoop %s", k.release)
	}
	if err != nil {
		return kept{}, fmt.Errorf("%s: %w", name, err)
	}
	return k, nil
}

// pair are the kept results of a release.
type pair struct{ ours, control kept }

// readPair reads both sides of a release; one that was never run is empty. They are as today's list of marks, and ours as
// the control, let them count: both may be younger.
func readPair(files fs.FS, version string) (pair, error) {
	var p pair
	var err error
	if p.control, err = readKept(files, javaNode, version); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pair{}, err
	}
	if p.ours, err = readKept(files, ours, version); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pair{}, err
	}
	m, _, err := readMarks()
	p.control.results = m.silence(p.control.results)
	p.ours.results = besideControl(m.silence(p.ours.results), p.control.results)
	return p, err
}

func parseKept(text string) (kept, error) {
	k := kept{dates: make(map[string]string), made: make(map[string]origin)}
	for _, line := range strings.Split(text, "\n") {
		words := strings.Fields(strings.TrimPrefix(line, "#"))
		if !strings.HasPrefix(line, "#") || len(words) < 2 {
			continue
		}
		switch {
		case words[0] == "release":
			k.release = words[1]
		case words[0] == "command":
			k.command = strings.Join(words[1:], " ")
		case words[0] == "date" && len(words) == 3:
			if _, err := time.Parse(time.RFC3339, words[2]); err != nil {
				return kept{}, err
			}
			k.dates[words[1]] = words[2]
		case words[0] == "made" && len(words) > 4:
			k.made[words[1]] = origin{words[2], words[3], strings.Join(words[4:], " ")}
		}
	}
	var err error
	if k.results, err = parseResults(text); err != nil {
		return kept{}, err
	}
	if k.command == "" {
		return kept{}, errors.New("it does not say which command made it")
	}
	for _, r := range k.results {
		if k.dates[r.class] == "" {
			return kept{}, fmt.Errorf("%s has no date", r.class)
		}
	}
	return k, nil
}

// with replaces the results of some classes by new ones; all others stay, unless the list does not have their class
// any more.
func (k kept) with(list classList, classes []string, results []result, made origin, now time.Time) kept {
	listed := func(name string) bool {
		return slices.ContainsFunc(list.classes, func(c class) bool { return simpleName(c.name) == name })
	}
	next := kept{release: k.release, command: made.command, dates: make(map[string]string), made: make(map[string]origin)}
	for _, r := range k.results {
		if listed(r.class) && !slices.Contains(classes, r.class) {
			next.results, next.dates[r.class] = append(next.results, r), k.dates[r.class]
			if old, known := k.made[r.class]; known {
				next.made[r.class] = old
			}
		}
	}
	for _, r := range ofClasses(results, classes) {
		r.detail = brief(r.detail)
		next.results, next.dates[r.class] = append(next.results, r), now.UTC().Format(time.RFC3339)
		next.made[r.class] = made
	}
	sortResults(next.results)
	return next
}

// allRan tells whether results of a class are fit to be kept.
func allRan(results []result) bool {
	return len(results) > 0 && !slices.ContainsFunc(results, func(r result) bool { return r.outcome == notRun })
}

// brief cuts a reason to what the table can tell.
func brief(detail string) string {
	const longest = 160
	if runes := []rune(detail); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return detail
}

func (k kept) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# release %s\n# command %s\n", k.release, k.command)
	b.WriteString("# made: class, digest of the sources of the product, digest of our Java and how it is run, command\n")
	b.WriteString("# class, method, outcome, milliseconds, processes started, calls that they received, flags, reason\n")
	class := ""
	for _, r := range k.results {
		if r.class != class {
			class = r.class
			fmt.Fprintf(&b, "# date %s %s\n", class, k.dates[class])
			if made, known := k.made[class]; known {
				fmt.Fprintf(&b, "# made %s %s %s %s\n", class, made.product, made.shim, made.command)
			}
		}
		b.WriteString(r.line() + "\n")
	}
	return b.String()
}

// sourceDir is this package's directory.
func sourceDir() (string, error) {
	repo, err := hadoop.RepositoryRoot()
	return filepath.Join(repo, "compat-tests", "suites"), err
}

// keep writes the results of some classes, of a run that ended then, into the repository. Others may do so at the same
// time.
func keep(s side, version string, list classList, classes []string, results []result, made origin, at time.Time) error {
	dir, err := sourceDir()
	if err != nil {
		return err
	}
	return keepIn(dir, s, version, func(k kept) kept { return k.with(list, classes, results, made, at) })
}

// keepIn changes a kept file below dir: under a lock, and it is whole at each moment.
func keepIn(dir string, s side, version string, change func(kept) kept) error {
	name := filepath.Join(dir, filepath.FromSlash(keptName(s, version)))
	lock, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	k, err := readKept(os.DirFS(dir), s, version)
	if errors.Is(err, fs.ErrNotExist) {
		k, err = kept{release: version}, nil
	}
	if err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".tmp") // a dot: no binary embeds it
	if err := os.WriteFile(tmp, []byte(change(k).text()), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}
