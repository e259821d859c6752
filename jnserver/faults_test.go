package jnserver_test

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

var errBroken = errors.New("input/output error")

// faultScenario is one call that changes something, on the journal of written.
type faultScenario struct {
	name    string
	prepare func(t *testing.T, j *jnserver.Journal, w *writer) // done before anything fails
	call    func(t *testing.T, j *jnserver.Journal, w *writer) error
	promise storage.Epoch // that the call makes
	// ignored tells an operation whose failure the call may survive, and why that is right.
	ignored func(op vfs.Op) (why string)
	repeat  bool // the call, made again with the next serial, succeeds
}

func opOn(op vfs.Op, kind, name string) bool {
	return op.Kind == kind && strings.HasPrefix(path.Base(op.Path), name)
}

func faultScenarios() []faultScenario {
	// The open segment is closed on the way; if that fails it is bad, which is told where it matters.
	closing := func(op vfs.Op) string {
		if opOn(op, "syncdata", "edits_inprogress") || opOn(op, "close", "edits_inprogress") {
			return "the segment is bad from then on"
		}
		return ""
	}
	lag := func(t *testing.T, j *jnserver.Journal, w *writer) {
		w.committed = 10
		must(t, j.Write(w.info(), writes(4, 9, 10)))
	}
	recovery := func(t *testing.T, j *jnserver.Journal, w *writer) {
		*w = *newWriter(t, j, 2)
		if _, err := j.PrepareRecovery(w.info(), 4); err != nil {
			t.Fatal(err)
		}
	}
	unread := func(op vfs.Op) string {
		if path.Base(op.Path) == storage.InProgressName(4) && slices.Contains([]string{"open", "fstat", "readat"}, op.Kind) {
			return "a copy takes the place of what cannot be read"
		}
		return ""
	}
	preUpgrade := func(t *testing.T, j *jnserver.Journal, _ *writer) { must(t, j.DoPreUpgrade()) }
	upgraded := storage.StorageInfo{LayoutVersion: -68, NamespaceID: fixtureInfo.NamespaceID, ClusterID: fixtureInfo.ClusterID, CTime: 1}
	upgrade := func(t *testing.T, j *jnserver.Journal, w *writer) {
		preUpgrade(t, j, w)
		must(t, j.DoUpgrade(upgraded))
	}
	return []faultScenario{
		{name: "newEpoch", promise: 3, prepare: lag, ignored: closing, repeat: true,
			call: func(t *testing.T, j *jnserver.Journal, w *writer) error {
				w.epoch = max(w.epoch+1, 3)
				w.serial = 0
				_, _, err := j.NewEpoch(fixtureInfo, w.epoch, "10.0.0.1")
				return err
			}},
		{name: "heartbeat of a new epoch", promise: 4, repeat: true, call: func(_ *testing.T, j *jnserver.Journal, w *writer) error {
			w.epoch, w.committed = 4, 8
			return j.Heartbeat(w.info())
		}},
		{name: "journal", call: func(_ *testing.T, j *jnserver.Journal, w *writer) error {
			return j.Write(w.info(), writes(4, 9, 10))
		}},
		{name: "journal, committed", call: func(_ *testing.T, j *jnserver.Journal, w *writer) error {
			w.committed = 10
			return j.Write(w.info(), writes(4, 9, 10))
		}},
		{name: "startLogSegment", prepare: lag, ignored: closing, repeat: true,
			call: func(_ *testing.T, j *jnserver.Journal, w *writer) error {
				w.epoch++
				return j.StartLogSegment(w.info(), 11, layout)
			}},
		{name: "startLogSegment over one transaction", repeat: true,
			prepare: func(t *testing.T, j *jnserver.Journal, w *writer) {
				must(t, j.StartLogSegment(w.info(), 9, layout))
				must(t, j.Write(w.info(), writes(9, 9, 9)))
				*w = *newWriter(t, j, 2)
			},
			call: func(_ *testing.T, j *jnserver.Journal, w *writer) error {
				return j.StartLogSegment(w.info(), 9, layout)
			}},
		{name: "finalizeLogSegment", prepare: lag, call: func(_ *testing.T, j *jnserver.Journal, w *writer) error {
			return j.FinalizeLogSegment(w.info(), 4, 10)
		}},
		{name: "finalizeLogSegment of a recovery", prepare: recovery, repeat: true,
			call: func(_ *testing.T, j *jnserver.Journal, w *writer) error {
				return j.FinalizeLogSegment(w.info(), 4, 8)
			}},
		{name: "prepareRecovery", prepare: lag, ignored: closing,
			call: func(_ *testing.T, j *jnserver.Journal, w *writer) error {
				_, err := j.PrepareRecovery(w.info(), 4)
				return err
			}},
		{name: "acceptRecovery", prepare: recovery, ignored: unread, repeat: true,
			call: func(t *testing.T, j *jnserver.Journal, w *writer) error {
				return j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 9, InProgress: true}, "copy")
			}},
		{name: "acceptRecovery without download", prepare: recovery, ignored: unread, repeat: true,
			call: func(t *testing.T, j *jnserver.Journal, w *writer) error {
				return j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 8, InProgress: true}, "8")
			}},
		{name: "purgeLogs", repeat: true,
			ignored: func(op vfs.Op) string {
				if op.Kind == "remove" || op.Kind == "rename" && strings.HasSuffix(op.To, storage.SuffixStale) {
					return "told by the event only, as in Java"
				}
				return ""
			},
			prepare: func(t *testing.T, j *jnserver.Journal, w *writer) { must(t, j.StartLogSegment(w.info(), 9, layout)) },
			call:    func(_ *testing.T, j *jnserver.Journal, w *writer) error { return j.PurgeLogsOlderThan(w.info(), 4) }},
		{name: "discardSegments", repeat: true, ignored: closing,
			call: func(_ *testing.T, j *jnserver.Journal, _ *writer) error { return j.DiscardSegments(4) }},
		{name: "format", repeat: true, ignored: closing, call: func(_ *testing.T, j *jnserver.Journal, _ *writer) error {
			r := formatRequest()
			force := true
			r.Force = &force
			return j.Format(r)
		}},
		{name: "doPreUpgrade", prepare: lag, ignored: closing,
			call: func(_ *testing.T, j *jnserver.Journal, _ *writer) error { return j.DoPreUpgrade() }},
		{name: "doUpgrade", prepare: preUpgrade, call: func(_ *testing.T, j *jnserver.Journal, _ *writer) error { return j.DoUpgrade(upgraded) }},
		{name: "doFinalize", prepare: upgrade, repeat: true,
			call: func(_ *testing.T, j *jnserver.Journal, _ *writer) error { return j.DoFinalize() }},
		{name: "doRollback", prepare: upgrade, repeat: true,
			ignored: func(op vfs.Op) string {
				if strings.HasPrefix(path.Base(op.Path), "edits_inprogress") {
					return "the segment is bad until it can be read from the disk"
				}
				return ""
			},
			call: func(_ *testing.T, j *jnserver.Journal, _ *writer) error { return j.DoRollback() }},
	}
}

