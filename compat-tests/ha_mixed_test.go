package compat_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
)

// mix is a quorum of our nodes and Java's.
type mix struct {
	name     string // how many are ours, and how many Java's
	journals []hadoop.Kind
}

// mixes are the quorums of both kinds. In the scenarios the third node and then the first one download what they have
// missed from the second, so Java's nodes download from ours in one of them and ours from Java's in the other.
func mixes() []mix {
	return []mix{
		{"1+2", []hadoop.Kind{hadoop.Java, subject(), hadoop.Java}},
		{"2+1", []hadoop.Kind{subject(), hadoop.Java, subject()}},
	}
}

// streamMixes are those of scenarios in which the third node downloads from the first.
func streamMixes() []mix {
	return []mix{
		{"1+2", []hadoop.Kind{subject(), hadoop.Java, hadoop.Java}},
		{"2+1", []hadoop.Kind{hadoop.Java, subject(), subject()}},
	}
}

// mixedScenario is a scenario that other tests run on three nodes of one kind.
type mixedScenario struct {
	name     string
	run      scenario
	mixes    []mix
	releases []hadoop.Release
}

// mixedScenarios are all but TestHA_Upgrade, whose quorum is mixed anyway, and TestHA_UpgradeKills: that one wants the
// three trees to be the same after each rollback, and Java's nodes forget their promises there.
func mixedScenarios() []mixedScenario {
	every, since3 := hadoop.Releases(), []hadoop.Release{hadoop.Hadoop342, hadoop.Hadoop350}
	return []mixedScenario{
		{"SameBytes", sameBytes, mixes(), every},
		{"ByHand", byHand, mixes(), every},
		{"ByController", byController, mixes(), every},
		{"JournalsKilled", journalsKilled, mixes(), every},
		{"QuorumLost", quorumLost, mixes(), every},
		{"Recovery", recoveredSegments, mixes(), every},
		{"Downloads", downloads, streamMixes(), every},
		{"SplitBrain", splitBrain, mixes(), every},
		{"SplitBrainByController", splitBrainByController, mixes(), every},
		{"Checkpoints", checkpoints, mixes(), every},
		{"InProgressTailing", inProgressTailing, mixes(), since3},
	}
}

// TestHA_MixedQuorum runs the scenarios of the other tests on quorums of our nodes and Java's.
func TestHA_MixedQuorum(t *testing.T) {
	t.Parallel()
	brief := slices.Clone(mixedInCI)
	for _, s := range mixedScenarios() {
		for _, m := range s.mixes {
			for _, release := range s.releases {
				name := strings.Join([]string{s.name, m.name, release.Version}, "/")
				listed := slices.Index(brief, name)
				if listed >= 0 {
					brief = slices.Delete(brief, listed, listed+1)
				}
				if listed < 0 && !long() {
					continue
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					ctx := deadline(t)
					site := newSite(t, ctx, release)
					site.Journals = m.journals
					s.run(t, ctx, site)
				})
			}
		}
	}
	if len(brief) > 0 {
		t.Errorf("there are no scenarios %v", brief)
	}
}

// TestHA_MixedUpgrade is TestHA_Upgrade of one of our nodes and two of Java's.
func TestHA_MixedUpgrade(t *testing.T) {
	if !long() {
		t.Skip("COMPAT_LONG=1 runs it: TestHA_Upgrade is of two of our nodes and one of Java's")
	}
	t.Parallel()
	for _, way := range upgradeWays() {
		t.Run(way[0].Version+"-"+way[1].Version, func(t *testing.T) {
			t.Parallel()
			upgradeLife(newUpgrade(t, way, subject(), hadoop.Java, hadoop.Java))
		})
	}
}

// sameBytes runs a pair over a mixed quorum: what all nodes were given lies in all three directories with the same
// bytes, segment by segment, also after a recovery between them. The segment before the recovered one may be missing on a
// node that was slow when the writer died; what all nodes were told afterwards may not.
func sameBytes(t *testing.T, ctx context.Context, site *hadoop.Site) {
	p := newPair(t, ctx, site, hadoop.ClusterOptions{})
	p.startByHand()
	p.startLoad(gentle, p.Addresses()...)
	p.moreDone(300)
	recovered := p.killActive(func(dead, next *hadoop.NameNode) {
		must(p.HAAdmin(ctx, "-failover", dead.ID, next.ID))(t)
	})
	p.stopLoad()
	p.judge()

	copies, left := oracle.WithoutStraggler(p.directories(), recovered)
	if left > 0 {
		t.Logf("a node was still behind in the segment %d when the writer died", left)
	}
	for i, other := range copies[1:] {
		transactions, problems := oracle.CheckSame(copies[0], other)
		report(t, "directories", problems)
		t.Logf("%s (%s) and %s (%s): %d transactions in %d segments are the same", copies[0].Node, p.Journals[0].Kind,
			other.Node, p.Journals[i+1].Kind, transactions, len(other.Segments))
	}
	after := slices.IndexFunc(copies[0].Segments, func(s oracle.Segment) bool { return s.First > recovered && !s.InProgress })
	if recovered > 0 && (after < 1 || copies[0].Segments[after-1].First != recovered) {
		t.Errorf("the recovered segment %d and a finalized one behind it are not both there: this shows nothing", recovered)
	}
}
