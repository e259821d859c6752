// Command suites runs Hadoop's own tests, unmodified, against processes of our binary (or, with -control, of the
// Java node), and judges ours by the Java node's kept results. It exits with 1 if something is wrong, with 2 if it
// cannot tell. See docs/compatibility.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"gojn/compat-tests/hadoop"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == insideFlag {
		status, err := runInside(os.Args[2])
		if err != nil {
			fmt.Fprintln(os.Stderr, "suites, inside:", err)
			status = 2
		}
		os.Exit(status)
	}
	o, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	var problems []string
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		problems, err = o.run(ctx)
	}
	switch {
	case errors.Is(err, errCannotRun) && !hadoop.Required():
		fmt.Println("SKIPPED: Hadoop's own test suites:", err)
	case err != nil:
		fmt.Fprintln(os.Stderr, "suites:", err)
		os.Exit(2)
	case len(problems) > 0:
		fmt.Printf("\n%d problems:\n", len(problems))
		for _, problem := range problems {
			fmt.Println("  " + problem)
		}
		os.Exit(1)
	}
}

// errCannotRun says that the machine lacks what the suites need. They are skipped then, unless COMPAT=required.
var errCannotRun = errors.New("this machine cannot run them")

// run returns what is wrong; an error is the environment's.
func (o options) run(ctx context.Context) ([]string, error) {
	if o.docs {
		return nil, writeDocs()
	}
	campaigns, err := o.campaigns()
	if err != nil {
		return nil, err
	}
	if err := canIsolate(); err != nil {
		return nil, o.unable(err)
	}
	dir, err := o.directory()
	if err != nil {
		return nil, err
	}
	problems, err := o.runIn(ctx, campaigns, dir)
	switch {
	case errors.Is(err, hadoop.ErrNoRuntime):
		err = o.unable(err)
	case err == nil && len(problems) == 0 && o.dir == "" && !slices.ContainsFunc(campaigns, (*campaign).neededSecond):
		err = os.RemoveAll(dir)
	default:
		fmt.Println("\nWhat each JVM wrote is in", dir)
	}
	return problems, err
}

// unable is the error of a machine that lacks what err says: where results were to be kept it is no reason to skip.
func (o options) unable(err error) error {
	if o.keep || o.control {
		return err
	}
	return fmt.Errorf("%w: %w", errCannotRun, err)
}

