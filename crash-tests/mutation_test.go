package crashtests

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"gojn/storage/vfs"
)

// trace is what the scenarios did with nothing switched off: where each site and each pair ran.
type trace struct {
	sites map[site]places
	pairs map[swap]places
	lines map[string]bool
}

// places are scenarios: those in whose steps something ran, and those in which it ran when the journal was opened on what a
// power cut had left, or after trouble.
type places struct{ steps, later []*traced }

type traced struct {
	scenario
	cost int // operations of its steps that change something
}

// in are the places to look at first: in steps, else elsewhere, the cheap ones first, most at most.
func (p places) in(most int) []*traced {
	list := slices.Clone(p.steps)
	if len(list) == 0 {
		list = slices.Clone(p.later)
	}
	slices.SortFunc(list, func(a, b *traced) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.name, b.name))
	})
	return list[:min(len(list), most)]
}

// record runs each scenario with nothing switched off, opens each disk that a power cut would leave, and lets the cheap ones
// have trouble.
func record(t *testing.T, scs []scenario, same *sameDisks) trace {
	t.Helper()
	tr := trace{sites: map[site]places{}, pairs: map[swap]places{}, lines: map[string]bool{}}
	var mu sync.Mutex
	each(scs, func(sc scenario) {
		steps, later, cost, err := recordOne(sc, same)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Errorf("%s, with nothing switched off: %v", sc.name, err)
			return
		}
		at := &traced{sc, cost}
		for s := range later.hits {
			tr.sites[s] = tr.sites[s].with(at, steps.hits[s] > 0)
		}
		for p := range later.pairs {
			tr.pairs[p] = tr.pairs[p].with(at, steps.pairs[p] > 0)
		}
		maps.Copy(tr.lines, later.lines)
	})
	return tr
}

func (p places) with(at *traced, inSteps bool) places {
	if inSteps {
		p.steps = append(p.steps, at)
	} else {
		p.later = append(p.later, at)
	}
	return p
}

// recordOne tells what ran in the steps of a scenario, and what ran in all.
func recordOne(sc scenario, same *sameDisks) (steps, all *muter, cost int, err error) {
	steps, all = newMuter(mutation{}), newMuter(mutation{})
	mem := vfs.NewMem()
	running := false
	w, err := newWorld(vfs.Inject(all.wrap(steps.wrap(mem)), func(op vfs.Op) error {
		if !running || !changes(op) {
			return nil
		}
		cost++
		for _, kept := range []bool{false, true} {
			after := newLedger()
			if again, err := openWorld(all.wrap(mem.CrashClone(func() bool { return kept })), after); err == nil {
				again.fs.die() // what is wrong there explore tells
			}
		}
		return nil
	}))
	if err == nil {
		err = w.run(sc.setup)
	}
	if err != nil {
		return nil, nil, 0, err
	}
	steps.forget()
	all.forget()
	running = true
	err = w.run(sc.steps)
	pairs := maps.Clone(all.pairs) // those of failing syncs are not swapped: each takes place in few histories
	if err == nil && cost < mostTroubled && !slices.Contains(untroubled, sc.name) {
		_, err = exploreFailedSyncs(sc, all.wrap, same)
	}
	all.pairs = pairs
	return steps, all, cost, err
}

// How much is tried with a mutation before it counts as unnoticed.
const (
	mostTroubled  = 40 // operations of a scenario that is tried with failing syncs
	mostScenarios = 4
	fewScenarios  = 2 // for one that is excused
	mostTrouble   = 1 // scenarios that are tried with failing syncs
	fewTrouble    = 1
	mostLater     = 24 // the same, if it runs in none without
	mostKilled    = 24 // scenarios in which the process is killed at each operation, for what a start makes durable
	mostPoints    = 12 // of a power cut behind a mutation, besides the ends of steps
)

// each runs do for each of list, some at a time.
func each[T any](list []T, do func(T)) {
	work := make(chan T)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for item := range work {
				do(item)
			}
		})
	}
	for _, item := range list {
		work <- item
	}
	close(work)
	wg.Wait()
}

// untroubled are scenarios that are not tried with failing syncs: the ledger does not follow all that may be left of them.
var untroubled = []string{
	"format in the middle of an upgrade",     // a failed format may have brought the old state back
	"purgeLogs of segments left in progress", // a segment that is not the last is given to readers once it was read
}

