package jnserver_test

import (
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// refusing is a disk that refuses the data of syncs of segments while *refuse is set, as ext4 tells of it: once, and goes on
// showing what it lost.
func refusing(mem *vfs.Mem, refuse *bool) vfs.FS {
	return vfs.Inject(mem, func(op vfs.Op) error {
		if *refuse && (op.Kind == "sync" || op.Kind == "syncdata") && strings.Contains(op.Path, "edits_") {
			return &vfs.Lost{Err: errBroken}
		}
		return nil
	})
}

// lostBatch is the journal of written, whose disk refused batch 9-10 of segment 4.
func lostBatch(t *testing.T, mode vfs.MediumMode) (mem *vfs.Mem, j *jnserver.Journal, w *writer) {
	t.Helper()
	mem = vfs.NewMem()
	mem.SetMedium(mode)
	refuse := false
	j, w = written(t, newEnv(refusing(mem, &refuse), noFetch))
	refuse = true
	if err := j.Write(w.info(), writes(4, 9, 10)); err == nil {
		t.Fatal("a batch was acknowledged that the disk refused")
	}
	refuse = false
	return mem, j, w
}

func eachMedium(t *testing.T, test func(t *testing.T, mode vfs.MediumMode)) {
	t.Run("cache dropped", func(t *testing.T) { test(t, vfs.MediumUncached) })
	t.Run("cache kept", func(t *testing.T) { test(t, vfs.MediumDirect) })
}

// wantPrepared checks that segment 4 is told, shown and durable up to end, no further.
func wantPrepared(t *testing.T, j *jnserver.Journal, mem *vfs.Mem, w *writer, end storage.TxID) {
	t.Helper()
	answer, err := j.PrepareRecovery(w.info(), 4)
	must(t, err)
	if want := (jnserver.SegmentState{Start: 4, End: end, InProgress: true}); answer.Segment == nil || *answer.Segment != want {
		t.Errorf("prepareRecovery tells %v, want %v", answer.Segment, want)
	}
	if bad := j.Snapshot().Bad; len(bad) > 0 {
		t.Errorf("still bad: %v", bad)
	}
	if scan, err := readSegment(t, j, 4); err != nil || scan.End != end || scan.Tail != editlog.TailClean {
		t.Errorf("readers see up to %d, %v, %v", scan.End, scan.Tail, err)
	}
	m, err := j.EditLogManifest(4, true)
	if err != nil || len(m.Logs) != 1 || m.Logs[0].Last != end {
		t.Errorf("manifest %v, %v", m, err)
	}
	data := readFrom(t, mem.CrashClone(nil), inProgressPath)
	if scan, err := editlog.ScanSegment(strings.NewReader(string(data)), int64(len(data))); err != nil || scan.End != end {
		t.Errorf("after a power cut the segment ends at %d, %v", scan.End, err)
	}
}

// After a failed sync the same process tells what the disk has, if that is all it acknowledged, and the service goes on.
func TestRecoveryAfterFailedSync(t *testing.T) {
	eachMedium(t, func(t *testing.T, mode vfs.MediumMode) {
		mem, j, _ := lostBatch(t, mode)
		if bad := j.Snapshot().Bad; len(bad) != 1 || bad[0].First != 4 || !strings.Contains(bad[0].Reason, errBroken.Error()) {
			t.Errorf("bad segments %v", bad)
		}
		if m, err := j.EditLogManifest(4, true); err != nil || len(m.Logs) > 0 {
			t.Errorf("a segment in doubt is shown: %v, %v", m, err)
		}
		w := newWriter(t, j, 2)
		wantPrepared(t, j, mem, w, 8)
		must(t, j.FinalizeLogSegment(w.info(), 4, 8))
		must(t, j.StartLogSegment(w.info(), 9, layout))
		must(t, j.Write(w.info(), writes(9, 9, 10)))
		must(t, j.FinalizeLogSegment(w.info(), 9, 10))
	})
}

// A restarted process does not know of the failed sync: its own succeeds, and the cache shows what the disk never got.
func TestRecoveryAfterFailedSyncAndRestart(t *testing.T) {
	eachMedium(t, func(t *testing.T, mode vfs.MediumMode) {
		mem, j, _ := lostBatch(t, mode)
		must(t, j.Close())
		j = openJournal(t, newEnv(mem, noFetch))
		if s := j.Snapshot(); s.Highest != 8 {
			t.Errorf("readers are shown up to %d", s.Highest)
		}
		w := newWriter(t, j, 2)
		if err := j.FinalizeLogSegment(w.info(), 4, 10); err == nil {
			t.Fatal("finalized at an end that the disk does not have")
		}
		wantPrepared(t, j, mem, w, 8)
		must(t, j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 8, InProgress: true}, "x"))
		must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	})
}

