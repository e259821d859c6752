package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"gojn/internal/javaerr"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// Segments that other nodes have finalized and this one missed are fetched into edits.sync/ and then moved into current/
// (Java JournalNodeSyncer, Journal.moveTmpSegmentToCurrent). Nothing of current/ counts before that, so that what a crash
// leaves in edits.sync/ is garbage. It is never used again: a segment does not tell which namespace it is of, and the journal
// may have been formatted since.

// syncDirName lies beside current/; Java uses the same (JNStorage.getOrCreateTemporaryEditsDir).
const syncDirName = "edits.sync"

const (
	// syncRoomShare and syncRoomMost are what downloads leave free of a file system: a twentieth of it, 1 GiB at most, for
	// those edits that only a writer can bring.
	syncRoomShare = 20
	syncRoomMost  = 1 << 30
	// syncRoomStep is after how many bytes a download looks again.
	syncRoomStep = 8 << 20
)

// ErrNoRoomToSync is wrapped by the error of a download that would leave too little space.
var ErrNoRoomToSync = errors.New("too little space is left to fetch segments from other nodes")

// SyncDownload is one finalized segment on its way here. Write and Verify touch nothing but its file, so that any one
// goroutine may do them; everything else belongs to the one that uses the Dir.
type SyncDownload struct {
	Segment
	d          *Dir
	generation uint64
	path       string
	file       vfs.File // nil before the first Write, and once it is verified or ended
	off        int64
	looked     int64 // off, when it was looked for room last
	err        error
	verified   bool
}

// BeginSync begins to fetch the finalized segment first to last. The first one removes what an earlier process has left in
// edits.sync/. It is refused where little space is left (ErrNoRoomToSync), with an IllegalStateException if the journal is
// not formatted, and if that segment is being fetched already (ErrSyncSkipped).
func (d *Dir) BeginSync(first, last TxID) (*SyncDownload, error) {
	if err := d.keepLock(); err != nil {
		return nil, err
	}
	name := FinalizedName(first, last)
	switch {
	case d.state != Normal:
		return nil, illegalState("Journal %s is not formatted", d.o.Root)
	case last < first || first < 0:
		return nil, illegalState("There is no segment %s", name)
	case d.syncing[name] != nil:
		return nil, fmt.Errorf("%w: %s is being fetched already", ErrSyncSkipped, name)
	}
	if err := d.reserve.keep(d.o.Reserve.Promises); err != nil {
		return nil, err
	}
	if err := d.roomToSync(); err != nil {
		return nil, err
	}
	if d.syncing == nil {
		if err := d.fs.RemoveAll(d.path(syncDirName)); err != nil {
			return nil, err
		}
		if err := d.data.Mkdir(d.path(syncDirName), 0o777); err != nil {
			return nil, err
		}
		d.syncing = make(map[string]*SyncDownload)
	}
	w := &SyncDownload{
		Segment: Segment{First: first, Last: last, Name: name},
		d:       d, generation: d.generation, path: d.path(syncDirName) + "/" + name,
	}
	if err := d.removeIfThere(w.path); err != nil {
		return nil, err
	}
	d.syncing[name] = w
	return w, nil
}

// roomToSync may be called from any goroutine.
func (d *Dir) roomToSync() error {
	info, err := d.data.Statfs(d.o.Root)
	if err != nil {
		return err
	}
	if least := min(info.TotalBytes/syncRoomShare, syncRoomMost); info.FreeBytes < least {
		return javaerr.New(javaerr.IOException, "%w: %d bytes are free on the file system of %s, and %d are left to the writer",
			ErrNoRoomToSync, info.FreeBytes, d.o.Root, least)
	}
	return nil
}

// Write appends what was received. After an error the download can only be ended.
func (w *SyncDownload) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.write(p)
	w.err = err
	return n, err
}

func (w *SyncDownload) write(p []byte) (n int, err error) {
	switch {
	case w.verified:
		return 0, fs.ErrClosed
	case w.file == nil: // a file of its own: nobody else's is written to, whatever lies there
		if w.file, err = w.d.data.OpenFile(w.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
			return 0, err
		}
	case w.off-w.looked >= syncRoomStep:
		if err := w.d.roomToSync(); err != nil {
			return 0, err
		}
		w.looked = w.off
	}
	n, err = w.file.WriteAt(p, w.off)
	w.off += int64(n)
	return n, err
}

// ErrNotTheSegment is wrapped by the error of Verify if what was received is not the segment, whole and good.
var ErrNotTheSegment = errors.New("what was received is not the segment")

