package compat_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/workload"
)

// TestHA_Upgrade goes the way of an operator with real NameNodes over two of our nodes and one of Java's: -upgrade,
// failover, -rollback, -upgrade again, -finalizeUpgrade. The three get the same calls, so that after each step the trees
// of ours must be that of Java's. From 2.7.7 to 3.x it is a true upgrade, from layout -63 to -67.
func TestHA_Upgrade(t *testing.T) {
	t.Parallel()
	for _, way := range upgradeWays() {
		t.Run(way[0].Version+"-"+way[1].Version, func(t *testing.T) {
			t.Parallel()
			upgradeLife(newUpgrade(t, way, subject(), subject(), hadoop.Java))
		})
	}
}

// newUpgrade makes a site and a cluster for an upgrade from one release to another. The JournalNodes are of the newer
// one from the start: they are upgraded first. The third is the model of the others.
func newUpgrade(
	t *testing.T, way [2]hadoop.Release, journals ...hadoop.Kind,
) (u *upgradePair, before, after *hadoop.Installation) {
	t.Helper()
	ctx := deadline(t)
	site := newSite(t, ctx, way[1])
	before, after = must(hadoop.Provision(ctx, way[0]))(t), site.Install
	// Nobody rolls by himself: all three JournalNodes are restarted under an active NameNode, and one that is stopped in the
	// middle of a roll leaves a segment on one node that keeps the next NameNode from starting, Java's nodes alone too.
	p := newPair(t, ctx, site, hadoop.ClusterOptions{
		Journals: journals, NameNodes: hadoop.Properties{"dfs.ha.log-roll.period": "-1"},
	})
	return &upgradePair{pair: p, want: make(map[string]bool)}, before, after
}

func upgradeLife(u *upgradePair, before, after *hadoop.Installation) {
	t, ctx := u.t, u.ctx
	t.Helper()
	nn1, nn2 := u.NameNodes[0], u.NameNodes[1]

	u.UseRelease(before)
	for _, j := range u.Journals {
		check(t, j.Configure(sameRelease(after)))
	}
	check(t, u.StartJournals(ctx))
	must(nn1.Run(ctx, "-format", "-nonInteractive", "-clusterId", hadoop.ClusterID))(t)
	u.same("format", false)
	u.begin(nn1)
	u.write("old")
	u.same("writes", false)
	u.stop()
	old := maps.Clone(u.want)

	u.UseRelease(after)
	u.upgrade(nn1)
	u.write("upgraded")
	u.join(nn2)
	u.write("joined")
	u.same("the other NameNode joined", false)
	must(u.HAAdmin(ctx, "-failover", "nn1", "nn2"))(t)
	u.write("failed-over")
	u.same("failover", false)
	u.stop()
	u.same("NameNodes stopped", false)

	u.UseRelease(before)
	must(nn1.Rollback(ctx))(t)
	u.want = old
	u.same("-rollback", true)
	u.restartJournals() // a Java node of 2.7 has to
	u.same("JournalNodes restarted", true)
	resume := u.hearOurs()
	u.begin(nn1)
	resume()
	u.write("rolled-back")
	u.same("writes after the rollback", false)
	u.stop()

	u.UseRelease(after)
	u.upgrade(nn1)
	u.join(nn2)
	u.write("again")
	must(u.DFSAdmin(ctx, "-finalizeUpgrade"))(t)
	u.requirePrevious(false)
	u.same("-finalizeUpgrade", false)
	u.restartJournals()
	must(u.HAAdmin(ctx, "-failover", "nn1", "nn2"))(t)
	u.write("finalized")
	u.same("the end", false)
	u.stop()
}

// upgradePair is a cluster whose namespace is directories only, without a DataNode, which has an upgrade of its own.
type upgradePair struct {
	*pair
	want map[string]bool // the directories below / that clients were told to exist
}

// begin starts a NameNode of a formatted pair as the active one.
func (u *upgradePair) begin(n *hadoop.NameNode) {
	u.t.Helper()
	check(u.t, n.Start(u.ctx))
	must(u.HAAdmin(u.ctx, "-transitionToActive", "--forceactive", n.ID))(u.t)
	check(u.t, n.WaitState(u.ctx, "active"))
}

// upgrade starts a NameNode with -upgrade, which makes it active.
func (u *upgradePair) upgrade(n *hadoop.NameNode) {
	u.t.Helper()
	check(u.t, n.Start(u.ctx, "-upgrade"))
	check(u.t, n.WaitState(u.ctx, "active"))
	u.requirePrevious(true)
	u.same("-upgrade", false)
}

