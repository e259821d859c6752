package compat_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// TestHA_RollingReplacement works through docs/operations.md, with its own commands, on a pair over three live Java
// JournalNodes under load: each is replaced by ours; while the second one is down the active NameNode is killed and the
// other one takes over. Then a node of ours loses its disk and is made anew. Then all go back to Java, with an orderly
// failover in the middle (COMPAT_LONG=1; else only the first does). Whenever no NameNode is killed, the writer stays
// the same and no operation fails; at the end nothing that was acknowledged is missing.
func TestHA_RollingReplacement(t *testing.T) {
	if control() {
		t.Skip("it replaces Java's nodes by ours; there is nothing to control")
	}
	onReleases(t, rollingReplacement, releases(t)...)
}

func rollingReplacement(t *testing.T, ctx context.Context, site *hadoop.Site) {
	book := readRunbook(t)
	p := newPair(t, ctx, site, hadoop.ClusterOptions{Journals: []hadoop.Kind{hadoop.Java, hadoop.Java, hadoop.Java}})
	r := &rolling{pair: p}
	for _, j := range p.Journals {
		r.machines = append(r.machines, newMachine(p, book, j))
	}
	p.startByHand()
	p.startLoad(unhurried, p.Addresses()...)
	p.moreDone(100)

	first, second, third := r.machines[0], r.machines[1], r.machines[2]
	r.undisturbed("the first is replaced", func() { r.replace(first, func() {}) })
	r.replace(second, func() {
		p.killActive(func(dead, next *hadoop.NameNode) { must(p.HAAdmin(ctx, "-failover", dead.ID, next.ID))(t) })
	})
	r.calmDown()
	r.undisturbed("the third is replaced", func() { r.replace(third, func() {}) })
	r.require(hadoop.Ours, hadoop.Ours, hadoop.Ours)
	p.stopLoad()
	p.rollAndFollow()
	p.judgeNamespaces()
	p.startLoad(unhurried, p.Addresses()...)

	r.undisturbed("a disk dies and is replaced", func() { r.loseDisk(third) })
	r.undisturbed("the first goes back", func() { r.goBack(first) })
	r.require(hadoop.Java, hadoop.Ours, hadoop.Ours)
	active, standby := p.roles()
	must(p.HAAdmin(ctx, "-failover", active.ID, standby.ID))(t)
	r.calmDown()
	if long() {
		r.undisturbed("the second goes back", func() { r.goBack(second) })
		r.undisturbed("the third goes back", func() { r.goBack(third) })
		r.require(hadoop.Java, hadoop.Java, hadoop.Java)
	}
	p.moreDone(50)
	p.stopLoad()
	p.judge()
	book.requireAllRun()
}

// unhurried is the clients' pause where most of the time goes by in waiting.
const unhurried = 60 * time.Millisecond

// rolling is a pair and the machines of its JournalNodes.
type rolling struct {
	*pair
	machines []*machine
	calm     int // acknowledged operations, when the last failover was over
}

// calmDown is called after a failover. What began in it may fail long afterwards (replicatingPatience in workload), and no
// phase is to blame. Of more operations than there are clients one began after this call: from then on they count.
func (r *rolling) calmDown() {
	r.t.Helper()
	r.moreDone(clients + 1)
	r.calm, _ = r.ledger.Counts()
}

// undisturbed does something during which the active NameNode must stay what and who it is, operations must go on being
// acknowledged, and none that has begun since the last failover may have failed.
func (r *rolling) undisturbed(what string, do func()) {
	r.t.Helper()
	active, _ := r.roles()
	process := active.Process
	acknowledged, _ := r.ledger.Counts()
	do()
	r.moreDone(50)
	if now, _ := r.roles(); now != active || now.Process != process {
		r.t.Errorf("%s: %s is active, %s was", what, now.ID, active.ID)
	}
	after, _ := r.ledger.Counts()
	failed := r.ledger.UnknownSince(r.calm)
	if failed > 0 {
		r.t.Errorf("%s: %d operations failed", what, failed)
	}
	r.t.Logf("%s: %d operations acknowledged meanwhile, %d failed since the last failover", what, after-acknowledged, failed)
}

