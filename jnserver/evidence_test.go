package jnserver_test

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

var errFull = &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}

// What this process acknowledged in a segment is evidence: only a decision about that segment ends it.

// A one-transaction file may be started over (spec trap 14), but not if more was acknowledged in it.
func TestStartOverLostTransactions(t *testing.T) {
	for name, lose := range map[string]func(mem *vfs.Mem){
		"cut to its first transaction": func(mem *vfs.Mem) { cut(t, mem, inProgressPath, int64(len(segmentFile(4, 4)))) },
		"emptied":                      func(mem *vfs.Mem) { cut(t, mem, inProgressPath, 8) },
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			j, _ := written(t, newEnv(mem, noFetch))
			lose(mem)
			w := newWriter(t, j, 2)
			wantError(t, j.StartLogSegment(w.info(), 4, layout), javaerr.IllegalState, "acknowledged txid 8")
			_, err := j.PrepareRecovery(w.info(), 4)
			wantError(t, err, javaerr.IOException, "takes no part")
		})
	}
}

// A purge forgets what it purges and nothing else.
func TestPurgeForgetsNothingElse(t *testing.T) {
	mem := vfs.NewMem()
	j, _ := written(t, newEnv(mem, noFetch))
	cut(t, mem, inProgressPath, 8)
	w := newWriter(t, j, 2)
	must(t, j.PurgeLogsOlderThan(w.info(), 1))
	_, err := j.PrepareRecovery(w.info(), 4)
	wantError(t, err, javaerr.IOException, "acknowledged txid 8")
	must(t, j.StartLogSegment(w.info(), 9, layout)) // the segment opened last is never purged
	must(t, j.PurgeLogsOlderThan(w.info(), 9))
	if bad := j.Snapshot().Bad; len(bad) != 0 {
		t.Errorf("still bad after its purge: %v", bad)
	}
	if answer, err := j.PrepareRecovery(w.info(), 4); err != nil || answer.Segment != nil {
		t.Errorf("after its purge: %+v, %v", answer, err)
	}
}

// Damage in the first frame leaves no prefix. A state that ends below the committed txid is refused all the same.
func TestAcceptOverUnreadableSegment(t *testing.T) {
	for name, offset := range map[string]int64{"first frame": 8 + 13, "second frame": int64(len(segmentFile(4, 4))) + 13} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			j, w := written(t, newEnv(mem, fetchBytes(segmentFile(4, 5))))
			w.committed = 8
			must(t, j.Heartbeat(w.info()))
			must(t, j.Close())
			flip(t, mem, inProgressPath, offset)
			j = openJournal(t, newEnv(mem, fetchBytes(segmentFile(4, 5))))
			w = newWriter(t, j, 2)
			err := j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 5, InProgress: true}, "x")
			wantError(t, err, javaerr.Assertion, "would discard already-committed txn 8")
		})
	}
}

// A download that changes between its check and its place is not acknowledged.
func TestAcceptNeedsThePlacedFile(t *testing.T) {
	mem := vfs.NewMem()
	rename := vfs.Inject(mem, func(op vfs.Op) error {
		if op.Kind == "rename" && strings.HasSuffix(op.To, "/"+storage.InProgressName(4)) {
			return errFull
		}
		return nil
	})
	j, _ := written(t, newEnv(rename, fetchBytes(segmentFile(4, 9))))
	w := newWriter(t, j, 2)
	if err := j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 9, InProgress: true}, "x"); err == nil {
		t.Fatal("acknowledged although the copy is not in its place")
	}
	if s := j.Snapshot(); s.Highest != 8 {
		t.Errorf("highest %d", s.Highest)
	}
}

// A full disk costs the segment that was open, not the node: what was acknowledged before is intact, and the node takes
// part in its recovery once there is space again (spec 2.5).
func TestFullDiskCostsNoVote(t *testing.T) {
	full := false
	mem := vfs.NewMem()
	fsys := vfs.Inject(mem, func(op vfs.Op) error {
		if full && op.Kind == "writeat" && strings.Contains(op.Path, "edits_inprogress") {
			return &vfs.Torn{Bytes: 7, Err: errFull}
		}
		return nil
	})
	j, w := written(t, newEnv(fsys, noFetch))
	full = true
	wantError(t, j.Write(w.info(), writes(4, 9, 10)), javaerr.IOException, "no space")
	wantError(t, j.Write(w.info(), writes(4, 9, 10)), javaerr.JournalOutOfSync, "no segment open")
	full = false
	if bad := j.Snapshot().Bad; len(bad) != 0 {
		t.Errorf("bad: %v", bad)
	}
	w = newWriter(t, j, 2)
	answer, err := j.PrepareRecovery(w.info(), 4)
	must(t, err)
	if answer.Segment == nil || *answer.Segment != (jnserver.SegmentState{Start: 4, End: 8, InProgress: true}) {
		t.Errorf("answer %+v", answer)
	}
	must(t, j.AcceptRecovery(t.Context(), w.info(), *answer.Segment, "x"))
	must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	must(t, j.StartLogSegment(w.info(), 9, layout))
	must(t, j.Write(w.info(), writes(9, 9, 10)))
}

// A start below 0 would make a file whose name nobody can read back.
func TestAcceptNegativeStart(t *testing.T) {
	mem := vfs.NewMem()
	j, w := written(t, newEnv(mem, fetchBytes(segmentFile(-5, 3))))
	err := j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: -5, End: 3, InProgress: true}, "x")
	wantError(t, err, javaerr.IllegalArgument, "bad recovery state for segment -5")
}

// An empty segment has no range to be finalized with; Java would name it edits_4-3.
func TestFinalizeEmptyRange(t *testing.T) {
	j := openJournal(t, newEnv(vfs.NewMem(), noFetch))
	must(t, j.Format(formatRequest()))
	w := newWriter(t, j, 1)
	must(t, j.StartLogSegment(w.info(), 4, layout))
	wantError(t, j.FinalizeLogSegment(w.info(), 4, 3), javaerr.IllegalArgument, "Bad range to finalize: 4 to 3")
	must(t, j.Write(w.info(), writes(4, 4, 5))) // the segment is still open
}
