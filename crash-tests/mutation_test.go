package crashtests

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestEachSyncIsNeeded switches off each sync, and swaps each two that follow each other in an RPC, by themselves.
// Every time a promise must break in some power cut.
func TestEachSyncIsNeeded(t *testing.T) {
	same := newSameDisks(nil)
	tr := record(t, scenarios(), same)
	if t.Failed() {
		return
	}
	mutants := mutantsOf(tr)
	if *crashMutation != "" {
		mutants = slices.DeleteFunc(mutants, func(m *mutant) bool {
			return m.String() != *crashMutation && m.functions() != *crashMutation
		})
		if len(mutants) == 0 {
			t.Fatalf("nothing does %q", *crashMutation)
		}
	}
	each(mutants, func(m *mutant) {
		if m.reason == "" || m.tried {
			m.broken, m.wrong = mutate(m.mutation, m.at, m.reason != "", same)
		}
	})
	t.Log(judge(t, mutants))
	if *crashMutation == "" {
		needed(t, tr, mutants)
	}
}

// mutant is a mutation and what became of it.
type mutant struct {
	mutation
	at            places
	reason        string // why it may be missed; "" if it may not
	tried         bool   // although it is excused
	broken, wrong error  // the promise that it broke; what should not be
}

func mutantsOf(tr trace) (list []*mutant) {
	add := func(m mutation, at places) {
		reason, excused := excuses()[m.functions()]
		if !excused {
			reason, _ = orderExcuse(m)
		}
		list = append(list, &mutant{mutation: m, at: at, reason: reason, tried: excused})
	}
	for s, in := range tr.sites {
		add(mutation{off: s}, in)
	}
	for p, in := range tr.pairs {
		add(mutation{late: p}, in)
	}
	slices.SortFunc(list, func(a, b *mutant) int { return cmp.Compare(a.String(), b.String()) })
	return list
}

// judge tells what became of each mutant; it fails t for those that nothing noticed.
func judge(t *testing.T, mutants []*mutant) string {
	t.Helper()
	type count struct{ all, caught, excused int }
	var off, swapped count
	var table strings.Builder
	for _, m := range mutants {
		n := &swapped
		if m.off != (site{}) {
			n = &off
		}
		n.all++
		again := fmt.Sprintf("replay: %s", replay(t, fmt.Sprintf("-crash.mutation='%s'", m)))
		outcome := "SURVIVED"
		switch {
		case m.wrong != nil:
			t.Errorf("%s: %v\n%s", m, m.wrong, again)
		case m.broken != nil:
			n.caught++
			outcome = "caught: " + firstLine(m.broken)
		case m.reason != "":
			n.excused++
			outcome = "excused: " + m.reason
		default:
			t.Errorf("nothing notices %s\n%s", m, again)
		}
		fmt.Fprintf(&table, "%s\n    %s\n", m, outcome)
	}
	return fmt.Sprintf("%d syncs switched off: %d caught, %d excused; %d pairs swapped: %d caught, %d excused\n%s",
		off.all, off.caught, off.excused, swapped.all, swapped.caught, swapped.excused, &table)
}

// needed compares what ran with the calls in the product, and with the list of excuses.
func needed(t *testing.T, tr trace, mutants []*mutant) {
	t.Helper()
	for _, line := range syncCalls() {
		if !tr.lines[line] {
			t.Errorf("no scenario runs the sync at storage/%s", line)
		}
	}
	for name := range excuses() {
		ran, missed := false, false
		var noticed *mutant
		for _, m := range mutants {
			if m.functions() != name {
				continue
			}
			ran = true
			if m.broken != nil {
				noticed = m
			} else {
				missed = true
			}
		}
		switch {
		case !ran:
			t.Errorf("the excuse for %q is for nothing that runs", name)
		case !missed:
			t.Errorf("%q is excused and yet noticed: %v\nreplay: %s", name, noticed.broken,
				replay(t, fmt.Sprintf("-crash.mutation='%s'", noticed)))
		}
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// A mutation that never takes place must not count as one that nothing noticed.
func TestMutationMustTakePlace(t *testing.T) {
	sc := places{steps: []*traced{{scenario: scenarios()[0]}}}
	nowhere := site{"sync", "Nobody.Nothing:1"}
	for _, m := range []mutation{{off: nowhere}, {late: swap{nowhere, nowhere}}} {
		if _, err := mutate(m, sc, true, newSameDisks(nil)); !errors.Is(err, errNeverRan) {
			t.Errorf("%s: %v", m, err)
		}
	}
}
