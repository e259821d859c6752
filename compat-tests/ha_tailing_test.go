package compat_test

import (
	"context"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// TestHA_InProgressTailing runs a pair whose standby asks for edits of the open segment (getJournaledEdits, 3.x). A
// node that does not serve them so must make it fall back to reading the segment over HTTP: the standby follows
// between rolls either way.
func TestHA_InProgressTailing(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		p := newPair(t, ctx, site, hadoop.ClusterOptions{NameNodes: hadoop.Properties{
			"dfs.ha.tail-edits.in-progress":        "true",
			"dfs.ha.tail-edits.period":             "0ms",
			"dfs.ha.tail-edits.period.backoff-max": "100ms",
			"dfs.ha.log-roll.period":               "-1", // the standby asks for no rolls
		}})
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
		p.judge()
	}, hadoop.Hadoop342)
}
