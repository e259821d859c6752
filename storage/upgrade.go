package storage

import (
	"errors"
	"strings"

	"gojn/internal/javaerr"
)

// The upgrade family (Java NNUpgradeUtil, Journal.doUpgrade). current/ is moved to previous.tmp/, a new current/ with hard
// links to the segments is made, and once that has its VERSION previous.tmp/ becomes previous/. Each step is durable
// before the next; analyze.go tells what a crash in between leads to. Of a directory that is not locked by this Dir, Java's
// checks of what is there are made and nothing is changed.

// PreUpgrade moves current/ to previous.tmp/ and makes a new current/ of hard links to each file whose name starts with
// "edits", and of nothing else (Java NNUpgradeUtil.doPreUpgrade). Until Upgrade the old state is the one that counts, see
// AbandonUpgrade. If a step fails the old state is brought back.
func (d *Dir) PreUpgrade() error {
	if err := d.checkUpgradeDirs(
		dirRule{currentName, true, "Current directory must exist for preupgrade."},
		dirRule{previousName, false, "Previous directory must not exist for preupgrade."},
		dirRule{previousTmpName, false,
			"Previous.tmp directory must not exist for preupgrade.Consider restarting for recovery."},
	); err != nil {
		return err
	}
	if err := d.checkLocked(); err != nil {
		return err
	}
	if err := errors.Join(d.settle(), d.reserve.keep(d.o.Reserve.Promises)); err != nil {
		return err
	}
	before, err := readEpochFiles(d.fs, d.CurrentDir())
	if err != nil {
		return err // better now than when current/ has been moved
	}
	if err := d.committed.close(); err != nil {
		return err
	}
	if err := d.preUpgrade(); err != nil {
		return errors.Join(err, d.loadSame()) // load finds a half-done one and undoes it
	}
	d.before = &before
	return nil
}

