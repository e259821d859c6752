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

var histories = flag.Int("crash.histories", 1000, "how many random histories TestRandomHistories runs, from -crash.seed on or from 1")

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

func (h *history) act() error {
	switch n := h.r.IntN(40); {
	case h.open == 0:
		return h.takeOver()
	case n < 20:
		return h.write()
	case n < 25:
		return h.roll()
	case n < 27:
		h.note("heartbeat, committed %d", h.w.tell)
		return h.good("heartbeat", h.w.heartbeat())
	case n < 29:
		return h.takeOver()
	case n < 31:
		return h.acceptOther()
	case n < 33:
		return h.purge()
	case n < 35:
		return h.discard()
	case n < 37:
		return h.upgrade()
	case n < 38:
		h.note("restart")
		h.counts.restarts++
		if err := h.w.restart(); err != nil {
			return h.failed("restart", err)
		}
		return h.takeOver()
	}
	return h.bad()
}

func (h *history) good(what string, err error) error {
	if err == nil {
		return nil
	}
	return h.failed(what, err)
}

func (h *history) write() error {
	last := h.next + storage.TxID(h.r.IntN(5))
	size := []int{1, 20, 150, 600, 3000}[h.r.IntN(5)]
	if h.r.IntN(60) == 0 {
		size = 500_000
	}
	if h.next == h.open { // as a NameNode does: START_LOG_SEGMENT comes alone
		last, size = h.next, 20
	}
	if h.r.IntN(3) == 0 { // some of it, or all, is on other nodes
		h.w.tell = max(h.w.tell, h.next+storage.TxID(h.r.IntN(7))-2)
		for _, s := range h.w.ledger.states {
			h.w.tell = max(h.w.tell, s.committedMost)
		}
	}
	h.note("journal %d-%d of %d bytes, committed %d", h.next, last, size, h.w.tell)
	if err := h.w.write(h.open, h.next, last, size); err != nil {
		return h.failed("journal", err)
	}
	h.next = last + 1
	return nil
}

func (h *history) roll() error {
	if h.next == h.open {
		return nil // a NameNode writes at least the transaction that starts the segment
	}
	h.note("finalizeLogSegment %d-%d", h.open, h.next-1)
	if err := h.w.finalize(h.open, h.next-1); err != nil {
		return h.failed("finalizeLogSegment", err)
	}
	return h.startNext()
}

// acceptOther is a new writer that chose another node's copy, which goes further than this one's.
func (h *history) acceptOther() error {
	first, end := h.open, h.next+storage.TxID(h.r.IntN(4))
	h.open = 0
	h.note("a new writer; acceptRecovery %d-%d of another node", first, end)
	if err := h.w.newEpoch(h.w.epoch + 1); err != nil {
		return h.failed("newEpoch", err)
	}
	if _, err := h.w.prepare(first); err != nil {
		return h.failed("prepareRecovery", err)
	}
	size := 1 + h.r.IntN(40)
	if err := h.w.accept(first, end, h.r.IntN(2) == 0, size); err != nil {
		return h.failed("acceptRecovery", err)
	}
	if h.r.IntN(3) == 0 {
		return h.takeOver()
	}
	h.note("finalizeLogSegment %d-%d", first, end)
	if err := h.w.finalize(first, end); err != nil {
		return h.failed("finalizeLogSegment of what was accepted", err)
	}
	h.next = end + 1
	return h.startNext()
}

func (h *history) purge() error {
	keep := h.open - storage.TxID(h.r.IntN(20))
	h.note("purgeLogs %d", keep)
	return h.good("purgeLogs", h.w.purge(max(keep, 0)))
}

// discard cuts the journal off at the beginning of some segment.
func (h *history) discard() error {
	firsts := h.w.ledger.states[0].firsts()
	from := firsts[len(firsts)-1-h.r.IntN(min(len(firsts), 3))]
	h.note("discardSegments %d", from)
	h.open = 0
	if err := h.w.discard(from); err != nil {
		return h.failed("discardSegments", err)
	}
	return h.takeOver()
}

func (h *history) upgrade() error {
	if h.next == h.open {
		return nil // nothing to finalize yet
	}
	h.note("an upgrade")
	if err := h.w.finalize(h.open, h.next-1); err != nil {
		return h.failed("finalizeLogSegment", err)
	}
	h.open = 0
	if h.w.ledger.states[0].previous != nil {
		if h.r.IntN(2) == 0 {
			h.note("doRollback")
			if err := h.w.rollback(); err != nil {
				return h.failed("doRollback", err)
			}
		} else {
			h.note("doFinalize")
			if err := h.w.finalizeUpgrade(); err != nil {
				return h.failed("doFinalize", err)
			}
		}
		return h.takeOver()
	}
	for _, s := range []step{preUpgrade(), upgrade()} {
		h.note("%s", s.name)
		if err := s.do(h.w); err != nil {
			return h.failed(s.name, err)
		}
		if h.r.IntN(6) == 0 {
			break
		}
	}
	return h.takeOver()
}

// bad is a call that must be refused, and change nothing but what it says.
func (h *history) bad() error {
	h.counts.refused++
	var err error
	switch h.r.IntN(4) {
	case 0:
		h.note("journal of a gap")
		err = h.w.write(h.open, h.next+3, h.next+4, 20)
	case 1:
		h.note("newEpoch that is not new")
		err = h.w.newEpoch(h.w.epoch)
	case 2:
		h.note("finalizeLogSegment of a range that was not written")
		err = h.w.finalize(h.open, h.next+5)
		h.open = 0
	case 3:
		h.note("startLogSegment of a negative txid")
		err = h.w.start(-5)
	}
	if err == nil && h.left != 0 {
		return fmt.Errorf("a bad call was not refused")
	}
	return nil
}
