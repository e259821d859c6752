package jnserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

func withEdits(env jnserver.Env, capacity int64) jnserver.Env {
	env.Edits = jnserver.NewEditsCache(capacity)
	return env
}

// wantEdits asks for edits and wants those from since to last.
func wantEdits(t *testing.T, j *jnserver.Journal, since storage.TxID, most int32, last storage.TxID) {
	t.Helper()
	e, err := j.JournaledEdits(since, most)
	if err != nil {
		t.Errorf("%d, at most %d: %v", since, most, err)
		return
	}
	if want := segmentFile(since, last); !bytes.Equal(bytes.Join(e.Parts, nil), want) || e.Count != int64(last-since)+1 {
		t.Errorf("%d, at most %d: %d transactions, want up to %d", since, most, e.Count, last)
	}
}

func wantNoEdits(t *testing.T, j *jnserver.Journal, since storage.TxID, class javaerr.Class, part string) {
	t.Helper()
	e, err := j.JournaledEdits(since, 100)
	if err == nil {
		t.Errorf("%d: %d transactions, want %s: ..%s..", since, e.Count, class, part)
	} else if javaerr.ClassOf(err) != class || !strings.Contains(err.Error(), part) {
		t.Errorf("%d: got %s: %v, want %s: ..%s..", since, javaerr.ClassOf(err), err, class, part)
	}
}

// TestJournaledEdits: what a NameNode gets for each since and each maximum, beside one segment and over two (Java
// Journal.getJournaledEdits).
func TestJournaledEdits(t *testing.T) {
	j, w := written(t, withEdits(newEnv(vfs.NewMem(), noFetch), 1<<20))
	for since := storage.TxID(1); since <= 8; since++ {
		for most := int32(1); most < 12; most++ {
			wantEdits(t, j, since, most, min(since+storage.TxID(most)-1, 8))
		}
	}
	wantEdits(t, j, 1, 1<<31-1, 8)
	if e, err := j.JournaledEdits(9, 5); err != nil || e.Parts != nil || e.Count != 0 {
		t.Errorf("nothing new: %+v, %v", e, err)
	}
	wantNoEdits(t, j, 10, javaerr.NewerTxnID, "Highest txn ID available in the journal is 8, but requested txns starting at 10.")
	wantNoEdits(t, j, 0, javaerr.CacheMiss, "Cache started at txn ID 1 but requested txns starting at 0.")
	wantNoEdits(t, j, storage.InvalidTxID, javaerr.CacheMiss, "Cache started at txn ID 1")
	for _, most := range []int32{0, -1, -1 << 31} {
		_, err := j.JournaledEdits(3, most)
		wantError(t, err, javaerr.IOException, "at least one transaction")
		_, err = j.JournaledEdits(0, most) // Java finds it out last
		wantError(t, err, javaerr.CacheMiss, "Cache started")
	}
	off, _ := written(t, newEnv(vfs.NewMem(), noFetch))
	wantNoEdits(t, off, 100, javaerr.IOException, "The journal edits cache is not enabled, which is a requirement to fetch "+
		"journaled edits via RPC. Please enable it via dfs.ha.tail-edits.in-progress")
	// A known lag is told: another node has 9 and 10.
	w.committed = 10
	must(t, j.Heartbeat(w.info()))
	wantNoEdits(t, j, 9, javaerr.NewerTxnID, "Highest txn ID available in the journal is 8, but requested txns starting at 9.")
	wantEdits(t, j, 8, 5, 8)
}

