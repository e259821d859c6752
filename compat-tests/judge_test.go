package compat_test

import (
	"maps"
	"math"
	"slices"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/workload"
)

// maxShown bounds how many problems of one check are printed.
const maxShown = 10

// report fails the test with the problems.
func report(t *testing.T, what string, problems []string) {
	t.Helper()
	if len(problems) > 0 {
		t.Errorf("%s: %d problems, the first: %q", what, len(problems), problems[:min(maxShown, len(problems))])
	}
}

// verdict is what the oracle has found.
type verdict struct {
	problems []string
	lost     int // acknowledged operations or transactions that are missing, each counted wherever it is missing
}

// add records the problems of one check.
func (v *verdict) add(what string, lost int, problems ...string) {
	v.lost += lost
	for _, problem := range problems {
		v.problems = append(v.problems, what+": "+problem)
	}
}

// report fails the test with what was found.
func (v *verdict) report(t *testing.T) {
	t.Helper()
	if v.lost > 0 {
		t.Errorf("%d acknowledged operations or transactions are missing", v.lost)
	}
	report(t, "oracle", v.problems)
}

// judge is the oracle, at the end of a scenario whose clients have stopped: both NameNodes show every acknowledged
// operation, every acknowledged txid lies on two nodes, nodes agree byte for byte, and Hadoop's own viewer reads the
// same. It shows of each of these checks that it would have failed on a loss. The NameNodes are stopped in between,
// so that nothing rolls while directories are read.
func (p *pair) judge() {
	p.t.Helper()
	last := p.rollAndFollow()
	p.judgeNamespaces()
	for _, n := range p.NameNodes {
		check(p.t, n.Stop())
	}
	p.judgeEdits(last)
}

// judgeNamespaces compares what both NameNodes show with what was acknowledged.
func (p *pair) judgeNamespaces() {
	p.t.Helper()
	var v verdict
	for _, n := range p.NameNodes {
		p.examineNamespace(&v, n)
	}
	v.report(p.t)
}

// examineNamespace compares what a NameNode shows with what was acknowledged.
func (p *pair) examineNamespace(v *verdict, n *hadoop.NameNode) {
	p.t.Helper()
	view := workload.View(n.RPC, p.roots)
	defer view.Close()
	found, problems := oracle.CheckNamespace(p.ledger, view)
	v.add("namespace of "+n.ID, found.Lost, problems...)
	p.t.Logf("%s: %d objects found as acknowledged (%d bytes read), %d of unknown outcome, %d missing", n.ID, found.Objects,
		found.Bytes, found.Open, found.Lost)
	if len(problems) == 0 {
		p.controlNamespace(must(view.List())(p.t))
	}
}

// controlNamespace takes one acknowledged path away and expects the oracle to object.
func (p *pair) controlNamespace(all map[string]oracle.Node) {
	p.t.Helper()
	var dirs oracle.Ledger // directories only: their check reads no bytes
	for _, o := range p.ledger.Objects() {
		if o.Dir {
			dirs.Add(o)
		}
	}
	shown := remembered{}
	var victim string
	for _, o := range dirs.Objects() {
		for _, s := range o.States {
			if node, ok := all[s.Path]; ok {
				shown[s.Path] = node
			}
		}
		if s, ok := o.Certain(); ok && !s.Gone {
			victim = s.Path
		}
	}
	if _, problems := oracle.CheckNamespace(&dirs, shown); len(problems) != 0 {
		p.t.Errorf("control: the oracle objects to directories as they are: %q", problems[0])
	}
	delete(shown, victim)
	if _, problems := oracle.CheckNamespace(&dirs, shown); len(problems) != 1 {
		p.t.Errorf("control: without %s the oracle sees problems %q", victim, problems)
	}
}

// remembered is a namespace of directories.
type remembered map[string]oracle.Node

func (r remembered) List() (map[string]oracle.Node, error) { return maps.Clone(r), nil }

func (r remembered) Read(string) ([]byte, error) { return nil, nil }

// judgeEdits compares the three directories; txids up to last were acknowledged.
func (p *pair) judgeEdits(last int64) {
	p.t.Helper()
	var v verdict
	p.examineEdits(&v, last)
	v.report(p.t)
}

// examineEdits compares the three directories; txids up to last were acknowledged.
func (p *pair) examineEdits(v *verdict, last int64) {
	p.t.Helper()
	copies := p.copies()
	first := p.purged
	if first == 0 {
		first = firstOnAny(copies)
	}
	onAll, quorum := oracle.CheckQuorum(copies, first, last)
	v.add("quorum", 0, quorum...)
	views := p.views(copies)
	found, purged, viewer := p.checkViewer(copies, views)
	acknowledged, unknown := p.ledger.Counts()
	v.add("edits viewer", acknowledged-purged-found, viewer...)
	p.t.Logf("%d operations acknowledged, %d of them found in the edits of two nodes, %d purged, %d of unknown outcome; "+
		"txids %d-%d, %d of them on all nodes", acknowledged, found, purged, unknown, first, last, onAll)
	if acknowledged == purged {
		p.t.Error("no operation was acknowledged that must be there: this shows nothing")
	}
	if len(quorum)+len(viewer) == 0 {
		p.controlEdits(copies, views, first, last)
	}
}

// checkViewer looks for the acknowledged operations in what the viewer reads, and counts those that may have been
// purged and are gone.
func (p *pair) checkViewer(
	copies []oracle.Copy, views map[string][]oracle.Record,
) (found, purged int, problems []string) {
	if p.purged > 0 {
		return oracle.CheckViewerFrom(p.ledger, copies, views, p.purged)
	}
	found, problems = oracle.CheckViewer(p.ledger, copies, views)
	return found, 0, problems
}

// firstOnAny is the lowest txid that a node has: where nothing was purged two must have all from there on, also if one has
// missed the first segments.
func firstOnAny(copies []oracle.Copy) int64 {
	first := int64(math.MaxInt64)
	for _, c := range copies {
		if len(c.Segments) > 0 {
			first = min(first, c.Segments[0].First)
		}
	}
	return first
}

// controlEdits takes a transaction and an acknowledged operation away and expects the oracle to object.
func (p *pair) controlEdits(copies []oracle.Copy, views map[string][]oracle.Record, first, last int64) {
	p.t.Helper()
	middle := (first + last) / 2
	lost := []oracle.Copy{copies[0], copies[1].Without(middle), copies[2].Without(middle)}
	if _, problems := oracle.CheckQuorum(lost, first, last); len(problems) != 1 {
		p.t.Errorf("control: two nodes lost txid %d, the oracle sees %q", middle, problems)
	}
	found, _, _ := p.checkViewer(copies, views)
	acks := p.ledger.Acks()
	ack := acks[len(acks)-1-found/2] // what was purged comes first
	fewer := maps.Clone(views)
	for _, c := range copies[1:] {
		fewer[c.Node] = slices.DeleteFunc(slices.Clone(views[c.Node]), func(r oracle.Record) bool {
			return r.OpCode == ack.OpCode && r.Path == ack.Path && r.Target == ack.Target
		})
	}
	if found, purged, _ := p.checkViewer(copies, fewer); found+purged >= len(acks) {
		p.t.Errorf("control: two nodes lost %+v and the oracle does not see it", ack)
	}
}
