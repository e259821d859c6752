package crashtests

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

var histories = flag.Int("crash.histories", 5000,
	"how many random histories TestRandomHistories runs, from -crash.seed on or from 1")

// TestRandomHistories runs seeded random histories of RPCs, with restarts, kills and power cuts in the middle of calls.
func TestRandomHistories(t *testing.T) {
	first, count := uint64(1), *histories
	if *crashSeed != 0 {
		first = *crashSeed
	}
	if testing.Short() {
		count = min(count, 100)
	}
	var mu sync.Mutex
	var all historyCounts
	seeds := make([]uint64, count)
	for i := range seeds {
		seeds[i] = first + uint64(i)
	}
	each(seeds, func(seed uint64) {
		if t.Failed() {
			return
		}
		h := newHistory(seed)
		err := h.run()
		mu.Lock()
		defer mu.Unlock()
		all.add(h.counts)
		if err != nil {
			t.Errorf("seed %d: %v\nthe calls:\n%s\nreplay: %s", seed, err, strings.Join(h.trail, "\n"),
				replay(t, fmt.Sprintf("-crash.seed=%d -crash.histories=1", seed)))
		}
	})
	if t.Failed() {
		return
	}
	t.Logf("%d histories from seed %d: %d calls, %d refused, %d restarts, %d kills, %d power cuts, %d disks checked",
		count, first, all.calls, all.refused, all.restarts, all.kills, all.cuts, all.disks)
	if count >= 500 && (all.cuts < count || all.kills < count/4 || all.refused < count || all.refused*2 > all.calls) {
		t.Error("the histories test too little")
	}
}

type historyCounts struct{ calls, refused, restarts, kills, cuts, disks int }

func (c *historyCounts) add(o historyCounts) {
	c.calls += o.calls
	c.refused += o.refused
	c.restarts += o.restarts
	c.kills += o.kills
	c.cuts += o.cuts
	c.disks += o.disks
}

// history is one random history.
type history struct {
	r      *rand.Rand
	mem    *vfs.Mem
	wrap   func(vfs.FS) vfs.FS // around the disk, for the node; nil: none
	w      *world
	left   int // operations until the process dies; negative: it lives
	trail  []string
	counts historyCounts
	// What the writer believes: the segment it writes, 0 if none, and the next transaction.
	open, next storage.TxID
	epoch      storage.Epoch
}

const historyLength = 30

func newHistory(seed uint64) *history {
	return &history{r: rand.New(rand.NewPCG(seed, 3)), left: -1, next: 1}
}

func (h *history) run() error {
	h.mem = vfs.NewMem()
	w, err := newWorld(h.disk())
	if err != nil {
		return err
	}
	h.w = w
	if err := h.w.run([]step{format()}); err != nil {
		return err
	}
	if err := h.takeOver(); err != nil {
		return err
	}
	for range historyLength {
		if err := h.step(); err != nil {
			return err
		}
		if err := h.w.ledger.broken; err != nil {
			return err
		}
	}
	h.counts.disks++
	return h.w.ledger.check(h.mem.CrashClone(func() bool { return h.r.IntN(2) == 0 }))
}

// disk is the file system of one process: it dies at the operation that h.left counts down to.
func (h *history) disk() vfs.FS {
	disk := vfs.FS(h.mem)
	if h.wrap != nil {
		disk = h.wrap(h.mem)
	}
	return vfs.Inject(disk, func(op vfs.Op) error {
		if h.left == 0 {
			return errDead
		}
		if h.left > 0 && changes(op) {
			h.left--
			if h.left == 0 {
				return errDead
			}
		}
		return nil
	})
}

func (h *history) note(format string, args ...any) {
	h.trail = append(h.trail, fmt.Sprintf(format, args...))
}

// takeOver is a new writer: newEpoch, recovery of what is in progress, a new segment.
func (h *history) takeOver() error {
	for _, s := range h.w.ledger.states {
		h.epoch = max(h.epoch, s.promisedMost)
	}
	h.open = 0
	h.note("a new writer of epoch %d", h.epoch+1)
	if err := h.w.newEpoch(h.epoch + 1); err != nil {
		return h.failed("newEpoch", err)
	}
	if err := h.w.recoverAll(); err != nil {
		return h.failed("its recovery", err)
	}
	h.next = h.behind()
	return h.startNext()
}

// behind is the first transaction behind everything.
func (h *history) behind() storage.TxID {
	next := storage.TxID(1)
	for _, s := range h.w.ledger.states {
		for _, seg := range s.segments {
			next = max(next, seg.most+1, seg.first+1)
		}
		next = max(next, s.committedMost+1) // of which purgeLogs may have left nothing here
	}
	return next
}

func (h *history) startNext() error {
	h.note("startLogSegment %d", h.next)
	if err := h.w.start(h.next); err != nil {
		return h.failed("startLogSegment", err)
	}
	h.open = h.next
	return nil
}

// failed is an error of a call that should be good: the process died, or the product is wrong.
func (h *history) failed(what string, err error) error {
	h.open = 0
	if h.left == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// step makes one call, mostly of a writer that does what a NameNode does; a death may be due in the middle of it.
func (h *history) step() error {
	if h.r.IntN(8) == 0 {
		h.left = 1 + h.r.IntN(12)
		h.note("it dies %d operations from now", h.left)
	}
	h.counts.calls++
	err := h.act()
	if h.left != 0 {
		if err != nil {
			return err
		}
		if h.left < 0 {
			return h.w.lookOn()
		}
		return nil
	}
	h.w.ledger.faulted = true
	return h.end(h.r.IntN(3) > 0)
}

// end ends the process, with a power cut or without, and starts it again; the power may go once more meanwhile.
func (h *history) end(power bool) error {
	h.left, h.open = -1, 0
	h.w.fs.die()
	h.counts.kills++
	if power {
		h.counts.kills--
		h.counts.cuts++
		luck := h.r.IntN(3)
		h.mem = h.mem.CrashClone(func() bool { return luck == 2 || luck == 1 && h.r.IntN(2) == 0 })
	}
	h.note("the end, power cut: %t", power)
	h.w.ledger.restarted()
	if h.r.IntN(4) == 0 {
		h.left = 1 + h.r.IntN(6)
		if _, err := openWorld(h.disk(), h.w.ledger.clone()); err != nil && h.left != 0 {
			return fmt.Errorf("open: %w", err)
		}
		h.note("the power goes while it starts again")
		h.left = -1
		h.mem = h.mem.CrashClone(func() bool { return h.r.IntN(2) == 0 })
		h.counts.cuts++
	}
	w, err := openWorld(h.disk(), h.w.ledger)
	if err != nil {
		return err
	}
	h.w = w
	v, err := look(w.j, h.mem)
	if err != nil {
		return err
	}
	h.counts.disks++
	if err := w.ledger.fits(v, false); err != nil {
		return err
	}
	w.ledger.shown(v.Snapshot, v.manifest)
	if !v.Formatted() {
		if err := w.format(); err != nil {
			return err
		}
	}
	return h.takeOver()
}
