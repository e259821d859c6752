package crashtests

import (
	"fmt"
	"slices"
	"syscall"

	"gojn/storage"
	"gojn/storage/vfs"
)

// Some syncs only run once another one has failed: what is visible and perhaps not durable is about to be believed.
// explore cuts the power alone; these histories have both.

// exploreFailedSyncs lets each sync of each step of a scenario fail, by itself, so that what it should have written
// is lost, or is there but for the length of the file. The journal is then asked again as a client would, and the
// power cut after each answer, with nothing kept, and just behind a mutation, with nothing or all but one change
// kept. The first broken promise is the error; runs counts.
func exploreFailedSyncs(sc scenario, mu *muter, same *sameDisks) (runs int, err error) {
	for i := range sc.steps {
		for n := 1; ; n++ {
			again, err := failSync(sc, i, n, nil, mu, same, (*world).sameWriter)
			if err == nil && again {
				_, err = failSync(sc, i, n, nil, mu, same, (*world).anotherWriter)
			}
			if err == nil && again {
				_, err = failSync(sc, i, n, func() bool { return true }, mu, same, (*world).anotherWriter)
			}
			if err != nil {
				return runs, fmt.Errorf("%s: sync %d of step %d, %s, failed: %w", sc.name, n, i+1, sc.steps[i].name, err)
			}
			if !again {
				break
			}
			runs += 3
		}
	}
	return runs, nil
}

// failSync runs a scenario up to step i, whose n-th sync fails and of whose blocks keep says which are written all
// the same, and goes on; false if it has fewer.
func failSync(
	sc scenario, i, n int, keep func() bool, mu *muter, same *sameDisks, after func(*world, step) []func() error,
) (failed bool, err error) {
	mem := vfs.NewMem()
	armed, count := false, 0
	h := &muteHistory{m: mu, quiet: true}
	behind := func() {} // called before each operation
	disk := h.wrap(vfs.Inject(mem, func(op vfs.Op) error {
		if !armed || !slices.Contains([]string{"sync", "syncdata", "syncdir"}, op.Kind) {
			return nil
		}
		if count++; count != n {
			return nil
		}
		failed = true
		h.quiet = false // what runs from here on is what runs after trouble
		return &vfs.Lost{Err: syscall.EIO, Keep: keep}
	}))
	w, err := newWorld(vfs.Inject(disk, func(vfs.Op) error { behind(); return nil }))
	if err != nil {
		return false, err
	}
	defer func() { w.fs.die() }()
	if err := w.run(slices.Concat(sc.setup, sc.steps[:i])); err != nil {
		return false, err
	}
	armed = true
	stepErr := sc.steps[i].do(w)
	armed = false
	if !failed || w.ledger.broken != nil {
		return failed, w.ledger.broken
	}
	if err := same.check(w.ledger, mem.CrashClone(nil)); err != nil {
		return true, fmt.Errorf("%w (the step: %w)", err, stepErr)
	}
	var broken error
	_, seen := mu.counts()
	left := 0
	behind = func() {
		if _, acted := mu.counts(); acted > seen {
			seen, left = acted, mostPoints
		}
		if left > 0 && broken == nil {
			left--
			broken = same.check(w.ledger, mem.CrashClone(nil))
			for lost := 1; lost <= 3 && broken == nil && !sc.ordered(); lost++ {
				broken = same.check(w.ledger, mem.CrashReordered(allBut(lost)))
			}
		}
	}
	for _, next := range after(w, sc.steps[i]) {
		_ = next() // refused or not: what is answered is in the ledger
		if broken == nil {
			broken = same.check(w.ledger, mem.CrashClone(nil))
		}
		if broken != nil {
			return true, broken
		}
	}
	return true, nil
}

// sameWriter is what a writer does that was not answered: it goes on all the same, and tries again.
func (w *world) sameWriter(s step) []func() error {
	return []func() error{
		func() error {
			w.epoch = max(w.epoch, w.askedEpoch())
			return w.heartbeat()
		},
		func() error { return s.do(w) },
	}
}

// anotherWriter takes over, and asks for the segments that may be in progress.
func (w *world) anotherWriter(step) (calls []func() error) {
	calls = append(calls, func() error { return w.newEpoch(w.askedEpoch() + 1) })
	asked := map[storage.TxID]bool{}
	for _, s := range w.ledger.states {
		for first, seg := range s.segments {
			asked[first] = asked[first] || !seg.final
		}
	}
	for _, first := range sorted(asked) {
		if asked[first] {
			calls = append(calls, func() error {
				_, err := w.prepare(first)
				return err
			})
		}
	}
	return calls
}

// askedEpoch is the highest epoch that anybody has asked for.
func (w *world) askedEpoch() (e storage.Epoch) {
	for _, s := range w.ledger.states {
		e = max(e, s.promisedMost)
	}
	return e
}
