package compat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
	"gojn/compat-tests/workload"
)

const (
	// smallCache is dfs.journalnode.edit-cache-size.bytes, which clients take half a minute to write: a busy machine may hold up the
	// standby for seconds. bulk is a number of transactions that do not fit into it.
	smallCache = 1 << 20
	bulk       = 240
	// bulkName is the length of a name in bulk.
	bulkName = 7000
	// settle is how many operations pass between the loss of a node and a phase. What those who tail had read last may be
	// from that node and one other; the third, a moment behind, then refuses, and with Java's nodes too HTTP is needed once.
	// Whatever is read later is from the two that are left.
	settle = 10
	// slowness is how much later a slow node answers: the other two have answered long before.
	slowness = 300 * time.Millisecond
)

// TestTail_Nodes runs a pair whose standby tails the open segment over nodes that are not what they should be: one
// stands still; one was restarted and is behind until the next roll, while another one is slow, so that it is the first
// to answer; then it is needed. The standby follows without HTTP all the time (HDFS-16659, HDFS-16771: a node that is
// behind must not say that there is nothing new). Then the standby itself stands still until what it has not read has
// fallen out of the caches: it reads that over HTTP and goes on without.
func TestTail_Nodes(t *testing.T) { onReleases(t, tailNodes, releases(t)...) }

func tailNodes(t *testing.T, ctx context.Context, site *hadoop.Site) {
	cache := hadoop.Properties{"dfs.journalnode.edit-cache-size.bytes": fmt.Sprint(smallCache)}
	c := newTailing(t, ctx, site, false, cache)
	slow := must(c.Journals[1].Front())(t)
	t.Cleanup(func() { check(t, slow.Close()) })
	check(t, c.Journals[1].Configure(cacheKeys(cache))) // which Front has written anew
	c.start()
	c.startLoad(gentle, c.Addresses()...)
	c.follow(50)

	lagging, third := c.Journals[0], c.Journals[2]
	c.standsStill(third)
	c.lagsBehind(lagging, slow)
	c.isNeeded(lagging, third)
	c.cacheTooSmall()
	c.stopLoad()
	c.judge()
}

// standsStill stops one node with SIGSTOP: the standby goes on from the other two.
func (c *tailing) standsStill(node *hadoop.JournalNode) {
	c.t.Helper()
	check(c.t, node.Pause(c.ctx))
	c.follow(settle)
	p := c.begin(node.Name + " stands still")
	c.follow(60)
	node.Resume()
	c.follow(60)
	p.end(c.others(node)...)
}

// others are all JournalNodes but one.
func (c *tailing) others(node *hadoop.JournalNode) (others []*hadoop.JournalNode) {
	for _, j := range c.Journals {
		if j != node {
			others = append(others, j)
		}
	}
	return others
}

// lagsBehind restarts a node, which then takes part again only after the next roll, and makes another one slow: of the
// first two answers one is that of the node behind.
func (c *tailing) lagsBehind(node *hadoop.JournalNode, slow *hadoop.Front) {
	c.t.Helper()
	node.Kill()
	c.follow(30)
	check(c.t, node.Start(c.ctx))
	slow.Delay(slowness)
	p := c.begin(node.Name + " is behind")
	asked := c.metrics(node).EmptyResponses
	c.follow(30)
	last := must(c.active().LastTxID())(c.t)
	c.refuses(node, last, newerTxnID)
	c.eventually("the standby asks the node that is behind", func() bool {
		return c.metrics(node).EmptyResponses >= asked+5 // one was asked by refuses
	})
	c.follow(30)
	slow.Delay(0)
	p.end(c.others(node)...)
}

// What a node answers that is behind, and one whose cache begins later.
const (
	newerTxnID = "org.apache.hadoop.hdfs.qjournal.server.NewerTxnIdException"
	cacheMiss  = "org.apache.hadoop.hdfs.qjournal.server.JournaledEditsCache$CacheMissException"
)

// refuses asks a node for transactions: it must refuse with this exception, not say that there are none.
func (c *tailing) refuses(node *hadoop.JournalNode, since int64, class string) {
	c.t.Helper()
	count, err := c.journaledEdits(node, since, 10)
	var refused *wire.RemoteError
	if !errors.As(err, &refused) || refused.Class != class {
		c.t.Errorf("%s answers %d transactions from %d on, %v; want %s", node.Name, count, since, err, class)
	}
}

// journaledEdits asks a node as a NameNode does, and returns how many transactions it has answered.
func (c *tailing) journaledEdits(node *hadoop.JournalNode, since, most int64) (int64, error) {
	c.t.Helper()
	conn := must(wire.Dial(c.ctx, node.RPC, wire.QJournalProtocol, superuser(c.t)))(c.t)
	defer conn.Close()
	request := wire.Message{}.Bytes(1, wire.JournalID(hadoop.JournalID)).Int(2, since).Int(3, most)
	answer, err := conn.Call("getJournaledEdits", request)
	if err != nil {
		return 0, err
	}
	fields := must(wire.Parse(answer))(c.t)
	count, _ := fields.Int(1)
	return count, nil
}

// isNeeded lets the node that was behind take part again and kills the third one: now the standby cannot do without it.
func (c *tailing) isNeeded(node, third *hadoop.JournalNode) {
	c.t.Helper()
	last := must(c.active().LastTxID())(c.t)
	c.roll()
	c.takesPart(node, last)
	c.follow(30)
	third.Kill()
	c.follow(settle)
	p := c.begin(third.Name + " is dead")
	c.follow(60)
	p.end(c.others(third)...)
	check(c.t, third.Start(c.ctx))
	last = must(c.active().LastTxID())(c.t)
	c.roll()
	c.takesPart(third, last)
	c.follow(30)
}

// cacheTooSmall stops the standby while more is written than a cache holds.
func (c *tailing) cacheTooSmall() {
	c.t.Helper()
	active, standby := c.roles()
	misses := make(map[*hadoop.JournalNode]int64)
	for _, j := range c.Journals {
		misses[j] = c.metrics(j).CacheMisses
	}
	from := len(standby.FullLog())
	check(c.t, standby.Pause(c.ctx))
	client := must(workload.Connect(active.RPC))(c.t)
	for i := range bulk {
		check(c.t, client.Mkdir(fmt.Sprintf("/%0*d", bulkName, i), 0o755))
	}
	check(c.t, client.Close())
	standby.Resume()
	c.follow(30)
	log := standby.LogSince(from)
	fallbacks, missed := strings.Count(log, fallback), strings.Count(log, "Oldest txn ID available in the cache is")
	c.t.Logf("behind the caches %s fell back to HTTP %d times", standby.ID, fallbacks)
	if fallbacks == 0 || missed == 0 {
		c.t.Errorf("%s has missed %d bytes and fell back to HTTP %d times; its log has %d cache misses", standby.ID,
			bulk*bulkName, fallbacks, missed)
	}
	// One node may have answered before the standby was stopped in the middle of asking; the other two then refuse.
	c.eventually("most nodes count cache misses", func() bool {
		missed := 0
		for _, j := range c.Journals {
			if c.metrics(j).CacheMisses > misses[j] {
				missed++
			}
		}
		return missed > len(c.Journals)/2
	})
	for _, j := range c.Journals {
		before := c.metrics(j).CacheMisses
		c.refuses(j, 1, cacheMiss)
		c.eventually(j.Name+" counts its cache misses", func() bool { return c.metrics(j).CacheMisses > before })
	}
	p := c.begin("back in the cache")
	c.follow(60)
	c.follow(60)
	p.end(c.Journals...)
}
