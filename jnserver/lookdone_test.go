package jnserver_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// These tests are of changes that can be seen and may not last: a process was killed, or a sync failed, between the
// change and its sync. What is promised, acknowledged or completed after that must not go with them in a power cut.

var errKilled = errors.New("killed")

// sampled is the step from one operation to the next: nothing runs at the same time here, so the race detector gets a
// part.
var sampled = map[bool]int{false: 1, true: 7}[raceEnabled]

// lookDone is one call on a journal that before has made.
type lookDone struct {
	name   string
	before func(t *testing.T, env jnserver.Env)
	call   func(j *jnserver.Journal) error
}

func lookDoneCalls() []lookDone {
	upgraded := storage.StorageInfo{
		LayoutVersion: -68, NamespaceID: fixtureInfo.NamespaceID, ClusterID: fixtureInfo.ClusterID, CTime: 1600000000000,
	}
	upgrade := func(j *jnserver.Journal) error {
		if err := j.DoPreUpgrade(); err != nil {
			return err
		}
		return j.DoUpgrade(upgraded)
	}
	edits := func(t *testing.T, env jnserver.Env) {
		j, w := written(t, env)
		must(t, j.FinalizeLogSegment(w.info(), 4, 8))
		must(t, j.Close())
	}
	upgradedEdits := func(t *testing.T, env jnserver.Env) {
		edits(t, env)
		j := openJournal(t, env)
		must(t, upgrade(j))
		newWriter(t, j, 5)
		must(t, j.Close())
	}
	return []lookDone{
		{"format", func(*testing.T, jnserver.Env) {}, func(j *jnserver.Journal) error { return j.Format(formatRequest()) }},
		{"format over edits", edits, func(j *jnserver.Journal) error {
			r, force := formatRequest(), true
			r.Force = &force
			return j.Format(r)
		}},
		{"upgrade", edits, upgrade},
		{"rollback", upgradedEdits, (*jnserver.Journal).DoRollback},
		{"finalize", upgradedEdits, (*jnserver.Journal).DoFinalize},
	}
}

// disk is what before leaves, all of it durable.
func (s lookDone) disk(t *testing.T) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	must(t, mem.MkdirAll(editsDir, 0o755))
	s.before(t, newEnv(mem, noFetch))
	return everything(mem)
}

// cuts are disks that a power cut may leave.
func cuts(mem *vfs.Mem, seeds uint64) []*vfs.Mem {
	list := []*vfs.Mem{mem.CrashClone(nil)}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		list = append(list, mem.CrashClone(func() bool { return r.IntN(2) == 1 }))
	}
	return list
}

// TestGoesOnAfterWhatOnlyLooksDone: a call is killed before one of its operations, or that one fails. In the next
// process, or the same one, a writer takes over and is answered; then the power is cut.
func TestGoesOnAfterWhatOnlyLooksDone(t *testing.T) {
	for _, s := range lookDoneCalls() {
		for _, killed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, killed %t", s.name, killed), func(t *testing.T) {
				for n := 1; goOnAfter(t, s, killed, n); n += sampled {
				}
			})
		}
	}
}

func goOnAfter(t *testing.T, s lookDone, killed bool, n int) (hit bool) {
	t.Helper()
	mem := s.disk(t)
	at, count, failing := "", 0, false
	fsys := vfs.Inject(mem, func(op vfs.Op) error {
		if !failing {
			return nil
		}
		count++
		if count == n {
			at, hit = fmt.Sprint(op.Kind, " ", op.Path, " ", op.To), true
		}
		if count == n || killed && hit {
			return errKilled
		}
		return nil
	})
	j := openJournal(t, newEnv(fsys, noFetch))
	failing = true
	err := s.call(j)
	failing = false
	if hit && killed {
		failing = true
		_ = j.Close()
		j = openJournal(t, newEnv(mem, noFetch))
	} else if !hit {
		must(t, err)
	}
	if !j.Snapshot().Formatted() {
		must(t, j.Format(formatRequest()))
	}
	w := newWriter(t, j, 7)
	must(t, j.StartLogSegment(w.info(), 21, layout))
	must(t, j.Write(w.info(), writes(21, 21, 23)))
	must(t, j.FinalizeLogSegment(w.info(), 21, 23))
	for i, left := range cuts(mem, 3) {
		after, err := jnserver.OpenJournal(newEnv(left, noFetch), "ns1", journalRoot)
		if err != nil {
			t.Errorf("stopped before %d. %s: power cut %d: %v", n, at, i, err)
			return hit
		}
		if s := after.Snapshot(); !s.Formatted() || s.Promised != 7 || s.Highest != 23 {
			t.Errorf("stopped before %d. %s: power cut %d: formatted %t, promised %d, highest %d", n, at, i, s.Formatted(),
				s.Promised, s.Highest)
		}
		must(t, after.Close())
	}
	must(t, j.Close())
	return hit
}