// TestFaults fails each file-system operation of each call in turn, syncs also as ext4 does, which calls clean what it could
// not write. The error goes up; what memory says is what the disk
// says; a promise that was answered is never lowered, not even by a power cut; and when the disk is mended the journal goes
// on.
func TestFaults(t *testing.T) {
	for _, s := range faultScenarios() {
		t.Run(s.name, func(t *testing.T) {
			step := 1
			if raceEnabled {
				step = 7 // nothing runs at the same time here; a sample does
			}
			for _, err := range []error{errBroken, &vfs.Lost{Err: errBroken}} {
				n := 1
				for tryFault(t, s, n, err) {
					n += step
				}
				if n < 3 {
					t.Errorf("only %d operations", n-1)
				}
			}
		})
	}
}

// tryFault fails the n-th operation of the call with fault; false if it has fewer.
func tryFault(t *testing.T, s faultScenario, n int, fault error) (hit bool) {
	t.Helper()
	mem := vfs.NewMem()
	must(t, mem.MkdirAll(editsDir, 0o755))
	mem = everything(mem)
	armed, count := false, 0
	var failed vfs.Op
	fsys := vfs.Inject(mem, func(op vfs.Op) error {
		if !armed {
			return nil
		}
		if count++; count != n {
			return nil
		}
		failed, hit = op, true
		return fault
	})
	env := newEnv(fsys, fetchFunc(func(ctx context.Context, url string, dst io.Writer) (int64, error) {
		end := storage.TxID(9) // a download that was not planned: the segment became bad
		if url == "8" {
			end = 8
		}
		return fetchBytes(segmentFile(4, end))(ctx, url, dst)
	}))
	env.Reserve = storage.Reserve{Promises: 64 << 10}
	j, w := written(t, env)
	if s.prepare != nil {
		s.prepare(t, j, w)
	}
	before := j.Snapshot()
	armed = true
	err := s.call(t, j, w)
	armed = false
	if !hit {
		must(t, err)
		return false
	}
	what := s.name + ": " + failed.Kind + " " + path.Base(failed.Path) + ": "
	if err != nil && !errors.Is(err, errBroken) && !strings.Contains(err.Error(), errBroken.Error()) {
		t.Errorf("%san error of its own: %v", what, err)
	}
	after := j.Snapshot()
	told := errors.Is(after.EpochErr, errBroken) || errors.Is(after.CommittedErr, errBroken) // by the next call that needs it
	for _, b := range after.Bad {
		told = told || strings.Contains(b.Reason, errBroken.Error()) // and in its recovery
	}
	leftover := failed.Kind == "removeall" && strings.HasSuffix(failed.Path, ".tmp") // garbage; Open tries again
	// The reserve is no part of any answer, nor are the figures of the file system.
	aside := failed.Kind == "close" || failed.Kind == "statfs" || strings.HasSuffix(failed.Path, "/gojn.reserve")
	if err == nil && !told && !leftover && !aside && (s.ignored == nil || s.ignored(failed) == "") {
		t.Errorf("%sno error", what)
	}
	mended := after.State != storage.Normal
	if mended {
		if !errors.Is(after.Problem, errBroken) && s.name != "format" {
			t.Errorf("%snot served, and the reason told is %v", what, after.Problem)
		}
		w.serial += 100
		_ = s.call(t, j, w) // mends, even if there is nothing left to do for it
	}
	if told {
		if _, err := j.LastPromisedEpoch(); err != nil { // looks at the disk again
			t.Errorf("%sthe epoch stays unreadable: %v", what, err)
		}
	}
	checkAgainstDisk(t, what, j, mem, err == nil || mended, errors.As(fault, new(*vfs.Lost)))
	formatting := s.name == "format"
	if !formatting {
		promised := max(before.Promised, j.Snapshot().Promised)
		if err == nil {
			promised = max(promised, s.promise)
		}
		checkPromise(t, what, mem, promised)
	}
	if s.repeat && err != nil && after.State == storage.Normal {
		w.serial += 100
		if err := s.call(t, j, w); err != nil {
			t.Errorf("%sstill fails after the fault: %v", what, err)
		}
	}
	checkService(t, what, j)
	must(t, j.Close())
	return true
}

