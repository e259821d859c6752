package storage_test

import (
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/vfs"
)

var upgradedInfo = storage.StorageInfo{LayoutVersion: -99, NamespaceID: 1, ClusterID: "not taken", CTime: 1600000000000}

// TestUpgradeFamily goes through an upgrade and both ways out of it (spec 3.15).
func TestUpgradeFamily(t *testing.T) {
	d := formatted(t).put("current/"+storage.InProgressName(2)+".trash", "trash").put("current/edits.d/x", "").
		put("current/paxos/7", "")
	mem := d.settled()
	dir := mustOpen(t, mem)
	segs := segmentNames(dir)
	old := tree(t, mem, currentDir)

	wantRollBack(t, dir, -67, false, "")
	must(t, dir.PreUpgrade())
	wantTop(t, mem, "current", "in_use.lock", "previous.tmp")
	if dir.State() != storage.Normal || dir.Info() != fixtureInfo {
		t.Errorf("after preupgrade: %v %v", dir.State(), dir.Info())
	}
	// Hard links of all files named edits*, regular files only; no VERSION.
	var links []string
	for name := range old {
		if strings.HasPrefix(name, "edits") && !strings.Contains(name, "/") {
			links = append(links, name)
		}
	}
	wantSet(t, "current/", names(t, mem, currentDir), links)
	a, _ := mem.Stat(currentDir + "/" + segs[0])
	b, _ := mem.Stat(rootDir + "/previous.tmp/" + segs[0])
	if !mem.SameFile(a, b) {
		t.Error("not hard links")
	}
	wantError(t, dir.PreUpgrade(), javaerr.IllegalState,
		"Previous.tmp directory must not exist for preupgrade.Consider restarting for recovery.")
	// In between the old state counts, for a restart too.
	for _, x := range []*storage.Dir{dir, mustOpen(t, mem.CrashClone(nil))} {
		wantPromised(t, x, 5)
		wantCommitted(t, x, 8)
		wantRollBack(t, x, -67, false, "")
		if ctime, err := x.ReadCTime(); err != nil || ctime != fixtureInfo.CTime {
			t.Errorf("cTime %v %v", ctime, err)
		}
	}

	must(t, dir.Upgrade(upgradedInfo))
	wantTop(t, mem, "current", "in_use.lock", "previous")
	want := fixtureInfo
	want.LayoutVersion, want.CTime = -99, 1600000000000
	for _, x := range []*storage.Dir{dir, mustOpen(t, mem.CrashClone(nil))} {
		if x.State() != storage.Normal || x.Info() != want || !slices.Equal(segmentNames(x), segs) {
			t.Errorf("after upgrade: %v %v %v", x.State(), x.Info(), segmentNames(x))
		}
		wantPromised(t, x, 5)
		wantCommitted(t, x, 8)
		if e, err := x.WriterEpoch(); err != nil || e != 4 {
			t.Errorf("writer %v %v", e, err)
		}
	}
	if got := names(t, mem, currentDir+"/paxos"); len(got) != 0 {
		t.Errorf("recovery records were copied: %v", got)
	}
	if ctime, err := dir.ReadCTime(); err != nil || ctime != want.CTime {
		t.Errorf("cTime %v %v", ctime, err)
	}
	wantError(t, dir.Upgrade(upgradedInfo), javaerr.IllegalState, "previous directory must not exist for upgrade.")
	wantError(t, dir.PreUpgrade(), javaerr.IllegalState, "Previous directory must not exist for preupgrade.")
	wantRollBack(t, dir, -67, true, "")
	wantRollBack(t, dir, -66, false, "Cannot rollback to storage version -67 using this version of the NameNode, which uses "+
		"storage version -66. Please use the previous version of HDFS to perform the rollback.")

	upgraded := everything(mem)
	must(t, dir.SetPromisedEpoch(9))
	if ok, err := dir.Rollback(); err != nil || !ok {
		t.Fatalf("rollback %v %v", ok, err)
	}
	wantTop(t, mem, "current", "in_use.lock")
	for _, x := range []*storage.Dir{dir, mustOpen(t, mem.CrashClone(nil))} {
		if x.State() != storage.Normal || x.Info() != fixtureInfo || !slices.Equal(segmentNames(x), segs) {
			t.Errorf("after rollback: %v %v %v", x.State(), x.Info(), segmentNames(x))
		}
		wantPromised(t, x, 9) // a promise does not go back
		wantCommitted(t, x, 8)
	}
	if ok, err := dir.Rollback(); ok || err != nil {
		t.Errorf("second rollback %v %v", ok, err)
	}
	wantError(t, dir.Upgrade(upgradedInfo), javaerr.IllegalState, "previous.tmp directory must exist for upgrade.")

	dir = mustOpen(t, upgraded)
	for range 2 {
		must(t, dir.FinalizeUpgrade())
		wantTop(t, upgraded, "current", "in_use.lock")
	}
	wantRollBack(t, dir, -67, false, "")
	if dir.Info() != want {
		t.Errorf("after finalize: %v", dir.Info())
	}
}