// TestCutInTheStartAfterAKill: a call is killed before one of its operations, and the power is cut at each operation of
// the next start, which completes or undoes the call: the journal opens, with its promise and its edits.
func TestCutInTheStartAfterAKill(t *testing.T) {
	for _, s := range lookDoneCalls()[2:] {
		t.Run(s.name, func(t *testing.T) {
			base := s.disk(t)
			j := openJournal(t, newEnv(base.CrashClone(nil), noFetch))
			promised := j.Snapshot().Promised
			must(t, j.Close())
			for n := 1; ; n += sampled {
				mem, hit := base.CrashClone(nil), false
				count, at := 0, ""
				fsys := vfs.Inject(mem, func(op vfs.Op) error {
					if count++; count < n {
						return nil
					}
					if !hit {
						at, hit = fmt.Sprint(op.Kind, " ", op.Path, " ", op.To), true
					}
					return errKilled
				})
				if j, err := jnserver.OpenJournal(newEnv(fsys, noFetch), "ns1", journalRoot); err == nil {
					_ = s.call(j)
					_ = j.Close()
				}
				if !hit {
					return
				}
				where := fmt.Sprintf("killed before %d. %s", n, at)
				starting := vfs.Inject(mem, func(op vfs.Op) error {
					switch op.Kind {
					case "syncdir", "rename", "removeall", "writeat":
						for i, left := range cuts(mem, 6) {
							checkAfterCut(t, fmt.Sprintf("%s, cut %d before %s %s", where, i, op.Kind, op.Path), left, promised)
						}
					}
					return nil
				})
				j := openJournal(t, newEnv(starting, noFetch))
				must(t, j.Close())
				if t.Failed() {
					return
				}
			}
		})
	}
}

func checkAfterCut(t *testing.T, where string, left *vfs.Mem, promised storage.Epoch) {
	t.Helper()
	j, err := jnserver.OpenJournal(newEnv(left, noFetch), "ns1", journalRoot)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	if s := j.Snapshot(); !s.Formatted() || s.Promised < promised || s.Highest != 8 {
		t.Errorf("%s: formatted %t, promised %d, highest %d", where, s.Formatted(), s.Promised, s.Highest)
	}
	must(t, j.Close())
}

// TestRemovedRecordStaysAway: a start over a segment is killed when it has removed the recovery record and not synced
// that. The next process starts over it; after a power cut the record must not speak for what was written.
func TestRemovedRecordStaysAway(t *testing.T) {
	mem := vfs.NewMem()
	must(t, mem.MkdirAll(editsDir, 0o755))
	mem = everything(mem)
	stop, dead := false, false
	fsys := vfs.Inject(mem, func(op vfs.Op) error {
		if dead = dead || stop && op.Kind == "syncdir" && op.Path == journalRoot+"/current/paxos"; dead {
			return errKilled
		}
		return nil
	})
	j := openJournal(t, newEnv(fsys, noFetch))
	must(t, j.Format(formatRequest()))
	w := newWriter(t, j, 1)
	must(t, j.StartLogSegment(w.info(), 1, layout))
	must(t, j.Write(w.info(), writes(1, 1, 1)))
	w = newWriter(t, j, 2)
	state := jnserver.SegmentState{Start: 1, End: 1, InProgress: true}
	must(t, j.AcceptRecovery(t.Context(), w.info(), state, "http://127.0.0.1:1/"))
	w = newWriter(t, j, 3)
	stop = true
	if err := j.StartLogSegment(w.info(), 1, layout); err == nil || !dead {
		t.Fatalf("not killed: %v", err)
	}
	_ = j.Close()

	j = openJournal(t, newEnv(mem, noFetch))
	w = newWriter(t, j, 4)
	must(t, j.StartLogSegment(w.info(), 1, layout))
	must(t, j.Write(w.info(), writes(1, 1, 3)))
	j = openJournal(t, newEnv(mem.CrashClone(nil), noFetch))
	w = newWriter(t, j, 5)
	prepared, err := j.PrepareRecovery(w.info(), 1)
	must(t, err)
	if prepared.HasAccepted || prepared.Segment == nil || prepared.Segment.End != 3 {
		t.Errorf("prepared %+v", prepared)
	}
}
