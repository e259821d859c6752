package crashtests

import (
	"errors"
	"fmt"
	"strings"

	"gojn/storage"
	"gojn/storage/vfs"
)

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
	if r.w.reserve != (storage.Reserve{}) && vfs.NoSpace(answer) && strings.HasSuffix(hit[0].Path, "/gojn.reserve") {
		return nil // the disk was full before, which the answer says; health says why the reserve did not help
	}
	text := answer.Error()
	if strings.Contains(text, "<= last promise") {
		return nil // newEpoch repeated: the promise was recorded before the fault, and that is looked at first
	}
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
	if err := r.intact(); err != nil {
		return fmt.Errorf("after a new writer took over: %w", err)
	}
	return nil
}
