package syncer

import (
	"slices"
	"sync"
	"time"

	"gojn/internal/jmx"
)

// Status is how far a journal's gaps are filled.
type Status struct {
	JournalID string
	// Missing segments are known to be committed, Waiting ones are not, and Disputed ones contradict each other: as of the last
	// round, or of the one under way, less what came in since.
	Missing, Waiting, Disputed int
	Fetching                   int // downloads under way
	// Synced segments and their bytes came in since the start. Failed ones could not be had from any node, each time counted.
	Synced, SyncedBytes, Failed int64
	// PeersAsked are the other nodes as of the last round, PeersAnswered those of them that answered.
	PeersAsked, PeersAnswered int
	// Running tells that a round is under way. LastRound is when the last one ended, zero if none has, and LastTook how long it
	// took; LastError is what kept it from going on.
	Running   bool
	LastRound time.Time
	LastTook  time.Duration
	LastError error
}

// status is a Status that is being written.
type status struct {
	mu    sync.Mutex // held for a few additions only
	now   Status
	start time.Time // of the round under way
}

func (s *Syncer) statusOf(jid string) *status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.journals[jid]
	if st == nil {
		st = &status{now: Status{JournalID: jid}}
		s.journals[jid] = st
	}
	return st
}

func (s *status) change(do func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(&s.now)
}

func (s *status) began(at time.Time) {
	s.change(func(n *Status) { n.Running, s.start = true, at })
}

func (s *status) planned(o outcome) {
	s.change(func(n *Status) { n.Missing, n.Waiting, n.Disputed = o.missing, o.waiting, o.disputed })
}

func (s *status) fetching(n int) { s.change(func(now *Status) { now.Fetching += n }) }
func (s *status) failed()        { s.change(func(n *Status) { n.Failed++ }) }

func (s *status) synced(bytes int64) {
	s.change(func(n *Status) {
		n.Synced++
		n.SyncedBytes += bytes
		n.Missing--
	})
}

func (s *status) ended(at time.Time, o outcome) {
	s.change(func(n *Status) {
		n.Running, n.LastRound, n.LastTook, n.LastError = false, at, at.Sub(s.start), o.err
		n.PeersAsked, n.PeersAnswered = o.asked, o.answered
		if o.answered > 0 { // else nothing is known anew
			n.Missing, n.Waiting, n.Disputed = o.missing, o.waiting, o.disputed
		}
	})
}

// Status tells of each journal whose gaps are filled, by id. It waits for nothing.
func (s *Syncer) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Status, 0, len(s.journals))
	for _, st := range s.journals {
		st.mu.Lock()
		list = append(list, st.now)
		st.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b Status) int {
		if a.JournalID < b.JournalID {
			return -1
		}
		return 1
	})
	return list
}

// Beans are one Hadoop:service=JournalNode,name=JournalNodeSync-<jid> for each journal. Java has none; its NumEditLogsSynced is
// in the bean Journal-<jid>, here too.
func (s *Syncer) Beans() []jmx.Bean {
	var beans []jmx.Bean
	for _, st := range s.Status() {
		last, problem := int64(0), ""
		if !st.LastRound.IsZero() {
			last = st.LastRound.UnixMilli()
		}
		if st.LastError != nil {
			problem = st.LastError.Error()
		}
		name := "JournalNodeSync-" + st.JournalID
		beans = append(beans, jmx.Bean{
			Name: "Hadoop:service=JournalNode,name=" + name, ModelerType: name,
			Attrs: []jmx.Attr{
				{Name: "SegmentsMissing", Value: int64(st.Missing)},
				{Name: "SegmentsWaiting", Value: int64(st.Waiting)},
				{Name: "SegmentsDisputed", Value: int64(st.Disputed)},
				{Name: "SegmentsFetching", Value: int64(st.Fetching)},
				{Name: "SegmentsSynced", Value: st.Synced},
				{Name: "BytesSynced", Value: st.SyncedBytes},
				{Name: "SegmentsFailed", Value: st.Failed},
				{Name: "PeersAsked", Value: int64(st.PeersAsked)},
				{Name: "PeersAnswered", Value: int64(st.PeersAnswered)},
				{Name: "RoundUnderWay", Value: st.Running},
				{Name: "LastRoundTimestamp", Value: last},
				{Name: "LastRoundMillis", Value: st.LastTook.Milliseconds()},
				{Name: "LastProblem", Value: problem},
			},
		})
	}
	return beans
}
