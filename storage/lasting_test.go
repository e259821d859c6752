package storage_test

import (
	"errors"
	"path"
	"syscall"
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

// A promise whose last sync failed, an upgrade half done and abandoned, the promise repeated and acknowledged, a power cut.
func TestPromiseLastsAfterAbandonedUpgrade(t *testing.T) {
	mem := formatted(t).settled()
	d, failing := failingAt(t, mem, "syncdir", "current")
	old, err := d.PromisedEpoch()
	must(t, err)
	*failing = true
	if err := d.SetPromisedEpoch(old + 7); !errors.Is(err, syscall.EIO) {
		t.Fatalf("the promise: %v", err)
	}
	*failing = false
	must(t, d.PreUpgrade())
	must(t, d.SetPromisedEpoch(old+7)) // abandons the upgrade; acknowledged
	left, err := mustOpen(t, mem.CrashClone(nil)).PromisedEpoch()
	must(t, err)
	if left != old+7 {
		t.Errorf("promised %d, a power cut leaves %d", old+7, left)
	}
}

// The same for a recovery record.
func TestRecordLastsAfterAbandonedUpgrade(t *testing.T) {
	mem := formatted(t).settled()
	d, failing := failingAt(t, mem, "syncdir", "paxos")
	*failing = true
	if err := d.SetPaxos(oldRecord); !errors.Is(err, syscall.EIO) {
		t.Fatalf("the record: %v", err)
	}
	*failing = false
	must(t, d.PreUpgrade())
	_, err := d.AbandonUpgrade()
	must(t, err)
	r, ok, err := d.Paxos(oldRecord.Start)
	must(t, err)
	left, leftOK, err := mustOpen(t, mem.CrashClone(nil)).Paxos(oldRecord.Start)
	must(t, err)
	if r != left || ok != leftOK {
		t.Errorf("told %+v %v, a power cut leaves %+v %v", r, ok, left, leftOK)
	}
}

// A torn write has emptied committed-txid, unsynced: Discard does not take "unknown" for durable.
func TestDiscardSyncsAnUnknownCommitted(t *testing.T) {
	mem := formatted(t).settled()
	failing := false
	d := mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
		if failing && op.Kind == "writeat" && path.Base(op.Path) == "committed-txid" {
			return &vfs.Torn{Bytes: 4, Err: syscall.EIO}
		}
		return nil
	}))
	if c, ok, err := d.Committed(); err != nil || !ok {
		t.Fatal(c, ok, err)
	}
	failing = true
	if _, err := d.Discard(7); !errors.Is(err, syscall.EIO) {
		t.Fatalf("discard: %v", err)
	}
	failing = false
	_, err := d.Discard(7)
	must(t, err)
	crashed := mustOpen(t, mem.CrashClone(nil))
	c, ok, err := crashed.Committed()
	must(t, err)
	segs := crashed.Segments()
	if ok && (len(segs) == 0 || segs[len(segs)-1].Last < c) {
		t.Errorf("after a power cut committed is %d, segments %v", c, segs)
	}
}

// doFinalize whose sync of the rename failed is repeated: previous/ is not emptied before its new name lasts.
func TestFinalizeUpgradeRepeated(t *testing.T) {
	mem := formatted(t).settled()
	failing := false
	d := mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
		if failing && op.Kind == "syncdir" && op.Path == rootDir {
			return syscall.EIO
		}
		return nil
	}))
	must(t, d.PreUpgrade())
	info := fixtureInfo
	info.CTime++
	must(t, d.Upgrade(info))
	failing = true
	for range 2 {
		if err := d.FinalizeUpgrade(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("finalize: %v", err)
		}
	}
	for i := range 64 {
		n := uint32(i)
		c := mem.CrashReordered(func() bool { n = n*1103515245 + 12345; return n>>16&3 != 0 })
		if !has(t, c, rootDir+"/previous") {
			continue
		}
		if !has(t, c, rootDir+"/previous/VERSION") {
			d, err := storage.Open(options(c))
			must(t, err)
			_, err = d.CanRollBack(info.LayoutVersion)
			t.Errorf("cut %d: previous/ is back without VERSION; canRollBack: %v; doPreUpgrade: %v", i, err, d.PreUpgrade())
			_ = d.Close()
			break
		}
	}
}