// checkAgainstDisk compares what the journal shows with what lies on its disk and with what a new process makes of it. Unless
// exact, an epoch whose write failed at its last step may count after a restart: nobody was told of it. If something was lost,
// the committed txid, which is a lower bound, may be lower.
func checkAgainstDisk(t *testing.T, what string, j *jnserver.Journal, mem *vfs.Mem, exact, lost bool) {
	t.Helper()
	s := j.Snapshot()
	if s.State == storage.Normal {
		var onDisk, shown []string
		for _, name := range names(t, mem, journalRoot+"/current") {
			if _, ok := storage.ParseSegmentName(name); ok {
				onDisk = append(onDisk, name)
			}
		}
		for _, seg := range s.Segments {
			shown = append(shown, seg.Name)
		}
		slices.Sort(shown)
		if !slices.Equal(onDisk, shown) {
			t.Errorf("%sthe journal shows %v, on disk are %v", what, shown, onDisk)
		}
	}
	fresh := openJournal(t, newEnv(everything(mem), noFetch))
	d := fresh.Snapshot()
	if s.State != d.State || s.Info != d.Info {
		t.Errorf("%sthe journal is %v %v, for a new process %v %v", what, s.State, s.Info, d.State, d.Info)
	}
	if s.Promised > d.Promised || exact && s.Promised != d.Promised {
		t.Errorf("%spromised %d, for a new process %d", what, s.Promised, d.Promised)
	}
	if s.Writer > d.Writer || exact && s.Writer != d.Writer {
		t.Errorf("%swriter %d, for a new process %d", what, s.Writer, d.Writer)
	}
	if lost := lost && d.CommittedTxID() < s.CommittedTxID(); s.CommittedTxID() != d.CommittedTxID() && !lost {
		t.Errorf("%scommitted %d, for a new process %d", what, s.CommittedTxID(), d.CommittedTxID())
	}
	checkReadable(t, what, j)
}

// checkReadable reads what the manifest promises of the segment in progress (trap 23).
func checkReadable(t *testing.T, what string, j *jnserver.Journal) {
	t.Helper()
	m, err := j.EditLogManifest(0, true)
	if err != nil {
		return
	}
	for _, log := range m.Logs {
		if !log.InProgress {
			continue
		}
		scan, err := readSegment(t, j, log.First)
		if err != nil || !scan.HasTxns() || scan.End < log.Last {
			t.Errorf("%sthe manifest promises %s, the file has %d-%d, %v", what, log, scan.First, scan.End, err)
		}
	}
}

// checkPromise cuts the power: what was promised is there.
func checkPromise(t *testing.T, what string, mem *vfs.Mem, promised storage.Epoch) {
	t.Helper()
	j := openJournal(t, newEnv(mem.CrashClone(nil), noFetch))
	if s := j.Snapshot(); s.Promised < promised {
		t.Errorf("%safter a power cut promised %d, was %d", what, s.Promised, promised)
	}
}

// checkService takes the journal over and writes a segment. An upgrade that was begun is completed first.
func checkService(t *testing.T, what string, j *jnserver.Journal) {
	t.Helper()
	if j.Snapshot().State != storage.Normal {
		t.Errorf("%sthe journal is %v", what, j.Snapshot().State)
		return
	}
	w := newWriter(t, j, 50)
	for _, err := range []error{
		j.StartLogSegment(w.info(), 100, layout),
		j.Write(w.info(), writes(100, 100, 102)),
		j.FinalizeLogSegment(w.info(), 100, 102),
	} {
		if err != nil {
			t.Errorf("%sno service after the fault: %v", what, err)
		}
	}
	checkReadable(t, what, j)
}
