package jnserver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gojn/internal/javaerr"
	"gojn/storage"
)

// Manifest is what can be read here (Java RemoteEditLogManifest).
type Manifest struct {
	Logs []ManifestLog
	// Committed is InvalidTxID if unknown; it is always sent (spec trap 7).
	Committed storage.TxID
}

// ManifestLog is one readable range of transactions. An in-progress one can be read exactly to Last.
type ManifestLog struct {
	First, Last storage.TxID
	InProgress  bool
}

func (l ManifestLog) String() string { return fmt.Sprintf("[%d,%d]", l.First, l.Last) }

// manifest is Java's Journal.getEditLogManifest and FileJournalManager.getRemoteEditLogs over a snapshot: the finalized
// segments by their names, but those that cannot be trusted, and at most one in-progress segment, the newest, if it lies
// behind all finalized ones and holds the highest transaction that readers may see. Java lists every in-progress file, fails
// when two overlap, and takes the highest txid for the end of the first one, whatever holds it; see docs/compatibility.md.
func manifest(s *Snapshot, since storage.TxID, inProgressOK bool) (Manifest, error) {
	m := Manifest{Committed: s.CommittedTxID()}
	if s.CommittedErr != nil {
		return m, s.CommittedErr
	}
	var newest *storage.Segment
	last := storage.TxID(0)
	for i, seg := range s.Segments {
		if seg.InProgress {
			newest = &s.Segments[i]
			continue
		}
		last = max(last, seg.Last)
		if _, bad := s.bad(seg.First); bad {
			continue // no source: it would be refused
		}
		if seg.First >= since || since <= seg.Last {
			if m.Logs == nil {
				m.Logs = make([]ManifestLog, 0, len(s.Segments)-i)
			}
			m.Logs = append(m.Logs, ManifestLog{First: seg.First, Last: seg.Last})
		}
	}
	if inProgressOK && newest != nil && newest.First > last && s.HighestIn == newest.First && s.Highest >= newest.First && s.Highest >= since {
		if _, bad := s.bad(newest.First); !bad {
			m.Logs = append(m.Logs, ManifestLog{First: newest.First, Last: s.Highest, InProgress: true})
		}
	}
	return m, m.checkOverlap()
}

// checkOverlap is Java's RemoteEditLogManifest.checkState.
func (m Manifest) checkOverlap() error {
	slices.SortFunc(m.Logs, func(a, b ManifestLog) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
	})
	for i := 1; i < len(m.Logs); i++ {
		if prev, log := m.Logs[i-1], m.Logs[i]; log.First <= prev.Last {
			return javaerr.New(javaerr.IllegalState, "Invalid log manifest (log %s overlaps %s)\n%s", log, prev, m)
		}
	}
	return nil
}

// String is Java's RemoteEditLogManifest.toString.
func (m Manifest) String() string {
	logs := make([]string, len(m.Logs))
	for i, l := range m.Logs {
		logs[i] = l.String()
	}
	return fmt.Sprintf("[%s] CommittedTxId: %d", strings.Join(logs, ", "), m.Committed)
}
