package storage_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

// view is all that a journal's directory says.
type view struct {
	State            storage.State
	Info             storage.StorageInfo
	Promised, Writer storage.Epoch
	Committed        storage.TxID
	Segments         string
	Ends             string // where each segment's transactions end
	Paxos            string
	CanRollBack      string
	Vote             storage.Vote
}

// viewOf reads a Dir. The committed txid is a hint and is looked at only where a step makes it durable.
func viewOf(t *testing.T, d *storage.Dir, withCommitted bool) view {
	t.Helper()
	v := view{State: d.State(), Info: d.Info(), Committed: storage.InvalidTxID, Segments: fmt.Sprint(segmentNames(d)),
		Vote: d.Vote()}
	var err error
	v.Promised, err = d.PromisedEpoch()
	must(t, err)
	v.Writer, err = d.WriterEpoch()
	must(t, err)
	if withCommitted {
		c, known, err := d.Committed()
		must(t, err)
		if known {
			v.Committed = c
		}
	}
	for _, first := range []storage.TxID{1, 4, 7, 10} {
		r, ok, err := d.Paxos(first)
		must(t, err)
		if ok {
			v.Paxos += fmt.Sprint(r)
		}
	}
	for _, s := range d.Segments() {
		scan, err := d.Scan(s)
		must(t, err)
		v.Ends += fmt.Sprint(scan.End, " ")
	}
	if d.State() == storage.Normal {
		ok, err := d.CanRollBack(fixtureInfo.LayoutVersion)
		v.CanRollBack = fmt.Sprint(ok, err)
	}
	return v
}

// onDisk is what a fresh Open of a disk says, whoever has it locked.
func onDisk(t *testing.T, what string, mem *vfs.Mem, withCommitted bool) view {
	t.Helper()
	d, err := storage.Open(options(mem))
	if err != nil {
		t.Fatalf("%s: Open: %v", what, err)
	}
	defer func() { _ = d.Close() }()
	return viewOf(t, d, withCommitted)
}

// crashScenario is one change of a journal, tried with each of its operations failing and with a power cut before each.
type crashScenario struct {
	name   string
	before func(t *testing.T, mem *vfs.Mem, d *storage.Dir) // done before anything fails
	run    func(d *storage.Dir) error
	// between tells a view that is neither the old nor the new one and still right; nil: there is none.
	between       func(old, new, v view) bool
	withCommitted bool
	midway        bool // memory may say the old state where a fresh Open goes on to the new one
	retried       bool // run may be repeated after an error, and then reaches the new state
}