func wantRollBack(t *testing.T, d *storage.Dir, target int32, want bool, words string) {
	t.Helper()
	ok, err := d.CanRollBack(target)
	if words != "" {
		wantError(t, err, javaerr.IOException, words)
		return
	}
	if ok != want || err != nil {
		t.Errorf("can roll back to %d: %v %v, want %v", target, ok, err, want)
	}
}

// TestUpgradeWritesUnknownValues: Java always writes the three files, missing ones as 0 and -12345 [R].
func TestUpgradeWritesUnknownValues(t *testing.T) {
	mem := newDisk(t).served("3.4.2").remove("current/last-promised-epoch").remove("current/last-writer-epoch").
		put("current/committed-txid", "").settled()
	d := mustOpen(t, mem)
	must(t, d.PreUpgrade())
	must(t, d.Upgrade(upgradedInfo))
	for name, want := range map[string]string{
		"last-promised-epoch": "0\n", "last-writer-epoch": "0\n", "committed-txid": "\xff\xff\xff\xff\xff\xff\xcf\xc7",
	} {
		if got := readFrom(t, mem, currentDir+"/"+name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	wantCommitted(t, d, storage.InvalidTxID)
}

// TestEpochsBeforeVersion: from the moment on in which VERSION makes the new current/ the one that counts, it has the epochs
// and the committed txid, durably: a Java node that takes the directory over there does not copy them.
func TestEpochsBeforeVersion(t *testing.T) {
	mem := formatted(t).settled()
	seen := false
	d := mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
		if op.Kind == "rename" && op.To == currentDir+"/VERSION" {
			seen = true
			cut := mem.CrashClone(nil)
			for name, want := range map[string]string{
				"last-promised-epoch": "5\n", "last-writer-epoch": "4\n", "committed-txid": "\x00\x00\x00\x00\x00\x00\x00\x08",
			} {
				if got := readFrom(t, cut, currentDir+"/"+name); got != want {
					t.Errorf("%s: %q", name, got)
				}
			}
		}
		return nil
	}))
	must(t, d.PreUpgrade())
	must(t, d.Upgrade(upgradedInfo))
	if !seen {
		t.Error("VERSION was not written")
	}
}

