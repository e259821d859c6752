package jnserver_test

import (
	"maps"
	"slices"

	"gojn/internal/javaerr"
	"gojn/storage"
)

// walkModel says what one journal must answer, from the spec (journal.md section 3) and not from the code: no files, no
// faults, segments as ranges of txids. Each method makes one call and tells the class of its error, "" for none.
type walkModel struct {
	promised, writer storage.Epoch
	serial           int64
	committed        storage.TxID // InvalidTxID: unknown
	segments         map[storage.TxID]*walkSegment
	paxos            map[storage.TxID]walkRecord
	open, next       storage.TxID // open 0: none
	synced           storage.TxID // of the open segment
	lastOpened       storage.TxID
}

type walkSegment struct {
	end       storage.TxID // first-1 if it has no transaction
	finalized bool
}

type walkRecord struct {
	end        storage.TxID
	inProgress bool
	epoch      storage.Epoch
}

func newWalkModel() *walkModel {
	return &walkModel{
		serial: -1, committed: storage.InvalidTxID,
		segments: map[storage.TxID]*walkSegment{}, paxos: map[storage.TxID]walkRecord{},
	}
}

func (m *walkModel) firsts() []storage.TxID { return slices.Sorted(maps.Keys(m.segments)) }

// request is checkRequest: 3.0.
func (m *walkModel) request(e storage.Epoch, serial int64, committed storage.TxID, given bool) javaerr.Class {
	if e < m.promised {
		return javaerr.IOException
	}
	if e > m.promised {
		m.promised, m.serial = e, -1
	}
	if serial <= m.serial {
		return javaerr.JournalOutOfSync
	}
	m.serial = serial
	if given {
		if committed < m.committed {
			return javaerr.IllegalArgument
		}
		m.committed = committed
	}
	return ""
}

// dropEmpties sets the last segments aside while they have no transaction: 1.8.
func (m *walkModel) dropEmpties() {
	for {
		list := m.firsts()
		if len(list) == 0 {
			return
		}
		last := list[len(list)-1]
		if s := m.segments[last]; s.finalized || s.end >= last {
			return
		}
		delete(m.segments, last)
	}
}

func (m *walkModel) newEpoch(e storage.Epoch) javaerr.Class {
	if e <= m.promised {
		return javaerr.IOException
	}
	m.promised, m.serial, m.open = e, -1, 0
	m.dropEmpties()
	return ""
}

func (m *walkModel) write(e storage.Epoch, segment, first storage.TxID, count int64) javaerr.Class {
	switch {
	case e != m.writer:
		return javaerr.IOException
	case count == 0:
		return ""
	case m.open == 0:
		return javaerr.JournalOutOfSync
	case m.open != segment:
		m.open = 0
		return javaerr.JournalOutOfSync
	case m.next != first:
		return javaerr.JournalOutOfSync
	}
	m.next += storage.TxID(count)
	m.segments[segment].end = m.next - 1
	if m.next-1 > m.committed {
		m.synced = m.next - 1
	}
	return ""
}

func (m *walkModel) start(e storage.Epoch, first storage.TxID) javaerr.Class {
	m.open = 0
	if s := m.segments[first]; s != nil && (s.finalized || s.end != first) {
		return javaerr.IllegalState
	}
	m.writer = e
	delete(m.paxos, first)
	m.segments[first] = &walkSegment{end: first - 1}
	m.open, m.next, m.lastOpened, m.synced = first, first, first, first-1
	return ""
}

func (m *walkModel) finalize(first, last storage.TxID) javaerr.Class {
	validated := m.open == first
	if validated {
		m.open = 0
		if m.next != last+1 {
			return javaerr.JournalOutOfSync
		}
	}
	s := m.segments[first]
	switch {
	case s == nil:
		return javaerr.JournalOutOfSync
	case s.finalized && s.end != last:
		return javaerr.IllegalArgument
	case !s.finalized && !validated && (s.end != last || s.end < first):
		return javaerr.JournalOutOfSync
	}
	s.finalized = true
	delete(m.paxos, first)
	return ""
}

// inspect is getSegmentInfo: an empty file is set aside.
func (m *walkModel) inspect(first storage.TxID) *walkSegment {
	s := m.segments[first]
	if s != nil && !s.finalized && s.end < first {
		delete(m.segments, first)
		return nil
	}
	return s
}

// prepare answers the segment, and the record if it counts; a record whose segment is gone keeps this node out.
func (m *walkModel) prepare(first storage.TxID) (s *walkSegment, r walkRecord, accepted bool, class javaerr.Class) {
	m.open = 0
	s = m.inspect(first)
	r, accepted = m.paxos[first]
	if s != nil && s.finalized {
		return s, r, false, ""
	}
	if accepted && (s == nil || s.end != r.end) {
		return nil, r, false, javaerr.IOException
	}
	return s, r, accepted, ""
}

// accept brings first-end about; source is where the copy that the fetcher offers ends.
func (m *walkModel) accept(e storage.Epoch, first, end storage.TxID, inProgress bool, source storage.TxID) javaerr.Class {
	m.open = 0
	if end <= 0 || end < first {
		return javaerr.IllegalArgument
	}
	s := m.inspect(first)
	if s == nil || s.end != end {
		if s != nil {
			held := first <= m.committed && m.committed <= s.end
			if held && m.committed > end || s.finalized {
				return javaerr.Assertion
			}
		}
		if source != end {
			return javaerr.IOException
		}
		m.segments[first] = &walkSegment{end: end}
	}
	m.paxos[first] = walkRecord{end: end, inProgress: inProgress, epoch: e}
	return ""
}

func (m *walkModel) purge(min storage.TxID) {
	newest := slices.Max(append(slices.Collect(maps.Keys(m.segments)), storage.InvalidTxID))
	for first, s := range m.segments {
		switch {
		case s.finalized && first < min && s.end < min:
			delete(m.segments, first)
		case !s.finalized && first != m.lastOpened && (first < min || first != newest):
			delete(m.segments, first) // deleted below min, .stale above
		}
	}
	maps.DeleteFunc(m.paxos, func(first storage.TxID, _ walkRecord) bool { return first < min })
}

func (m *walkModel) discard(start storage.TxID) javaerr.Class {
	for first, s := range m.segments {
		if s.finalized && first < start && s.end >= start {
			return javaerr.IllegalState
		}
	}
	maps.DeleteFunc(m.segments, func(first storage.TxID, _ *walkSegment) bool { return first >= start })
	maps.DeleteFunc(m.paxos, func(first storage.TxID, _ walkRecord) bool { return first >= start })
	m.committed = start - 1
	if m.open >= start {
		m.open = 0
	}
	if m.open == 0 {
		m.dropEmpties()
	}
	return ""
}

func (m *walkModel) restart() {
	m.open, m.serial, m.lastOpened = 0, -1, 0
	m.dropEmpties()
}

// overlap tells whether two finalized segments share a txid, which makes the manifest fail.
func (m *walkModel) overlap() bool {
	last := storage.TxID(0)
	for _, first := range m.firsts() {
		if s := m.segments[first]; s.finalized {
			if first <= last {
				return true
			}
			last = s.end
		}
	}
	return false
}