// join makes the other NameNode anew from the active one, as Hadoop asks for after an upgrade. What it had is removed: a
// rollback of the pair leaves its previous/, and the next upgrade is refused for that.
func (u *upgradePair) join(n *hadoop.NameNode) {
	u.t.Helper()
	check(u.t, os.RemoveAll(n.Directory()))
	must(n.Run(u.ctx, "-bootstrapStandby", "-force"))(u.t)
	check(u.t, n.Start(u.ctx))
	check(u.t, n.WaitState(u.ctx, "standby"))
}

// write makes directories on the active NameNode and looks that it has these and what was there before, and nothing else.
func (u *upgradePair) write(name string) {
	u.t.Helper()
	active, _ := u.roles()
	client := must(workload.Connect(active.RPC))(u.t)
	defer client.Close()
	for i := range 10 {
		dir := fmt.Sprintf("%s-%d", name, i)
		check(u.t, u.mkdir(client, "/"+dir))
		u.want[dir] = true
	}
	shown := make(map[string]bool)
	for _, info := range must(client.ReadDir("/"))(u.t) {
		shown[info.Name()] = true
	}
	if !maps.Equal(shown, u.want) {
		u.t.Errorf("%s: the NameNode shows %v, want %v", name, slices.Sorted(maps.Keys(shown)),
			slices.Sorted(maps.Keys(u.want)))
	}
}

// mkdir makes a directory. A NameNode that is active may answer that it has "still not started", for a moment.
func (u *upgradePair) mkdir(client *hdfs.Client, dir string) error {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := client.Mkdir(dir, 0o755)
		if err == nil || !strings.Contains(err.Error(), "RetriableException") || time.Now().After(end) || u.ctx.Err() != nil {
			return err
		}
	}
}

// stop stops the NameNodes that run.
func (u *upgradePair) stop() {
	u.t.Helper()
	for _, n := range u.NameNodes {
		if n.Process != nil {
			check(u.t, n.Stop())
		}
	}
}

func (u *upgradePair) restartJournals() {
	u.t.Helper()
	for _, j := range u.Journals {
		j.Kill()
	}
	check(u.t, u.StartJournals(u.ctx))
}

// hearOurs makes sure, after a rollback, that the next NameNode hears of a promise that one of our nodes has kept.
// Java's have forgotten theirs, and a quorum of them alone would have the NameNode ask for an epoch that ours must
// refuse, so that it stayed out until another one. With two Java nodes one of them sleeps until it is told to resume.
func (u *upgradePair) hearOurs() (resume func()) {
	u.t.Helper()
	if u.Journals[1].Kind != hadoop.Java {
		return func() {}
	}
	check(u.t, u.Journals[1].Pause(u.ctx))
	return u.Journals[1].Resume
}

// requirePrevious checks that every node has, or has not, the state before an upgrade.
func (u *upgradePair) requirePrevious(want bool) {
	u.t.Helper()
	for _, j := range u.Journals {
		_, err := os.Stat(filepath.Join(j.Edits, hadoop.JournalID, "previous", "VERSION"))
		if (err == nil) != want {
			u.t.Errorf("%s: previous/VERSION: %v", j.Name, err)
		}
	}
}

// agree waits until all nodes have the same tree.
func (u *upgradePair) agree(what string) {
	u.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var all []string
		for _, j := range u.Journals[1:] {
			kept, problems, err := compareNodes(j, u.Journals[0], hadoop.JournalID)
			if err != nil {
				problems = append(problems, err.Error())
			}
			all = append(append(all, problems...), kept...)
		}
		if len(all) == 0 {
			return
		}
		if time.Now().After(end) || u.ctx.Err() != nil {
			u.t.Fatalf("%s: the nodes differ: %q", what, all)
		}
	}
}

// same waits until the trees of the first two nodes are that of the third. kept: and until both have kept a promise that
// Java's rollback forgets; else all must be equal.
func (u *upgradePair) same(what string, kept bool) {
	u.t.Helper()
	model := u.Journals[2]
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var all []string
		for _, j := range u.Journals[:2] {
			k, problems, err := compareNodes(j, model, hadoop.JournalID)
			if err != nil {
				problems = append(problems, err.Error())
			}
			if wantKept := kept && j.Kind == hadoop.Ours; wantKept != (len(k) > 0) {
				problems = append(problems, fmt.Sprintf("kept: %q", k))
			}
			for _, p := range problems {
				all = append(all, j.Name+": "+p)
			}
		}
		if len(all) == 0 {
			break
		}
		if time.Now().After(end) || u.ctx.Err() != nil {
			u.t.Fatalf("%s: %q", what, all)
		}
	}
	tree := must(oracle.ReadTree(filepath.Join(model.Edits, hadoop.JournalID)))(u.t)
	u.t.Logf("%s: the three trees are the same, %d names", what, len(tree))
}
