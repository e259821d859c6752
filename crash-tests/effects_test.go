package crashtests

import (
	"slices"

	"gojn/storage"
)

// outcome is what is known of a call.
type outcome int

const (
	done   outcome = iota
	cut            // the power went while it was under way: any part may be done, in its order
	failed         // it answered an error: as cut, and it may have gone on behind what failed
)

// after gives the states in which a call may leave s; none if its answer cannot be true of s.
func (s state) after(c call, o outcome) []state {
	s = s.clone()
	old := s
	s.marks(c, o)
	switch c.op {
	case opFormat:
		return s.formatAsked(old, c.info, o)
	case opNewEpoch, opHeartbeat, opPrepare:
		s.half = s.half && c.op == opHeartbeat
		return []state{s}
	case opStart:
		return s.started(c, o)
	case opJournal:
		return s.journaled(c, o)
	case opFinalize:
		return s.finalized(c, o)
	case opAccept:
		return s.accepted(c, o)
	case opDiscard:
		return s.discarded(c.first, o)
	case opPurge:
		return s.purged(c.first, o)
	case opPreUpgrade:
		next := s.clone()
		next.half = true
		return doubt(o, s, next)
	case opSync:
		return s.synced(c, o)
	case opUpgrade:
		return doubt(o, s, s.upgraded(c.info))
	case opFinalizeUpgrade:
		next := s.clone()
		next.previous = nil
		return doubt(o, s, next)
	case opRollback:
		return doubt(o, s, s.rolledBack())
	}
	panic("unknown call " + c.op)
}

// doubt is next, and as long as nobody knows, one of all.
func doubt(o outcome, old, next state) []state {
	if o == done {
		return []state{next}
	}
	return []state{old, next}
}

// marks are what a request may leave whatever becomes of it: epoch and committed txid.
func (s *state) marks(c call, o outcome) {
	s.promisedMost = max(s.promisedMost, c.epoch)
	if c.committed != 0 {
		s.committedMost = max(s.committedMost, c.committed)
	}
	if o == done {
		s.promised = max(s.promised, c.epoch)
	}
}

// formatAsked is s formatted. In the middle of an upgrade the state before doPreUpgrade is brought back first, and
// stays if no more than that was done.
func (s state) formatAsked(old state, info storage.StorageInfo, o outcome) []state {
	states := doubt(o, old, s.formattedAs(info))
	if o != done && s.half {
		undone := old.clone()
		undone.half = false
		states = append(states, undone)
	}
	return states
}

func (s state) formattedAs(info storage.StorageInfo) state {
	next := unformatted()
	next.formatted, next.info, next.previous = true, info, s.previous
	if s.half {
		old := s.clone()
		old.half, old.previous = false, nil
		next.previous = &old
	}
	return next
}

func (s state) started(c call, o outcome) []state {
	s.half = false
	s.writerMost = max(s.writerMost, c.epoch)
	next := s.clone()
	next.forgetRecord(c.first)
	unrecorded := next.clone()
	next.segments[c.first] = segment{first: c.first, least: c.first - 1, most: c.first - 1, by: c.epoch, begun: o == done}
	next.opened = c.first
	if o == done {
		next.writer = max(next.writer, c.epoch)
		return []state{next}
	}
	return []state{s, unrecorded, next}
}

func (s *state) forgetRecord(first storage.TxID) {
	if _, was := s.records[first]; was {
		s.records[first] = acceptance{gone: true}
	}
}

func (s state) journaled(c call, o outcome) []state {
	if len(c.records) == 0 {
		return []state{s}
	}
	seg, ok := s.segments[c.segment]
	if !ok {
		seg = segment{first: c.segment, least: c.segment - 1, most: c.segment - 1}
	}
	switch {
	case seg.final || c.first > seg.most+1 || c.first <= seg.least:
		if o == done {
			return nil
		}
		return []state{s}
	case o == done:
		// At or below the committed txid it is on other nodes, and may be lagging here.
		seg = seg.written(c.first, c.last, c.records, c.last > s.committedMost)
	case c.first == seg.most+1:
		seg = seg.written(c.first, c.last, c.records, false)
	default:
		return []state{s} // it would not follow what is there: it is refused
	}
	s.segments[c.segment] = seg
	return []state{s}
}

