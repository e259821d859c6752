package compat_test

import (
	"bytes"
	"fmt"
	"slices"

	"gojn/compat-tests/oracle"
)

// span is a number of which the least is certain and something up to the most may have been reached.
type span struct{ sure, most int64 }

func (s *span) tried(n int64) { s.most = max(s.most, n) }
func (s *span) acked(n int64) { s.tried(n); s.sure = max(s.sure, n) }
func (s span) has(n int64) bool {
	return s.sure <= n && n <= s.most
}

// nodeLedger is what one node has acknowledged to the writers of [TestKill_OneNode], and what it may have done
// besides.
type nodeLedger struct {
	promised, writer, committed span
	purged                      span // nothing below most need be there, nothing below sure may
	segments                    []*segmentLedger
	dropped                     int64 // the first of a segment that was begun, of which nothing is left
}

// segmentLedger is what one segment must and may hold.
type segmentLedger struct {
	first int64
	// frames are what was sent, of which so many were acknowledged.
	frames [][]byte
	acked  int
	// other is the copy that an acceptRecovery without an answer would put in its place.
	other [][]byte
	// record is the epoch of the recovery record, 0 for none; maybe of one without an answer.
	record, maybeRecord int64
	finalized           bool
	finalizing          bool // without an answer
}

// String is for messages.
func (s *segmentLedger) String() string {
	if s == nil {
		return "has none"
	}
	return fmt.Sprintf("has %d-%d, acknowledged up to %d, finalized %v", s.first, s.last(), s.end(), s.finalized)
}

func (s *segmentLedger) last() int64 { return s.first + int64(len(s.frames)) - 1 }

// end is the last acknowledged transaction.
func (s *segmentLedger) end() int64 { return s.first + int64(s.acked) - 1 }

// find returns the segment that begins with a transaction.
func (l *nodeLedger) find(first int64) *segmentLedger {
	for _, s := range l.segments {
		if s.first == first {
			return s
		}
	}
	return nil
}

// newest is the last segment, nil without one.
func (l *nodeLedger) newest() *segmentLedger {
	if len(l.segments) == 0 {
		return nil
	}
	return l.segments[len(l.segments)-1]
}

// purge takes note of an acknowledged purge.
func (l *nodeLedger) purge(limit int64) {
	l.purged.acked(limit)
	l.segments = slices.DeleteFunc(l.segments, func(s *segmentLedger) bool { return s.finalized && s.last() < limit })
}

// problems compares the ledger with the segments in a directory.
func (l *nodeLedger) problems(disk []oracle.Segment) []string {
	var found []string
	seen := make(map[int64]bool)
	for _, d := range disk {
		seen[d.First] = true
		s := l.find(d.First)
		switch {
		case s != nil:
			if problem := s.problem(d); problem != "" {
				found = append(found, fmt.Sprintf("%s: %s", d.Name, problem))
			}
		case d.Last < l.purged.sure:
			found = append(found, d.Name+" was purged and is there")
		default:
			found = append(found, d.Name+" was never begun")
		}
	}
	for _, s := range l.segments {
		if !seen[s.first] && (s.acked > 0 || s.finalized) && s.last() >= l.purged.most {
			found = append(found, fmt.Sprintf("segment %d with the acknowledged transactions up to %d is not there",
				s.first, s.end()))
		}
	}
	return found
}

// problem compares one segment.
func (s *segmentLedger) problem(d oracle.Segment) string {
	switch {
	case d.InProgress && s.finalized:
		return "it was finalized"
	case !d.InProgress && !s.finalized && !s.finalizing:
		return "nobody has finalized it"
	case !d.InProgress && len(d.Frames) != len(s.frames):
		return fmt.Sprintf("finalized up to %d, not %d", d.Last, s.last())
	case len(d.Frames) > 0 && d.LayoutVersion != killNamespace.LayoutVersion:
		return fmt.Sprintf("layout version %d", d.LayoutVersion)
	}
	if s.other != nil && len(d.Frames) == len(s.other) && samePrefix(d.Frames, s.other) {
		return ""
	}
	if len(d.Frames) < s.acked {
		return fmt.Sprintf("it ends with transaction %d, acknowledged was %d", d.Last, s.end())
	}
	if len(d.Frames) > len(s.frames) || !samePrefix(d.Frames, s.frames) {
		return fmt.Sprintf("it holds what was never sent (up to %d, sent were %d)", d.Last, s.last())
	}
	return ""
}

// samePrefix tells whether the frames are the first ones of all.
func samePrefix(frames []oracle.Frame, all [][]byte) bool {
	for i, f := range frames {
		if !bytes.Equal(f.Bytes, all[i]) {
			return false
		}
	}
	return true
}

// told takes what a recovery was told of a segment in progress: this must last from now on.
func (s *segmentLedger) told(d oracle.Segment, record int64) {
	s.frames = s.frames[:0:0]
	for _, f := range d.Frames {
		s.frames = append(s.frames, bytes.Clone(f.Bytes))
	}
	s.acked, s.other = len(s.frames), nil
	s.finalized, s.finalizing = !d.InProgress, false
	s.record, s.maybeRecord = record, 0
}
