package jnserver_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// fetched is a download of the segment first to last that was verified.
func fetched(t testing.TB, j *jnserver.Journal, first, last storage.TxID) *storage.SyncDownload {
	t.Helper()
	base, err := j.SyncBase()
	must(t, err)
	w, err := j.BeginSync(base, jnserver.SegmentRange{First: first, Last: last})
	must(t, err)
	_, err = w.Write(segmentFile(first, last))
	must(t, err)
	must(t, w.Verify())
	return w
}

// syncIn promotes one segment, and says why it was refused.
func syncIn(t testing.TB, j *jnserver.Journal, told, first, last storage.TxID) error {
	t.Helper()
	w := fetched(t, j, first, last)
	refused, err := j.PromoteSynced([]*storage.SyncDownload{w}, told)
	must(t, err)
	must(t, j.EndSync(w))
	return refused[0]
}

// TestSync_OnlyCommitted: nothing comes in that is not known to be committed, whatever was fetched; what a peer says counts only
// while the node knows nothing itself, and never becomes its own knowledge.
func TestSync_OnlyCommitted(t *testing.T) {
	mem := vfs.NewMem()
	j := openJournal(t, newEnv(mem, noFetch))
	base, err := j.SyncBase()
	if javaerr.ClassOf(err) != javaerr.JournalNotFormatted {
		t.Errorf("unformatted: %v", err)
	}
	if _, err := j.BeginSync(base, jnserver.SegmentRange{First: 1, Last: 3}); javaerr.ClassOf(err) != javaerr.JournalNotFormatted {
		t.Errorf("unformatted: %v", err)
	}
	must(t, j.FormatLikePeer(fixtureInfo))
	if err := syncIn(t, j, storage.InvalidTxID, 1, 3); !errors.Is(err, jnserver.ErrNotCommitted) {
		t.Errorf("nobody knows anything: %v", err)
	}
	must(t, syncIn(t, j, 3, 1, 3))
	if s := j.Snapshot(); s.CommittedKnown || s.Highest != 3 {
		t.Errorf("committed %v %v, highest %d", s.Committed, s.CommittedKnown, s.Highest)
	}
	if err := syncIn(t, j, 5, 4, 6); !errors.Is(err, jnserver.ErrNotCommitted) {
		t.Errorf("a peer knows less: %v", err)
	}
	w := &writer{epoch: 1}
	w.committed = 6
	must(t, j.Heartbeat(w.info()))
	if err := syncIn(t, j, 90, 7, 9); !errors.Is(err, jnserver.ErrNotCommitted) {
		t.Errorf("a peer knows more than this node: %v", err)
	}
	must(t, syncIn(t, j, 90, 4, 6))
	m, err := j.EditLogManifest(0, true)
	must(t, err)
	if m.String() != "[[1,3], [4,6]] CommittedTxId: 6" {
		t.Error(m)
	}
	if scan, err := readSegment(t, j, 4); err != nil || scan.End != 6 {
		t.Errorf("%v, %v", scan, err)
	}
}

// TestSync_BesideAWriter: the segment that is open is the writer's; one in progress that the writer has left gives way to the
// finalized one, and the writer goes on.
func TestSync_BesideAWriter(t *testing.T) {
	mem := vfs.NewMem()
	env := newEnv(mem, noFetch)
	var told []string
	env.Events = func(_ string, e jnserver.Event) {
		switch e.(type) {
		case jnserver.SegmentSynced, jnserver.SegmentSetAside, jnserver.RequestRefused:
			told = append(told, fmt.Sprintf("%T%v", e, e))
		}
	}
	j, w := written(t, env) // 1-3 finalized, 4 open with 4-8
	w.committed = 20
	must(t, j.Heartbeat(w.info()))
	if err := syncIn(t, j, 90, 4, 8); !errors.Is(err, storage.ErrSyncSkipped) {
		t.Errorf("the open one: %v", err)
	}
	if err := syncIn(t, j, 90, 9, 12); !errors.Is(err, storage.ErrSyncSkipped) {
		t.Errorf("behind the open one: %v", err)
	}
	must(t, j.Write(w.info(), writes(4, 9, 10))) // and then this node was away
	must(t, j.StartLogSegment(w.info(), 16, layout))
	must(t, j.Write(w.info(), writes(16, 16, 17)))
	must(t, syncIn(t, j, 90, 4, 12)) // 11 and 12 were finalized without it
	must(t, syncIn(t, j, 90, 13, 15))
	must(t, j.Write(w.info(), writes(16, 18, 19)))
	m, err := j.EditLogManifest(0, true)
	must(t, err)
	if m.String() != "[[1,3], [4,12], [13,15], [16,19]] CommittedTxId: 20" {
		t.Error(m)
	}
	if s := j.Snapshot(); s.Highest != 19 || s.HighestIn != 16 {
		t.Errorf("highest %d in %d", s.Highest, s.HighestIn)
	}
	must(t, j.FinalizeLogSegment(w.info(), 16, 19))
	if !has(t, mem, journalRoot+"/current/"+storage.InProgressName(4)+".stale") {
		t.Error("what was in progress is gone")
	}
	want := "jnserver.SegmentSetAside{edits_inprogress_0000000000000000004 .stale} jnserver.SegmentSynced{4 12 197} jnserver.SegmentSynced{13 15 71}"
	if got := strings.Join(told, " "); got != want {
		t.Errorf("events %s", got)
	}
	next := newWriter(t, j, 2)
	answer, err := j.PrepareRecovery(next.info(), 4)
	must(t, err)
	if answer.Segment == nil || answer.Segment.InProgress || answer.Segment.End != 12 {
		t.Errorf("prepareRecovery: %+v", answer)
	}
}

