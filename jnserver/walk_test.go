package jnserver_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

var (
	walkSeed  = flag.Uint64("walk.seed", 0, "run only this walk")
	walkSteps = flag.Int("walk.steps", 2000, "steps of each walk")
)

// TestRandomWalk calls one journal at random, with restarts and power cuts, and compares every answer and the state after
// it with walkModel.
func TestRandomWalk(t *testing.T) {
	seeds := []uint64{1, 2, 3}
	steps := *walkSteps
	if raceEnabled {
		seeds, steps = seeds[:1], steps/8
	}
	if *walkSeed != 0 {
		seeds = []uint64{*walkSeed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newWalk(t, seed)
			for i := range steps {
				w.step()
				w.check()
				if t.Failed() {
					t.Fatalf("seed %d, step %d; the last calls:\n%s", seed, i, strings.Join(w.trail[max(len(w.trail)-25, 0):], "\n"))
				}
			}
			for _, op := range walkOps {
				if raceEnabled {
					break // too few steps
				}
				if w.good[op.name] < 3 || op.fails && w.bad[op.name] < 3 {
					t.Errorf("%s succeeded %d times and failed %d times: the walk tests too little", op.name, w.good[op.name], w.bad[op.name])
				}
			}
		})
	}
}

type walk struct {
	t         *testing.T
	r         *rand.Rand
	mem       *vfs.Mem
	j         *jnserver.Journal
	m         *walkModel
	serial    int64
	source    storage.TxID // where the copy that is offered ends
	trail     []string
	good, bad map[string]int
}

func newWalk(t *testing.T, seed uint64) *walk {
	mem := vfs.NewMem()
	must(t, mem.MkdirAll(editsDir, 0o755))
	w := &walk{t: t, r: rand.New(rand.NewPCG(seed, 1)), mem: everything(mem), m: newWalkModel(), good: map[string]int{}, bad: map[string]int{}}
	w.reopen()
	must(t, w.j.Format(formatRequest()))
	return w
}

func (w *walk) reopen() {
	fetch := fetchFunc(func(ctx context.Context, url string, dst io.Writer) (int64, error) {
		var first storage.TxID
		if _, err := fmt.Sscan(url, &first); err != nil {
			return 0, err
		}
		return fetchBytes(segmentFile(first, w.source))(ctx, url, dst)
	})
	j, err := jnserver.OpenJournal(newEnv(w.mem, fetch), "ns1", journalRoot)
	must(w.t, err)
	w.j = j
}

// info chooses epoch, serial and committed txid, mostly good ones, and tells what the model says of them.
func (w *walk) info() (jnserver.RequestInfo, javaerr.Class) {
	w.serial++
	r := jnserver.RequestInfo{JournalID: "ns1", Epoch: w.m.promised, Serial: w.serial, Client: "10.0.0.1"}
	switch w.r.IntN(20) {
	case 0:
		r.Epoch--
	case 1:
		r.Epoch++
	case 2:
		r.Serial -= int64(w.r.IntN(3))
	}
	if w.r.IntN(3) == 0 {
		r.HasCommitted = true
		r.Committed = max(w.m.committed, 0) + storage.TxID(w.r.IntN(8)) - 1
		if r.Committed < 0 {
			r.Committed = 0
		}
		r.Committed = min(r.Committed, max(w.highest()+4, w.m.committed)) // at or above the next batch: it is lagging
	}
	class := w.m.request(r.Epoch, r.Serial, r.Committed, r.HasCommitted)
	w.note("  epoch %d serial %d committed %d %t", r.Epoch, r.Serial, r.Committed, r.HasCommitted)
	return r, class
}

func (w *walk) note(format string, args ...any) {
	w.trail = append(w.trail, fmt.Sprintf(format, args...))
}

// highest is the last transaction of the last segment.
func (w *walk) highest() storage.TxID {
	end := storage.TxID(0)
	for _, s := range w.m.segments {
		end = max(end, s.end)
	}
	return end
}

// some is the first txid of a segment, mostly one that is there.
func (w *walk) some() storage.TxID {
	list := w.m.firsts()
	if len(list) == 0 || w.r.IntN(10) == 0 {
		return 1 + storage.TxID(w.r.IntN(int(w.highest())+3))
	}
	return list[max(len(list)-1-w.r.IntN(3), 0)]
}

// end is where that segment ends, or beside it.
func (w *walk) end(first storage.TxID) storage.TxID {
	end := first + storage.TxID(w.r.IntN(4))
	if s := w.m.segments[first]; s != nil {
		end = s.end
	}
	if w.r.IntN(4) == 0 {
		end += storage.TxID(w.r.IntN(5)) - 2
	}
	return end
}

