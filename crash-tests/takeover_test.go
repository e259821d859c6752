package crashtests

import (
	"fmt"
	"slices"

	"gojn/storage"
)

// takeOver does what goOn does, with a node whose disk has failed meanwhile and works again: in the same process, and
// where the node takes no part in a recovery it is given the copy of the others.
func (w *world) takeOver() error {
	if s := w.j.Snapshot(); s.EpochErr != nil || s.CommittedErr != nil {
		if _, err := w.j.LastPromisedEpoch(); err != nil { // looks at the disk again
			return named("a small file is read again", err)
		}
	}
	for _, s := range w.ledger.states {
		w.epoch = max(w.epoch, s.promisedMost)
	}
	err := w.newEpoch(w.epoch + 1)
	if s := w.j.Snapshot(); err != nil && !s.Formatted() && s.Problem == nil {
		if err := w.format(); err != nil { // the ledger knows whether it may be unformatted
			return named("format is repeated", err)
		}
		err = w.newEpoch(w.epoch + 1)
	}
	if err != nil {
		return named("a new writer is taken", err)
	}
	ask := make(map[storage.TxID]bool)
	for _, s := range w.ledger.states {
		for first, seg := range s.segments {
			ask[first] = ask[first] || !seg.final
		}
	}
	for _, first := range sorted(ask) {
		if !ask[first] {
			continue
		}
		if err := w.recoverOrReplace(first); err != nil {
			return err
		}
	}
	next := w.ledger.free()
	if err := w.start(next); err != nil {
		return named("a new segment is started", err)
	}
	if err := w.write(next, next, next+2, small); err != nil {
		return named("a batch is written", err)
	}
	if err := w.finalize(next, next+2); err != nil {
		return named("a segment is finalized", err)
	}
	if len(w.j.Snapshot().Bad) > 0 {
		return nil // one of which nothing was acknowledged; it is not offered
	}
	return named("the journal agrees", w.ledger.agree(w.j))
}

// recoverOrReplace finalizes a segment as it is here, or as the others have it if this node abstains.
func (w *world) recoverOrReplace(first storage.TxID) error {
	_, good := w.ledger.tornAt(first)
	answer, err := w.prepare(first)
	switch {
	case w.ledger.broken != nil:
		return w.ledger.broken
	case err == nil && (answer.Segment == nil || !answer.Segment.InProgress):
		return nil
	case err == nil:
		end := answer.Segment.End
		return named(fmt.Sprintf("segment %d, which prepareRecovery said to end at %d, is finalized", first, end),
			w.finalize(first, end))
	case good.empty():
		return nil // nothing was acknowledged: another node decides, and this one joins at the next segment
	}
	good = w.ledger.upToCommitted(good)
	if err := w.acceptBytes(good); err != nil {
		return named(fmt.Sprintf("a copy of segment %d, from which this node abstains, is accepted", first), err)
	}
	return named("a copy that was accepted is finalized", w.finalize(first, good.most))
}

// upToCommitted is a segment with all that the writer said to be committed: others have it.
func (l *ledger) upToCommitted(good segment) segment {
	for _, s := range l.states {
		if end := s.committedMost; end > good.most && good.first <= end {
			good.frames = append(slices.Clip(good.frames), frames(good.most+1, end, small)...)
			good.most = end
		}
	}
	return good
}
