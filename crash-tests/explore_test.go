package crashtests

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"gojn/storage/vfs"
)

// report counts what an exploration did.
type report struct {
	Scenarios int
	Points    int // operations before which the power was cut, and ends of steps
	Kills     int // operations before which the process was killed, and the power cut after it was started again
	Disks     int // disks that a power cut left, each checked, most by opening the journal on them; see sameDisks
}

func (r *report) add(o report) {
	r.Scenarios += o.Scenarios
	r.Points += o.Points
	r.Kills += o.Kills
	r.Disks += o.Disks
}

func (r report) String() string {
	return fmt.Sprintf("%d scenarios, %d power cuts, %d kills, %d disks checked", r.Scenarios, r.Points, r.Kills, r.Disks)
}

// explorer cuts the power in scenarios.
type explorer struct {
	wrap        func(vfs.FS) vfs.FS // around the disk, for the node that runs; nil: none
	same        *sameDisks          // checks what a power cut leaves
	stopAtFirst bool
	parts       int  // how many seeded parts of what is not synced are tried at each point, besides none and all
	kills       bool // besides, kill the process at each operation, start it again, and cut the power then
	random      *rand.Rand
	report      report
	errs        []error
}

// run cuts the power in a scenario before each operation that changes something and behind each step. With stopAtFirst
// the first broken promise ends it, else all are joined.
func (e *explorer) run(s scenario) (report, error) {
	e.report.Scenarios++
	e.random = rand.New(rand.NewPCG(1, seedOf(s.name)+*crashSeed))
	e.cuts(s)
	if e.kills {
		e.killAtEach(s)
	}
	return e.report, errors.Join(e.errs...)
}

func (e *explorer) stopped() bool { return e.stopAtFirst && len(e.errs) > 0 }

func (e *explorer) broke(s scenario, where string, err error) {
	e.errs = append(e.errs, fmt.Errorf("%s: %s: %w", s.name, where, err))
}

func seedOf(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return h.Sum64()
}

// changes tells whether an operation changes what is on the disk or in the cache. What an open may have created is seen
// before the next one.
func changes(op vfs.Op) bool {
	return slices.Contains([]string{"writeat", "truncate", "sync", "syncdata", "syncdir", "rename", "remove", "removeall",
		"link", "mkdir", "mkdirall", "chmod"}, op.Kind)
}

// stage is a world in which a scenario's setup was done, with a hook for the operations of its steps.
func (e *explorer) stage(s scenario) (mem *vfs.Mem, w *world, hook *func(vfs.Op) error, err error) {
	mem = vfs.NewMem()
	hook = new(func(vfs.Op) error)
	disk := vfs.FS(mem)
	if e.wrap != nil {
		disk = e.wrap(mem)
	}
	w, err = newWorld(vfs.Inject(disk, func(op vfs.Op) error {
		if *hook != nil && changes(op) {
			return (*hook)(op)
		}
		return nil
	}))
	if err == nil {
		err = w.run(s.setup)
	}
	if err != nil {
		err = fmt.Errorf("setup: %w", err)
	}
	return mem, w, hook, err
}

// cuts runs a scenario once and checks the disks that a power cut would leave at each point of it.
func (e *explorer) cuts(s scenario) {
	mem, w, hook, err := e.stage(s)
	if err != nil {
		e.broke(s, "without any fault", err)
		return
	}
	where := ""
	*hook = func(op vfs.Op) error {
		if !e.stopped() {
			e.cutAt(s, fmt.Sprintf("%s, power cut before operation %d, %s", where, op.N, describe(op)), mem, w)
		}
		return nil
	}
	for i, st := range s.steps {
		where = fmt.Sprintf("step %d, %s", i+1, st.name)
		if err := st.do(w); err != nil {
			e.broke(s, where+" without any fault", err)
			return
		}
		if e.stopped() {
			return
		}
		e.cutAt(s, where+", power cut behind it", mem, w)
	}
}

func describe(op vfs.Op) string {
	text := op.Kind + " " + op.Path
	if op.To != "" {
		text += " to " + op.To
	}
	return text
}

