package jnserver

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/editlog"
)

// Snapshot is a journal as readers see it: consistent in itself, immutable, loaded without waiting for a disk or a writer.
type Snapshot struct {
	Root  string
	State storage.State
	Info  storage.StorageInfo
	// Problem is why a journal that has something on disk is not served; nil if there is no such reason.
	Problem error
	// Suspicion is why a journal that is not formatted may have lost its VERSION.
	Suspicion error
	// Vote tells whether this node takes part in elections and recoveries.
	Vote     storage.Vote
	Promised storage.Epoch
	Writer   storage.Epoch
	// EpochErr is why an epoch file could not be read; the epochs are not valid then.
	EpochErr error
	// Committed is a lower bound of what is committed, if CommittedKnown. CommittedErr: the file is unreadable.
	Committed      storage.TxID
	CommittedKnown bool
	CommittedErr   error
	// Segments are the files of current/, sorted by first transaction.
	Segments []storage.Segment
	// Highest is the last transaction written here that readers may see: synced, or known to be committed. 0 if none.
	Highest storage.TxID
	// HighestIn is the first transaction of the segment that holds Highest; InvalidTxID if none is here any more.
	HighestIn storage.TxID
	// Writing is the first transaction of the open segment, if IsWriting.
	Writing   storage.TxID
	IsWriting bool
	// KeepFrom is the first transaction that writers still need here, as far as this process was told to purge; 0 if never.
	KeepFrom storage.TxID
	// Bad are the segments whose bytes here cannot be trusted.
	Bad []BadSegment
	// LastWrite is when the last batch was written by this process; zero if none was.
	LastWrite time.Time
	// Space is what is known of the space on the disk.
	Space Space
	// generation changes when the directory's content is replaced (storage.Dir.Generation).
	generation uint64
}

// BadSegment is a segment that this node neither finalizes nor offers as a source, and the reason.
type BadSegment struct {
	First  storage.TxID
	Name   string // file name inside current/
	Reason string
	// doubt tells that it is not known what of it is on the disk, and nothing is known to be lost: reading it from the disk
	// may clear it.
	doubt bool
	// shown: readers get it all the same. It is finalized, so all of it is known to be committed; only recoveries wait.
	shown bool
}

// Formatted tells whether the journal can be used (Java JNStorage.isFormatted).
func (s *Snapshot) Formatted() bool { return s.State == storage.Normal }

// CommittedTxID is Committed with Hadoop's sentinel for "unknown".
func (s *Snapshot) CommittedTxID() storage.TxID {
	if !s.CommittedKnown {
		return storage.InvalidTxID
	}
	return s.Committed
}

// bad returns the reason why the segment that starts at first is no source for readers.
func (s *Snapshot) bad(first storage.TxID) (string, bool) {
	for _, b := range s.Bad {
		if b.First == first && !b.shown {
			return b.Reason, true
		}
	}
	return "", false
}

func (s *Snapshot) checkFormatted(jid string) error {
	if s.Formatted() {
		return nil
	}
	text := fmt.Sprintf("Journal %s not formatted ; journal id: %s", storageDirectory(s.Root), jid)
	if s.Problem != nil {
		text += " (" + s.Problem.Error() + ")"
	}
	return &javaerr.Error{Class: javaerr.JournalNotFormatted, Message: text, Cause: s.Problem}
}

// publish makes the journal's present state visible to readers. Called with mu held, after each change.
func (j *Journal) publish() {
	j.tellVote()
	s := &Snapshot{
		Root:           j.dir.Root(),
		State:          j.dir.State(),
		Info:           j.dir.Info(),
		Problem:        j.dir.Problem(),
		Suspicion:      j.dir.Suspicion(),
		Vote:           j.dir.Vote(),
		Promised:       j.fence.promised,
		Writer:         j.fence.writer,
		EpochErr:       j.epochErr,
		Committed:      j.fence.committed,
		CommittedKnown: j.fence.committedKnown,
		CommittedErr:   j.committedErr,
		Segments:       j.dir.Segments(),
		Highest:        j.highest,
		HighestIn:      j.highestIn,
		KeepFrom:       j.keepFrom,
		Bad:            j.badList,
		LastWrite:      j.lastWrite,
		Space:          j.space,
		generation:     j.dir.Generation(),
	}
	if j.open != nil {
		s.Writing, s.IsWriting = j.open.first, true
	}
	j.snapshot.Store(s)
}