// TestSync_Formatted: what others offered before a format is not fetched after it, though it was the same namespace.
func TestSync_Formatted(t *testing.T) {
	j, _ := written(t, newEnv(vfs.NewMem(), noFetch))
	base, err := j.SyncBase()
	must(t, err)
	force := formatRequest()
	yes := true
	force.Force = &yes
	must(t, j.Format(force))
	if _, err := j.BeginSync(base, jnserver.SegmentRange{First: 9, Last: 12}); !errors.Is(err, storage.ErrSyncSkipped) {
		t.Error(err)
	}
}

// TestSync_Purged: what this process was told to purge does not come back.
func TestSync_Purged(t *testing.T) {
	j, w := written(t, newEnv(vfs.NewMem(), noFetch))
	must(t, j.PurgeLogsOlderThan(w.info(), 4))
	offers := []jnserver.SyncOffer{{Segments: []jnserver.SegmentRange{{First: 1, Last: 3}}, Committed: 90}}
	plan, err := j.PlanSync(offers)
	must(t, err)
	if len(plan.Fetch)+len(plan.Waiting)+len(plan.Disputed) > 0 {
		t.Errorf("%+v", plan)
	}
	if err := syncIn(t, j, 90, 1, 3); !errors.Is(err, storage.ErrSyncSkipped) {
		t.Error(err)
	}
}

// TestSync_AfterARestart: a gap that was filled is there after a power cut; downloads that were under way are not.
func TestSync_AfterARestart(t *testing.T) {
	mem := vfs.NewMem()
	j, w := written(t, newEnv(mem, noFetch))
	w.committed = 30
	must(t, j.StartLogSegment(w.info(), 20, layout))
	must(t, syncIn(t, j, 0, 9, 12))
	fetched(t, j, 13, 19)
	left := mem.CrashClone(nil)
	again := openJournal(t, newEnv(left, noFetch))
	m, err := again.EditLogManifest(0, false)
	must(t, err)
	if got := fmt.Sprint(m.Logs); got != "[[1,3] [9,12]]" {
		t.Error(got)
	}
	must(t, again.ClearSync())
	if has(t, left, journalRoot+"/edits.sync") {
		t.Error("edits.sync is still there")
	}
}

// TestSync_Discarded: what was on its way here is of the history that was given up.
func TestSync_Discarded(t *testing.T) {
	j := openJournal(t, newEnv(vfs.NewMem(), noFetch))
	must(t, j.Format(formatRequest()))
	w := newWriter(t, j, 1)
	must(t, j.StartLogSegment(w.info(), 1, layout))
	must(t, j.Write(w.info(), writes(1, 1, 3)))
	w.committed = 9
	must(t, j.FinalizeLogSegment(w.info(), 1, 3))
	d := fetched(t, j, 4, 9)
	must(t, j.DiscardSegments(4))
	next := newWriter(t, j, 2)
	next.committed = 12 // 4-6 and 7-12 were written anew while this node missed them
	must(t, j.StartLogSegment(next.info(), 13, layout))
	refused, err := j.PromoteSynced([]*storage.SyncDownload{d}, storage.InvalidTxID)
	must(t, err)
	if !errors.Is(refused[0], storage.ErrSyncSkipped) {
		t.Errorf("4-9 of the discarded history: %v", refused[0])
	}
}

// TestSync_ToldToAFormattedJournal: what the others say is committed counts for a wiped node only. After a NameNode's format they
// may not be formatted yet.
func TestSync_ToldToAFormattedJournal(t *testing.T) {
	offers := []jnserver.SyncOffer{{Segments: []jnserver.SegmentRange{{First: 1, Last: 9}}, Committed: 9}}
	j := openJournal(t, newEnv(vfs.NewMem(), noFetch))
	must(t, j.Format(formatRequest()))
	if plan, err := j.PlanSync(offers); err != nil || len(plan.Fetch) > 0 || len(plan.Waiting) != 1 {
		t.Errorf("formatted: %+v, %v", plan, err)
	}
	if err := syncIn(t, j, 9, 1, 9); !errors.Is(err, jnserver.ErrNotCommitted) {
		t.Errorf("formatted, promoted: %v", err)
	}
	wiped, _, _ := wipedJournal(t, nil)
	if plan, err := wiped.PlanSync(offers); err != nil || len(plan.Fetch) != 1 {
		t.Errorf("wiped: %+v, %v", plan, err)
	}
	must(t, syncIn(t, wiped, 9, 1, 9))
}

