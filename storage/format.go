package storage

import (
	"errors"
	"io/fs"
)

// Format makes the journal an empty one of the namespace info, under the lock from start to end (Java Journal.format,
// JNStorage.format, which unlocks in between). A missing root is created and locked. Without force a current/ that has
// any entry is refused with InconsistentFSStateException; with force it is replaced. previous/ and edits.sync/ are left.
// It is for a NameNode's format of all nodes: what was promised before counts no more, and the journal may vote.
//
// The new state is made beside the old one and then put in its place, so a crash leaves one of the two, and so does an
// error: a full disk costs nothing, and the call may be repeated. What was cached is forgotten: both epochs are 0, no txid
// is known to be committed, there are no segments.
func (d *Dir) Format(info StorageInfo, force bool) error { return d.formatAs(info, force, true) }

// FormatLikePeer is Format of an empty directory after what another node says of itself (HDFS-16690). What was promised here
// before is not known then, so no promise is written, and the vote is withheld.
func (d *Dir) FormatLikePeer(info StorageInfo) error {
	for _, name := range []string{previousName, previousTmpName} {
		if there, err := exists(d.fs, d.path(name)); err != nil {
			return err
		} else if there {
			return inconsistent(d.o.Root, "%s exists: this was no new node.", name)
		}
	}
	return d.formatAs(info, false, false)
}

func (d *Dir) formatAs(info StorageInfo, force, mayVote bool) error {
	if info.NamespaceID == 0 {
		return illegalState("can't format with uninitialized namespace info: %s", info)
	}
	if err := d.createRoot(); err != nil {
		return err
	}
	entries, err := d.fs.ReadDir(d.CurrentDir())
	hasCurrent := err == nil
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return invalidDir(d.CurrentDir(), err)
	case !force && len(entries) > 0:
		return inconsistent(d.o.Root, "Can't format the storage directory because the current directory is not empty.")
	}
	formatErr := d.format(info, hasCurrent, mayVote)
	return errors.Join(formatErr, d.load())
}

// createRoot makes the root, durably, and locks it. One that is there may be that of an attempt which did not come to its sync.
func (d *Dir) createRoot() error {
	if err := mkdirAllDurable(d.fs, d.o.Root); err != nil {
		return err
	}
	if d.lock != nil {
		return d.mend()
	}
	lock, err := lockDir(d.fs, d.o.Root, d.o.LockOwner)
	if err != nil {
		return err
	}
	d.lock, d.lostLock = lock, nil
	d.proofs.Clear()
	return d.load() // somebody else may have made the directory meanwhile, and formatted it
}

// format builds the new state as formatted.tmp/, durably and whole, and exchanges the two. Deleting or filling current/ in
// place could leave VERSION without the promises that were made under it, or, beside a previous/, a directory that nobody
// may open. In between the only trace is current.tmp/ with no current/, which completeFormat takes up.
//
// The load that follows makes the renames durable before anything of current.tmp/ is removed.
func (d *Dir) format(info StorageInfo, hasCurrent, mayVote bool) error {
	if err := d.committed.close(); err != nil {
		return err
	}
	if err := d.fs.RemoveAll(d.path(formattedTmpName)); err != nil {
		return err
	}
	if err := d.fs.RemoveAll(d.path(currentTmpName)); err != nil {
		return err
	}
	if err := d.makeEmpty(d.path(formattedTmpName), info, mayVote); err != nil {
		return err
	}
	d.proofs.Clear() // other files come under the same names
	if hasCurrent {
		if err := d.renameInRoot(currentName, currentTmpName); err != nil {
			return err
		}
	}
	if err := d.renameInRoot(formattedTmpName, currentName); err != nil || !mayVote {
		return err
	}
	return d.forgetVote()
}

// makeEmpty makes dir an empty journal of info, durably, VERSION last.
func (d *Dir) makeEmpty(dir string, info StorageInfo, mayVote bool) error {
	if err := mkdirDurable(d.fs, dir); err != nil {
		return err
	}
	if d.o.CurrentPerm != 0 {
		if err := d.fs.Chmod(dir, d.o.CurrentPerm); err != nil {
			return err
		}
	}
	if mayVote {
		if err := replaceFile(d.fs, dir+"/"+promisedName, formatLong(0)); err != nil {
			return err
		}
	}
	if err := d.forgetPrevious(dir); err != nil {
		return err
	}
	if err := d.fs.Mkdir(dir+"/"+paxosDirName, 0o777); err != nil {
		return err
	}
	return writeVersion(d.fs, dir, info, d.o.Now())
}

// forgetPrevious writes the epochs out as 0 and the committed txid as unknown if a state of an earlier upgrade is kept
// beside current/: where these files are missing the next Open takes them from there (completeEpochs).
func (d *Dir) forgetPrevious(dir string) error {
	for _, name := range []string{previousName, previousTmpName} {
		there, err := exists(d.fs, d.path(name))
		if err != nil {
			return err
		}
		if there {
			return writeEpochFiles(d.fs, dir, epochFiles{committed: int64(InvalidTxID)})
		}
	}
	return nil
}

// completeFormat ends a format that was cut off, or failed, when the old current/ had made way and the new one had not come
// yet. It comes before Java's rules, which would bring an older state back or refuse the directory. A formatted.tmp/ in
// any other company is garbage: a format that did not come that far, or one after which a Java node formatted. That also
// holds beside the old state of an upgrade or rollback, whose recovery, ours and Java's, moves current/ to current.tmp/ too.
func (d *Dir) completeFormat() (done bool, err error) {
	for _, look := range []struct {
		name  string
		there bool
	}{
		{formattedTmpName + "/" + versionName, true}, {currentTmpName, true}, {currentName, false},
		{previousTmpName, false}, {removedTmpName, false},
	} {
		if there, err := exists(d.fs, d.path(look.name)); err != nil || there != look.there {
			return false, err
		}
	}
	return true, d.renameInRoot(formattedTmpName, currentName)
}
