package jnserver

import (
	"fmt"
	"strings"
	"time"

	"gojn/storage"
	"gojn/storage/vfs"
)

// Space is what a journal knows of the space below its directory: as of its last segment, its last refusal for want of space
// or its opening, since asking a disk that hangs would make health wait for it.
type Space struct {
	// Problem is why the journal takes no edits, or may soon write no promise; nil if neither is so.
	Problem error
	Reserve storage.ReserveState
	// Free is what the file system said at AsOf; AsOf is zero if it never said anything.
	Free vfs.FSInfo
	AsOf time.Time
}

// fullDisk is the last call that was refused for want of space.
type fullDisk struct {
	op  string
	err error
}

// noteSpace takes note of a call's end. A refusal for want of space counts until the same call, or a new segment, or a format
// has found room.
func (j *Journal) noteSpace(op string, err error) {
	begins := op == opStart || op == opFormat
	switch {
	case vfs.NoSpace(err):
		j.full = fullDisk{op, err}
		j.measure()
	case err == nil && (begins || op == j.full.op):
		j.full = fullDisk{}
		j.measure()
	}
	j.tellSpace()
}

// measure asks the file system.
func (j *Journal) measure() {
	if info, err := j.dir.Statfs(); err == nil {
		j.space.Free, j.space.AsOf = info, j.env.Clock.Now()
	}
}

// tellSpace says what has changed.
func (j *Journal) tellSpace() {
	was := j.space.Problem
	j.space.Reserve = j.dir.Reserve()
	j.space.Problem = spaceProblem(j.dir.Root(), j.full, j.space.Reserve, j.space.Free)
	switch now := j.space.Problem; {
	case now != nil && (was == nil || was.Error() != now.Error()):
		j.emit(SpaceShort{Problem: now, Free: j.space.Free, ReserveLeft: j.space.Reserve.Left})
	case now == nil && was != nil:
		j.emit(SpaceBack{Free: j.space.Free})
	}
}

// spaceProblem says what is wrong and what to do. A reserve that was used, or is not made wholly yet, is no problem while there
// is room for it: the next segment makes it whole.
func spaceProblem(root string, full fullDisk, r storage.ReserveState, free vfs.FSInfo) error {
	var wrong []string
	if full.err != nil {
		wrong = append(wrong, fmt.Sprintf("%s was refused: %v", full.op, full.err))
	}
	if r.Err != nil || r.Short() && free.FreeBytes < uint64(r.Want-r.Left) {
		text := fmt.Sprintf("%s has %d of %d bytes", r.Path, r.Left, r.Want)
		if r.Err != nil && (full.err == nil || !vfs.NoSpace(r.Err)) {
			text += ": " + r.Err.Error()
		}
		wrong = append(wrong, text)
	}
	switch {
	case len(wrong) == 0:
		return nil
	case full.err == nil && r.Err != nil && !vfs.NoSpace(r.Err):
		return fmt.Errorf("no space is kept for a full disk: %s. It is tried again with each segment", strings.Join(wrong, "; "))
	}
	return fmt.Errorf("the disk is full: %s. Make room on the file system of %s: the next segment finds it, without a restart",
		strings.Join(wrong, "; "), root)
}
