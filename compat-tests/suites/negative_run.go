package main

import (
	"context"
	"errors"
	"fmt"
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
}

// builtFault are the builds of one fault; sound is the ordinary build where the fault has no other.
type builtFault struct{ faulty, sound binaries }

// buildFaults builds all of them, in the background, while the classes wait for each other: the function that it
// returns waits for the end.
func buildFaults(ctx context.Context, nodes binaries, dir string) func() ([]builtFault, error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	var all []builtFault
	err := os.MkdirAll(dir, 0o755)
	go func() {
		defer close(done)
		for i := 0; i < len(plantedFaults) && err == nil; i++ {
			fault, built := plantedFaults[i], builtFault{sound: nodes}
			if built.faulty, err = fault.build(ctx, dir); err == nil && fault.soundPlan != "" {
				built.sound, err = fault.buildSound(ctx, dir)
			}
			all = append(all, built)
		}
	}()
	return func() ([]builtFault, error) {
		<-done
		cancel()
		return all, err
	}
}

// runNegative proves that the suites see faults: with each planted fault its victims fail, and without it they pass.
func runNegative(ctx context.Context, p pool, campaigns []*campaign, builds []builtFault, dir string) ([]string, error) {
	var all []negativeJob
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for i, fault := range plantedFaults {
		for _, c := range campaigns {
			version := c.install.release.Version
			for _, victims := range together(fault.victims[version]) {
				name := fmt.Sprintf("%s-%s-%s-%d", version, fault.name, simpleName(victims[0].class), len(all))
				j, err := c.negative(fault, victims, filepath.Join(dir, name))
				if err != nil {
					return nil, err
				}
				j.nodes, j.name = builds[i].faulty, fault.name
				all = append(all, negativeJob{j, fault, false, victims})
				if fault.soundPlan == "" && fault.stop == "term" && c.passedAll(victims) {
					continue
				}
				j.nodes, j.name, j.dir = builds[i].sound, "without "+fault.name, j.dir+"-sound"
				all = append(all, negativeJob{j, fault, true, victims})
			}
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no release that runs has to see a planted fault: nothing would be proved")
	}
	var jobs []job
	for _, n := range all {
		jobs = append(jobs, n.job)
	}
	ends, err := p.run(ctx, jobs)
	if err != nil {
		return nil, err
	}
	var problems []string
	var events []testEvent
	fmt.Fprintf(p.out, "\nBuilds with planted faults\n")
	for i, n := range all {
		for _, v := range n.victims {
			told, problem := n.judge(v, ends[i])
			fmt.Fprintf(p.out, "%s  %s\n", n.install.release.Version, told)
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

// passedAll tells whether this run has seen all of them pass with the ordinary build.
func (c *campaign) passedAll(victims []victim) bool {
	results := byID(c.results)
	return !slices.ContainsFunc(victims, func(v victim) bool {
		return !results[v.name()].outcome.passed()
	})
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
	if found.outcome != fail || !strings.Contains(found.detail, v.says) {
		problem = fmt.Sprintf("%s, it must fail of this: %s; %q%s", told, n.fault.words, v.says, because(found))
	}
	return told, problem
}
