package jnserver_test

import (
	"fmt"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// upgradeStep is one call of an upgrade, its end or its rollback, with what it needs before.
type upgradeStep struct {
	name    string
	ends    storage.TxID // of the upgraded journal; the old one ends at 8
	prepare func(t *testing.T, j *jnserver.Journal, w *writer)
	call    func(j *jnserver.Journal) error
	// repeat is what a NameNode does when its command is given again, on a node that is upgraded or not.
	repeat func(t *testing.T, j *jnserver.Journal, isUpgraded bool)
}

var (
	oldCTime     = fixtureInfo.CTime
	upgradedInfo = storage.StorageInfo{LayoutVersion: layout, CTime: oldCTime + 1}
)

// upgradedAndWritten is an upgraded journal with edits that a rollback takes away.
func upgradedAndWritten(t *testing.T, j *jnserver.Journal, w *writer) {
	t.Helper()
	must(t, j.DoPreUpgrade())
	must(t, j.DoUpgrade(upgradedInfo))
	must(t, j.StartLogSegment(w.info(), 9, layout))
	must(t, j.Write(w.info(), writes(9, 9, 12)))
	must(t, j.FinalizeLogSegment(w.info(), 9, 12))
}

func rollBack(t *testing.T, j *jnserver.Journal) {
	t.Helper()
	if can, err := j.CanRollBack(layout); !can || err != nil {
		t.Fatalf("canRollBack: %v, %v", can, err)
	}
	must(t, j.DoRollback())
}

// upgradeAgain is -upgrade given again; upgraded nodes have to be rolled back first.
func upgradeAgain(t *testing.T, j *jnserver.Journal, isUpgraded bool) {
	t.Helper()
	if isUpgraded {
		rollBack(t, j)
	}
	newWriter(t, j, 2)
	must(t, j.DoPreUpgrade())
	must(t, j.DoUpgrade(upgradedInfo))
}

var upgradeSteps = []upgradeStep{
	{
		name: "doPreUpgrade", ends: 8, prepare: func(*testing.T, *jnserver.Journal, *writer) {},
		call: (*jnserver.Journal).DoPreUpgrade, repeat: upgradeAgain,
	},
	{
		name: "doUpgrade", ends: 8, prepare: func(t *testing.T, j *jnserver.Journal, _ *writer) { must(t, j.DoPreUpgrade()) },
		call: func(j *jnserver.Journal) error { return j.DoUpgrade(upgradedInfo) }, repeat: upgradeAgain,
	},
	{
		name: "canRollBack", ends: 12, prepare: upgradedAndWritten,
		call:   func(j *jnserver.Journal) error { _, err := j.CanRollBack(layout); return err },
		repeat: func(t *testing.T, j *jnserver.Journal, _ bool) { rollBack(t, j) },
	},
	{
		name: "doRollback", ends: 12, prepare: upgradedAndWritten, call: (*jnserver.Journal).DoRollback,
		repeat: func(t *testing.T, j *jnserver.Journal, isUpgraded bool) {
			if isUpgraded {
				rollBack(t, j)
			}
			must(t, j.DoRollback()) // to a node that has done it, it is done
		},
	},
	{
		name: "doFinalize", ends: 12, prepare: upgradedAndWritten, call: (*jnserver.Journal).DoFinalize,
		repeat: func(t *testing.T, j *jnserver.Journal, _ bool) {
			must(t, j.DoFinalize())
			if can, err := j.CanRollBack(layout); can || err != nil {
				t.Fatalf("canRollBack: %v, %v", can, err)
			}
		},
	},
}

// TestKilledInAnUpgrade kills the node, and cuts the power, before each operation on files of each call, and after the
// last. It opens in a usable state: one of the two that the call goes between, formatted, with every promise and every
// acknowledged transaction of that state, and a cTime; what was begun can be done again; and a writer goes on.
func TestKilledInAnUpgrade(t *testing.T) {
	for _, step := range upgradeSteps {
		t.Run(step.name, func(t *testing.T) {
			mem := vfs.NewMem()
			armed := false
			var left []*vfs.Mem
			snapshot := func() { left = append(left, everything(mem), mem.CrashClone(nil)) }
			fsys := vfs.Inject(mem, func(vfs.Op) error {
				if armed {
					snapshot()
				}
				return nil
			})
			j, w := written(t, newEnv(fsys, noFetch))
			must(t, j.FinalizeLogSegment(w.info(), 4, 8))
			step.prepare(t, j, w)
			armed = true
			must(t, step.call(j))
			armed = false
			snapshot()
			t.Logf("killed at %d places", len(left)/2)
			for i, disk := range left {
				how := "kill"
				if i%2 == 1 {
					how = "power cut"
				}
				t.Run(fmt.Sprintf("%s before operation %d", how, i/2+1), func(t *testing.T) { step.reopened(t, disk) })
			}
		})
	}
}

// reopened is what the next process finds and does.
func (s *upgradeStep) reopened(t *testing.T, disk *vfs.Mem) {
	j := openJournal(t, newEnv(disk, noFetch))
	now := j.Snapshot()
	if !now.Formatted() || now.Promised != 1 || now.Writer != 1 {
		t.Fatalf("%v, promised %d, writer %d", now.State, now.Promised, now.Writer)
	}
	ctime, err := j.CTime()
	must(t, err)
	isUpgraded := ctime == upgradedInfo.CTime
	if !isUpgraded && ctime != oldCTime || ctime != now.Info.CTime {
		t.Fatalf("cTime %d, in memory %d", ctime, now.Info.CTime)
	}
	want := storage.TxID(8)
	if isUpgraded {
		want = s.ends
	}
	if now.Highest != want {
		t.Fatalf("it ends at txid %d, want %d", now.Highest, want)
	}
	s.repeat(t, j, isUpgraded)

	w := newWriter(t, j, 9)
	next := j.Snapshot().Highest + 1
	must(t, j.StartLogSegment(w.info(), next, layout))
	must(t, j.Write(w.info(), writes(next, next, next+2)))
	must(t, j.FinalizeLogSegment(w.info(), next, next+2))
	must(t, j.Close())
	again := openJournal(t, newEnv(disk.CrashClone(nil), noFetch))
	if s := again.Snapshot(); !s.Formatted() || s.Highest != next+2 || s.Promised != 9 {
		t.Errorf("after one more power cut: %v, ends at txid %d, promised %d", s.State, s.Highest, s.Promised)
	}
	for _, name := range names(t, disk, journalRoot) {
		switch name {
		case "current", "previous", "in_use.lock":
		default:
			t.Errorf("%s is left", name)
		}
	}
}

// TestNewWriterInAHalfDoneUpgrade fails, and kills, at each operation on files of a newEpoch that comes between doPreUpgrade and
// doUpgrade. Nothing acknowledged is lost, no promise goes back, and the next writer goes on.
func TestNewWriterInAHalfDoneUpgrade(t *testing.T) {
	for n := 1; ; n++ {
		mem := vfs.NewMem()
		count := 0
		var left []*vfs.Mem
		fsys := vfs.Inject(mem, func(vfs.Op) error {
			if count--; count != 0 {
				return nil
			}
			left = append(left, everything(mem), mem.CrashClone(nil))
			return errDisk
		})
		j, w := written(t, newEnv(fsys, noFetch))
		must(t, j.FinalizeLogSegment(w.info(), 4, 8))
		must(t, j.DoPreUpgrade())
		count = n
		_, _, err := j.NewEpoch(fixtureInfo, 2, "10.0.0.1")
		done := count > 0
		count = 0
		if done {
			must(t, err)
			if n < 10 {
				t.Fatalf("it failed at %d operations only", n-1)
			}
			return
		}
		if err != nil {
			if _, _, err := j.NewEpoch(fixtureInfo, 3, "10.0.0.1"); err != nil {
				t.Fatalf("failed at operation %d, and then: %v", n, err)
			}
		}
		if s := j.Snapshot(); s.Highest != 8 || s.Promised < 2 {
			t.Fatalf("failed at operation %d: ends at txid %d, promised %d", n, s.Highest, s.Promised)
		}
		sameAsReopened(t, mem, j)
		for _, disk := range append(left, mem.CrashClone(nil)) {
			next := openJournal(t, newEnv(disk, noFetch))
			if s := next.Snapshot(); !s.Formatted() || s.Highest != 8 || s.Promised < 1 || s.Info != fixtureInfo {
				t.Fatalf("killed at operation %d: %v, %v, ends at txid %d, promised %d", n, s.State, s.Info, s.Highest, s.Promised)
			}
			w := newWriter(t, next, 9)
			must(t, next.StartLogSegment(w.info(), 9, layout))
			must(t, next.Write(w.info(), writes(9, 9, 9)))
			must(t, next.Close())
		}
	}
}
