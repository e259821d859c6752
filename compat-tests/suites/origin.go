package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"gojn/compat-tests/hadoop"
)

// origin is what a class's results were made with.
type origin struct {
	product string // see productDigest
	shim    string // see shimDigest
	command string
}

// productDigest is the digest of the sources that our binary is built from. Other than a commit it outlives a history that is
// written anew, and a change of tests or documents is none of the product.
func productDigest(ctx context.Context) (string, error) {
	repo, err := hadoop.RepositoryRoot()
	if err != nil {
		return "", err
	}
	const ours = `{{if .Module}}{{if .Module.Main}}{{range .GoFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}` +
		`{{range .EmbedFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}`
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", ours, "./cmd/journalnode")
	cmd.Dir, cmd.Env = repo, append(os.Environ(), "CGO_ENABLED=0")
	list, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	files := append(strings.Fields(string(list)), filepath.Join(repo, "go.mod"), filepath.Join(repo, "go.sum"))
	slices.Sort(files)
	sum := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n", strings.TrimPrefix(file, repo), len(text))
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

// ownSources begins the names of the sources of our own tests.
const ownSources = "gojn/suites/own/"

// shimDigest is the digest of what a class, by its simple name, runs in on a release: of our Java that runs the tests, that of
// our own tests only for theirs, of the control's, of their JVMs' flags, configuration, jars and skips. The JDK, the
// heap, the namespaces, the properties with names of files and the words of the list of classes are not in it.
func shimDigest(r release, class string) (string, error) {
	sum := sha256.New()
	for _, dirs := range [][]string{r.java, {controlSources}} {
		sources, err := sourcesOf(javaSources, dirs...)
		if err != nil {
			return "", err
		}
		for _, name := range slices.Sorted(maps.Keys(sources)) {
			if class == simpleName(ownTests) || !strings.HasPrefix(name, ownSources) {
				fmt.Fprintf(sum, "%s %d\n", name, len(sources[name]))
				sum.Write(sources[name])
			}
		}
	}
	_, skips, err := readMarks()
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(conf)) {
		fmt.Fprintf(sum, "%s %q\n", name, conf[name])
	}
	fmt.Fprintf(sum, "%q %q %q %q\n", lightJVM, r.jvm(), r.artifacts(), skips)
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

// origin is what a class's results are made with.
func (c *campaign) origin(class string) (origin, error) {
	shim, err := shimDigest(c.install.release, class)
	return origin{c.product, shim, c.command}, err
}

// command is the make command that does what the options say.
func (o options) command(s side, version string) string {
	words := []string{"KEEP=1"}
	if s == javaNode {
		words[0] = "CONTROL=1"
	}
	words = append(words, "make", "hadoop-suites", "RELEASE="+version)
	if o.classes != "" {
		words = append(words, "CLASSES='"+o.classes+"'")
	}
	if o.core {
		words = append(words, "CORE=1")
	}
	return strings.Join(words, " ")
}

// stale are those of some classes whose kept results were not made with today's shim.
func (k kept) stale(r release, classes []string) ([]string, error) {
	var old []string
	for _, class := range classes {
		now, err := shimDigest(r, class)
		if err != nil {
			return nil, err
		}
		if k.dates[class] != "" && k.made[class].shim != now {
			old = append(old, class)
		}
	}
	return old, nil
}

// stale are the classes whose kept control was not made with today's shim, as problems.
func (c *campaign) stale() ([]string, error) {
	if c.side == javaNode {
		return nil, nil
	}
	problems, err := c.control.stale(c.install.release, c.names())
	for i, class := range problems {
		problems[i] = class + ": the kept control was not made with today's shim; CONTROL=1 makes it anew"
	}
	return problems, err
}

// judge is what is wrong with the results of a campaign, and what else is to be said of them. A control of another shim is
// wrong where results are kept; others need not wait for a new one, which takes an hour.
func (o options) judge(c *campaign) (wrong, notes []string, err error) {
	stale, err := c.stale()
	if wrong = c.judge(!o.keep); o.keep {
		return append(wrong, stale...), nil, err
	}
	return wrong, stale, err
}

// writeStale names the classes whose kept results are not of today's shim, if there are any.
func writeStale(b *strings.Builder, pairs map[string]pair) error {
	for _, r := range releases {
		for _, side := range []struct {
			kept
			name string
		}{{pairs[r.Version].ours, "ours"}, {pairs[r.Version].control, "Java's node"}} {
			old, err := side.stale(r, slices.Sorted(maps.Keys(side.dates)))
			if err != nil {
				return err
			}
			if len(old) > 0 {
				fmt.Fprintf(b, "\nOn %s, kept of an earlier shim or set-up, of %s: %s.\n", r.Version, side.name, strings.Join(old, ", "))
			}
		}
	}
	return nil
}
