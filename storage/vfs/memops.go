package vfs

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"syscall"
	"time"
)

var _ FS = (*Mem)(nil)

// OpenFile opens or creates a file; see FS.
func (m *Mem) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.open(name, flag, perm)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &memFile{mem: m, node: n, name: name, flag: flag}, nil
}

func (m *Mem) open(name string, flag int, perm fs.FileMode) (*node, error) {
	writing := flag&(os.O_WRONLY|os.O_RDWR) != 0
	if flag&os.O_CREATE != 0 && path.Clean(name) != "/" {
		dir, base, child, err := m.parent(name)
		switch {
		case err != nil:
			return nil, err
		case child != nil && flag&os.O_EXCL != 0:
			return nil, syscall.EEXIST
		case child != nil && child.isDir():
			return nil, syscall.EISDIR
		case child == nil:
			if err := m.inode(); err != nil {
				return nil, err
			}
			n := &node{mode: perm.Perm() &^ memUmask, content: newContent()}
			m.do(dirOp{{dir, base, n}})
			return n, nil
		}
	}
	n, err := m.walk(name)
	if err != nil {
		return nil, err
	}
	if n.isDir() && (writing || flag&(os.O_CREATE|os.O_TRUNC) != 0) {
		return nil, syscall.EISDIR
	}
	if flag&os.O_TRUNC != 0 {
		n.truncate(0)
	}
	return n, nil
}

// Mkdir makes one directory; see FS.
func (m *Mem) Mkdir(name string, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mkdir(name, perm)
}

func (m *Mem) mkdir(name string, perm fs.FileMode) error {
	if path.Clean(name) == "/" {
		return pathError("mkdir", name, syscall.EEXIST)
	}
	dir, base, child, err := m.parent(name)
	if err == nil && child != nil {
		err = syscall.EEXIST
	}
	if err == nil {
		err = m.inode()
	}
	if err != nil {
		return pathError("mkdir", name, err)
	}
	m.do(dirOp{{dir, base, newDir(perm &^ memUmask)}})
	return nil
}

// MkdirAll makes a directory and what is missing above it; see FS.
func (m *Mem) MkdirAll(name string, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mkdirAll(path.Clean(name), perm)
}

func (m *Mem) mkdirAll(name string, perm fs.FileMode) error {
	if n, err := m.walk(name); err == nil {
		if !n.isDir() {
			return pathError("mkdir", name, syscall.ENOTDIR)
		}
		return nil
	}
	if name != path.Dir(name) {
		if err := m.mkdirAll(path.Dir(name), perm); err != nil {
			return err
		}
	}
	return m.mkdir(name, perm)
}

// Rename has the rules of os.Rename, which does not replace a directory, not even an empty one.
func (m *Mem) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.rename(oldName, newName); err != nil {
		return linkError("rename", oldName, newName, err)
	}
	return nil
}

func (m *Mem) rename(oldName, newName string) error {
	oldDir, oldBase, n, err := m.parent(oldName)
	if err != nil {
		return err
	}
	if n == nil {
		return syscall.ENOENT
	}
	newDir, newBase, target, err := m.parent(newName)
	switch {
	case err != nil:
		return err
	case target != nil && target.isDir():
		return syscall.EEXIST
	case target != nil && n.isDir():
		return syscall.ENOTDIR
	case n.isDir() && contains(n, newDir):
		return syscall.EINVAL
	case target == n:
		return nil // rename(2): two names of one file both stay
	}
	m.do(dirOp{{oldDir, oldBase, nil}, {newDir, newBase, n}})
	return nil
}

// contains tells whether dir is top or lies somewhere below it.
func contains(top, dir *node) bool {
	if top == dir {
		return true
	}
	for _, child := range top.entries {
		if child.isDir() && contains(child, dir) {
			return true
		}
	}
	return false
}

// Remove removes a file or an empty directory; see FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, child, err := m.parent(name)
	switch {
	case err != nil:
	case child == nil:
		err = syscall.ENOENT
	case len(child.entries) > 0:
		err = syscall.ENOTEMPTY
	}
	if err != nil {
		return pathError("remove", name, err)
	}
	m.do(dirOp{{dir, base, nil}})
	return nil
}

// RemoveAll removes a file or a directory with all below it, entry by entry; what is not there is no error.
func (m *Mem) RemoveAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, child, err := m.parent(name)
	if isNotExist(err) || err == nil && child == nil {
		return nil
	}
	if err != nil {
		return pathError("unlinkat", name, err)
	}
	m.empty(child)
	m.do(dirOp{{dir, base, nil}})
	return nil
}

func (m *Mem) empty(n *node) {
	for _, name := range sortedKeys(n.entries) {
		m.empty(n.entries[name])
		m.do(dirOp{{n, name, nil}})
	}
}

// Link makes a hard link; see FS.
func (m *Mem) Link(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.walk(oldName)
	if err != nil {
		return linkError("link", oldName, newName, err)
	}
	dir, base, child, err := m.parent(newName)
	switch {
	case err != nil:
	case child != nil:
		err = syscall.EEXIST
	case n.isDir():
		err = syscall.EPERM
	}
	if err != nil {
		return linkError("link", oldName, newName, err)
	}
	m.do(dirOp{{dir, base, n}})
	return nil
}

// Chmod sets the permission bits; see FS. They survive a crash at once.
func (m *Mem) Chmod(name string, mode fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.walk(name)
	if err != nil {
		return pathError("chmod", name, err)
	}
	n.mode = n.mode&fs.ModeDir | mode.Perm()
	return nil
}

// Stat describes a file; see FS.
func (m *Mem) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.walk(name)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return n.info(path.Base(name)), nil
}

// SameFile compares results of Stat; see FS.
func (m *Mem) SameFile(a, b fs.FileInfo) bool {
	na, okA := a.Sys().(*node)
	nb, okB := b.Sys().(*node)
	return okA && okB && na == nb
}

// ReadDir lists a directory; see FS.
func (m *Mem) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, err := m.walk(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	if !dir.isDir() {
		return nil, pathError("readdir", name, syscall.ENOTDIR)
	}
	list := make([]fs.DirEntry, 0, len(dir.entries))
	for _, base := range sortedKeys(dir.entries) {
		list = append(list, fs.FileInfoToDirEntry(dir.entries[base].info(base)))
	}
	return list, nil
}

// Statfs answers what SetInfo and SetSpace say; see FS.
func (m *Mem) Statfs(name string) (FSInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.walk(name); err != nil {
		return FSInfo{}, pathError("statfs", name, err)
	}
	return m.free(m.info), nil
}

// Access allows everything in a directory that exists; see FS.
func (m *Mem) Access(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.walk(name)
	if err == nil && !n.isDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return pathError("access", name, err)
	}
	return nil
}

// memInfo is a node as it was when it was asked for.
type memInfo struct {
	name string
	size int64
	mode fs.FileMode
	node *node
}

func (n *node) info(name string) memInfo { return memInfo{name, n.size, n.mode, n} }

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return i.node }

func isNotExist(err error) bool { return errors.Is(err, syscall.ENOENT) }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
