package crashtests

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestEachSyncIsNeeded switches off each sync, and swaps each two that follow each other in an RPC, by themselves. Every
// time a promise must break in some power cut.
func TestEachSyncIsNeeded(t *testing.T) {
	same := newSameDisks(nil)
	tr := record(t, scenarios(), same)
	if t.Failed() {
		return
	}
	for _, line := range syncCalls() {
		if !tr.lines[line] {
			t.Errorf("no scenario runs the sync at storage/%s", line)
		}
	}

	type mutant struct {
		mutation
		at     places
		broken error
	}
	var mutants []*mutant
	for s, in := range tr.sites {
		mutants = append(mutants, &mutant{mutation: mutation{off: s}, at: in})
	}
	for p, in := range tr.pairs {
		mutants = append(mutants, &mutant{mutation: mutation{late: p}, at: in})
	}
	slices.SortFunc(mutants, func(a, b *mutant) int { return cmp.Compare(a.String(), b.String()) })
	var mu sync.Mutex
	each(mutants, func(m *mutant) {
		if _, excused := orderExcuse(m.mutation); excused {
			return
		}
		_, excused := excuses()[m.functions()]
		broken, err := mutate(m.mutation, m.at, excused, same)
		mu.Lock()
		defer mu.Unlock()
		m.broken = broken
		if err != nil {
			t.Errorf("%s: %v", m.mutation, err)
		}
	})

	used := map[string]bool{}
	unnoticed := map[string]bool{}
	caught := 0
	var table strings.Builder
	for _, m := range mutants {
		reason, excused := excuses()[m.functions()]
		if !excused {
			reason, excused = orderExcuse(m.mutation)
		}
		used[m.functions()] = true
		outcome := "SURVIVED"
		switch {
		case m.broken != nil:
			caught++
			outcome = "caught: " + firstLine(m.broken)
		case excused:
			unnoticed[m.functions()] = true
			outcome = "excused: " + reason
		default:
			t.Errorf("nothing notices %s", m)
		}
		fmt.Fprintf(&table, "%s\n    %s\n", m, outcome)
	}
	for name := range excuses() {
		switch {
		case !used[name]:
			t.Errorf("the excuse for %q is for nothing that runs", name)
		case !unnoticed[name]:
			t.Errorf("%q is excused and yet noticed", name)
		}
	}
	t.Logf("%d syncs switched off, %d pairs swapped, %d caught:\n%s", len(tr.sites), len(tr.pairs), caught, &table)
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
