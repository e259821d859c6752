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
	"regexp"
	"slices"
	"strings"
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

type options struct {
	releases   []release
	classes    string // as given
	only       *regexp.Regexp
	core       bool
	control    bool
	keep       bool
	docs       bool
	properties []string
	negative   string
	faultsOn   []release
	sideBySide int
	dir        string
}

func parseOptions(args []string) (options, error) {
	var o options
	var versions, faultsOn string
	flags := flag.NewFlagSet("suites", flag.ContinueOnError)
	flags.StringVar(&versions, "release", "", "Hadoop releases, with commas; none: all")
	flags.StringVar(&o.classes, "classes", "", "run the classes whose simple names match this expression; none: all")
	flags.BoolVar(&o.core, "core", false, "run the core classes only")
	flags.BoolVar(&o.control, "control", false, "run the Java node and keep its results")
	flags.BoolVar(&o.keep, "keep", false,
		"keep the results of ours and write docs/compatibility.md; else they are held to what that says")
	flags.Func("D", "a system property of the tests' JVMs, NAME=value: TestQJMWithFaults.random-seed repeats a run", func(s string) error {
		if name, _, found := strings.Cut(s, "="); !found || name == "" {
			return errors.New("not NAME=value")
		}
		o.properties = append(o.properties, s)
		return nil
	})
	flags.BoolVar(&o.docs, "docs", false, "run nothing, write docs/compatibility.md of what is kept")
	flags.StringVar(&o.negative, "negative", "", "builds with planted faults: too (after the classes) or only")
	flags.StringVar(&faultsOn, "negative-release", "", "releases of -release whose tests see planted faults; none: all of them")
	flags.IntVar(&o.sideBySide, "side-by-side", 4, "JVMs at a time")
	flags.StringVar(&o.dir, "dir", "", "directory for all output, kept; none: a temporary one, kept when something fails, at a first attempt too")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.releases, err = findReleases(versions); err != nil {
		return o, err
	}
	if o.faultsOn, err = findReleases(faultsOn); err != nil {
		return o, err
	}
	if o.only, err = regexp.Compile("^(" + o.classes + ")$"); o.classes == "" {
		o.only, err = regexp.Compile("")
	}
	switch {
	case err != nil:
		return o, err
	case flags.NArg() > 0:
		return o, fmt.Errorf("what is %q?", flags.Arg(0))
	case o.negative != "" && o.negative != "too" && o.negative != "only":
		return o, fmt.Errorf("-negative is neither too nor only: %q", o.negative)
	case o.control && (o.keep || o.negative != ""):
		return o, errors.New("-control keeps the Java node's results; -keep and -negative are for ours")
	case len(o.properties) > 0 && (o.keep || o.control):
		return o, errors.New("what was run with -D is not kept")
	case o.sideBySide < 1:
		return o, fmt.Errorf("%d JVMs at a time", o.sideBySide)
	}
	return o, nil
}

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
	p := pool{places: o.sideBySide, out: os.Stdout}
	faults := func() ([]builtFault, error) { return nil, nil }
	building, stop := context.WithCancel(ctx)
	defer stop()
	if o.negative != "" {
		faults = buildFaults(building, nodes, filepath.Join(dir, "faults"))
	}
	if o.negative != "only" {
		more, err := o.runClasses(ctx, p, campaigns, nodes, dir)
		if err != nil {
			stop()
			_, _ = faults() // waits
			return problems, err
		}
		problems = append(problems, more...)
	}
	builds, err := faults()
	if err != nil || o.negative == "" {
		return problems, err
	}
	campaigns = slices.DeleteFunc(campaigns, func(c *campaign) bool {
		return !slices.ContainsFunc(o.faultsOn, func(r release) bool { return r.Version == c.install.release.Version })
	})
	more, err := runNegative(ctx, p, campaigns, builds, filepath.Join(dir, "negative"))
	return append(problems, more...), err
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
