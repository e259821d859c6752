package crashtests

import (
	"errors"
	"os"
	"slices"

	"gojn/storage"
)

const small = 10

// formatted is the setup of most scenarios.
func formatted() []step { return []step{format(), newEpoch(1)} }

// oneFinal has segment 1-3 finalized and segment 4 open with 4-6.
func oneFinal() []step {
	return steps(formatted(), []step{
		start(1), write(1, 1, 3, small), finalize(1, 3), start(4), write(4, 4, 4, small), write(4, 5, 6, small),
	})
}

// threeFinal has 1-3, 4-6 and 7-9 finalized and segment 10 open with 10-11.
func threeFinal() []step {
	return steps(oneFinal(), []step{
		finalize(4, 6), start(7), write(7, 7, 9, small), finalize(7, 9), start(10), write(10, 10, 11, small),
	})
}

func upgraded() []step {
	return steps(oneFinal(), []step{finalize(4, 6), preUpgrade(), upgrade()})
}

// scenarios are histories over every RPC that changes state.
func scenarios() []scenario {
	return slices.Concat(writing(), recovering(), administering(), upgrading(), reserving(), syncing())
}

func writing() []scenario {
	return []scenario{
		{"format", nil, []step{format()}},
		{"format again", oneFinal(), []step{format(), newEpoch(1), start(1), write(1, 1, 1, small)}},
		{"newEpoch", formatted(), []step{newEpoch(2), newEpoch(7)}},
		{"newEpoch with a segment open", oneFinal(), []step{newEpoch(2)}},
		{"a request raises the promise", oneFinal(), []step{raise(3), heartbeat()}},
		{"startLogSegment", formatted(), []step{start(1)}},
		{"startLogSegment over an empty one", formatted(), []step{start(1), newEpoch(2), start(1), write(1, 1, 2, small)}},
		{"startLogSegment over one transaction", formatted(),
			[]step{start(1), write(1, 1, 1, small), newEpoch(2), start(1), write(1, 1, 1, 20), write(1, 2, 3, 20)}},
		{"startLogSegment with a segment open", oneFinal(), []step{start(7), write(7, 7, 8, small)}},
		{"journal", steps(formatted(), []step{start(1)}),
			[]step{write(1, 1, 1, small), write(1, 2, 5, small), write(1, 6, 6, 700)}},
		{"journal, larger than the preallocation", steps(formatted(), []step{start(1), write(1, 1, 1, small)}),
			[]step{write(1, 2, 4, 400_000), write(1, 5, 5, small), write(1, 6, 6, 2_200_000), write(1, 7, 7, small),
				finalize(1, 7)}},
		{"journal, up to the last byte of the preallocation", steps(formatted(), []step{start(1)}),
			[]step{write(1, 1, 1, 1<<20-headerLen-frameHead-4), write(1, 2, 2, small), finalize(1, 2)}},
		{"journal, lagging", oneFinal(),
			[]step{tell(8), write(4, 7, 8, small), tell(9), write(4, 9, 9, 600), write(4, 10, 11, small), tell(20),
				write(4, 12, 14, small), finalize(4, 14)}},
		{"journal, all lagging, then finalized", steps(formatted(), []step{tell(20), start(1)}),
			[]step{write(1, 1, 4, small), write(1, 5, 9, 500), finalize(1, 9), start(10), write(10, 10, 12, small),
				newEpoch(2)}},
		{"heartbeat", oneFinal(), []step{heartbeat(), tell(5), heartbeat(), tell(6), heartbeat(), write(4, 7, 8, small)}},
		{"finalizeLogSegment", oneFinal(), []step{finalize(4, 6), finalize(4, 6), start(7)}},
		{"finalizeLogSegment after a restart", steps(oneFinal(), []step{restart(), newEpoch(2)}),
			[]step{finalize(4, 6), start(7), write(7, 7, 7, small)}},
		{"finalizeLogSegment of a lagging one after a kill", steps(oneFinal(), []step{tell(9), write(4, 7, 9, small)}),
			[]step{kill(), newEpoch(2), finalize(4, 9), start(10)}},
		{"journal with synced writes", steps(formatted(), []step{syncedWrites()}),
			[]step{start(1), write(1, 1, 1, small), write(1, 2, 5, 700), finalize(1, 5), start(6), write(6, 6, 7, small),
				kill()}},
		{"restarts", oneFinal(), []step{tell(9), write(4, 7, 9, small), restart(), kill(), newEpoch(2), restart()}},
	}
}

// left kills the node, and starts it again where another one has left two segments in progress without a sync, as Java
// does when it is killed.
func left(first, last, nextFirst, nextLast storage.TxID) step {
	return step{"kill, after segments of another process", func(w *world) error {
		w.fs.die()
		w.ledger.restarted()
		for _, s := range [][2]storage.TxID{{first, last}, {nextFirst, nextLast}} {
			w.ledger.left(s[0], s[1])
			if err := w.leave(storage.InProgressName(s[0]), segmentBytes(s[0], s[1], small)); err != nil {
				return err
			}
		}
		return w.open()
	}}
}

