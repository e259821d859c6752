package storage_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/vfs"
)

// in_use.lock is removed; another node opens the directory, promises 7 and ends. The first node does not promise 6 then, and
// knows what is there once it has the lock again.
func TestLostLockIsTakenWithWhatOthersDid(t *testing.T) {
	root := t.TempDir() + "/ns1"
	o := options(vfs.OS())
	o.Root = root
	d, err := storage.Open(o)
	must(t, err)
	must(t, d.Format(fixtureInfo, false))
	must(t, d.SetPromisedEpoch(5))
	must(t, vfs.OS().Remove(root+"/in_use.lock"))
	other, err := storage.Open(o)
	must(t, err)
	must(t, other.SetPromisedEpoch(7))
	must(t, other.SetWriterEpoch(7))
	w, err := other.StartSegment(1, -67)
	must(t, err)
	must(t, w.Append(edits(1, 5)))
	must(t, w.Close())
	must(t, other.Finalize(storage.Segment{First: 1, Last: storage.InvalidTxID, InProgress: true, Name: storage.InProgressName(1)}, 5))
	must(t, other.Close())
	if err := d.SetPromisedEpoch(6); !errors.Is(err, storage.ErrLostLock) {
		t.Errorf("the promise of 6: %v", err)
	}
	d.Mend()
	if e, err := d.PromisedEpoch(); err != nil || e != 7 || len(d.Segments()) != 1 {
		t.Errorf("mended: promised %d, %v, segments %v", e, err, d.Segments())
	}
	if s := readFrom(t, vfs.OS(), root+"/current/last-promised-epoch"); s != "7\n" {
		t.Errorf("the promise of 7 is now %q", s)
	}
}

// Once a lost lock was noticed nothing is changed under the node that has it.
func TestNothingIsChangedAfterTheLockIsLost(t *testing.T) {
	root := t.TempDir() + "/ns1"
	o := options(vfs.OS())
	o.Root = root
	d, err := storage.Open(o)
	must(t, err)
	must(t, d.Format(fixtureInfo, false))
	must(t, d.SetPromisedEpoch(5))
	must(t, d.SetWriterEpoch(5))
	w, err := d.StartSegment(1, -67)
	must(t, err)
	must(t, w.Append(edits(1, 5)))
	must(t, w.Close())
	must(t, vfs.OS().Remove(root+"/in_use.lock"))
	other, err := storage.Open(o)
	must(t, err)
	segment := d.Segments()[0]
	if err := d.SetPromisedEpoch(6); !errors.Is(err, storage.ErrLostLock) {
		t.Fatalf("a promise: %v", err)
	}
	d.Mend()
	wantError(t, d.LostLock(), javaerr.IOException, "Cannot lock storage "+root+". The directory is already locked")
	if err := d.SetPaxos(storage.PaxosRecord{Start: 1, End: 3, InProgress: true, AcceptedIn: 5}); err == nil {
		t.Error("a record was written into the other node's directory")
	}
	if err := d.Finalize(segment, 5); err == nil {
		t.Error("a segment was finalized under the other node")
	}
	if err := d.SetCommitted(4); err == nil {
		t.Error("committed-txid was written")
	}
	if _, err := d.Purge(6, -1); err == nil {
		t.Errorf("the other node's segments were purged; it has %v", other.Segments())
	}
	if err := d.Format(fixtureInfo, true); err == nil {
		t.Errorf("formatted under the other node")
	}
	must(t, other.Close())
}

// The reserve has foreign content, and its sync fails for want of space (delayed allocation): no edits are taken.
func TestReserveThatWasCutIsNotCounted(t *testing.T) {
	mem := formatted(t).put("gojn.reserve", strings.Repeat("\x00", 5<<19)).settled()
	d := openReserved(t, vfs.Inject(mem, func(op vfs.Op) error {
		if op.Kind == "sync" && op.Path == reservePath {
			return syscall.ENOSPC
		}
		return nil
	}), storage.DefaultReserve)
	_, err := d.StartSegment(10, -67)
	if err == nil {
		t.Errorf("edits are taken; on disk %d bytes, told %+v", len(readFrom(t, mem, reservePath)), d.Reserve())
	}
}
