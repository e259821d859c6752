package jnserver

import (
	"slices"

	"gojn/internal/javaerr"
	"gojn/storage"
)

// FormatRequest is what format carries (Java FormatRequestProto).
type FormatRequest struct {
	Info storage.StorageInfo
	// BlockPoolID is only for the message that refuses an uninitialized namespace.
	BlockPoolID     string
	SoftwareVersion string
	Force           *bool // nil: the client did not say
	// Emptied: another node has promised something, so that this one has lost what it had. It is formatted without a vote.
	Emptied bool
}

func (r FormatRequest) force() bool { return forceFormat(r.Force, r.SoftwareVersion) }

// Format makes the journal empty and belong to a namespace (Java Journal.format). Unlike Java it keeps the directory's lock
// throughout and forgets everything that it knew of the old content.
func (j *Journal) Format(r FormatRequest) error {
	return j.exclusive(opFormat, func() error {
		if r.Info.NamespaceID == 0 {
			return javaerr.New(javaerr.IllegalState, "can't format with uninitialized namespace info: %s;bpid=%s", r.Info, r.BlockPoolID)
		}
		return j.replacing("format", func() error {
			if r.Emptied {
				return j.dir.FormatLikePeer(r.Info)
			}
			return j.dir.Format(r.Info, r.force())
		})
	})
}

// FormatLikePeer formats a journal that was not formatted after what another node says of itself (HDFS-16690,
// dfs.journalnode.enable.sync.format). Its vote is withheld: it may be one that was emptied.
func (j *Journal) FormatLikePeer(info storage.StorageInfo) error {
	return j.exclusive(opFormat, func() error {
		if info.NamespaceID == 0 {
			return javaerr.New(javaerr.IllegalState, "a peer's namespace is not initialized: %s", info)
		}
		if j.dir.State() == storage.Normal {
			return javaerr.New(javaerr.IllegalState, "%s is formatted", j.dir.Root())
		}
		return j.replacing("format after a peer", func() error { return j.dir.FormatLikePeer(info) })
	})
}

// replacing runs a change that puts another content into the directory, and then takes all state from there, also if it
// failed on its way. A refusal changes nothing: the open segment stays open.
func (j *Journal) replacing(reason string, change func() error) error {
	generation := j.dir.Generation()
	err := change()
	if j.dir.Generation() == generation {
		return err
	}
	j.abortSegment(reason)
	return j.reloadAfter(err)
}

// reloadAfter takes all state from the directory again after it was replaced, and returns the first of err and what the
// reload met.
func (j *Journal) reloadAfter(err error) error {
	if rerr := j.reload(); err == nil {
		return rerr
	}
	return err
}

// PurgeLogsOlderThan removes what lies wholly below min (Java Journal.purgeLogsOlderThan, RPC purgeLogs; the rules are those
// of 3.x). What could not be removed is told by the event and is no error, as in Java.
func (j *Journal) PurgeLogsOlderThan(r RequestInfo, min storage.TxID) error {
	return j.exclusive("purgeLogs", func() error {
		if err := j.begin(r); err != nil {
			return err
		}
		j.keepFrom = max(j.keepFrom, min)
		result, err := j.dir.Purge(min, j.lastOpened)
		if err != nil {
			return err
		}
		j.forget(func(first storage.TxID) bool {
			if s, ok := j.dir.Vanished(first); ok && s.Last >= min {
				return false // Purge would have kept it
			}
			return first < min || slices.Contains(result.Stale, storage.InProgressName(first))
		})
		j.emit(Purged{Min: min, Result: result})
		return nil
	})
}

