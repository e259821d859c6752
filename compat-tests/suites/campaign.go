package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// campaign is the run of one release's classes on one side.
type campaign struct {
	install    *installation
	side       side
	properties []string // see job
	product    string   // see productDigest
	command    string   // that does the same again
	list       classList
	classes    []class // of the list, those that are run
	marks      marks
	control    kept
	ours       kept
	results    []result
}

// newCampaign reads what is committed of a release. Results that are not there are told by the judgement.
func newCampaign(r release, s side, only *regexp.Regexp, core bool) (*campaign, error) {
	c := &campaign{install: &installation{release: r}, side: s}
	var err error
	if c.list, err = listOf(r.Version); err != nil {
		return nil, err
	}
	for _, class := range c.list.classes {
		if only.MatchString(simpleName(class.name)) && (class.core || !core) {
			c.classes = append(c.classes, class)
		}
	}
	if c.marks, _, err = readMarks(); err != nil {
		return nil, err
	}
	kept, err := readPair(keptFiles, r.Version)
	c.ours, c.control = kept.ours, kept.control
	return c, err
}

// names are the simple names of the classes that are run.
func (c *campaign) names() []string {
	var names []string
	for _, class := range c.classes {
		names = append(names, simpleName(class.name))
	}
	return names
}

// known are the methods of earlier runs.
func (c *campaign) known() []result {
	return append(slices.Clone(c.ours.results), c.control.results...)
}

// jobs are a JVM per class.
func (c *campaign) jobs(ctx context.Context, nodes binaries, dir string) ([]job, error) {
	_, text, err := readMarks()
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, c.install.release.Version+"-"+string(c.side))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	skips := filepath.Join(dir, "skips.tsv")
	if err := os.WriteFile(skips, text, 0o644); err != nil {
		return nil, err
	}
	archive := ""
	if c.side == javaNode {
		if archive, err = c.install.archive(ctx); err != nil {
			return nil, err
		}
	}
	var jobs []job
	for _, class := range c.classes {
		jobs = append(jobs, job{install: c.install, side: c.side, nodes: nodes, class: class, skips: skips, archive: archive,
			properties: c.properties, dir: filepath.Join(dir, simpleName(class.name))})
	}
	return jobs, nil
}

// complete adds to a JVM's results what did not run because it ended early.
func (c *campaign) complete(j job, e ended) []result {
	if e.problem == "" {
		return e.results
	}
	class := simpleName(j.class.name)
	all := withNotRun(e.results, ofClasses(c.known(), []string{class}), e.problem)
	if len(all) == len(e.results) { // nobody knows what else there is
		all = append(all, result{class: class, method: "(class)", outcome: notRun, detail: e.problem})
	}
	for i := range all {
		all[i].where = j.dir
	}
	return all
}

// attempts are those of one class.
type attempts struct {
	c       *campaign
	results []result
	open    int // JVMs without an end
	first   bool
	at      time.Time // when the last JVM ended
}

// ended takes in the end of a JVM, and returns the second attempts that it makes necessary.
func (a *attempts) ended(j job, e ended) []job {
	results := e.results
	if e.at.After(a.at) {
		a.at = e.at
	}
	if len(j.methods) == 0 {
		results = a.c.complete(j, e)
	}
	if results = a.c.marks.silence(results); a.c.side == javaNode {
		results = asControl(results)
	} else {
		results = withFinal(besideControl(results, a.c.control.results), a.c.control.results, a.c.marks)
	}
	a.open--
	if a.first {
		a.results = withSecond(a.results, secondRun{results, len(j.methods) == 0, e.problem != ""})
		return nil
	}
	a.first, a.results = true, results
	more := again(j, results)
	a.open += len(more)
	return more
}

// runCampaigns runs all classes of all of them in one pool, and what failed once more, each method alone. As soon as
// that is over for a class its results are in the campaign and done is called, one call at a time, with when that was.
func runCampaigns(ctx context.Context, p pool, campaigns []*campaign, nodes binaries, dir string,
	done func(c *campaign, class string, at time.Time)) error {
	owner := make(map[string]*attempts) // by directory
	var jobs []job
	for _, c := range campaigns {
		more, err := c.jobs(ctx, nodes, dir)
		if err != nil {
			return err
		}
		for _, j := range more {
			owner[j.dir] = &attempts{c: c, open: 1}
		}
		jobs = append(jobs, more...)
	}
	longestFirst(jobs, func(j job) time.Duration { return took(owner[j.dir].c.known(), simpleName(j.class.name)) })
	err := p.each(ctx, jobs, func(j job, e ended) []job {
		a := owner[j.dir]
		more := a.ended(j, e)
		for _, k := range more {
			owner[k.dir] = a
		}
		if a.open == 0 {
			a.c.results = append(a.c.results, a.results...)
			done(a.c, simpleName(j.class.name), a.at)
		}
		return more
	})
	for _, c := range campaigns {
		sortResults(c.results)
	}
	return err
}

// neededSecond tells whether a method passed at the second attempt alone: why it failed is worth reading.
func (c *campaign) neededSecond() bool {
	return slices.ContainsFunc(c.results, func(r result) bool { return r.outcome == passSecond })
}

// judge is what is wrong with the results of a campaign; with claims they are held to what the documentation says, without
// they are what it is going to say, see trial.strict.
func (c *campaign) judge(claims bool) []string {
	names := c.names()
	if c.side == javaNode {
		return control{c.install.release.Version, names, c.results, ofClasses(c.control.results, names), c.marks}.judge()
	}
	t := trial{classes: names, ours: c.results, control: ofClasses(c.control.results, names), marks: c.marks,
		strict: !claims}
	if claims {
		t.claimed = ofClasses(c.ours.results, names)
	}
	return t.judge()
}
