package compat_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
)

// TestHA_Recovery lets a NameNode become active whose quorum needs a JournalNode that has less of the open segment
// than the other one: first one that was down while clients wrote, then one that has lost the segment's file. It
// must download the segment, and then has the same bytes.
func TestHA_Recovery(t *testing.T) { onReleases(t, recoveredSegments, releases(t)...) }

func recoveredSegments(t *testing.T, ctx context.Context, site *hadoop.Site) {
	p := newPair(t, ctx, site, hadoop.ClusterOptions{NameNodes: hadoop.Properties{
		"dfs.ha.log-roll.period": "-1", // the segment must not end while a node is down
	}})
	p.startByHand()
	p.recoverWith(p.Journals[2], func(oracle.Segment) {})
	p.recoverWith(p.Journals[0], func(s oracle.Segment) { check(t, os.Remove(s.Path)) })
	p.judge()
}

// recoverWith kills a JournalNode, lets clients write on, harms its last segment, kills the active NameNode and
// one of the other JournalNodes, and makes the other NameNode active. Then it brings everything back.
func (p *pair) recoverWith(behind *hadoop.JournalNode, harm func(last oracle.Segment)) {
	p.t.Helper()
	source, third := p.Journals[1], p.Journals[2]
	if behind == third {
		third = p.Journals[0]
	}
	active, next := p.roles()
	p.startLoad(gentle, p.Addresses()...)
	p.moreDone(100)
	behind.Kill()
	before := p.newest(behind)
	p.moreDone(100)
	harm(before)
	active.Kill()
	third.Kill()
	full := p.newest(source)
	if full.First != before.First || full.Last <= before.Last {
		p.t.Fatalf("%s has %s up to %d, %s has %s up to %d: there is nothing to recover", source.Name, full.Name, full.Last,
			behind.Name, before.Name, before.Last)
	}
	check(p.t, behind.Start(p.ctx))
	must(p.HAAdmin(p.ctx, "-transitionToActive", "--forceactive", next.ID))(p.t)
	check(p.t, next.WaitState(p.ctx, "active"))
	p.moreDone(50)
	p.stopLoad()
	p.requireDownloaded(behind, source, full)

	check(p.t, third.Start(p.ctx))
	check(p.t, active.Start(p.ctx))
	p.roll() // a restarted standby is in safe mode until it has read which blocks were deleted
	check(p.t, active.WaitState(p.ctx, "standby"))
}

// requireDownloaded checks that the node has the whole recovered segment, as the source has it, and says that it has
// downloaded it.
func (p *pair) requireDownloaded(behind, source *hadoop.JournalNode, full oracle.Segment) {
	p.t.Helper()
	var both [2]oracle.Copy
	for i, j := range []*hadoop.JournalNode{behind, source} {
		both[i].Node = j.Name
		for _, s := range must(oracle.ReadJournal(j.Current(hadoop.JournalID)))(p.t) {
			if s.First == full.First && !s.InProgress {
				both[i].Segments = append(both[i].Segments, s)
			}
		}
	}
	transactions, problems := oracle.CheckSame(both[0], both[1])
	if len(problems) > 0 || len(both[0].Segments) != 1 || both[0].Segments[0].Last < full.Last {
		p.t.Errorf("the recovered segment %s, up to %d: %q, %d segments", full.Name, full.Last, problems,
			len(both[0].Segments))
	}
	p.t.Logf("%s and %s have the same %d transactions", behind.Name, source.Name, transactions)
	said := "downloaded=true"
	if behind.Kind == hadoop.Java {
		said = "Synchronizing log "
	}
	if !strings.Contains(behind.FullLog(), said) {
		p.t.Errorf("%s does not say that it has downloaded the segment", behind.Name)
	}
}
