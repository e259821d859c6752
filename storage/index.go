package storage

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"gojn/internal/javaerr"
)

// The index is the list of segments in current/, in memory: an immutable slice sorted by (First, Last, Name) behind an
// atomic pointer. One writer replaces it after each change of its own; a change costs one copy of the slice, which is two
// megabytes for 50,000 segments and happens once per roll. Readers may use a slice for as long as they like.

// Segments lists the segments of current/, sorted by first and then last txid; none if the journal is not formatted. The
// slice is never changed afterwards and must not be changed by the caller. It may be called from any goroutine.
func (d *Dir) Segments() []Segment {
	if p := d.segments.Load(); p != nil {
		return *p
	}
	return nil
}

func (d *Dir) publish(segs []Segment) {
	segs = d.hideOvertaken(segs)
	d.segments.Store(&segs)
}

func compareSegments(a, b Segment) int {
	return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last), strings.Compare(a.Name, b.Name))
}

// withSegment is segs with s in its place, as a new slice.
func withSegment(segs []Segment, s Segment) []Segment {
	at, found := slices.BinarySearchFunc(segs, s, compareSegments)
	if found {
		return segs
	}
	out := make([]Segment, len(segs)+1)
	copy(out, segs[:at])
	out[at] = s
	copy(out[at+1:], segs[at:])
	return out
}

// withoutSegments is segs without those that gone names, as a new slice.
func withoutSegments(segs []Segment, gone func(Segment) bool) []Segment {
	out := make([]Segment, 0, len(segs))
	for _, s := range segs {
		if !gone(s) {
			out = append(out, s)
		}
	}
	return out
}

// listSegments reads the segments of current/ from disk.
func (d *Dir) listSegments() ([]Segment, error) {
	entries, err := d.readCurrent()
	return segmentsOf(entries), err
}

// readCurrent fails as Java's FileUtil.listFiles does.
func (d *Dir) readCurrent() ([]fs.DirEntry, error) {
	entries, err := d.fs.ReadDir(d.CurrentDir())
	if err != nil {
		return nil, invalidDir(d.CurrentDir(), err)
	}
	return entries, nil
}

// segmentsOf picks the segments out of a listing (Java FileJournalManager.matchEditLogs, but for directories that have a
// segment's name) and sorts them.
func segmentsOf(entries []fs.DirEntry) []Segment {
	segs := make([]Segment, 0, len(entries))
	for _, e := range entries {
		if s, ok := ParseSegmentName(e.Name()); ok && !e.IsDir() {
			segs = append(segs, s)
		}
	}
	slices.SortFunc(segs, compareSegments)
	return segs
}

// change runs do, which changes entries of current/, and makes the changes durable; update then brings the index up to
// date. After an error nobody knows what was done: the directory is listed again, now or before its next use.
func (d *Dir) change(do func() error, update func([]Segment) []Segment) error {
	return d.changeSynced(func() error {
		if err := do(); err != nil {
			return err
		}
		return d.syncCurrent()
	}, update)
}

// changeSynced is change for a do that makes its changes durable itself, or need not.
func (d *Dir) changeSynced(do func() error, update func([]Segment) []Segment) error {
	if err := d.checkLocked(); err != nil {
		return err
	}
	if err := d.settle(); err != nil {
		return err
	}
	if err := do(); err != nil {
		d.unsettled = true
		_ = d.settle() // err is what the caller must see; settle is tried again before the next use
		return err
	}
	d.publish(update(d.Segments()))
	return nil
}

// Settle makes up for a listing of current/, or a sync of it, that failed or was left for later; every method that needs it
// does so itself. It does nothing if there is nothing to make up for.
func (d *Dir) Settle() error {
	if !d.unsettled {
		return nil
	}
	if err := d.checkLocked(); err != nil {
		return err
	}
	return d.settle()
}

// settle brings the index and the disk together after a change that failed or was not synced: what is visible is made
// durable, then listed. Everything that decides by the index calls it first. What somebody else has removed meanwhile is not
// forgotten with it: see TakeVanished.
func (d *Dir) settle() error {
	if !d.unsettled {
		return nil
	}
	err := d.syncCurrent()
	segs, listErr := d.listSegments()
	if listErr == nil {
		segs, listErr = d.missed(segs)
	}
	if listErr == nil {
		d.publish(segs)
	}
	if err := errors.Join(err, listErr); err != nil {
		return err
	}
	d.unsettled = false
	_, _ = d.dropOvertaken() // what a PromoteSynced that failed may have left
	return nil
}

func (d *Dir) syncCurrent() error { return d.fs.SyncDir(d.CurrentDir()) }

// Find looks a segment up by its first txid. Two with the same one are an IllegalStateException
// (FileJournalManager.getLogFile).
func (d *Dir) Find(first TxID) (Segment, bool, error) {
	if err := d.settle(); err != nil {
		return Segment{}, false, err
	}
	found := segmentsAt(d.Segments(), first)
	switch len(found) {
	case 0:
		return Segment{}, false, nil
	case 1:
		return found[0], true, nil
	}
	texts := make([]string, len(found))
	for i, s := range found {
		texts[i] = s.JavaString(d.CurrentDir())
	}
	return Segment{}, false, illegalState("More than one log segment in %s starting at txid %d: %s",
		d.CurrentDir(), first, strings.Join(texts, ", "))
}

// segmentsAt is the part of a sorted list that begins at first.
func segmentsAt(segs []Segment, first TxID) []Segment {
	from, _ := slices.BinarySearchFunc(segs, first, func(s Segment, t TxID) int { return cmp.Compare(s.First, t) })
	to := from
	for to < len(segs) && segs[to].First == first {
		to++
	}
	return segs[from:to]
}

// finalizedAt tells whether a finalized segment begins at first.
func finalizedAt(segs []Segment, first TxID) bool {
	return slices.ContainsFunc(segmentsAt(segs, first), func(s Segment) bool { return !s.InProgress })
}

// OpenSegment opens a segment for reading. Size and Visible are as of now. If a segment in progress was finalized since s
// was looked up, its finalized file is opened. One in progress that is neither written here nor was read from the medium is
// refused with an IOException: the page cache may show more of it than is on the disk. It may be called from any goroutine,
// at any time; fs.ErrNotExist is wrapped if the segment is gone.
func (d *Dir) OpenSegment(s Segment) (*SegmentReader, error) {
	r, err := d.openSegment(s)
	if err == nil || !s.InProgress {
		return r, err
	}
	// The rename is visible a little before the index tells of it, hence the listing.
	segs, listErr := d.listSegments()
	if listErr != nil {
		return nil, listErr
	}
	for _, other := range segmentsAt(segs, s.First) {
		if !other.InProgress {
			return d.openSegment(other)
		}
	}
	if !slices.ContainsFunc(segs, named(s.Name)) { // set aside
		return nil, &fs.PathError{Op: "open", Path: d.segmentPath(s.Name), Err: fs.ErrNotExist}
	}
	return nil, err
}

func (d *Dir) openSegment(s Segment) (_ *SegmentReader, err error) {
	f, err := d.fs.OpenFile(d.segmentPath(s.Name), 0, 0)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r := &SegmentReader{Segment: s, File: f, Size: info.Size(), Visible: info.Size()}
	if s.InProgress {
		// Asked for after the file was opened: a writer that puts another file under the name hides it first.
		visible := d.visible(s.Name)
		if visible == 0 {
			return nil, javaerr.New(javaerr.IOException, "log segment %s was not read from the disk since the start", s.Name)
		}
		r.Visible = min(r.Size, visible)
	}
	return r, nil
}
