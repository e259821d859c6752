package compat_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/wire"
)

// upgradeCases are scripts for the release's own QuorumJournalManager over three of our nodes and over three of Java's,
// each case on a journal of its own. The steps:
//
//	<command>     a command of the driver JournalWriter; !<command> must fail, <command>=<answer> must answer so
//	kill N        kill -9 of node N; of all without a number
//	up N          its start, until what was interrupted is completed or undone
//	same          each node's tree becomes that of the Java node with its number
//	same kept     the same, but a promise that Java's rollback forgets is kept
//	same but N:F  the same, but for file F of node N, which differs
//	usable        every node says that the journal is formatted
//
// They kill a node before, between and after the calls of an upgrade, of its end and of its rollback. CI leaves those out
// that are marked: most of their time goes into starts of Java's nodes.
var upgradeCases = []struct {
	name   string
	long   bool
	script string
}{
	{"steps", false, `format; open; start; write 20; finalize; same; start; write 5; same; abandon; open; same;
		ctime=1500000000000; preupgrade; same; !preupgrade; same; upgrade 1600000000000; same; ctime=1600000000000;
		start; write 3; finalize; start; write 2; same; abandon; open; start; write 4; finalize; same;
		canrollback=true; finalizeupgrade; same; finalizeupgrade; same; canrollback=false;
		kill; up; same; open; start; write 2; finalize; same; usable`},
	{"rollback", false, base + `preupgrade; upgrade 1600000000000; start; write 3; finalize; same; abandon; open; start;
		write 4; finalize; same; canrollback=true; rollback; same kept; rollback; same kept; canrollback=false;
		kill; up; same kept; usable; next 6; open; start; write 7; finalize; same kept;
		ctime=1500000000000; preupgrade; upgrade 1700000000000; same kept; finalizeupgrade; same kept; usable`},
	{"dead-before-preupgrade", true, base + `kill 3; !preupgrade; kill; up; same; usable; connect; ctime=1500000000000;
		preupgrade; upgrade 1600000000000; same; usable; open; start; write 3; finalize; same`},
	{"killed-before-upgrade", true, base + `preupgrade; kill 3; up 3; same; !upgrade 1600000000000;
		same but 3:current/VERSION; kill; up; usable; open; start; write 3; finalize; same but 3:current/VERSION`},
	{"killed-after-upgrade", true, upgraded + `kill 3; up 3; same; usable; start; write 3; finalize; same; canrollback=true`},
	{"dead-before-finalize", true, upgraded + `kill 3; !finalizeupgrade; up 3; same; connect; finalizeupgrade; same;
		kill 3; up 3; same; usable; open; start; write 3; finalize; same`},
	{"dead-before-rollback", true, upgraded + `start; write 3; finalize; open; same; kill 3; connect; !canrollback; up 3;
		connect; canrollback=true; same; kill 3; !rollback; up 3; same kept; connect; !canrollback; rollback;
		same kept; canrollback=false; kill 3; up 3; same kept; usable`},
}

const (
	base     = `format; open; start; write 3; finalize; start; write 2; same; abandon; open; same; `
	upgraded = base + `preupgrade; upgrade 1600000000000; same; `
)

// TestUpgrade_SameTrees drives the upgrade family through upgradeCases: after every step our nodes' directories, at every
// level, are those of Java's nodes.
func TestUpgrade_SameTrees(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		tested := newUpgradeQuorum(t, ctx, site, "tested", subject())
		model := newUpgradeQuorum(t, ctx, site, "model", hadoop.Java)
		for _, c := range upgradeCases {
			if c.long && !long() {
				continue
			}
			compared := 0
			for step := range strings.SplitSeq(c.script, ";") {
				step = strings.Join(strings.Fields(step), " ")
				if what, ok := strings.CutPrefix(step, "same"); ok {
					tested.mustEqual(c.name+": "+step, model, strings.TrimSpace(what))
					compared++
					continue
				}
				for _, q := range []*upgradeQuorum{tested, model} {
					if q.jid != c.name {
						q.jid = c.name
						q.command("journal " + c.name)
					}
					q.move(step)
				}
			}
			t.Logf("%s: %d times the same trees", c.name, compared)
		}
		if long() {
			tested.abandon(site.Install.Release)
			model.abandon(site.Install.Release)
		}
	}, releases(t)...)
}

