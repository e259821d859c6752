package storage

import (
	"errors"
	"io/fs"
	"slices"

	"gojn/internal/javaerr"
	"gojn/storage/vfs"
)

// hasVanished are the finalized segments whose files somebody else has removed, as a listing of current/ has shown, and that have
// not been seen since. It may be called from any goroutine.
func (d *Dir) hasVanished() []Segment {
	if v := d.vanished.Load(); v != nil {
		return *v
	}
	return nil
}

// miss takes note of segments that have vanished.
func (d *Dir) miss(gone []Segment) {
	for _, s := range gone {
		d.proofs.Delete(s.Name) // it was of that file
	}
	all := slices.Concat(d.hasVanished(), gone)
	d.vanished.Store(&all)
	d.untold = append(d.untold, gone...)
}

// missed compares a listing that is to become the index with what is there now. It returns the listing without those that had
// vanished earlier, which DropVanished has to judge. It is an IOException, and nothing is missed, if the directory is not the
// one that was opened.
func (d *Dir) missed(listed []Segment) ([]Segment, error) {
	if gone := notIn(d.Segments(), listed); len(gone) > 0 {
		if d.before == nil && d.state == Normal { // else VERSION is elsewhere
			if err := d.checkSameDir(); err != nil {
				return nil, err
			}
		}
		d.miss(gone)
	}
	return d.unjudged(listed, d.Segments()), nil
}

// unjudged is a listing without those that had vanished from index and are there again.
func (d *Dir) unjudged(listed, index []Segment) []Segment {
	away := d.hasVanished()
	return withoutSegments(listed, func(s Segment) bool {
		return slices.Contains(away, s) && !slices.ContainsFunc(index, s.overlaps)
	})
}

// loadSame is load where the segments stay, whatever else is replaced: those that are missing afterwards somebody else has
// removed, and what had vanished before still has.
func (d *Dir) loadSame() error {
	segs, vanished, untold := d.Segments(), d.hasVanished(), d.untold
	if err := d.load(); err != nil {
		return err
	}
	d.vanished.Store(&vanished)
	d.untold = untold
	d.miss(notIn(segs, d.Segments()))
	d.publish(d.unjudged(d.Segments(), segs))
	return nil
}

// forgetVanished forgets those that nobody misses any more.
func (d *Dir) forgetVanished(given func(Segment) bool) {
	left := withoutSegments(d.hasVanished(), given)
	d.vanished.Store(&left)
}

// TakeVanished returns once each finalized segment that left the index because somebody else has removed its file. Any method
// that reads the index may find that out; what this process has had in such a segment, it has acknowledged.
func (d *Dir) TakeVanished() []Segment {
	gone := d.untold
	d.untold = nil
	return gone
}

// Vanished finds the segment at first among those that have vanished and have not been seen since.
func (d *Dir) Vanished(first TxID) (Segment, bool) {
	away := d.hasVanished()
	if i := slices.IndexFunc(away, func(s Segment) bool { return s.First == first }); i >= 0 {
		return away[i], true
	}
	return Segment{}, false
}

// Astray lists current/ and tells what DropVanished is needed for: gone, if a finalized segment of segs, an earlier answer of
// Segments, has no file, and the segments whose files had vanished and are there again. It changes nothing and may be called from
// any goroutine; what was purged, replaced or rolled back since counts as gone too.
func (d *Dir) Astray(segs []Segment) (gone bool, back []Segment, err error) {
	listed, err := d.listSegments()
	if err != nil {
		return false, nil, err
	}
	here := in(listed)
	back = withoutSegments(d.hasVanished(), func(s Segment) bool { return !here(s) })
	return len(notIn(segs, listed)) > 0, back, nil
}

// Returned is the file of a segment that had vanished, there again, durable and whole.
type Returned struct {
	segment Segment
	info    fs.FileInfo // of the file that was read
}

// ReadReturned reads a file that Astray has found from the medium; false if that has not all that its name says: it may be on its
// way still. It takes as long as the disk does, and may be called from any goroutine.
func (d *Dir) ReadReturned(s Segment) (Returned, bool) {
	name := d.segmentPath(s.Name)
	info, err := d.fs.Stat(name)
	if err != nil || d.syncFile(name) != nil {
		return Returned{}, false
	}
	scan, _, err := d.scanMedium(s.Name)
	if errors.Is(err, vfs.ErrNoMedium) { // as in Scan
		scan, err = d.scanCache(s.Name)
	}
	return Returned{s, info}, err == nil && scan.HasTxns() && scan.End == s.Last
}

