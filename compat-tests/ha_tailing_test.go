package compat_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// TestHA_InProgressTailing runs a pair whose standby asks for edits of the open segment (getJournaledEdits, 3.x),
// over nodes that refuse them: ours as Java's without dfs.ha.tail-edits.in-progress. The refusal must make the standby
// read the segment over HTTP, and it follows the active between rolls. In a mixed quorum Java's nodes do not refuse.
func TestHA_InProgressTailing(t *testing.T) { onReleases(t, inProgressTailing, releases(t)...) }

func inProgressTailing(t *testing.T, ctx context.Context, site *hadoop.Site) {
	p := newPair(t, ctx, site, hadoop.ClusterOptions{NameNodes: hadoop.Properties{
		"dfs.ha.tail-edits.in-progress":        "true",
		"dfs.ha.tail-edits.period":             "0ms",
		"dfs.ha.tail-edits.period.backoff-max": "100ms",
		"dfs.ha.log-roll.period":               "-1", // the standby asks for no rolls
	}})
	caches := 0
	for _, j := range p.Journals {
		if site.Journals != nil && j.Kind == hadoop.Java { // a cluster in the middle of a replacement has had them all along
			check(t, j.Configure(hadoop.Properties{"dfs.ha.tail-edits.in-progress": "true"}))
			caches++
		}
	}
	p.startByHand()
	open := p.openSegment()
	p.startLoad(gentle, p.Addresses()...)
	for range 5 {
		p.moreDone(60)
		active, standby := p.roles()
		last := must(active.LastTxID())(t)
		p.moreDone(4) // JournalNodes learn with the next batch that one is committed
		check(t, standby.WaitTxID(ctx, last, 20*time.Second))
	}
	p.stopLoad()
	if now := p.openSegment(); open == 0 || now != open {
		t.Errorf("the edits were rolled (open segment %d, then %d): this shows nothing", open, now)
	}
	fallbacks := strings.Count(p.NameNodes[1].FullLog(), "falling back to streaming")
	t.Logf("the standby fell back to HTTP %d times; %d nodes have a cache", fallbacks, caches)
	// Two nodes with a cache are the quorum that a standby reads from; whether it needs HTTP besides is up to Java.
	if fallbacks == 0 && caches < 2 {
		t.Error("the standby never fell back to HTTP: this shows nothing")
	}
	p.judge()
}