// The writer itself goes on at its next segment, without a recovery.
func TestServiceResumesAfterFailedSync(t *testing.T) {
	eachMedium(t, func(t *testing.T, mode vfs.MediumMode) {
		mem, j, w := lostBatch(t, mode)
		must(t, j.StartLogSegment(w.info(), 11, layout))
		must(t, j.Write(w.info(), writes(11, 11, 12)))
		must(t, j.FinalizeLogSegment(w.info(), 11, 12))
		data := readFrom(t, mem.CrashClone(nil), journalRoot+"/current/"+storage.FinalizedName(11, 12))
		if scan, err := editlog.ScanSegment(strings.NewReader(string(data)), int64(len(data))); err != nil || scan.End != 12 {
			t.Errorf("after a power cut the next segment ends at %d, %v", scan.End, err)
		}
	})
}

// What was acknowledged, without a sync as it is committed elsewhere, and then could not be synced, is missing: this node
// takes no part, whatever the cache shows, and a copy mends it.
func TestLostAcknowledgedTailAbstains(t *testing.T) {
	eachMedium(t, func(t *testing.T, mode vfs.MediumMode) {
		mem := vfs.NewMem()
		mem.SetMedium(mode)
		refuse := false
		j, w := written(t, newEnv(refusing(mem, &refuse), fetchBytes(segmentFile(4, 10))))
		w.committed = 10
		must(t, j.Write(w.info(), writes(4, 9, 10)))
		refuse = true
		w = newWriter(t, j, 2)
		refuse = false
		for range 2 {
			_, err := j.PrepareRecovery(w.info(), 4)
			wantError(t, err, javaerr.IOException, "acknowledged txid 10")
		}
		if bad := j.Snapshot().Bad; len(bad) != 1 || !strings.Contains(bad[0].Reason, errBroken.Error()) {
			t.Errorf("bad segments %v", bad)
		}
		must(t, j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 10, InProgress: true}, "x"))
		wantPrepared(t, j, mem, w, 10)
	})
}

// Where the medium cannot be read the node takes no part, by name, serves everything else, and takes part when it can.
func TestUnreadableMediumAbstains(t *testing.T) {
	for name, restart := range map[string]bool{"same process": false, "restarted": true} {
		t.Run(name, func(t *testing.T) {
			mem, j, _ := lostBatch(t, vfs.MediumNone)
			if restart {
				must(t, j.Close())
				j = openJournal(t, newEnv(mem, noFetch))
			}
			last, found, err := j.NewEpoch(fixtureInfo, 2, "10.0.0.1")
			if err != nil || !found || last != 4 {
				t.Fatalf("newEpoch answers %d, %t, %v", last, found, err)
			}
			w := &writer{epoch: 2}
			for range 2 {
				_, err := j.PrepareRecovery(w.info(), 4)
				wantError(t, err, javaerr.IOException, vfs.ErrNoMedium.Error())
			}
			if err := j.FinalizeLogSegment(w.info(), 4, 8); err == nil {
				t.Error("finalized")
			}
			if bad := j.Snapshot().Bad; len(bad) != 1 || bad[0].First != 4 {
				t.Errorf("bad segments %v", bad)
			}
			if _, err := readSegment(t, j, 4); err == nil {
				t.Error("the segment is a source for others")
			}
			mem.SetMedium(vfs.MediumUncached)
			wantPrepared(t, j, mem, w, 8)
		})
	}
}

// A node without any fault reads no medium while it writes, and a segment that it wrote needs none.
func TestHealthyPathReadsNoMedium(t *testing.T) {
	mem := vfs.NewMem()
	reads := 0
	j, _ := written(t, newEnv(vfs.Inject(mem, func(op vfs.Op) error {
		if op.Kind == "openmedium" {
			reads++
		}
		return nil
	}), noFetch))
	w := newWriter(t, j, 2)
	wantPrepared(t, j, mem, w, 8)
	must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	if reads > 0 {
		t.Errorf("the medium was read %d times", reads)
	}
}

// An old segment in progress that nobody asked to recover was not read from the medium: it is no source until it was.
func TestGetJournalOfUnreadSegment(t *testing.T) {
	mem := vfs.NewMem()
	j, w := written(t, newEnv(mem, noFetch))
	must(t, j.StartLogSegment(w.info(), 20, layout))
	must(t, j.Write(w.info(), writes(20, 20, 21)))
	must(t, j.Close())
	j = openJournal(t, newEnv(mem, noFetch))
	if _, err := readSegment(t, j, 20); err != nil {
		t.Errorf("the last segment: %v", err)
	}
	if _, err := readSegment(t, j, 4); err == nil {
		t.Error("a segment that was not read is a source")
	}
	w = newWriter(t, j, 2)
	answer, err := j.PrepareRecovery(w.info(), 4)
	must(t, err)
	if answer.Segment == nil || answer.Segment.End != 8 {
		t.Errorf("prepareRecovery tells %v", answer.Segment)
	}
	if scan, err := readSegment(t, j, 4); err != nil || scan.End != 8 {
		t.Errorf("once it was read: up to %d, %v", scan.End, err)
	}
}