var errNeverRan = errors.New("the mutation never took place")

// mutate tries m in the scenarios at p, until a promise is broken, and tells which; nil if none is.
func mutate(m mutation, p places, few bool, same *sameDisks) (broken, err error) {
	scenarios, troubled := mostScenarios, mostTrouble
	if few {
		scenarios, troubled = fewScenarios, fewTrouble
	}
	if len(p.steps) == 0 && !few {
		troubled = mostLater
	}
	fired := 0
	try := func(do func(*muter) error) (stop bool) {
		mu := newMuter(m)
		broken = do(mu)
		fired += mu.fired
		if broken != nil && mu.acted == 0 {
			broken, err = nil, fmt.Errorf("a promise was broken before the mutation took place: %w", broken)
		}
		return broken != nil || err != nil
	}
	for _, sc := range p.in(scenarios) {
		if try(func(mu *muter) error {
			if len(p.steps) > 0 {
				return cutBehind(sc.scenario, mu, same)
			}
			e := &explorer{wrap: mu.wrap, same: newSameDisks(mu.wrap), stopAtFirst: true, parts: 1}
			_, err := e.run(sc.scenario)
			return err
		}) {
			return broken, err
		}
	}
	for i, sc := range p.in(len(p.steps) + len(p.later)) {
		if i >= troubled && fired > 0 {
			break
		}
		if sc.cost < mostTroubled && !slices.Contains(untroubled, sc.name) && try(func(mu *muter) error {
			_, err := exploreFailedSyncs(sc.scenario, mu.wrap, same)
			return err
		}) {
			return broken, err
		}
	}
	for _, sc := range (places{later: p.later}).in(mostKilled) {
		if !few && strings.HasSuffix(m.functions(), "Dir.load") && try(func(mu *muter) error {
			e := &explorer{wrap: mu.wrap, same: newSameDisks(mu.wrap), stopAtFirst: true}
			e.random = rand.New(rand.NewPCG(1, seedOf(sc.name)))
			e.killAtEach(sc.scenario)
			return errors.Join(e.errs...)
		}) {
			return broken, err
		}
	}
	if fired == 0 {
		return nil, fmt.Errorf("%w: %s", errNeverRan, m)
	}
	return nil, nil
}

// cutBehind runs a scenario with a mutation and cuts the power before the operations that follow each time it took place,
// and behind each step from the first time on: before that everything is as without.
func cutBehind(sc scenario, mu *muter, same *sameDisks) error {
	e := &explorer{wrap: mu.wrap, same: same, stopAtFirst: true, parts: 2} // the node that is started has its syncs
	e.random = rand.New(rand.NewPCG(1, seedOf(sc.name)))
	mem, w, hook, err := e.stage(sc)
	if err != nil {
		return err
	}
	_, seen := mu.counts()
	before, left, where := seen, 0, ""
	*hook = func(op vfs.Op) error {
		if _, acted := mu.counts(); acted > seen {
			seen, left = acted, mostPoints
		}
		if left > 0 && !e.stopped() {
			left--
			e.cutAt(sc, fmt.Sprintf("%s, power cut before %s", where, describe(op)), mem, w)
		}
		return nil
	}
	for i, st := range sc.steps {
		where = fmt.Sprintf("step %d, %s", i+1, st.name)
		if err := st.do(w); err != nil {
			return fmt.Errorf("%s: %s, with the mutation: %w", sc.name, where, err)
		}
		if _, acted := mu.counts(); acted > before && !e.stopped() {
			e.cutAt(sc, where+", power cut behind it", mem, w)
		}
		if e.stopped() {
			break
		}
	}
	return errors.Join(e.errs...)
}

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

// syncCalls lists the calls in package storage that make something durable, as file:line.
func syncCalls() (lines []string) {
	eachProductFile(func(where string, fset *token.FileSet, file *ast.File) {
		name, ok := strings.CutPrefix(where, "storage/")
		if !ok {
			return // jnserver has only those of SegmentWriter
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if ok && slices.Contains([]string{"Sync", "SyncData", "SyncDir"}, sel.Sel.Name) {
					lines = append(lines, fmt.Sprintf("%s:%d", name, fset.Position(sel.Sel.Pos()).Line))
				}
			}
			return true
		})
	})
	return lines
}
