package compat_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/wire"
)

// cuts are the places, as internal/saboteur is told them, at which the third node is killed. All of a group leave the
// pair in the same state; CI takes the last of each.
var cuts = map[string][]string{
	// In doPreUpgrade: its first change, between its changes, and when all are done and nothing was answered.
	"pre-upgrade": {"rename /previous.tmp", "mkdir /current", "link ", "syncdir /current"},
	// Behind the answer to doPreUpgrade, before anything of doUpgrade; and before VERSION counts.
	"before-upgrade": {"rename /current/VERSION", "open /previous.tmp/VERSION"},
	// VERSION counts; and all is done and nothing was answered.
	"upgraded": {"rename /previous; open /current/VERSION", "rename /previous"},
	// Nothing is changed yet, or the old state is not in its place yet.
	"before-rollback": {"rename /removed.tmp", "rename /removed.tmp; rename /current"},
	// The old state is in its place.
	"rolled-back": {"removeall /removed.tmp"},
	"finalize":    {"rename /finalized.tmp", "removeall /finalized.tmp"},
}

// TestHA_UpgradeKills kills one of our three nodes at each step of what a real NameNode does: with -9, inside doPreUpgrade,
// between it and doUpgrade, inside doUpgrade, doRollback and doFinalize. The command fails, for all nodes must answer;
// the node opens again as a Java node does on a copy of its directory; and the operator gets on with the commands that he
// has. Of both, a NameNode shows afterwards that nothing acknowledged is missing.
func TestHA_UpgradeKills(t *testing.T) {
	if control() {
		t.Skip("Java's nodes cannot be killed between two operations on files; their recovery is compared with ours here")
	}
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		p := newPair(t, ctx, site, hadoop.ClusterOptions{})
		k := &upgradeKills{
			upgradePair: &upgradePair{pair: p, want: make(map[string]bool)}, told: filepath.Join(site.Dir, "told"),
			victim: p.Journals[2], recovered: make(map[string]oracle.Tree),
		}
		k.model = must(site.JournalNode("model", hadoop.Java, "", sameRelease(site.Install)))(t)
		for _, j := range p.Journals {
			check(t, j.Configure(sameRelease(site.Install)))
		}
		k.victim.Use(saboteurBinary(t, site, "die-told="+k.told))
		check(t, k.StartJournals(ctx))
		nn1 := k.NameNodes[0]
		must(nn1.Run(ctx, "-format", "-nonInteractive", "-clusterId", hadoop.ClusterID))(t)
		k.begin(nn1)
		k.write("first")
		k.stop()

		k.each("pre-upgrade", k.inPreUpgrade)
		k.each("upgraded", k.inUpgrade)
		k.each("rolled-back", k.inRollback)
		k.each("finalize", k.inFinalize)
		k.each("before-rollback", k.beforeRollback)
		k.each("before-upgrade", k.beforeUpgrade)
		k.compareWithJava()
	}, releases(t)...)
}

// upgradeKills is a cluster of which one node is a saboteur.
type upgradeKills struct {
	*upgradePair
	victim *hadoop.JournalNode
	told   string // the file that tells the victim where to die

	model     *hadoop.JournalNode    // a Java node with a copy of each directory that the victim left
	recovered map[string]oracle.Tree // what the victim made of them
	copies    int
}

// each does something with each cut of a group, or with the last alone.
func (k *upgradeKills) each(group string, do func()) {
	k.t.Helper()
	all := cuts[group]
	if !long() {
		all = all[len(all)-1:]
	}
	for _, cut := range all {
		check(k.t, os.WriteFile(k.told, []byte(cut), 0o644))
		do()
		k.t.Logf("%s: killed before %q", group, cut)
	}
}

