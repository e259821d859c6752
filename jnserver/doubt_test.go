package jnserver_test

import (
	"testing"

	"gojn/jnserver"
	"gojn/storage/vfs"
)

// A finalized segment that could not be read at start is in doubt for recoveries alone, and until it was read.
func TestDoubtOfAFinalizedSegmentEnds(t *testing.T) {
	for name, doubted := range map[string]bool{"asked for while it cannot be read": true, "asked for later": false} {
		t.Run(name, func(t *testing.T) { doubtEnds(t, doubted) })
	}
}

func doubtEnds(t *testing.T, doubted bool) {
	j, _, failing := unreadableAtStart(t)
	if len(j.Snapshot().Bad) != 1 {
		t.Fatalf("after the start: %+v", j.Snapshot().Bad)
	}
	if m, err := j.EditLogManifest(1, true); err != nil || len(m.Logs) != 2 {
		t.Errorf("manifest in doubt: %v %v", m, err)
	}
	if doubted {
		if _, err := j.PrepareRecovery(newWriter(t, j, 2).info(), 4); err == nil {
			t.Error("a recovery was told what could not be read")
		}
	}
	*failing = false
	w := newWriter(t, j, 3)
	if answer, err := j.PrepareRecovery(w.info(), 4); err != nil || answer.Segment == nil || answer.Segment.End != 8 {
		t.Errorf("prepareRecovery: %+v %v", answer.Segment, err)
	}
	must(t, j.StartLogSegment(w.info(), 9, layout))
	must(t, j.Write(w.info(), writes(9, 9, 10)))
	if m, err := j.EditLogManifest(1, true); err != nil || len(m.Logs) != 3 {
		t.Errorf("manifest %v %v", m, err)
	}
	if _, err := j.OpenSegment(4, true); err != nil {
		t.Error(err)
	}
	if len(j.Snapshot().Bad) > 0 {
		t.Errorf("bad %+v", j.Snapshot().Bad)
	}
}

// unreadableAtStart is a journal started with a finalized segment 4-8 whose medium cannot be read for now.
func unreadableAtStart(t *testing.T) (j *jnserver.Journal, w *writer, failing *bool) {
	t.Helper()
	mem := vfs.NewMem()
	j, w = written(t, newEnv(mem, noFetch))
	must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	must(t, j.Close())
	failing = new(bool)
	*failing = true
	j = openJournal(t, newEnv(vfs.Inject(mem, func(op vfs.Op) error {
		if *failing && op.Kind == "openmedium" {
			return errDisk
		}
		return nil
	}), noFetch))
	return j, w, failing
}

// The same without a recovery: the writer rolls past it, and nobody will ask.
func TestDoubtOfAFinalizedSegmentIsForgotten(t *testing.T) {
	j, w, failing := unreadableAtStart(t)
	*failing = false
	must(t, j.StartLogSegment(w.info(), 9, layout))
	must(t, j.Write(w.info(), writes(9, 9, 10)))
	must(t, j.FinalizeLogSegment(w.info(), 9, 10))
	m, err := j.EditLogManifest(1, true)
	if err != nil || len(m.Logs) != 3 || len(j.Snapshot().Bad) > 0 {
		t.Errorf("manifest %v %v, bad %+v", m, err, j.Snapshot().Bad)
	}
}

// Where there is no way past the cache a finalized segment, all of which is committed, is synced and believed.
func TestFinalizedWithoutMedium(t *testing.T) {
	mem := vfs.NewMem()
	j, w := written(t, newEnv(mem, noFetch))
	must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	must(t, j.Close())
	mem.SetMedium(vfs.MediumNone)
	j = openJournal(t, newEnv(mem, noFetch))
	w = newWriter(t, j, 2)
	if _, err := j.PrepareRecovery(w.info(), 4); err != nil {
		t.Errorf("prepareRecovery: %v", err)
	}
	if m, err := j.EditLogManifest(1, true); err != nil || len(m.Logs) != 2 {
		t.Errorf("manifest %v %v", m, err)
	}
	if _, err := j.OpenSegment(4, true); err != nil {
		t.Errorf("getJournal: %v", err)
	}
}

// The same as an RPC history: newEpoch fails at its last sync, doPreUpgrade, newEpoch again, answered; power cut.
func TestPromiseRepeatedAfterPreUpgrade(t *testing.T) {
	mem := vfs.NewMem()
	failing := false
	j, _ := written(t, newEnv(vfs.Inject(mem, func(op vfs.Op) error {
		if failing && op.Kind == "syncdir" {
			return errDisk
		}
		return nil
	}), noFetch))
	failing = true
	if _, _, err := j.NewEpoch(fixtureInfo, 9, "10.0.0.2"); err == nil {
		t.Fatal("promised")
	}
	failing = false
	must(t, j.DoPreUpgrade())
	newWriter(t, j, 9) // answered
	left := openJournal(t, newEnv(mem.CrashClone(nil), noFetch))
	if got := left.Snapshot().Promised; got != 9 {
		t.Errorf("epoch 9 was promised, a power cut leaves %d", got)
	}
}

// A node restarts in the middle of segment 4, of which it has acknowledged 4-8; the writer goes on with the others, and a
// checkpoint makes it purge. What was acknowledged stays, where Java 3.x sets it aside as .stale.
func TestPurgeAfterRestartKeepsTheLastSegment(t *testing.T) {
	mem := vfs.NewMem()
	j, w := written(t, newEnv(mem, noFetch))
	must(t, j.Close())
	j = openJournal(t, newEnv(mem, noFetch))
	must(t, j.PurgeLogsOlderThan(w.info(), 4))
	w = newWriter(t, j, 2)
	answer, err := j.PrepareRecovery(w.info(), 4)
	must(t, err)
	if answer.Segment == nil || answer.Segment.End != 8 {
		t.Errorf("acknowledged 4-8, told %v, on disk %v", answer.Segment, names(t, mem, journalRoot+"/current"))
	}
}
