package compat_test

import (
	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// takeOver is what a writer does first: a new epoch, and the recovery of the last segment. What the node tells must
// be what it had acknowledged, and must last from then on. It is false if it was cut.
func (w *nodeWriter) takeOver() bool {
	w.t.Helper()
	answer, ok := w.do("getJournalState", w.id())
	if !ok {
		return false
	}
	promised, _ := answer.Int(1)
	if !w.l.promised.has(promised) {
		w.t.Fatalf("life %d: the node has promised %d, it had promised %+v", w.counts.lives, promised, w.l.promised)
	}
	w.l.promised = span{promised, promised}
	propose := func(epoch int64) wire.Message { return w.id().Bytes(2, killNamespace.Message()).Int(3, epoch) }
	if w.r.IntN(4) == 0 && !w.refused("newEpoch", "<= last promise", propose(promised)) {
		return false
	}
	former := promised
	w.epoch = promised + 1 + w.r.Int64N(2)
	w.l.promised.tried(w.epoch)
	answer, ok = w.do("newEpoch", propose(w.epoch))
	if !ok {
		return false
	}
	w.l.promised.acked(w.epoch)
	w.counts.takeOvers++
	if w.r.IntN(4) == 0 && former > 0 {
		info := wire.RequestInfo(hadoop.JournalID, former, 1<<40, -1)
		if !w.refused("heartbeat", "is less than the last promised epoch", wire.Message{}.Bytes(1, info)) {
			return false
		}
	}
	first, found := answer.Int(1)
	w.dropBegun(first)
	s := w.l.newest()
	if !found && s != nil && s.finalized && s.last() < w.l.purged.most {
		return true // a purge without an answer has removed all that were finalized
	}
	if (s != nil) != found || found && s.first != first {
		w.t.Fatalf("life %d: newEpoch says that the last segment is %d (%v), the ledger %v", w.counts.lives, first, found, s)
	}
	if !found {
		return true
	}
	return w.recover(s)
}

// dropBegun forgets the last segment if it has nothing acknowledged and the node knows nothing of it.
func (w *nodeWriter) dropBegun(last int64) {
	if s := w.l.newest(); s != nil && s.acked == 0 && s.first != last {
		w.l.segments, w.l.dropped = w.l.segments[:len(w.l.segments)-1], s.first
	}
}

// recover asks for the last segment, lets the node accept what is there or another copy of it, and finalizes it.
func (w *nodeWriter) recover(s *segmentLedger) bool {
	w.t.Helper()
	answer, ok := w.do("prepareRecovery", w.info(0).Int(2, s.first))
	if !ok {
		return false
	}
	w.takeTold(s, answer)
	if s.finalized {
		return true
	}
	copied := s.frames
	if w.aim.atCopy() || w.r.IntN(2) == 0 {
		copied = w.otherCopy(s)
		s.other = copied
	}
	state := wire.Message{}.Int(1, s.first).Int(2, s.first+int64(len(copied))-1).Bool(3, true)
	stall := w.aim.method == aimDownload && w.r.IntN(2) == 0
	url := w.source.serve(copied, w.r.IntN(2)*w.r.IntN(2<<20), stall, func() {
		if w.aim.method == aimDownload {
			w.arm()
		}
	})
	s.maybeRecord = w.epoch
	if _, ok := w.do("acceptRecovery", w.info(0).Bytes(2, state).String(3, url)); !ok {
		return false
	}
	w.counts.accepts++
	s.record, s.maybeRecord = w.epoch, 0
	if s.other != nil {
		s.frames, s.acked, s.other = s.other, len(s.other), nil
		w.counts.downloads++
	}
	return w.finalize(s)
}

// takeTold compares the answer to prepareRecovery with the ledger and with the directory.
func (w *nodeWriter) takeTold(s *segmentLedger, answer wire.Fields) {
	w.t.Helper()
	if epoch, _ := answer.Int(3); !w.l.writer.has(epoch) {
		w.t.Errorf("life %d: the last writer's epoch is %d, it was %+v", w.counts.lives, epoch, w.l.writer)
	} else {
		w.l.writer = span{epoch, epoch}
	}
	if txid, _ := answer.Int(4); !w.l.committed.has(txid) {
		w.t.Errorf("life %d: the committed txid is %d, it was %+v", w.counts.lives, txid, w.l.committed)
	} else {
		w.l.committed = span{txid, txid}
	}
	record, _ := answer.Int(2)
	if record != s.record && record != s.maybeRecord || s.finalized && record != 0 {
		w.t.Errorf("life %d: segment %d was accepted in epoch %d, in the ledger in %d or %d", w.counts.lives, s.first,
			record, s.record, s.maybeRecord)
	}
	state := must(wire.Parse([]byte(answer.Text(1))))(w.t)
	first, _ := state.Int(1)
	last, _ := state.Int(2)
	open, _ := state.Int(3)
	disk := w.disk()
	if len(disk) == 0 {
		w.t.Fatalf("life %d: the directory has no segment", w.counts.lives)
	}
	d := disk[len(disk)-1]
	if first != s.first || d.First != first || d.Last != last || d.InProgress != (open == 1) {
		w.t.Fatalf("life %d: told of segment %d up to %d (%d), there is %s up to %d", w.counts.lives, first, last, open,
			d.Name, d.Last)
	}
	if problem := s.problem(d); problem != "" {
		w.t.Fatalf("life %d: %s: %s", w.counts.lives, d.Name, problem)
	}
	replaced := s.other != nil && len(d.Frames) == len(s.other) // a length that it cannot have otherwise
	if s.other != nil && replaced != (record == s.maybeRecord) {
		w.t.Errorf("life %d: segment %d was replaced: %v, and accepted in epoch %d", w.counts.lives, s.first, replaced,
			record)
	}
	s.told(d, record)
}

// otherCopy is what another node may have of a segment: another number of transactions, those that are committed
// the same.
func (w *nodeWriter) otherCopy(s *segmentLedger) [][]byte {
	committed := min(max(w.l.committed.most-s.first+1, 0), int64(len(s.frames)))
	keep := int(committed) + w.r.IntN(len(s.frames)-int(committed)+1)
	copied := append([][]byte{}, s.frames[:keep]...)
	copied = append(copied, w.frames(s.first+int64(keep), w.r.IntN(6))...)
	if len(copied) == 0 || len(copied) == len(s.frames) { // which would be no reason to fetch it
		copied = append(append([][]byte{}, s.frames...), w.frames(s.last()+1, 1+w.r.IntN(6))...)
	}
	return copied
}
