package docker_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"

	"gojn/compat-tests/oracle"
	"gojn/compat-tests/workload"
)

// judge is the oracle, after the clients have stopped: both NameNodes show what was acknowledged, every acknowledged txid
// lies on two nodes with the same bytes, and Hadoop's viewer finds each acknowledged operation there. Then everything is
// stopped, the JournalNodes last. It shows of the check of the edits that it would have failed on a loss.
func (c *cluster) judge() {
	active, standby := c.waitPair()
	last := must(c.lastTxID(active))(c.t)
	eventually(c.t, c.ctx, standby+" follows", func() error {
		applied, err := c.lastTxID(standby)
		if err == nil && applied < last {
			err = fmt.Errorf("at %d of %d", applied, last)
		}
		return err
	})
	for i, address := range c.addresses() {
		view := workload.View(address, c.roots)
		found, problems := oracle.CheckNamespace(c.ledger, view)
		view.Close()
		c.report(fmt.Sprintf("namespace of nn%d", i+1), problems)
		c.t.Logf("nn%d: %d objects found as acknowledged (%d bytes read), %d of unknown outcome", i+1, found.Objects,
			found.Bytes, found.Open)
	}
	for _, name := range []string{"zkfc1", "zkfc2"} { // else they would make the other NameNode active
		c.service[name].do("kill")
	}
	for _, name := range []string{standby, active, "jn1", "jn2", "jn3"} {
		c.service[name].stop()
	}
	c.judgeEdits(last)
}

func (c *cluster) report(what string, problems []string) {
	c.t.Helper()
	if len(problems) > 0 {
		c.t.Errorf("%s: %d problems, the first: %q", what, len(problems), problems[:min(10, len(problems))])
	}
}

// judgeEdits compares the three directories; txids up to last were acknowledged.
func (c *cluster) judgeEdits(last int64) {
	var copies []oracle.Copy
	for _, node := range []string{"jn1", "jn2", "jn3"} {
		copies = append(copies, must(c.edits(node))(c.t))
	}
	copies = oracle.Live(copies)
	onAll, problems := oracle.CheckQuorum(copies, 1, last)
	c.report("quorum", problems)
	views := c.views(copies)
	found, problems := oracle.CheckViewer(c.ledger, copies, views)
	c.report("edits viewer", problems)
	acknowledged, unknown := c.ledger.Counts()
	c.t.Logf("%d operations acknowledged, %d of them found in the edits of two nodes, %d of unknown outcome; "+
		"txids 1-%d, %d of them on all nodes", acknowledged, found, unknown, last, onAll)
	if acknowledged == 0 || found != acknowledged {
		c.t.Errorf("%d operations found, %d acknowledged", found, acknowledged)
	}

	// The controls: a transaction and an operation that two nodes lost.
	middle := last / 2
	lost := []oracle.Copy{copies[0], copies[1].Without(middle), copies[2].Without(middle)}
	if _, problems := oracle.CheckQuorum(lost, 1, last); len(problems) != 1 {
		c.t.Errorf("control: two nodes lost txid %d, the oracle sees %q", middle, problems)
	}
	acks := c.ledger.Acks()
	ack := acks[len(acks)/2]
	for _, node := range []string{"jn1", "jn2"} {
		views[node] = slices.DeleteFunc(views[node], func(r oracle.Record) bool {
			return r.OpCode == ack.OpCode && r.Path == ack.Path && r.Target == ack.Target
		})
	}
	if found, _ := oracle.CheckViewer(c.ledger, copies, views); found >= len(acks) {
		c.t.Errorf("control: two nodes lost %+v and the oracle does not see it", ack)
	}
}

// views lets Hadoop's viewer read every segment of the copies.
func (c *cluster) views(copies []oracle.Copy) map[string][]oracle.Record {
	c.t.Helper()
	var files, nodes []string
	for _, copied := range copies {
		for _, s := range copied.Segments {
			if len(s.Frames) > 0 {
				files, nodes = append(files, s.Path), append(nodes, copied.Node)
			}
		}
	}
	views := make(map[string][]oracle.Record)
	for i, output := range must(c.site.ViewEdits(c.ctx, files))(c.t) {
		text := must(os.ReadFile(output))(c.t)
		records := must(oracle.ReadViewer(bytes.NewReader(text)))(c.t)
		views[nodes[i]] = append(views[nodes[i]], records...)
	}
	return views
}
