package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// pool runs JVMs side by side.
type pool struct {
	places int
	// turns are those of all runs of this pool at the same time, one for each JVM that may run; nil: each run has its places.
	turns chan struct{}
	out   io.Writer // a line per JVM that ended
	// runs is how a job is run; nil: job.run.
	runs func(job, context.Context) (ended, error)
}

// run runs all jobs, in their order, and returns what became of each. An error is that of ctx.
func (p pool) run(ctx context.Context, jobs []job) ([]ended, error) {
	ends := make(map[string]ended) // by directory
	err := p.each(ctx, jobs, func(j job, e ended) []job {
		ends[j.dir] = e
		return nil
	})
	all := make([]ended, len(jobs))
	for i, j := range jobs {
		all[i] = ends[j.dir]
	}
	return all, err
}

// each runs all jobs, in their order, and those that after returns before all that still wait. Calls of after come
// one at a time. What goes wrong with one job is its own problem; an error is that of ctx.
func (p pool) each(ctx context.Context, jobs []job, after func(job, ended) []job) error {
	var (
		mu      sync.Mutex // of all here
		todo    = slices.Clone(jobs)
		running = 0
		change  = sync.NewCond(&mu)
		workers sync.WaitGroup
	)
	for range p.places {
		workers.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			for {
				for len(todo) == 0 && running > 0 {
					change.Wait()
				}
				if len(todo) == 0 || ctx.Err() != nil {
					return
				}
				j := todo[0]
				todo = todo[1:]
				running++
				mu.Unlock()
				e := p.start(ctx, j)
				mu.Lock()
				running--
				if ctx.Err() == nil {
					fmt.Fprintf(p.out, "%4.0fs %s\n", e.took.Seconds(), j.told(e))
					todo = append(after(j, e), todo...)
				}
				change.Broadcast()
			}
		})
	}
	workers.Wait()
	return ctx.Err()
}

// start runs one job to its end, when it is its turn.
func (p pool) start(ctx context.Context, j job) ended {
	if p.turns != nil {
		select {
		case p.turns <- struct{}{}:
			defer func() { <-p.turns }()
		case <-ctx.Done():
			return ended{problem: "interrupted"}
		}
	}
	run := job.run
	if p.runs != nil {
		run = p.runs
	}
	e, err := run(j, ctx)
	if err != nil {
		e.problem = "this machine: " + err.Error()
	}
	return e
}

// told is the job and its end in one line.
func (j job) told(e ended) string {
	results := e.results
	if j.side == javaNode {
		results = asControl(results)
	}
	counts := make(map[bool]int)
	for _, r := range results {
		counts[r.outcome.failed()]++
	}
	what := strings.Join(append([]string{simpleName(j.class.name)}, j.methods...), "#")
	line := fmt.Sprintf("%s %s %s: %d methods, %d of them failed", j.install.release.Version, j.label(), what,
		counts[true]+counts[false], counts[true])
	if e.problem != "" {
		line += "; " + e.problem
	}
	return line
}

func (j job) label() string { return cmp.Or(j.name, string(j.side)) }

// longestFirst sorts jobs by how long their classes took when results were kept, unknown ones first.
func longestFirst(jobs []job, known func(j job) time.Duration) {
	slices.SortStableFunc(jobs, func(a, b job) int { return cmp.Compare(known(b), known(a)) })
}

// took is the time that the methods of a class took in all; of one without results an hour.
func took(results []result, class string) time.Duration {
	sum := 0
	for _, r := range ofClasses(results, []string{class}) {
		sum += r.ms
	}
	if sum == 0 {
		return time.Hour
	}
	return time.Duration(sum) * time.Millisecond
}

var oddInNames = regexp.MustCompile(`[^A-Za-z0-9]+`)

// Limits of second attempts: without them a class that hangs in its first method costs a budget for each of them.
const (
	secondBudget  = 3 * time.Minute
	mostOfNotRun  = 8 // methods of a class whose JVM ended early
	secondPerTime = 3 // times what the first attempt took
)

// again are the jobs of second attempts: each method that failed or did not run, alone; of a class that failed outside
// its methods only the whole. What is final has none.
func again(j job, results []result) []job {
	var jobs []job
	left := mostOfNotRun
	whole := slices.ContainsFunc(results, func(r result) bool { return r.ofWholeClass() && r.outcome.failed() })
	for _, r := range results {
		if !r.outcome.failed() || r.outcome == laterPass || r.final || whole && !r.ofWholeClass() {
			continue
		}
		k := j
		if !r.ofWholeClass() {
			k.methods, k.budget = []string{r.function()}, j.ofSecond(r)
		}
		k.dir = filepath.Join(filepath.Dir(j.dir), filepath.Base(j.dir)+"-2-"+oddInNames.ReplaceAllString(r.function(), "-"))
		if slices.ContainsFunc(jobs, func(other job) bool { return other.dir == k.dir }) {
			continue
		}
		if r.outcome == notRun && !r.ofWholeClass() {
			if left--; left < 0 {
				continue
			}
		}
		jobs = append(jobs, k)
	}
	return jobs
}

// ofSecond is the budget of a method's second attempt. One of a class that starts hundreds of nodes has that of the
// class.
func (j job) ofSecond(first result) time.Duration {
	if j.class.kill {
		return j.limit()
	}
	return min(j.limit(), max(secondBudget, secondPerTime*time.Duration(first.ms)*time.Millisecond))
}