func crashScenarios() []crashScenario {
	find := func(d *storage.Dir, first storage.TxID) (storage.Segment, error) {
		s, ok, err := d.Find(first)
		if err == nil && !ok {
			err = errors.New("no segment")
		}
		return s, err
	}
	record := storage.PaxosRecord{Start: 7, End: 8, InProgress: true, AcceptedIn: 5}
	setRecord := func(t *testing.T, _ *vfs.Mem, d *storage.Dir) { must(t, d.SetPaxos(record)) }
	setPromisedRecord := func(t *testing.T, mem *vfs.Mem, d *storage.Dir) {
		setRecord(t, mem, d)
		must(t, d.SetPromisedEpoch(6))
	}
	download := func(t *testing.T, _ *vfs.Mem, d *storage.Dir) {
		w, err := d.CreateDownload(7, 5)
		must(t, err)
		_, err = w.Write([]byte(segmentFile(7, 8)))
		must(t, err)
		must(t, w.Finish())
	}
	// A lagging node writes batches without a sync (spec 2.5).
	unsynced := func(t *testing.T, mem *vfs.Mem, _ *storage.Dir) {
		writeTo(t, mem, rootDir+"/"+inProgress(7), []byte(segmentFile(7, 10)))
	}
	other := storage.StorageInfo{LayoutVersion: -66, NamespaceID: 42, ClusterID: "CID-other", CTime: 1}
	preUpgrade := func(t *testing.T, _ *vfs.Mem, d *storage.Dir) { must(t, d.PreUpgrade()) }
	upgrade := func(t *testing.T, mem *vfs.Mem, d *storage.Dir) {
		preUpgrade(t, mem, d)
		must(t, d.Upgrade(upgradedInfo))
	}
	return append(voteScenarios(), []crashScenario{
		{name: "SetPromisedEpoch", retried: true, run: func(d *storage.Dir) error { return d.SetPromisedEpoch(6) }},
		{name: "SetWriterEpoch", retried: true, run: func(d *storage.Dir) error { return d.SetWriterEpoch(5) }},
		{name: "SetPaxos", retried: true, run: func(d *storage.Dir) error { return d.SetPaxos(record) }},
		{name: "SetPaxos over another", retried: true, before: setPromisedRecord, run: func(d *storage.Dir) error {
			return d.SetPaxos(storage.PaxosRecord{Start: 7, End: 9, InProgress: true, AcceptedIn: 6})
		}},
		{name: "DeletePaxos", retried: true, before: setRecord, run: func(d *storage.Dir) error { return d.DeletePaxos(7) }},
		{name: "StartSegment", retried: true, run: func(d *storage.Dir) error {
			w, err := d.StartSegment(10, -67)
			if err != nil {
				return err
			}
			return w.Abort()
		}},
		{name: "Finalize", retried: true, before: unsynced, run: func(d *storage.Dir) error {
			s, err := find(d, 7)
			if err != nil || !s.InProgress {
				return err
			}
			return d.Finalize(s, 10)
		}, between: func(old, _, v view) bool { // the unsynced batch may or may not be there
			return v.Segments == old.Segments && (v.Ends == "3 6 9 " || v.Ends == "3 6 10 ")
		}},
		{name: "SetAside", run: func(d *storage.Dir) error {
			s, ok, err := d.Find(7)
			if err != nil || !ok {
				return err
			}
			return d.SetAside(s, storage.SuffixStale)
		}, retried: true},
		{name: "Discard", withCommitted: true, retried: true, before: setRecord, run: func(d *storage.Dir) error {
			_, err := d.Discard(4)
			return err
		}, between: func(_, new, v view) bool {
			// The committed txid is lowered first; segments go from the last one down.
			return v.Committed <= new.Committed && slices.Contains([]string{
				fmt.Sprint([]string{storage.FinalizedName(1, 3), storage.FinalizedName(4, 6), storage.InProgressName(7)}),
				fmt.Sprint([]string{storage.FinalizedName(1, 3), storage.FinalizedName(4, 6)}),
				fmt.Sprint([]string{storage.FinalizedName(1, 3)}),
			}, v.Segments)
		}},
		{name: "Purge", retried: true, before: func(t *testing.T, _ *vfs.Mem, d *storage.Dir) {
			must(t, d.SetPaxos(storage.PaxosRecord{Start: 4, End: 6, AcceptedIn: 2}))
		}, run: func(d *storage.Dir) error {
			r, err := d.Purge(7, 7)
			for _, f := range r.Failed {
				err = errors.Join(err, f.Err)
			}
			return err
		}, between: func(_, _, v view) bool {
			// Single files are gone; what is kept is whole.
			return v.State == storage.Normal && v.Segments[len(v.Segments)-1] == ']'
		}},
		{name: "CompleteAccept", retried: true, midway: true,
			before: func(t *testing.T, mem *vfs.Mem, d *storage.Dir) { download(t, mem, d); setRecord(t, mem, d) },
			run:    func(d *storage.Dir) error { _, err := d.CompleteAccept(record); return err }},
		{name: "a whole accept", midway: true, run: func(d *storage.Dir) error {
			w, err := d.CreateDownload(7, 5)
			if err != nil {
				return err
			}
			if _, err = w.Write([]byte(segmentFile(7, 8))); err == nil {
				_, err = w.Scan()
			}
			if err == nil {
				err = w.Finish()
			}
			if err == nil {
				err = d.SetPaxos(record)
			}
			if err != nil {
				return errors.Join(err, w.Abandon())
			}
			return w.Promote(record)
		}, retried: true},
		{name: "Format", run: func(d *storage.Dir) error { return d.Format(fixtureInfo, true) },
			withCommitted: true, retried: true},
		{name: "Format beside previous", before: upgrade, run: func(d *storage.Dir) error { return d.Format(other, true) },
			withCommitted: true, retried: true},
		{name: "Format beside previous.tmp", before: preUpgrade,
			run: func(d *storage.Dir) error { return d.Format(other, true) }, withCommitted: true, midway: true},
		{name: "PreUpgrade", run: (*storage.Dir).PreUpgrade, withCommitted: true},
		{name: "Upgrade", before: preUpgrade, run: func(d *storage.Dir) error { return d.Upgrade(upgradedInfo) },
			withCommitted: true, midway: true},
		{name: "FinalizeUpgrade", before: upgrade, run: (*storage.Dir).FinalizeUpgrade, withCommitted: true, retried: true},
		{name: "Rollback", before: upgrade, run: func(d *storage.Dir) error { _, err := d.Rollback(); return err },
			withCommitted: true, retried: true},
		{name: "PromoteSynced", run: func(d *storage.Dir) error { return syncIn(d, 10, 12) }, retried: true},
		{name: "PromoteSynced over one in progress", before: setRecord, retried: true,
			run: func(d *storage.Dir) error { return syncIn(d, 7, 9) }},
	}...)
}

// arena is a journal on which one scenario runs, with a hook for each operation of the run itself.
func arena(t *testing.T, s crashScenario, hook func(mem *vfs.Mem, n int) error) (*vfs.Mem, *storage.Dir, func() error) {
	t.Helper()
	mem := formatted(t).settled()
	armed, n := false, 0
	d, err := storage.Open(options(vfs.Inject(mem, func(vfs.Op) error {
		if !armed {
			return nil
		}
		n++
		return hook(mem, n)
	})))
	must(t, err)
	t.Cleanup(func() { _ = d.Close() })
	if s.before != nil {
		s.before(t, mem, d)
	}
	return mem, d, func() error {
		armed = true
		defer func() { armed = false }()
		return s.run(d)
	}
}

