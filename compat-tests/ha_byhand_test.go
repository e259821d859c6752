package compat_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
)

// The clients of the main scenario do at least so many operations before the first failover, with so many rolls.
const (
	loadOperations = 2400
	rolls          = 4
)

// TestHA_ByHand formats a pair over three JournalNodes (and is refused while one is down), bootstraps the standby,
// writes with four clients while the edits are rolled, and then fails over by hand: twice after kill -9 of the active
// under load, once orderly in each direction.
func TestHA_ByHand(t *testing.T) { onReleases(t, byHand, releases(t)...) }

func byHand(t *testing.T, ctx context.Context, site *hadoop.Site) {
	p := newPair(t, ctx, site, hadoop.ClusterOptions{})
	p.requireFormatRefused()
	must(p.NameNodes[0].Run(ctx, "-format", "-nonInteractive", "-clusterId", hadoop.ClusterID))(t)
	p.activateAndJoin()

	idle := p.residentBytes()
	p.startLoad(0, p.Addresses()...)
	for range rolls {
		p.moreDone(loadOperations / rolls)
		must(p.DFSAdmin(ctx, "-rollEdits"))(t)
	}
	p.stopLoad()
	if _, unknown := p.ledger.Counts(); unknown != 0 {
		t.Errorf("%d operations failed although nothing was killed", unknown)
	}
	t.Logf("resident memory of a %s JournalNode: %d KiB idle, %d KiB under load", subject(), idle>>10,
		p.residentBytes()>>10)
	p.rollAndFollow()

	p.startLoad(gentle, p.Addresses()...)
	p.killActive(func(dead, next *hadoop.NameNode) { must(p.HAAdmin(ctx, "-failover", dead.ID, next.ID))(t) })
	p.killActive(func(_, next *hadoop.NameNode) {
		must(p.HAAdmin(ctx, "-transitionToActive", "--forceactive", next.ID))(t)
	})
	if p.recovered == 0 {
		t.Error("no failover had an open segment to recover")
	}
	for range 2 {
		p.moreDone(100)
		active, standby := p.roles()
		must(p.HAAdmin(ctx, "-failover", active.ID, standby.ID))(t)
	}
	p.moreDone(100)
	p.stopLoad()
	p.judge()
}

// requireFormatRefused starts two of three JournalNodes: formatting must fail with Hadoop's words and change nothing.
// Then it starts the third.
func (p *pair) requireFormatRefused() {
	p.t.Helper()
	check(p.t, p.StartJournals(p.ctx))
	check(p.t, p.Journals[2].Stop())
	output, err := p.NameNodes[0].Run(p.ctx, "-format", "-nonInteractive", "-clusterId", hadoop.ClusterID)
	var failed *hadoop.CommandError
	if !errors.As(err, &failed) || !strings.Contains(output, "Unable to check if JNs are ready for formatting") {
		p.t.Fatalf("format with one JournalNode down: %v", err)
	}
	for _, j := range p.Journals {
		if _, err := os.Stat(j.Current(hadoop.JournalID)); !errors.Is(err, os.ErrNotExist) {
			p.t.Errorf("the refused format left %s (%v)", j.Current(hadoop.JournalID), err)
		}
	}
	check(p.t, p.Journals[2].Start(p.ctx))
}

// killActive kills the active NameNode under load, makes the other one active by the given means, and restarts the
// dead one as standby. The clients must get on. It returns the first txid of the segment that was recovered, or 0.
func (p *pair) killActive(failover func(dead, next *hadoop.NameNode)) (recovered int64) {
	p.t.Helper()
	p.moreDone(200)
	dead, next := p.roles()
	dead.Kill()
	open := p.openSegment()
	failover(dead, next)
	check(p.t, next.WaitState(p.ctx, "active"))
	p.moreDone(200)
	p.requireRecovered(open)
	check(p.t, dead.Start(p.ctx))
	check(p.t, dead.WaitState(p.ctx, "standby"))
	return open
}

// residentBytes is the largest VmRSS of the JournalNodes.
func (p *pair) residentBytes() int64 {
	p.t.Helper()
	var most int64
	for _, j := range p.Journals {
		most = max(most, must(j.ResidentBytes())(p.t))
	}
	return most
}