// abandon lets a new writer begin between doPreUpgrade and doUpgrade, as when the upgrading NameNode has died and is started
// again. Java's nodes of 2.7 fail its recovery until they are restarted. Those of 3.x acknowledge its edits, and throw them
// away at their next start. Ours go on and keep them. This is why we differ here.
func (q *upgradeQuorum) abandon(release hadoop.Release) {
	q.t.Helper()
	q.jid = "abandon"
	goOn := "open; start; write 3; finalize"
	between, last := "", int64(5)
	switch {
	case q.nodes[0].Kind == hadoop.Ours: // the first two spoil the directories of a Java node
		between, last = "ctime=1500000000000; canrollback=false; "+goOn, 8
	case release.Version == hadoop.Hadoop277.Version:
		between = "!open"
	default:
		between = goOn
	}
	for step := range strings.SplitSeq("journal abandon; format; open; start; write 5; finalize; preupgrade; "+between, "; ") {
		q.move(step)
	}
	if strings.HasSuffix(between, goOn) {
		for _, node := range q.nodes {
			q.hasSegment(node, "edits_0000000000000000006-0000000000000000008")
		}
	}
	q.move("kill")
	q.move("up")
	q.move("usable")
	for _, node := range q.nodes {
		segments := must(oracle.ReadJournal(node.Current(q.jid)))(q.t)
		if got := segments[len(segments)-1].Last; got != last {
			q.t.Errorf("%s: after a restart the log ends at txid %d, want %d", node.Name, got, last)
		}
	}
	q.move("open")
}

// upgradeQuorum is three nodes of one kind and the driver that writes to them.
type upgradeQuorum struct {
	t      *testing.T
	ctx    context.Context
	nodes  []*hadoop.JournalNode
	writer *hadoop.Interactive
	jid    string
}

func newUpgradeQuorum(
	t *testing.T, ctx context.Context, site *hadoop.Site, name string, kind hadoop.Kind,
) *upgradeQuorum {
	t.Helper()
	q := &upgradeQuorum{t: t, ctx: ctx}
	for i := range 3 {
		node := must(site.JournalNode(fmt.Sprintf("%s-%d", name, i+1), kind, journalnode(t), sameRelease(site.Install)))(t)
		check(t, node.Start(ctx))
		q.nodes = append(q.nodes, node)
	}
	q.writer = must(site.JournalWriter(ctx, name, q.nodes))(t)
	return q
}

// move makes one step of a script.
func (q *upgradeQuorum) move(step string) {
	q.t.Helper()
	verb, rest, _ := strings.Cut(step, " ")
	switch verb {
	case "kill":
		for _, node := range q.chosen(rest) {
			node.Kill()
		}
	case "up":
		for _, node := range q.chosen(rest) {
			q.restart(node)
		}
	case "usable":
		for _, node := range q.nodes {
			if !q.isFormatted(node) {
				q.t.Fatalf("%s: %s of %s is not formatted", step, q.jid, node.Name)
			}
		}
	default:
		q.command(step)
	}
}

func (q *upgradeQuorum) chosen(number string) []*hadoop.JournalNode {
	q.t.Helper()
	if number == "" {
		return q.nodes
	}
	i := strings.Index("123", number)
	if i < 0 {
		q.t.Fatalf("no node %s", number)
	}
	return q.nodes[i : i+1]
}

// restart starts a node and asks it about the journal, which opens it. A Java node that completed or undid something has
// to be restarted once more to be of use (JNStorage does not look again).
func (q *upgradeQuorum) restart(node *hadoop.JournalNode) {
	q.t.Helper()
	check(q.t, node.Start(q.ctx))
	if q.isFormatted(node) {
		return
	}
	if node.Kind == hadoop.Ours {
		q.t.Fatalf("%s does not serve %s after its restart", node.Name, q.jid)
	}
	awaitDeletions(q.t, q.ctx, node, q.jid)
	node.Kill()
	check(q.t, node.Start(q.ctx))
	q.isFormatted(node)
}

