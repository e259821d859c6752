package crashtests

import (
	"fmt"
	"slices"
	"strings"

	"gojn/storage"
)

// scenario is a history of RPCs. Its setup is not cut: other scenarios do that.
type scenario struct {
	name         string
	setup, steps []step
}

// step is one RPC, or a restart.
type step struct {
	name string
	do   func(w *world) error
}

// ordered tells that a power cut leaves no gap only where the changes of one directory come to the disk in their order:
// purgeLogs and discardSegments take many files away and sync once. All else is tried with any order.
func (s scenario) ordered() bool {
	return slices.ContainsFunc(s.steps, func(st step) bool {
		return strings.HasPrefix(st.name, opPurge) || strings.HasPrefix(st.name, opDiscard)
	})
}

func (w *world) run(steps []step) error {
	for i, s := range steps {
		if err := s.do(w); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, s.name, err)
		}
	}
	return nil
}

// The steps by their RPCs.

func format() step { return step{"format", (*world).format} }

func newEpoch(e storage.Epoch) step {
	return step{fmt.Sprintf("newEpoch %d", e), func(w *world) error { return w.newEpoch(e) }}
}

func start(first storage.TxID) step {
	return step{fmt.Sprintf("startLogSegment %d", first), func(w *world) error { return w.start(first) }}
}

// write is one batch with bodies of size bytes.
func write(segment, first, last storage.TxID, size int) step {
	return step{fmt.Sprintf("journal %d to %d of %d bytes each", first, last, size), func(w *world) error {
		return w.write(segment, first, last, size)
	}}
}

// tell makes the next requests carry a committed txid: batches up to there are lagging.
func tell(committed storage.TxID) step {
	return step{fmt.Sprintf("committed is %d", committed), func(w *world) error {
		w.tell = committed
		return nil
	}}
}

func heartbeat() step { return step{"heartbeat", (*world).heartbeat} }

func finalize(first, last storage.TxID) step {
	return step{fmt.Sprintf("finalizeLogSegment %d-%d", first, last), func(w *world) error {
		return w.finalize(first, last)
	}}
}

func prepare(first storage.TxID) step {
	return step{fmt.Sprintf("prepareRecovery %d", first), func(w *world) error {
		_, err := w.prepare(first)
		return err
	}}
}

// accept offers a copy with bodies of size bytes.
func accept(first, last storage.TxID, inProgress bool, size int) step {
	return step{fmt.Sprintf("acceptRecovery %d-%d", first, last), func(w *world) error {
		return w.accept(first, last, inProgress, size)
	}}
}

func discard(from storage.TxID) step {
	return step{fmt.Sprintf("discardSegments %d", from), func(w *world) error { return w.discard(from) }}
}

func purge(keep storage.TxID) step {
	return step{fmt.Sprintf("purgeLogs %d", keep), func(w *world) error { return w.purge(keep) }}
}

func preUpgrade() step      { return step{"doPreUpgrade", (*world).preUpgrade} }
func upgrade() step         { return step{"doUpgrade", (*world).upgrade} }
func finalizeUpgrade() step { return step{"doFinalize", (*world).finalizeUpgrade} }
func rollback() step        { return step{"doRollback", (*world).rollback} }
func restart() step         { return step{"restart", (*world).restart} }
func kill() step            { return step{"kill", (*world).kill} }

// refused is a step that must fail.
func refused(s step) step {
	return step{s.name + ", refused", func(w *world) error {
		if err := s.do(w); err == nil {
			return fmt.Errorf("%s was not refused", s.name)
		}
		return nil
	}}
}

func steps(parts ...[]step) []step { return slices.Concat(parts...) }
