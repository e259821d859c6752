package compat_test

import (
	"context"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// TestHA_ByController turns a NameNode that has edits of its own into a highly available one with
// -initializeSharedEdits, lets ZooKeeper's failover controllers choose, and kills the active under load twice, back
// and forth. Then one JournalNode is killed under load and comes back.
func TestHA_ByController(t *testing.T) { onReleases(t, byController, releases(t)...) }

func byController(t *testing.T, ctx context.Context, site *hadoop.Site) {
	p := newPair(t, ctx, site, hadoop.ClusterOptions{AutomaticFailover: true})
	p.writeWithoutHA(300)

	check(t, p.ConfigureHA())
	check(t, p.StartJournals(ctx))
	must(p.NameNodes[0].Run(ctx, "-initializeSharedEdits", "-nonInteractive"))(t)
	check(t, p.StartZooKeeper(ctx))
	check(t, p.FormatZK(ctx))
	check(t, p.NameNodes[0].Start(ctx))
	check(t, p.StartController(0))
	check(t, p.StartDataNode(ctx, p.NameNodes[0]))
	check(t, p.NameNodes[0].WaitState(ctx, "active"))
	p.startStandby()
	check(t, p.StartController(1))
	check(t, p.NameNodes[1].WaitDataNodes(ctx, 1))
	check(t, p.NameNodes[1].WaitState(ctx, "standby"))

	p.startLoad(gentle, p.Addresses()...)
	for range 2 {
		p.killActive(func(*hadoop.NameNode, *hadoop.NameNode) {})
	}
	if p.recovered == 0 {
		t.Error("no failover had an open segment to recover")
	}
	p.killJournal(p.Journals[2])
	p.stopLoad()
	p.judge()
}

// writeWithoutHA runs nn1 alone, with edits in its own directory, and lets clients do n operations.
func (p *pair) writeWithoutHA(n int64) {
	p.t.Helper()
	single := p.NameNodes[0]
	check(p.t, p.ConfigureSingle())
	must(single.Run(p.ctx, "-format", "-nonInteractive", "-clusterId", hadoop.ClusterID))(p.t)
	check(p.t, single.Start(p.ctx))
	check(p.t, p.StartDataNode(p.ctx, single))
	p.startLoad(time.Millisecond, single.RPC)
	p.moreDone(n)
	p.stopLoad()
	check(p.t, p.DataNode.Stop())
	check(p.t, single.Stop())
}
