package storage

import (
	"errors"
	"io/fs"
	"path"

	"gojn/internal/javaerr"
	"gojn/storage/vfs"
)

// CheckBaseDir prepares the directory that holds the journals, dfs.journalnode.edits.dir, at start (Java
// JournalNode.validateAndCreateJournalDir and DiskChecker.checkDir): it must be an absolute path, is created if missing,
// and this process must be able to list, write and search it. The errors have Java's words; those of the disk are
// DiskChecker$DiskErrorException.
func CheckBaseDir(fsys vfs.FS, dir string) error {
	if !path.IsAbs(dir) {
		return javaerr.New(javaerr.IllegalArgument, "Journal dir '%s' should be an absolute path", dir)
	}
	info, err := fsys.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := mkdirAllDurable(fsys, path.Clean(dir)); err != nil {
			return diskError("Cannot create directory", dir, err)
		}
		info, err = fsys.Stat(dir)
	}
	switch {
	case err != nil:
		return diskError("Cannot create directory", dir, err)
	case !info.IsDir():
		return diskError("Not a directory", dir, nil)
	}
	err = fsys.Access(dir)
	if err == nil {
		return nil
	}
	// Access does not tell which of the three rights is missing.
	if _, err := fsys.ReadDir(dir); err != nil {
		return diskError("Directory is not readable", dir, err)
	}
	if _, err := fsys.Stat(dir + "/."); err != nil {
		return diskError("Directory is not executable", dir, err)
	}
	return diskError("Directory is not writable", dir, err)
}

func diskError(words, dir string, cause error) error {
	return &javaerr.Error{Class: javaerr.DiskError, Message: words + ": " + dir, Cause: cause}
}
