package compat_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
)

// What TestTail_Latency measures: rounds alternate between our nodes and Java's, each of so many writes; the clients
// pause between two writes for up to so many milliseconds.
const (
	latencyRounds = 6
	latencyWrites = 60
	latencyPause  = 60
)

// TestTail_Latency measures the time from the acknowledgement of a write to its visibility: on the standby, which is
// asked without a pause, and through the observer, whose answer waits until it has applied the write. Two clusters of
// the same release, one over our JournalNodes and one over Java's, stand beside each other and are measured in turn.
// Only the figures are wanted, and that nobody needed HTTP; no figure fails the test.
func TestTail_Latency(t *testing.T) {
	if !long() || control() {
		t.Skip("COMPAT_LONG=1 runs it, on our nodes and Java's")
	}
	// Not parallel: others would be measured along.
	for _, release := range releases(t) {
		for _, backoff := range latencyBackoffs {
			t.Run(release.Version+"/"+backoff, func(t *testing.T) { tailLatency(t, deadline(t), release, backoff) })
		}
	}
}

// latencyBackoffs are how long those who tail pause at most while nothing is new. It makes most of the time to
// visibility unless it is short.
var latencyBackoffs = []string{"100ms", "2ms"}

func tailLatency(t *testing.T, ctx context.Context, release hadoop.Release, backoff string) {
	kinds := []hadoop.Kind{hadoop.Ours, hadoop.Java}
	var clusters []*tailing
	for _, kind := range kinds {
		site := newSite(t, ctx, release)
		site.Journals = []hadoop.Kind{kind, kind, kind}
		c := newTailing(t, ctx, site, true, nil)
		check(t, c.Reconfigure(hadoop.Properties{"dfs.ha.tail-edits.period.backoff-max": backoff}))
		c.start()
		clusters = append(clusters, c)
	}
	figures := make(map[string][]float64)
	var phases []*phase
	for round := range latencyRounds + 1 {
		if round == 1 { // the first warms up
			clear(figures)
			for i, c := range clusters {
				phases = append(phases, c.begin(string(kinds[i])))
			}
		}
		for i, c := range clusters {
			c.alone(clusters)
			_, standby := c.roles()
			for _, way := range []string{"standby " + standby.RPC, "observer"} {
				answer := c.do("latency /latency-%d-%.1s %d %d %s", round, way, latencyWrites, latencyPause, way)
				for at, figure := range strings.Fields(answer) {
					name := fmt.Sprintf("%.8s, %s: until %s", way, kinds[i], []string{"acknowledged", "visible"}[at%2])
					figures[name] = append(figures[name], must(strconv.ParseFloat(figure, 64))(t)/1000)
				}
			}
		}
	}
	for _, c := range clusters {
		c.alone(nil)
	}
	for i, p := range phases {
		p.end(clusters[i].Journals[0])
	}
	t.Logf("load of the machine: %s", must(os.ReadFile(filepath.Join("/proc", "loadavg")))(t))
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		all := slices.Sorted(slices.Values(figures[name]))
		at := func(q int) float64 { return all[(len(all)-1)*q/100] }
		t.Logf("%s: %d writes, milliseconds: median %.1f, p90 %.1f, p99 %.1f, most %.1f",
			name, len(all), at(50), at(90), at(99), at(100))
	}
}

// alone lets those who tail in this cluster go on, and those of the others stand still, whose questions would be work
// for the machine.
func (c *tailing) alone(clusters []*tailing) {
	c.t.Helper()
	for _, other := range clusters {
		if other != c {
			for _, n := range other.followers() {
				check(c.t, n.Pause(c.ctx))
			}
		}
	}
	for _, n := range c.followers() {
		n.Resume()
	}
}