// TestUpgradeRefusals: a refused call changes nothing.
func TestUpgradeRefusals(t *testing.T) {
	tests := []struct {
		name  string
		disk  func(d *disk)
		call  func(d *storage.Dir) error
		class javaerr.Class
		words string
	}{
		{"preupgrade without current", func(d *disk) { d.remove("current") }, (*storage.Dir).PreUpgrade,
			javaerr.IllegalState, "Current directory must exist for preupgrade."},
		{"preupgrade with an unreadable promise", func(d *disk) { d.put("current/last-promised-epoch", "abc") },
			(*storage.Dir).PreUpgrade, javaerr.IOException, "java.lang.NumberFormatException: For input string: \"abc\""},
		{"upgrade without preupgrade", func(*disk) {}, func(d *storage.Dir) error { return d.Upgrade(upgradedInfo) },
			javaerr.IllegalState, "previous.tmp directory must exist for upgrade."},
		{"rollback to another namespace", func(d *disk) {
			d.copyDir("current", "previous").put("previous/VERSION", strings.Replace(version(d), "1073741825", "77", 1))
		}, rollback, javaerr.InconsistentFSState,
			"Directory " + rootDir + " is in an inconsistent state: namespaceID is incompatible with others."},
		{"rollback to another cluster", func(d *disk) {
			d.copyDir("current", "previous").put("previous/VERSION", strings.Replace(version(d), "CID-", "DIC-", 1))
		}, rollback, javaerr.InconsistentFSState,
			"Directory " + rootDir + " is in an inconsistent state: cluster Id is incompatible with others."},
		{"rollback to nothing", func(d *disk) { d.mkdir("previous") }, rollback, javaerr.InconsistentFSState,
			"Directory " + rootDir + " is in an inconsistent state: file VERSION has layoutVersion missing."},
		{"can roll back to nothing", func(d *disk) { d.mkdir("previous") }, canRollBack, javaerr.InconsistentFSState,
			"Directory " + rootDir + " is in an inconsistent state: file VERSION has layoutVersion missing."},
		{"can roll back without VERSION", func(d *disk) { d.remove("current/VERSION") }, canRollBack,
			javaerr.InconsistentFSState,
			"Directory " + rootDir + " is in an inconsistent state: file VERSION has layoutVersion missing."},
		{"cTime without current", func(d *disk) { d.remove("current") }, readCTime, javaerr.FileNotFound,
			currentDir + "/VERSION (No such file or directory)"},
		{"cTime without VERSION", func(d *disk) { d.remove("current/VERSION") }, readCTime, javaerr.InconsistentFSState,
			"Directory " + rootDir + " is in an inconsistent state: file VERSION has layoutVersion missing."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDisk(t).served("3.4.2")
			tt.disk(d)
			mem := d.settled()
			dir := mustOpen(t, mem)
			before := tree(t, mem, rootDir)
			wantError(t, tt.call(dir), tt.class, tt.words)
			after := tree(t, mem, rootDir)
			for name, content := range before {
				if after[name] != content {
					t.Errorf("%s was changed", name)
				}
			}
			if len(after) != len(before) {
				t.Errorf("%d entries, were %d", len(after), len(before))
			}
		})
	}
}

func rollback(d *storage.Dir) error    { _, err := d.Rollback(); return err }
func canRollBack(d *storage.Dir) error { _, err := d.CanRollBack(-67); return err }
func readCTime(d *storage.Dir) error   { _, err := d.ReadCTime(); return err }

// TestPromiseSurvivesACrashInTheUpgrade: RECOVER_UPGRADE brings the old state back, but not an older promise, which a Java
// node would have made in the new current/.
func TestPromiseSurvivesACrashInTheUpgrade(t *testing.T) {
	mem := formatted(t).settled()
	must(t, mustOpen(t, mem).PreUpgrade())
	writeTo(t, mem, currentDir+"/last-promised-epoch", []byte("77\n"))
	wantPromised(t, mustOpen(t, everything(mem)), 77)
}

// TestNewWriterAbandonsTheUpgrade: what a writer of a new epoch does between the two halves goes into the old state, which
// is the one that a restart finds.
func TestNewWriterAbandonsTheUpgrade(t *testing.T) {
	for name, call := range map[string]func(d *storage.Dir) error{
		"a promise":           func(d *storage.Dir) error { return d.SetPromisedEpoch(6) },
		"the promise again":   func(d *storage.Dir) error { return d.SetPromisedEpoch(5) },
		"a writer's epoch":    func(d *storage.Dir) error { return d.SetWriterEpoch(5) },
		"as the caller wants": func(d *storage.Dir) error { _, err := d.AbandonUpgrade(); return err },
	} {
		t.Run(name, func(t *testing.T) {
			mem := formatted(t).settled()
			d := mustOpen(t, mem)
			before := onDisk(t, "before", mem.CrashClone(nil), true)
			must(t, d.PreUpgrade())
			must(t, call(d))
			wantTop(t, mem, "current", "in_use.lock")
			after := onDisk(t, "after", mem.CrashClone(nil), true)
			switch name {
			case "a promise":
				before.Promised = 6
			case "a writer's epoch":
				before.Writer = 5
			}
			if after != before {
				t.Errorf("after a restart\n%+v\nnot\n%+v", after, before)
			}
			wantError(t, d.Upgrade(upgradedInfo), javaerr.IllegalState, "previous.tmp directory must exist for upgrade.")
			must(t, d.PreUpgrade())
			must(t, d.Upgrade(upgradedInfo))
			wantTop(t, mem, "current", "in_use.lock", "previous")
		})
	}
}