// Verify reads what was received from front to end, with every checksum, and makes it durable. It must be the segment from
// its first transaction to its last, without damage; what follows the last may be torn, as where a writer died
// (ErrNotTheSegment). After an error the download can only be ended.
func (w *SyncDownload) Verify() error {
	switch {
	case w.err != nil:
		return w.err
	case w.verified:
		return nil
	case w.file == nil:
		return fmt.Errorf("%w %s: it is empty", ErrNotTheSegment, w.Name)
	}
	err := w.check()
	if err == nil {
		err = w.file.Sync()
	}
	if err == nil {
		err = w.file.Close()
		w.file = nil
	}
	w.err, w.verified = err, err == nil
	return err
}

func (w *SyncDownload) check() error {
	scan, err := editlog.ScanSegment(w.file, w.off)
	switch {
	case errors.Is(err, editlog.ErrFeatureFlags), errors.Is(err, editlog.ErrOldLayout):
		return fmt.Errorf("%w %s: %w", ErrNotTheSegment, w.Name, err)
	case err != nil:
		return err
	case !scan.HasTxns():
		return fmt.Errorf("%w %s: it has no transaction: %s", ErrNotTheSegment, w.Name, scan.Reason)
	case scan.Tail == editlog.TailDamaged:
		return fmt.Errorf("%w %s: it is damaged at offset %d, behind txid %d: %s", ErrNotTheSegment, w.Name, scan.BadOffset,
			scan.End, scan.Reason)
	case scan.First != w.First || scan.End != w.Last:
		return fmt.Errorf("%w %s: it holds txids %d to %d", ErrNotTheSegment, w.Name, scan.First, scan.End)
	case scan.Txns != int64(w.Last-w.First)+1:
		return fmt.Errorf("%w %s: it holds %d transactions", ErrNotTheSegment, w.Name, scan.Txns)
	}
	return nil
}

// Size is how many bytes were received.
func (w *SyncDownload) Size() int64 { return w.off }

// EndSync ends a download that will not be promoted, or that was: its file in edits.sync/ is removed, if it is still there.
// The goroutine that writes to it has ended.
func (d *Dir) EndSync(w *SyncDownload) error {
	if d.syncing[w.Name] == w {
		delete(d.syncing, w.Name)
	}
	var err error
	if w.file != nil {
		err = w.file.Close()
		w.file = nil
	}
	w.err = fs.ErrClosed
	if d.checkLocked() != nil {
		return err
	}
	return errors.Join(err, d.removeIfThere(w.path))
}

// ClearSync removes edits.sync/ if nothing is being fetched (Java JournalNodeSyncer.stopSync).
func (d *Dir) ClearSync() error {
	if len(d.syncing) > 0 || d.lock == nil {
		return nil
	}
	d.syncing = nil
	return d.fs.RemoveAll(d.path(syncDirName))
}

// ErrSyncSkipped is wrapped by the answer of PromoteSynced for a segment that does not fit to what is here any more.
var ErrSyncSkipped = errors.New("the segment is not needed here")

// PromoteSynced moves verified downloads into current/, with one sync of the directory for all of them. refused has the same
// length and tells for each why it was not moved, nil if it was: then the segment is durable here. One that overlaps a finalized
// segment, or that begins inside one in progress, is left out (ErrSyncSkipped), and so is one that was begun before the
// directory was replaced. Whether the transactions are committed, and that the segment is not open for writing, is the caller's
// knowledge.
//
// A segment in progress that begins with the same transaction is renamed to .stale behind the sync, and its recovery record
// removed: what it held was decided elsewhere. A crash in between is completed by the next Open. aside names those.
//
// err is why nothing, or not all that refused says, was moved; what was is in Segments then. No download is ended.
func (d *Dir) PromoteSynced(downloads []*SyncDownload) (refused []error, aside []Segment, err error) {
	if err := errors.Join(d.keepLock(), d.settle()); err != nil {
		return nil, nil, err
	}
	if d.state != Normal || d.before != nil {
		return nil, nil, illegalState("Journal %s is not formatted, or in the middle of an upgrade", d.o.Root)
	}
	refused = make([]error, len(downloads))
	added := d.Segments()
	for i, w := range downloads {
		if refused[i] = d.fitsIn(added, w); refused[i] == nil {
			added = withSegment(added, w.Segment)
		}
	}
	move := func() error {
		for i, w := range downloads {
			if refused[i] != nil {
				continue
			}
			if err := d.data.Rename(w.path, d.segmentPath(w.Name)); err != nil {
				return err
			}
		}
		return d.syncCurrent()
	}
	if slices.Contains(refused, nil) {
		// From now on, so that none is shown beside one in progress: what overtakes needs no second look.
		for i, w := range downloads {
			if refused[i] == nil && len(segmentsAt(d.Segments(), w.First)) > 0 {
				d.prove(w.Name, sound)
			}
		}
		if err := d.changeSynced(move, func([]Segment) []Segment { return added }); err != nil {
			return nil, nil, err
		}
	}
	last := lastFinalized(added)
	for i, w := range downloads {
		if refused[i] == nil && w.Segment == last {
			d.setFinal(w.Name)
		}
	}
	if aside, err = d.dropOvertaken(); err != nil {
		d.unsettled = true
		_ = d.settle() // tries again, now or before the next use
	}
	return refused, aside, err
}

