package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// jobIn is a job that is known by its directory.
func jobIn(dir string) job {
	return job{install: &installation{}, class: class{name: "org.TestA"}, dir: dir}
}

// TestPool: one job's trouble is its own, and what comes after a job runs before what still waits.
func TestPool(t *testing.T) {
	var ran []string
	p := pool{places: 1, out: io.Discard, runs: func(j job, _ context.Context) (ended, error) {
		ran = append(ran, j.dir)
		if j.dir == "broken" {
			return ended{results: []result{r("TestA#x", pass)}}, errors.New("no space")
		}
		return ended{}, nil
	}}
	ends := make(map[string]ended)
	err := p.each(t.Context(), []job{jobIn("a"), jobIn("broken"), jobIn("b")}, func(j job, e ended) []job {
		ends[j.dir] = e
		if j.dir == "a" {
			return []job{jobIn("a2"), jobIn("a3")}
		}
		return nil
	})
	if diff := cmp.Diff([]string{"a", "a2", "a3", "broken", "b"}, ran); err != nil || diff != "" {
		t.Errorf("%v; -want +got\n%s", err, diff)
	}
	if e := ends["broken"]; e.problem != "this machine: no space" || len(e.results) != 1 {
		t.Errorf("of what could not be run: %+v", e)
	}
	all, err := p.run(t.Context(), []job{jobIn("broken"), jobIn("b")})
	if err != nil || len(all) != 2 || all[0].problem == "" || all[1].problem != "" {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestPoolSideBySide: as many as there are places, all of them, also what comes late while the others have nothing to
// do.
func TestPoolSideBySide(t *testing.T) {
	var mu sync.Mutex
	var ran []string
	together := make(chan struct{})
	p := pool{places: 3, out: io.Discard, runs: func(j job, _ context.Context) (ended, error) {
		mu.Lock()
		ran = append(ran, j.dir)
		mu.Unlock()
		if strings.HasPrefix(j.dir, "late") { // each needs the other
			select {
			case together <- struct{}{}:
			case <-together:
			}
		}
		return ended{}, nil
	}}
	err := p.each(t.Context(), []job{jobIn("first")}, func(j job, _ ended) []job {
		if j.dir == "first" {
			return []job{jobIn("late1"), jobIn("late2")}
		}
		return nil
	})
	slices.Sort(ran)
	if diff := cmp.Diff([]string{"first", "late1", "late2"}, ran); err != nil || diff != "" {
		t.Errorf("%v; -want +got\n%s", err, diff)
	}
}

// TestPoolInterrupted: nothing new is started, and what was cut off is not taken for an end.
func TestPoolInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := pool{places: 1, out: io.Discard, runs: func(j job, ctx context.Context) (ended, error) {
		if j.dir != "a" {
			t.Errorf("%s runs", j.dir)
		}
		cancel()
		return ended{}, ctx.Err()
	}}
	err := p.each(ctx, []job{jobIn("a"), jobIn("b")}, func(job, ended) []job {
		t.Error("an end is told")
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestAttempts: a class is complete when all second attempts are; the JVM of one that ran as a whole again may die too.
func TestAttempts(t *testing.T) {
	known := []result{r("TestA#x", pass), r("TestA#y", pass), r("TestA#z", pass)}
	c := &campaign{side: ours, control: kept{results: known}}
	j := jobIn("/d/TestA")
	a := &attempts{c: c, open: 1}
	first := []result{r("TestA#x", pass), r("TestA#y", fail)}
	more := a.ended(j, ended{results: first, problem: "it died"})
	if len(more) != 2 || a.open != 2 || a.results[2].outcome != notRun || a.results[2].where != "/d/TestA" {
		t.Fatalf("%d more, %d open, %v", len(more), a.open, a.results)
	}
	a.ended(more[0], ended{results: []result{r("TestA#y", pass)}})
	a.ended(more[1], ended{results: []result{r("TestA#z", fail)}})
	got := byID(a.results)
	if a.open != 0 || got["TestA#y"].outcome != passSecond || got["TestA#z"].outcome != notRun {
		t.Errorf("%d open, %v", a.open, a.results)
	}

	for _, flag := range []string{nodeDied, nodeKilled} {
		a = &attempts{c: c, open: 1}
		crash := weigh([]result{r("TestA#x", pass), flagged(flag, "TestA#y", pass), r("TestA#z", pass)})
		more = a.ended(j, ended{results: crash})
		if len(more) != 0 || a.results[1].outcome != fail {
			t.Errorf("a JournalNode of ours %s: %d second attempts, %v", flag, len(more), a.results)
		}
		a = &attempts{c: &campaign{side: javaNode}, open: 1}
		more = a.ended(j, ended{results: weigh([]result{flagged(flag, "TestA#y", fail)})})
		if len(more) != 1 {
			t.Errorf("one of Java's %s: %d second attempts", flag, len(more))
		}
	}

	a = &attempts{c: c, open: 1}
	more = a.ended(j, ended{results: []result{r("TestA#(TestA)", fail)}})
	if len(more) != 1 || len(more[0].methods) != 0 {
		t.Fatalf("after a class failed as a whole: %v", more)
	}
	a.ended(more[0], ended{results: []result{r("TestA#x", pass)}, problem: "it died"})
	if got := byID(a.results); got["TestA#x"].outcome != passSecond || got["TestA#y"].outcome != notRun ||
		got["TestA#(TestA)"].outcome != fail {
		t.Errorf("after it died at its second attempt: %v", a.results)
	}

	a = &attempts{c: &campaign{side: javaNode}, open: 1}
	more = a.ended(j, ended{results: []result{kerberos("TestA#k", later)}})
	if len(more) != 1 || a.results[0].outcome != fail {
		t.Errorf("what comes later for ours is tried once with the control: %v", a.results)
	}
}

// TestRunCampaigns: each class is told when it is done, and has its results then.
func TestRunCampaigns(t *testing.T) {
	c := &campaign{install: &installation{release: releases[0]}, side: ours, product: "a", command: "make", properties: []string{"seed=1"},
		classes: []class{{name: "org.TestA"}, {name: "org.TestB"}}}
	early, late := time.Unix(1000, 0), time.Unix(2000, 0)
	ends := map[string]time.Time{"TestA": early, "TestB": late}
	p := pool{places: 2, out: io.Discard, runs: func(j job, _ context.Context) (ended, error) {
		name := simpleName(j.class.name)
		if made, err := c.origin(name); err != nil || made.product != "a" || made.command != "make" {
			t.Errorf("%s is made with %v, %v", name, made, err)
		}
		if !slices.Equal(j.properties, c.properties) {
			t.Errorf("%s has the properties %q", name, j.properties)
		}
		if name == "TestB" && len(j.methods) == 0 {
			return ended{results: []result{r("TestB#x", pass), r("TestB#y", fail)}, at: early}, nil
		}
		if name == "TestB" {
			return ended{results: []result{r("TestB#y", pass)}, at: late}, nil
		}
		return ended{results: []result{r("TestA#z", pass)}, at: early}, nil
	}}
	done := make(map[string]int)
	err := runCampaigns(t.Context(), p, []*campaign{c}, binaries{}, t.TempDir(), func(c *campaign, class string, at time.Time) {
		done[class] = len(ofClasses(c.results, []string{class}))
		if want := ends[class]; !at.Equal(want) {
			t.Errorf("%s ended at %v, not at %v", class, want, at)
		}
	})
	if diff := cmp.Diff(map[string]int{"TestA": 1, "TestB": 2}, done); err != nil || diff != "" {
		t.Errorf("%v; -want +got\n%s", err, diff)
	}
	if len(c.results) != 3 || c.results[2].outcome != passSecond {
		t.Errorf("%v", c.results)
	}
}

// TestTurns: runs of a pool at the same time share its turns, and who waits for one is not run after the end. In a bubble, so that no
// worker is late by a turn.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most, ran := 0, 0, 0
		ctx, end := context.WithCancel(t.Context())
		p := pool{places: 2, turns: make(chan struct{}, 2), out: io.Discard, runs: func(job, context.Context) (ended, error) {
			mu.Lock()
			running++
			ran++
			most = max(most, running)
			if ran == 12 {
				end()
			}
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			running--
			mu.Unlock()
			return ended{}, nil
		}}
		var both sync.WaitGroup
		for i := range 2 {
			var jobs []job
			for n := range 10 {
				jobs = append(jobs, job{install: &installation{release: releases[0]}, dir: fmt.Sprintf("%d-%d", i, n)})
			}
			both.Go(func() {
				if _, err := p.run(ctx, jobs); !errors.Is(err, context.Canceled) {
					t.Errorf("the run ends with %v", err)
				}
			})
		}
		both.Wait()
		if most != 2 || ran < 12 || ran > 13 {
			t.Errorf("%d JVMs ran, at most %d at a time", ran, most)
		}
	})
}
