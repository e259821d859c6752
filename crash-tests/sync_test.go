package crashtests

import (
	"errors"
	"fmt"
	"slices"

	"gojn/jnserver"
	"gojn/storage"
)

// opSync is no RPC: it is what the syncer does with segments that other nodes have finalized.
const opSync = "sync"

// synced is a finalized segment of another node.
type synced struct {
	first, last storage.TxID
	frames      []byte
}

// errNotMissing: nothing was fetched, as the journal shows that it has it; that promises nothing.
var errNotMissing = errors.New("the segments are here")

// syncIn brings segments in that other nodes have, with bodies of size bytes, first and last of each, in one group.
func syncIn(size int, ends ...storage.TxID) step {
	return step{fmt.Sprintf("%s %d", opSync, ends), func(w *world) error { return w.sync(size, ends...) }}
}

func (w *world) sync(size int, ends ...storage.TxID) error {
	c := call{op: opSync}
	for pair := range slices.Chunk(ends, 2) {
		c.group = append(c.group, synced{pair[0], pair[1], frames(pair[0], pair[1], size)})
	}
	w.ledger.ask(c)
	ready, err := w.fill(c)
	if err == nil && len(ready) < len(c.group) {
		w.ledger.answered(errNotMissing) // no error of anybody's
	} else {
		w.ledger.answered(err)
	}
	for _, d := range ready { // what is not moved in is garbage, if it stays
		_ = w.j.EndSync(d)
	}
	return err
}

// fill does what a round of the syncer does, but for the end of the downloads.
func (w *world) fill(c call) (ready []*storage.SyncDownload, err error) {
	base, err := w.j.SyncBase()
	if err != nil {
		return nil, err
	}
	offer := jnserver.SyncOffer{}
	for _, s := range c.group {
		offer.Segments = append(offer.Segments, jnserver.SegmentRange{First: s.first, Last: s.last})
		offer.Committed = max(offer.Committed, s.last)
	}
	plan, err := w.j.PlanSync([]jnserver.SyncOffer{offer})
	if err != nil {
		return nil, err
	}
	for _, m := range plan.Fetch {
		d, err := w.j.BeginSync(base, m.SegmentRange)
		if err != nil {
			return ready, err
		}
		ready = append(ready, d)
		i := slices.IndexFunc(c.group, func(s synced) bool { return s.first == m.First })
		if _, err := d.Write(append(header(layout), c.group[i].frames...)); err != nil {
			return ready, err
		}
		if err := d.Verify(); err != nil {
			return ready, err
		}
	}
	if len(ready) == 0 {
		return nil, nil
	}
	refused, err := w.j.PromoteSynced(ready, plan.Committed)
	return ready, errors.Join(append(refused, err)...)
}

// synced is each segment of the group there, finalized, or not, as long as nobody knows; a recovery record goes after that.
func (s state) synced(c call, o outcome) []state {
	states := []state{s}
	for _, g := range c.group {
		var next []state
		for _, st := range states {
			in := st.clone()
			in.segments[g.first] = segment{first: g.first, frames: g.frames, least: g.last, most: g.last, final: true}
			unrecorded := in.clone()
			unrecorded.forgetRecord(g.first)
			if o != done {
				next = append(next, st, in)
			}
			next = append(next, unrecorded)
		}
		states = next
	}
	return states
}

func syncing() []scenario {
	// Segment 4 was left open with 4-6 when the node was away; 20 is open.
	away := steps(oneFinal(), []step{tell(19), start(20), write(20, 20, 21, small)})
	return []scenario{
		{"sync into an empty journal", []step{format(), tell(6), heartbeat()}, []step{syncIn(30, 1, 3, 4, 6), newEpoch(1), start(7), write(7, 7, 8, small)}},
		{"sync of a gap", away, []step{syncIn(30, 7, 12, 13, 19), write(20, 22, 23, small), finalize(20, 23)}},
		{"sync of what was left in progress", away, []step{syncIn(30, 4, 9), syncIn(30, 10, 19), newEpoch(2), prepare(4), finalize(20, 21)}},
		{"sync of what was left in progress, after a restart", steps(oneFinal(), []step{tell(9), heartbeat(), restart()}),
			[]step{syncIn(30, 4, 9), newEpoch(2), start(10), write(10, 10, 11, small)}},
		{"sync of an accepted one", steps(oneFinal(), []step{newEpoch(2), prepare(4), accept(4, 9, true, 30), tell(9), heartbeat()}),
			[]step{syncIn(30, 4, 9), newEpoch(3), prepare(4), start(10), write(10, 10, 11, small)}},
		{"sync of a shorter one", steps(oneFinal(), []step{newEpoch(2), tell(5), heartbeat()}),
			[]step{syncIn(30, 4, 5), start(6), write(6, 6, 7, small)}},
		{"sync of a large one", away, []step{syncIn(300_000, 4, 12), kill(), newEpoch(2), prepare(20)}},
		{"sync, then purgeLogs", away, []step{syncIn(30, 4, 12, 13, 19), purge(13), write(20, 22, 23, small)}},
		{"sync, then discardSegments", away, []step{syncIn(30, 7, 12, 13, 19), discard(13), newEpoch(2), start(13), write(13, 13, 14, small)}},
	}
}