// fitsIn tells why a download does not fit between segs; nil if it does.
func (d *Dir) fitsIn(segs []Segment, w *SyncDownload) error {
	switch {
	case w.err != nil:
		return w.err
	case !w.verified:
		return illegalState("The download of %s is not whole and checked", w.Name)
	case w.generation != d.generation:
		return fmt.Errorf("%w: %s was fetched for what was here before", ErrSyncSkipped, w.Name)
	}
	for _, s := range segs {
		switch {
		case s.InProgress && s.First > w.First && s.First <= w.Last:
			return fmt.Errorf("%w: %s has the beginning of %s in it", ErrSyncSkipped, w.Name, s.Name)
		case !s.InProgress && s.First <= w.Last && w.First <= s.Last:
			return fmt.Errorf("%w: %s is here, and %s overlaps it", ErrSyncSkipped, s.Name, w.Name)
		}
	}
	return nil
}

func lastFinalized(segs []Segment) Segment {
	for _, s := range slices.Backward(segs) {
		if !s.InProgress {
			return s
		}
	}
	return Segment{}
}

// dropOvertaken sets segments in progress aside beside which there is a finalized one with the same first transaction, and
// drops their recovery records: a finalized segment is decided, and two at one txid make every later lookup fail. That is how
// Java's syncer, and a crash of ours, leave it. A finalized one that has lost what its name says overtakes nothing. Not
// synced: one that a power cut brings back is set aside again by the next Open. Until it is set aside the index hides it.
func (d *Dir) dropOvertaken() (aside []Segment, err error) {
	if err := d.judgeTwins(); err != nil {
		return nil, err
	}
	for len(d.overtaken) > 0 {
		s := d.overtaken[0]
		if err := d.DeletePaxos(s.First); err != nil { // first, as a segment that is still there is tried again
			return aside, err
		}
		from := d.segmentPath(s.Name)
		rename := func() error {
			if err := d.fs.Rename(from, from+SuffixStale); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil // it was purged
		}
		err := d.changeSynced(rename, func(segs []Segment) []Segment {
			d.overtaken = withoutSegments(d.overtaken, named(s.Name))
			return segs
		})
		if err != nil {
			return aside, err
		}
		d.proofs.Delete(s.Name)
		aside = append(aside, s)
	}
	return aside, nil
}

// judgeTwins looks at finalized segments beside which there is one in progress with the same first transaction, and lets those
// that have all that their names say overtake it.
func (d *Dir) judgeTwins() error {
	segs := d.Segments()
	found := false
	for _, s := range segs {
		if !s.InProgress {
			continue
		}
		for _, final := range segmentsAt(segs, s.First) {
			if final.InProgress {
				continue
			}
			scan, err := d.Scan(final)
			if err != nil {
				return err
			}
			if scan.HasTxns() && scan.End == final.Last {
				d.prove(final.Name, sound)
				found = true
			}
		}
	}
	if found {
		d.publish(segs)
	}
	return nil
}

// hideOvertaken takes those segments in progress out of a list that a sound finalized one has overtaken, and remembers them.
func (d *Dir) hideOvertaken(segs []Segment) []Segment {
	overtaken := func(s Segment) bool {
		return s.InProgress && slices.ContainsFunc(segmentsAt(segs, s.First), func(o Segment) bool {
			return !o.InProgress && d.Sound(o)
		})
	}
	if !slices.ContainsFunc(segs, overtaken) {
		return segs
	}
	for _, s := range segs {
		if overtaken(s) && !slices.ContainsFunc(d.overtaken, named(s.Name)) {
			d.overtaken = append(d.overtaken, s)
		}
	}
	return withoutSegments(segs, overtaken)
}