var walkOps = []struct {
	name   string
	weight int
	fails  bool // it has a way to fail
	do     func(w *walk) (want javaerr.Class, err error)
}{
	{"newEpoch", 4, true, func(w *walk) (javaerr.Class, error) {
		e := w.m.promised + storage.Epoch(w.r.IntN(4)) - 1
		w.note("newEpoch %d", e)
		want := w.m.newEpoch(e)
		first, ok, err := w.j.NewEpoch(fixtureInfo, e, "10.0.0.1")
		if list := w.m.firsts(); err == nil && (ok != (len(list) > 0) || ok && first != list[len(list)-1]) {
			w.t.Errorf("newEpoch answers %d %t, segments %v", first, ok, list)
		}
		return want, err
	}},
	{"heartbeat", 3, true, func(w *walk) (javaerr.Class, error) {
		w.note("heartbeat")
		r, want := w.info()
		return want, w.j.Heartbeat(r)
	}},
	{"write", 30, true, func(w *walk) (javaerr.Class, error) {
		b := jnserver.Batch{Segment: w.m.open, First: w.m.next, Count: int64(w.r.IntN(5))}
		switch w.r.IntN(15) {
		case 0:
			b.Segment++
		case 1:
			b.First += storage.TxID(w.r.IntN(3)) - 1
		}
		w.note("write %d %d+%d", b.Segment, b.First, b.Count)
		b.Records = frames(b.First, b.First+storage.TxID(b.Count)-1)
		r, want := w.info()
		if want == "" {
			want = w.m.write(r.Epoch, b.Segment, b.First, b.Count)
		}
		return want, w.j.Write(r, b)
	}},
	{"start", 12, true, func(w *walk) (javaerr.Class, error) {
		first := w.highest() + 1
		switch w.r.IntN(8) {
		case 0:
			first = w.some()
		case 1:
			first += storage.TxID(w.r.IntN(5))
		}
		w.note("start %d", first)
		r, want := w.info()
		if want == "" {
			want = w.m.start(r.Epoch, first)
		}
		return want, w.j.StartLogSegment(r, first, layout)
	}},
	{"finalize", 12, true, func(w *walk) (javaerr.Class, error) {
		first := w.some()
		last := max(w.end(first), first)
		w.note("finalize %d-%d", first, last)
		r, want := w.info()
		if want == "" {
			want = w.m.finalize(first, last)
		}
		return want, w.j.FinalizeLogSegment(r, first, last)
	}},
	{"prepare", 8, true, func(w *walk) (javaerr.Class, error) {
		first := w.some()
		w.note("prepare %d", first)
		r, want := w.info()
		var s *walkSegment
		var record walkRecord
		var accepted bool
		if want == "" {
			s, record, accepted, want = w.m.prepare(first)
		}
		a, err := w.j.PrepareRecovery(r, first)
		if err == nil && want == "" {
			w.checkAnswer(first, a, s, record, accepted)
		}
		return want, err
	}},
	{"accept", 8, true, func(w *walk) (javaerr.Class, error) {
		first := w.some()
		end := w.end(first)
		inProgress := w.r.IntN(2) == 0
		w.source = end
		if w.r.IntN(6) == 0 {
			w.source = first + storage.TxID(w.r.IntN(4))
		}
		w.note("accept %d-%d, offered to %d", first, end, w.source)
		r, want := w.info()
		if want == "" {
			want = w.m.accept(r.Epoch, first, end, inProgress, w.source)
		}
		state := jnserver.SegmentState{Start: first, End: end, InProgress: inProgress}
		return want, w.j.AcceptRecovery(w.t.Context(), r, state, fmt.Sprint(first))
	}},
	{"purge", 3, true, func(w *walk) (javaerr.Class, error) {
		min := max(w.highest()-storage.TxID(w.r.IntN(30)), 0)
		w.note("purge %d", min)
		r, want := w.info()
		if want == "" {
			w.m.purge(min)
		}
		return want, w.j.PurgeLogsOlderThan(r, min)
	}},
	{"discard", 2, true, func(w *walk) (javaerr.Class, error) {
		start := max(w.some()+storage.TxID(w.r.IntN(2)), 1)
		w.note("discard %d", start)
		return w.m.discard(start), w.j.DiscardSegments(start)
	}},
	{"restart", 3, false, func(w *walk) (javaerr.Class, error) {
		w.note("restart")
		must(w.t, w.j.Close())
		w.reopen()
		w.m.restart()
		return "", nil
	}},
	{"kill", 2, false, func(w *walk) (javaerr.Class, error) {
		w.note("kill")
		w.mem = everything(w.mem)
		w.reopen()
		w.m.restart()
		return "", nil
	}},
	// A power cut may take the committed txid and lagging batches along, nothing else.
	{"power cut", 2, false, func(w *walk) (javaerr.Class, error) {
		w.note("power cut")
		w.mem = w.mem.CrashClone(func() bool { return w.r.IntN(2) == 0 })
		w.reopen()
		w.afterPowerCut()
		w.m.restart()
		return "", nil
	}},
}