// TestFailedWriteIsNotTailed: a batch that could not be written, or not be synced, is never served, what was before it still
// is, and what is written in its place is (HDFS-17710).
func TestFailedWriteIsNotTailed(t *testing.T) {
	for _, kind := range []string{"writeat", "syncdata"} {
		t.Run(kind, func(t *testing.T) {
			f := &failing{match: func(op vfs.Op) bool {
				return op.Kind == kind && strings.HasSuffix(op.Path, storage.InProgressName(4))
			}}
			j, w := written(t, withEdits(newEnv(vfs.Inject(vfs.NewMem(), f.hook), noFetch), 1<<20))
			f.armed = true
			if err := j.Write(w.info(), writes(4, 9, 12)); err == nil {
				t.Fatal("the write did not fail")
			}
			wantEdits(t, j, 4, 100, 8)
			if e, err := j.JournaledEdits(9, 100); err != nil || e.Count != 0 {
				t.Errorf("%d transactions of the failed batch, %v", e.Count, err)
			}
			wantNoEdits(t, j, 10, javaerr.NewerTxnID, "")
			f.armed = false
			must(t, j.StartLogSegment(w.info(), 13, layout))
			must(t, j.Write(w.info(), writes(13, 13, 14)))
			wantEdits(t, j, 13, 100, 14)
			wantNoEdits(t, j, 8, javaerr.CacheMiss, "Cache started at txn ID 13 but requested txns starting at 8.")
		})
	}
}

// TestUnansweredIsNotTailed: while a batch is being synced nobody gets it and nobody waits for it; a batch that is known to be
// committed needs no sync.
func TestUnansweredIsNotTailed(t *testing.T) {
	g := newGate()
	fsys := vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
		if op.Kind == "syncdata" {
			g.pass()
		}
		return nil
	})
	j, w := written(t, withEdits(newEnv(fsys, noFetch), 1<<20))
	g.armed.Store(true)
	done := make(chan error, 1)
	go func() { done <- j.Write(w.info(), writes(4, 9, 10)) }()
	<-g.arrived
	wantEdits(t, j, 4, 100, 8)
	wantNoEdits(t, j, 10, javaerr.NewerTxnID, "")
	close(g.open)
	must(t, <-done)
	wantEdits(t, j, 4, 100, 10)
	w.committed = 12
	must(t, j.Write(w.info(), writes(4, 11, 12)))
	wantEdits(t, j, 4, 100, 12)
}

// TestEditsAfter: which edits are served after each call that may take some out of the log.
func TestEditsAfter(t *testing.T) {
	accept := func(last storage.TxID) func(t *testing.T, j *jnserver.Journal, w *writer) {
		return func(t *testing.T, j *jnserver.Journal, _ *writer) {
			w := newWriter(t, j, 2)
			_, err := j.PrepareRecovery(w.info(), 4)
			must(t, err)
			must(t, j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: last, InProgress: true}, "x"))
		}
	}
	commit := func(last storage.TxID) func(t *testing.T, j *jnserver.Journal, w *writer) {
		return func(t *testing.T, j *jnserver.Journal, w *writer) {
			w.committed = last
			must(t, j.Heartbeat(w.info()))
		}
	}
	type change = func(t *testing.T, j *jnserver.Journal, w *writer)
	for name, tc := range map[string]struct {
		changes []change
		last    storage.TxID // what is served from 1 on; 0: nothing
	}{
		"nothing":                    {nil, 8},
		"a new epoch":                {[]change{func(t *testing.T, j *jnserver.Journal, _ *writer) { newWriter(t, j, 2) }}, 6},
		"a new epoch, all committed": {[]change{commit(8), func(t *testing.T, j *jnserver.Journal, _ *writer) { newWriter(t, j, 2) }}, 8},
		"a higher epoch of a heartbeat": {[]change{func(t *testing.T, j *jnserver.Journal, _ *writer) {
			must(t, j.Heartbeat((&writer{epoch: 5}).info()))
		}}, 6},
		"a recovery that cuts off":    {[]change{accept(7)}, 3},
		"a recovery that adds":        {[]change{accept(12)}, 3},
		"a recovery without a copy":   {[]change{accept(8)}, 6},
		"all committed, no copy":      {[]change{commit(8), accept(8)}, 8},
		"the segment finalized":       {[]change{func(t *testing.T, j *jnserver.Journal, w *writer) { must(t, j.FinalizeLogSegment(w.info(), 4, 8)) }}, 8},
		"the next segment":            {[]change{func(t *testing.T, j *jnserver.Journal, w *writer) { must(t, j.StartLogSegment(w.info(), 9, layout)) }}, 8},
		"a segment that begins below": {[]change{func(t *testing.T, j *jnserver.Journal, w *writer) { must(t, j.StartLogSegment(w.info(), 5, layout)) }}, 4},
		"purged":                      {[]change{func(t *testing.T, j *jnserver.Journal, w *writer) { must(t, j.PurgeLogsOlderThan(w.info(), 4)) }}, 8},
		"discarded":                   {[]change{func(t *testing.T, j *jnserver.Journal, _ *writer) { must(t, j.DiscardSegments(4)) }}, 0},
		"formatted": {[]change{func(t *testing.T, j *jnserver.Journal, _ *writer) {
			r, force := formatRequest(), true
			r.Force = &force
			must(t, j.Format(r))
		}}, 0},
		"upgraded": {[]change{func(t *testing.T, j *jnserver.Journal, _ *writer) {
			must(t, errors.Join(j.DoPreUpgrade(), j.DoUpgrade(fixtureInfo)))
		}}, 8},
		"rolled back": {[]change{func(t *testing.T, j *jnserver.Journal, _ *writer) {
			must(t, errors.Join(j.DoPreUpgrade(), j.DoUpgrade(fixtureInfo), j.DoRollback()))
		}}, 0},
		"an odd batch": {[]change{func(t *testing.T, j *jnserver.Journal, w *writer) {
			must(t, j.Write(w.info(), jnserver.Batch{Segment: 4, First: 9, Count: 2, Records: frames(9, 9)}))
		}}, 0},
		"a torn batch": {[]change{func(t *testing.T, j *jnserver.Journal, w *writer) {
			must(t, j.Write(w.info(), jnserver.Batch{Segment: 4, First: 9, Count: 1, Records: frames(9, 9)[:20]}))
		}}, 0},
		"closed": {[]change{func(t *testing.T, j *jnserver.Journal, _ *writer) { must(t, j.Close()) }}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			copied := storage.TxID(7)
			if name == "a recovery that adds" {
				copied = 12
			}
			env := withEdits(newEnv(vfs.NewMem(), fetchBytes(segmentFile(4, copied))), 1<<20)
			j, w := written(t, env)
			for _, change := range tc.changes {
				change(t, j, w)
			}
			if tc.last > 0 {
				wantEdits(t, j, 1, 100, tc.last)
			} else if e, err := j.JournaledEdits(1, 100); err == nil && e.Count > 0 {
				t.Errorf("%d transactions are served", e.Count)
			}
			if used := env.Edits.Used(); (used > 0) != (tc.last > 0) {
				t.Errorf("%d bytes are used", used)
			}
		})
	}
}

