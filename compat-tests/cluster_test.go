package compat_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/wire"
	"gojn/compat-tests/workload"
)

// clients is the number of concurrent HDFS clients of every load.
const clients = 4

// gentle is the clients' pause while processes are killed and restarted, so that the namespace stays small enough to
// be read whole afterwards.
const gentle = 20 * time.Millisecond

// pair is a running cluster with the record of what its clients did.
type pair struct {
	*hadoop.Cluster
	t      *testing.T
	ctx    context.Context
	ledger *oracle.Ledger
	roots  []string
	load   *workload.Load

	recovered int   // open segments that a failover recovered
	purged    int64 // what JournalNodes were told to purge lies below this txid; 0: nothing
}

// newPair configures a cluster; nothing is started.
func newPair(t *testing.T, ctx context.Context, site *hadoop.Site, options hadoop.ClusterOptions) *pair {
	t.Helper()
	if options.Journals == nil {
		options.Journals = quorum(site)
	}
	options.Binary = journalnode(t)
	return &pair{
		Cluster: must(site.Cluster(options))(t), t: t, ctx: ctx, ledger: new(oracle.Ledger),
	}
}

// quorum is the kinds of the three JournalNodes of a site: of a mixed one as [hadoop.Site] says, else all are the
// subject.
func quorum(site *hadoop.Site) []hadoop.Kind {
	if site.Journals != nil {
		return site.Journals
	}
	return []hadoop.Kind{subject(), subject(), subject()}
}

// startLoad starts the clients below a new root, each pausing after each operation.
func (p *pair) startLoad(pause time.Duration, addresses ...string) {
	p.t.Helper()
	root := fmt.Sprintf("/load%d", len(p.roots))
	p.roots = append(p.roots, root)
	load, err := workload.Start(p.ctx, p.ledger, workload.Options{
		Root: root, Clients: clients, Pause: pause, Addresses: addresses,
	})
	check(p.t, err)
	p.load = load
	p.t.Cleanup(func() { _ = load.Stop() }) // already judged by stopLoad, unless the test failed before
}

