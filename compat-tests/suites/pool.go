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
	out    io.Writer // a line per JVM that ended
}

// run runs all jobs, in their order, and returns what became of each. The first error of the environment ends all.
func (p pool) run(ctx context.Context, jobs []job) ([]ended, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	all := make([]ended, len(jobs))
	next := make(chan int)
	var workers sync.WaitGroup
	var mu sync.Mutex // of out
	for range min(p.places, len(jobs)) {
		workers.Go(func() {
			for i := range next {
				e, err := jobs[i].run(ctx)
				if err != nil {
					cancel(err)
					return
				}
				all[i] = e
				mu.Lock()
				fmt.Fprintf(p.out, "%4.0fs %s\n", e.took.Seconds(), jobs[i].told(e))
				mu.Unlock()
			}
		})
	}
	for i := range jobs {
		select {
		case next <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	return all, context.Cause(ctx)
}

// told is the job and its end in one line.
func (j job) told(e ended) string {
	counts := make(map[bool]int)
	for _, r := range e.results {
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

// again are the jobs of second attempts: each method that failed or did not run, alone; a class that failed outside its
// methods as a whole. That a method asked no process is no accident.
func again(j job, results []result) []job {
	var jobs []job
	for _, r := range results {
		if !r.outcome.failed() || r.outcome == noCall || r.outcome == laterPass {
			continue
		}
		k := j
		if !r.ofWholeClass() {
			k.methods = []string{r.function()}
		}
		k.dir = filepath.Join(filepath.Dir(j.dir), filepath.Base(j.dir)+"-2-"+oddInNames.ReplaceAllString(r.function(), "-"))
		if !slices.ContainsFunc(jobs, func(other job) bool { return other.dir == k.dir }) {
			jobs = append(jobs, k)
		}
	}
	return jobs
}