// died checks that the command failed because the victim was killed, keeps its directory for Java and starts it again.
func (k *upgradeKills) died(command string, err error) {
	k.t.Helper()
	if err == nil {
		k.t.Fatalf("%s: done although %s is dead", command, k.victim.Name)
	}
	if k.victim.Running() {
		k.t.Fatalf("%s: %s was not killed: %v", command, k.victim.Name, err)
	}
	check(k.t, os.Remove(k.told))
	k.copies++
	jid := fmt.Sprintf("copy-%d", k.copies)
	root := filepath.Join(k.victim.Edits, hadoop.JournalID)
	check(k.t, copyTree(filepath.Join(k.model.Edits, jid), root))
	check(k.t, k.victim.Start(k.ctx))
	if !isFormatted(k.t, k.ctx, k.victim, hadoop.JournalID) {
		k.t.Fatalf("%s: %s does not serve its journal", command, k.victim.Name)
	}
	k.recovered[jid] = must(oracle.ReadTree(root))(k.t)
}

// copyTree copies a directory with its modes.
func copyTree(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return os.Chmod(filepath.Join(to, rel), info.Mode().Perm())
	})
}

// compareWithJava lets a Java node recover what the victim left, and compares.
func (k *upgradeKills) compareWithJava() {
	k.t.Helper()
	for range 2 { // the first start completes or undoes, the second one serves
		check(k.t, k.model.Start(k.ctx))
		for jid := range k.recovered {
			isFormatted(k.t, k.ctx, k.model, jid)
			awaitDeletions(k.t, k.ctx, k.model, jid)
		}
		k.model.Kill()
	}
	check(k.t, k.model.Start(k.ctx))
	for jid, tree := range k.recovered {
		if !isFormatted(k.t, k.ctx, k.model, jid) {
			k.t.Errorf("%s: Java's node does not serve it", jid)
		}
		kept, problems := oracle.CompareTrees(tree, must(oracle.ReadTree(filepath.Join(k.model.Edits, jid)))(k.t))
		report(k.t, "recovery of "+jid+", ours beside Java's", append(problems, kept...))
	}
	k.t.Logf("%d directories of a killed node, recovered by ours and by Java's node", len(k.recovered))
}

// inPreUpgrade: the state before is back on the victim; the other nodes are between the two halves, and the same command
// may be repeated at once.
func (k *upgradeKills) inPreUpgrade() {
	k.t.Helper()
	k.died("-upgrade", k.NameNodes[0].Start(k.ctx, "-upgrade"))
	k.upgradeAndFinalize()
}

// inUpgrade: all nodes are upgraded, the NameNode is not, and refuses to be; the way is back, and then again.
func (k *upgradeKills) inUpgrade() {
	k.t.Helper()
	nn1 := k.NameNodes[0]
	k.died("-upgrade", nn1.Start(k.ctx, "-upgrade"))
	k.agree("-upgrade with a node killed at its end")
	k.requirePrevious(true)
	if err := nn1.Start(k.ctx, "-upgrade"); err == nil {
		k.t.Fatal("the NameNode upgraded upgraded nodes once more")
	}
	must(nn1.Rollback(k.ctx))(k.t)
	k.requirePrevious(false)
	k.agree("-rollback of the nodes alone")
}

// inRollback: all nodes are rolled back and so is the NameNode.
func (k *upgradeKills) inRollback() {
	k.t.Helper()
	k.upgradeAndForget()
	_, err := k.NameNodes[0].Rollback(k.ctx)
	k.died("-rollback", err)
	k.requirePrevious(false)
	k.goOn()
}

// inFinalize: the command may be repeated.
func (k *upgradeKills) inFinalize() {
	k.t.Helper()
	k.upgradeAlone()
	k.died("-finalizeUpgrade", k.finalizeUpgrade())
	check(k.t, k.finalizeUpgrade())
	k.requirePrevious(false)
	k.write(fmt.Sprintf("finalized-%d", k.copies)) // on two nodes: the victim takes part again from the next segment on
	k.stop()
	k.goOn()
}