// preUpgrade makes nothing durable but the two directories: what it leaves counts only once Upgrade has synced it.
func (d *Dir) preUpgrade() error {
	tmp := d.path(previousTmpName)
	if err := d.renameInRoot(currentName, previousTmpName); err != nil {
		return err
	}
	if err := mkdirDurable(d.fs, d.CurrentDir()); err != nil {
		return err
	}
	entries, err := d.fs.ReadDir(tmp)
	if err != nil {
		return invalidDir(tmp, err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), "edits") {
			if err := d.fs.Link(tmp+"/"+e.Name(), d.CurrentDir()+"/"+e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// AbandonUpgrade brings the old state back if PreUpgrade was done and Upgrade was not; it tells whether that was so. A new
// writer does this (SetPromisedEpoch and SetWriterEpoch by themselves): what it would write into a current/ that has no
// VERSION is thrown away by the next Open, acknowledged edits and all, as by Java's RECOVER_UPGRADE. The upgrade of the
// former writer then fails at Upgrade.
func (d *Dir) AbandonUpgrade() (bool, error) {
	if d.before == nil {
		return false, nil
	}
	if err := d.keepLock(); err != nil {
		return false, err
	}
	return true, d.loadSame()
}

// Upgrade completes what PreUpgrade began: current/ becomes a directory of info's layout version and cTime; namespace and
// cluster ids stay. Java writes VERSION before it checks anything, and the epochs and the committed txid last; here the
// checks come first and VERSION last, so that every crash leaves a state that keeps its promises. After an error Info tells
// whether the upgrade was completed all the same; if not, the call may be repeated.
func (d *Dir) Upgrade(info StorageInfo) error {
	if err := d.checkUpgradeDirs(
		dirRule{previousName, false, "previous directory must not exist for upgrade."},
		dirRule{previousTmpName, true, "previous.tmp directory must exist for upgrade."},
	); err != nil {
		return err
	}
	if err := d.checkLocked(); err != nil {
		return err
	}
	upgraded, err := readVersion(d.fs, d.o.Root, d.path(previousTmpName))
	if err != nil {
		return err
	}
	upgraded.LayoutVersion, upgraded.CTime = info.LayoutVersion, info.CTime
	if err := d.withhold(); err != nil {
		return err
	}
	if err := d.carryEpochs(d.path(previousTmpName)); err != nil {
		return err
	}
	if err := d.makePaxosDir(); err != nil { // which syncs all else in current/, too
		return err
	}
	if err := writeVersion(d.fs, d.CurrentDir(), upgraded, d.o.Now()); err != nil {
		_ = d.fs.Remove(d.CurrentDir() + "/" + versionName) // if it is there, it must not count as upgraded yet
		return err
	}
	return errors.Join(d.renameInRoot(previousTmpName, previousName), d.loadSame()) // which syncs the root
}

// carryEpochs writes the epochs and the committed txid of the old state into current/; those that are missing too, as 0 and
// unknown, like Java. A committed txid that was told since is kept.
func (d *Dir) carryEpochs(from string) error {
	epochs, err := readEpochFiles(d.fs, from)
	if err != nil {
		return err
	}
	told, err := d.committed.get(int64(InvalidTxID))
	if err != nil {
		return err
	}
	if err := d.committed.close(); err != nil {
		return err
	}
	epochs.committed = max(epochs.committed, told)
	return writeEpochFiles(d.fs, d.CurrentDir(), epochs)
}

// FinalizeUpgrade gives up the way back: previous/ is renamed to finalized.tmp/ and deleted. Without previous/ it only
// completes an earlier one that failed at the deletion.
func (d *Dir) FinalizeUpgrade() error {
	if err := d.mend(); err != nil {
		return err
	}
	there, err := exists(d.fs, d.path(previousName))
	if err != nil {
		return err
	}
	if there {
		if err := d.checkUpgradeDirs(dirRule{currentName, true, "Current directory must exist."}); err != nil {
			return err
		}
		if err := d.checkLocked(); err != nil {
			return err
		}
		if err := d.renameInRoot(previousName, finalizedTmpName); err != nil {
			return err
		}
	}
	if there, err = exists(d.fs, d.path(finalizedTmpName)); err != nil || !there && d.lock == nil {
		return err
	}
	if err := d.checkLocked(); err != nil {
		return err
	}
	if err := d.syncRoot(); err != nil || !there { // also what an earlier call renamed, and could not sync
		return err
	}
	// One that a power cut brings back, or a part of it, is removed at the next start.
	return d.fs.RemoveAll(d.path(finalizedTmpName))
}

// CanRollBack tells whether Rollback would go back to a state of the layout version target (Java
// NNUpgradeUtil.canRollBack). Without previous/ the answer is false, if VERSION is good, as ReadCTime finds it. VERSION of
// any layout is read; Java refuses those newer than itself.
func (d *Dir) CanRollBack(target int32) (bool, error) {
	there, err := exists(d.fs, d.path(previousName))
	if err != nil {
		return false, err
	}
	if !there {
		dir, err := d.versionDir()
		if err == nil {
			_, err = readVersion(d.fs, d.o.Root, dir)
		}
		return false, err
	}
	info, err := readVersion(d.fs, d.o.Root, d.path(previousName))
	if err != nil {
		return false, err
	}
	if info.LayoutVersion != target {
		return false, javaerr.New(javaerr.IOException, "Cannot rollback to storage version %d using this version of the "+
			"NameNode, which uses storage version %d. Please use the previous version of HDFS to perform the rollback.",
			info.LayoutVersion, target)
	}
	return true, nil
}

// Rollback puts previous/ back in the place of current/ and deletes the latter; false if there is no previous/. A previous
// state that could not be served is refused before anything is changed. All that was read is read again, but the promised
// epoch does not go back: it is carried into previous/ first. If a step fails Open's recovery brings one of the two states.
func (d *Dir) Rollback() (bool, error) {
	if err := d.mend(); err != nil {
		return false, err
	}
	previous := d.path(previousName)
	there, err := exists(d.fs, previous)
	if err != nil || !there {
		return false, err
	}
	if err := d.checkUpgradeDirs(
		dirRule{removedTmpName, false,
			"removed.tmp directory must not exist for rollback.Consider restarting for recovery."},
		dirRule{currentName, true, "Current directory must exist for rollback."},
	); err != nil {
		return false, err
	}
	if err := d.checkLocked(); err != nil {
		return false, err
	}
	if err := d.checkRollbackTarget(previous); err != nil {
		return false, err
	}
	if err := d.raisePromise(d.CurrentDir(), previous); err != nil {
		return false, err
	}
	if err := d.committed.close(); err != nil {
		return false, err
	}
	d.proofs.Clear() // other files come under the same names
	rollErr := d.renameInRoot(currentName, removedTmpName)
	if rollErr == nil {
		rollErr = d.renameInRoot(previousName, currentName)
	}
	if rollErr == nil {
		rollErr = d.syncRoot() // before anything of the old state is removed
	}
	if rollErr == nil {
		rollErr = d.fs.RemoveAll(d.path(removedTmpName))
	}
	err = errors.Join(rollErr, d.load()) // which syncs the root
	return err == nil, err
}

// checkRollbackTarget reads VERSION of previous/ as Java does once it has become current/ (JNStorage.refreshStorage).
func (d *Dir) checkRollbackTarget(previous string) error {
	info, err := readVersion(d.fs, d.o.Root, previous)
	switch {
	case err != nil:
		return err
	case d.info.NamespaceID != 0 && info.NamespaceID != 0 && info.NamespaceID != d.info.NamespaceID:
		return inconsistent(d.o.Root, "namespaceID is incompatible with others.")
	case d.info.ClusterID != "" && info.ClusterID != "" && info.ClusterID != d.info.ClusterID:
		return inconsistent(d.o.Root, "cluster Id is incompatible with others.")
	}
	return nil
}

// ReadCTime reads the cTime from current/VERSION afresh (Java Journal.getJournalCTime), and between PreUpgrade and Upgrade,
// where Java fails and leaves an empty VERSION behind, that of the old state. No file is FileNotFoundException; the storage
// type is not looked at, and any layout version is taken.
func (d *Dir) ReadCTime() (int64, error) {
	dir, err := d.versionDir()
	if err != nil {
		return 0, err
	}
	v, err := openVersion(d.fs, d.o.Root, dir)
	if err != nil {
		return 0, err
	}
	if _, err := v.layoutVersion(); err != nil {
		return 0, err
	}
	return v.number(keyCTime, 64)
}

// versionDir is the directory whose VERSION counts.
func (d *Dir) versionDir() (string, error) {
	for _, name := range []string{currentName, previousTmpName} {
		there, err := exists(d.fs, d.path(name)+"/"+versionName)
		if err != nil {
			return "", err
		}
		if there {
			return d.path(name), nil
		}
	}
	return d.CurrentDir(), nil
}

// dirRule says that a directory below the root must or must not exist, and what Java says if not.
type dirRule struct {
	name  string
	must  bool
	words string
}

func (d *Dir) checkUpgradeDirs(rules ...dirRule) error {
	if err := d.mend(); err != nil {
		return err
	}
	for _, r := range rules {
		there, err := exists(d.fs, d.path(r.name))
		if err != nil {
			return err
		}
		if there != r.must {
			return illegalState("%s", r.words)
		}
	}
	return nil
}
