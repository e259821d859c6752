package storage_test

import (
	"errors"
	"maps"
	"strings"
	"syscall"
	"testing"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/vfs"
)

// lostLock is a journal with promise 5 and segment 1-5 in progress, and another node that has opened its directory after
// in_use.lock was removed.
func lostLock(t *testing.T) (root string, d, other *storage.Dir) {
	t.Helper()
	root = t.TempDir() + "/ns1"
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
	other, err = storage.Open(o)
	must(t, err)
	return root, d, other
}

// The other node promises 7, finalizes and ends. The first one does not promise 6 then, and knows what is there once it has
// the lock again.
func TestLostLockIsTakenWithWhatOthersDid(t *testing.T) {
	root, d, other := lostLock(t)
	must(t, other.SetPromisedEpoch(7))
	must(t, other.Finalize(other.Segments()[0], 5))
	must(t, other.Close())
	if err := d.SetPromisedEpoch(6); !errors.Is(err, storage.ErrLostLock) {
		t.Errorf("the promise of 6: %v", err)
	}
	d.Mend()
	if e, err := d.PromisedEpoch(); err != nil || e != 7 || len(d.Segments()) != 1 || d.Segments()[0].InProgress {
		t.Errorf("mended: promised %d, %v, segments %v", e, err, d.Segments())
	}
	if s := readFrom(t, vfs.OS(), root+"/current/last-promised-epoch"); s != "7\n" {
		t.Errorf("the promise of 7 is now %q", s)
	}
}

// Once a lost lock was noticed nothing is changed under the node that has it.
func TestNothingIsChangedAfterTheLockIsLost(t *testing.T) {
	root, d, other := lostLock(t)
	segment := d.Segments()[0]
	before := tree(t, vfs.OS(), root)
	if err := d.SetPromisedEpoch(6); !errors.Is(err, storage.ErrLostLock) {
		t.Fatalf("a promise: %v", err)
	}
	d.Mend()
	wantError(t, d.LostLock(), javaerr.IOException, "Cannot lock storage "+root+". The directory is already locked")
	_, purgeErr := d.Purge(6, -1)
	for call, err := range map[string]error{
		"SetPaxos":     d.SetPaxos(storage.PaxosRecord{Start: 1, End: 3, InProgress: true, AcceptedIn: 5}),
		"Finalize":     d.Finalize(segment, 5),
		"SetCommitted": d.SetCommitted(4),
		"Purge":        purgeErr,
		"Format":       d.Format(fixtureInfo, true),
	} {
		if err == nil {
			t.Errorf("%s: no error", call)
		}
	}
	if after := tree(t, vfs.OS(), root); !maps.Equal(before, after) {
		t.Errorf("the other node's directory was\n%v\nand is\n%v", before, after)
	}
	must(t, other.Close())
}

// Nor is the first half of an upgrade taken back under it, which a new promise does first.
func TestUpgradeIsNotAbandonedAfterTheLockIsLost(t *testing.T) {
	mem := formatted(t).settled()
	d := mustOpen(t, mem)
	must(t, d.PreUpgrade())
	must(t, mem.Remove(rootDir+"/in_use.lock"))
	before := tree(t, mem, rootDir)
	if _, err := d.AbandonUpgrade(); !errors.Is(err, storage.ErrLostLock) {
		t.Errorf("abandoned: %v", err)
	}
	if after := tree(t, mem, rootDir); !maps.Equal(before, after) {
		t.Errorf("the directory was\n%v\nand is\n%v", before, after)
	}
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
