package compat_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/wire"
)

// TestHA_JournalsKilled kills each JournalNode in turn with -9 under load: operations go on being acknowledged and none
// fails, nothing that the node had acknowledged is missing in its directory, and it takes part again from the next
// segment on.
func TestHA_JournalsKilled(t *testing.T) { onReleases(t, journalsKilled, releases(t)...) }

func journalsKilled(t *testing.T, ctx context.Context, site *hadoop.Site) {
	p := newPair(t, ctx, site, hadoop.ClusterOptions{})
	p.startByHand()
	active, _ := p.roles()
	p.startLoad(gentle, p.Addresses()...)
	p.moreDone(50)
	for _, j := range p.Journals {
		p.killJournal(j)
	}
	p.stopLoad()
	if now, _ := p.roles(); now != active {
		t.Errorf("%s is active, %s was", now.ID, active.ID)
	}
	if _, unknown := p.ledger.Counts(); unknown != 0 {
		t.Errorf("%d operations failed although two JournalNodes were up all the time", unknown)
	}
	p.judge()
}

// killJournal kills one JournalNode under load: the clients go on, the node still has what it acknowledged, and after
// its restart it takes part again from the next segment on.
func (p *pair) killJournal(j *hadoop.JournalNode) {
	p.t.Helper()
	var v verdict
	p.examineKill(&v, j)
	v.report(p.t)
	p.rejoin(j)
	p.moreDone(50)
}

// examineKill kills a JournalNode and looks whether its directory has what it had acknowledged before.
func (p *pair) examineKill(v *verdict, j *hadoop.JournalNode) {
	p.t.Helper()
	written := p.lastWritten(j)
	j.Kill()
	p.moreDone(100)
	segment := p.newest(j)
	p.t.Logf("%s was killed after it had acknowledged txid %d; %s ends at %d", j.Name, written, segment.Name, segment.Last)
	if written <= 0 {
		p.t.Errorf("%s had acknowledged nothing: this shows nothing", j.Name)
	}
	if segment.Last < written {
		v.add("directory of "+j.Name, int(written-segment.Last),
			fmt.Sprintf("it ends at txid %d, the node had acknowledged %d", segment.Last, written))
	}
}

// lastWritten is up to where a node has acknowledged. It asks again, some times, while the answer takes long: what is
// acknowledged meanwhile must be less than a saboteur forgets.
func (p *pair) lastWritten(j *hadoop.JournalNode) int64 {
	p.t.Helper()
	for tries := 0; ; tries++ {
		asked := time.Now()
		written := must(j.Metrics(hadoop.JournalID))(p.t).LastWrittenTxID
		if time.Since(asked) < 100*time.Millisecond || tries == 20 {
			return written
		}
	}
}

// newest reads the last segment of a node.
func (p *pair) newest(j *hadoop.JournalNode) oracle.Segment {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		// An error is a segment that was finalized between listing and reading.
		all, err := oracle.ReadJournal(j.Current(hadoop.JournalID))
		if err == nil && len(all) > 0 {
			return all[len(all)-1]
		}
		if time.Now().After(end) || p.ctx.Err() != nil {
			p.t.Fatalf("%s has no segment to read (%v)", j.Name, err)
		}
	}
}

// rejoin starts a JournalNode and lets the edits be rolled: it must take part in the new segment.
func (p *pair) rejoin(j *hadoop.JournalNode) {
	p.t.Helper()
	check(p.t, j.Start(p.ctx))
	last := must(p.active().LastTxID())(p.t)
	p.roll()
	p.takesPart(j, last)
}

// takesPart waits until the node has transactions in a segment behind the one that begins with the given txid.
func (p *pair) takesPart(j *hadoop.JournalNode, behind int64) {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		// An error is a segment that was finalized between listing and reading.
		now, err := oracle.ReadJournal(j.Current(hadoop.JournalID))
		if n := len(now); err == nil && n > 0 && now[n-1].First > behind && len(now[n-1].Frames) > 1 {
			return
		}
		if time.Now().After(end) || p.ctx.Err() != nil {
			p.t.Fatalf("%s does not take part in a segment behind %d (%v)", j.Name, behind, err)
		}
	}
}

// active returns the active NameNode.
func (p *pair) active() *hadoop.NameNode {
	p.t.Helper()
	active, _ := p.roles()
	return active
}

// roll lets the active NameNode begin a new segment, without the JVM that dfsadmin costs.
func (p *pair) roll() {
	p.t.Helper()
	conn := must(wire.Dial(p.ctx, p.active().RPC, "org.apache.hadoop.hdfs.protocol.ClientProtocol", superuser(p.t)))(p.t)
	defer conn.Close()
	must(conn.Call("rollEdits", nil))(p.t)
}
