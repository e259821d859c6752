package crashtests

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// intact looks at everything that was promised until now: what readers are shown, what a new process finds, and what a
// power cut leaves.
func (r *faultRun) intact() error {
	if err := r.shown(); err != nil {
		return err
	}
	if !r.disk.armed { // else it cannot be read
		if err := r.agrees(); err != nil {
			return err
		}
	}
	return r.cut()
}

// shown compares what readers are shown with what was promised.
func (r *faultRun) shown() error {
	if s := r.w.j.Snapshot(); !s.Formatted() || s.EpochErr != nil || s.CommittedErr != nil || r.closed() {
		return nil //nolint:nilerr // a question is answered with the reason
	}
	if bad, err := r.bad(); bad || err != nil {
		return err
	}
	err := r.w.ledger.agree(r.w.j)
	if err != nil && r.disk.armed && strings.Contains(err.Error(), r.disk.errno().Error()) {
		return nil // one that needs the disk
	}
	return err
}

// bad tells whether the node has said of a segment that it cannot be trusted here; then it must not offer it, unless it is
// finalized and so committed, and what it offers is all that the name says.
func (r *faultRun) bad() (bool, error) {
	s := r.w.j.Snapshot()
	for _, b := range s.Bad {
		if reader, err := r.w.j.OpenSegment(b.First, true); err == nil {
			if scan, err := scanAll(reader); err == nil && !reader.InProgress && scan.End == reader.Last {
				continue
			}
			return true, fmt.Errorf("%s is sent to readers, and is %s", b.Name, b.Reason)
		}
	}
	return len(s.Bad) > 0, nil
}

// cut looks at what power cuts leave: nothing of what was not synced, all of it, and some.
func (r *faultRun) cut() error {
	random := rand.New(rand.NewPCG(faultSeed(r.s.name+r.disk.fault.name, r.n), 1))
	cuts := []struct {
		leaves string
		keep   func() bool
	}{
		{"nothing", nil},
		{"all", func() bool { return true }},
		{"a part", func() bool { return random.IntN(2) == 0 }},
	}
	for _, c := range cuts {
		r.count.Cuts++
		if err := r.same.check(r.w.ledger, r.mem.CrashClone(c.keep)); err != nil {
			return fmt.Errorf("a power cut that leaves %s of what was not synced: %w", c.leaves, err)
		}
	}
	return nil
}

// agrees compares the journal with what lies on its disk, and with what another process makes of it.
func (r *faultRun) agrees() error {
	s := r.w.j.Snapshot()
	if s.Problem != nil || s.EpochErr != nil || s.CommittedErr != nil {
		return nil // the node says that it does not know
	}
	if s.State == storage.Normal {
		entries, err := r.mem.ReadDir(journalRoot + "/current")
		if err != nil {
			return err
		}
		var onDisk, shown []string
		for _, e := range entries {
			if _, ok := storage.ParseSegmentName(e.Name()); ok {
				onDisk = append(onDisk, e.Name())
			}
		}
		for _, seg := range s.Segments {
			shown = append(shown, seg.Name)
		}
		slices.Sort(shown)
		if !slices.Equal(onDisk, shown) {
			return fmt.Errorf("the journal shows %v, on disk are %v", shown, onDisk)
		}
	}
	disk := r.mem.CrashClone(func() bool { return true })
	other := &world{fs: newProcess(disk), ledger: newLedger(), synced: r.w.synced}
	if err := other.open(); err != nil {
		return fmt.Errorf("another process: %w", err)
	}
	d := other.j.Snapshot()
	defer func() { _ = other.j.Close() }()
	switch {
	case s.Formatted() != d.Formatted() || s.Info != d.Info:
		return fmt.Errorf("the journal is %v %v, for another process %v %v", s.State, s.Info, d.State, d.Info)
	case s.Promised > d.Promised || s.Writer > d.Writer:
		return fmt.Errorf("promised %d, written by %d, for another process %d and %d",
			s.Promised, s.Writer, d.Promised, d.Writer)
	case s.CommittedTxID() > d.CommittedTxID() && !r.hint(): // less is fine: the write may have failed at its end
		return fmt.Errorf("committed %d, for another process %d", s.CommittedTxID(), d.CommittedTxID())
	}
	return readable(r.w.j)
}

// hint tells whether it was the committed txid that could not be written or synced: memory may know more then.
func (r *faultRun) hint() bool {
	return slices.ContainsFunc(r.disk.hit, func(op vfs.Op) bool { return path.Base(op.Path) == "committed-txid" })
}

// readable reads what the manifest promises of the segment in progress.
func readable(j *jnserver.Journal) error {
	m, err := j.EditLogManifest(0, true)
	if err != nil {
		return nil //nolint:nilerr // an answer with a reason
	}
	for _, log := range m.Logs {
		reader, err := j.OpenSegment(log.First, log.InProgress)
		if err != nil {
			return fmt.Errorf("the manifest promises %s: %w", log, err)
		}
		scan, err := scanAll(reader)
		if err != nil {
			return fmt.Errorf("the manifest promises %s: %w", log, err)
		}
		if !scan.HasTxns() || scan.End < log.Last {
			return fmt.Errorf("the manifest promises %s, the file has %d-%d", log, scan.First, scan.End)
		}
	}
	return nil
}

func scanAll(r *storage.SegmentReader) (editlog.Scan, error) {
	defer func() { _ = r.File.Close() }()
	return editlog.ScanSegment(r.File, r.Visible)
}
