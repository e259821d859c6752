package compat_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// withheld is what our node says of a journal that does not know what it has promised.
const withheld = "does not know what it has promised"

// TestWiped_NodeDoesNotVote is the loss that a wiped node brings about: nodes 1 and 3 acknowledge edits while 2 is down, 1 is
// emptied and gets the VERSION of 3, as operators do, and 3 goes down. A NameNode must not become active over 1 and 2; once 3
// is back one does, everything acknowledged is there, and 1 votes again as soon as a writer has started a segment there.
func TestWiped_NodeDoesNotVote(t *testing.T) { onReleases(t, wipedNode, releases(t)...) }

func wipedNode(t *testing.T, ctx context.Context, site *hadoop.Site) {
	w := newWiped(t, ctx, site, hadoop.Properties{})
	w.loseNode(func() { w.copyVersion(w.wiped, w.third) })
	check(t, w.wiped.Start(ctx))
	check(t, w.behind.Start(ctx))
	w.mustNotTakeOver()
	w.comeBack()
}

// TestWiped_JavaLosesEdits is the control: Java's nodes let the NameNode become active, without the edits.
func TestWiped_JavaLosesEdits(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		site.Journals = []hadoop.Kind{hadoop.Java, hadoop.Java, hadoop.Java}
		w := newWiped(t, ctx, site, nil)
		w.loseNode(func() { w.copyVersion(w.wiped, w.third) })
		check(t, w.wiped.Start(ctx))
		check(t, w.behind.Start(ctx))
		must(w.HAAdmin(ctx, "-transitionToActive", "--forceactive", w.next.ID))(t)
		check(t, w.next.WaitState(ctx, "active"))
		var v verdict
		w.examineNamespace(&v, w.next)
		if v.lost == 0 {
			t.Error("nothing was lost: this scenario shows nothing")
		}
		t.Logf("%d acknowledged operations are missing", v.lost)
	}, releases(t)...)
}

// wiped is a pair of which two JournalNodes have acknowledged what the third has not, and one of those is emptied.
type wiped struct {
	*pair
	wiped, behind, third *hadoop.JournalNode
	dead, next           *hadoop.NameNode
}

// newWiped starts a pair whose JournalNodes know each other; extra is for the one that will be emptied.
func newWiped(t *testing.T, ctx context.Context, site *hadoop.Site, extra hadoop.Properties) *wiped {
	p := newPair(t, ctx, site, hadoop.ClusterOptions{NameNodes: hadoop.Properties{
		"dfs.ha.log-roll.period": "-1", // the segment must not end while a node is down
	}})
	p.introduce(nil)
	w := &wiped{pair: p, wiped: p.Journals[0], behind: p.Journals[1], third: p.Journals[2]}
	check(t, w.wiped.Configure(p.quorumOf().With(extra)))
	p.startByHand()
	return w
}

// quorumOf is the key by which JournalNodes know each other.
func (p *pair) quorumOf() hadoop.Properties {
	const key = "dfs.namenode.shared.edits.dir"
	return hadoop.Properties{key: p.Properties()[key]}
}

// introduce configures each JournalNode to know the others.
func (p *pair) introduce(extra hadoop.Properties) {
	p.t.Helper()
	for _, j := range p.Journals {
		check(p.t, j.Configure(p.quorumOf().With(extra)))
	}
}

// loseNode lets clients write while one node is down, ends the writer and the other two nodes, and lets wipe empty one.
func (w *wiped) loseNode(wipe func()) {
	w.t.Helper()
	w.dead, w.next = w.roles()
	w.startLoad(gentle, w.Addresses()...)
	w.moreDone(100)
	w.behind.Kill()
	w.moreDone(100)
	acknowledged := w.acknowledged(w.dead)
	w.dead.Kill()
	w.stopLoad()
	w.wiped.Kill()
	w.third.Kill()
	if behind, third := w.newest(w.behind), w.newest(w.third); third.First != behind.First || third.Last < acknowledged ||
		behind.Last >= acknowledged {
		w.t.Fatalf("txid %d was acknowledged; %s has %d-%d and %s %d-%d: there is nothing to lose", acknowledged,
			w.behind.Name, behind.First, behind.Last, w.third.Name, third.First, third.Last)
	}
	wipe()
}

