package jnserver

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"gojn/storage"
)

func ranges(list ...storage.TxID) (out []SegmentRange) {
	for pair := range slices.Chunk(list, 2) {
		out = append(out, SegmentRange{pair[0], pair[1]})
	}
	return out
}

func offer(committed storage.TxID, list ...storage.TxID) SyncOffer {
	return SyncOffer{Segments: ranges(list...), Committed: committed}
}

// TestPlanSync: what is missing, of all that the others have, and what of it is known to be committed (JournalNodeSyncer,
// Journal.moveTmpSegmentToCurrent).
func TestPlanSync(t *testing.T) {
	const none = storage.InvalidTxID
	fin := func(first, last storage.TxID) storage.Segment { return storage.Segment{First: first, Last: last} }
	prog := func(first storage.TxID) storage.Segment {
		return storage.Segment{First: first, Last: none, InProgress: true}
	}
	known := func(c storage.TxID, s ...storage.Segment) Snapshot {
		return Snapshot{Segments: s, Committed: c, CommittedKnown: true}
	}
	wiped := Snapshot{Vote: storage.Vote{Withheld: true}}
	writing := func(s Snapshot, first storage.TxID) Snapshot {
		s.Writing, s.IsWriting = first, true
		return s
	}
	unreadable := known(100)
	unreadable.CommittedErr = errors.New("cannot be read")
	purged := known(100, fin(21, 30))
	purged.KeepFrom = 15
	for _, c := range []struct {
		name   string
		s      Snapshot
		offers []SyncOffer
		want   string
	}{
		{"nobody has anything", known(9, fin(1, 3)), []SyncOffer{offer(none)}, "[] [] [] 9"},
		{"nothing is missing", known(9, fin(1, 3), fin(4, 9)), []SyncOffer{offer(9, 1, 3, 4, 9)}, "[] [] [] 9"},
		{"all gaps, from all who have them", known(30, fin(4, 6)),
			[]SyncOffer{offer(none, 1, 3, 4, 6), offer(30, 1, 3, 7, 9), offer(20, 10, 12)},
			"[{{1 3} [0 1]} {{7 9} [1]} {{10 12} [2]}] [] [] 30"},
		{"what this node knows counts, not what others say", known(8, fin(1, 3)), []SyncOffer{offer(90, 4, 8, 9, 12)},
			"[{{4 8} [0]}] [{{9 12} [0]}] [] 8"},
		{"a wiped node takes what a peer says", wiped, []SyncOffer{offer(none, 1, 3, 4, 6), offer(4, 1, 3)},
			"[{{1 3} [0 1]}] [{{4 6} [0]}] [] 4"},
		{"one that was formatted takes nobody's word", Snapshot{}, []SyncOffer{offer(4, 1, 3)}, "[] [{{1 3} [0]}] [] -12345"},
		{"a wiped node between 2.7 peers waits for a writer", wiped, []SyncOffer{offer(none, 1, 3)},
			"[] [{{1 3} [0]}] [] -12345"},
		{"an unreadable committed-txid", unreadable, []SyncOffer{offer(90, 1, 3)}, "[] [{{1 3} [0]}] [] -12345"},
		{"by ranges, not by beginnings", known(30, fin(1, 9)), []SyncOffer{offer(30, 1, 3, 4, 9, 5, 12, 10, 12)},
			"[{{10 12} [0]}] [] [] 30"},
		{"what was purged does not come back", purged, []SyncOffer{offer(90, 1, 9, 10, 14, 11, 15, 16, 20)},
			"[{{11 15} [0]} {{16 20} [0]}] [] [] 100"},
		{"the open one is the writer's, and what lies behind it", writing(known(30, fin(1, 3), prog(4), prog(10)), 10),
			[]SyncOffer{offer(30, 4, 9, 10, 12, 13, 14)}, "[{{4 9} [0]}] [] [] 30"},
		{"in progress since an earlier process", known(30, prog(4)), []SyncOffer{offer(30, 4, 9)}, "[{{4 9} [0]}] [] [] 30"},
		{"what is in progress begins within", known(30, prog(5)), []SyncOffer{offer(30, 4, 9, 10, 12)},
			"[{{10 12} [0]}] [] [{{4 9} [0]}] 30"},
		{"two that contradict each other", known(30), []SyncOffer{offer(30, 1, 9, 10, 12), offer(30, 1, 8, 13, 14)},
			"[{{10 12} [0]} {{13 14} [1]}] [] [{{1 8} [1]} {{1 9} [0]}] 30"},
		{"one that contradicts two", known(30), []SyncOffer{offer(30, 1, 20), offer(30, 2, 3, 5, 6, 21, 22)},
			"[{{21 22} [1]}] [] [{{1 20} [0]} {{2 3} [1]} {{5 6} [1]}] 30"},
		{"no segments at all", known(30), []SyncOffer{offer(30, 5, 4, -3, 2, 1, 1, 1, 1)}, "[{{1 1} [0]}] [] [] 30"},
	} {
		p := planSync(&c.s, c.offers)
		if got := fmt.Sprintf("%v %v %v %d", p.Fetch, p.Waiting, p.Disputed, p.Committed); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestPlanSync_OddRanges: one file with an odd name on one node disputes nothing that is known to be committed.
func TestPlanSync_OddRanges(t *testing.T) {
	s := Snapshot{Committed: 100, CommittedKnown: true}
	good := offer(100, 1, 30, 31, 60, 61, 100)
	for _, odd := range []SyncOffer{offer(100, 1, 1<<40), offer(100, 1, 1<<62), offer(100, 1<<63-1, 1<<63-1), offer(100, -5, 7), offer(100, 9, 8)} {
		if plan := planSync(&s, []SyncOffer{good, good, odd}); len(plan.Fetch) != 3 || len(plan.Disputed) != 0 {
			t.Errorf("%v: fetch %v, disputed %v", odd.Segments, plan.Fetch, plan.Disputed)
		}
	}
}
