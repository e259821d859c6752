package compat_test

import (
	"context"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/workload"
)

// TestTail_CutOff lets the active NameNode write a transaction that one node alone gets, and lets a recovery among the
// other two cut it off. The standby and the observer ask for it all the time, and the one node has it in its cache:
// neither may ever apply it, and in the end all NameNodes agree.
func TestTail_CutOff(t *testing.T) {
	if !long() {
		t.Skip("COMPAT_LONG=1 runs it: TestTail_Observer has a takeover")
	}
	onReleases(t, tailCutOff, releases(t)...)
}

func tailCutOff(t *testing.T, ctx context.Context, site *hadoop.Site) {
	c := newTailing(t, ctx, site, true, nil)
	c.start()
	c.startLoad(gentle, c.Addresses()...)
	c.do("start /observed 2 10")
	c.follow(100)
	c.stopLoad()
	c.do("stop")
	active, next := c.roles()
	last := must(active.LastTxID())(t)
	for _, n := range c.followers() {
		check(t, n.WaitTxID(ctx, last, followPatience))
	}

	alone := c.Journals[0]
	for _, j := range c.others(alone) {
		j.Kill()
	}
	client := must(workload.Connect(active.RPC))(t)
	if err := client.Mkdir("/cut-off", 0o755); err == nil {
		t.Error("a transaction of one node was acknowledged: this shows nothing")
	}
	_ = client.Close() // its NameNode ends itself
	if _, err := active.ExitCode(c.ctx); err != nil {
		t.Fatal(err)
	}
	if count, err := c.journaledEdits(alone, last+1, 10); err != nil || count == 0 {
		t.Fatalf("%s answers %d transactions from %d on (%v): this shows nothing", alone.Name, count, last+1, err)
	}
	asked := make(map[*hadoop.JournalNode]int64)
	for _, j := range c.others(alone) {
		check(t, j.Start(ctx))
		asked[j] = c.metrics(j).EmptyResponses
	}
	for j, before := range asked {
		c.eventually("the followers ask "+j.Name, func() bool { return c.metrics(j).EmptyResponses >= before+20 })
	}
	for _, n := range []*hadoop.NameNode{next, c.Observer} {
		if now := must(n.LastTxID())(t); now != last {
			t.Errorf("%s has applied txid %d, two nodes end at %d", n.ID, now, last)
		}
	}

	check(t, alone.Pause(ctx))
	must(c.HAAdmin(ctx, "-failover", active.ID, next.ID))(t)
	check(t, next.WaitState(ctx, "active"))
	c.startLoad(gentle, c.Addresses()...)
	c.do("start /observed2 2 10")
	c.follow(60)
	alone.Resume()
	check(t, active.Start(ctx))
	check(t, active.WaitState(ctx, "standby"))
	c.follow(60)
	last = must(c.active().LastTxID())(t)
	c.roll()
	c.takesPart(alone, last)
	c.follow(60)
	c.readThroughObserver()
	c.stopLoad()
	c.do("stop")
	for _, n := range c.AllNameNodes() {
		c.mustNotShow(n, "/cut-off")
	}
	c.finish()
}

// mustNotShow fails the test if the NameNode has the path.
func (c *tailing) mustNotShow(n *hadoop.NameNode, path string) {
	c.t.Helper()
	if strings.Contains("\n"+c.dump(n), "\n"+path+" ") {
		c.t.Errorf("%s has applied %s, which was cut off", n.ID, path)
	}
}