// copyVersion empties a node's journal and gives it the VERSION of another one.
func (p *pair) copyVersion(to, from *hadoop.JournalNode) {
	p.t.Helper()
	current := to.Current(hadoop.JournalID)
	check(p.t, os.RemoveAll(filepath.Dir(current)))
	check(p.t, os.MkdirAll(filepath.Join(current, "paxos"), 0o755))
	version := must(os.ReadFile(filepath.Join(from.Current(hadoop.JournalID), "VERSION")))(p.t)
	check(p.t, os.WriteFile(filepath.Join(current, "VERSION"), version, 0o644))
}

// mustNotTakeOver lets the other NameNode try to become active: it must end itself, for the sake of the wiped node.
func (w *wiped) mustNotTakeOver() {
	w.t.Helper()
	if _, err := w.HAAdmin(w.ctx, "-transitionToActive", "--forceactive", w.next.ID); err == nil {
		var v verdict
		w.examineNamespace(&v, w.next)
		w.t.Fatalf("%s became active over a wiped node and one that is behind; %d acknowledged operations are missing", w.next.ID, v.lost)
	}
	w.endsItself(w.next)
	refused := false
	for line := range strings.Lines(w.wiped.FullLog()) {
		refused = refused || strings.Contains(line, "request refused") && strings.Contains(line, "op=newEpoch") && strings.Contains(line, withheld)
	}
	if !refused {
		w.t.Errorf("%s has not refused a newEpoch for that reason: %s", w.wiped.Name, w.wiped.Tail(10))
	}
}

// comeBack starts the third node and the NameNodes: nothing is lost, and the wiped node takes part in the next segment and
// then in an election.
func (w *wiped) comeBack() {
	t := w.t
	t.Helper()
	check(t, w.third.Start(w.ctx))
	check(t, w.next.Start(w.ctx))
	must(w.HAAdmin(w.ctx, "-transitionToActive", "--forceactive", w.next.ID))(t)
	check(t, w.next.WaitState(w.ctx, "active"))
	var v verdict
	w.examineNamespace(&v, w.next)
	v.report(t)

	w.startLoad(gentle, w.Addresses()...)
	w.takesPart(w.wiped, w.newest(w.third).First-1) // the new active's segment; what was before is fetched
	w.moreDone(50)
	w.stopLoad()
	check(t, w.dead.Start(w.ctx))
	w.roll() // a restarted standby is in safe mode until it has read which blocks were deleted
	check(t, w.dead.WaitState(w.ctx, "standby"))
	w.startLoad(gentle, w.Addresses()...)
	w.behind.Kill() // the next election needs the node that was wiped
	must(w.HAAdmin(w.ctx, "-failover", w.next.ID, w.dead.ID))(t)
	check(t, w.dead.WaitState(w.ctx, "active"))
	w.moreDone(50)
	w.rejoin(w.behind)
	w.stopLoad()
	w.judge()
}

// TestWiped_SyncFormat is the same loss with nobody's hand in it: dfs.journalnode.enable.sync.format lets the emptied node
// format itself after the one that is behind, Java's of 3.5.0, and fetch what that one has. It must not vote.
func TestWiped_SyncFormat(t *testing.T) { onReleases(t, selfFormatted, releases(t)...) }

func selfFormatted(t *testing.T, ctx context.Context, site *hadoop.Site) {
	if site.Journals == nil {
		site.Journals = []hadoop.Kind{subject(), hadoop.Java, hadoop.Java}
	}
	w := newWiped(t, ctx, site, hadoop.Properties{
		"dfs.journalnode.enable.sync.format": "true",
		"dfs.journalnode.sync.interval":      "1000",
	})
	w.roll() // nobody formats after a node that has no finalized segment
	w.loseNode(func() { check(t, os.RemoveAll(filepath.Dir(w.wiped.Current(hadoop.JournalID)))) })
	check(t, w.wiped.Start(ctx))
	check(t, w.behind.Start(ctx))
	version := filepath.Join(w.wiped.Current(hadoop.JournalID), "VERSION")
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(version); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not format itself after %s: %s", w.wiped.Name, w.behind.Name, w.wiped.Tail(10))
		}
	}
	w.mustNotTakeOver()
	w.comeBack()
}