func none(*vfs.Mem, int) error { return nil }

// states are the views before and after a scenario, as a fresh Open after a power cut has them.
func states(t *testing.T, s crashScenario) (old, new view) {
	t.Helper()
	mem, _, run := arena(t, s, none)
	old = onDisk(t, "before", mem.CrashClone(nil), s.withCommitted)
	must(t, run())
	return old, onDisk(t, "after", mem.CrashClone(nil), s.withCommitted)
}

func (s crashScenario) allows(old, new, v view) bool {
	return v == old || v == new || s.between != nil && s.between(old, new, v)
}

// TestPowerCuts cuts the power before each operation of each scenario, with nothing, everything and some of what was not
// synced on disk. A fresh Open must find the old state or the new one, and the new one once the call has returned.
func TestPowerCuts(t *testing.T) {
	for _, s := range crashScenarios() {
		t.Run(s.name, func(t *testing.T) {
			old, new := states(t, s)
			if old == new && s.name != "PreUpgrade" && s.name != "CompleteAccept" {
				t.Fatalf("the scenario changes nothing: %+v", old)
			}
			random := rand.New(rand.NewPCG(1, 2))
			var cuts []*vfs.Mem
			_, _, run := arena(t, s, func(mem *vfs.Mem, n int) error {
				cuts = append(cuts, mem.CrashClone(nil), everything(mem))
				for range 3 {
					cuts = append(cuts, mem.CrashClone(func() bool { return random.IntN(2) == 0 }))
				}
				return nil
			})
			must(t, run())
			for i, cut := range cuts {
				what := fmt.Sprintf("power cut %d before operation %d", i%5, i/5+1)
				if v := onDisk(t, what, cut, s.withCommitted); !s.allows(old, new, v) {
					t.Fatalf("%s:\n%+v\nis neither\n%+v\nnor\n%+v", what, v, old, new)
				}
			}
		})
	}
}

// TestFailingOperations fails the N-th operation of each scenario, for each N: once, and with all after it. Afterwards
// memory says what the disk says, that is the old or the new state, and a repeated call ends in the new one, durably.
func TestFailingOperations(t *testing.T) {
	errDisk := errors.New("the disk says no")
	for _, s := range crashScenarios() {
		for _, sticky := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/sticky=%t", s.name, sticky), func(t *testing.T) {
				old, new := states(t, s)
				for fail := 1; ; fail++ {
					fired := false
					mem, d, run := arena(t, s, func(_ *vfs.Mem, n int) error {
						if n == fail || sticky && n > fail {
							fired = true
							return errDisk
						}
						return nil
					})
					err := run()
					if !fired {
						must(t, err)
						break
					}
					s.checkFailed(t, fail, sticky, mem, d, err, old, new)
				}
			})
		}
	}
}

func (s crashScenario) checkFailed(
	t *testing.T, fail int, sticky bool, mem *vfs.Mem, d *storage.Dir, err error, old, new view,
) {
	t.Helper()
	what := fmt.Sprintf("operation %d failed", fail)
	disk := onDisk(t, what, everything(mem), s.withCommitted)
	if !s.allows(old, new, disk) {
		t.Fatalf("%s: %v: the disk\n%+v\nis neither\n%+v\nnor\n%+v", what, err, disk, old, new)
	}
	if err == nil {
		if durable := onDisk(t, what, mem.CrashClone(nil), s.withCommitted); durable != new {
			t.Fatalf("%s, the call did not, and after a power cut there is\n%+v\nnot\n%+v", what, durable, new)
		}
		return
	}
	if d.Problem() == nil {
		_, _, findErr := d.Find(1) // lets the index settle
		must(t, findErr)
		v := viewOf(t, d, s.withCommitted)
		if s.midway {
			v.CanRollBack, v.Ends = disk.CanRollBack, disk.Ends
			if v.Vote.Withheld { // until the call is repeated
				v.Vote = disk.Vote
			}
			if sticky && v.Info == old.Info {
				v.Info = disk.Info
			}
		}
		if errors.Is(err, storage.ErrSyncFailed) { // then the medium counts, not the cache: TestPoisonedSegment
			v.Ends = disk.Ends
		}
		if v != disk {
			t.Fatalf("%s: %v: memory\n%+v\ndisk\n%+v", what, err, v, disk)
		}
	} else if d.State() == storage.Normal {
		t.Fatalf("%s: served with the problem %v", what, d.Problem())
	}
	if !s.retried || errors.Is(err, storage.ErrSyncFailed) {
		return
	}
	if err := s.run(d); err != nil {
		t.Fatalf("%s, then the second try: %v", what, err)
	}
	if v := onDisk(t, what, mem.CrashClone(nil), s.withCommitted); v != new {
		t.Fatalf("%s, and the second try left\n%+v\nnot\n%+v", what, v, new)
	}
}
