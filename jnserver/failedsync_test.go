package jnserver_test

import (
	"context"
	"io"
	"strings"
	"syscall"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// failing fails the operations that match once armed.
type failing struct {
	armed bool
	match func(op vfs.Op) bool
}

func (f *failing) hook(op vfs.Op) error {
	if f.armed && f.match(op) {
		return syscall.EIO
	}
	return nil
}

// syncBehindRename fails the sync of current/ that follows the renaming of an accepted copy, and those after it.
func syncBehindRename() *failing {
	renamed := false
	f := &failing{}
	f.match = func(op vfs.Op) bool {
		renamed = renamed || op.Kind == "rename" && strings.HasSuffix(op.To, storage.InProgressName(4))
		return renamed && op.Kind == "syncdir" && strings.HasSuffix(op.Path, "/current")
	}
	return f
}

// wantShown checks that readers are shown the segment at 4 up to last, and given it so.
func wantShown(t *testing.T, j *jnserver.Journal, last storage.TxID) {
	t.Helper()
	m, err := j.EditLogManifest(4, true)
	must(t, err)
	if len(m.Logs) != 1 || m.Logs[0] != (jnserver.ManifestLog{First: 4, Last: last, InProgress: true}) {
		t.Errorf("the manifest is %v, want 4 to %d", m, last)
	}
	if scan, err := readSegment(t, j, 4); err != nil || scan.End != last {
		t.Errorf("readers are given %d to %d, want %d: %v", scan.First, scan.End, last, err)
	}
}

// TestAcceptedCopyIsShown: the accepted copy has the segment's name and the sync behind that fails. Memory has the end of the
// file that readers are given, shorter or longer than the one before it, what that one held is no evidence any more, and a
// power cut changes nothing.
func TestAcceptedCopyIsShown(t *testing.T) {
	for name, last := range map[string]storage.TxID{"shorter": 7, "longer": 12} {
		t.Run(name+", by the accept", func(t *testing.T) {
			mem, f := vfs.NewMem(), syncBehindRename()
			j, _ := written(t, newEnv(vfs.Inject(mem, f.hook), fetchBytes(segmentFile(4, last))))
			w := newWriter(t, j, 2)
			f.armed = true
			state := jnserver.SegmentState{Start: 4, End: last, InProgress: true}
			must(t, j.AcceptRecovery(t.Context(), w.info(), state, "x"))
			wantShown(t, j, last)
			_, err := j.PrepareRecovery(w.info(), 4)
			wantError(t, err, javaerr.IOException, "input/output error")
			wantShown(t, j, last)
			answerOf(t, openJournal(t, newEnv(mem.CrashClone(nil), noFetch)), nil, last)
			f.armed = false
			answerOf(t, j, w, last)
			answerOf(t, openJournal(t, newEnv(mem.CrashClone(nil), noFetch)), nil, last)
		})
		t.Run(name+", by the prepare that completes it", func(t *testing.T) {
			mem, f, refused := vfs.NewMem(), syncBehindRename(), true
			late := vfs.Inject(vfs.Inject(mem, f.hook), func(op vfs.Op) error {
				if refused && op.Kind == "rename" && strings.HasSuffix(op.To, storage.InProgressName(4)) {
					return syscall.EIO
				}
				return nil
			})
			j, _ := written(t, newEnv(late, fetchBytes(segmentFile(4, last))))
			w := newWriter(t, j, 2)
			state := jnserver.SegmentState{Start: 4, End: last, InProgress: true}
			wantError(t, j.AcceptRecovery(t.Context(), w.info(), state, "x"), javaerr.IOException, "input/output error")
			refused, f.armed = false, true
			w = newWriter(t, j, 3)
			_, err := j.PrepareRecovery(w.info(), 4)
			wantError(t, err, javaerr.IOException, "input/output error")
			wantShown(t, j, last)
			f.armed = false
			answerOf(t, j, w, last)
			answerOf(t, openJournal(t, newEnv(mem.CrashClone(nil), noFetch)), nil, last)
		})
	}
}

// answerOf checks what a recovery is told of the segment at 4.
func answerOf(t *testing.T, j *jnserver.Journal, w *writer, last storage.TxID) {
	t.Helper()
	if w == nil {
		w = newWriter(t, j, 9)
	}
	answer, err := j.PrepareRecovery(w.info(), 4)
	must(t, err)
	if answer.Segment == nil || answer.Segment.End != last || !answer.HasAccepted {
		t.Errorf("the recovery is told %+v, want an accepted end of %d", answer, last)
	}
}

// TestStartOverThatFails: a segment of one transaction was to be started anew. Its file was removed, and neither was the new one
// made whole nor could it be taken away: there is nothing in it, and readers are promised nothing.
func TestStartOverThatFails(t *testing.T) {
	mem := vfs.NewMem()
	began := false
	f := &failing{match: func(op vfs.Op) bool {
		began = began || op.Kind == "writeat" && strings.HasSuffix(op.Path, storage.InProgressName(4))
		return began && (op.Kind == "writeat" || op.Kind == "remove")
	}}
	j := openJournal(t, newEnv(vfs.Inject(mem, f.hook), noFetch))
	must(t, j.Format(formatRequest()))
	w := newWriter(t, j, 1)
	must(t, j.StartLogSegment(w.info(), 4, layout))
	must(t, j.Write(w.info(), writes(4, 4, 4)))
	w = newWriter(t, j, 2)
	f.armed = true
	wantError(t, j.StartLogSegment(w.info(), 4, layout), javaerr.IOException, "input/output error")
	m, err := j.EditLogManifest(1, true)
	must(t, err)
	if len(m.Logs) != 0 || j.Snapshot().Highest != 3 {
		t.Errorf("the manifest is %v, the highest transaction %d", m, j.Snapshot().Highest)
	}
	f.armed = false
	w = newWriter(t, j, 3)
	must(t, j.StartLogSegment(w.info(), 4, layout))
	must(t, j.Write(w.info(), writes(4, 4, 6)))
	wantShown(t, j, 6)
}

// TestListedAgainByAnyCall: a change failed half way on a disk that could not be listed either. The first call behind the
// fault, whichever it is, shows readers what is there.
func TestListedAgainByAnyCall(t *testing.T) {
	mem := vfs.NewMem()
	renamed := 0
	f := &failing{match: func(op vfs.Op) bool {
		if op.Kind == "rename" && strings.HasSuffix(op.To, storage.SuffixTrash) {
			renamed++
		}
		return renamed > 0 && (op.Kind == "syncdir" || op.Kind == "readdir")
	}}
	j, w := written(t, newEnv(vfs.Inject(mem, f.hook), noFetch))
	must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	f.armed = true
	if err := j.DiscardSegments(4); err == nil {
		t.Fatal("discarded without a sync")
	}
	f.armed = false
	must(t, j.Heartbeat(w.info()))
	m, err := j.EditLogManifest(1, true)
	must(t, err)
	if len(m.Logs) != 1 || m.Logs[0].Last != 3 {
		t.Errorf("the manifest is %v, on disk are %q", m, names(t, mem, journalRoot+"/current"))
	}
}

// TestAcceptRepeatedInOneEpoch: the record of an accept failed at its last sync, and so does the download of a second attempt.
// The finished copy of the first one stays, so that the next writer's recovery completes it, and a power cut in between does
// not keep the node from answering either.
func TestAcceptRepeatedInOneEpoch(t *testing.T) {
	mem := vfs.NewMem()
	f := &failing{match: func(op vfs.Op) bool { return op.Kind == "syncdir" && strings.HasSuffix(op.Path, "/paxos") }}
	broken := false
	fetch := fetchFunc(func(_ context.Context, _ string, dst io.Writer) (int64, error) {
		data := segmentFile(4, 9)
		if broken {
			data = data[:30]
		}
		n, err := dst.Write(data)
		if broken {
			err = errDisk
		}
		return int64(n), err
	})
	j, _ := written(t, newEnv(vfs.Inject(mem, f.hook), fetch))
	w := newWriter(t, j, 2)
	state := jnserver.SegmentState{Start: 4, End: 9, InProgress: true}
	f.armed = true
	wantError(t, j.AcceptRecovery(t.Context(), w.info(), state, "x"), javaerr.IOException, "input/output error")
	f.armed, broken = false, true
	if err := j.AcceptRecovery(t.Context(), w.info(), state, "x"); err == nil {
		t.Fatal("accepted half a download")
	}
	answerOf(t, openJournal(t, newEnv(everything(mem), noFetch)), nil, 9)
	w = newWriter(t, j, 3)
	answerOf(t, j, w, 9)
	must(t, j.AcceptRecovery(t.Context(), w.info(), state, "x"))
	must(t, j.FinalizeLogSegment(w.info(), 4, 9))
}