// TestRecoveredEditsAreMissed: what a recovery keeps beyond what was known to be committed is in no cache any more. An answer that
// ended before it would be the end of the log for a NameNode; up to there a smaller question is still answered.
func TestRecoveredEditsAreMissed(t *testing.T) {
	j, _ := written(t, withEdits(newEnv(vfs.NewMem(), noFetch), 1<<20))
	w := newWriter(t, j, 2)
	wantEdits(t, j, 1, 100, 6)
	must(t, j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 8, InProgress: true}, "x"))
	wantEdits(t, j, 1, 100, 6)
	must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	wantNoEdits(t, j, 1, javaerr.CacheMiss, "Newest txn ID available in the cache is 6")
	wantEdits(t, j, 1, 6, 6)
	must(t, j.StartLogSegment(w.info(), 9, layout))
	must(t, j.Write(w.info(), writes(9, 9, 9)))
	wantEdits(t, j, 9, 100, 9)
}

// TestEditsAfterARestart: the cache is empty, and a segment in progress whose end nobody here is sure of is no end of the log.
func TestEditsAfterARestart(t *testing.T) {
	mem := vfs.NewMem()
	_, w := written(t, newEnv(mem, noFetch))
	j := openJournal(t, withEdits(newEnv(everything(mem), noFetch), 1<<20))
	wantNoEdits(t, j, 8, javaerr.CacheMiss, "Cache is empty")
	if e, err := j.JournaledEdits(9, 5); err != nil || e.Parts != nil {
		t.Errorf("%d transactions, %v", e.Count, err)
	}
	must(t, j.StartLogSegment(w.info(), 9, layout))
	if e, err := j.JournaledEdits(9, 5); err != nil || e.Parts != nil {
		t.Errorf("%d transactions, %v", e.Count, err)
	}
	wantError(t, j.Write(w.info(), writes(4, 9, 9)), javaerr.JournalOutOfSync, "Writer out of sync")
	wantNoEdits(t, j, 9, javaerr.CacheMiss, "it is not known what edits_inprogress_0000000000000000009 holds behind it")
}

