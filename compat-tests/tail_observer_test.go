package compat_test

import (
	"context"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
)

const (
	// observedReads is how many reads the observer must answer in a phase.
	observedReads = 300
	// observerClients read and write at the same time.
	observerClients = 2
)

// TestTail_Observer runs an active NameNode, a standby and an observer over JournalNodes with a cache of edits, under
// load. Clients write through the active and read through the observer: each read sees what was acknowledged before it.
// Nobody needs HTTP. Then the active is killed: nothing acknowledged is lost, and observer, standby and the new active
// have the same namespace.
func TestTail_Observer(t *testing.T) { onReleases(t, tailObserver, releases(t)...) }

func tailObserver(t *testing.T, ctx context.Context, site *hadoop.Site) {
	c := newTailing(t, ctx, site, true, nil)
	c.start()
	c.startLoad(gentle, c.Addresses()...)
	c.do("start /observed %d 10", observerClients)

	quiet := c.begin("all are there")
	c.follow(100)
	c.readThroughObserver()
	c.follow(100)
	if n := c.counts(c.do("counts")); n.failed > 0 || n.unknown > 0 {
		t.Errorf("%d reads and %d writes failed although nothing was killed", n.failed, n.unknown)
	}
	quiet.end(c.served(2)...)

	for round := range takeovers() {
		if round%2 == 0 {
			c.killActive(func(dead, next *hadoop.NameNode) { must(c.HAAdmin(ctx, "-failover", dead.ID, next.ID))(t) })
		} else {
			active, standby := c.roles()
			must(c.HAAdmin(ctx, "-failover", active.ID, standby.ID))(t)
			check(t, standby.WaitState(ctx, "active"))
		}
		c.follow(50)
		after := c.begin("after a takeover")
		c.readThroughObserver()
		c.follow(50)
		after.end()
	}
	c.stopLoad()
	c.finish()
}

// takeovers is how often another NameNode becomes active: every second time in an orderly way, else after a kill -9.
func takeovers() int {
	if long() {
		return 6
	}
	return 1
}

// served waits until at least n nodes have answered transactions by RPC and returns them.
func (c *tailing) served(n int) (nodes []*hadoop.JournalNode) {
	c.t.Helper()
	c.eventually("JournalNodes answer transactions by RPC", func() bool {
		nodes = nil
		for _, j := range c.Journals {
			if c.metrics(j).TxnsServedViaRPC > 0 {
				nodes = append(nodes, j)
			}
		}
		return len(nodes) >= n
	})
	return nodes
}

// readThroughObserver waits until the observer has answered more reads, by its own log too, and judges them.
func (c *tailing) readThroughObserver() {
	c.t.Helper()
	from := len(c.Observer.FullLog())
	before := c.counts(c.do("counts"))
	for observed := before.observed; observed < before.observed+observedReads; {
		c.eventually("the observer answers reads", func() bool { // each a little later on a busy machine
			now := c.counts(c.do("counts")).observed
			more := now > observed
			observed = now
			return more
		})
	}
	c.judgeReads()
	audited := strings.Count(c.Observer.LogSince(from), "cmd=getfileinfo\tsrc=/observed")
	if audited < observedReads-observerClients { // one of each may have been audited before and answered after
		c.t.Errorf("the observer's audit log has %d reads, its clients have seen %d answered by it", audited, observedReads)
	}
}

// judgeReads fails the test if a read has not seen what was acknowledged before it.
func (c *tailing) judgeReads() {
	c.t.Helper()
	n := c.counts(c.do("counts"))
	c.t.Logf("%d writes acknowledged, %d of unknown outcome; %d reads, %d of them by the observer, %d failed",
		n.writes, n.unknown, n.reads, n.observed, n.failed)
	if n.wrong > 0 {
		c.t.Errorf("%d reads have not seen what was acknowledged before them: %s", n.wrong, c.do("wrong"))
	}
}

// finish lets all clients stop and judges what they have left behind: the observer shows all that was acknowledged, all
// NameNodes the same, and nothing is lost.
func (c *tailing) finish() {
	c.t.Helper()
	before := c.counts(c.do("stop"))
	c.agree()
	after := c.counts(c.do("verify"))
	reads, observed, failed := after.reads-before.reads, after.observed-before.observed, after.failed-before.failed
	if reads == 0 || observed != reads || failed > 0 {
		c.t.Errorf("of %d reads at the end the observer has answered %d, %d failed", reads, observed, failed)
	}
	c.judgeReads()
	check(c.t, c.clients.End())
	check(c.t, c.Observer.Stop())
	c.judge()
}
