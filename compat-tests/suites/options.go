package main

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strings"
)

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
	flags.StringVar(&o.negative, "negative", "", "builds with planted faults: too (beside the classes) or only")
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