// beforeRollback: the victim alone is still upgraded. As with Java's nodes the command cannot be repeated, as the answers
// of the nodes differ; a doRollback to all of them is what is missing, which the two others take for done.
func (k *upgradeKills) beforeRollback() {
	k.t.Helper()
	k.upgradeAndForget()
	_, err := k.NameNodes[0].Rollback(k.ctx)
	k.died("-rollback", err)
	if _, err := k.NameNodes[0].Rollback(k.ctx); err == nil {
		k.t.Fatal("-rollback was done although the nodes differ")
	}
	for _, j := range k.Journals {
		client := must(wire.Dial(k.ctx, j.RPC, wire.QJournalProtocol, superuser(k.t)))(k.t)
		_, err := client.Call("doRollback", wire.Message{}.Bytes(1, wire.JournalID(hadoop.JournalID)))
		check(k.t, errors.Join(err, client.Close()))
	}
	k.requirePrevious(false)
	k.goOn()
}

// beforeUpgrade: two nodes are upgraded, the victim and the NameNode are not. As with Java's nodes neither -upgrade nor
// -rollback can be repeated, as the answers of the nodes differ; but the pair starts, all three take its edits, and
// -finalizeUpgrade tidies up. The VERSION that two have needs the operator's hand before the next upgrade.
func (k *upgradeKills) beforeUpgrade() {
	k.t.Helper()
	nn1 := k.NameNodes[0]
	k.died("-upgrade", nn1.Start(k.ctx, "-upgrade"))
	// In this order: a -rollback right now would spoil the NameNode's own directory, which is between the halves too.
	if err := nn1.Start(k.ctx, "-upgrade"); err == nil {
		k.t.Fatal("-upgrade was done although the nodes differ")
	}
	if _, err := nn1.Rollback(k.ctx); err == nil {
		k.t.Fatal("-rollback was done although the nodes differ")
	}
	k.begin(nn1)
	k.write(fmt.Sprintf("after-kill-%d", k.copies))
	check(k.t, k.finalizeUpgrade())
	k.requirePrevious(false)
	k.stop()
	version := must(os.ReadFile(filepath.Join(k.victim.Current(hadoop.JournalID), "VERSION")))(k.t)
	for _, j := range k.Journals[:2] {
		j.Kill()
		check(k.t, os.WriteFile(filepath.Join(j.Current(hadoop.JournalID), "VERSION"), version, 0o644))
		check(k.t, j.Start(k.ctx))
	}
	k.upgradeAndFinalize()
}

// upgradeAndFinalize goes all the way, undisturbed.
func (k *upgradeKills) upgradeAndFinalize() {
	k.t.Helper()
	k.upgradeAlone()
	k.write(fmt.Sprintf("upgraded-%d", k.copies))
	check(k.t, k.finalizeUpgrade())
	k.requirePrevious(false)
	k.agree("upgraded and finalized")
	k.stop()
}

// finalizeUpgrade asks the one NameNode that runs; by the name of the pair it would be asked of both.
func (k *upgradeKills) finalizeUpgrade() error {
	_, err := k.DFSAdmin(k.ctx, "-fs", "hdfs://"+k.NameNodes[0].RPC, "-finalizeUpgrade")
	return err
}

// upgradeAlone is an -upgrade that nothing disturbs.
func (k *upgradeKills) upgradeAlone() {
	k.t.Helper()
	check(k.t, k.NameNodes[0].Start(k.ctx, "-upgrade"))
	check(k.t, k.NameNodes[0].WaitState(k.ctx, "active"))
	k.requirePrevious(true)
}

// upgradeAndForget upgrades and writes what a rollback is to take away.
func (k *upgradeKills) upgradeAndForget() {
	k.t.Helper()
	k.upgradeAlone()
	before := maps.Clone(k.want)
	k.write("taken-away")
	k.stop()
	k.want = before
}

// goOn starts the NameNode as it is after a command that had failed: it shows what it must and writes to all nodes.
func (k *upgradeKills) goOn() {
	k.t.Helper()
	k.begin(k.NameNodes[0])
	k.write(fmt.Sprintf("after-kill-%d", k.copies))
	k.agree("a failed command")
	k.stop()
}