// TestSync_Vanished: a finalized segment whose file somebody has removed is missing from then on, and comes in again; one in
// progress is the writer's, and what this process acknowledged in it counts.
func TestSync_Vanished(t *testing.T) {
	mem := vfs.NewMem()
	var events []string
	env := newEnv(mem, noFetch)
	env.Events = func(_ string, e jnserver.Event) {
		if v, ok := e.(jnserver.SegmentsVanished); ok {
			events = append(events, fmt.Sprint(v.Segments))
		}
	}
	j, w := written(t, env) // 1 to 3 finalized, 4 to 8 open
	must(t, j.DropVanished(t.Context()))
	before := j.Snapshot()
	must(t, mem.Remove(j.Snapshot().Root+"/current/"+storage.FinalizedName(1, 3)))
	must(t, mem.Remove(j.Snapshot().Root+"/current/"+storage.InProgressName(4)))
	must(t, j.DropVanished(t.Context()))
	s := j.Snapshot()
	if fmt.Sprint(s.Segments) == fmt.Sprint(before.Segments) || len(s.Segments) != 1 || !s.Segments[0].InProgress || s.Highest != 8 {
		t.Errorf("segments %v, highest %d", s.Segments, s.Highest)
	}
	if got, want := fmt.Sprint(events), fmt.Sprint([]string{fmt.Sprint(before.Segments[:1])}); got != want {
		t.Errorf("told of %s, want %s", got, want)
	}
	plan, err := j.PlanSync([]jnserver.SyncOffer{{Segments: []jnserver.SegmentRange{{First: 1, Last: 3}}, Committed: 6}})
	must(t, err)
	if len(plan.Fetch) != 1 {
		t.Errorf("plan %+v", plan)
	}
	must(t, syncIn(t, j, storage.InvalidTxID, 1, 3))
	if _, err := mem.Stat(s.Root + "/current/" + storage.FinalizedName(1, 3)); err != nil || len(j.Snapshot().Segments) != 2 {
		t.Errorf("%v, segments %v", err, j.Snapshot().Segments)
	}
	must(t, j.Write(w.info(), writes(4, 9, 9)))
}

// TestSync_VanishedLast: of the last segment, if it vanishes, this node goes on to know that it had it: it asks for its recovery and
// abstains from that, until a copy is fetched or the file is there again.
func TestSync_VanishedLast(t *testing.T) {
	for name, mend := range map[string]func(j *jnserver.Journal, back func()){
		"fetched": func(j *jnserver.Journal, _ func()) { must(t, syncIn(t, j, storage.InvalidTxID, 4, 8)) },
		"back": func(j *jnserver.Journal, back func()) {
			back()
			must(t, j.DropVanished(t.Context()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			env := newEnv(mem, noFetch)
			told := make(map[string]int)
			env.Events = func(_ string, e jnserver.Event) { told[fmt.Sprintf("%T", e)]++ }
			j, w := written(t, env)
			must(t, j.FinalizeLogSegment(w.info(), 4, 8))
			w.committed = 8
			must(t, j.Heartbeat(w.info()))
			file := j.Snapshot().Root + "/current/" + storage.FinalizedName(4, 8)
			must(t, mem.Rename(file, "/kept"))
			must(t, j.DropVanished(t.Context()))
			if s := j.Snapshot(); len(s.Segments) != 1 || s.Highest != 8 || s.HighestIn != storage.InvalidTxID {
				t.Errorf("segments %v, highest %d in %d", s.Segments, s.Highest, s.HighestIn)
			}
			last, ok, err := j.NewEpoch(fixtureInfo, 2, "10.0.0.1")
			if err != nil || !ok || last != 4 {
				t.Errorf("newEpoch answers segment %d, %t, %v; want 4, which was here", last, ok, err)
			}
			next := &writer{epoch: 2}
			_, err = j.PrepareRecovery(next.info(), 4)
			wantError(t, err, javaerr.IOException, "acknowledged txid 8")
			if bad := j.Snapshot().Bad; len(bad) != 1 || bad[0].Name != storage.FinalizedName(4, 8) {
				t.Errorf("bad segments %v", bad)
			}
			wantError(t, j.StartLogSegment(next.info(), 4, layout), javaerr.IllegalState, "acknowledged txid 8")
			mend(j, func() { must(t, mem.Rename("/kept", file)) })
			must(t, j.DropVanished(t.Context()))
			answer, err := j.PrepareRecovery(next.info(), 4)
			if want := (jnserver.SegmentState{Start: 4, End: 8}); err != nil || answer.Segment == nil || *answer.Segment != want {
				t.Errorf("recovery is answered %+v, %v, want %v", answer, err, want)
			}
			s := j.Snapshot()
			if len(s.Segments) != 2 || s.Highest != 8 || s.HighestIn != 4 || len(s.Bad) != 0 {
				t.Errorf("segments %v, highest %d in %d, bad %v", s.Segments, s.Highest, s.HighestIn, s.Bad)
			}
			if want := map[bool]int{true: 1}[name == "back"]; told["jnserver.SegmentsBack"] != want || told["jnserver.SegmentsVanished"] != 1 {
				t.Errorf("told %v", told)
			}
		})
	}
}
