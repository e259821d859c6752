package storage

import (
	"errors"
	"io/fs"

	"gojn/internal/javaerr"
)

// diskState is what the names below a root tell (Java Storage.StorageState).
type diskState int

const (
	diskNotFormatted diskState = iota
	diskNormal
	diskCompleteUpgrade
	diskRecoverUpgrade
	diskCompleteRollback
	diskRecoverRollback
	diskCompleteFinalize
)

// rootUsable is the first part of Java's StorageDirectory.analyzeStorage: a root that is missing, is no directory or may
// not be written is NON_EXISTENT and is not locked. why is nil if it is simply missing.
func (d *Dir) rootUsable() (usable bool, why error) {
	info, err := d.fs.Stat(d.o.Root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.IsDir():
		return false, javaerr.New(javaerr.IOException, "%s is not a directory", d.o.Root)
	}
	if err := d.fs.Access(d.o.Root); err != nil {
		return false, javaerr.New(javaerr.IOException, "Cannot access storage directory %s: %w", d.o.Root, err)
	}
	return true, nil
}

// analyze is the second part of StorageDirectory.analyzeStorage, under the lock. It changes nothing.
func (d *Dir) analyze() (diskState, error) {
	var hasCurrent, hasPrevious, previousTmp, removedTmp, finalizedTmp, checkpointTmp bool
	temps := 0
	for _, look := range []struct {
		name string
		has  *bool
		temp bool
	}{
		{currentName + "/" + versionName, &hasCurrent, false},
		{previousName, &hasPrevious, false},
		{previousTmpName, &previousTmp, true},
		{removedTmpName, &removedTmp, true},
		{finalizedTmpName, &finalizedTmp, true},
		{checkpointTmpName, &checkpointTmp, true},
	} {
		var err error
		if *look.has, err = exists(d.fs, d.path(look.name)); err != nil {
			return 0, err
		}
		if *look.has && look.temp {
			temps++
		}
	}
	root := d.o.Root
	switch {
	case temps == 0 && hasCurrent:
		return diskNormal, nil
	case temps == 0 && hasPrevious:
		return 0, inconsistent(root, "version file in current directory is missing.")
	case temps == 0:
		return diskNotFormatted, nil
	case temps > 1:
		return 0, inconsistent(root, "too many temporary directories.")
	case checkpointTmp:
		// Java would move it over current/. No JournalNode makes one, so a person has to look.
		return 0, inconsistent(root, "%s exists, which a JournalNode never makes.", checkpointTmpName)
	case finalizedTmp && hasPrevious:
		return 0, inconsistent(root, "previous and finalized.tmp cannot exist together.")
	case finalizedTmp:
		return diskCompleteFinalize, nil
	case previousTmp && hasPrevious:
		return 0, inconsistent(root, "previous and previous.tmp cannot exist together.")
	case previousTmp && hasCurrent:
		return diskCompleteUpgrade, nil
	case previousTmp:
		return diskRecoverUpgrade, nil
	case hasCurrent == hasPrevious:
		return 0, inconsistent(root,
			"one and only one directory current or previous must be present when removed.tmp exists.")
	case hasCurrent:
		return diskCompleteRollback, nil
	}
	return diskRecoverRollback, nil
}

// load brings the Dir to what is on disk: it finishes what a crash or an error interrupted, reads VERSION and the index,
// and forgets what was cached. If it fails the state is NotFormatted and Problem tells why.
func (d *Dir) load() error {
	d.generation++
	d.vanished.Store(nil) // it was of what was here
	d.untold = nil
	err := d.reload()
	if err != nil {
		d.leave(err)
	}
	d.problem = err
	return err
}

// leave shows nothing of the directory, for the reason that Problem tells.
func (d *Dir) leave(problem error) {
	d.state, d.info, d.vote, d.problem = NotFormatted, StorageInfo{}, Vote{}, problem
	d.publish(nil)
}

// Mend tries again what a change failed at on its way, if there is such a thing; Problem tells whether it worked. It also
// looks whether a VERSION that was missing has come back.
func (d *Dir) Mend() {
	if d.suspicion != nil && d.lock != nil {
		_ = d.load() // a failure is the Problem from now on
		return
	}
	_ = d.mend()
}

// mend tries again what load failed at, before anything else is built on it. Without the lock nothing was loaded, and
// nothing may be completed or undone.
func (d *Dir) mend() error {
	if d.lostLock != nil {
		return d.relock()
	}
	if d.problem == nil || d.lock == nil {
		return nil
	}
	return d.load()
}

