package jnserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"gojn/internal/javaerr"
	"gojn/storage"
)

// Filling gaps from other nodes: what a journal has to do with it. Who asks and fetches, and when, is the business of the
// package syncer; the committed txid, the epochs and everything else that a writer decides are never changed by it.

// ErrNotCommitted is wrapped where a segment is not moved in because it is not known that a quorum has it.
var ErrNotCommitted = errors.New("it is not known to be committed")

// SyncBase is what a look at other nodes' segments is for: the journal as it was when they were asked. After a format or a
// rollback it is of no use, as what they offer may be of another namespace, or of what was rolled back.
type SyncBase struct {
	// Info names the namespace to those who are asked.
	Info       storage.StorageInfo
	generation uint64
}

// SyncBase is to be taken before others are asked. It is a JournalNotFormattedException while the journal is not formatted.
func (j *Journal) SyncBase() (SyncBase, error) {
	s := j.Snapshot()
	return SyncBase{Info: s.Info, generation: s.generation}, s.checkFormatted(j.jid)
}

// PlanSync tells what is missing here of what other nodes offer, from the snapshot. It is a JournalNotFormattedException while
// the journal is not formatted.
func (j *Journal) PlanSync(offers []SyncOffer) (SyncPlan, error) {
	s := j.Snapshot()
	if err := s.checkFormatted(j.jid); err != nil {
		return SyncPlan{}, err
	}
	return planSync(s, offers), nil
}

// DropVanished takes finalized segments out of the log that somebody has removed from the directory, so that they are missing, and
// are fetched; Java's syncer lists the directory in each round. What this process has had, it has acknowledged: until a segment is
// fetched, or its file is there again, this node takes no part in its recovery. The lock is taken only if something changes, and not
// while files that are there again are read: no writer waits for that. The end of ctx leaves the rest of them for later.
func (j *Journal) DropVanished(ctx context.Context) error {
	s := j.Snapshot()
	if s.State != storage.Normal || j.closed.Load() {
		return nil
	}
	missing, there, err := j.dir.Astray(s.Segments)
	if err != nil {
		return err
	}
	var read []storage.Returned
	for _, s := range there {
		if ctx.Err() != nil {
			break
		}
		if r, whole := j.dir.ReadReturned(s); whole {
			read = append(read, r)
		}
	}
	if !missing && len(read) == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.alone(opSync, func() error {
		gone, back, err := j.dir.DropVanished(read)
		j.vanished(gone)
		for _, s := range back {
			j.brought(s.First, s.Last)
		}
		if len(back) > 0 {
			j.emit(SegmentsBack{Segments: back})
		}
		return err
	})
}

// vanished takes note of finalized segments that somebody has removed: all of them was acknowledged here.
func (j *Journal) vanished(gone []storage.Segment) {
	for _, s := range gone {
		j.acked[s.First] = s.Last
		if j.highestIn == s.First {
			j.wrote(storage.InvalidTxID, j.highest)
		}
	}
	if len(gone) > 0 {
		j.emit(SegmentsVanished{Segments: gone})
	}
}

// find is storage.Dir.Find for who relies on the answer: a finalized segment whose file somebody has removed is not here, and has
// vanished like one that DropVanished misses.
func (j *Journal) find(first storage.TxID) (storage.Segment, bool, error) {
	seg, ok, err := j.dir.Find(first)
	if err == nil && ok && !seg.InProgress {
		if err = j.dir.Present(seg); errors.Is(err, fs.ErrNotExist) {
			seg, ok, err = j.findAgain(seg, err)
		}
	}
	j.vanished(j.dir.TakeVanished())
	return seg, ok, err
}

// findAgain takes what was removed out of the log; missed says of what it was missed.
func (j *Journal) findAgain(seg storage.Segment, missed error) (storage.Segment, bool, error) {
	gone, _, err := j.dir.DropVanished(nil)
	if err != nil {
		return seg, false, err
	}
	j.vanished(gone)
	again, ok, err := j.dir.Find(seg.First)
	if ok && again == seg { // nothing is dropped between the halves of an upgrade
		return seg, false, missed
	}
	return again, ok, err
}

