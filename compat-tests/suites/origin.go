package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"

	"gojn/compat-tests/hadoop"
)

// unknown stands for a commit where there is no git.
const unknown = "unknown"

// productCommit is the git commit of the repository that the binaries are built from, with a plus sign if Go sources
// differ.
func productCommit(ctx context.Context) (string, error) {
	repo, err := hadoop.RepositoryRoot()
	if err != nil {
		return "", err
	}
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = repo
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return unknown, ctx.Err()
	}
	changes, err := git("status", "--porcelain", "--", "*.go", "go.mod", ":!*_test.go")
	if err != nil {
		return unknown, ctx.Err()
	}
	if changes != "" {
		commit += "+"
	}
	return commit, nil
}

// shimDigest is the digest of our Java for a release: of what runs the tests, and of the control.
func shimDigest(r release) (string, error) {
	sum := sha256.New()
	for _, dirs := range [][]string{r.java, {controlSources}} {
		sources, err := sourcesOf(javaSources, dirs...)
		if err != nil {
			return "", err
		}
		for _, name := range slices.Sorted(maps.Keys(sources)) {
			fmt.Fprintf(sum, "%s %d\n", name, len(sources[name]))
			sum.Write(sources[name])
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
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

// tellStale prints a line if the kept control was not made with this shim. That is no failure: a control
// takes an hour.
func (c *campaign) tellStale(w io.Writer) error {
	now, err := shimDigest(c.install.release)
	if err != nil || c.side == javaNode {
		return err
	}
	var classes []string
	for _, class := range c.names() {
		if made, known := c.control.made[class]; !known && c.control.dates[class] != "" || known && made.shim != now {
			classes = append(classes, class)
		}
	}
	if len(classes) > 0 {
		fmt.Fprintf(w, "Hadoop %s: the kept control was not made with today's shim (%s): %s\n",
			c.install.release.Version, now, strings.Join(classes, ", "))
	}
	return nil
}
