package crashtests

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// TestEachFault fails each operation of the file system in each scenario, with each error that fits it, alone and with
// all that follow for a while. The call answers a clear error, or does what it promises; memory agrees with the disk,
// or says that it does not know; nothing that was promised is lost, with and without a power cut; and when the fault
// has ended the service goes on in the same process: the call may be repeated where its rules allow it, and a new
// writer takes over.
func TestEachFault(t *testing.T) {
	var mu sync.Mutex
	var total faultCount
	same := newSameDisks(nil)
	t.Run("in", func(t *testing.T) {
		for _, s := range scenarios() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				count := failEach(t, s, same)
				mu.Lock()
				defer mu.Unlock()
				total.add(count)
			})
		}
	})
	t.Logf("%s, which left %d distinct disks", total, same.distinct())
}

// faultCount counts what failEach did.
type faultCount struct {
	Points, Faults  int // operations that failed, and with how many errors in all
	Failed, Ignored int // faults of which the answer told, and that it survived
	Repeated        int // failed calls that were repeated with success
	Cuts            int // power cuts behind a fault
}

func (c *faultCount) add(d faultCount) {
	c.Points += d.Points
	c.Faults += d.Faults
	c.Failed += d.Failed
	c.Ignored += d.Ignored
	c.Repeated += d.Repeated
	c.Cuts += d.Cuts
}

func (c faultCount) String() string {
	return fmt.Sprintf("%d operations failed in %d ways: %d answered an error, %d did no harm; "+
		"%d calls were repeated with success; %d power cuts",
		c.Points, c.Faults, c.Failed, c.Ignored, c.Repeated, c.Cuts)
}

// failEach does one scenario.
func failEach(t *testing.T, s scenario, same *sameDisks) (count faultCount) {
	dry := newFaultRun(s, 0, fault{}, same)
	if err := dry.do(); err != nil {
		t.Fatalf("without a fault: %v", err)
	}
	step := 1
	if testing.Short() {
		step = 7
	}
	for n := 1; n <= len(dry.disk.seen); n += step {
		op := dry.disk.seen[n-1]
		count.Points++
		for _, f := range faultsOf(op, faultSeed(s.name, n)) {
			count.Faults++
			r := newFaultRun(s, n, f, same)
			err := r.do()
			count.add(r.count)
			if err != nil {
				t.Errorf("%s %s, operation %d: %s: %v", op.Kind, path.Base(op.Path), n, f, err)
			}
		}
		if t.Failed() && count.Faults > 400 {
			t.Fatal("more of the same is no use")
		}
	}
	return count
}

func faultSeed(name string, n int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return h.Sum64() + uint64(n)
}

// faultRun is one scenario with one fault.
type faultRun struct {
	s     scenario
	n     int
	same  *sameDisks
	mem   *vfs.Mem
	disk  *breaker
	w     *world
	count faultCount
}

func newFaultRun(s scenario, n int, f fault, same *sameDisks) *faultRun {
	return &faultRun{s: s, n: n, same: same, mem: vfs.NewMem(), disk: &breaker{at: n, fault: f}}
}

