package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"gojn/storage/vfs"
)

// reserveName is the file beside current/ that holds space for what must be written when the file system is full. Java does
// not know the name and never looks.
const reserveName = "gojn.reserve"

// reservePortion is what is given back to the file system at a time, so that whoever else fills it gets only the rest of
// one. It is enough for a small file with its inode and a block of its directory: XFS takes 32 KiB for inodes at once.
const reservePortion = 64 << 10

// Reserve tells how much space a journal keeps, bytes; the zero value keeps none. A file of both together lies beside
// current/.
type Reserve struct {
	// Promises is for the small files. While less is there no space is taken for edits.
	Promises int64
	// Segment is what may be given to the first block of a new segment too.
	Segment int64
}

// DefaultReserve is for 16 small files after the worst, and before that for the first segment of a new writer, 1 MiB, with
// its epochs and recovery records.
var DefaultReserve = Reserve{Promises: 1 << 20, Segment: 3 << 19}

func (r Reserve) total() int64 { return r.Promises + r.Segment }

// ReserveState is what is left of a Reserve.
type ReserveState struct {
	Path       string
	Want, Left int64 // bytes
	// Missing tells that nobody has made it yet: that comes with the first segment that is started.
	Missing bool
	// Err is why it could not be made whole the last time, nil if it could.
	Err error
}

// Short tells that the reserve should be whole and is not.
func (s ReserveState) Short() bool { return s.Err != nil || !s.Missing && s.Left < s.Want }

// reserve is the reserve of one journal. It belongs to the goroutine that uses the Dir.
type reserve struct {
	fs     vfs.FS
	path   string
	size   Reserve
	locked func() bool // without the lock the file is another process's

	left    int64
	there   bool // the file exists
	known   bool // left and there are what is on disk
	checked bool // left is of blocks that this process wrote or read
	err     error
}

func (r *reserve) state() ReserveState {
	return ReserveState{Path: r.path, Want: r.size.total(), Left: r.left, Missing: !r.there && r.err == nil, Err: r.err}
}

// look takes the file's length from disk. One that changed under our hands is not relied on.
func (r *reserve) look() error {
	info, err := r.fs.Stat(r.path)
	left, there := int64(0), err == nil
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		r.known = false
		return err
	case !info.Mode().IsRegular():
		r.known = false
		return &fs.PathError{Op: "reserve", Path: r.path, Err: errors.New("not a file")}
	default:
		left = info.Size()
	}
	if left != r.left || there != r.there {
		r.checked = false
	}
	r.left, r.there, r.known = left, there, true
	return nil
}

// madeRoom tells whether what failed with err may be done again, from its beginning: it failed for want of space, and a portion
// of the reserve above floor was given back to the file system. Once all is given the answer is false.
//
// The sync behind it makes journaling file systems commit, before which they do not hand blocks out again. The last that is
// given is the file itself, for its inode.
func (r *reserve) madeRoom(err error, floor int64) bool {
	if !vfs.NoSpace(err) || r.size.total() == 0 || !r.locked() {
		return false
	}
	gave, err := r.giveBack(floor)
	if err != nil {
		r.err = err // state tells it; the answer is what failed first
	}
	return gave
}

func (r *reserve) giveBack(floor int64) (bool, error) {
	if !r.known {
		if err := r.look(); err != nil {
			return false, err
		}
	}
	if !r.there || r.left <= floor && floor > 0 {
		return false, nil
	}
	r.known = false
	if r.left > floor {
		err := r.cut(max(r.left-reservePortion, floor))
		if err == nil || floor > 0 {
			return err == nil, err
		}
	}
	err := r.remove()
	return err == nil, err
}

func (r *reserve) remove() error {
	if err := r.fs.Remove(r.path); err != nil {
		return err
	}
	_ = r.fs.SyncDir(path.Dir(r.path)) // for the commit only
	r.left, r.there, r.known = 0, false, true
	r.err = errors.New("all of it was given back")
	return nil
}

// cut shortens the file. A failed sync does not take back that it was cut.
func (r *reserve) cut(to int64) (err error) {
	f, err := r.fs.OpenFile(r.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := f.Truncate(to); err != nil {
		return err
	}
	_ = f.Sync()
	r.left, r.known = to, true
	return nil
}

// keep comes before any space is taken for edits: it brings the reserve up to want, and refuses if there is not even as much
// as promises need. What is taken first cannot be eaten twice. That the file cannot be made for another reason than space
// is no reason not to take edits; state tells it.
func (r *reserve) keep(want int64) error {
	if r.size.total() == 0 {
		return nil
	}
	if r.known && r.checked && r.left >= want {
		return nil
	}
	err := r.look()
	if err == nil && (!r.checked || r.left < want) {
		err = r.fill(want)
	}
	r.err = err
	if vfs.NoSpace(err) && r.left < r.size.Promises {
		return fmt.Errorf("no edits are taken until %d bytes can be kept free for promises in %s, which has %d: %w",
			r.size.Promises, r.path, r.left, err)
	}
	return nil
}

// fill appends to what is good of the file until it has want bytes, durably. After an error it has what it had.
func (r *reserve) fill(want int64) (err error) {
	f, err := r.fs.OpenFile(r.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	r.known = false
	defer func() { err = errors.Join(err, f.Close()) }()
	good := min(r.left, r.size.total())
	if !r.checked {
		if good, err = goodReserve(f, good); err != nil {
			return err
		}
	}
	if good < r.left {
		if err := f.Truncate(good); err != nil {
			return err
		}
		r.left = good
	}
	end := good
	var short error
	for end < want && short == nil {
		part := reserveBytes(end, min(want-end, reservePortion))
		if _, short = f.WriteAt(part, end); short == nil {
			end += int64(len(part))
		}
	}
	if short != nil { // a part of a portion may be there
		if err := f.Truncate(end); err != nil {
			return errors.Join(short, err)
		}
	}
	if err := f.Sync(); err != nil { // nobody knows which blocks are there
		return errors.Join(short, err, f.Truncate(good))
	}
	if err := r.fs.SyncDir(path.Dir(r.path)); err != nil {
		return errors.Join(short, err)
	}
	r.left, r.there, r.known, r.checked = end, true, true, true
	return short
}

// goodReserve tells how much of the first size bytes is what fill writes: a hole, or what somebody else put there, is no
// space that could be given back.
func goodReserve(f vfs.File, size int64) (good int64, err error) {
	part := make([]byte, reservePortion)
	for good < size {
		n, err := f.ReadAt(part[:min(size-good, reservePortion)], good)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if n == 0 || !bytes.Equal(part[:n], reserveBytes(good, int64(n))) {
			return good, nil
		}
		good += int64(n)
	}
	return good, nil
}

// reserveBytes are length bytes of the reserve from offset on. They look like chance (SplitMix64 of the place), so that no file
// system stores them as less than they are.
func reserveBytes(offset, length int64) []byte {
	const word = 8
	part := make([]byte, 0, length+2*word)
	for i := uint64(offset / word); int64(i)*word < offset+length; i++ {
		z := (i + 1) * 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		part = binary.LittleEndian.AppendUint64(part, z^z>>31)
	}
	return part[offset%word:][:length]
}
