package main

import (
	"context"
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

// runNegative proves that the suites see faults: with each planted fault its victims fail, and without it they pass.
func runNegative(ctx context.Context, p pool, campaigns []*campaign, nodes binaries, dir string) ([]string, error) {
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return nil, err
	}
	var all []negativeJob
	for _, fault := range plantedFaults {
		faulty, err := fault.build(ctx, bin)
		if err != nil {
			return nil, err
		}
		sound := nodes
		if fault.soundPlan != "" {
			if sound, err = fault.buildSound(ctx, bin); err != nil {
				return nil, err
			}
		}
		for _, c := range campaigns {
			version := c.install.release.Version
			for _, victims := range together(fault.victims[version]) {
				name := fmt.Sprintf("%s-%s-%s-%d", version, fault.name, simpleName(victims[0].class), len(all))
				j, err := c.negative(fault, victims, filepath.Join(dir, name))
				if err != nil {
					return nil, err
				}
				j.nodes, j.name = faulty, fault.name
				all = append(all, negativeJob{j, fault, false, victims})
				if fault.soundPlan == "" && fault.stop == "term" && c.passedAll(victims) {
					continue
				}
				j.nodes, j.name, j.dir = sound, "without "+fault.name, j.dir+"-sound"
				all = append(all, negativeJob{j, fault, true, victims})
			}
		}
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
	fmt.Fprintf(p.out, "\nBuilds with planted faults\n")
	for i, n := range all {
		for _, v := range n.victims {
			told, problem := n.judge(v, ends[i])
			fmt.Fprintf(p.out, "%s  %s\n", n.install.release.Version, told)
			if problem != "" {
				problems = append(problems, n.install.release.Version+" "+problem)
			}
		}
	}
	return problems, nil
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
		class:      class{name: victims[0].class, heap: usualHeap, budget: usualBudget},
		properties: append(slices.Clone(victims[0].properties), "gojn.suites.stop="+fault.stop)}
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

// together groups victims that run in one JVM: those of a class with the same properties.
func together(victims []victim) [][]victim {
	var groups [][]victim
	for _, v := range victims {
		i := slices.IndexFunc(groups, func(g []victim) bool {
			return g[0].class == v.class && slices.Equal(g[0].properties, v.properties)
		})
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
		return len(v.properties) > 0 || !results[simpleName(v.class)+"#"+v.method].outcome.passed()
	})
}

// judge says what became of a victim, and what is wrong with that: with the fault it must have failed of it, and neither have been
// skipped nor have gone down with its JVM.
func (n negativeJob) judge(v victim, e ended) (told, problem string) {
	id := simpleName(v.class) + "#" + v.method
	o, detail := notRun, ""
	for _, r := range e.results {
		if r.class == simpleName(v.class) && r.function() == v.method {
			o, detail = r.outcome, r.detail
			if o == fail {
				break // one set of parameters is enough
			}
		}
	}
	if n.sound {
		told = fmt.Sprintf("without %s: %s: %s", n.fault.name, id, o)
		if o != pass {
			problem = strings.TrimSuffix(told+": it proves nothing about the fault, "+e.problem, ", ")
		}
		return told, problem
	}
	told = fmt.Sprintf("%s: %s: %s", n.fault.name, id, o)
	switch {
	case o != fail:
		problem = strings.TrimSuffix(told+", it must fail: "+n.fault.words+"; "+e.problem, "; ")
	case !strings.Contains(detail, v.says):
		problem = fmt.Sprintf("%s of something else, not of %q: %s", told, v.says, detail)
	}
	return told, problem
}
