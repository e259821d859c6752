package storage

import (
	"errors"
	"io/fs"
	"strings"
)

// PurgeResult tells what Purge did. Names are file names inside current/, or paxos/<name>.
type PurgeResult struct {
	Deleted []string
	Stale   []string // renamed to <name>.stale
	Failed  []PurgeFailure
}

// PurgeFailure is a file that could not be deleted or renamed.
type PurgeFailure struct {
	Name string
	Err  error
}

// Purge deletes what is not needed to replay the log from keep on (Java 3.x FileJournalManager.purgeLogsOlderThan and
// JNStorage.purgeDataOlderThan; keep is minTxIdToKeep):
//
//   - finalized segments whose first and last txid are below keep; never one that contains keep;
//   - segments in progress, and what was one (.empty, .trash, .stale, .corrupt, downloads), that begin below keep;
//   - recovery records of segments below keep, with left-over .tmp files.
//
// A segment in progress at or above keep is renamed to .stale if a later one is here. Java renames the last one, too, if this
// process has not opened it; but a writer purges whenever an image was made, and the last one may be its own, left by a restart
// of this node, with transactions that were acknowledged. open is the first txid of the segment that this process has open or opened last, InvalidTxID if none; that one stays,
// even below keep, where Java would delete it under the writer's hands. edits_<a>-<b>.trash stays, as in Java.
//
// A file that cannot be deleted or renamed is listed in Failed and the rest goes on. The error is one of listing or
// syncing a directory.
func (d *Dir) Purge(keep, open TxID) (PurgeResult, error) {
	var r PurgeResult
	if err := errors.Join(d.checkLocked(), d.settle()); err != nil {
		return r, err
	}
	entries, err := d.readCurrent()
	if err != nil {
		return r, err
	}
	if err := d.purgeCurrent(&r, entries, keep, open); err != nil {
		return r, err
	}
	d.forgetVanished(func(s Segment) bool { return s.Last < keep }) // which it would have deleted
	return r, d.purgePaxos(&r, keep)
}

// purgeCurrent goes through the files by name, that is finalized segments from the oldest on, so that a crash leaves no
// hole in what is kept.
func (d *Dir) purgeCurrent(r *PurgeResult, entries []fs.DirEntry, keep, open TxID) error {
	gone := make(map[string]bool)
	touched := false
	newest := InvalidTxID
	if segs := d.Segments(); len(segs) > 0 {
		newest = segs[len(segs)-1].First
	}
	remove := func(name string, how func(path string) error, list *[]string) {
		touched = true
		if err := how(d.segmentPath(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.Failed = append(r.Failed, PurgeFailure{Name: name, Err: err})
			return
		}
		gone[name] = true
		*list = append(*list, name)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		name := e.Name()
		switch purgeRule(name, keep, open, newest) {
		case purgeDelete:
			remove(name, d.fs.Remove, &r.Deleted)
		case purgeStale:
			remove(name, func(path string) error { return d.fs.Rename(path, path+SuffixStale) }, &r.Stale)
		case purgeKeep:
		}
	}
	if !touched {
		return nil
	}
	// What could not be deleted stays in the index; what was, goes, even if the sync fails.
	d.publish(withoutSegments(d.Segments(), func(s Segment) bool { return gone[s.Name] }))
	if err := d.syncCurrent(); err != nil {
		d.unsettled = true
		return err
	}
	return nil
}

type purgeAction int

const (
	purgeKeep purgeAction = iota
	purgeDelete
	purgeStale
)

// purgeRule decides by the name of a file in current/.
func purgeRule(name string, keep, open, newest TxID) purgeAction {
	if s, ok := ParseSegmentName(name); ok {
		switch {
		case !s.InProgress && s.First < keep && s.Last < keep:
			return purgeDelete
		case !s.InProgress || s.First == open:
			return purgeKeep
		case s.First < keep:
			return purgeDelete
		case s.First == newest:
			return purgeKeep
		}
		return purgeStale
	}
	if first, _, ok := ParseAsideName(name); ok && first < keep {
		return purgeDelete
	}
	return purgeKeep
}

// purgePaxos deletes old records (JNStorage.purgeMatching with PAXOS_DIR_PURGE_REGEXES). A missing paxos/ has none.
func (d *Dir) purgePaxos(r *PurgeResult, keep TxID) error {
	entries, err := d.fs.ReadDir(d.paxosDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return invalidDir(d.paxosDir(), err)
	}
	touched := false
	for _, e := range entries {
		first, ok := ParsePaxosName(strings.TrimSuffix(e.Name(), tmpSuffix))
		if !ok || first >= keep || e.IsDir() {
			continue
		}
		touched = true
		name := paxosDirName + "/" + e.Name()
		if err := d.fs.Remove(d.segmentPath(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.Failed = append(r.Failed, PurgeFailure{Name: name, Err: err})
			continue
		}
		r.Deleted = append(r.Deleted, name)
	}
	if !touched && !d.paxosUnsynced {
		return nil
	}
	return d.syncPaxos()
}
