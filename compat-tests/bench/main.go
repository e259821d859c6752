package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"gojn/compat-tests/hadoop"
)

// javaFlags are those of Java's JournalNodes: a heap as an operator would set it; `hdfs journalnode` adds nothing that
// matters for speed.
var javaFlags = []string{"-Xmx1g"}

// options are the command line.
type options struct {
	quick, check bool
	write        string
	dir          string
	only         string
	binary       string
}

func main() {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "fewer rounds and calls, to see that everything works")
	flag.BoolVar(&o.check, "check", false, "end with an error if a line of the verdict fails")
	flag.StringVar(&o.write, "write", "", "put the report between the marks of this document")
	flag.StringVar(&o.dir, "dir", "", "measure in a directory below this one (default: .cache in the repository)")
	flag.StringVar(&o.only, "only", "", "only the scenarios whose name this regular expression matches; without verdict")
	flag.StringVar(&o.binary, "binary", "", "our journalnode (default: it is built)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// run makes a whole run in a directory of its own, which it removes.
func run(ctx context.Context, o options) (err error) {
	if _, err := exec.LookPath("strace"); err != nil {
		return fmt.Errorf("strace is needed to count syncs: %w", err)
	}
	install, err := hadoop.Provision(ctx, hadoop.Hadoop342)
	if err != nil {
		return err
	}
	root, err := hadoop.RepositoryRoot()
	if err != nil {
		return err
	}
	if o.dir == "" {
		o.dir = filepath.Join(root, ".cache")
	}
	dir, err := os.MkdirTemp(o.dir, "bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.binary == "" {
		o.binary = filepath.Join(dir, "journalnode")
		if err := hadoop.BuildJournalNode(ctx, o.binary); err != nil {
			return err
		}
	}
	r, err := measure(ctx, o, dir, install)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s", r.markdown())
	if o.write != "" {
		if err := r.writeInto(o.write); err != nil {
			return err
		}
	}
	var failed []string
	for _, v := range r.verdicts {
		if !v.pass {
			failed = append(failed, v.what+": "+v.seen)
		}
	}
	if o.check && len(failed) > 0 {
		return fmt.Errorf("%d of %d lines of the verdict fail:\n%s", len(failed), len(r.verdicts), strings.Join(failed, "\n"))
	}
	return nil
}

// measure starts everything, runs the scenarios, and ends everything.
func measure(ctx context.Context, o options, dir string, install *hadoop.Installation) (r report, err error) {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return r, err
	}
	b := &bench{scale: full}
	if o.quick {
		b.scale = quick
	}
	command := strings.Join(append([]string{"bench"}, os.Args[1:]...), " ")
	if r.facts, err = gather(ctx, command, dir, install, javaFlags); err != nil {
		return r, err
	}
	if b.site, err = hadoop.NewSite(filepath.Join(dir, "site"), install); err != nil {
		return r, err
	}
	defer b.site.Close()
	if b.ours, err = newSide(b.site, hadoop.Ours, o.binary, nil); err != nil {
		return r, err
	}
	if b.java, err = newSide(b.site, hadoop.Java, "", javaFlags); err != nil {
		return r, err
	}
	stage := stages(os.Stdout)
	if b.fixture, err = newFixture(filepath.Join(dir, "fixture"), b.scale); err != nil {
		return r, err
	}
	stage("the large files are written")
	if b.client, err = startClient(ctx, b.site); err != nil {
		return r, err
	}
	if r.syncs, err = b.countSyncs(ctx); err != nil {
		return r, err
	}
	stage("the syncs are counted")
	for _, s := range b.sides() {
		if err := b.prepare(ctx, s); err != nil {
			return r, fmt.Errorf("preparing %s: %w", s.kind, err)
		}
	}
	stage("the nodes are prepared")
	var chosen []scenario
	for _, sc := range scenarios(b.scale) {
		if only.MatchString(sc.name) {
			chosen = append(chosen, sc)
		}
	}
	r.floors = floors(dir, b.fixture.segment)
	if r.rows, err = b.run(ctx, chosen, func() error { return measureFloors(r.floors) }, os.Stdout); err != nil {
		return r, err
	}
	if o.only == "" {
		r.verdicts = judge(r.rows)
	}
	return r, b.client.End()
}

// stages gives a function that says what has been done, and in how long.
func stages(w io.Writer) func(done string) {
	began := time.Now()
	return func(done string) {
		_, _ = fmt.Fprintf(w, "%-45s %6.1f s\n", done, time.Since(began).Seconds()) // progress only
		began = time.Now()
	}
}