// afterPowerCut takes over into the model what a power cut may have lost, after seeing that it may.
func (w *walk) afterPowerCut() {
	s := w.j.Snapshot()
	if s.CommittedTxID() > w.m.committed {
		w.t.Errorf("committed %d after a power cut, was %d", s.CommittedTxID(), w.m.committed)
	}
	if open := w.m.segments[w.m.open]; w.m.open != 0 {
		end := w.m.open - 1
		if scan, err := readSegment(w.t, w.j, w.m.open); err == nil && scan.HasTxns() {
			end = scan.End
		}
		if end > open.end || end < w.m.synced {
			w.t.Errorf("segment %d ends at %d after a power cut, was %d, synced to %d", w.m.open, end, open.end, w.m.synced)
		}
		open.end = end
	}
	w.m.committed = s.CommittedTxID()
}

func (w *walk) checkAnswer(first storage.TxID, a jnserver.RecoveryAnswer, s *walkSegment, record walkRecord, accepted bool) {
	w.t.Helper()
	want := jnserver.RecoveryAnswer{LastWriter: w.m.writer, HasAccepted: accepted, HasCommitted: w.m.committed != storage.InvalidTxID}
	if want.HasCommitted {
		want.Committed = w.m.committed
	}
	text := "nothing"
	if s != nil {
		text = fmt.Sprint(jnserver.SegmentState{Start: first, End: s.end, InProgress: !s.finalized})
	}
	if accepted {
		want.AcceptedIn = record.epoch
		text = fmt.Sprint(jnserver.SegmentState{Start: first, End: record.end, InProgress: record.inProgress})
	}
	got := "nothing"
	if a.Segment != nil {
		got = fmt.Sprint(*a.Segment)
	}
	a.Segment = nil
	if a.Committed != want.Committed && !a.HasCommitted {
		a.Committed = 0
	}
	if got != text || a != want {
		w.t.Errorf("prepareRecovery answers %s %+v, want %s %+v", got, a, text, want)
	}
}

// step makes one random call and compares the outcome.
func (w *walk) step() {
	total := 0
	for _, op := range walkOps {
		total += op.weight
	}
	pick := w.r.IntN(total)
	for _, op := range walkOps {
		if pick -= op.weight; pick >= 0 {
			continue
		}
		want, err := op.do(w)
		got := javaerr.Class("")
		if err != nil {
			got = javaerr.ClassOf(err)
			w.bad[op.name]++
		} else {
			w.good[op.name]++
		}
		w.note("    -> %v", err)
		if got != want {
			w.t.Errorf("%s: %q (%v), want %q", op.name, got, err, want)
		}
		return
	}
}

// check compares the published state with the model, and the manifest with the files.
func (w *walk) check() {
	s, m := w.j.Snapshot(), w.m
	if s.Promised != m.promised || s.Writer != m.writer || s.CommittedTxID() != m.committed || s.IsWriting != (m.open != 0) ||
		s.IsWriting && s.Writing != m.open || len(s.Bad) != 0 {
		w.t.Errorf("snapshot %+v\nmodel %+v", *s, *m)
	}
	var want []string
	for _, first := range m.firsts() {
		if seg := m.segments[first]; seg.finalized {
			want = append(want, storage.FinalizedName(first, seg.end))
		} else {
			want = append(want, storage.InProgressName(first))
		}
	}
	var got []string
	for _, seg := range s.Segments {
		got = append(got, seg.Name)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("segments %v, want %v", got, want)
	}
	manifest, err := w.j.EditLogManifest(0, true)
	if m.overlap() {
		if javaerr.ClassOf(err) != javaerr.IllegalState {
			w.t.Errorf("manifest %s, %v of overlapping segments", manifest, err)
		}
		return
	}
	must(w.t, err)
	w.checkManifest(manifest)
}

// checkManifest wants all finalized segments, nothing that is not there, and the open one if it can be read behind them.
func (w *walk) checkManifest(manifest jnserver.Manifest) {
	listed := map[storage.TxID]bool{}
	for _, log := range manifest.Logs {
		listed[log.First] = true
		seg := w.m.segments[log.First]
		if seg == nil || seg.end != log.Last || seg.finalized == log.InProgress {
			w.t.Errorf("the manifest has %s, the model %+v", log, seg)
		}
		if log.InProgress {
			if scan, err := readSegment(w.t, w.j, log.First); err != nil || scan.End != log.Last {
				w.t.Errorf("the manifest has %s, the file ends at %d, %v", log, scan.End, err)
			}
		}
	}
	last := storage.TxID(0)
	for first, seg := range w.m.segments {
		if seg.finalized {
			last = max(last, seg.end)
			if !listed[first] {
				w.t.Errorf("finalized segment %d is not in the manifest %s", first, manifest)
			}
		}
	}
	list := w.m.firsts()
	if o := w.m.open; o != 0 && o > last && o == list[len(list)-1] && w.m.segments[o].end >= o && !listed[o] {
		w.t.Errorf("the open segment %d is not in the manifest %s", o, manifest)
	}
}
