package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"gojn/internal/javaerr"
	"gojn/storage/vfs"
)

const lockName = "in_use.lock"

// lockAttempts bounds how often a lock file that vanished under us is opened again; each time a Java node has just exited.
const lockAttempts = 10

// lockDir takes in_use.lock of root for this process and writes owner ("pid@host") into it (Java
// Storage.StorageDirectory.tryLock). The lock lasts until the file is closed. The file is never unlinked here: another
// process may have it open already, and would then hold a lock that nobody else can see.
func lockDir(fsys vfs.FS, root, owner string) (vfs.File, error) {
	name := root + "/" + lockName
	for range lockAttempts {
		f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		held, err := tryLock(fsys, f, name, owner)
		if held {
			return f, nil
		}
		_ = f.Close() // nothing was locked, or what was is not in_use.lock any more
		if errors.Is(err, vfs.ErrLocked) {
			return nil, &javaerr.Error{
				Class:   javaerr.IOException,
				Message: fmt.Sprintf("Cannot lock storage %s. The directory is already locked", root),
				Cause:   err,
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, javaerr.New(javaerr.IOException,
		"Cannot lock storage %s. %s was replaced %d times while it was being locked", root, lockName, lockAttempts)
}

// ErrLostLock is wrapped by the error of a change before which in_use.lock was found removed or replaced: another process may
// have the directory. Nothing was changed, and nothing will be, before Mend has taken the lock again and read everything anew.
var ErrLostLock = errors.New("in_use.lock is not the file that was locked")

// keepLock looks whether in_use.lock is still what this process has locked. It is called before a promise, before a new
// segment and before an upgrade is abandoned. If it is not, the Dir gives the directory up; LostLock tells so until Mend could take it again.
func (d *Dir) keepLock() error {
	if err := d.checkLocked(); err != nil {
		return err
	}
	if inPlace, err := d.lockInPlace(); inPlace || err != nil {
		return err
	}
	_ = d.lock.Close() // what it locks has no name any more
	d.lock = nil
	d.lostLock = &javaerr.Error{
		Class:   javaerr.IOException,
		Message: fmt.Sprintf("%s of %s was removed or replaced while this journal held it", lockName, d.o.Root),
		Cause:   ErrLostLock,
	}
	d.leave(d.lostLock)
	return d.lostLock
}

// lockInPlace tells whether in_use.lock is still the file that this process has locked.
func (d *Dir) lockInPlace() (bool, error) {
	mine, err := d.lock.Stat()
	if err != nil {
		return false, err
	}
	there, err := d.fs.Stat(d.path(lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && d.fs.SameFile(mine, there), err
}

// LostLock is why the lock that this Dir once had is not held, nil if it is or never was.
func (d *Dir) LostLock() error { return d.lostLock }

// relock takes a lost lock again. What was known of the directory may be another process's by now.
func (d *Dir) relock() error {
	lock, err := lockDir(d.fs, d.o.Root, d.o.LockOwner)
	if err != nil {
		d.lostLock = err
		d.leave(err)
		return err
	}
	d.lock, d.lostLock = lock, nil
	d.proofs.Clear()
	return d.load()
}

// tryLock locks f and tells whether it is still the file at name: a Java node unlinks it at exit, between our open and our
// lock perhaps.
func tryLock(fsys vfs.FS, f vfs.File, name, owner string) (held bool, err error) {
	if err := f.Lock(); err != nil {
		return false, err
	}
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := fsys.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !fsys.SameFile(mine, there) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// What it says is for people only: on a full disk it stays empty.
	if _, err := f.WriteAt([]byte(owner), 0); err != nil && !vfs.NoSpace(err) {
		return false, err
	}
	if mine.Size() > int64(len(owner)) {
		if err := f.Truncate(int64(len(owner))); err != nil {
			return false, err
		}
	}
	return true, nil
}
