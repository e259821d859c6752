package storage

import (
	"errors"
	"os"
	"slices"

	"gojn/internal/javaerr"
	"gojn/storage/editlog"
)

// This file changes single segments of current/. Renames are durable when they return; an index that failed changes left
// in doubt is read again from disk.

func (d *Dir) segmentPath(name string) string { return d.CurrentDir() + "/" + name }

// LatestSegment finds the last segment that has transactions (Journal.scanStorageForLatestEdits). From the last segment
// down, finalized ones too, it scans; one in progress without transactions is renamed to .empty, and the next is
// tried. One that begins with damage, good frames after it, is not set aside, nor is a finalized one that has lost what its
// name promises, as Java would, nor are those that begin at one of keep: it is the answer, with a scan that says so. If the
// last one cannot be scanned it is returned with the error.
func (d *Dir) LatestSegment(keep ...TxID) (seg Segment, scan editlog.Scan, ok bool, err error) {
	if err := d.settle(); err != nil {
		return Segment{}, editlog.Scan{}, false, err
	}
	for {
		segs := d.Segments()
		if len(segs) == 0 {
			return Segment{}, editlog.Scan{}, false, nil
		}
		last := segs[len(segs)-1]
		scan, err := d.Scan(last)
		if err != nil {
			return last, editlog.Scan{}, true, err
		}
		if scan.HasTxns() || scan.Tail == editlog.TailDamaged || !last.InProgress || slices.Contains(keep, last.First) {
			return last, scan, true, nil
		}
		// Not synced: an empty one that comes back is set aside again.
		if err := d.SetAside(last, SuffixEmpty); err != nil {
			return Segment{}, editlog.Scan{}, false, err
		}
	}
}

// StartSegment creates edits_inprogress_<first>, or empties the one that is there, and puts it in the index. Whether that
// may be done is the caller's decision. layout is the value for the header. The reserve is made whole before, and it is
// refused if there is no space for what promises need of it; on a full disk the rest of the reserve may go into the segment.
func (d *Dir) StartSegment(first TxID, layout int32) (*SegmentWriter, error) {
	if err := errors.Join(d.keepLock(), d.settle()); err != nil {
		return nil, err
	}
	d.reserve.known = false // somebody may have removed it to make room
	if err := d.reserve.keep(d.o.Reserve.total()); err != nil {
		return nil, err
	}
	name := InProgressName(first)
	if err := d.setAsideOthers(first, name); err != nil {
		return nil, err
	}
	var w *SegmentWriter
	create := func() (err error) {
		d.proofOf(name).replaced()
		for more := true; more; more = d.reserve.madeRoom(err, d.o.Reserve.Promises) {
			w, err = CreateSegment(d.data, d.CurrentDir(), first, layout, d.o.SyncedWrites)
		}
		if err == nil {
			w.room = func() error { return d.reserve.keep(d.o.Reserve.Promises) }
			d.proofs.Store(name, w.proof) // before the index has it
		}
		return err
	}
	err := d.changeSynced(create, func(segs []Segment) []Segment {
		return withSegment(segs, Segment{First: first, Last: InvalidTxID, InProgress: true, Name: name})
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// setAsideOthers moves a segment in progress at first out of the way that has another name than ours: Java takes names
// without the padding too, and two segments at one txid would make every later lookup fail.
func (d *Dir) setAsideOthers(first TxID, name string) error {
	for _, s := range segmentsAt(d.Segments(), first) {
		if s.InProgress && s.Name != name {
			if err := d.SetAside(s, SuffixTrash); err != nil {
				return err
			}
		}
	}
	return nil
}

// Finalize makes a segment in progress, which nobody is writing any more, the finalized segment s.First to last
// (FileJournalManager.finalizeLogSegment). What it holds is durable before the rename: one that is not Sound is scanned
// first. One of which a sync failed is refused until Renew has made it sound. That last is its real end is the caller's
// knowledge.
func (d *Dir) Finalize(s Segment, last TxID) error {
	if err := errors.Join(d.checkLocked(), d.settle()); err != nil {
		return err
	}
	final := Segment{First: s.First, Last: last, Name: FinalizedName(s.First, last)}
	from, to := d.segmentPath(s.Name), d.segmentPath(final.Name)
	taken, err := exists(d.fs, to)
	if err != nil {
		return err
	}
	if taken {
		return illegalState("Can't finalize edits file %s since finalized file already exists", from)
	}
	if !d.Sound(s) { // else this process has synced it when it was closed, or read it from the medium
		if _, err := d.Scan(s); err != nil {
			return err
		}
		if !d.Sound(s) {
			return javaerr.New(javaerr.IOException, "Can't finalize edits file %s: it is not known what of it is on the disk", from)
		}
	}
	rename := func() error {
		if err := d.fs.Rename(from, to); err != nil {
			return &javaerr.Error{Class: javaerr.IllegalState, Message: "Unable to finalize edits file " + from, Cause: err}
		}
		return nil
	}
	err = d.change(rename, func(segs []Segment) []Segment {
		return withSegment(withoutSegments(segs, named(s.Name)), final)
	})
	if err == nil {
		d.proofs.Delete(s.Name)
		d.setFinal(final.Name)
	}
	return err
}

// SetAside renames a segment so that it is one no more: suffix is .empty, .trash, .stale or .corrupt. An older file of
// that name is replaced (EditLogFile.renameSelf).
func (d *Dir) SetAside(s Segment, suffix string) error {
	change := d.change
	if suffix == SuffixEmpty { // one that a power cut brings back is set aside again
		change = d.changeSynced
	}
	from := d.segmentPath(s.Name)
	rename := func() error { return d.fs.Rename(from, from+suffix) }
	err := change(rename, func(segs []Segment) []Segment { return withoutSegments(segs, named(s.Name)) })
	if err == nil {
		d.proofs.Delete(s.Name)
	}
	return err
}

func named(name string) func(Segment) bool { return func(s Segment) bool { return s.Name == name } }

// syncFile makes durable what was written to a file, through whichever handle. If it was the sync that failed, the error
// wraps ErrSyncFailed.
func (d *Dir) syncFile(name string) (err error) {
	f, err := d.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Sync(); err != nil {
		return &syncError{err}
	}
	return nil
}