// setBad records that the segment at first cannot be trusted, for as long as its file is here. The list is replaced, never
// changed: snapshots share it.
func (j *Journal) setBad(first storage.TxID, reason string) {
	j.addBad(BadSegment{First: first, Reason: reason})
}

// distrust takes note of a segment that could not be synced, or not be read from the disk: what the kernel shows of it proves
// nothing. prove may clear that. So it is with one whose header says that it cannot be read here. Other errors are not taken
// note of.
func (j *Journal) distrust(first storage.TxID, err error) {
	if errors.Is(err, storage.ErrSyncFailed) || errors.Is(err, storage.ErrUnproven) || unknownHeader(err) {
		j.addBad(BadSegment{First: first, Reason: err.Error(), doubt: true, shown: !unknownHeader(err)})
	}
}

// unknownHeader tells that a scan found a header that no NameNode writes: one bit of it may have changed.
func unknownHeader(err error) bool {
	return errors.Is(err, editlog.ErrFeatureFlags) || errors.Is(err, editlog.ErrOldLayout)
}

// addBad keeps the first reason, but for a doubt that became knowledge.
func (j *Journal) addBad(b BadSegment) {
	b.Name = j.dir.FileName(b.First)
	seg, ok, err := j.dir.Find(b.First)
	b.shown = b.shown && ok && err == nil && !seg.InProgress
	list := slices.Clone(j.badList)
	if i := slices.IndexFunc(list, func(o BadSegment) bool { return o.First == b.First }); i < 0 {
		list = append(list, b)
	} else if list[i].doubt && !b.doubt {
		b.Reason += "; before that: " + list[i].Reason
		list[i] = b
	} else {
		return
	}
	j.badList = list
	j.emit(SegmentBad{First: b.First, Reason: b.Reason})
}

// inDoubt tells whether the segment at first is bad only because it is not known what of it is on the disk.
func (j *Journal) inDoubt(first storage.TxID) bool {
	return slices.ContainsFunc(j.badList, func(b BadSegment) bool { return b.First == first && b.doubt })
}

// prove makes of a segment in progress what a scan has found of it on the disk, and then trusts it, if nothing that was
// acknowledged is missing: a finding of damage stays. It is called before the end of a segment is told or decided.
func (j *Journal) prove(seg storage.Segment, scan editlog.Scan) error {
	if !scan.HasTxns() || j.damaged(seg, scan) {
		return nil
	}
	if err := j.dir.Renew(seg, scan); err != nil {
		j.distrust(seg.First, err)
		return err
	}
	j.trust(seg.First, scan.End)
	return nil
}

// trust ends a doubt about the segment at first, which was found on the disk up to end.
func (j *Journal) trust(first, end storage.TxID) {
	if !j.inDoubt(first) {
		return
	}
	j.clearBad(first)
	if end > j.highest { // as after a restart
		j.wrote(first, end)
	}
	j.emit(SegmentTrusted{First: first, End: end})
}

// forgetDoubts drops doubts about finalized segments before the one at first, which was finalized just now: they are about
// what a recovery may be told, and none will ask.
func (j *Journal) forgetDoubts(first storage.TxID) {
	j.badList = slices.DeleteFunc(slices.Clone(j.badList), func(b BadSegment) bool { return b.shown && b.First < first })
}

func (j *Journal) clearBad(first storage.TxID) {
	if _, known := j.badReason(first); !known {
		return
	}
	j.badList = slices.DeleteFunc(slices.Clone(j.badList), func(b BadSegment) bool { return b.First == first })
}

func (j *Journal) badReason(first storage.TxID) (string, bool) {
	for _, b := range j.badList {
		if b.First == first {
			return b.Reason, true
		}
	}
	return "", false
}