// cutAt checks what a power cut would leave now: nothing of what is not synced, all, and parts.
func (e *explorer) cutAt(s scenario, where string, mem *vfs.Mem, w *world) {
	e.report.Points++
	if err := w.lookOn(); err != nil {
		e.broke(s, where, err)
		return
	}
	luck := []func() bool{nil, func() bool { return true }}
	for lost := 1; lost <= 3; lost++ {
		luck = append(luck, allBut(lost))
	}
	for range e.parts {
		luck = append(luck, func() bool { return e.random.IntN(2) == 0 })
	}
	for i, keep := range luck {
		asked, kept := 0, 0
		clone := mem.CrashClone
		if i%2 == 0 && !s.ordered() {
			clone = mem.CrashReordered
		}
		left := clone(func() bool {
			asked++
			k := keep != nil && keep()
			if k {
				kept++
			}
			return k
		})
		e.report.Disks++
		if err := e.same.check(w.ledger, left); err != nil {
			e.broke(s, fmt.Sprintf("%s, %d of %d unsynced pieces kept", where, kept, asked), err)
			return
		}
		if asked <= i {
			return // every way to choose from so few was tried, or as good as
		}
	}
}

// allBut keeps all but one of the pieces that are not synced, counted from 1, the oldest first, as a missing sync
// leaves it.
func allBut(lost int) func() bool {
	asked := 0
	return func() bool {
		asked++
		return asked != lost
	}
}

// lookOn tells the ledger what readers see.
func (w *world) lookOn() error {
	snapshot := w.j.Snapshot()
	if !snapshot.Formatted() {
		return nil
	}
	m, err := w.j.EditLogManifest(0, true)
	if err != nil {
		return fmt.Errorf("getEditLogManifest: %w", err)
	}
	w.ledger.shown(snapshot, m)
	return w.ledger.broken
}

var errDead = errors.New("the process was killed")

// killAtEach kills the process before each operation of a scenario: what it wrote stays in the cache, unsynced. It is
// started again, and the power is cut before each operation of that start and behind it.
func (e *explorer) killAtEach(s scenario) {
	for n := 1; !e.stopped(); n++ {
		mem, w, hook, err := e.stage(s)
		if err != nil {
			return // cuts has told
		}
		count, dead := 0, false
		*hook = func(vfs.Op) error {
			if count++; count >= n {
				dead = true
				return errDead
			}
			return nil
		}
		err = w.run(s.steps)
		*hook = nil
		if !dead {
			return
		}
		if err == nil {
			w.ledger.faulted = false // what died did not matter, as when leftovers are removed
		}
		e.report.Kills++
		where := fmt.Sprintf("killed before operation %d", n)
		if err := e.startAgain(s, where, mem, w, hook); err != nil {
			e.broke(s, where, err)
		}
	}
}

func (e *explorer) startAgain(s scenario, where string, mem *vfs.Mem, w *world, hook *func(vfs.Op) error) error {
	opening := true
	*hook = func(op vfs.Op) error {
		if opening && !e.stopped() {
			e.cutUnseen(s, fmt.Sprintf("%s, power cut while it starts again, before %s", where, describe(op)), mem, w)
		}
		return nil
	}
	err := w.kill()
	opening = false
	if err != nil || e.stopped() {
		return err
	}
	v, err := look(w.j, mem)
	if err != nil {
		return fmt.Errorf("it answers when it was started again: %w", err)
	}
	if err := w.ledger.fits(v, false); err != nil {
		return err
	}
	w.ledger.shown(v.Snapshot, v.manifest)
	if err := e.same.check(w.ledger, mem.CrashClone(nil)); err != nil {
		return fmt.Errorf("power cut when it was started again: %w", err)
	}
	e.report.Disks++
	if err := w.goOn(v); err != nil {
		return fmt.Errorf("it goes on when it was started again: %w", err)
	}
	if err := e.same.check(w.ledger, mem.CrashClone(nil)); err != nil {
		return fmt.Errorf("power cut after a new writer came: %w", err)
	}
	e.report.Disks++
	return nil
}

// cutUnseen is cutAt while nobody can look at the journal, with fewer disks.
func (e *explorer) cutUnseen(s scenario, where string, mem *vfs.Mem, w *world) {
	e.report.Points++
	for _, keep := range []func() bool{nil, allBut(1), allBut(2)} {
		clone := mem.CrashReordered
		if s.ordered() {
			clone = mem.CrashClone
		}
		left := clone(keep)
		e.report.Disks++
		if err := e.same.check(w.ledger, left); err != nil {
			e.broke(s, where, err)
			return
		}
	}
}