// TestFormat has the rules of Journal.format and JNStorage.format.
func TestFormat(t *testing.T) {
	other := storage.StorageInfo{LayoutVersion: -63, NamespaceID: 42, ClusterID: "b:c", CTime: 0}
	t.Run("a missing root, durably", func(t *testing.T) {
		mem := vfs.NewMem()
		d := mustOpen(t, mem)
		must(t, d.Format(other, false))
		wantEmptyJournal(t, d, other)
		wantEmptyJournal(t, mustOpen(t, mem.CrashClone(nil)), other)
		_, err := storage.Open(options(mem))
		wantError(t, err, javaerr.IOException, "Cannot lock storage")
		info, err := mem.Stat(currentDir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("current/ %v %v", info.Mode(), err)
		}
		if !has(t, mem, currentDir+"/paxos") {
			t.Error("no paxos/, which 2.7 needs")
		}
	})
	t.Run("refused over anything in current", func(t *testing.T) {
		mem := newDisk(t).put("current/stray", "x").settled()
		d := mustOpen(t, mem)
		wantError(t, d.Format(other, false), javaerr.InconsistentFSState, "Directory "+rootDir+
			" is in an inconsistent state: Can't format the storage directory because the current directory is not empty.")
		if !has(t, mem, currentDir+"/stray") || d.State() != storage.NotFormatted {
			t.Error("the refused format changed something")
		}
		_, err := storage.Open(options(mem))
		wantError(t, err, javaerr.IOException, "Cannot lock storage")
	})
	t.Run("an empty current is fine", func(t *testing.T) {
		d := mustOpen(t, newDisk(t).mkdir("current").settled())
		must(t, d.Format(other, false))
		wantEmptyJournal(t, d, other)
	})
	t.Run("refused without a namespace", func(t *testing.T) {
		d := mustOpen(t, newDisk(t).settled())
		wantError(t, d.Format(storage.StorageInfo{LayoutVersion: -67, ClusterID: "c"}, true), javaerr.IllegalState,
			"can't format with uninitialized namespace info: lv=-67;cid=c;nsid=0;c=0")
	})
	t.Run("forced", func(t *testing.T) {
		mem := formatted(t).put("edits.sync/x", "").put("previous/VERSION", "kept").settled()
		d := mustOpen(t, mem)
		must(t, d.Format(other, true))
		wantEmptyJournal(t, d, other)
		wantTop(t, mem, "current", "edits.sync", "in_use.lock", "previous")
		wantEmptyJournal(t, mustOpen(t, mem.CrashClone(nil)), other)
	})
	t.Run("a kept previous state gives no epochs to the new one", func(t *testing.T) {
		mem := newDisk(t).served("3.4.2").copyDir("current", "previous").settled()
		d := mustOpen(t, mem)
		must(t, d.Format(fixtureInfo, true))
		wantEmptyJournal(t, mustOpen(t, mem.CrashClone(nil)), fixtureInfo)
	})
	t.Run("somebody else formatted it meanwhile", func(t *testing.T) {
		mem := vfs.NewMem()
		d := mustOpen(t, mem)
		first := mustOpen(t, mem)
		must(t, first.Format(fixtureInfo, false))
		wantError(t, d.Format(other, false), javaerr.IOException, "Cannot lock storage")
		must(t, first.Close())
		wantError(t, d.Format(other, false), javaerr.InconsistentFSState, "Directory "+rootDir)
		if d.State() != storage.Normal || d.Info() != fixtureInfo {
			t.Errorf("%v %v", d.State(), d.Info())
		}
	})
}

