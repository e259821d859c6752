package jnserver

import (
	"cmp"
	"slices"

	"gojn/storage"
)

// SyncOffer is what one other node has of a journal.
type SyncOffer struct {
	// Segments are the finalized ones.
	Segments []SegmentRange
	// Committed is what that node knows to be committed, InvalidTxID if it does not know or say.
	Committed storage.TxID
}

// SegmentRange is a finalized segment by its name.
type SegmentRange struct{ First, Last storage.TxID }

func (r SegmentRange) overlaps(o SegmentRange) bool { return r.First <= o.Last && o.First <= r.Last }

// MissingSegment is a finalized segment that others have and this node lacks.
type MissingSegment struct {
	SegmentRange
	// From are the indexes of the offers that have it, ascending.
	From []int
}

// SyncPlan sorts what this node lacks. Each list is ascending.
type SyncPlan struct {
	// Fetch is known to be committed.
	Fetch []MissingSegment
	// Waiting is not known to be committed: a writer, or another node, has to say so first.
	Waiting []MissingSegment
	// Disputed overlaps with another of them, or has the beginning of what is in progress here in it. Somebody's log is wrong,
	// and a person has to look.
	Disputed []MissingSegment
	// Committed is the last transaction that was taken as committed, InvalidTxID if nothing is known.
	Committed storage.TxID
}

// planSync compares what is here with all offers at once, by ranges; Java's JournalNodeSyncer.getMissingLogList compares the
// first txids with those of one peer. Not missing is what overlaps a finalized segment here, what lies wholly below what this
// process was told to purge, and what reaches the segment that is being written: that one the writer brings.
func planSync(s *Snapshot, offers []SyncOffer) SyncPlan {
	here := make([]SegmentRange, 0, len(s.Segments))
	var open []storage.TxID // the beginnings of those in progress
	for _, seg := range s.Segments {
		if seg.InProgress {
			open = append(open, seg.First)
		} else {
			here = append(here, SegmentRange{seg.First, seg.Last})
		}
	}
	from := make(map[SegmentRange][]int)
	for i, o := range offers {
		for _, r := range o.Segments {
			if r.First < 0 || r.Last < r.First || r.Last > maxSyncTxID || r.Last < s.KeepFrom || s.IsWriting && r.Last >= s.Writing || covered(here, r) {
				continue
			}
			if have := from[r]; len(have) == 0 || have[len(have)-1] != i {
				from[r] = append(have, i)
			}
		}
	}
	missing := make([]MissingSegment, 0, len(from))
	for r, i := range from {
		missing = append(missing, MissingSegment{r, i})
	}
	slices.SortFunc(missing, func(a, b MissingSegment) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
	})
	told := storage.InvalidTxID
	if s.Vote != (storage.Vote{}) {
		told = toldCommitted(offers)
	}
	plan := SyncPlan{Committed: knownCommitted(s.Committed, s.CommittedKnown, s.CommittedErr, told)}
	for _, m := range missing {
		if m.Last > plan.Committed {
			plan.Waiting = append(plan.Waiting, m)
		} else {
			plan.Fetch = append(plan.Fetch, m)
		}
	}
	// What waits disputes nothing: a single file with an odd name must not hold up all else.
	plan.Fetch, plan.Disputed = undisputed(plan.Fetch, open)
	return plan
}

// undisputed sorts those out that contradict each other or what is in progress here.
func undisputed(missing []MissingSegment, open []storage.TxID) (good, disputed []MissingSegment) {
	for i, marked := range disputes(missing, open) {
		if marked {
			disputed = append(disputed, missing[i])
		} else {
			good = append(good, missing[i])
		}
	}
	return good, disputed
}

// maxSyncTxID bounds what others may call a transaction; as storage does for committed-txid.
const maxSyncTxID = storage.TxID(1) << 48

// covered tells whether r overlaps one of here, which are sorted by their beginnings. They may overlap each other.
func covered(here []SegmentRange, r SegmentRange) bool {
	end, _ := slices.BinarySearchFunc(here, r.Last+1, func(h SegmentRange, t storage.TxID) int { return cmp.Compare(h.First, t) })
	for _, h := range slices.Backward(here[:end]) {
		if h.overlaps(r) {
			return true
		}
		if h.Last < r.First { // those before end earlier still, but where a log is in disorder: then promoting refuses it
			return false
		}
	}
	return false
}

// disputes marks those of missing, which are sorted, that overlap each other or have one of the beginnings behind their own.
func disputes(missing []MissingSegment, open []storage.TxID) []bool {
	marked := make([]bool, len(missing))
	reach := -1 // the one that reaches farthest so far
	for i, m := range missing {
		if reach >= 0 && missing[reach].overlaps(m.SegmentRange) {
			marked[reach], marked[i] = true, true
		}
		if reach < 0 || m.Last > missing[reach].Last {
			reach = i
		}
		if slices.ContainsFunc(open, func(first storage.TxID) bool { return m.First < first && first <= m.Last }) {
			marked[i] = true
		}
	}
	return marked
}

// toldCommitted is the most that any of the others knows to be committed. What one of them knows holds for all.
func toldCommitted(offers []SyncOffer) storage.TxID {
	told := storage.InvalidTxID
	for _, o := range offers {
		told = max(told, o.Committed)
	}
	return told
}

// knownCommitted decides up to where a segment may be moved in (Java Journal.moveTmpSegmentToCurrent: what this node knows
// itself). A node that knows nothing, as it was wiped, takes what the others say, told; Java's waits for a writer. A journal that
// a NameNode has formatted takes nobody's word: the others may be about to be formatted, too.
func knownCommitted(own storage.TxID, known bool, unreadable error, told storage.TxID) storage.TxID {
	switch {
	case unreadable != nil:
		return storage.InvalidTxID
	case known:
		return own
	}
	return told
}
