package crashtests

import (
	"fmt"
	"slices"

	"gojn/storage"
	"gojn/storage/vfs"
)

// check opens a journal on what a power cut has left, compares it with every promise, and goes on with it: a new writer
// takes over, recovers, writes and finalizes. The error names the promise that was broken. l is unchanged, disk is not.
func (l *ledger) check(disk *vfs.Mem) error {
	if l.broken != nil {
		return l.broken
	}
	return l.afterRestart().checkHere(disk, disk, nil)
}

// afterRestart is the ledger of a process that is started on one of several disks.
func (l *ledger) afterRestart() *ledger {
	after := l.clone()
	after.restarted()
	return after
}

// checkHere is check with the ledger of the new process, which it changes. changed, if not nil, tells whether what is
// durable was changed by opening the journal.
func (l *ledger) checkHere(disk *vfs.Mem, fsys vfs.FS, changed func() bool) error {
	if err := l.begun(disk); err != nil {
		return err
	}
	w, err := openWorld(fsys, l)
	if err != nil {
		return fmt.Errorf("the journal opens: %w", err)
	}
	defer w.fs.die()
	v, err := look(w.j, disk)
	if err != nil {
		return fmt.Errorf("the journal answers: %w", err)
	}
	if err := l.fits(v, false); err != nil {
		return err
	}
	if l.shown(v.Snapshot, v.manifest); l.broken != nil {
		return l.broken
	}
	if changed == nil || changed() { // else the second cut leaves what was just looked at
		if err := l.durable(disk); err != nil {
			return fmt.Errorf("a second power cut, just after the journal was opened again: %w", err)
		}
	}
	return w.goOn(v)
}

// durable compares what a power cut would leave of a disk now, if nothing is lucky, with the promises.
func (l *ledger) durable(disk *vfs.Mem) error {
	left := disk.CrashClone(nil)
	after := l.afterRestart()
	w, err := openWorld(left, after)
	if err != nil {
		return err
	}
	defer w.fs.die()
	v, err := look(w.j, left)
	if err != nil {
		return err
	}
	return after.fits(v, false)
}

// goOn is what a NameNode does that takes over: it recovers what is in progress, then writes a segment of its own.
func (w *world) goOn(v view) error {
	if !v.Formatted() {
		return named("format, which nobody has acknowledged, is repeated", w.format())
	}
	for _, s := range w.ledger.states {
		w.epoch = max(w.epoch, s.promisedMost)
	}
	if err := w.newEpoch(w.epoch + 1); err != nil {
		return named("a new writer is taken", err)
	}
	if err := w.recoverAll(); err != nil {
		return err
	}
	next := w.ledger.free()
	if err := w.start(next); err != nil {
		return named("a new segment is started", err)
	}
	if err := w.write(next, next, next, 10); err != nil {
		return named("a batch is written", err)
	}
	if err := w.write(next, next+1, next+3, 10); err != nil {
		return named("a batch is written", err)
	}
	if err := w.finalize(next, next+3); err != nil {
		return named("a segment is finalized", err)
	}
	return named("the journal agrees once a new writer has written", w.ledger.agree(w.j))
}

// recoverAll recovers each segment that may be in progress, and asks for each whose record was taken away.
func (w *world) recoverAll() error {
	ask := make(map[storage.TxID]bool)
	for _, s := range w.ledger.states {
		for first, seg := range s.segments {
			ask[first] = ask[first] || !seg.final
		}
		for first := range s.records {
			ask[first] = true
		}
	}
	for _, first := range sorted(ask) {
		if !ask[first] {
			continue
		}
		if err := w.recoverOne(first); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) recoverOne(first storage.TxID) error {
	torn, good := w.ledger.tornAt(first)
	answer, err := w.prepare(first)
	switch {
	case w.ledger.broken != nil:
		return w.ledger.broken
	case err != nil && w.ledger.takenAway(first):
		return nil // a record outlived its segment: nobody recovers what was purged
	case err != nil && !torn:
		return named(fmt.Sprintf("prepareRecovery of %s is answered", w.ledger.describe(first)), err)
	case err != nil && good.empty():
		return nil // nothing was acknowledged: another node decides, and this one joins at the next segment
	case err != nil:
		return w.copyTorn(good)
	case answer.Segment == nil && torn && !good.empty(): // not even its first frame is there
		return w.copyTorn(good)
	case answer.Segment == nil || !answer.Segment.InProgress && !answer.HasAccepted:
		return nil
	}
	end := answer.Segment.End
	if err := w.finalize(first, end); err == nil || !torn || good.empty() || w.ledger.broken != nil {
		return named(fmt.Sprintf("segment %d, which prepareRecovery said to end at %d, is finalized", first, end), err)
	}
	return w.copyTorn(good)
}

// copyTorn gets a segment from another node: a torn batch that nobody acknowledged keeps this one out of its recovery,
// or, if the committed txid told the writer so, lets it answer what lies before.
func (w *world) copyTorn(good segment) error {
	good = w.ledger.upToCommitted(good)
	if err := w.acceptBytes(good); err != nil {
		return named(fmt.Sprintf("a copy of the torn segment %d is accepted", good.first), err)
	}
	return named("a copy that was accepted is finalized", w.finalize(good.first, good.most))
}

// tornAt tells whether a batch of the segment at first may have been torn, as it was not acknowledged or is lagging.
// good is what another node would offer then: all that was acknowledged, here or as committed.
func (l *ledger) tornAt(first storage.TxID) (torn bool, good segment) {
	good = segment{first: first, most: first - 1}
	for _, s := range l.states {
		seg, ok := s.segments[first]
		if !ok || seg.final {
			continue
		}
		torn = torn || seg.most > seg.least
		if end := max(seg.least, min(s.committedMost, seg.most)); end > good.most {
			good = seg.upTo(end)
		}
	}
	return torn, good
}

// takenAway tells whether a segment may be gone whose record is still there, as purgeLogs was cut off.
func (l *ledger) takenAway(first storage.TxID) bool {
	return slices.ContainsFunc(l.states, func(s state) bool {
		seg, here := s.segments[first]
		r, recorded := s.records[first]
		return recorded && r.optional && (!here || seg.optional)
	})
}

// acceptBytes offers the transactions of good.
func (w *world) acceptBytes(good segment) error {
	w.peer = append(header(layout), good.frames...)
	c := w.asked(opAccept)
	c.first, c.last, c.inProgress, c.records = good.first, good.most, true, good.frames
	return w.acceptCall(c)
}

func named(promise string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", promise, err)
}