// TestEditsAreTheLogs runs random histories of writers, failing disks and recoveries, over two journals with one small cache.
// Whatever is served is, byte for byte, what /getJournal gives of the same transactions, and not more than the snapshot shows.
func TestEditsAreTheLogs(t *testing.T) {
	served := 0
	for seed := range uint64(15 / sampled) {
		r := rand.New(rand.NewPCG(seed, 7))
		var fails string
		fsys := vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
			if fails != "" && op.Kind == fails && strings.Contains(op.Path, "edits_inprogress") {
				return syscall.EIO
			}
			return nil
		})
		var copied []byte
		fetch := fetchFunc(func(ctx context.Context, url string, dst io.Writer) (int64, error) {
			return fetchBytes(copied)(ctx, url, dst)
		})
		env := withEdits(newEnv(fsys, fetch), []int64{300, 2000, 100_000}[seed%3])
		type side struct {
			j           *jnserver.Journal
			w           *writer
			epoch       storage.Epoch
			start, next storage.TxID
			kind        byte
		}
		var sides []*side
		for _, jid := range []string{"ns1", "ns2"} {
			j, err := jnserver.OpenJournal(env, jid, editsDir+"/"+jid)
			must(t, err)
			t.Cleanup(func() { _ = j.Close() })
			must(t, j.Format(formatRequest()))
			sides = append(sides, &side{j: j, next: 1})
		}
		batch := func(s *side, first, last storage.TxID) []byte {
			s.kind++
			var all []byte
			for tx := first; tx <= last; tx++ {
				all = append(all, frameWith(tx, fmt.Sprintf("%d by epoch %d", s.kind, s.epoch))...)
			}
			return all
		}
		for range 250 {
			s := sides[r.IntN(2)]
			fails = ""
			switch dice := r.IntN(20); {
			case s.w == nil || dice == 0: // another writer; of what is open here the committed part stays, or what it likes
				s.epoch++
				s.w = newWriter(t, s.j, s.epoch)
				if s.start > 0 {
					end := s.next - 1 + storage.TxID(r.IntN(3)) - 1
					end = max(end, s.start)
					if end != s.next-1 {
						copied = append(editlog.AppendHeader(nil, layout), batch(s, s.start, end)...)
					}
					state := jnserver.SegmentState{Start: s.start, End: end, InProgress: true}
					if s.j.AcceptRecovery(t.Context(), s.w.info(), state, "x") == nil && s.j.FinalizeLogSegment(s.w.info(), s.start, end) == nil {
						s.next = end + 1
					}
				}
				s.start = 0
			case s.start == 0 || dice == 1:
				if s.start > 0 && s.j.FinalizeLogSegment(s.w.info(), s.start, s.next-1) != nil {
					s.w = nil
					continue
				}
				must(t, s.j.StartLogSegment(s.w.info(), s.next, layout))
				s.start = s.next
				must(t, s.j.Write(s.w.info(), jnserver.Batch{Segment: s.start, First: s.next, Count: 1, Records: batch(s, s.next, s.next)}))
				s.next++
			case dice < 4:
				fails = []string{"writeat", "syncdata"}[dice-2]
				fallthrough
			default:
				last := s.next + storage.TxID(r.IntN(4))
				if fails == "" && r.IntN(3) == 0 && s.next-1 > s.w.committed {
					s.w.committed = s.next - 1
				}
				err := s.j.Write(s.w.info(), jnserver.Batch{Segment: s.start, First: s.next, Count: int64(last-s.next) + 1, Records: batch(s, s.next, last)})
				fails = ""
				if err != nil {
					s.w = nil // the next one recovers
					continue
				}
				s.next = last + 1
			}
			for _, s := range sides {
				served += checkEdits(t, seed, s.j, r)
			}
		}
	}
	if served < 1000/sampled {
		t.Errorf("%d answers: the histories test little", served)
	}
}