func (o options) directory() (string, error) {
	if o.dir == "" {
		return os.MkdirTemp("", "gojn-suites-")
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

func (o options) runIn(ctx context.Context, campaigns []*campaign, dir string) ([]string, error) {
	product, err := productDigest(ctx) // before the build: what changes meanwhile is not in it
	if err != nil {
		return nil, err
	}
	fmt.Println("The product's sources:", product)
	nodes, err := buildNodes(ctx, filepath.Join(dir, "bin"))
	if err != nil {
		return nil, err
	}
	var problems []string
	for _, c := range campaigns {
		c.product, c.command = product, o.command(c.side, c.install.release.Version)
		if c.install, err = provision(ctx, c.install.release); err != nil {
			return nil, err
		}
		found, err := discover(os.DirFS(c.install.tests))
		if err != nil {
			return nil, err
		}
		for _, problem := range checkDiscovered(found, c.list) {
			problems = append(problems, c.install.release.Version+" "+problem)
		}
	}
	p := pool{places: o.sideBySide, turns: make(chan struct{}, o.sideBySide), out: os.Stdout}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	faults := o.startNegative(ctx, p, campaigns, nodes, dir)
	if o.negative != "only" {
		more, err := o.runClasses(ctx, p, campaigns, nodes, dir)
		if err != nil {
			stop()
			_, _ = faults() // waits
			return problems, err
		}
		problems = append(problems, more...)
	}
	ran, err := faults()
	if err != nil || o.negative == "" {
		return problems, err
	}
	more, err := ran.judge(os.Stdout)
	return append(problems, more...), err
}

// startNegative builds and runs the planted faults that are asked for beside the classes; the function that it returns waits
// for the end.
func (o options) startNegative(ctx context.Context, p pool, campaigns []*campaign, nodes binaries,
	dir string) func() (negative, error) {
	if o.negative == "" {
		return func() (negative, error) { return negative{}, nil }
	}
	campaigns = slices.DeleteFunc(slices.Clone(campaigns), func(c *campaign) bool {
		return !slices.ContainsFunc(o.faultsOn, func(r release) bool { return r.Version == c.install.release.Version })
	})
	var ran negative
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		var builds []builtFault
		if builds, err = buildFaults(ctx, nodes, filepath.Join(dir, "faults")); err == nil {
			ran, err = runNegative(ctx, p, campaigns, o.negative == "too", builds, filepath.Join(dir, "negative"))
		}
	}()
	return func() (negative, error) {
		<-done
		return ran, err
	}
}

// campaigns are those of the releases. That they have no class at all is an error.
func (o options) campaigns() ([]*campaign, error) {
	s := ours
	if o.control {
		s = javaNode
	}
	var campaigns []*campaign
	classes := 0
	for _, r := range o.releases {
		c, err := newCampaign(r, s, o.only, o.core)
		if err != nil {
			return nil, err
		}
		c.properties = o.properties
		campaigns = append(campaigns, c)
		classes += len(c.classes)
	}
	if classes == 0 {
		return nil, fmt.Errorf("no class of these releases is chosen by -classes %q and -core=%v", o.classes, o.core)
	}
	return campaigns, nil
}

// runClasses runs, keeps, judges and tells.
func (o options) runClasses(ctx context.Context, p pool, campaigns []*campaign, nodes binaries,
	dir string) ([]string, error) {
	var notKept error
	err := runCampaigns(ctx, p, campaigns, nodes, dir, func(c *campaign, class string, at time.Time) {
		if o.keep || o.control {
			notKept = errors.Join(notKept, c.keepClass(class, at))
		}
	})
	if o.keep || o.control {
		err = errors.Join(err, notKept, writeDocs())
	}
	if err != nil {
		return nil, err
	}
	var problems []string
	for _, c := range campaigns {
		if len(c.classes) == 0 {
			continue
		}
		wrong, notes, err := o.judge(c)
		if err != nil {
			return nil, err
		}
		for _, problem := range wrong {
			problems = append(problems, c.install.release.Version+" "+problem)
		}
		if err := errors.Join(c.writeTable(os.Stdout), c.writeRan(os.Getenv("RAN"), wrong)); err != nil {
			return nil, err
		}
		for _, note := range notes {
			fmt.Printf("Hadoop %s: %s\n", c.install.release.Version, note)
		}
	}
	return problems, nil
}

// keepClass keeps the results of a class, unless a method has none: what was kept before is more than that.
func (c *campaign) keepClass(class string, at time.Time) error {
	version := c.install.release.Version
	results := ofClasses(c.results, []string{class})
	if !allRan(results) {
		fmt.Printf("%s %s is not kept: not all of it ran\n", version, class)
		return nil
	}
	made, err := c.origin(class)
	if err != nil {
		return err
	}
	if c.side == javaNode {
		made.product = "-"
	}
	return keep(c.side, version, c.list, []string{class}, results, made, at)
}

// buildNodes builds our binary, and the one that asks the test at a recovery's record.
func buildNodes(ctx context.Context, dir string) (binaries, error) {
	repo, err := hadoop.RepositoryRoot()
	if err != nil {
		return binaries{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return binaries{}, err
	}
	b := binaries{node: filepath.Join(dir, "journalnode"), hooked: filepath.Join(dir, "journalnode-hooked")}
	if err := compile(ctx, repo, b.node, "", ""); err != nil {
		return binaries{}, err
	}
	return b, compile(ctx, repo, b.hooked, "hook", "")
}
