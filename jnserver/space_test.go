package jnserver_test

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// fullJournal is the journal of written, with a reserve, on a file system that has just become full.
func fullJournal(t *testing.T, short error) (*vfs.Mem, *jnserver.Journal, *writer, *[]jnserver.Event) {
	t.Helper()
	mem := vfs.NewMem()
	must(t, mem.MkdirAll(editsDir, 0o755))
	mem = everything(mem)
	copied := append(segmentFile(4, 9), bytes.Repeat([]byte{editlog.OpInvalid}, 1<<20)...)
	env := newEnv(mem, fetchBytes(copied))
	env.Reserve = storage.DefaultReserve
	var events []jnserver.Event
	env.Events = func(_ string, e jnserver.Event) {
		switch e.(type) {
		case jnserver.SpaceShort, jnserver.SpaceBack:
			events = append(events, e)
		}
	}
	j, w := written(t, env)
	if s := j.Snapshot().Space; s.Problem != nil || s.AsOf.IsZero() || len(events) > 0 {
		t.Fatalf("before: %+v, %v", s, events)
	}
	used, inodes := mem.Used()
	mem.SetSpace(used, inodes+10, short)
	return mem, j, w, &events
}

// wantSpace checks what health says.
func wantSpace(t *testing.T, j *jnserver.Journal, parts ...string) {
	t.Helper()
	problem := j.Snapshot().Space.Problem
	if len(parts) == 0 && problem != nil {
		t.Errorf("there is space, and health says %v", problem)
	}
	for _, part := range parts {
		if problem == nil || !strings.Contains(problem.Error(), part) {
			t.Errorf("health says %v, not %s", problem, part)
		}
	}
}

// TestFullDisk: edits are refused with the reason, what was acknowledged can be read and counts, health says what is wrong
// and what to do, and the first segment after there is room again ends it, in the same process.
func TestFullDisk(t *testing.T) {
	for _, short := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		mem, j, w, events := fullJournal(t, short)
		must(t, j.Write(w.info(), writes(4, 9, 10))) // into what the segment has
		wantSpace(t, j)

		big := writes(4, 11, 11)
		big.Records = make([]byte, 1<<20)
		err := j.Write(w.info(), big)
		wantError(t, err, javaerr.IOException, short.Error())
		wantSpace(t, j, "the disk is full: journal was refused: ", "edits_inprogress_0000000000000000004: "+short.Error(),
			"Make room on the file system of "+journalRoot)
		if s := j.Snapshot(); s.Highest != 10 || len(s.Bad) > 0 || s.Space.Free.FreeBytes != 0 {
			t.Errorf("%+v", s)
		}
		if scan, err := readSegment(t, j, 4); err != nil || scan.End != 10 {
			t.Errorf("the segment ends at %d, %v", scan.End, err)
		}
		wantError(t, j.Write(w.info(), writes(4, 11, 11)), javaerr.JournalOutOfSync, "Can't write, no segment open")
		wantSpace(t, j, "journal was refused: ", short.Error()) // the first reason stays

		mem.SetSpace(1<<30, 100, short)
		must(t, j.Heartbeat(w.info()))
		wantSpace(t, j, "the disk is full")
		must(t, j.FinalizeLogSegment(w.info(), 4, 10))
		must(t, j.StartLogSegment(w.info(), 11, layout))
		wantSpace(t, j)
		must(t, j.Write(w.info(), writes(11, 11, 11)))
		if n := len(*events); n != 2 {
			t.Errorf("%d events: %v", n, *events)
		}
	}
}

// TestFailoverOnAFullDisk: a new writer gets the promise, the recovery without a download, and its first segment. Only what
// needs space for edits beyond that is refused. All of it survives a power cut.
func TestFailoverOnAFullDisk(t *testing.T) {
	mem, j, _, events := fullJournal(t, syscall.ENOSPC)
	w := newWriter(t, j, 2)
	answer, err := j.PrepareRecovery(w.info(), 4)
	must(t, err)
	if answer.Segment == nil || answer.Segment.End != 8 {
		t.Fatalf("%+v", answer)
	}
	err = j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 9, InProgress: true}, "copy")
	wantError(t, err, javaerr.IOException, syscall.ENOSPC.Error()) // the reserve is not for copies
	must(t, j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 8, InProgress: true}, "none"))
	must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	must(t, j.StartLogSegment(w.info(), 9, layout))
	must(t, j.Write(w.info(), writes(9, 9, 20)))
	wantSpace(t, j, "the disk is full", "gojn.reserve has ")

	after := openJournal(t, newEnv(mem.CrashClone(nil), noFetch)).Snapshot()
	if after.Promised != 2 || after.Writer != 2 || after.Highest != 20 {
		t.Errorf("after a power cut: %+v", after)
	}
	for e := storage.Epoch(3); e < 10; e++ { // NameNodes that try in turn
		newWriter(t, j, e)
	}
	if s := openJournal(t, newEnv(mem.CrashClone(nil), noFetch)).Snapshot(); s.Promised != 9 {
		t.Errorf("promised %d", s.Promised)
	}
	if _, ok := (*events)[0].(jnserver.SpaceShort); !ok {
		t.Errorf("%v", *events)
	}
}