// moreDone waits until the running load has done n more operations.
func (p *pair) moreDone(n int64) {
	p.t.Helper()
	target := p.load.Done() + n
	for end := time.Now().Add(2 * time.Minute); p.load.Done() < target; {
		if time.Now().After(end) || p.ctx.Err() != nil {
			p.t.Fatalf("the clients have done %d operations, waiting for %d", p.load.Done(), target)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stopLoad stops the clients.
func (p *pair) stopLoad() {
	p.t.Helper()
	check(p.t, p.load.Stop())
}

// startStandby bootstraps nn2 from the running nn1 and starts it.
func (p *pair) startStandby() {
	p.t.Helper()
	must(p.NameNodes[1].Run(p.ctx, "-bootstrapStandby", "-nonInteractive"))(p.t)
	check(p.t, p.NameNodes[1].Start(p.ctx))
}

// startByHand formats, starts nn1 as the active and nn2 as the standby, and the DataNode.
func (p *pair) startByHand() {
	p.t.Helper()
	check(p.t, p.StartJournals(p.ctx))
	must(p.NameNodes[0].Run(p.ctx, "-format", "-nonInteractive", "-clusterId", hadoop.ClusterID))(p.t)
	p.activateAndJoin()
}

// activateAndJoin starts the formatted nn1, makes it active, and adds nn2 and the DataNode.
func (p *pair) activateAndJoin() {
	p.t.Helper()
	check(p.t, p.NameNodes[0].Start(p.ctx))
	must(p.HAAdmin(p.ctx, "-transitionToActive", "--forceactive", "nn1"))(p.t)
	check(p.t, p.NameNodes[0].WaitState(p.ctx, "active"))
	p.startStandby()
	check(p.t, p.StartDataNode(p.ctx, p.NameNodes[:]...))
}

// roles returns the active NameNode and the other one.
func (p *pair) roles() (active, standby *hadoop.NameNode) {
	p.t.Helper()
	for i, n := range p.NameNodes {
		if state, err := n.State(); err == nil && state == "active" {
			return n, p.NameNodes[1-i]
		}
	}
	p.t.Fatal("no NameNode is active")
	return nil, nil
}

// openSegment returns the first txid of the segment in progress of which at least two nodes hold a transaction, or 0: a
// writer may have died between two segments. Every recovery sees such a segment. One that was begun on two nodes and
// has nothing yet it may set aside as empty.
func (p *pair) openSegment() int64 {
	p.t.Helper()
	count := make(map[int64]int)
	for _, j := range p.Journals {
		for _, s := range must(oracle.ReadOpen(j.Current(hadoop.JournalID)))(p.t) {
			if len(s.Frames) == 0 {
				continue
			}
			if count[s.First]++; count[s.First] == 2 {
				return s.First
			}
		}
	}
	return 0
}

// TestOpenSegment: only transactions on two nodes oblige a recovery.
func TestOpenSegment(t *testing.T) {
	const header = "\xff\xff\xff\xbd\x00\x00\x00\x00"
	one := header + string(wire.Mkdir(4, "/d"))
	for _, tt := range []struct {
		name  string
		files [3]string // of the segment 4
		aside string
		want  int64
	}{
		{"on all", [3]string{one, one, one}, "", 4},
		{"one is behind", [3]string{one, header, one}, "", 4},
		{"begun on all", [3]string{header, header, header}, "", 0},
		{"written on one", [3]string{header, one, header}, "", 0},
		{"torn on one", [3]string{one, one[:len(one)-1], header}, "", 0},
		{"set aside", [3]string{one, one, one}, ".empty", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &pair{t: t, Cluster: new(hadoop.Cluster)}
			for _, text := range tt.files {
				j := &hadoop.JournalNode{Edits: t.TempDir()}
				p.Journals = append(p.Journals, j)
				name := filepath.Join(j.Current(hadoop.JournalID), fmt.Sprintf("edits_inprogress_%019d%s", 4, tt.aside))
				check(t, os.MkdirAll(filepath.Dir(name), 0o755))
				check(t, os.WriteFile(name, []byte(text), 0o644))
			}
			if got := p.openSegment(); got != tt.want {
				t.Errorf("openSegment: %d, want %d", got, tt.want)
			}
		})
	}
}

// requireRecovered checks that at least two nodes have finalized the segment that a dead writer had open, if any.
func (p *pair) requireRecovered(first int64) {
	p.t.Helper()
	if first == 0 {
		p.t.Log("the dead writer had no segment open")
		return
	}
	p.recovered++
	finalized := 0
	for _, j := range p.Journals {
		pattern := fmt.Sprintf("edits_%019d-*", first)
		finalized += len(must(filepath.Glob(filepath.Join(j.Current(hadoop.JournalID), pattern)))(p.t))
	}
	if finalized < 2 {
		p.t.Errorf("the open segment %d was finalized on %d nodes", first, finalized)
	}
}

// copies reads the three directories, without segments that a recovery left behind.
func (p *pair) copies() []oracle.Copy {
	p.t.Helper()
	return oracle.Live(p.directories())
}

// directories reads the three directories.
func (p *pair) directories() []oracle.Copy {
	p.t.Helper()
	var all []oracle.Copy
	for _, j := range p.Journals {
		all = append(all, must(oracle.ReadCopy(j.Name, j.Current(hadoop.JournalID)))(p.t))
	}
	return all
}

// views lets Hadoop's viewer read every segment of the copies.
func (p *pair) views(copies []oracle.Copy) map[string][]oracle.Record {
	p.t.Helper()
	var files, nodes []string
	for _, c := range copies {
		for _, s := range c.Segments {
			if len(s.Frames) > 0 {
				files, nodes = append(files, s.Path), append(nodes, c.Node)
			}
		}
	}
	outputs := must(p.ViewEdits(p.ctx, files))(p.t)
	views := make(map[string][]oracle.Record)
	for i, output := range outputs {
		text := must(os.ReadFile(output))(p.t)
		records := must(oracle.ReadViewer(bytes.NewReader(text)))(p.t)
		views[nodes[i]] = append(views[nodes[i]], records...)
	}
	return views
}

// rollAndFollow rolls the edits and waits until the standby has everything acknowledged so far; it returns the last
// acknowledged txid.
func (p *pair) rollAndFollow() int64 {
	p.t.Helper()
	active, standby := p.roles()
	last := must(active.LastTxID())(p.t)
	must(p.DFSAdmin(p.ctx, "-rollEdits"))(p.t)
	check(p.t, standby.WaitTxID(p.ctx, last, time.Minute))
	return last
}