func (d *Dir) reload() error {
	if err := d.committed.close(); err != nil {
		return err
	}
	d.promised.forget()
	d.writer.forget()
	d.unsettled, d.paxosUnsynced, d.before, d.suspicion = false, false, nil, nil
	d.state, d.info, d.vote = NotFormatted, StorageInfo{}, Vote{}
	d.overtaken = nil

	if err := d.syncVisible(); err != nil {
		return err
	}
	completed, err := d.completeFormat()
	if err != nil {
		return err
	}
	disk, err := d.analyze()
	if err != nil {
		return err
	}
	if disk != diskNormal && disk != diskNotFormatted {
		if err := d.recover(disk); err != nil {
			return err
		}
		completed = true
		if disk, err = d.analyze(); err != nil {
			return err
		}
	}
	if completed { // before what it would be made of again is removed; current/ may be another one now
		if err := d.syncVisible(); err != nil {
			return err
		}
	}
	d.removeLeftovers()
	switch disk {
	case diskNotFormatted:
		d.publish(nil)
		d.suspicion = d.suspect()
		return nil
	case diskNormal:
		return d.loadNormal()
	}
	return inconsistent(d.o.Root, "it is still between two states after its recovery.")
}

// suspect tells that a current/ without VERSION has segments: no JournalNode leaves it so. Its answers are those of an
// unformatted one, as in Java.
func (d *Dir) suspect() error {
	entries, err := d.fs.ReadDir(d.CurrentDir())
	if err != nil {
		return nil //nolint:nilerr // there is no current/, or it is for those to say who need it
	}
	if segs := segmentsOf(entries); len(segs) > 0 {
		return inconsistent(d.o.Root, "%s has segments, such as %s, but there is no %s.", currentName, segs[len(segs)-1].Name, versionName)
	}
	return nil
}

// syncVisible makes durable which names the journal's directories have. A process that was killed, or a step whose sync
// failed, leaves changes that only look done; what is completed, promised or acknowledged from here on would be built on
// them, and go with them in a power cut.
func (d *Dir) syncVisible() error {
	for _, dir := range []string{d.o.Root, d.CurrentDir(), d.paxosDir()} { // each within the one before
		info, err := d.fs.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.fs.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// loadNormal reads a formatted directory.
func (d *Dir) loadNormal() (err error) {
	if d.info, err = readVersion(d.fs, d.o.Root, d.CurrentDir()); err != nil {
		return err
	}
	if err := d.completeEpochs(); err != nil {
		return err
	}
	if d.vote, err = d.loadVote(); err != nil {
		return err
	}
	entries, err := d.readCurrent()
	if err != nil {
		return err
	}
	d.publish(segmentsOf(entries))
	d.completeAccepts(entries)
	_, _ = d.dropOvertaken() // until it succeeds, who asks for that segment is told that there are two
	d.state = Normal
	return nil
}

// removeLeftovers deletes what is only garbage: directories that were renamed in order to be deleted, and the beginning of
// a format. That it fails is no
// reason not to serve; the next Open tries again.
func (d *Dir) removeLeftovers() {
	for _, name := range []string{formattedTmpName, currentTmpName, finalizedTmp2Name} {
		_ = d.fs.RemoveAll(d.path(name))
	}
}

// recover completes or undoes what was interrupted (StorageDirectory.doRecover), so that a crash in between finds the same
// or a later state. The caller makes it durable.
func (d *Dir) recover(disk diskState) error {
	switch disk {
	case diskCompleteUpgrade:
		return d.renameInRoot(previousTmpName, previousName) // completeEpochs follows
	case diskRecoverUpgrade:
		return d.undoPreUpgrade()
	case diskCompleteRollback:
		return d.fs.RemoveAll(d.path(removedTmpName))
	case diskRecoverRollback:
		return d.renameInRoot(removedTmpName, currentName)
	case diskCompleteFinalize:
		return d.fs.RemoveAll(d.path(finalizedTmpName))
	case diskNormal, diskNotFormatted:
	}
	return nil
}

// undoPreUpgrade brings back the state before PreUpgrade, but for promises: one that was made since stays made.
func (d *Dir) undoPreUpgrade() error {
	there, err := exists(d.fs, d.CurrentDir())
	if err != nil {
		return err
	}
	if there {
		if err := d.raisePromise(d.CurrentDir(), d.path(previousTmpName)); err != nil {
			return err
		}
		if err := d.fs.RemoveAll(d.path(currentTmpName)); err != nil {
			return err
		}
		if err := d.renameInRoot(currentName, currentTmpName); err != nil {
			return err
		}
	}
	return d.renameInRoot(previousTmpName, currentName)
}

// renameInRoot is not durable before the root is synced. Two renames that share a name need no sync in between: the second
// cannot be on the disk without the first.
func (d *Dir) renameInRoot(from, to string) error { return d.fs.Rename(d.path(from), d.path(to)) }
