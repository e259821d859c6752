package storage

import (
	"errors"
	"io/fs"
)

// Discard cuts the journal off before start (Java Journal.discardSegments, FileJournalManager.discardSegments): segments
// that begin at or after start are renamed to .trash, and the committed txid becomes start-1, which may be less than it
// was. A finalized segment that contains start and begins before it is an IllegalStateException, and nothing is changed.
// An unformatted journal is refused. aside names the files that were renamed.
//
// Unlike Java it also removes the recovery records and downloads at or after start, as they could bring a segment back.
// What could over-report goes first: a lower committed txid is durable before the first rename.
func (d *Dir) Discard(start TxID) (aside []string, err error) {
	if d.state != Normal {
		return nil, invalidDir(d.CurrentDir(), d.problem)
	}
	if err := errors.Join(d.checkLocked(), d.settle()); err != nil {
		return nil, err
	}
	if _, err := d.dropOvertaken(); err != nil { // what took its place is about to go
		return nil, err
	}
	segs := d.Segments()
	for _, s := range segs {
		if s.First < start && s.Last >= start {
			return nil, illegalState("Cannot discard from txid %d on: %s begins before it and ends behind it",
				start, s.JavaString(d.CurrentDir()))
		}
	}
	d.generation++ // what is on its way here may be of the discarded history
	if err := d.lowerCommitted(start - 1); err != nil {
		return nil, err
	}
	if err := d.discardRecoveries(start); err != nil {
		return nil, err
	}
	d.forgetVanished(func(s Segment) bool { return s.Last >= start }) // also one that only reaches into what is given up
	left := segs
	err = d.change(func() error {
		defer func() { d.publish(left) }() // also after an error: what was moved here has not vanished
		// From the end, so that a crash leaves no hole.
		for i := len(segs) - 1; i >= 0 && segs[i].First >= start; i-- {
			name := d.segmentPath(segs[i].Name)
			if err := d.fs.Rename(name, name+SuffixTrash); err != nil {
				return err
			}
			aside, left = append(aside, segs[i].Name), segs[:i]
		}
		return nil
	}, func(segs []Segment) []Segment { return segs })
	if err != nil {
		return aside, err
	}
	return aside, d.SetCommitted(start - 1)
}

// lowerCommitted makes durable that the committed txid is not above limit. It syncs even if that is so already: an earlier
// attempt may have failed at its sync.
func (d *Dir) lowerCommitted(limit TxID) error {
	committed, known, err := d.Committed()
	if err != nil {
		return err
	}
	if known && committed > limit {
		if err := d.SetCommitted(limit); err != nil {
			return err
		}
	}
	return d.committed.sync()
}

// discardRecoveries removes the records and downloads of recoveries of segments at or after start.
func (d *Dir) discardRecoveries(start TxID) error {
	records, err := d.paxosTxIDs()
	if err != nil {
		return err
	}
	for _, first := range records {
		if first >= start {
			if err := d.DeletePaxos(first); err != nil {
				return err
			}
		}
	}
	if err := d.settlePaxos(); err != nil { // an earlier attempt may have removed some
		return err
	}
	entries, err := d.readCurrent()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if first, _, ok := ParseDownloadName(e.Name()); ok && first >= start {
			if err := d.fs.Remove(d.segmentPath(e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// paxosTxIDs lists the segments that have a recovery record, good or bad.
func (d *Dir) paxosTxIDs() ([]TxID, error) {
	entries, err := d.fs.ReadDir(d.paxosDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, invalidDir(d.paxosDir(), err)
	}
	var txids []TxID
	for _, e := range entries {
		if first, ok := ParsePaxosName(e.Name()); ok && e.Name() == PaxosName(first) && !e.IsDir() {
			txids = append(txids, first)
		}
	}
	return txids, nil
}
