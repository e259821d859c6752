package compat_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
)

// TestSaboteur is the control of the oracle: with one JournalNode of three that drops its syncs and loses its last
// writes when it is killed, the checks of TestHA_JournalsKilled and TestHA_QuorumLost must find that acknowledged
// operations are lost. Until the kill it looks healthy.
func TestSaboteur(t *testing.T) {
	if control() {
		t.Skip("there is no saboteur among Java's JournalNodes")
	}
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		p := newPair(t, ctx, site, hadoop.ClusterOptions{NameNodes: hadoop.Properties{
			"dfs.ha.log-roll.period": "-1", // a roll would make it keep what it forgets otherwise
		}})
		saboteur := p.Journals[1]
		saboteur.Use(saboteurBinary(t, site, "forget=64"))
		p.startByHand()
		if !strings.Contains(saboteur.FullLog(), "SABOTEUR") {
			t.Errorf("the saboteur does not say what it is: %s", saboteur.Tail(10))
		}

		p.startLoad(gentle, p.Addresses()...)
		p.moreDone(100)
		var killed verdict
		p.examineKill(&killed, saboteur)
		killed.mustHaveLost(t, "a JournalNode was killed")
		p.rejoin(saboteur)
		p.stopLoad()

		var takeover verdict
		last := p.loseQuorum(&takeover)
		takeover.mustHaveLost(t, "the quorum was lost")
		for _, n := range p.NameNodes {
			check(t, n.Stop())
		}
		p.stopsWithoutLoss(saboteur)
		var edits verdict
		p.examineEdits(&edits, last)
		edits.mustHaveLost(t, "the directories were read")
	}, releases(t)...)
}

// stopsWithoutLoss stops a JournalNode in an orderly way: whatever it is, its directory has what it acknowledged
// then.
func (p *pair) stopsWithoutLoss(j *hadoop.JournalNode) {
	p.t.Helper()
	written := must(j.Metrics(hadoop.JournalID))(p.t).LastWrittenTxID
	check(p.t, j.Stop())
	if last := p.newest(j).Last; last < written {
		p.t.Errorf("%s was stopped in an orderly way and its directory ends at txid %d, acknowledged was %d",
			j.Name, last, written)
	}
}

// mustHaveLost passes if acknowledged operations are missing. Other problems alone are not what was to be found.
func (v *verdict) mustHaveLost(t *testing.T, when string) {
	t.Helper()
	t.Logf("when %s: %d problems, %d missing, the first: %q", when, len(v.problems), v.lost,
		v.problems[:min(2, len(v.problems))])
	if v.lost == 0 || len(v.problems) == 0 {
		t.Errorf("when %s, the oracle did not see that the saboteur lost acknowledged operations", when)
	}
}

// saboteurBinary builds the saboteur with a plan of internal/saboteur. Its version says what it is, that of the
// ordinary binary does not.
func saboteurBinary(t *testing.T, site *hadoop.Site, plan string) string {
	t.Helper()
	path := filepath.Join(site.Dir, "saboteur")
	check(t, hadoop.BuildSaboteur(t.Context(), path, plan))
	for binary, want := range map[string]bool{path: true, journalnode(t): false} {
		version := must(exec.CommandContext(t.Context(), binary, "--version").Output())(t)
		if got := strings.Contains(string(version), "SABOTEUR"); got != want {
			t.Errorf("%s says %q", binary, version)
		}
	}
	return path
}
