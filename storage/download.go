package storage

import (
	"errors"
	"io/fs"
	"os"

	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// Download is a segment that acceptRecovery fetches from another node, under a name of its own until the recovery record
// is durable (Journal.syncLog). Its file has DownloadName only once it is whole and durable; until then it is a garbage file
// beside it. Write and Scan touch nothing but that file, so that any one goroutine may do them; the rest belongs to the one that
// uses the Dir.
type Download struct {
	d        *Dir
	first    TxID
	epoch    Epoch
	path     string   // once it is finished
	file     vfs.File // nil once finished or abandoned
	off      int64
	err      error         // the first failed write
	scan     *editlog.Scan // of all that was written; nil if it was not scanned since
	finished bool
}

// partSuffix ends the name of a download that is not finished. Purge removes a forgotten one, and so does Java's.
const partSuffix = ".part"

// CreateDownload begins what Finish makes edits_inprogress_<first>.epoch=<e>. One of an earlier attempt that was finished
// stays until then: a recovery record may rely on it.
func (d *Dir) CreateDownload(first TxID, e Epoch) (*Download, error) {
	if err := d.checkLocked(); err != nil {
		return nil, err
	}
	if err := d.reserve.keep(d.o.Reserve.Promises); err != nil {
		return nil, err
	}
	name := d.segmentPath(DownloadName(first, e))
	f, err := d.data.OpenFile(name+partSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, err
	}
	return &Download{d: d, first: first, epoch: e, path: name, file: f}, nil
}

// Write appends what was received. After an error the download can only be abandoned.
func (w *Download) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.file == nil {
		return 0, fs.ErrClosed
	}
	w.scan = nil
	n, err := w.file.WriteAt(p, w.off)
	w.off += int64(n)
	w.err = err
	return n, err
}

// Scan tells what transactions were received. It must come before Finish, and Promote relies on it.
func (w *Download) Scan() (editlog.Scan, error) {
	if w.file == nil {
		return editlog.Scan{}, fs.ErrClosed
	}
	scan, err := editlog.ScanSegment(w.file, w.off)
	if err != nil {
		return editlog.Scan{}, err
	}
	w.scan = &scan
	return scan, nil
}

// Finish makes the file and its name durable and closes it. The recovery record may be written then, not before. After an
// error the download can only be abandoned.
func (w *Download) Finish() error {
	if w.err != nil {
		return w.err
	}
	if w.file == nil {
		return fs.ErrClosed
	}
	err := w.file.Sync()
	if err == nil {
		err = w.file.Close()
		w.file = nil
	}
	if err == nil {
		err = w.d.fs.Rename(w.path+partSuffix, w.path)
	}
	if err == nil {
		err = w.d.syncCurrent()
	}
	w.err = err
	w.finished = err == nil
	return err
}

// Abandon closes and removes the file. It may follow Finish, but a finished download stays if a recovery record of its
// epoch is there: then the write of the record failed at its last sync, and may count after a crash.
func (w *Download) Abandon() error {
	var err error
	if w.file != nil {
		err = w.file.Close()
		w.file = nil
	}
	w.err = fs.ErrClosed
	if w.finished {
		r, found, paxosErr := w.d.Paxos(w.first)
		if paxosErr != nil || found && r.AcceptedIn == w.epoch {
			return paxosErr
		}
		w.finished = false
		err = errors.Join(err, w.d.removeIfThere(w.path))
	}
	return errors.Join(err, w.d.removeIfThere(w.path+partSuffix))
}

