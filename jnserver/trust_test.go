package jnserver_test

import (
	"errors"
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage/vfs"
)

// inProgressPath is the file of the open segment of written.
const inProgressPath = journalRoot + "/current/edits_inprogress_0000000000000000004"

// cut shortens a file, as a disk that lost what it had reported as written.
func cut(t *testing.T, fsys vfs.FS, name string, size int64) {
	t.Helper()
	data := readFrom(t, fsys, name)
	writeTo(t, fsys, name, data[:size])
}

// A segment that ends below what this process acknowledged in it is damaged, whatever its last bytes look like: it must not
// be finalized at the lower end, which would make it beat the other copies (spec 2.6).
func TestVanishedTransactionsAreNotFinalized(t *testing.T) {
	mem := vfs.NewMem()
	j, _ := written(t, newEnv(mem, noFetch))
	w := newWriter(t, j, 2)
	cut(t, mem, inProgressPath, 8+3*frameLen) // 4-6 are left of 4-8
	wantError(t, j.FinalizeLogSegment(w.info(), 4, 6), javaerr.IOException, "acknowledged")
	if !has(t, mem, inProgressPath) {
		t.Error("the segment is no longer in progress")
	}
	if bad := j.Snapshot().Bad; len(bad) != 1 || bad[0].First != 4 {
		t.Errorf("bad segments %v", bad)
	}
}

// The same if all of them are gone, or the file is: newEpoch, which always comes before prepareRecovery, must not make
// "nothing is here" of it.
func TestVanishedSegmentAbstains(t *testing.T) {
	for name, vanish := range map[string]func(mem *vfs.Mem){
		"emptied":           func(mem *vfs.Mem) { cut(t, mem, inProgressPath, 8) },
		"cut in the header": func(mem *vfs.Mem) { cut(t, mem, inProgressPath, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			j, _ := written(t, newEnv(mem, fetchBytes(segmentFile(4, 8))))
			vanish(mem)
			last, ok, err := j.NewEpoch(fixtureInfo, 2, "10.0.0.1")
			if err != nil || !ok || last != 4 {
				t.Errorf("newEpoch answers segment %d, %t, %v; want 4, which was written here", last, ok, err)
			}
			w := &writer{epoch: 2}
			for range 2 {
				_, err := j.PrepareRecovery(w.info(), 4)
				wantError(t, err, javaerr.IOException, "acknowledged txid 8")
			}
			if bad := j.Snapshot().Bad; len(bad) != 1 || bad[0].First != 4 {
				t.Errorf("bad segments %v", bad)
			}
			must(t, j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 8, InProgress: true}, "x"))
			must(t, j.FinalizeLogSegment(w.info(), 4, 8))
			if bad := j.Snapshot().Bad; len(bad) != 0 {
				t.Errorf("still bad after the repair: %v", bad)
			}
		})
	}
}

// A download must hold exactly what was agreed on, or nothing is changed (spec 3.13 GO; Java does not look).
func TestWrongDownloads(t *testing.T) {
	damaged, behind := segmentFile(4, 9), segmentFile(4, 12)
	damaged[8+2*frameLen+15] ^= 1
	behind[8+6*frameLen+15] ^= 1
	for name, data := range map[string][]byte{
		"too short": segmentFile(4, 8), "too long": segmentFile(4, 10), "another segment": segmentFile(5, 9), "empty": segmentFile(4, 3),
		"no header": {}, "damaged": damaged, "damaged behind the end": behind,
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			j, _ := written(t, newEnv(mem, fetchBytes(data)))
			w := newWriter(t, j, 2)
			before := names(t, mem, journalRoot+"/current")
			err := j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 9, InProgress: true}, "x")
			wantError(t, err, javaerr.IOException, "4 to 9 were expected")
			if after := names(t, mem, journalRoot+"/current"); strings.Join(after, " ") != strings.Join(before, " ") {
				t.Errorf("files %v, were %v", after, before)
			}
			answer, err := j.PrepareRecovery(w.info(), 4)
			must(t, err)
			if answer.HasAccepted || answer.Segment == nil || answer.Segment.End != 8 {
				t.Errorf("prepareRecovery answers %+v of %v", answer, answer.Segment)
			}
		})
	}
}