// BeginSync begins to fetch a segment; see storage.Dir.BeginSync. base was taken before others were asked who has it; if the
// directory was replaced since, storage.ErrSyncSkipped is the error. EndSync must follow.
func (j *Journal) BeginSync(base SyncBase, r SegmentRange) (*storage.SyncDownload, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var w *storage.SyncDownload
	err := j.alone(opSync, func() (err error) {
		if err := j.checkFormatted(); err != nil {
			return err
		}
		if j.dir.Generation() != base.generation {
			return fmt.Errorf("%w: the journal was formatted, upgraded or rolled back meanwhile", storage.ErrSyncSkipped)
		}
		w, err = j.dir.BeginSync(r.First, r.Last)
		return err
	})
	return w, err
}

// EndSync ends a download; see storage.Dir.EndSync.
func (j *Journal) EndSync(w *storage.SyncDownload) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.dir.EndSync(w)
}

// ClearSync removes the directory of the downloads, if there is none (Java JournalNodeSyncer.stopSync).
func (j *Journal) ClearSync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed.Load() {
		return nil
	}
	return j.dir.ClearSync()
}

// PromoteSynced moves verified downloads in, all with one sync (Java Journal.moveTmpSegmentToCurrent, one by one). told is what
// the other nodes know to be committed, InvalidTxID if nothing; it counts only for a wiped node that knows nothing itself. refused
// tells for each download why it was left out, nil if it is here now, durably: ErrNotCommitted, or storage.ErrSyncSkipped if it
// is not needed any more. err is why none could be moved.
func (j *Journal) PromoteSynced(downloads []*storage.SyncDownload, told storage.TxID) (refused []error, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	err = j.alone(opSync, func() error {
		if err := j.checkUsable(); err != nil {
			return err
		}
		if j.dir.Vote() == (storage.Vote{}) {
			told = storage.InvalidTxID
		}
		committed := knownCommitted(j.fence.committed, j.fence.committedKnown, j.committedErr, told)
		refused = make([]error, len(downloads))
		var fit []*storage.SyncDownload
		var places []int
		for i, w := range downloads {
			if refused[i] = j.mayPromote(w, committed); refused[i] == nil {
				fit, places = append(fit, w), append(places, i)
			}
		}
		if len(fit) == 0 {
			return nil
		}
		later, err := j.promote(fit)
		for n, i := range places {
			if err == nil {
				refused[i] = later[n]
			} else {
				refused[i] = err
			}
		}
		return err
	})
	return refused, err
}

// mayPromote is the rule for one segment, once more under the lock.
func (j *Journal) mayPromote(w *storage.SyncDownload, committed storage.TxID) error {
	switch {
	case w.Last > committed:
		return fmt.Errorf("%s: %w: that is known up to txid %d", w.Name, ErrNotCommitted, committed)
	case w.Last < j.keepFrom:
		return fmt.Errorf("%s: %w: what lies below txid %d was purged", w.Name, storage.ErrSyncSkipped, j.keepFrom)
	case j.open != nil && w.Last >= j.open.first:
		return fmt.Errorf("%s: %w: a writer has segment %d open", w.Name, storage.ErrSyncSkipped, j.open.first)
	}
	return nil
}

func (j *Journal) promote(downloads []*storage.SyncDownload) ([]error, error) {
	refused, aside, err := j.dir.PromoteSynced(downloads)
	for _, s := range aside {
		j.edits.dropFrom(s.First) // what it held was decided elsewhere
		j.emit(SegmentSetAside{Name: s.Name, Suffix: storage.SuffixStale})
	}
	now := j.dir.Segments()
	for i, w := range downloads {
		if !slices.Contains(now, w.Segment) { // also after an error: what is here is here
			continue
		}
		if refused != nil && refused[i] != nil {
			continue
		}
		j.brought(w.First, w.Last)
		if err == nil {
			j.emit(SegmentSynced{First: w.First, Last: w.Last, Bytes: w.Size()})
		}
	}
	if err != nil {
		err = javaerr.New(javaerr.ClassOf(err), "moving segments of other nodes into %s: %w", j.dir.CurrentDir(), err)
	}
	return refused, err
}

// brought forgets what was known of a segment in progress that a finalized one has overtaken.
func (j *Journal) brought(first, last storage.TxID) {
	j.clearBad(first)
	delete(j.acked, first)
	if last >= j.highest || j.highestIn == first {
		j.wrote(first, last)
	}
}
