package storage

import (
	"io/fs"
	"os"

	"gojn/storage/vfs"
)

// smallFS is the file system as all but the edits see it: what fails in it for want of space is done again with space from
// the reserve. The edits' own bytes, in segments and downloads, go past it, to Dir.data, as do the links of an upgrade.
type smallFS struct {
	vfs.FS
	reserve *reserve
}

// madeRoom is reserve.madeRoom for the content of a small file, which is then written again as a whole: a repeated sync alone
// proves nothing. false on a file system without a reserve.
func madeRoom(fsys vfs.FS, err error) bool {
	s, ok := fsys.(smallFS)
	return ok && s.reserve.madeRoom(err, 0)
}

func (s smallFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	for {
		f, err := s.FS.OpenFile(name, flag, perm)
		if flag&os.O_CREATE == 0 || !madeRoom(s, err) {
			return f, err
		}
	}
}

func (s smallFS) Mkdir(name string, perm fs.FileMode) error {
	for {
		if err := s.FS.Mkdir(name, perm); !madeRoom(s, err) {
			return err
		}
	}
}

func (s smallFS) Rename(oldName, newName string) error {
	for {
		if err := s.FS.Rename(oldName, newName); !madeRoom(s, err) {
			return err
		}
	}
}

// Remove needs space where nothing is overwritten in place.
func (s smallFS) Remove(name string) error {
	for {
		if err := s.FS.Remove(name); !madeRoom(s, err) {
			return err
		}
	}
}

func (s smallFS) RemoveAll(name string) error {
	for {
		if err := s.FS.RemoveAll(name); !madeRoom(s, err) {
			return err
		}
	}
}
