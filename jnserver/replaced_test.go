package jnserver_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"gojn/hadooprpc"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

var errDisk = errors.New("input/output error")

// sameAsReopened compares what a journal knows with what a new process reads from the same disk.
func sameAsReopened(t *testing.T, mem *vfs.Mem, j *jnserver.Journal) {
	t.Helper()
	here := *j.Snapshot()
	must(t, j.Close())
	there := *openJournal(t, newEnv(everything(mem), noFetch)).Snapshot()
	for what, pair := range map[string][2]any{
		"state": {here.State, there.State}, "info": {here.Info, there.Info}, "promised": {here.Promised, there.Promised},
		"writer": {here.Writer, there.Writer}, "committed": {here.CommittedTxID(), there.CommittedTxID()},
		"highest": {here.Highest, there.Highest}, "segments": {len(here.Segments), len(there.Segments)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %v in memory, %v for a new process", what, pair[0], pair[1])
		}
	}
}

// A rollback that failed at its last step has replaced the directory all the same.
func TestRollbackThatFailedLate(t *testing.T) {
	mem := vfs.NewMem()
	failing := false
	fsys := vfs.Inject(mem, func(op vfs.Op) error {
		if failing && op.Kind == "removeall" && strings.HasSuffix(op.Path, "removed.tmp") {
			failing = false
			return errDisk
		}
		return nil
	})
	j, w := written(t, newEnv(fsys, noFetch))
	must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	must(t, j.DoPreUpgrade())
	upgraded := fixtureInfo
	upgraded.CTime++
	must(t, j.DoUpgrade(upgraded))
	w = newWriter(t, j, 2)
	must(t, j.StartLogSegment(w.info(), 9, layout))
	must(t, j.Write(w.info(), writes(9, 9, 12)))
	must(t, j.FinalizeLogSegment(w.info(), 9, 12))
	w.committed = 12
	must(t, j.Heartbeat(w.info()))
	failing = true
	_ = j.DoRollback() // that it fails, or heals itself, is not the point
	if failing {
		t.Fatal("the fault never came")
	}
	must(t, j.DoRollback())
	sameAsReopened(t, mem, j)
}

// So has a format that failed at its last sync, with no segment open that could have told.
func TestFormatThatFailedLate(t *testing.T) {
	for n := 1; ; n++ {
		mem := vfs.NewMem()
		count := 0
		fsys := vfs.Inject(mem, func(vfs.Op) error {
			if count--; count == 0 {
				return errDisk
			}
			return nil
		})
		j, w := written(t, newEnv(fsys, noFetch))
		must(t, j.FinalizeLogSegment(w.info(), 4, 8))
		other, force := formatRequest(), true
		other.Info.NamespaceID, other.Force = 77, &force
		count = n
		err := j.Format(other)
		done := count > 0
		count = 0
		if s := j.Snapshot(); s.Formatted() {
			sameAsReopened(t, mem, j)
		}
		if done {
			must(t, err)
			return
		}
	}
}

// While the end of a journal could not be read, no segment is started that the late reading would take for an empty one.
func TestStartWaitsForTheReading(t *testing.T) {
	mem := vfs.NewMem()
	failing := false
	fsys := vfs.Inject(mem, func(op vfs.Op) error {
		if failing && op.Kind == "rename" && strings.HasSuffix(op.To, storage.SuffixEmpty) {
			return errDisk
		}
		return nil
	})
	j, w := written(t, newEnv(fsys, noFetch))
	must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	must(t, j.StartLogSegment(w.info(), 9, layout))
	must(t, j.DoPreUpgrade())
	must(t, j.DoUpgrade(fixtureInfo))
	failing = true
	if err := j.DoRollback(); err == nil {
		t.Fatal("the rollback did not notice that the empty segment cannot be set aside")
	}
	if _, _, err := j.NewEpoch(fixtureInfo, 2, "10.0.0.1"); err == nil {
		t.Fatal("an epoch was promised although the journal's end is unknown")
	}
	failing = false
	w = &writer{epoch: 2} // the quorum of the others is enough for the writer
	must(t, j.StartLogSegment(w.info(), 9, layout))
	must(t, j.Write(w.info(), writes(9, 9, 12)))
	must(t, j.FinalizeLogSegment(w.info(), 9, 12))
	if !has(t, mem, journalRoot+"/current/"+storage.FinalizedName(9, 12)) {
		t.Error("the segment is gone")
	}
}