// TestFormatAfterAFailedRollback: what was left half way is brought to one of its ends before anything is built on it.
func TestFormatAfterAFailedRollback(t *testing.T) {
	mem := newDisk(t).served("3.4.2").copyDir("current", "previous").settled()
	armed, broken := true, false
	d := mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
		broken = broken || op.Kind == "rename" && path.Base(op.To) == "current"
		if armed && broken {
			return errors.New("the disk says no")
		}
		return nil
	}))
	if ok, err := d.Rollback(); ok || err == nil {
		t.Fatalf("rollback %v %v", ok, err)
	}
	if d.State() == storage.Normal || d.Problem() == nil {
		t.Errorf("%v %v", d.State(), d.Problem())
	}
	wantTop(t, mem, "in_use.lock", "previous", "removed.tmp")
	d2 := mustOpen(t, everything(mem)) // a restart finds the old state
	wantServed(t, d2, []string{"1-3", "4-8", "9-15", "16-19"}, 3, 18)

	armed = false
	other := fixtureInfo
	other.NamespaceID = 42
	must(t, d.Format(other, true))
	wantEmptyJournal(t, d, other)
	wantTop(t, mem, "current", "in_use.lock", "previous")
}

// TestFormatOnAFullDisk: VERSION of the new state could not be written, beside a previous/. The old state stays, and once
// there is space the format may be repeated, by this process or after a restart.
func TestFormatOnAFullDisk(t *testing.T) {
	other := fixtureInfo
	other.NamespaceID = 42
	for _, restart := range []bool{false, true} {
		mem := newDisk(t).served("3.4.2").copyDir("current", "previous").settled()
		full := true
		d := mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
			if full && op.Kind == "writeat" && path.Base(op.Path) == "VERSION.tmp" {
				return syscall.ENOSPC
			}
			return nil
		}))
		if err := d.Format(other, true); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("format: %v", err)
		}
		if d.Problem() != nil {
			t.Errorf("problem %v", d.Problem())
		}
		wantServed(t, d, []string{"1-3", "4-8", "9-15", "16-19"}, 3, 18)
		wantTop(t, mem, "current", "in_use.lock", "previous")
		if restart {
			must(t, d.Close())
			d = mustOpen(t, mem.CrashClone(nil))
			wantServed(t, d, []string{"1-3", "4-8", "9-15", "16-19"}, 3, 18)
		}
		full = false
		must(t, d.Format(other, true))
		wantEmptyJournal(t, d, other)
	}
}

