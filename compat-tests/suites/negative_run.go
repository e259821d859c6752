package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// negativeJob is a JVM that runs victims of one fault, on the build with the fault or on the sound one.
type negativeJob struct {
	job
	fault   plantedFault
	sound   bool
	victims []victim
	// classes is the campaign whose run of the victims' class, on the ordinary build, is the sound one; nil: it is a job.
	classes *campaign
}

// negative is a run of builds with planted faults that is over.
type negative struct {
	jobs []negativeJob
	ends []ended
}

// builtFault are the builds of one fault; sound is the ordinary build where the fault has no other.
type builtFault struct{ faulty, sound binaries }

// buildFaults builds all of them.
func buildFaults(ctx context.Context, nodes binaries, dir string) ([]builtFault, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var all []builtFault
	for _, fault := range plantedFaults {
		built := builtFault{sound: nodes}
		var err error
		if built.faulty, err = fault.build(ctx, dir); err == nil && fault.soundPlan != "" {
			built.sound, err = fault.buildSound(ctx, dir)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, built)
	}
	return all, nil
}

// runNegative runs what proves that the suites see faults: with each planted fault its victims fail, and without it they
// pass. classesToo: the campaigns' classes run as well, on the ordinary build.
func runNegative(ctx context.Context, p pool, campaigns []*campaign, classesToo bool, builds []builtFault,
	dir string) (negative, error) {
	var all []negativeJob
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return negative{}, err
	}
	for i, fault := range plantedFaults {
		for _, c := range campaigns {
			version := c.install.release.Version
			for _, victims := range together(fault.victims[version]) {
				name := fmt.Sprintf("%s-%s-%s-%d", version, fault.name, simpleName(victims[0].class), len(all))
				j, err := c.negative(fault, victims, filepath.Join(dir, name))
				if err != nil {
					return negative{}, err
				}
				j.nodes, j.name = builds[i].faulty, fault.name
				if classesToo && fault.soundPlan == "" && fault.stop == "term" && c.runs(victims[0].class) {
					all = append(all, negativeJob{j, fault, false, victims, c})
					continue
				}
				all = append(all, negativeJob{j, fault, false, victims, nil})
				j.nodes, j.name, j.dir = builds[i].sound, "without "+fault.name, j.dir+"-sound"
				all = append(all, negativeJob{j, fault, true, victims, nil})
			}
		}
	}
	if len(all) == 0 {
		return negative{}, errors.New("no release that runs has to see a planted fault: nothing would be proved")
	}
	var jobs []job
	for _, n := range all {
		jobs = append(jobs, n.job)
	}
	ends, err := p.run(ctx, jobs)
	return negative{all, ends}, err
}

// judge tells what became of the victims, and returns what is wrong with that. The classes must be over.
func (r negative) judge(out io.Writer) ([]string, error) {
	var problems []string
	var events []testEvent
	fmt.Fprintf(out, "\nBuilds with planted faults\n")
	for i, n := range r.jobs {
		for _, v := range n.victims {
			told, problem := n.judge(v, r.ends[i])
			fmt.Fprintf(out, "%s  %s\n", n.install.release.Version, told)
			if problem != "" {
				problems = append(problems, n.install.release.Version+" "+problem)
			}
			events = append(events, n.events(v, problem)...)
		}
	}
	return problems, writeEvents(os.Getenv("RAN"), "faults", events)
}

// events tell compat-tests/ran of a victim, by its name and that of the fault. Who reads them takes one failure, be it
// with the fault or without, for a failure of both.
func (n negativeJob) events(v victim, problem string) []testEvent {
	action, name := "pass", v.name()+"/"+n.fault.name
	if problem != "" {
		action = "fail"
	}
	return []testEvent{event(action, name+"/"+n.install.release.Version), event(action, name)}
}

// negative is the JVM for victims of one class.
func (c *campaign) negative(fault plantedFault, victims []victim, dir string) (job, error) {
	_, text, err := readMarks()
	if err != nil {
		return job{}, err
	}
	skips := filepath.Join(filepath.Dir(dir), "skips.tsv")
	if err := os.WriteFile(skips, text, 0o644); err != nil {
		return job{}, err
	}
	j := job{install: c.install, side: ours, skips: skips, dir: dir,
		class:      class{name: victims[0].class, budget: usualBudget},
		properties: append(slices.Clone(c.properties), "gojn.suites.stop="+fault.stop)}
	for _, listed := range c.list.classes {
		if listed.name == j.class.name {
			j.class = listed
		}
	}
	for _, v := range victims {
		j.methods = append(j.methods, v.method)
	}
	return j, nil
}

// together groups victims that run in one JVM: those of a class.
func together(victims []victim) [][]victim {
	var groups [][]victim
	for _, v := range victims {
		i := slices.IndexFunc(groups, func(g []victim) bool { return g[0].class == v.class })
		if i < 0 {
			groups = append(groups, []victim{v})
		} else {
			groups[i] = append(groups[i], v)
		}
	}
	return groups
}

// runs tells whether a class, by its qualified name, is one of those that are run.
func (c *campaign) runs(name string) bool {
	return slices.ContainsFunc(c.classes, func(listed class) bool { return listed.name == name })
}

// judge says what became of a victim, and what is wrong with that: with the fault it must have failed of it, and
// neither have been skipped nor have gone down with its JVM.
func (n negativeJob) judge(v victim, e ended) (told, problem string) {
	found := result{outcome: notRun, detail: e.problem}
	for _, r := range e.results {
		if r.class == simpleName(v.class) && r.function() == v.method {
			found = r
			if r.outcome == fail { // one set of parameters is enough
				break
			}
		}
	}
	told = fmt.Sprintf("%s: %s: %s", n.fault.name, v.name(), found.outcome)
	if n.sound {
		told = "without " + told
		if found.outcome != pass {
			problem = told + ", it proves nothing about the fault" + because(found)
		}
		return told, problem
	}
	if n.classes != nil && !byID(n.classes.results)[v.name()].outcome.passed() {
		return told, told + ", and it has not passed with the ordinary build: it proves nothing about the fault"
	}
	if found.outcome != fail || !strings.Contains(found.detail, v.says) {
		problem = fmt.Sprintf("%s, it must fail of this: %s; %q%s", told, n.fault.words, v.says, because(found))
	}
	return told, problem
}