// A question takes no place that calls which wait for the disk have filled, and getJournalCTime and canRollBack wait for no
// writer.
func TestQuestionsWhileAllPlacesHang(t *testing.T) {
	g := newGate()
	fsys := vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
		if op.Kind == "syncdata" && strings.HasPrefix(op.Path, journalRoot) {
			g.pass()
		}
		return nil
	})
	n := newNode(t, newConfig(fsys, noFetch))
	server := &hadooprpc.Server{}
	c := &rpcClient{t: t, client: serve(t, n, server), jid: "ns1", lv: 0xffffffff - 66}
	for _, answer := range []string{c.format(false, nil), c.newEpoch(1, nil), c.start(1, 1), c.edits(c.info(1, -1), 1, 1, 3)} {
		if !strings.HasPrefix(answer, "OK") {
			t.Fatal(answer)
		}
	}
	g.armed.Store(true)
	const more = 12 // than there are places
	done := make(chan string, more)
	for range more {
		info := c.info(1, -1)
		go func() { done <- c.edits(info, 1, 4, 4) }()
	}
	<-g.arrived
	for server.Stats().Running+server.Stats().Queued < more {
		runtime.Gosched() // until all have arrived
	}
	for name, answer := range map[string]string{
		"getJournalState": c.journalState(), "getEditLogManifest": c.manifest(1, true), "isFormatted": c.isFormatted(),
		"getJournalCTime": c.cTime(), "canRollBack": c.canRollBack(layout),
	} {
		if !strings.HasPrefix(answer, "OK") {
			t.Errorf("%s: %s", name, answer)
		}
	}
	close(g.open)
	for range more {
		<-done
	}
}

// A journal whose directory could not be read at the end of a doUpgrade or a doRollback is not served, and is again as soon
// as the disk can be read, by whatever call comes next.
func TestServedAgainByAnyCall(t *testing.T) {
	upgraded := fixtureInfo
	upgraded.CTime++
	for _, tt := range []struct {
		name  string
		last  string // the rename after which the disk cannot be read
		call  func(j *jnserver.Journal) error
		ctime int64
	}{
		{"doUpgrade", "/previous", func(j *jnserver.Journal) error { return j.DoUpgrade(upgraded) }, upgraded.CTime},
		{"doRollback", "/current", func(j *jnserver.Journal) error {
			if err := j.DoUpgrade(upgraded); err != nil {
				return err
			}
			return j.DoRollback()
		}, fixtureInfo.CTime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mem := vfs.NewMem()
			armed, broken := false, false
			fsys := vfs.Inject(mem, func(op vfs.Op) error {
				if broken {
					return errDisk
				}
				broken = armed && op.Kind == "rename" && strings.HasSuffix(op.To, tt.last)
				return nil
			})
			j, w := written(t, newEnv(fsys, noFetch))
			must(t, j.FinalizeLogSegment(w.info(), 4, 8))
			must(t, j.DoPreUpgrade())
			armed = true
			if err := tt.call(j); !errors.Is(err, errDisk) {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if err := j.Heartbeat(w.info()); !errors.Is(err, errDisk) {
				t.Fatalf("while the disk cannot be read: %v", err)
			}
			if s := j.Snapshot(); s.Formatted() || s.Problem == nil {
				t.Errorf("shown as %v, problem %v", s.State, s.Problem)
			}
			armed, broken = false, false
			must(t, j.Heartbeat(w.info()))
			if s := j.Snapshot(); s.Info.CTime != tt.ctime || s.Problem != nil {
				t.Errorf("%v, problem %v", s.Info, s.Problem)
			}
			sameAsReopened(t, mem, j)
		})
	}
}
