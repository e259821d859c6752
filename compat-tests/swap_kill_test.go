package compat_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"gojn/compat-tests/hadoop"
)

// TestSwap_KilledUnderLoad kills the node of a busy writer again and again, and each time lets the other kind take the
// directory over: it answers as a node of the killed kind does on a copy, a new writer finds all that was
// acknowledged, and goes on. At the end nothing is missing of all that ever was.
func TestSwap_KilledUnderLoad(t *testing.T) {
	kills := 1 // the other way round: TestSwap_InPlace
	if long() {
		kills = 20
	}
	state := swapState{name: "busy", why: "a busy writer", load: true}
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		j := &swapJournal{ctx: ctx, jid: state.name, ns: state.namespace(site.Install.Release)}
		w := &swapWay{
			swap: swap{t: t, ctx: ctx, site: site, states: []swapState{state}},
			name: "original", edits: filepath.Join(site.Dir, "original"), journals: map[string]*swapJournal{state.name: j},
		}
		kinds := []hadoop.Kind{hadoop.Java, subject()}
		node := w.node(kinds[0], "first")
		check(t, node.Start(ctx))
		w.each(node, func(n *swapNode, _ swapState, j *swapJournal) error {
			return j.do(n, "format; epoch; start; write 1")
		})
		for kill := range kills {
			end := w.load(node)
			node.Kill()
			end()
			killed, heir := kinds[kill%2], kinds[(kill+1)%2]
			control := w.to(fmt.Sprintf("copy-%d", kill), killed)
			control.turn("taken", killed, func(swapState) string { return "" })

			node = w.takeOver(w.node(heir, fmt.Sprintf("heir-%d", kill)))
			w.answers = make(map[string][]answer)
			w.askAll("taken", node, func(swapState) string { return "recover; start; write 1" })
			w.compare(state, control)
		}
		node.Kill()
		report(t, "after all kills", j.missing(filepath.Join(w.edits, state.name, "current")))
		t.Logf("%d kills, %d transactions acknowledged", kills, j.last)
	}, releases(t)...)
}
