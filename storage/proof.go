package storage

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"sync/atomic"

	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// What a segment promises is on the medium, and the page cache is no witness for that: after a sync that the
// disk refused the kernel calls the pages clean, goes on showing them, and the next sync succeeds without writing anything.
// A restarted process does not even know that there was such a sync. So only what this process wrote and synced without any
// error is read through the cache; everything else is read from the medium before anybody is told of it.

// standing is what this process knows of a segment.
type standing int32

const (
	// unproven: found on disk, or a write failed. Sync it, then read it from the medium.
	unproven standing = iota
	// sound: written here, and each sync so far was good; or read from the medium, and the cache shows nothing else, or it is
	// finalized and the medium has all that its name says.
	sound
	// poisoned: a sync failed here, or the cache shows what the medium lacks. It is never synced again: what the medium
	// holds of it is copied, see Renew.
	poisoned
)

// proof is the standing of one file. The goroutine that uses the Dir, or the writer, changes it; any may read it.
type proof struct {
	standing atomic.Int32
	// visible is how much of the file readers may be shown, in bytes from its start: what was told to be written, if this
	// process writes it, all of it once it is sound, and nothing of what is in doubt.
	visible atomic.Int64
}

func newProof(s standing) *proof {
	p := &proof{}
	p.set(s)
	return p
}

func (p *proof) is(s standing) bool { return p != nil && standing(p.standing.Load()) == s }

// set takes note of what a look at the whole file has found.
func (p *proof) set(s standing) {
	if s == sound {
		p.visible.Store(math.MaxInt64)
	} else {
		p.visible.Store(0)
	}
	p.standing.Store(int32(s))
}

// failed takes note of an error while writing or replacing the file. Poison stays, and what was visible.
func (p *proof) failed() {
	if p != nil {
		p.standing.CompareAndSwap(int32(sound), int32(unproven))
	}
}

// replaced takes note that another file, which is being written, may get the name.
func (p *proof) replaced() {
	if p != nil {
		p.visible.Store(0)
		p.failed()
	}
}

// ErrUnproven is wrapped by the error of Scan if the segment is neither one that this process wrote without any error, nor
// could be synced and read from the medium, or if its file is gone. What the page cache shows of it says nothing.
var ErrUnproven = errors.New("the segment could not be read from the medium")

// unprovenError is ErrUnproven with the words of its cause alone: they name operation and file already.
type unprovenError struct{ cause error }

func (e *unprovenError) Error() string   { return e.cause.Error() }
func (e *unprovenError) Unwrap() []error { return []error{ErrUnproven, e.cause} }

// proofOf is nil for a file that this process has not touched yet.
func (d *Dir) proofOf(name string) *proof {
	if p, ok := d.proofs.Load(name); ok {
		return p.(*proof)
	}
	return nil
}

func (d *Dir) prove(name string, s standing) *proof {
	p := newProof(s)
	d.proofs.Store(name, p)
	return p
}

// setFinal takes note of a sound finalized segment. The one before is forgotten: recoveries are about the last one.
func (d *Dir) setFinal(name string) {
	if d.lastFinal != name {
		d.proofs.Delete(d.lastFinal)
	}
	d.lastFinal = name
	d.prove(name, sound)
}

// syncFailed takes note of an error of syncFile.
func (d *Dir) syncFailed(name string, err error) {
	if errors.Is(err, ErrSyncFailed) {
		d.prove(name, poisoned)
	}
}

// visible is how many bytes of a file in progress readers may be shown. It may be called from any goroutine.
func (d *Dir) visible(name string) int64 {
	if p := d.proofOf(name); p != nil {
		return p.visible.Load()
	}
	return 0
}

// Sound tells whether a segment is what the medium holds: this process has written or finalized it without an error so far, or
// Scan has read it from the medium, or Renew has made it. It may be called from any goroutine.
func (d *Dir) Sound(s Segment) bool { return d.proofOf(s.Name).is(sound) }

// Scan reads a segment that nobody is writing, and tells where its transactions end. One that is not Sound is made durable
// first, unless a sync of it failed here, and then read from the medium: also one that was finalized by another process, as
// Java finalizes without a sync, and reads the cache. If that cannot be done the error wraps ErrUnproven, and so it does if one
// that is Sound cannot be read: it is Sound no more. Unless one in progress is Sound afterwards, readers may be shown more than
// was found: see Renew.
func (d *Dir) Scan(s Segment) (editlog.Scan, error) {
	p := d.proofOf(s.Name)
	if p.is(sound) {
		scan, opened, err := d.readCache(s.Name)
		if opened && err != nil || errors.Is(err, fs.ErrNotExist) {
			// Its pages were given up since, and the medium does not have them, or somebody has removed the file. That it could not
			// be opened for want of descriptors says nothing of it.
			p.failed()
			return editlog.Scan{}, &unprovenError{err}
		}
		return scan, err
	}
	if p == nil {
		p = d.prove(s.Name, unproven)
	}
	if p.is(unproven) {
		if err := d.syncFile(d.segmentPath(s.Name)); err != nil {
			d.syncFailed(s.Name, err)
			return editlog.Scan{}, &unprovenError{err}
		}
	}
	scan, agrees, err := d.scanMedium(s.Name)
	if !s.InProgress && errors.Is(err, vfs.ErrNoMedium) {
		// It was synced just now, and all of it is committed: a failed sync in an earlier process is all that stays unknown.
		scan, err = d.scanCache(s.Name)
	}
	switch {
	case err != nil:
		return editlog.Scan{}, &unprovenError{err}
	case !s.InProgress && scan.HasTxns() && scan.End == s.Last:
		d.setFinal(s.Name) // all that its name says, whatever the cache shows beside it
	case !agrees:
		p.set(poisoned)
	case p.is(unproven):
		p.set(sound)
	}
	return scan, nil
}