func (d *Dir) removeIfThere(name string) error {
	err := d.fs.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Promote does the last step of acceptRecovery (Journal.completeHalfDoneAcceptRecovery) with a download of this process:
// it renames it over edits_inprogress_<start>. The download must have been scanned and finished, and r be its record, which
// SetPaxos has made durable; the file is not read again. nil means that it is the segment now; if a power cut takes the
// rename back, the next Open repeats it, as the record and the download last. After an error CompleteAccept, at the latest on
// the next Open, tries again with what is there.
func (w *Download) Promote(r PaxosRecord) error {
	d := w.d
	if err := errors.Join(d.checkLocked(), d.settle()); err != nil {
		return err
	}
	switch {
	case w.err != nil:
		return w.err
	case !w.finished || w.scan == nil:
		return illegalState("The download of segment %d is not finished and checked", w.first)
	case r.Start != w.first || r.AcceptedIn != w.epoch || !holds(*w.scan, r):
		return illegalState("The download of segment %d in epoch %d up to txid %d is not what was accepted: %s",
			w.first, w.epoch, w.scan.End, r.text())
	case finalizedAt(d.Segments(), r.Start):
		return illegalState("Segment %d was finalized before its accepted copy could take its place", r.Start)
	}
	if err := d.promote(r, w.path); err != nil {
		return err
	}
	d.prove(InProgressName(r.Start), sound)
	w.finished, w.err = false, fs.ErrClosed
	return nil
}

// CompleteAccept is Promote for a download that was found on disk: an earlier call or process came to write the record r
// and no further. renamed tells whether the download is the segment now. Where Java renames whatever lies there, the file
// is scanned on the medium, and one that does not end at r.End, left by an attempt of Java that was cut off, is not used; and
// a segment that was finalized meanwhile is worth more than the record: then record and download are dropped, while Java
// would be left with two segments at one txid.
func (d *Dir) CompleteAccept(r PaxosRecord) (renamed bool, err error) {
	if err := errors.Join(d.checkLocked(), d.settle()); err != nil {
		return false, err
	}
	tmpName := DownloadName(r.Start, r.AcceptedIn)
	tmp := d.segmentPath(tmpName)
	there, err := exists(d.fs, tmp)
	if err != nil || !there {
		return false, err
	}
	if finalizedAt(d.Segments(), r.Start) {
		if err := d.removeIfThere(tmp); err != nil {
			return false, err
		}
		return false, d.DeletePaxos(r.Start)
	}
	scan, agrees, err := d.scanMedium(tmpName)
	if err != nil || !holds(scan, r) {
		return false, err
	}
	if err := d.promote(r, tmp); err != nil {
		return false, err
	}
	if agrees {
		d.prove(InProgressName(r.Start), sound)
	} else {
		d.prove(InProgressName(r.Start), poisoned)
	}
	return true, nil
}

// holds tells whether a download has what was accepted.
func holds(scan editlog.Scan, r PaxosRecord) bool {
	return scan.HasTxns() && scan.First == r.Start && scan.End == r.End && scan.Tail != editlog.TailDamaged
}

// promote makes the download at tmp the segment in progress at r.Start. While the record is there a crash costs nothing, so
// the rename is synced by whatever changes or decides next.
func (d *Dir) promote(r PaxosRecord, tmp string) error {
	name := InProgressName(r.Start)
	if err := d.setAsideOthers(r.Start, name); err != nil {
		return err
	}
	d.proofOf(name).failed() // until it is known which file has the name
	rename := func() error { return d.fs.Rename(tmp, d.segmentPath(name)) }
	err := d.changeSynced(rename, func(segs []Segment) []Segment {
		return withSegment(segs, Segment{First: r.Start, Last: InvalidTxID, InProgress: true, Name: name})
	})
	d.unsettled = true
	return err
}

// completeAccepts does CompleteAccept for each download in a listing of current/ whose record is there: a crash came
// between the two. Java leaves it to the next prepareRecovery, and shows the old segment until then. Other downloads are
// garbage that purge removes. It does not hinder opening if one fails: whatever asks for that segment's recovery tries
// again and gets the error.
func (d *Dir) completeAccepts(entries []fs.DirEntry) {
	for _, e := range entries {
		first, epoch, ok := ParseDownloadName(e.Name())
		if !ok || e.Name() != DownloadName(first, epoch) {
			continue
		}
		if r, found, err := d.Paxos(first); err == nil && found && r.AcceptedIn == epoch {
			_, _ = d.CompleteAccept(r)
		}
	}
}