// DiscardSegments sets aside every segment from start on and takes the committed txid back to start-1, for the rollback of
// a rolling upgrade (Java Journal.discardSegments). It carries no epoch: the caller has stopped all writers.
func (j *Journal) DiscardSegments(start storage.TxID) error {
	return j.exclusive("discardSegments", func() error {
		if err := j.abandonUpgrade("segments from txid " + start.String() + " on are discarded"); err != nil {
			return err
		}
		j.edits.clear() // transactions will be written anew
		aside, err := j.dir.Discard(start)
		for _, name := range aside {
			j.emit(SegmentSetAside{Name: name, Suffix: storage.SuffixTrash})
		}
		if j.open != nil && slices.Contains(aside, storage.InProgressName(j.open.first)) {
			j.abortSegment("segments from txid " + start.String() + " on are discarded")
		}
		j.forget(func(first storage.TxID) bool { return first >= start })
		j.readFence()
		if j.open != nil || err != nil && len(aside) == 0 {
			return err // the open segment begins below start and goes on; or nothing was set aside
		}
		j.wrote(storage.InvalidTxID, 0)
		if _, _, lerr := j.latest(); err == nil {
			err = lerr
		}
		return err
	})
}

// forget drops what is remembered of segments that were taken out of the log on purpose. One that vanished otherwise stays
// remembered: what this process acknowledged in it counts.
func (j *Journal) forget(gone func(first storage.TxID) bool) {
	j.vanished(j.dir.TakeVanished())
	here := make(map[storage.TxID]bool)
	for _, s := range j.dir.Segments() {
		here[s.First] = true
	}
	for first := range j.acked {
		if gone(first) && !here[first] {
			delete(j.acked, first)
		}
	}
	for _, b := range j.badList {
		if gone(b.First) && !here[b.First] {
			j.clearBad(b.First)
		}
	}
}

// DoPreUpgrade moves current/ to previous.tmp and links the edits into a new one (Java NNUpgradeUtil.doPreUpgrade). The
// journal goes on to count as formatted, as in Java, and the old state counts until DoUpgrade or a new writer comes.
func (j *Journal) DoPreUpgrade() error {
	return j.exclusive("doPreUpgrade", func() error {
		if err := j.dir.PreUpgrade(); err != nil {
			return err
		}
		j.abortSegment("upgrade")
		return nil
	})
}

// abandonUpgrade brings the old state back if only the first half of an upgrade was done, because a writer goes on: what it
// wrote into the half-made directory would be thrown away by the next start, acknowledged or not. An upgrading NameNode
// writes nothing between the halves; but doPreUpgrade names no epoch, and one may come late, from a writer that is gone.
func (j *Journal) abandonUpgrade(reason string) error {
	was, err := j.dir.AbandonUpgrade()
	if was && err == nil {
		j.emit(UpgradeAbandoned{Reason: reason})
	}
	return err
}

// DoUpgrade completes an upgrade (Java Journal.doUpgrade): the new VERSION, previous/, and the epochs and the committed
// txid carried over, durably before the new VERSION counts.
func (j *Journal) DoUpgrade(info storage.StorageInfo) error {
	return j.exclusive("doUpgrade", func() error {
		err := j.dir.Upgrade(info)
		// The fence stays as it was: an upgrade ends no epoch, and the serial numbers of this one go on.
		j.readFence()
		return err
	})
}

// DoFinalize removes previous/ (Java NNUpgradeUtil.doFinalize). It is fine if there is none.
func (j *Journal) DoFinalize() error {
	return j.exclusive("doFinalize", j.dir.FinalizeUpgrade)
}

// DoRollback brings previous/ back (Java Journal.doRollback). It is fine if there is none.
func (j *Journal) DoRollback() error {
	return j.exclusive("doRollback", func() error {
		return j.replacing("rollback", func() error {
			_, err := j.dir.Rollback()
			return err
		})
	})
}

// CanRollBack tells whether there is a previous/ of the wanted layout version to go back to (Java
// NNUpgradeUtil.canRollBack). All nodes must answer the same, so an error is an error and never false. It reads the disk but
// waits for no writer.
func (j *Journal) CanRollBack(target int32) (bool, error) {
	if j.closed.Load() {
		return false, errJournalClosed
	}
	can, err := j.dir.CanRollBack(target)
	return can, named(j.jid, err)
}

// CTime is the cTime of current/VERSION, read afresh (Java Journal.getJournalCTime). It needs no formatted journal, reads the
// disk and waits for no writer.
func (j *Journal) CTime() (int64, error) {
	if j.closed.Load() {
		return 0, errJournalClosed
	}
	return j.dir.ReadCTime()
}
