package saboteur

import (
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"

	"gojn/storage/vfs"
)

// Forget wraps fsys so that the last hold writes stay in this process's memory, and every sync is answered with
// success and not done. Whoever reads through the file system sees all writes. They reach fsys, oldest first, when
// more than hold wait, before any rename, link, removal or truncation, and when the file that they went to is
// closed, so an orderly stop loses nothing. A kill leaves the files as they were some writes ago. It may be used
// by many goroutines at once.
func Forget(fsys vfs.FS, hold int) vfs.FS { return &forgetFS{FS: fsys, hold: hold} }

// Unsynced is Forget with syncs that are done: a file's writes that wait reach fsys when it is synced, or at once if it was
// opened for synced writes. A kill takes what was not synced from those who forgot to, and nothing from others.
func Unsynced(fsys vfs.FS, hold int) vfs.FS { return &forgetFS{FS: fsys, hold: hold, syncs: true} }

// forgetFS passes on what neither changes files nor looks at their length.
type forgetFS struct {
	vfs.FS
	hold  int
	syncs bool // see Unsynced

	mu    sync.Mutex // held during every access to a file
	open  []*inode
	queue []write // oldest first
}

// inode is a file that is open, under whatever names.
type inode struct {
	info    fs.FileInfo // of fsys, for SameFile
	handles int
}

// write is one that is not done yet.
type write struct {
	inode *inode
	file  *forgetFile
	off   int64
	data  []byte
}

func (w write) end() int64 { return w.off + int64(len(w.data)) }

// drain does the oldest writes until only keep are left. A write that fails is given up, like a block that a disk
// lost.
func (f *forgetFS) drain(keep int) error {
	for len(f.queue) > keep {
		w := f.queue[0]
		f.queue = f.queue[1:]
		if _, err := w.file.File.WriteAt(w.data, w.off); err != nil {
			return err
		}
	}
	return nil
}

// sync does the writes to one file.
func (f *forgetFS) sync(n *inode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.drainFile(n)
}

func (f *forgetFS) drainFile(n *inode) error {
	var rest []write
	var first error
	for _, w := range f.queue {
		if w.inode != n {
			rest = append(rest, w)
		} else if _, err := w.file.File.WriteAt(w.data, w.off); err != nil && first == nil {
			first = err
		}
	}
	f.queue = rest
	return first
}

// change does something that must not overtake the writes before it.
func (f *forgetFS) change(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.drain(0); err != nil {
		return err
	}
	return do()
}

// size is how long a file would be if all writes were done.
func (f *forgetFS) size(n *inode, real int64) int64 {
	for _, w := range f.queue {
		if w.inode == n {
			real = max(real, w.end())
		}
	}
	return real
}

// find returns the open file that info is of, or nil.
func (f *forgetFS) find(info fs.FileInfo) *inode {
	for _, n := range f.open {
		if f.FS.SameFile(n.info, info) {
			return n
		}
	}
	return nil
}

func (f *forgetFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flag&os.O_TRUNC != 0 {
		if err := f.drain(0); err != nil {
			return nil, err
		}
	}
	file, err := f.FS.OpenFile(name, flag&^vfs.ODSync, perm)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close() // err is what the caller must see
		return nil, err
	}
	n := f.find(info)
	if n == nil {
		n = &inode{info: info}
		f.open = append(f.open, n)
	}
	n.handles++
	writable := flag&(os.O_WRONLY|os.O_RDWR) != 0 && flag&os.O_APPEND == 0
	through := f.syncs && flag&vfs.ODSync == vfs.ODSync
	return &forgetFile{File: file, fs: f, inode: n, writable: writable, through: through}, nil
}

func (f *forgetFS) Rename(oldName, newName string) error {
	return f.change(func() error { return f.FS.Rename(oldName, newName) })
}

func (f *forgetFS) Remove(name string) error {
	return f.change(func() error { return f.FS.Remove(name) })
}

func (f *forgetFS) RemoveAll(name string) error {
	return f.change(func() error { return f.FS.RemoveAll(name) })
}

func (f *forgetFS) Link(oldName, newName string) error {
	return f.change(func() error { return f.FS.Link(oldName, newName) })
}

func (f *forgetFS) Stat(name string) (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := f.FS.Stat(name)
	if err != nil {
		return nil, err
	}
	return f.longer(info, f.find(info)), nil
}

// longer is info with the length that the held writes give the file.
func (f *forgetFS) longer(info fs.FileInfo, n *inode) fs.FileInfo {
	if n == nil {
		return info
	}
	return sized{FileInfo: info, size: f.size(n, info.Size())}
}

func (f *forgetFS) SameFile(a, b fs.FileInfo) bool { return f.FS.SameFile(bare(a), bare(b)) }

// SyncDir only looks whether there is something that could be synced.
func (f *forgetFS) SyncDir(name string) error {
	info, err := f.FS.Stat(name)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "sync", Path: name, Err: syscall.ENOTDIR}
	}
	return err
}

// OpenMedium shows the held writes as if they had been done.
func (f *forgetFS) OpenMedium(name string) (vfs.Medium, error) {
	file, err := f.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close() // err is what the caller must see
		return nil, err
	}
	return forgetMedium{file, info.Size()}, nil
}

type forgetMedium struct {
	vfs.File
	size int64
}

func (m forgetMedium) Size() int64    { return m.size }
func (m forgetMedium) Uncached() bool { return true }

// sized is a FileInfo with another size.
type sized struct {
	fs.FileInfo
	size int64
}

func (s sized) Size() int64 { return s.size }

func bare(info fs.FileInfo) fs.FileInfo {
	if s, ok := info.(sized); ok {
		return s.FileInfo
	}
	return info
}

// remove forgets a handle.
func (f *forgetFS) remove(n *inode) {
	if n.handles--; n.handles == 0 {
		f.open = slices.DeleteFunc(f.open, func(o *inode) bool { return o == n })
	}
}
