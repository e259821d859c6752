package storage

import (
	"errors"
	"io/fs"
)

// Format makes the journal an empty one of the namespace info, under the lock from start to end (Java Journal.format,
// JNStorage.format, which unlocks in between). A missing root is created and locked. Without force a current/ that has
// any entry is refused with InconsistentFSStateException; with force it is replaced. previous/ and edits.sync/ are left.
//
// VERSION comes last and whole, so a crash leaves the old state, an unformatted journal, or the new one. What was cached
// is forgotten: both epochs are 0, no txid is known to be committed, there are no segments.
func (d *Dir) Format(info StorageInfo, force bool) error {
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
	formatErr := d.format(info, hasCurrent)
	return errors.Join(formatErr, d.load())
}

// createRoot makes the root, durably, and locks it.
func (d *Dir) createRoot() error {
	if d.lock != nil {
		return d.mend()
	}
	if err := mkdirAllDurable(d.fs, d.o.Root); err != nil {
		return err
	}
	lock, err := lockDir(d.fs, d.o.Root, d.o.LockOwner)
	if err != nil {
		return err
	}
	d.lock = lock
	return d.load() // somebody else may have made the directory meanwhile, and formatted it
}

func (d *Dir) format(info StorageInfo, hasCurrent bool) error {
	if err := d.committed.close(); err != nil {
		return err
	}
	if hasCurrent {
		// Deleting in place could leave VERSION without the promises that were made under it.
		if err := d.fs.RemoveAll(d.path(currentTmpName)); err != nil {
			return err
		}
		if err := d.renameInRoot(currentName, currentTmpName); err != nil {
			return err
		}
	}
	if err := mkdirDurable(d.fs, d.CurrentDir()); err != nil {
		return err
	}
	if d.o.CurrentPerm != 0 {
		if err := d.fs.Chmod(d.CurrentDir(), d.o.CurrentPerm); err != nil {
			return err
		}
	}
	if err := d.forgetPrevious(); err != nil {
		return err
	}
	if err := d.makePaxosDir(); err != nil {
		return err
	}
	return writeVersion(d.fs, d.CurrentDir(), info, d.o.Now())
}

// forgetPrevious writes the epochs out as 0 and the committed txid as unknown if a state of an earlier upgrade is kept
// beside current/: where these files are missing the next Open takes them from there (completeEpochs).
func (d *Dir) forgetPrevious() error {
	for _, name := range []string{previousName, previousTmpName} {
		there, err := exists(d.fs, d.path(name))
		if err != nil {
			return err
		}
		if there {
			return writeEpochFiles(d.fs, d.CurrentDir(), epochFiles{committed: int64(InvalidTxID)})
		}
	}
	return nil
}