// TestOpenCompletesAFormat: only a format of ours leaves a whole formatted.tmp/, a current.tmp/ and no current/. Anything
// else beside previous/ stays Java's refusal (s03), and a formatted.tmp/ that has no part in it is garbage.
func TestOpenCompletesAFormat(t *testing.T) {
	other := storage.StorageInfo{LayoutVersion: -63, NamespaceID: 42, ClusterID: "c", CTime: 0}
	fresh := newDisk(t)
	must(t, mustOpen(t, fresh.mem).Format(other, false))
	made := tree(t, fresh.mem, currentDir)
	withNew := func(d *disk) *disk {
		for name, content := range made {
			if strings.HasSuffix(name, "/") {
				d.mkdir("formatted.tmp/" + name)
			} else {
				d.put("formatted.tmp/"+name, content)
			}
		}
		return d
	}
	const noVersion = "Directory " + rootDir + " is in an inconsistent state: version file in current directory is missing."
	tests := []struct {
		name  string
		disk  func(d *disk)
		words string // of the refusal
		state storage.State
		info  storage.StorageInfo
	}{
		{"between the renames", func(d *disk) { withNew(d).rename("current", "current.tmp") },
			"", storage.Normal, other},
		{"between the renames, beside previous",
			func(d *disk) {
				withNew(d).copyDir("current", "previous").rename("current", "current.tmp").
					put("formatted.tmp/last-promised-epoch", "0\n").put("formatted.tmp/last-writer-epoch", "0\n").
					put("formatted.tmp/committed-txid", "\xff\xff\xff\xff\xff\xff\xcf\xc7")
			},
			"", storage.Normal, other},
		{"before the renames", func(d *disk) { withNew(d) }, "", storage.Normal, fixtureInfo},
		{"before VERSION", func(d *disk) { d.mkdir("formatted.tmp/paxos") }, "", storage.Normal, fixtureInfo},
		{"of a missing current", func(d *disk) { withNew(d).remove("current") },
			"", storage.NotFormatted, storage.StorageInfo{}},
		{"no VERSION in the new one", func(d *disk) { d.mkdir("formatted.tmp").rename("current", "current.tmp") },
			"", storage.NotFormatted, storage.StorageInfo{}},
		{"s03 with garbage", func(d *disk) {
			withNew(d).mkdir("current.tmp").copyDir("current", "previous").remove("current/VERSION")
		}, noVersion, 0, storage.StorageInfo{}},
		{"previous alone", func(d *disk) { d.copyDir("current", "previous").remove("current") },
			noVersion, 0, storage.StorageInfo{}},
		{"previous and a cut formatted.tmp", func(d *disk) {
			d.copyDir("current", "previous").rename("current", "current.tmp").mkdir("formatted.tmp")
		}, noVersion, 0, storage.StorageInfo{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			disk := newDisk(t).served("3.4.2")
			tt.disk(disk)
			mem := disk.settled()
			if tt.words != "" {
				before := tree(t, mem, rootDir)
				_, err := storage.Open(options(mem))
				wantError(t, err, javaerr.InconsistentFSState, tt.words)
				after := tree(t, mem, rootDir)
				delete(after, "in_use.lock")
				if !maps.Equal(before, after) {
					t.Error("Open changed what it refused")
				}
				return
			}
			d := mustOpen(t, mem)
			if d.State() != tt.state || d.Info() != tt.info {
				t.Errorf("%v %v, want %v %v", d.State(), d.Info(), tt.state, tt.info)
			}
			if tt.info == other {
				wantEmptyJournal(t, d, other)
				wantEmptyJournal(t, mustOpen(t, mem.CrashClone(nil)), other)
			}
			if has(t, mem, rootDir+"/formatted.tmp") || has(t, mem, rootDir+"/current.tmp") {
				t.Errorf("left over: %v", names(t, mem, rootDir))
			}
		})
	}
}

func wantEmptyJournal(t *testing.T, d *storage.Dir, info storage.StorageInfo) {
	t.Helper()
	if d.State() != storage.Normal || d.Info() != info || len(d.Segments()) != 0 {
		t.Errorf("%v %v %v", d.State(), d.Info(), segmentNames(d))
	}
	wantPromised(t, d, 0)
	wantCommitted(t, d, storage.InvalidTxID)
	if e, err := d.WriterEpoch(); err != nil || e != 0 {
		t.Errorf("writer %v %v", e, err)
	}
}

// TestOldFormatBesideAnUndoneUpgrade: the beginning of a format that somebody was killed in, and that nobody took away, is not
// taken for the new state when the recovery of an upgrade, which moves current/ away too, is killed in its turn.
func TestOldFormatBesideAnUndoneUpgrade(t *testing.T) {
	for old, beside := range map[string]string{"previous.tmp": "current.tmp", "removed.tmp": "previous"} {
		mem := newDisk(t).served("3.4.2").settled()
		want := segmentNames(mustOpen(t, everything(mem)))
		must(t, mem.Rename(currentDir, rootDir+"/"+old))
		for _, dir := range []string{"current.tmp", beside, "formatted.tmp"} {
			must(t, mem.MkdirAll(rootDir+"/"+dir, 0o755))
		}
		writeTo(t, mem, rootDir+"/formatted.tmp/VERSION",
			[]byte("namespaceID=77\nclusterID=other\ncTime=0\nstorageType=JOURNAL_NODE\nlayoutVersion=-67\n"))
		d := mustOpen(t, mem)
		if d.State() != storage.Normal || d.Info() != fixtureInfo || !slices.Equal(segmentNames(d), want) {
			t.Errorf("%s: %v %v %v, want the old state", old, d.State(), d.Info(), segmentNames(d))
		}
	}
}
