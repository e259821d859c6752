package crashtests

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gojn/jnserver"
	"gojn/storage"
)

// The RPCs that change state, by Java's names.
const (
	opFormat          = "format"
	opNewEpoch        = "newEpoch"
	opStart           = "startLogSegment"
	opJournal         = "journal"
	opHeartbeat       = "heartbeat"
	opFinalize        = "finalizeLogSegment"
	opPrepare         = "prepareRecovery"
	opAccept          = "acceptRecovery"
	opDiscard         = "discardSegments"
	opPurge           = "purgeLogs"
	opPreUpgrade      = "doPreUpgrade"
	opUpgrade         = "doUpgrade"
	opFinalizeUpgrade = "doFinalize"
	opRollback        = "doRollback"
)

// call is one RPC as it was asked.
type call struct {
	op          string
	epoch       storage.Epoch
	committed   storage.TxID // 0: not told
	segment     storage.TxID
	first, last storage.TxID
	inProgress  bool
	records     []byte
	info        storage.StorageInfo
	group       []synced // of opSync
}

var errPurgedInPart = errors.New("purgeLogs could not remove everything")

// ledger is the oracle: it knows what was asked and what was answered, and nothing of the code that answers. As long as
// the answer to a call is not known, the journal may stand in several ways.
type ledger struct {
	states  []state
	flight  *call // asked and not answered
	broken  error // an answer, or what readers saw, that can be true of no state
	faulted bool  // a call failed in this process: what it cannot trust it need not show
}

func newLedger() *ledger { return &ledger{states: []state{unformatted()}} }

// ask takes note of a call that may be done from now on.
func (l *ledger) ask(c call) { l.flight = &c }

// answered takes note of the answer to the last call: done if err is nil, else nobody knows.
func (l *ledger) answered(err error) {
	c := *l.flight
	l.flight = nil
	if err != nil {
		l.faulted = true
		l.states = l.follow(c, failed)
		return
	}
	if next := l.follow(c, done); len(next) > 0 {
		l.states = next
	} else {
		l.breaks("%s of segment %d, txids %d to %d, was acknowledged, which is impossible for %s",
			c.op, max(c.segment, c.first), c.first, c.last, l.describe(c.first))
	}
}

func (l *ledger) follow(c call, o outcome) []state {
	var next []state
	for _, s := range l.states {
		next = append(next, s.after(c, o)...)
	}
	return next
}

func (l *ledger) breaks(format string, args ...any) {
	if l.broken == nil {
		l.broken = fmt.Errorf(format, args...)
	}
}