// awaitDeletions waits until a Java node has deleted what it undid or completed at its start, which it does aside and, if
// killed meanwhile, never again.
func awaitDeletions(t *testing.T, ctx context.Context, node *hadoop.JournalNode, jid string) {
	t.Helper()
	for _, name := range []string{"current.tmp", "finalized.tmp.tmp"} {
		path := filepath.Join(node.Edits, jid, name)
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				break
			} else if time.Now().After(end) || ctx.Err() != nil {
				t.Fatalf("%s: %s is not deleted (%v)", node.Name, path, err)
			}
		}
	}
}

func (q *upgradeQuorum) isFormatted(node *hadoop.JournalNode) bool {
	q.t.Helper()
	return isFormatted(q.t, q.ctx, node, q.jid)
}

// isFormatted asks a node, which opens the journal for it.
func isFormatted(t *testing.T, ctx context.Context, node *hadoop.JournalNode, jid string) bool {
	t.Helper()
	client := must(wire.Dial(ctx, node.RPC, wire.QJournalProtocol, superuser(t)))(t)
	defer client.Close()
	answer := must(client.Call("isFormatted", wire.Message{}.Bytes(1, wire.JournalID(jid))))(t)
	formatted, _ := must(wire.Parse(answer))(t).Int(1)
	return formatted == 1
}

// command gives a command to the driver.
func (q *upgradeQuorum) command(step string) {
	q.t.Helper()
	command, refused := strings.CutPrefix(step, "!")
	command, want, answers := strings.Cut(command, "=")
	answer, err := q.writer.Do(q.ctx, command)
	switch {
	case refused && err == nil:
		q.t.Fatalf("%s of %s was not refused: %q", command, q.jid, answer)
	case refused:
	case err != nil:
		q.t.Fatalf("%s: %v\n%s", q.jid, err, q.writer.Tail(12))
	case answers && answer != want:
		q.t.Fatalf("%s: %s answers %q, want %q", q.jid, command, answer, want)
	}
}

// hasSegment waits for a segment on a node that may be slower than the quorum.
func (q *upgradeQuorum) hasSegment(node *hadoop.JournalNode, name string) {
	q.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(filepath.Join(node.Current(q.jid), name))
		if err == nil {
			return
		}
		if time.Now().After(end) || q.ctx.Err() != nil {
			q.t.Fatal(err)
		}
	}
}

// mustEqual waits until each node's tree is that of the model's node with its number: a quorum's third node may lag behind.
func (q *upgradeQuorum) mustEqual(what string, model *upgradeQuorum, how string) {
	q.t.Helper()
	ours := q.nodes[0].Kind == hadoop.Ours // between Java's nodes nothing differs
	wantKept := ours && how == "kept"
	but, differing := strings.CutPrefix(how, "but ")
	differing = differing && ours
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var kept, all []string
		for i := range q.nodes {
			k, problems, err := compareNodes(q.nodes[i], model.nodes[i], q.jid)
			if err != nil {
				problems = append(problems, err.Error())
			}
			for _, p := range problems {
				if file := fmt.Sprintf("%d:%s", i+1, strings.Fields(p)[0]); differing && file == but {
					kept = append(kept, p)
				} else {
					all = append(all, fmt.Sprintf("node %d: %s", i+1, p))
				}
			}
			kept = append(kept, k...)
		}
		if len(all) == 0 && (wantKept || differing) == (len(kept) > 0) {
			return
		}
		if time.Now().After(end) || q.ctx.Err() != nil {
			q.t.Fatalf("%s: differences %q, kept %q", what, all, kept)
		}
	}
}

// compareNodes compares the directories of one journal on two nodes.
func compareNodes(node, model *hadoop.JournalNode, jid string) (kept, problems []string, err error) {
	a, err := oracle.ReadTree(filepath.Join(node.Edits, jid))
	if err != nil {
		return nil, nil, err
	}
	b, err := oracle.ReadTree(filepath.Join(model.Edits, jid))
	if err != nil {
		return nil, nil, err
	}
	kept, problems = oracle.CompareTrees(a, b)
	return kept, problems, nil
}

// sameRelease is what a node of ours is told, and a Java node does not know, so that its directories get a release's modes.
func sameRelease(install *hadoop.Installation) hadoop.Properties {
	if install.Release.Version == hadoop.Hadoop277.Version {
		return hadoop.Properties{"gojn.compat.release": "2.7"}
	}
	return nil
}
