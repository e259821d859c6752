package compat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// TestHA_QuorumLost kills two JournalNodes of three under load: the active NameNode ends itself. Then the third is
// killed, and of the first two, one of which knows nothing of the last segment, the other NameNode recovers
// everything that was acknowledged. Afterwards the service becomes whole again.
func TestHA_QuorumLost(t *testing.T) { onReleases(t, quorumLost, releases(t)...) }

func quorumLost(t *testing.T, ctx context.Context, site *hadoop.Site) {
	p := newPair(t, ctx, site, hadoop.ClusterOptions{})
	p.startByHand()
	var v verdict
	p.loseQuorum(&v)
	v.report(t)
	p.becomeWhole()
	p.judge()
}

// loseQuorum kills A; writes go on with B and C, also in a segment that A never saw. It kills B: the active NameNode
// must end itself. It kills C too and restarts A and B alone, from which the other NameNode takes over; then it
// compares what that one shows with what was acknowledged.
func (p *pair) loseQuorum(v *verdict) (lastAcknowledged int64) {
	p.t.Helper()
	a, b, c := p.Journals[0], p.Journals[1], p.Journals[2]
	active, standby := p.roles()
	p.startLoad(gentle, p.Addresses()...)
	p.moreDone(100)
	a.Kill()
	p.moreDone(100)
	p.roll()
	p.takesPart(b, p.newest(a).First)
	p.takesPart(c, p.newest(a).First)
	p.moreDone(100)
	lastAcknowledged = p.acknowledged(active)
	b.Kill()
	p.endsItself(active)
	c.Kill()
	p.stopLoad()

	check(p.t, a.Start(p.ctx))
	check(p.t, b.Start(p.ctx))
	must(p.HAAdmin(p.ctx, "-transitionToActive", "--forceactive", standby.ID))(p.t)
	check(p.t, standby.WaitState(p.ctx, "active"))
	recovered := must(standby.LastTxID())(p.t) - 1 // the last one begins its own segment
	p.t.Logf("txid %d was acknowledged, %s goes on behind %d", lastAcknowledged, standby.ID, recovered)
	if recovered < lastAcknowledged {
		v.add("new active "+standby.ID, int(lastAcknowledged-recovered),
			fmt.Sprintf("it goes on behind txid %d, acknowledged was %d", recovered, lastAcknowledged))
	}
	p.examineNamespace(v, standby)
	return lastAcknowledged
}

// acknowledged returns a txid up to which everything is acknowledged: one that the active has written, once an
// operation has been acknowledged that began later.
func (p *pair) acknowledged(active *hadoop.NameNode) int64 {
	p.t.Helper()
	last := must(active.LastTxID())(p.t)
	p.moreDone(clients + 1)
	return last
}

// endsItself waits for the end of a NameNode that has lost its quorum: Hadoop's exit code 1, after the reason.
func (p *pair) endsItself(n *hadoop.NameNode) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	if code := must(n.ExitCode(ctx))(p.t); code != 1 {
		p.t.Errorf("%s ended with %d, want 1, by itself", n.ID, code)
	}
	if text := n.FullLog(); !strings.Contains(text, "failed for required journal") {
		p.t.Errorf("%s ended for another reason than its journal: %s", n.ID, n.Tail(10))
	}
}

// becomeWhole is what follows loseQuorum: clients write, the third JournalNode and the NameNode that ended come
// back, and that one becomes active again.
func (p *pair) becomeWhole() {
	p.t.Helper()
	p.startLoad(gentle, p.Addresses()...)
	p.moreDone(50)
	stale := p.newest(p.Journals[2]).First
	check(p.t, p.Journals[2].Start(p.ctx))
	for _, n := range p.NameNodes {
		if !n.Running() {
			check(p.t, n.Start(p.ctx))
			check(p.t, n.WaitState(p.ctx, "standby")) // it asks the active for the rolls that it needs for that
		}
	}
	p.takesPart(p.Journals[2], stale)
	active, standby := p.roles()
	must(p.HAAdmin(p.ctx, "-failover", active.ID, standby.ID))(p.t)
	check(p.t, standby.WaitState(p.ctx, "active"))
	open := p.newest(p.Journals[2]).First
	p.moreDone(50)
	for _, j := range p.Journals {
		p.takesPart(j, open)
	}
	p.stopLoad()
}
