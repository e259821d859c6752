package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

const (
	reservePath = rootDir + "/gojn.reserve"
	portion     = 64 << 10
)

// smallReserve has no part for segments: what is left of it is for promises.
var smallReserve = storage.Reserve{Promises: 4 * portion}

func withReserve(fsys vfs.FS, r storage.Reserve) storage.Options {
	o := options(fsys)
	o.Reserve = r
	return o
}

func openReserved(t *testing.T, fsys vfs.FS, r storage.Reserve) *storage.Dir {
	t.Helper()
	d, err := storage.Open(withReserve(fsys, r))
	must(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// fill leaves a file system free bytes and inodes.
func fill(mem *vfs.Mem, freeBytes, freeInodes int64) {
	bytes, inodes := mem.Used()
	mem.SetSpace(bytes+freeBytes, inodes+freeInodes, syscall.ENOSPC)
}

const enough = 1 << 30

func empty(mem *vfs.Mem) { mem.SetSpace(0, 0, nil) }

func wantLeft(t *testing.T, what string, d *storage.Dir, left int64, short bool) {
	t.Helper()
	if s := d.Reserve(); s.Left != left || s.Short() != short {
		t.Errorf("%s: the reserve is %+v, want %d bytes, short %t", what, s, left, short)
	}
}

func startSegment(t *testing.T, d *storage.Dir, first storage.TxID) *storage.SegmentWriter {
	t.Helper()
	w, err := d.StartSegment(first, -67)
	must(t, err)
	return w
}

// TestReserveIsMade: with the first segment, of blocks that no compression makes fewer, durably; a later process finds it
// good and writes nothing.
func TestReserveIsMade(t *testing.T) {
	mem := formatted(t).settled()
	d := openReserved(t, mem, storage.DefaultReserve)
	if s := d.Reserve(); !s.Missing || s.Short() || has(t, mem, reservePath) {
		t.Errorf("before the first segment: %+v", s)
	}
	must(t, startSegment(t, d, 10).Abort())
	wantLeft(t, "after it", d, 5<<19, false)
	data := readFrom(t, mem, reservePath)
	if !incompressible([]byte(data)) || int64(len(data)) != 5<<19 {
		t.Errorf("%d bytes that can be compressed", len(data))
	}
	must(t, d.Close())

	left := mem.CrashClone(nil)
	var ops []string
	d = openReserved(t, vfs.Inject(left, func(op vfs.Op) error {
		if strings.HasPrefix(op.Path, reservePath) && strings.Contains("writeat truncate remove", op.Kind) {
			ops = append(ops, op.Kind)
		}
		return nil
	}), storage.DefaultReserve)
	wantLeft(t, "after a power cut", d, 5<<19, false)
	must(t, startSegment(t, d, 11).Abort())
	if len(ops) > 0 || readFrom(t, left, reservePath) != data {
		t.Errorf("it was written again: %v", ops)
	}
}

// TestReserveOfOthers: holes, another content, more than was asked for or a shorter file are made good; a directory of that
// name is told, and edits are taken.
func TestReserveOfOthers(t *testing.T) {
	good := func() string {
		mem := formatted(t).settled()
		must(t, startSegment(t, openReserved(t, mem, smallReserve), 10).Abort())
		return readFrom(t, mem, reservePath)
	}()
	for name, content := range map[string]string{
		"zeros": strings.Repeat("\x00", len(good)), "cut": good[:len(good)-portion-100], "longer": good + "x", "empty": "",
		"a changed byte": good[:portion+5] + "\x00" + good[portion+6:], "cut and changed": "x" + good[1:5],
	} {
		mem := formatted(t).put("gojn.reserve", content).settled()
		d := openReserved(t, mem, smallReserve)
		if short := len(content) < len(good); d.Reserve().Short() != short {
			t.Errorf("%s: %+v", name, d.Reserve())
		}
		must(t, startSegment(t, d, 10).Abort())
		if readFrom(t, mem.CrashClone(nil), reservePath) != good {
			t.Errorf("%s: not made good", name)
		}
		wantLeft(t, name, d, smallReserve.Promises, false)
	}
	mem := formatted(t).mkdir("gojn.reserve").settled()
	d := openReserved(t, mem, smallReserve)
	must(t, startSegment(t, d, 10).Abort())
	if s := d.Reserve(); !s.Short() || s.Err == nil {
		t.Errorf("a directory: %+v", s)
	}
}

// TestReserveThatCannotBeMade: for another reason than space. The journal takes edits, says so, and tries again.
func TestReserveThatCannotBeMade(t *testing.T) {
	for _, kind := range []string{"stat", "open", "writeat", "sync"} {
		broken := true
		mem := formatted(t).settled()
		d := openReserved(t, vfs.Inject(mem, func(op vfs.Op) error {
			if broken && op.Kind == kind && op.Path == reservePath {
				return syscall.EIO
			}
			return nil
		}), smallReserve)
		w := startSegment(t, d, 10)
		must(t, w.Append(edits(10, 11)))
		must(t, w.Abort())
		if s := d.Reserve(); !s.Short() || !errors.Is(s.Err, syscall.EIO) {
			t.Errorf("%s: %+v", kind, s)
		}
		broken = false
		must(t, startSegment(t, d, 12).Abort())
		wantLeft(t, kind+", mended", d, smallReserve.Promises, false)
	}
}

// TestPromisesOnAFullDisk: what is promised is written until the reserve is used up, and edits never take it. Once there is
// space the reserve is whole before a segment is begun.
func TestPromisesOnAFullDisk(t *testing.T) {
	for _, short := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		mem := formatted(t).settled()
		d := openReserved(t, mem, smallReserve)
		must(t, startSegment(t, d, 10).Abort())
		bytes, inodes := mem.Used()
		mem.SetSpace(bytes, inodes+100, short)

		must(t, d.SetPromisedEpoch(6))
		wantLeft(t, "a promise", d, 3*portion, true)
		must(t, d.SetWriterEpoch(6))
		must(t, d.SetPaxos(storage.PaxosRecord{Start: 7, End: 9, InProgress: true, AcceptedIn: 6}))
		wantLeft(t, "more of them", d, 3*portion, true)

		if _, err := d.StartSegment(20, -67); !errors.Is(err, short) || !strings.Contains(err.Error(), "no edits are taken until") {
			t.Errorf("a segment: %v", err)
		}
		if _, err := d.CreateDownload(7, 6); !errors.Is(err, short) {
			t.Errorf("a download: %v", err)
		}
		if err := d.PreUpgrade(); !errors.Is(err, short) {
			t.Errorf("an upgrade: %v", err)
		}
		// Somebody else takes what was given back, each time.
		promises := 0
		for e := storage.Epoch(7); d.SetPromisedEpoch(e) == nil; e++ {
			promises++
			fillUp(t, mem, promises)
		}
		if promises < 3 {
			t.Errorf("only %d more promises", promises)
		}
		wantPromise(t, mem, storage.Epoch(6+promises))

		mem.SetSpace(enough, 100, short)
		w := startSegment(t, d, 20)
		wantLeft(t, "space again", d, smallReserve.Promises, false)
		must(t, w.Append(edits(20, 21)))
		must(t, w.Close())
	}
}

// fillUp puts all free blocks into a file.
func fillUp(t *testing.T, mem *vfs.Mem, n int) {
	t.Helper()
	f, err := mem.OpenFile(fmt.Sprintf("/data/log-%d", n), os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err)
	if _, err := f.WriteAt(make([]byte, 1<<20), 0); !vfs.NoSpace(err) {
		t.Fatalf("not full: %v", err)
	}
	must(t, f.Close())
}

// wantPromise cuts the power and looks.
func wantPromise(t *testing.T, mem *vfs.Mem, e storage.Epoch) {
	t.Helper()
	if v := onDisk(t, "after a power cut", mem.CrashClone(nil), false); v.Promised < e {
		t.Errorf("after a power cut epoch %d is promised, not %d", v.Promised, e)
	}
}

// TestSegmentOnAFullDisk: the first block of a segment may have the part of the reserve that is for it, and no edit has more.
func TestSegmentOnAFullDisk(t *testing.T) {
	mem := formatted(t).settled()
	d := openReserved(t, mem, storage.DefaultReserve)
	must(t, startSegment(t, d, 10).Abort())
	fill(mem, 0, 100)

	must(t, d.SetPromisedEpoch(6))
	must(t, d.SetWriterEpoch(6))
	w := startSegment(t, d, 20)
	wantLeft(t, "the first block", d, 3<<19, true) // 1 MiB for it, the promise within
	must(t, w.Append(edits(20, 29)))
	must(t, w.Sync())
	err := w.Append(make([]byte, 1<<20)) // a second block
	if !vfs.NoSpace(err) {
		t.Errorf("a second block: %v", err)
	}
	must(t, w.Abort())
	if left := d.Reserve().Left; left < storage.DefaultReserve.Promises {
		t.Errorf("%d bytes are left after the edits", left)
	}
	if _, err := d.StartSegment(30, -67); !vfs.NoSpace(err) {
		t.Errorf("a second segment: %v", err)
	}
	must(t, d.SetPromisedEpoch(7))
	wantPromise(t, mem, 7)
	if v := onDisk(t, "after all", mem.CrashClone(nil), false); !strings.HasSuffix(v.Ends, " 29 ") {
		t.Errorf("the edits end at %s", v.Ends)
	}
}

// TestSegmentWaitsForReserve: a promise that was written while a segment was open took from the reserve; before the segment
// grows it is given back, or the segment does not grow.
func TestSegmentWaitsForReserve(t *testing.T) {
	mem := formatted(t).settled()
	d := openReserved(t, mem, smallReserve)
	w := startSegment(t, d, 10)
	fill(mem, 0, 100)
	must(t, d.SetPromisedEpoch(6))
	wantLeft(t, "a promise", d, 3*portion, true)
	fill(mem, portion, 100)
	must(t, w.Append(edits(10, 11))) // into what it has
	if err := w.Append(make([]byte, 1<<20)); !vfs.NoSpace(err) {
		t.Errorf("it grew: %v", err)
	}
	wantLeft(t, "the attempt", d, 4*portion, false)
	must(t, w.Abort())

	w = func() *storage.SegmentWriter { empty(mem); return startSegment(t, d, 20) }()
	fill(mem, 0, 100)
	must(t, d.SetPromisedEpoch(7))
	wantLeft(t, "a second promise", d, 3*portion, true)
	empty(mem)
	must(t, w.Append(make([]byte, 1<<20)))
	wantLeft(t, "it grew", d, smallReserve.Promises, false)
	must(t, w.Abort())
}

// TestPromisesWithoutInodes: the reserve's own inode is for the new file that takes another's place.
func TestPromisesWithoutInodes(t *testing.T) {
	mem := formatted(t).settled()
	d := openReserved(t, mem, smallReserve)
	must(t, startSegment(t, d, 10).Abort())
	fill(mem, enough, 0)
	if _, err := d.CreateDownload(7, 6); !vfs.NoSpace(err) {
		t.Errorf("a download: %v", err)
	}
	wantLeft(t, "a download", d, smallReserve.Promises, false)
	for e := storage.Epoch(6); e < 10; e++ {
		must(t, d.SetPromisedEpoch(e))
		must(t, d.SetWriterEpoch(e))
	}
	must(t, d.SetPaxos(storage.PaxosRecord{Start: 7, End: 9, InProgress: true, AcceptedIn: 9}))
	wantPromise(t, mem, 9)
	if s := d.Reserve(); !s.Short() || s.Left != 0 || has(t, mem, reservePath) {
		t.Errorf("%+v", s)
	}
	if err := d.SetPaxos(storage.PaxosRecord{Start: 10, End: 10, AcceptedIn: 9}); !vfs.NoSpace(err) {
		t.Errorf("one more file: %v", err)
	}
	if _, err := d.StartSegment(20, -67); !vfs.NoSpace(err) {
		t.Errorf("a segment: %v", err)
	}
	empty(mem)
	must(t, startSegment(t, d, 20).Abort())
	wantLeft(t, "inodes again", d, smallReserve.Promises, false)
}

// TestReserveRemovedByHand: who is in need may take it; the next segment needs it again.
func TestReserveRemovedByHand(t *testing.T) {
	mem := formatted(t).settled()
	d := openReserved(t, mem, smallReserve)
	w := startSegment(t, d, 10)
	must(t, mem.Remove(reservePath))
	must(t, w.Append(make([]byte, 2<<20)))
	must(t, w.Abort())
	must(t, startSegment(t, d, 20).Abort())
	wantLeft(t, "the next segment", d, smallReserve.Promises, false)
	if len(readFrom(t, mem, reservePath)) != 4*portion {
		t.Error("it is not there")
	}
}

// TestReserveNeedsTheLock: a Dir that does not hold the lock leaves the file to whoever does.
func TestReserveNeedsTheLock(t *testing.T) {
	mem := formatted(t).settled()
	d := openReserved(t, mem, smallReserve)
	must(t, startSegment(t, d, 10).Abort())
	must(t, d.Close())
	openReserved(t, mem, smallReserve) // the other one
	fill(mem, 0, 0)
	if err := d.SetPromisedEpoch(6); err == nil {
		t.Error("promised without the lock")
	}
	if err := d.Format(fixtureInfo, true); err == nil {
		t.Error("formatted another's directory")
	}
	if got := len(readFrom(t, mem, reservePath)); got != 4*portion {
		t.Errorf("%d bytes are left", got)
	}

	mem = formatted(t).settled()
	must(t, startSegment(t, openReserved(t, mem, smallReserve), 10).Abort())
	must(t, mem.Remove(rootDir+"/in_use.lock")) // as a Java node does when it ends
	fill(mem, enough, 0)
	if _, err := storage.Open(withReserve(mem, smallReserve)); !vfs.NoSpace(err) || !has(t, mem, reservePath) {
		t.Errorf("no inode for the lock: %v", err)
	}
}

func incompressible(data []byte) bool {
	for i := 0; i+portion <= len(data); i += portion {
		if bytes.Contains(data[i+portion:], data[i:i+16]) {
			return false
		}
	}
	return len(data) > 0 && compressed(data) > len(data)
}
