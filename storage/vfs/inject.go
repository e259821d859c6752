package vfs

import (
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
)

// Op is one operation that an FS made by Inject is about to do.
type Op struct {
	// Kind is one of open, mkdir, mkdirall, rename, remove, removeall, link, chmod, stat, readdir, syncdir, statfs, access,
	// openmedium; of a file: readat, writeat, close, fstat, truncate, sync, syncdata, lock; of a Medium: readmedium, close.
	Kind string
	Path string // the file; for rename and link the old name
	To   string // the new name of rename and link
	N    int    // counts all operations of this FS, from 1
}

// Torn is an error for a hook: a writeat writes its first Bytes bytes before it fails with Err.
type Torn struct {
	Bytes int
	Err   error
}

func (t *Torn) Error() string { return t.Err.Error() }
func (t *Torn) Unwrap() error { return t.Err }

// Lost is an error for a hook: a sync or syncdata fails with Err and does what ext4 and others do when the disk refuses the
// data. Of the blocks that were to be written, those that Keep chooses are on the disk, none if it is nil; all count as
// clean from then on, so the next sync has nothing to do and succeeds, and reading still shows them. Only on a Mem; on
// other file systems the sync is just not done.
type Lost struct {
	Err  error
	Keep func() bool
}

func (l *Lost) Error() string { return l.Err.Error() }
func (l *Lost) Unwrap() error { return l.Err }

// Inject wraps fsys so that hook is called before each operation. If hook returns an error, the operation is not done and
// fails with it, wrapped with operation and path; only close still closes, and see Torn and Lost. The hook may
// record or wait; it is called by whatever goroutine does the operation. SameFile, File.Name and File.OS are no operations.
func Inject(fsys FS, hook func(Op) error) FS { return &injectFS{inner: fsys, hook: hook} }

type injectFS struct {
	inner FS
	hook  func(Op) error
	n     atomic.Int64
}

func (i *injectFS) before(kind, path string) error {
	if err := i.hook(Op{Kind: kind, Path: path, N: int(i.n.Add(1))}); err != nil {
		return &fs.PathError{Op: kind, Path: path, Err: err}
	}
	return nil
}

func (i *injectFS) before2(kind, path, to string) error {
	if err := i.hook(Op{Kind: kind, Path: path, To: to, N: int(i.n.Add(1))}); err != nil {
		return &os.LinkError{Op: kind, Old: path, New: to, Err: err}
	}
	return nil
}

func (i *injectFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := i.before("open", name); err != nil {
		return nil, err
	}
	f, err := i.inner.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &injectFile{File: f, fs: i}, nil
}

func (i *injectFS) Mkdir(name string, perm fs.FileMode) error {
	if err := i.before("mkdir", name); err != nil {
		return err
	}
	return i.inner.Mkdir(name, perm)
}

func (i *injectFS) MkdirAll(name string, perm fs.FileMode) error {
	if err := i.before("mkdirall", name); err != nil {
		return err
	}
	return i.inner.MkdirAll(name, perm)
}

func (i *injectFS) Rename(oldName, newName string) error {
	if err := i.before2("rename", oldName, newName); err != nil {
		return err
	}
	return i.inner.Rename(oldName, newName)
}

func (i *injectFS) Remove(name string) error {
	if err := i.before("remove", name); err != nil {
		return err
	}
	return i.inner.Remove(name)
}

func (i *injectFS) RemoveAll(name string) error {
	if err := i.before("removeall", name); err != nil {
		return err
	}
	return i.inner.RemoveAll(name)
}

func (i *injectFS) Link(oldName, newName string) error {
	if err := i.before2("link", oldName, newName); err != nil {
		return err
	}
	return i.inner.Link(oldName, newName)
}

func (i *injectFS) Chmod(name string, mode fs.FileMode) error {
	if err := i.before("chmod", name); err != nil {
		return err
	}
	return i.inner.Chmod(name, mode)
}

func (i *injectFS) Stat(name string) (fs.FileInfo, error) {
	if err := i.before("stat", name); err != nil {
		return nil, err
	}
	return i.inner.Stat(name)
}

func (i *injectFS) SameFile(a, b fs.FileInfo) bool { return i.inner.SameFile(a, b) }

func (i *injectFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := i.before("readdir", name); err != nil {
		return nil, err
	}
	return i.inner.ReadDir(name)
}

func (i *injectFS) SyncDir(name string) error {
	if err := i.before("syncdir", name); err != nil {
		return err
	}
	return i.inner.SyncDir(name)
}

func (i *injectFS) Statfs(name string) (FSInfo, error) {
	if err := i.before("statfs", name); err != nil {
		return FSInfo{}, err
	}
	return i.inner.Statfs(name)
}

func (i *injectFS) Access(name string) error {
	if err := i.before("access", name); err != nil {
		return err
	}
	return i.inner.Access(name)
}

func (i *injectFS) OpenMedium(name string) (Medium, error) {
	if err := i.before("openmedium", name); err != nil {
		return nil, err
	}
	m, err := i.inner.OpenMedium(name)
	if err != nil {
		return nil, err
	}
	return &injectMedium{Medium: m, name: name, fs: i}, nil
}

// injectMedium passes Size and Uncached through.
type injectMedium struct {
	Medium
	name string
	fs   *injectFS
}

func (m *injectMedium) ReadAt(b []byte, off int64) (int, error) {
	if err := m.fs.before("readmedium", m.name); err != nil {
		return 0, err
	}
	return m.Medium.ReadAt(b, off)
}

func (m *injectMedium) Close() error {
	hookErr := m.fs.before("close", m.name)
	return errors.Join(hookErr, m.Medium.Close())
}
