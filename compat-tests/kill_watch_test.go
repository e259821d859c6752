package compat_test

import (
	"bytes"
	bigendian "encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

// The recovery record of a segment, and the copy that it speaks of: each shows in a recovery only.
const (
	footprintRecord = `^\d+$`
	footprintCopy   = `\.epoch=`
)

// footprints are the names that appear, change place or vanish in a journal's directory while it does something
// that is done in several steps: a kill that follows one closely comes between two of them. By weight.
var footprints = map[string]int{
	`^\d+\.tmp$`:                 2, // a recovery record
	footprintRecord:              10,
	footprintCopy:                4,
	`^last-promised-epoch\.tmp$`: 2,
	`^last-promised-epoch$`:      2,
	`^last-writer-epoch`:         2,
	`^edits_inprogress_\d+$`:     3,
	`^edits_\d+-\d+$`:            3,
	`\.renewed$`:                 1,
	`^gojn\.reserve`:             1,
}

// recoveryFootprints are those of a takeover.
var recoveryFootprints = map[string]int{
	`^\d+\.tmp$`: 1, footprintRecord: 4, footprintCopy: 3, `^last-promised-epoch`: 2,
	`^edits_inprogress_\d+$`: 1, `^edits_\d+-\d+$`: 2,
}

// newFootprint draws one.
func newFootprint(r *rand.Rand, from map[string]int) *regexp.Regexp {
	return regexp.MustCompile(weighted(r, from))
}

// watch is the kernel's news of the names in a journal's directories.
type watch struct{ file *os.File }

// newWatch begins with what happens from now on.
func newWatch(current string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	w := &watch{file: os.NewFile(uintptr(fd), "inotify")}
	for _, dir := range []string{filepath.Dir(current), current, filepath.Join(current, "paxos")} {
		const names = unix.IN_CREATE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE
		if _, err := unix.InotifyAddWatch(fd, dir, names); err != nil {
			return nil, errors.Join(&os.PathError{Op: "watch", Path: dir, Err: err}, w.file.Close())
		}
	}
	return w, nil
}

// next waits until the nth name that matches; false once the watch is closed.
func (w *watch) next(name *regexp.Regexp, nth int) bool {
	buf := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			return false
		}
		for at := 0; at+unix.SizeofInotifyEvent <= n; {
			length := int(bigendian.NativeEndian.Uint32(buf[at+12:]))
			at += unix.SizeofInotifyEvent
			if name.Match(bytes.TrimRight(buf[at:at+length], "\x00")) {
				if nth--; nth == 0 {
					return true
				}
			}
			at += length
		}
	}
}

// close ends it, and a next that waits.
func (w *watch) close() error { return w.file.Close() }