func (w *world) leave(name string, data []byte) error {
	f, err := w.fs.OpenFile(journalRoot+"/current/"+name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	return errors.Join(err, f.Close())
}

// left takes note of a segment that is there, and of which nothing was acknowledged.
func (l *ledger) left(first, last storage.TxID) {
	for _, s := range l.states {
		s.segments[first] = segment{
			first: first, least: first - 1, most: last, frames: frames(first, last, small), optional: true,
		}
	}
}

// syncedWrites restarts the node with dfs.namenode.edits.noeditlogchannelflush.
func syncedWrites() step {
	return step{"restart with synced writes", func(w *world) error {
		w.synced = true
		return w.restart()
	}}
}

// raise makes the next requests those of a higher epoch without a newEpoch.
func raise(e storage.Epoch) step {
	return step{"a request of a higher epoch", func(w *world) error {
		w.epoch, w.serial = e, 0
		return nil
	}}
}

func recovering() []scenario {
	lagging := steps(oneFinal(), []step{tell(9), write(4, 7, 9, small)})
	return []scenario{
		{"prepareRecovery", steps(oneFinal(), []step{newEpoch(2)}), []step{prepare(4), prepare(1), prepare(7)}},
		{"prepareRecovery with the segment open", oneFinal(), []step{prepare(4)}},
		{"prepareRecovery of a lagging tail", lagging, []step{newEpoch(2), prepare(4)}},
		{"prepareRecovery of a lagging tail by the same writer", lagging, []step{prepare(4), finalize(4, 9)}},
		{"prepareRecovery of a lagging tail after a kill", lagging, []step{kill(), newEpoch(2), prepare(4), finalize(4, 9)}},
		{"prepareRecovery of what another process has left", steps(formatted(), []step{left(1, 3, 4, 6), newEpoch(2)}),
			[]step{prepare(4), prepare(1), finalize(1, 3), finalize(4, 6)}},
		{"prepareRecovery of an empty segment", steps(formatted(), []step{start(1), newEpoch(2)}), []step{prepare(1)}},
		{"acceptRecovery of what is here", steps(oneFinal(), []step{newEpoch(2), prepare(4)}),
			[]step{accept(4, 6, true, small), prepare(4), finalize(4, 6), start(7), write(7, 7, 8, small)}},
		{"acceptRecovery of a longer one", steps(oneFinal(), []step{newEpoch(2), prepare(4)}),
			[]step{accept(4, 9, true, 30), prepare(4), finalize(4, 9), start(10)}},
		{"acceptRecovery of a shorter one", steps(oneFinal(), []step{newEpoch(2), prepare(4)}),
			[]step{accept(4, 5, true, 30), prepare(4), finalize(4, 5), start(6), write(6, 6, 6, small)}},
		{"acceptRecovery of one that is not here", steps(formatted(), []step{newEpoch(2), prepare(1)}),
			[]step{accept(1, 4, false, 30), prepare(1), finalize(1, 4), start(5)}},
		{"acceptRecovery of a large one", steps(oneFinal(), []step{newEpoch(2), prepare(4)}),
			[]step{accept(4, 7, true, 500_000), finalize(4, 7)}},
		{"acceptRecovery of a finalized one", steps(oneFinal(), []step{finalize(4, 6), newEpoch(2), prepare(4)}),
			[]step{accept(4, 6, false, small), finalize(4, 6), start(7)}},
		{"acceptRecovery with the segment open and lagging", lagging, []step{accept(4, 12, true, 30), finalize(4, 12)}},
		{"acceptRecovery of a lagging tail that is here", lagging,
			[]step{newEpoch(2), prepare(4), accept(4, 9, true, small), finalize(4, 9)}},
		{"acceptRecovery by one writer after another", steps(oneFinal(), []step{newEpoch(2), prepare(4)}),
			[]step{accept(4, 8, true, 30), newEpoch(3), prepare(4), accept(4, 9, true, 40), newEpoch(4), prepare(4),
				accept(4, 9, false, 40), finalize(4, 9), start(10), write(10, 10, 11, small)}},
		{"acceptRecovery, then a restart", steps(oneFinal(), []step{newEpoch(2), prepare(4), accept(4, 8, true, 30)}),
			[]step{restart(), newEpoch(3), prepare(4), accept(4, 8, true, 30), finalize(4, 8)}},
		{"startLogSegment over an accepted one", steps(formatted(), []step{newEpoch(2), prepare(1), accept(1, 1, true, 30)}),
			[]step{newEpoch(3), start(1), write(1, 1, 2, small), newEpoch(4), prepare(1)}},
		{"acceptRecovery is refused", steps(oneFinal(), []step{tell(6), heartbeat(), newEpoch(2), prepare(4)}),
			[]step{refused(accept(4, 5, true, 30)), refused(accept(1, 2, true, 30)), prepare(4), finalize(4, 6)}},
	}
}

func administering() []scenario {
	accepted := steps(threeFinal(), []step{newEpoch(2), prepare(10), accept(10, 13, true, 30)})
	return []scenario{
		{"discardSegments", threeFinal(), []step{discard(7), newEpoch(2), start(7), write(7, 7, 8, 30)}},
		{"discardSegments of the open one", threeFinal(), []step{discard(10), newEpoch(2), start(10), write(10, 10, 11, 30)}},
		{"discardSegments behind the last", oneFinal(), []step{discard(7), write(4, 7, 8, small)}},
		{"discardSegments with a committed txid", steps(threeFinal(), []step{tell(11), heartbeat(), restart()}),
			[]step{discard(4), newEpoch(2), prepare(4), prepare(10)}},
		{"discardSegments with a committed txid that is durable",
			steps(oneFinal(), []step{finalize(4, 6), tell(6), heartbeat(), preUpgrade(), upgrade()}),
			[]step{discard(4), newEpoch(2), start(4)}},
		{"discardSegments with a lagging tail", steps(threeFinal(), []step{tell(15), write(10, 12, 14, small)}),
			[]step{discard(7), newEpoch(2), start(7)}},
		{"discardSegments of an accepted one", accepted,
			[]step{discard(10), newEpoch(3), start(10), write(10, 10, 10, small)}},
		{"discardSegments is refused", threeFinal(), []step{refused(discard(5)), write(10, 12, 12, small)}},
		{"purgeLogs", threeFinal(), []step{purge(4), purge(8), purge(9), write(10, 12, 12, small)}},
		{"purgeLogs of all but the open one", threeFinal(), []step{purge(10), restart()}},
		{"purgeLogs of records", steps(accepted, []step{
			finalize(10, 13), start(14), write(14, 14, 14, small), newEpoch(3), prepare(14),
			accept(14, 16, true, 30), finalize(14, 16), start(17),
		}), []step{purge(14), purge(17), write(17, 17, 17, small)}},
		{"purgeLogs of segments left in progress", steps(oneFinal(), []step{start(7), write(7, 7, 8, small), start(9),
			write(9, 9, 9, small)}), []step{purge(8), write(9, 10, 10, small)}},
	}
}

func upgrading() []scenario {
	ready := steps(oneFinal(), []step{finalize(4, 6), tell(6), heartbeat()})
	open := oneFinal()
	return []scenario{
		{"doPreUpgrade", ready, []step{preUpgrade()}},
		{"doPreUpgrade with a segment open", open, []step{preUpgrade(), restart(), newEpoch(2), finalize(4, 6)}},
		{"doUpgrade", ready, []step{preUpgrade(), upgrade(), start(7), write(7, 7, 8, small), finalize(7, 8)}},
		{"doUpgrade with a segment in progress", open,
			[]step{preUpgrade(), upgrade(), newEpoch(2), prepare(4), finalize(4, 6)}},
		{"doPreUpgrade, then another writer", ready,
			[]step{preUpgrade(), newEpoch(2), refused(upgrade()), start(7), write(7, 7, 7, small)}},
		{"doPreUpgrade, then the writer goes on", ready,
			[]step{preUpgrade(), start(7), write(7, 7, 7, small), finalize(7, 7)}},
		{"doPreUpgrade, then discardSegments", ready, []step{preUpgrade(), discard(4)}},
		{"doPreUpgrade, then a recovery", open, []step{preUpgrade(), newEpoch(2), prepare(4), accept(4, 8, true, 30)}},
		{"doFinalize", upgraded(), []step{finalizeUpgrade(), start(7), write(7, 7, 7, small), finalizeUpgrade()}},
		{"doRollback", upgraded(), []step{rollback(), newEpoch(2), start(7), write(7, 7, 7, small)}},
		{"doRollback after writing", steps(upgraded(), []step{
			newEpoch(5), start(7), write(7, 7, 8, small), finalize(7, 8), start(9),
		}), []step{rollback(), newEpoch(6), start(7), write(7, 7, 7, 30)}},
		{"doRollback without an upgrade", open, []step{rollback(), write(4, 7, 7, small)}},
		{"format beside previous", upgraded(), []step{format(), newEpoch(1), start(1)}},
		{"format in the middle of an upgrade", steps(ready, []step{preUpgrade()}), []step{format()}},
		{"restart in the middle of an upgrade", steps(ready, []step{preUpgrade()}), []step{restart(), newEpoch(2)}},
		{"restart after an upgrade", upgraded(), []step{restart(), start(7), kill(), rollback(), restart()}},
	}
}