// TestWiped_FreshCluster: of three nodes that were formatted by hand, or by Java's nodes, which leave no promise, none knows
// what it has promised. They say to each other that it is nothing, and the first NameNode becomes active.
func TestWiped_FreshCluster(t *testing.T) { onReleases(t, freshCluster, releases(t)...) }

func freshCluster(t *testing.T, ctx context.Context, site *hadoop.Site) {
	p := newPair(t, ctx, site, hadoop.ClusterOptions{})
	p.introduce(nil)
	p.formatEmpty()
	check(t, p.StartJournals(ctx))
	p.activateAndJoin()
	p.startLoad(gentle, p.Addresses()...)
	p.moreDone(50)
	p.stopLoad()
	for _, j := range p.Journals {
		if subject() == hadoop.Ours && !strings.Contains(j.FullLog(), withheld) {
			t.Errorf("%s knew what it had promised: this shows nothing", j.Name)
		}
	}
	p.judge()
}

// formatEmpty leaves three journals as Java's format does, which writes VERSION and nothing of promises, with nn1 formatted.
func (p *pair) formatEmpty() {
	p.t.Helper()
	check(p.t, p.StartJournals(p.ctx))
	must(p.NameNodes[0].Run(p.ctx, "-format", "-nonInteractive", "-clusterId", hadoop.ClusterID))(p.t)
	for _, j := range p.Journals {
		check(p.t, j.Stop())
		p.copyVersion(j, p.keepVersion(j))
	}
}

// keepVersion is a node that does not run and has a copy of j's VERSION.
func (p *pair) keepVersion(j *hadoop.JournalNode) *hadoop.JournalNode {
	p.t.Helper()
	kept := *j
	kept.Edits = filepath.Join(p.Dir, j.Name, "kept")
	check(p.t, os.CopyFS(kept.Edits, os.DirFS(j.Edits)))
	return &kept
}

// TestWiped_Alone: two nodes of a new cluster are no witnesses enough, for the third may have promised something to a writer.
// It takes all three, or a person.
func TestWiped_Alone(t *testing.T) { onReleases(t, aloneAfterWipe, releases(t)...) }

func aloneAfterWipe(t *testing.T, ctx context.Context, site *hadoop.Site) {
	if control() {
		t.Skip("Java's nodes vote whatever they have forgotten: TestWiped_JavaLosesEdits")
	}
	p := newPair(t, ctx, site, hadoop.ClusterOptions{})
	p.introduce(nil)
	p.formatEmpty()
	for _, j := range p.Journals[:2] {
		check(t, j.Start(ctx))
	}
	n := p.NameNodes[0]
	check(t, n.Start(ctx))
	if _, err := p.HAAdmin(ctx, "-transitionToActive", "--forceactive", n.ID); err == nil {
		t.Fatal("a NameNode became active over two nodes that do not know what they have promised")
	}
	p.endsItself(n)

	for _, j := range p.Journals[:2] {
		check(t, j.Stop())
		p.allowVote(j)
		check(t, j.Start(ctx))
	}
	check(t, n.Start(ctx))
	must(p.HAAdmin(ctx, "-transitionToActive", "--forceactive", n.ID))(t)
	check(t, n.WaitState(ctx, "active"))
	for end := time.Now().Add(time.Minute); p.openSegment() == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no two nodes have a segment open")
		}
	}
}

// allowVote lets the node, which must not run, vote by a person's decision.
func (p *pair) allowVote(j *hadoop.JournalNode) {
	p.t.Helper()
	cmd := exec.CommandContext(p.ctx, journalnode(p.t), "allow-vote", "--config", j.ConfDir(),
		"--reason", "the third node is new as well", hadoop.JournalID)
	if output, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%v: %s", err, output)
	}
}
