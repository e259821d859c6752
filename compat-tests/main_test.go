// Package compat runs real Hadoop processes against our JournalNode. CONTROL=java runs the same scenarios on Java
// JournalNodes, as a control of the scenarios themselves; COMPAT=required makes a missing JVM a failure;
// GOJN_JOURNALNODE names a binary to test instead of building one; COMPAT_KEEP a directory for sites and logs;
// COMPAT_LONG=1 runs on every release what CI runs on some (releaseTable).
package compat_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// binary is our JournalNode, built once for all tests, or the one that GOJN_JOURNALNODE names.
var binary = sync.OnceValues(func() (string, error) {
	if control() {
		return "", nil
	}
	if path := os.Getenv("GOJN_JOURNALNODE"); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(scratch, "journalnode")
	return path, hadoop.BuildJournalNode(context.Background(), path)
})

// scenario is a test on a site with one release's installation.
type scenario func(t *testing.T, ctx context.Context, site *hadoop.Site)

// scratch is a directory for what all tests share.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "gojn-compat-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// control tells whether Java's JournalNode stands in for ours.
func control() bool { return os.Getenv("CONTROL") == "java" }

// subject is the kind of JournalNode that is tested.
func subject() hadoop.Kind {
	if control() {
		return hadoop.Java
	}
	return hadoop.Ours
}

// onReleases runs a scenario as a subtest per release, at the same time as each other and as other scenarios.
func onReleases(t *testing.T, scenario scenario, releases ...hadoop.Release) {
	t.Helper()
	if len(releases) == 0 {
		t.Skip("COMPAT_LONG=1 runs it: see releaseTable")
	}
	t.Parallel()
	for _, release := range releases {
		t.Run(release.Version, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			scenario(t, ctx, newSite(t, ctx, release))
		})
	}
}

// deadline returns a context that ends a little before the test's own time is over, so that a late scenario still
// ends its processes and shows their logs.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx := t.Context()
	if at, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, at.Add(-20*time.Second))
		t.Cleanup(cancel)
	}
	return ctx
}

// newSite provisions the release and makes a place for one test. When the test fails it shows the logs.
func newSite(t *testing.T, ctx context.Context, release hadoop.Release) *hadoop.Site {
	t.Helper()
	install, err := hadoop.Provision(ctx, release)
	if errors.Is(err, hadoop.ErrNoRuntime) && !hadoop.Required() {
		t.Skip(err)
	}
	check(t, err)
	dir, err := os.MkdirTemp(keepDir(t), "site-")
	check(t, err)
	site, err := hadoop.NewSite(dir, install)
	check(t, err)
	t.Cleanup(func() {
		site.Close()
		if t.Failed() {
			for _, log := range site.Logs(25) {
				t.Log(log)
			}
		}
	})
	return site
}

// keepDir is COMPAT_KEEP if that is set, to look at directories and logs after a run.
func keepDir(t *testing.T) string {
	if dir := os.Getenv("COMPAT_KEEP"); dir != "" {
		return dir
	}
	return t.TempDir()
}

// journalnode returns the path of our binary, or nothing in a control run.
func journalnode(t *testing.T) string {
	t.Helper()
	path, err := binary()
	check(t, err)
	return path
}

// superuser is who the NameNodes run as.
func superuser(t *testing.T) string {
	t.Helper()
	return must(user.Current())(t).Username
}

// check ends the test on an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns the value or ends the test.
func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return value
	}
}