// checkEdits compares what is served from some txid on with the segments. It tells how many answers it had.
func checkEdits(t *testing.T, seed uint64, j *jnserver.Journal, r *rand.Rand) int {
	t.Helper()
	s := j.Snapshot()
	since := max(1, s.Highest-storage.TxID(r.IntN(12)))
	e, err := j.JournaledEdits(since, int32(1+r.IntN(20)))
	if err != nil || e.Count == 0 {
		return 0
	}
	last := since + storage.TxID(e.Count) - 1
	if last > s.Highest {
		t.Fatalf("seed %d: served up to %d, shown up to %d", seed, last, s.Highest)
	}
	want := editlog.AppendHeader(nil, layout)
	for _, seg := range s.Segments {
		if seg.First > last || !seg.InProgress && seg.Last < since {
			continue
		}
		file, err := j.OpenSegment(seg.First, true)
		if err != nil && strings.Contains(err.Error(), "cannot be trusted") {
			return 0 // a later sync of it failed
		}
		must(t, err)
		data, err := io.ReadAll(io.NewSectionReader(file.File, editlog.HeaderLen, file.Visible-editlog.HeaderLen))
		must(t, errors.Join(err, file.File.Close()))
		for tx := seg.First; len(data) > 0 && data[0] != editlog.OpInvalid && tx <= last; tx++ {
			f, err := editlog.ParseFrame(data)
			must(t, err)
			if tx >= since {
				want = append(want, data[:f.Length]...)
			}
			data = data[f.Length:]
		}
	}
	if got := bytes.Join(e.Parts, nil); !bytes.Equal(got, want) {
		t.Fatalf("seed %d: txids %d to %d are not those of the log:\n%q\n%q", seed, since, last, got, want)
	}
	return 1
}

// TestEditsBesideTheWriter: readers of the RPC beside a writer, for the race detector; each follows the log without a gap.
func TestEditsBesideTheWriter(t *testing.T) {
	cfg := newConfig(vfs.NewMem(), noFetch)
	cfg.EditsCache = 20_000
	n := newNode(t, cfg)
	c := &rpcClient{t: t, client: newClient(t, n), jid: "ns1", lv: 0xffffffff - 66}
	_, _, _ = c.format(false, nil), c.newEpoch(1, nil), c.start(1, 1)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		reader := &rpcClient{t: t, client: newClient(t, n), jid: "ns1"}
		readers.Go(func() {
			since := uint64(1)
			for last := false; !last; {
				select {
				case <-stop:
					last = true // once more: then everything is there
				default:
				}
				answer, r := reader.editsAnswer(since, 50)
				if !strings.HasPrefix(answer, "OK") {
					if _, err := fmt.Sscanf(answer, "FAIL org.apache.hadoop.hdfs.qjournal.server.JournaledEditsCache$CacheMissException "+
						"Oldest txn ID available in the cache is %d,", &since); err != nil {
						t.Error(answer)
						return
					}
					continue
				}
				if r.GetTxnCount() == 0 {
					continue
				}
				next := since + uint64(r.GetTxnCount())
				if !bytes.Equal(r.GetEditLog(), segmentFile(storage.TxID(since), storage.TxID(next-1))) {
					t.Errorf("not what was written from %d on", since)
					return
				}
				since = next
			}
		})
	}
	committed := int64(-1)
	for tx := uint64(1); tx < 2000; tx += 5 {
		if got := c.edits(c.info(1, committed), 1, tx, tx+4); got != "OK null" {
			t.Error(got)
			break
		}
		committed = int64(tx) + 4
	}
	close(stop)
	readers.Wait()
}

// TestEditsOfUnknownJournals: a question about a journal that is not here counts nowhere and leaves nothing.
func TestEditsOfUnknownJournals(t *testing.T) {
	cfg := newConfig(vfs.NewMem(), noFetch)
	cfg.EditsCache = 1 << 20
	n := newNode(t, cfg)
	for i := range 20 {
		c := &rpcClient{t: t, client: newClient(t, n), jid: fmt.Sprintf("no%d", i)}
		if got := c.journaledEdits(1, 5); got != "OK txnCount: 0" {
			t.Error(got)
		}
	}
	if got := len(n.Beans(jnserver.NodeInfo{})); got != 1 {
		t.Errorf("%d beans", got)
	}
}