// describe says what is known of a segment.
func (l *ledger) describe(first storage.TxID) string {
	var texts []string
	for _, s := range l.states {
		text := fmt.Sprintf("no segment %d", first)
		if seg, ok := s.segments[first]; ok {
			text = seg.String()
		}
		if r, ok := s.records[first]; ok && !r.gone {
			text += fmt.Sprintf(", accepted up to %d in epoch %d", r.end, r.epoch)
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; or ")
}

// restarted takes note of the end of the process.
func (l *ledger) restarted() {
	l.faulted = false
	l.states = slices.Clone(l.states)
	for i := range l.states {
		l.states[i].opened, l.states[i].half = 0, false
	}
}

// clone is for following one of several disks. What is under way there is cut off.
func (l *ledger) clone() *ledger {
	c := *l
	if l.flight != nil {
		c.states, c.flight = l.follow(*l.flight, cut), nil
	}
	return &c
}

// shown takes note of what readers see now: what is neither durable nor known to be committed they must not see, so it
// is promised from now on.
func (l *ledger) shown(s *jnserver.Snapshot, m jnserver.Manifest) {
	l.promise(func(st state) (state, bool) {
		if st.formatted != s.Formatted() {
			return st, false
		}
		for _, log := range m.Logs {
			seg, ok := st.segments[log.First]
			if !ok || seg.most < log.Last {
				return st, false
			}
			if log.InProgress && log.Last > st.committedMost && seg.least < log.Last {
				st = st.clone()
				seg.least = log.Last
				st.segments[log.First] = seg
			}
		}
		return st, true
	}, func() { l.breaks("readers see %s, which nobody wrote", m) })
}

// promise narrows the states to those that keep takes, as it gives them back. If there is none, impossible is called.
func (l *ledger) promise(keep func(state) (state, bool), impossible func()) {
	var next []state
	for _, s := range l.states {
		if s, ok := keep(s); ok {
			next = append(next, s)
		}
	}
	if len(next) == 0 {
		impossible()
		return
	}
	l.states = next
}

// prepared compares an answer of prepareRecovery with what was promised; what it says is promised from now on.
func (l *ledger) prepared(first storage.TxID, a jnserver.RecoveryAnswer) error {
	l.promise(func(s state) (state, bool) {
		seg := s.segments[first]
		seg.first = first
		r, recorded := s.records[first]
		recorded = recorded && !r.gone && !seg.final
		switch {
		case a.LastWriter < s.writer || a.LastWriter > s.writerMost || a.HasCommitted && a.Committed > s.committedMost:
			return s, false
		case a.Segment == nil:
			ok := (!recorded || r.optional) && !a.HasAccepted && (seg.optional || !seg.final && seg.least < first)
			if ok {
				s = s.clone()
				delete(s.segments, first)
			}
			return s, ok
		case a.Segment.Start != first || a.Segment.End < max(seg.least, first) || a.Segment.End > seg.most:
			return s, false
		case recorded && !r.optional && !a.HasAccepted:
			return s, false
		case a.HasAccepted && (!recorded || a.AcceptedIn != r.epoch ||
			a.Segment.End != r.end || a.Segment.InProgress != r.inProgress):
			return s, false
		case !a.HasAccepted && a.Segment.InProgress == seg.final:
			return s, false
		}
		s = s.clone()
		s.segments[first] = seg.kept(a.Segment.End)
		return s, true
	}, func() {
		text := "nothing"
		if a.Segment != nil {
			text = a.Segment.String()
		}
		l.breaks("prepareRecovery of segment %d answers %s (accepted %t in epoch %d, writer %d, committed %d), "+
			"promised is: %s",
			first, text, a.HasAccepted, a.AcceptedIn, a.LastWriter, a.Committed, l.describe(first))
	})
	return l.broken
}

// fits narrows the states to those that a view does not contradict.
func (l *ledger) fits(v view, tolerant bool) error {
	var why []error
	l.promise(func(s state) (state, bool) {
		err := s.differs(v, tolerant)
		why = append(why, err)
		return s, err == nil
	}, func() { l.breaks("%w", joinDistinct(why)) })
	return l.broken
}

func joinDistinct(errs []error) error {
	seen := make(map[string]bool)
	var distinct []error
	for _, err := range errs {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			distinct = append(distinct, err)
		}
	}
	return errors.Join(distinct...)
}

// agree compares a journal that is running, as readers see it, with every promise. It changes and narrows nothing.
func (l *ledger) agree(j *jnserver.Journal) error {
	if l.broken != nil {
		return l.broken
	}
	v, err := look(j, nil)
	if err != nil {
		return err
	}
	return l.clone().fits(v, l.faulted)
}

// settle narrows what nobody knew, after failed calls, to what the journal shows now, if that keeps the promises.
func (l *ledger) settle(j *jnserver.Journal) error {
	v, err := look(j, nil)
	if err != nil {
		return err
	}
	if err := l.fits(v, l.faulted); err != nil {
		return err
	}
	l.shown(v.Snapshot, v.manifest)
	return l.broken
}

// free is a txid behind everything that may be there: where a new writer starts.
func (l *ledger) free() storage.TxID {
	next := storage.TxID(1)
	for _, s := range l.states {
		for _, seg := range s.segments {
			next = max(next, seg.most+1, seg.first+1)
		}
	}
	return next
}
