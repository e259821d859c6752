package compat_test

import (
	"strings"
	"testing"
)

// TestTail_MixedQuorum runs the scenarios of tailing on quorums of our nodes and Java's, all with a cache of edits. In
// TestTail_Nodes the first node is behind, the second slow and the third stands still: each is ours in one and Java's
// in the other.
func TestTail_MixedQuorum(t *testing.T) {
	if !long() {
		t.Skip("COMPAT_LONG=1 runs it: TestHA_MixedQuorum runs some in CI")
	}
	t.Parallel()
	scenarios := map[string]scenario{"Observer": tailObserver, "Nodes": tailNodes, "CutOff": tailCutOff}
	for name, run := range scenarios {
		for _, m := range mixes() {
			for _, release := range releases(t) {
				t.Run(strings.Join([]string{name, m.name, release.Version}, "/"), func(t *testing.T) {
					t.Parallel()
					ctx := deadline(t)
					site := newSite(t, ctx, release)
					site.Journals = m.journals
					run(t, ctx, site)
				})
			}
		}
	}
}