// The rename of an accept failed; prepareRecovery does it later. What was known of the replaced file is forgotten, and the
// manifest promises no more than the new one holds (trap 23).
func TestPrepareCompletesAccept(t *testing.T) {
	mem := vfs.NewMem()
	broken := errors.New("input/output error")
	fail := false
	env := newEnv(vfs.Inject(mem, func(op vfs.Op) error {
		if fail && op.Kind == "rename" && strings.HasSuffix(op.Path, ".epoch=2") {
			return broken
		}
		return nil
	}), fetchBytes(segmentFile(4, 6)))
	j, _ := written(t, env)
	w := newWriter(t, j, 2)
	if _, err := j.PrepareRecovery(w.info(), 4); err != nil {
		t.Fatal(err)
	}
	fail = true
	accept := jnserver.SegmentState{Start: 4, End: 6, InProgress: true}
	if err := j.AcceptRecovery(t.Context(), w.info(), accept, "x"); !errors.Is(err, broken) {
		t.Fatalf("accept: %v", err)
	}
	fail = false
	answer, err := j.PrepareRecovery(w.info(), 4)
	must(t, err)
	if answer.Segment == nil || *answer.Segment != accept || !answer.HasAccepted || answer.AcceptedIn != 2 {
		t.Errorf("prepareRecovery answers %+v of %v", answer, answer.Segment)
	}
	m, err := j.EditLogManifest(1, true)
	must(t, err)
	if want := "[[1,3], [4,6]] CommittedTxId: 6"; m.String() != want {
		t.Errorf("manifest %s, want %s", m, want)
	}
	must(t, j.FinalizeLogSegment(w.info(), 4, 6))
}

// A segment of one transaction that is started again is empty until its first batch (traps 14 and 23).
func TestStartOverPromisesNothing(t *testing.T) {
	j := openJournal(t, newEnv(vfs.NewMem(), noFetch))
	must(t, j.Format(formatRequest()))
	w := newWriter(t, j, 1)
	must(t, j.StartLogSegment(w.info(), 7, layout))
	must(t, j.Write(w.info(), writes(7, 7, 7)))
	must(t, j.StartLogSegment(w.info(), 7, layout))
	m, err := j.EditLogManifest(1, true)
	must(t, err)
	if len(m.Logs) != 0 {
		t.Errorf("manifest %s of an empty segment", m)
	}
	if h := j.Snapshot().Highest; h != 6 {
		t.Errorf("highest %d", h)
	}
}

// A journal that was closed has given its lock away: it must change nothing any more.
func TestClosedJournalRefuses(t *testing.T) {
	mem := vfs.NewMem()
	env := newEnv(mem, fetchBytes(segmentFile(4, 8)))
	j, w := written(t, env)
	must(t, j.Close())
	other := openJournal(t, env)
	before := describe(other)
	for name, call := range map[string]func() error{
		"newEpoch":  func() error { _, _, err := j.NewEpoch(fixtureInfo, 9, "10.0.0.1"); return err },
		"heartbeat": func() error { w.epoch = 9; w.committed = 8; return j.Heartbeat(w.info()) },
		"start":     func() error { return j.StartLogSegment(w.info(), 9, layout) },
		"write":     func() error { return j.Write(w.info(), writes(4, 9, 9)) },
		"finalize":  func() error { return j.FinalizeLogSegment(w.info(), 4, 8) },
		"purge":     func() error { return j.PurgeLogsOlderThan(w.info(), 4) },
		"prepare":   func() error { _, err := j.PrepareRecovery(w.info(), 4); return err },
		"accept": func() error {
			return j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 9, InProgress: true}, "x")
		},
		"discard":    func() error { return j.DiscardSegments(4) },
		"preUpgrade": j.DoPreUpgrade,
		"upgrade":    func() error { return j.DoUpgrade(fixtureInfo) },
		"rollback":   j.DoRollback,
		"finalizeUp": j.DoFinalize,
		"format": func() error {
			force := true
			r := formatRequest()
			r.Force = &force
			return j.Format(r)
		},
		"canRollBack": func() error { _, err := j.CanRollBack(layout); return err },
		"cTime":       func() error { _, err := j.CTime(); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("%s on a closed journal: %v", name, err)
		}
	}
	must(t, other.Close())
	if after := describe(openJournal(t, env)); after != before {
		t.Errorf("the directory changed\n before %s\n after  %s", before, after)
	}
	must(t, j.Close()) // a second Close does nothing
}

// describe is all that a snapshot says of what is on disk.
func describe(j *jnserver.Journal) string {
	s := j.Snapshot()
	var files []string
	for _, seg := range s.Segments {
		files = append(files, seg.Name)
	}
	return strings.Join([]string{
		s.State.String(), s.Info.String(), s.Promised.String(), s.Writer.String(), s.CommittedTxID().String(), s.Highest.String(),
		strings.Join(files, " "),
	}, ", ")
}

// What the manifest promises of a segment in progress is in that segment, not in one that is gone (trap 23): segment 20 was
// started twice and is empty, 4-8 was left in progress before it.
func TestManifestEndBelongsToTheSegment(t *testing.T) {
	mem := vfs.NewMem()
	j, w := written(t, newEnv(mem, noFetch))
	must(t, j.StartLogSegment(w.info(), 20, layout))
	must(t, j.Write(w.info(), writes(20, 20, 20)))
	must(t, j.StartLogSegment(w.info(), 20, layout))
	newWriter(t, j, 2) // sets the empty 20 aside
	checkReadable(t, "", j)
	m, err := j.EditLogManifest(0, true)
	must(t, err)
	if want := "[[1,3]] CommittedTxId: 6"; m.String() != want {
		t.Errorf("manifest %s, want %s", m, want)
	}
}
