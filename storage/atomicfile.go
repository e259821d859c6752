package storage

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"gojn/storage/vfs"
)

// tmpSuffix ends the name of a file that is being written; Java's AtomicFileOutputStream uses the same.
const tmpSuffix = ".tmp"

// smallFileLimit bounds what is read of the small files of a journal, whatever their size on disk.
const smallFileLimit = 64 << 10

// writeFileAtomic replaces name by data: it writes <name>.tmp, syncs it, renames it and syncs the directory, which Java's
// AtomicFileOutputStream forgets. When it returns nil the new content is durable. After an error a reader sees the old or
// the new content, never a part of one; renamed tells that it is the new one, of which it is not known whether it lasts.
// Where there is no space for it, the reserve's is used.
func writeFileAtomic(fsys vfs.FS, name string, data []byte) (renamed bool, err error) {
	for {
		if err = replaceFile(fsys, name, data); err == nil {
			renamed = true
			err = fsys.SyncDir(path.Dir(name))
		}
		if !madeRoom(fsys, err) {
			return renamed, err
		}
	}
}

// replaceFile is writeFileAtomic without the last sync: the content is durable when it returns nil, that it is name's is not.
func replaceFile(fsys vfs.FS, name string, data []byte) error {
	tmp := name + tmpSuffix
	for {
		err := writeFileSync(fsys, tmp, data)
		if err == nil {
			err = fsys.Rename(tmp, name)
		}
		if err != nil {
			_ = fsys.Remove(tmp) // garbage, and the next write truncates it
		}
		if !madeRoom(fsys, err) {
			return err
		}
	}
}

func writeFileSync(fsys vfs.FS, name string, data []byte) (err error) {
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(data, 0); err != nil {
		return err
	}
	return f.Sync()
}

// readSmallFile reads at most smallFileLimit bytes of a file.
func readSmallFile(fsys vfs.FS, name string) (data []byte, err error) {
	return readFirst(fsys, name, smallFileLimit)
}

// readFirst reads at most limit bytes of a file.
func readFirst(fsys vfs.FS, name string, limit int64) (data []byte, err error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.NewSectionReader(f, 0, limit))
}

// exists is Java's File.exists, but tells an error from "no".
func exists(fsys vfs.FS, name string) (bool, error) {
	_, err := fsys.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// mkdirDurable creates a directory and makes its entry durable. One that exists already is synced all the same: whoever
// made it may not have come to that.
func mkdirDurable(fsys vfs.FS, name string) error {
	if err := fsys.Mkdir(name, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(path.Dir(name))
}

// mkdirAllDurable creates name and what is missing above it, top down, each entry made durable before the next. The entry of
// the lowest directory that is there already is synced too: whoever made it may not have come to that. One that lies where
// this process may not look was made by somebody else.
func mkdirAllDurable(fsys vfs.FS, name string) error {
	info, err := fsys.Stat(name)
	switch {
	case err == nil && info.IsDir():
		if err := fsys.SyncDir(path.Dir(name)); !errors.Is(err, fs.ErrPermission) {
			return err
		}
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if parent := path.Dir(name); parent != name {
		if err := mkdirAllDurable(fsys, parent); err != nil {
			return err
		}
	}
	return mkdirDurable(fsys, name)
}