// unchanged tells whether one of read is of the file that s has now.
func (d *Dir) unchanged(read []Returned, s Segment) bool {
	i := slices.IndexFunc(read, func(r Returned) bool { return r.segment == s })
	if i < 0 {
		return false
	}
	then := read[i].info
	now, err := d.fs.Stat(d.segmentPath(s.Name))
	return err == nil && d.fs.SameFile(then, now) && then.Size() == now.Size() && then.ModTime().Equal(now.ModTime())
}

// DropVanished takes finalized segments out of the index whose files somebody else has removed, and returns them as gone, with
// what TakeVanished would return. Of those that had vanished earlier it takes those in again, as back, that ReadReturned has read
// since; any other file that the listing has and the index lacks is left alone until the next start: what this process has not
// written or moved in, it has not judged. It is an IOException, and nothing is changed, if the directory is not the one that was
// opened: another volume lies over it.
func (d *Dir) DropVanished(read []Returned) (gone, back []Segment, err error) {
	if d.state != Normal || d.before != nil {
		return nil, nil, nil
	}
	if err := errors.Join(d.checkLocked(), d.settle()); err != nil {
		return nil, nil, err
	}
	listed, err := d.listSegments()
	if err != nil {
		return nil, nil, err
	}
	if err := d.checkSameDir(); err != nil {
		return nil, nil, err
	}
	away := d.hasVanished()
	now := notIn(d.Segments(), listed)
	index := withoutSegments(d.Segments(), in(now))
	var missing []Segment
	for _, s := range away {
		switch {
		case slices.Contains(now, s), slices.ContainsFunc(index, s.overlaps): // it was fetched, or written anew
		case d.unchanged(read, s):
			back = append(back, s)
		default:
			missing = append(missing, s)
		}
	}
	if len(back) > 0 {
		if err := d.syncCurrent(); err != nil { // that the name is there does not say that it stays
			return nil, nil, err
		}
	}
	d.vanished.Store(&missing)
	d.miss(now)
	if len(now)+len(back) > 0 {
		index = slices.Concat(index, back)
		slices.SortFunc(index, compareSegments)
		d.publish(index)
	}
	return d.TakeVanished(), back, nil
}

// FileName is the name of the file of the segment at first, or, if there is none, of the one that was there: what DropVanished has
// dropped had been finalized, anything else was in progress.
func (d *Dir) FileName(first TxID) string {
	if seg, ok, err := d.Find(first); ok && err == nil {
		return seg.Name
	}
	if s, ok := d.Vanished(first); ok {
		return s.Name
	}
	return InProgressName(first)
}

// overlaps tells whether a finalized segment shares a transaction with another one. Of one in progress only the beginning is
// known: an old one that a writer has left says nothing of what was finalized behind it.
func (s Segment) overlaps(other Segment) bool {
	return other.First <= s.Last && (s.First <= other.First || !other.InProgress && s.First <= other.Last)
}

// in is the set of the segments of a sorted list.
func in(sorted []Segment) func(Segment) bool {
	return func(s Segment) bool {
		_, found := slices.BinarySearchFunc(sorted, s, compareSegments)
		return found
	}
}

// notIn are the finalized segments of segs that the sorted list lacks.
func notIn(segs, listed []Segment) []Segment {
	return withoutSegments(segs, func(s Segment) bool { return s.InProgress || in(listed)(s) })
}

// checkSameDir looks whether the root and current/ are still this journal's: in_use.lock is the file that was locked, and
// VERSION says what it said. It gives nothing up, unlike keepLock: it is asked by nobody who would write.
func (d *Dir) checkSameDir() error {
	inPlace, err := d.lockInPlace()
	if err != nil {
		return err
	}
	if !inPlace {
		return javaerr.New(javaerr.IOException, "%s of %s was removed or replaced: its segments are not looked at", lockName, d.o.Root)
	}
	info, err := readVersion(d.fs, d.o.Root, d.CurrentDir())
	if err != nil {
		return err
	}
	if info != d.info {
		return javaerr.New(javaerr.IOException, "%s was replaced: VERSION says %v, it was opened with %v", d.CurrentDir(), info, d.info)
	}
	return nil
}