func (s state) finalized(c call, o outcome) []state {
	seg, ok := s.segments[c.first]
	if !ok || c.last < seg.least || c.last > seg.most || c.last < c.first || seg.final && seg.most != c.last {
		if o == done {
			return nil
		}
		return []state{s}
	}
	s.half = false
	next := s.clone()
	seg = seg.upTo(c.last)
	seg.final = true
	next.segments[c.first] = seg
	unrecorded := next.clone()
	unrecorded.forgetRecord(c.first)
	if o == done {
		return []state{unrecorded}
	}
	return []state{s, next, unrecorded}
}

// accepted does not know whether a copy was fetched: what was here stays if it ends where the accepted state does.
func (s state) accepted(c call, o outcome) []state {
	s.half = false
	var nexts []state
	seg, here := s.segments[c.first]
	kept := here && !seg.empty() && seg.least <= c.last && c.last <= seg.most
	if kept {
		next := s.clone()
		next.segments[c.first] = seg.kept(c.last)
		nexts = append(nexts, next)
	}
	if !here || !seg.final {
		next := s.clone()
		next.segments[c.first] = segment{first: c.first, frames: c.records, least: c.last, most: c.last}
		nexts = append(nexts, next)
	}
	for _, n := range nexts {
		n.records[c.first] = acceptance{end: c.last, inProgress: c.inProgress, epoch: c.epoch}
	}
	if o == done {
		return nexts
	}
	return append([]state{s}, nexts...)
}

// kept is upTo, but stays final.
func (s segment) kept(last storage.TxID) segment {
	final := s.final
	s = s.upTo(last)
	s.final = final
	return s
}

// discarded takes the records away first, then the segments from the last one down.
func (s state) discarded(start storage.TxID, o outcome) []state {
	s.half = false
	states := []state{s}
	next := s.clone()
	for first := range next.records {
		if first >= start {
			next.forgetRecord(first)
		}
	}
	if o != done {
		for first, r := range s.records { // one by one, in whatever order
			if first >= start && !r.gone {
				r.optional = true
				s.records[first] = r
			}
		}
	}
	states = append(states, next.clone())
	next.committedMost = min(next.committedMost, start-1)
	firsts := next.firsts()
	for _, first := range slices.Backward(firsts) {
		if first >= start {
			delete(next.segments, first)
			states = append(states, next.clone())
		}
	}
	if o == done {
		if next.committedMost < start-1 {
			next.committedMost = start - 1
		}
		return []state{next}
	}
	last := states[len(states)-1].clone()
	last.committedMost = start - 1
	return append(states, last)
}

// purged takes finalized segments away from the first one up, then the records. Of segments in progress nothing is known but
// that the one opened last stays, and the last one of all unless it begins below keep.
func (s state) purged(keep storage.TxID, o outcome) []state {
	next := s.clone()
	newest := storage.InvalidTxID
	for _, first := range s.firsts() {
		newest = max(newest, first)
	}
	for _, first := range s.firsts() {
		if seg := s.segments[first]; !seg.final && first != s.opened && (first < keep || first != newest) {
			seg.optional = true
			s.segments[first], next.segments[first] = seg, seg
		}
	}
	states := []state{s}
	for _, first := range s.firsts() {
		if seg := s.segments[first]; seg.final && seg.most < keep {
			delete(next.segments, first)
			states = append(states, next.clone())
		}
	}
	if o == failed { // it goes on behind what it could not remove
		for _, first := range s.firsts() {
			if seg := s.segments[first]; seg.final && seg.most < keep {
				seg.optional = true
				s.segments[first] = seg
			}
		}
		states = []state{s}
	}
	for _, n := range append(states, next) {
		for first, r := range n.records {
			if first < keep && !r.gone {
				r.optional = true
				n.records[first] = r
			}
		}
	}
	if o != done {
		return states
	}
	for first := range next.records {
		if first < keep {
			next.forgetRecord(first)
		}
	}
	return []state{next}
}

func (s state) upgraded(info storage.StorageInfo) state {
	old := s.clone()
	old.half, old.previous = false, nil
	next := s.clone()
	next.half, next.previous = false, &old
	next.info.LayoutVersion, next.info.CTime = info.LayoutVersion, info.CTime
	for first := range next.records { // a writer that upgrades has recovered all
		next.forgetRecord(first)
	}
	return next
}

// rolledBack is the state before the upgrade, but a promise does not go back.
func (s state) rolledBack() state {
	if s.previous == nil {
		return s
	}
	next := s.previous.clone()
	next.promised = max(next.promised, s.promised)
	next.promisedMost = max(next.promisedMost, s.promisedMost)
	return next
}