// A rollback whose second rename failed brings current/ back, with a promise in it whose sync had failed.
func TestPromiseLastsAfterFailedRollback(t *testing.T) {
	mem := formatted(t).settled()
	failSync, failRename := false, false
	d := mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
		if failSync && op.Kind == "syncdir" && path.Base(op.Path) == "current" {
			return syscall.EIO
		}
		if failRename && op.Kind == "rename" && path.Base(op.Path) == "previous" {
			return syscall.EIO
		}
		return nil
	}))
	must(t, d.PreUpgrade())
	info := fixtureInfo
	info.CTime++
	must(t, d.Upgrade(info))
	failSync = true
	if err := d.SetPromisedEpoch(12); !errors.Is(err, syscall.EIO) {
		t.Fatalf("the promise: %v", err)
	}
	failSync, failRename = false, true
	if _, err := d.Rollback(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("the rollback: %v", err)
	}
	failRename = false
	must(t, d.SetPromisedEpoch(12))
	left, err := mustOpen(t, mem.CrashClone(nil)).PromisedEpoch()
	must(t, err)
	if left != 12 {
		t.Errorf("promised 12, a power cut leaves %d", left)
	}
}

// A recovery record that cannot be read (EIO of one sector) costs the recovery of its segment, not the journal.
func TestUnreadableRecordStopsOnlyItsRecovery(t *testing.T) {
	mem := formatted(t).settled()
	d0 := mustOpen(t, mem)
	must(t, d0.SetPaxos(oldRecord))
	must(t, d0.Close())
	d := mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
		if op.Kind == "readat" && path.Base(path.Dir(op.Path)) == "paxos" {
			return syscall.EIO
		}
		return nil
	}))
	if _, err := d.PromisedEpoch(); err != nil {
		t.Errorf("the promise: %v", err)
	}
}

// doRollback is cut off by a kill (no fault, no power cut) just before the promise it carried into previous/ is synced. It is
// repeated, and the power goes in the middle: the promise is there.
func TestRollbackRepeatedAfterKill(t *testing.T) {
	mem := formatted(t).settled()
	kill, killed, cut := false, false, []*vfs.Mem(nil)
	fs := vfs.Inject(mem, func(op vfs.Op) error {
		if kill && op.Kind == "syncdir" && path.Base(op.Path) == "previous" {
			killed = true
		}
		if killed && kill {
			return errors.New("killed")
		}
		if killed {
			cut = append(cut, mem.CrashClone(nil))
		}
		return nil
	})
	d := mustOpen(t, fs)
	must(t, d.PreUpgrade())
	info := fixtureInfo
	info.CTime++
	must(t, d.Upgrade(info))
	must(t, d.SetPromisedEpoch(12)) // acknowledged, durable in current/
	kill = true
	if _, err := d.Rollback(); err == nil || !killed {
		t.Fatal("not killed")
	}
	_ = d.Close()
	kill = false
	d = mustOpen(t, fs)
	if e, err := d.PromisedEpoch(); err != nil || e != 12 {
		t.Fatal(e, err)
	}
	_, err := d.Rollback()
	must(t, err)
	for i, left := range cut {
		if e, err := mustOpen(t, left).PromisedEpoch(); err != nil || e != 12 {
			t.Errorf("promised 12, a power cut before operation %d leaves %d %v; there: %v", i, e, err, names(t, left, rootDir))
		}
	}
}

// A Java node promised 12 (never syncs a directory), did doPreUpgrade and was killed. Our start brings the old state back, and
// what it tells lasts.
func TestPromiseLastsAfterJavaKilledInPreUpgrade(t *testing.T) {
	mem := formatted(t).settled()
	cur := rootDir + "/current"
	writeTo(t, mem, cur+"/last-promised-epoch.tmp", []byte("12\n"))
	f, err := mem.OpenFile(cur+"/last-promised-epoch.tmp", 1, 0)
	must(t, err)
	must(t, f.Sync())
	must(t, mem.Rename(cur+"/last-promised-epoch.tmp", cur+"/last-promised-epoch"))
	must(t, mem.Rename(cur, rootDir+"/previous.tmp"))
	must(t, mem.Mkdir(cur, 0o755))
	d := mustOpen(t, mem)
	told, err := d.PromisedEpoch()
	must(t, err)
	left, err := mustOpen(t, mem.CrashClone(nil)).PromisedEpoch()
	must(t, err)
	if told != left {
		t.Errorf("told %d, a power cut leaves %d", told, left)
	}
}

// failingAt opens mem with EIO for one kind of operation on files or directories of one name, while failing says so.
func failingAt(t *testing.T, mem *vfs.Mem, kind, base string) (d *storage.Dir, failing *bool) {
	t.Helper()
	failing = new(bool)
	d = mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
		if *failing && op.Kind == kind && path.Base(op.Path) == base {
			return syscall.EIO
		}
		return nil
	}))
	return d, failing
}
