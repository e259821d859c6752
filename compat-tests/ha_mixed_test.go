package compat_test

import (
	"context"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
)

// TestHA_MixedQuorum runs a pair over two of our nodes and one of Java's: what all of them were given lies in all
// three directories with the same bytes, segment by segment, also after a recovery between them.
func TestHA_MixedQuorum(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		p := newPair(t, ctx, site, hadoop.ClusterOptions{Journals: []hadoop.Kind{subject(), subject(), hadoop.Java}})
		p.startByHand()
		p.startLoad(gentle, p.Addresses()...)
		p.moreDone(300)
		p.killActive(func(dead, next *hadoop.NameNode) { must(p.HAAdmin(ctx, "-failover", dead.ID, next.ID))(t) })
		p.stopLoad()
		p.judge()

		copies := p.copies()
		for _, other := range copies[1:] {
			transactions, problems := oracle.CheckSame(copies[0], other)
			report(t, "directories", problems)
			t.Logf("%s (%s) and %s: %d transactions in %d segments are the same", copies[0].Node, p.Journals[0].Kind,
				other.Node, transactions, len(other.Segments))
		}
	}, hadoop.Releases()...)
}
