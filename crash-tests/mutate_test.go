package crashtests

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"gojn/storage/vfs"
)

// How much is tried with a mutation before it counts as unnoticed.
const (
	mostTroubled  = 40 // operations of a scenario that is tried with failing syncs
	mostScenarios = 12
	fewScenarios  = 2  // for one that is excused
	mostTrouble   = 2  // scenarios that are tried with failing syncs
	fewTrouble    = 1  // for one that is excused
	onlyTrouble   = 24 // the same, if it runs nowhere else
	mostKilled    = 24 // scenarios in which the process is killed at each operation, for what a start makes durable
	mostPoints    = 12 // of a power cut behind a mutation, besides the ends of steps
	mostHistories = 300
	fewHistories  = 10 // for one that is excused
)

var errNeverRan = errors.New("the mutation never took place")

// attempts looks for a promise that a mutation breaks, until one is found.
type attempts struct {
	mutation
	same          *sameDisks
	fired         int
	broken, wrong error
}

// mutate tries m where it runs, until a promise is broken, and tells which; nil if none is.
func mutate(m mutation, p places, few bool, same *sameDisks) (broken, err error) {
	scenarios, troubled, histories := mostScenarios, mostTrouble, mostHistories
	if few {
		scenarios, troubled, histories = fewScenarios, fewTrouble, fewHistories
	}
	if len(p.steps)+len(p.opening) == 0 {
		troubled = onlyTrouble
	}
	a := &attempts{mutation: m, same: same}
	for _, sc := range cheapest(p.steps, scenarios) {
		a.try(func(mu *muter) error { return cutBehind(sc.scenario, mu, same) })
	}
	if len(p.steps) == 0 {
		for _, sc := range cheapest(p.opening, scenarios) {
			a.try(func(mu *muter) error {
				e := &explorer{wrap: mu.wrap, same: newSameDisks(mu.wrap), stopAtFirst: true, parts: 1}
				_, err := e.run(sc.scenario)
				return err
			})
		}
	}
	tried := map[*traced]bool{}
	for _, sc := range slices.Concat(
		cheapest(p.trouble, troubled), cheapest(p.steps, troubled), cheapest(p.opening, troubled),
	) {
		if tried[sc] || sc.cost >= mostTroubled {
			continue
		}
		tried[sc] = true
		a.try(func(mu *muter) error {
			_, err := exploreFailedSyncs(sc.scenario, mu, same)
			return err
		})
	}
	if !few && strings.HasSuffix(m.functions(), "Dir.load") {
		for _, sc := range cheapest(p.opening, mostKilled) {
			a.try(func(mu *muter) error {
				e := &explorer{wrap: mu.wrap, same: newSameDisks(mu.wrap), stopAtFirst: true}
				e.random = rand.New(rand.NewPCG(1, seedOf(sc.name)))
				e.killAtEach(sc.scenario)
				return errors.Join(e.errs...)
			})
		}
	}
	for seed := range uint64(histories) {
		a.try(func(mu *muter) error {
			h := newHistory(seed + 1)
			h.wrap = mu.wrap
			return named(fmt.Sprintf("history %d", seed+1), h.run())
		})
	}
	if a.fired == 0 && a.wrong == nil {
		return nil, fmt.Errorf("%w: %s", errNeverRan, m)
	}
	return a.broken, a.wrong
}

// try does one attempt, if there is need of one.
func (a *attempts) try(do func(*muter) error) {
	if a.broken != nil || a.wrong != nil {
		return
	}
	mu := newMuter(a.mutation)
	err := do(mu)
	fired, acted := mu.counts()
	a.fired += fired
	if err != nil && acted == 0 {
		a.wrong = fmt.Errorf("a promise was broken before the mutation took place: %w", err)
		return
	}
	a.broken = err
}

// cutBehind runs a scenario with a mutation and cuts the power before the operations that follow each time it took
// place, and behind each step from the first time on: before that everything is as without.
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
		if (left > 0 || seen > before && op.Kind == "syncdir") && !e.stopped() { // what is missing may be needed late
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