// replace puts ours in the place of Java's node; meanwhile is done while the machine has none.
func (r *rolling) replace(m *machine, meanwhile func()) {
	r.t.Helper()
	m.run("check", "try")
	m.run("stop")
	if m.node.Running() {
		r.t.Fatalf("%s still runs", m.node.Name)
	}
	r.moreDone(30)
	meanwhile()
	m.run("keep", "install", "start")
	r.t.Log(status(m.run("joined")))
	if log := m.node.FullLog(); !strings.Contains(log, "gojn journalnode") {
		r.t.Errorf("%s is not ours: %s", m.node.Name, m.node.Tail(5))
	}
	kept := must(filepath.Glob(filepath.Join(m.dir, "backup", hadoop.JournalID+".*", "current", "VERSION")))(r.t)
	if len(kept) != 1 {
		r.t.Errorf("%s: the directory was kept in %v", m.node.Name, kept)
	}
	r.moreDone(30)
}

// goBack puts Java's node into the place of ours.
func (r *rolling) goBack(m *machine) {
	r.t.Helper()
	m.run("check")
	r.t.Log(status(m.run("back", "joined")))
	if m.node.Kind != hadoop.Java {
		r.t.Errorf("%s is %s", m.node.Name, m.node.Kind)
	}
	r.moreDone(30)
}

// loseDisk kills a node of ours and takes its directory away. What the runbook makes in its place has every finalized segment
// that one of the others had before it is started, and no promise: it votes only when a segment was started on it.
func (r *rolling) loseDisk(m *machine) {
	r.t.Helper()
	m.node.Kill()
	check(r.t, os.RemoveAll(m.node.Edits))
	r.moreDone(30)
	var finalized []string
	for _, other := range r.machines {
		if other != m {
			finalized = append(finalized, other.finalized()...)
		}
	}
	m.run("disk")
	copied := m.finalized()
	for _, name := range finalized {
		if !slices.Contains(copied, name) {
			r.t.Errorf("%s was not given %s", m.node.Name, name)
		}
	}
	r.t.Log(status(m.run("rejoin")))
	if text := m.node.FullLog(); !strings.Contains(text, withheld) {
		r.t.Errorf("%s does not say that it has forgotten its promises", m.node.Name)
	}
	if mine, others := m.promised(), r.machines[0].promised(); mine != others {
		r.t.Errorf("%s has promised %q, %s %q", m.node.Name, mine, r.machines[0].node.Name, others)
	}
	r.t.Logf("%s was made anew with %d segments", m.node.Name, len(copied))
}

// promised is the text of last-promised-epoch.
func (m *machine) promised() string {
	m.t.Helper()
	return string(must(os.ReadFile(filepath.Join(m.node.Current(hadoop.JournalID), "last-promised-epoch")))(m.t))
}

// finalized are the names of the node's finalized segments.
func (m *machine) finalized() []string {
	m.t.Helper()
	var names []string
	for _, path := range must(filepath.Glob(filepath.Join(m.node.Current(hadoop.JournalID), "edits_0*-*")))(m.t) {
		names = append(names, filepath.Base(path))
	}
	if len(names) == 0 {
		m.t.Errorf("%s has no finalized segments", m.node.Name)
	}
	return names
}

// require checks whose nodes run.
func (r *rolling) require(kinds ...hadoop.Kind) {
	r.t.Helper()
	var got []hadoop.Kind
	for _, m := range r.machines {
		got = append(got, m.node.Kind)
	}
	if !slices.Equal(got, kinds) {
		r.t.Fatalf("the nodes are %v, want %v", got, kinds)
	}
}

// status is what the runbook's status has printed at last: a line per node.
func status(output string) string {
	var lines []string
	for line := range strings.Lines(output) {
		if strings.Contains(line, " LastWrittenTxId=") && !strings.HasPrefix(line, "+") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return fmt.Sprintf("status:\n%s", strings.Join(lines[max(0, len(lines)-3):], "\n"))
}