// do runs the scenario; the error is what must not be.
func (r *faultRun) do() (err error) {
	if r.w, err = newWorld(vfs.Inject(r.mem, r.disk.hook)); err != nil {
		return err
	}
	defer func() { r.w.fs.die() }()
	if err := r.w.run(r.s.setup); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	r.disk.armed = true
	for i, st := range r.s.steps {
		before := len(r.disk.hit)
		err := st.do(r.w)
		if r.disk.fault.lasting == nil && len(r.disk.hit) > 0 {
			r.disk.armed = false
		}
		name := fmt.Sprintf("step %d, %s", i+1, st.name)
		hit := len(r.disk.hit) > before
		if hit {
			r.count.Ignored++
		}
		switch {
		case err != nil && len(r.disk.hit) == 0:
			return fmt.Errorf("%s: %w, without a fault", name, err)
		case err != nil:
			if hit {
				r.count.Ignored--
				r.count.Failed++
			}
			if err := r.failed(st, r.s.steps[i+1:], err, r.disk.hit[before:]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		case hit:
			// It went well all the same, so all that it promises must hold.
			if err := r.intact(); err != nil {
				return fmt.Errorf("%s, which was answered well: %w", name, err)
			}
		}
	}
	if r.n == 0 {
		return nil
	}
	r.disk.armed = false
	if err := r.reopen(false); err != nil {
		return err
	}
	return r.resume()
}

// failed goes on behind a step that answered an error; hit are the operations that failed in it.
func (r *faultRun) failed(st step, rest []step, answer error, hit []vfs.Op) error {
	if err := r.clear(answer, hit); err != nil {
		return err
	}
	if r.disk.fault.lasting != nil { // the caller and others try again, without success
		tries := []func() error{func() error { return r.w.newEpoch(r.w.epoch + 5) }}
		if !strings.HasPrefix(st.name, opAccept) { // which no writer asks for twice in an epoch
			tries = append([]func() error{func() error { return st.do(r.w) }}, tries...)
		}
		for _, try := range tries {
			before := len(r.disk.hit)
			err := try()
			if err == nil || len(r.disk.hit) == before {
				continue // refused by a rule, such as that of a journal which is not formatted
			}
			if err := r.clear(err, r.disk.hit[before:]); err != nil {
				return fmt.Errorf("repeated during the fault: %w", err)
			}
		}
		if err := r.shown(); err != nil {
			return fmt.Errorf("during the fault: %w", err)
		}
	}
	r.disk.armed = false
	if err := r.reopen(st.name == restart().name || st.name == kill().name); err != nil {
		return err
	}
	if r.disk.fault.lasting == nil {
		if err := r.intact(); err != nil {
			return err
		}
	} else if err := r.cut(); err != nil { // what could not be listed meanwhile is listed by the next call
		return err
	}
	if err := st.do(r.w); err == nil {
		r.count.Repeated++
		for _, next := range rest {
			if err := next.do(r.w); err != nil {
				break // an epoch or a segment of the fault's time may stand against it; the new writer does not mind
			}
		}
		if err := r.shown(); err != nil {
			return fmt.Errorf("after the call was repeated: %w", err)
		}
	}
	return r.resume()
}

// clear tells whether an answer names what went wrong.
func (r *faultRun) clear(answer error, hit []vfs.Op) error {
	if len(hit) == 0 {
		return nil // a consequence of what failed before, such as a tail that is lost
	}
	text := answer.Error()
	if want := r.disk.errno(); !errors.Is(answer, want) && !strings.Contains(text, want.Error()) {
		return fmt.Errorf("the answer does not name the fault: %w", answer)
	}
	for _, op := range hit {
		if strings.Contains(text, op.Path) || op.To != "" && strings.Contains(text, op.To) {
			return nil
		}
	}
	return fmt.Errorf("the answer does not name the file: %w", answer)
}

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

// reopen opens the journal again where jnserver.Node does so at the next call: if its directory could not be opened.
// One that was closed by a restart that failed on its way is started again.
func (r *faultRun) reopen(died bool) error {
	if s := r.w.j.Snapshot(); !died && !r.closed() && (s.State != storage.NonExistent || s.Problem == nil) {
		return nil
	}
	return named("the journal opens again", r.w.kill())
}

func (r *faultRun) closed() bool {
	_, err := r.w.j.CTime()
	return err != nil && strings.Contains(err.Error(), "the journal is closed")
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

// bad tells whether the node has said of a segment that it cannot be trusted here; then it must not offer it.
func (r *faultRun) bad() (bool, error) {
	s := r.w.j.Snapshot()
	for _, b := range s.Bad {
		if reader, err := r.w.j.OpenSegment(b.First, true); err == nil {
			_ = reader.File.Close()
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
	if !everyFault() {
		cuts = cuts[random.IntN(len(cuts)):][:1]
	}
	for _, c := range cuts {
		r.count.Cuts++
		if err := r.same.check(r.w.ledger, r.mem.CrashClone(c.keep)); err != nil {
			return fmt.Errorf("a power cut that leaves %s of what was not synced: %w", c.leaves, err)
		}
	}
	return nil
}

// resume lets a new writer take over, and then looks at everything again, also as a restarted process finds it.
func (r *faultRun) resume() error {
	if s := r.w.j.Snapshot(); s.Formatted() && s.EpochErr == nil && s.CommittedErr == nil && len(s.Bad) == 0 {
		if err := r.w.ledger.settle(r.w.j); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
	}
	if err := r.w.takeOver(); err != nil {
		return fmt.Errorf("no service after the fault: %w", err)
	}
	look := r.intact
	if r.n%3 != 0 && !everyFault() { // a power cut costs the most
		look = r.agrees
	}
	if err := look(); err != nil {
		return fmt.Errorf("after a new writer took over: %w", err)
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
