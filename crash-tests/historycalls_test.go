package crashtests

import (
	"fmt"

	"gojn/storage"
)

// The calls of a random history, most of them good ones, as a NameNode makes them.

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
