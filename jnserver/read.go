package jnserver

import (
	"fmt"
	"io/fs"

	"gojn/internal/javaerr"
	"gojn/storage"
)

// LastPromisedEpoch is Java's Journal.getLastPromisedEpoch behind checkFormatted, from the snapshot.
func (j *Journal) LastPromisedEpoch() (storage.Epoch, error) {
	s, err := j.readable()
	if err != nil {
		return 0, err
	}
	return s.Promised, s.EpochErr
}

// EditLogManifest is what can be read here from since on (Java Journal.getEditLogManifest), from the snapshot.
func (j *Journal) EditLogManifest(since storage.TxID, inProgressOK bool) (Manifest, error) {
	s, err := j.readable()
	if err != nil {
		return Manifest{}, err
	}
	return manifest(s, since, inProgressOK)
}

// readable is the snapshot for a question. Only while a small file of the journal could not be read does it look at the
// disk again, so that a mended file is believed without a restart.
func (j *Journal) readable() (*Snapshot, error) {
	s := j.Snapshot()
	if err := s.checkFormatted(j.jid); err != nil {
		return nil, err
	}
	if s.EpochErr == nil && s.CommittedErr == nil {
		return s, nil
	}
	if !j.mu.TryLock() {
		return s, nil // a question waits for no writer: the error of before is the answer
	}
	defer j.mu.Unlock()
	if j.closed.Load() {
		return nil, errJournalClosed
	}
	j.readFence()
	j.publish()
	return j.Snapshot(), nil
}

// OpenSegment opens the segment that begins exactly at first, for /getJournal. The error is fs.ErrNotExist if there is
// none, or only one in progress and inProgressOK is false. A segment that cannot be trusted is no source.
func (j *Journal) OpenSegment(first storage.TxID, inProgressOK bool) (*storage.SegmentReader, error) {
	s := j.Snapshot()
	if !s.Formatted() {
		return nil, javaerr.New(javaerr.IOException, "Invalid directory or I/O error occurred for dir: %s/current", s.Root)
	}
	var match *storage.Segment
	for i := range s.Segments {
		seg := &s.Segments[i]
		if seg.First != first || seg.InProgress && !inProgressOK {
			continue
		}
		if match == nil || !seg.InProgress { // a finalized segment beats one in progress
			match = seg
		}
	}
	if match == nil {
		return nil, fmt.Errorf("no edit log found starting at txid %d: %w", first, fs.ErrNotExist)
	}
	if reason, bad := s.bad(first); bad {
		return nil, javaerr.New(javaerr.IOException, "log segment %s cannot be trusted here: %s", match.Name, reason)
	}
	return j.dir.OpenSegment(*match)
}
