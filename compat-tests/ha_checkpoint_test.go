package compat_test

import (
	"context"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// TestHA_Checkpoints lets the standby make a checkpoint every few hundred transactions, of which the active keeps two
// and no edits before them. The purges reach every JournalNode, also what a killed one and an interrupted recovery left
// behind. A NameNode that was killed, and one that is bootstrapped anew, start from an image and read the rest from the
// nodes.
func TestHA_Checkpoints(t *testing.T) { onReleases(t, checkpoints, releases(t)...) }

func checkpoints(t *testing.T, ctx context.Context, site *hadoop.Site) {
	nameNodes := hadoop.Properties{
		"dfs.namenode.checkpoint.txns":          "300",
		"dfs.namenode.checkpoint.check.period":  "1",
		"dfs.namenode.num.checkpoints.retained": "2", // the edits between them must stay
		"dfs.namenode.num.extra.edits.retained": "0",
		"dfs.ha.log-roll.period":                "1",
	}
	p := newPair(t, ctx, site, hadoop.ClusterOptions{NameNodes: nameNodes})
	p.startByHand()
	u := newPurging(p)
	u.startLoad(quick, u.Addresses()...)
	u.awaitPurges(2)

	killed := u.Journals[2]
	killed.Kill()
	u.moreDone(50)
	left := u.newest(killed).First // stays in progress there, until a purge
	check(t, killed.Start(ctx))
	u.takesPart(killed, left)
	for _, j := range u.Journals {
		u.litter(j)
	}
	u.awaitPurgedTo(left)

	dead, _ := u.roles()
	gone := u.oldest()
	u.killActive(func(dead, next *hadoop.NameNode) { must(u.HAAdmin(ctx, "-failover", dead.ID, next.ID))(t) })
	u.requireReplayed(dead, gone)
	u.awaitPurges(1) // by an image of the restarted one
	u.stopLoad()

	// From here on nobody makes a checkpoint: what clients do must all be in the edits at the end.
	_, standby := u.roles()
	check(t, standby.Stop())
	keep := u.settle()
	u.requireShrunk(keep)
	nameNodes["dfs.namenode.checkpoint.txns"] = "1000000"
	check(t, u.ConfigureHA())
	must(standby.Run(ctx, "-bootstrapStandby", "-force", "-nonInteractive"))(t)
	check(t, standby.Start(ctx))
	u.requireReplayed(standby, u.oldest())
	u.startLoad(gentle, u.Addresses()...)
	u.moreDone(100)
	u.stopLoad()
	check(t, standby.WaitState(ctx, "standby"))
	u.judgePurged(keep)
}

// quick is the clients' pause where many transactions are wanted and the namespace must stay readable.
const quick = 5 * time.Millisecond

// judgePurged is judge of nodes that have purged what lies below keep.
func (u *purging) judgePurged(keep int64) {
	u.t.Helper()
	u.purged = keep
	u.judge()
	for _, j := range u.Journals {
		u.requireTold(j, 3, keep)
		u.requireClean(j)
	}
}