// TestNoRoomForANewSegment: where not even the promises have their space any more, a segment is refused by name, the epoch
// stays promised, and it works at once when there is room.
func TestNoRoomForANewSegment(t *testing.T) {
	mem, j, _, _ := fullJournal(t, syscall.ENOSPC)
	must(t, mem.Remove(journalRoot+"/gojn.reserve"))
	used, inodes := mem.Used()
	mem.SetSpace(used+(1<<20)-4096, inodes+10, syscall.ENOSPC) // room for the promises, and almost for their reserve
	w := newWriter(t, j, 2)
	must(t, j.FinalizeLogSegment(w.info(), 4, 8)) // frees almost 1 MiB
	used, _ = mem.Used()
	mem.SetSpace(used+(1<<20)-4096, inodes+10, syscall.ENOSPC)
	err := j.StartLogSegment(w.info(), 9, layout)
	wantError(t, err, javaerr.IOException, "no edits are taken until 1048576 bytes can be kept free for promises in "+
		journalRoot+"/gojn.reserve")
	wantSpace(t, j, "startLogSegment was refused: no edits are taken until")
	newWriter(t, j, 3)
	mem.SetSpace(0, 0, nil)
	w = newWriter(t, j, 4)
	must(t, j.StartLogSegment(w.info(), 9, layout))
	wantSpace(t, j)
}

// TestReserveFails: for another reason than space. Edits are taken; health says that no space is kept.
func TestReserveFails(t *testing.T) {
	mem := vfs.NewMem()
	must(t, mem.MkdirAll(editsDir, 0o755))
	broken := true
	env := newEnv(vfs.Inject(mem, func(op vfs.Op) error {
		if broken && op.Kind == "writeat" && strings.HasSuffix(op.Path, "gojn.reserve") {
			return errBroken
		}
		return nil
	}), noFetch)
	env.Reserve = storage.DefaultReserve
	j, w := written(t, env)
	wantSpace(t, j, "no space is kept for a full disk: ", "gojn.reserve", errBroken.Error())
	broken = false
	must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	must(t, j.StartLogSegment(w.info(), 9, layout))
	wantSpace(t, j)
}

// TestHealthOfAFullDisk: one journal's disk is full; the other one's health, and its edits, are as before. A disk that hangs
// is not asked for figures by health.
func TestHealthOfAFullDisk(t *testing.T) {
	full, hang := false, false
	mem := vfs.NewMem()
	must(t, mem.MkdirAll("/data/2", 0o755))
	must(t, mem.MkdirAll(editsDir, 0o755))
	cfg := newConfig(vfs.Inject(mem, func(op vfs.Op) error {
		if hang {
			t.Errorf("%s %s", op.Kind, op.Path)
		}
		if full && op.Kind == "writeat" && strings.HasPrefix(op.Path, editsDir) {
			return syscall.ENOSPC
		}
		return nil
	}), noFetch)
	cfg.Reserve = storage.DefaultReserve
	cfg.EditsDirByNameservice = map[string]string{"ns2": "/data/2"}
	n := newNode(t, cfg)
	writers := map[string]*writer{}
	journal := func(jid string) *jnserver.Journal {
		j, err := n.Journal(jid, jid)
		must(t, err)
		return j
	}
	for _, jid := range []string{"ns1", "ns2"} {
		must(t, mem.MkdirAll(map[string]string{"ns1": journalRoot, "ns2": "/data/2/ns2"}[jid], 0o755))
		j := journal(jid)
		must(t, j.Format(formatRequest()))
		writers[jid] = newWriter(t, j, 1)
		must(t, j.StartLogSegment(writers[jid].info(), 1, layout))
	}
	full = true
	if err := journal("ns1").Write(writers["ns1"].info(), writes(1, 1, 3)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
	must(t, journal("ns2").Write(writers["ns2"].info(), writes(1, 1, 3)))
	hang = true
	health := n.Health()
	hang = false
	if len(health) != 2 || health[0].Space.Problem == nil || health[1].Space.Problem != nil {
		t.Errorf("%+v", health)
	}
}
