package syncer

import (
	"time"

	"gojn/jnserver"
	"gojn/storage"
)

// outcome is how a round went.
type outcome struct {
	// failed: something that could have been done was not: no node answered, or a segment could not be fetched.
	failed bool
	// waitingFor is the end of the first segment that is not known to be committed, InvalidTxID if there is none.
	waitingFor storage.TxID
	// missing, waiting and disputed are what is still not here.
	missing, waiting, disputed int
	// answered of asked nodes did.
	answered, asked int
	err             error // what kept the round from going on, nil if nothing did
}

// gapPatience is how long after a gap was left the round comes: the writer finalizes the segment elsewhere meanwhile.
const gapPatience = 5 * time.Second

// trigger decides when a round is due. The zero value is for a journal that has had none.
type trigger struct {
	at         time.Time // of the next round; zero: at once
	retry      time.Duration
	waitingFor storage.TxID
	waits      bool
	gap        storage.TxID // the open segment that has a gap before it, as of the last round or since
	gapKnown   bool
}

// due tells whether it is time for a round. What it looks at is in memory.
func (t *trigger) due(now time.Time, s *jnserver.Snapshot) bool {
	if !s.Formatted() {
		t.at = time.Time{} // once it is, at once
		return false
	}
	if gap, found := gapBeforeOpen(s); found && (!t.gapKnown || gap != t.gap) {
		t.gap, t.gapKnown = gap, true
		if soon := now.Add(gapPatience); t.at.After(soon) {
			t.at = soon
		}
	}
	if t.waits && s.CommittedKnown && s.Committed >= t.waitingFor {
		t.waits = false
		return true
	}
	return !now.Before(t.at)
}

// after takes note of a round that has ended now.
func (t *trigger) after(now time.Time, o outcome, interval time.Duration) {
	t.waitingFor, t.waits = o.waitingFor, o.waitingFor != storage.InvalidTxID
	if !o.failed {
		t.retry = 0
		t.at = now.Add(interval)
		return
	}
	t.retry = min(max(2*t.retry, firstRetry), interval)
	t.at = now.Add(t.retry)
}

// gapBeforeOpen is the first transaction of the segment that a writer has open here, if the one before it was not finalized
// here.
func gapBeforeOpen(s *jnserver.Snapshot) (storage.TxID, bool) {
	if !s.IsWriting || s.Writing <= 1 || s.Writing <= s.KeepFrom {
		return 0, false
	}
	for i := len(s.Segments) - 1; i >= 0; i-- {
		if seg := s.Segments[i]; !seg.InProgress && seg.Last == s.Writing-1 {
			return 0, false
		}
	}
	return s.Writing, true
}