// Present looks whether the file of a segment is still there, fs.ErrNotExist if not: what is Sound needs no other look before it is
// relied upon.
func (d *Dir) Present(s Segment) error {
	_, err := d.fs.Stat(d.segmentPath(s.Name))
	return err
}

func (d *Dir) scanCache(name string) (editlog.Scan, error) {
	scan, _, err := d.readCache(name)
	return scan, err
}

// readCache is scanCache that tells whether the file could be opened.
func (d *Dir) readCache(name string) (scan editlog.Scan, opened bool, err error) {
	f, err := d.fs.OpenFile(d.segmentPath(name), os.O_RDONLY, 0)
	if err != nil {
		return editlog.Scan{}, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return editlog.Scan{}, true, err
	}
	scan, err = editlog.ScanSegment(f, info.Size())
	return scan, true, err
}

// scanMedium reads a file of current/ from the medium, once; agrees tells that the cache shows nothing else. Frames have
// checksums and are only ever appended, so two scans that say the same have seen the same.
func (d *Dir) scanMedium(name string) (scan editlog.Scan, agrees bool, err error) {
	scan, uncached, err := func() (scan editlog.Scan, uncached bool, err error) {
		m, err := d.fs.OpenMedium(d.segmentPath(name))
		if err != nil {
			return editlog.Scan{}, false, err
		}
		defer func() { err = errors.Join(err, m.Close()) }()
		scan, err = editlog.ScanSegment(m, m.Size())
		return scan, m.Uncached(), err
	}()
	if err != nil || uncached {
		return scan, uncached, err
	}
	cached, err := d.scanCache(name) // mostly from memory
	return scan, err == nil && cached == scan, err
}

// renewedSuffix ends the name of the copy that Renew makes. Purge removes a forgotten one, and so does Java's.
const renewedSuffix = ".renewed"

// Renew makes a segment in progress sound that Scan has just found to end as scan says: it puts a copy of those bytes in its
// place, read from the medium and durable when Renew returns nil. What the cache shows beyond them is gone then. It does
// nothing to a segment that is sound. After an error the segment is as it was, or the copy that may not last.
func (d *Dir) Renew(s Segment, scan editlog.Scan) error {
	if d.Sound(s) {
		return nil
	}
	if err := errors.Join(d.checkLocked(), d.settle()); err != nil {
		return err
	}
	name := d.segmentPath(s.Name)
	tmp := name + renewedSuffix
	if err := d.copyMedium(name, tmp, scan); err != nil {
		_ = d.fs.Remove(tmp) // garbage, and the next attempt truncates it
		return &unprovenError{err}
	}
	rename := func() error { return d.fs.Rename(tmp, name) }
	if err := d.change(rename, func(segs []Segment) []Segment { return segs }); err != nil {
		return err
	}
	d.prove(s.Name, sound)
	return nil
}

// copyMedium writes scan.EndOffset bytes of the medium of from to a file of its own, durably, and looks at them once more.
func (d *Dir) copyMedium(from, to string, scan editlog.Scan) (err error) {
	m, err := d.fs.OpenMedium(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	f, err := d.fs.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := copyTo(f, m, scan.EndOffset); err != nil {
		return err
	}
	copied, err := editlog.ScanSegment(f, scan.EndOffset)
	if err != nil {
		return err
	}
	if !copied.HasTxns() || copied.First != scan.First || copied.End != scan.End || copied.EndOffset != scan.EndOffset {
		return illegalState("Read again, %s ends at txid %s on the medium, not at %s as before", from, endText(copied), endText(scan))
	}
	return f.Sync()
}

func copyTo(f vfs.File, m vfs.Medium, size int64) error {
	buf := make([]byte, min(size, editlog.PreallocateSize))
	for off := int64(0); off < size; {
		part := buf[:min(int64(len(buf)), size-off)]
		if n, err := m.ReadAt(part, off); n < len(part) {
			return err
		}
		if _, err := f.WriteAt(part, off); err != nil {
			return err
		}
		off += int64(len(part))
	}
	return nil
}

func endText(s editlog.Scan) string {
	if !s.HasTxns() {
		return "none"
	}
	return s.End.String()
}
