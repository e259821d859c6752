package vfs

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Mem is a file system in memory, for tests. It behaves as OS does on Linux for a user who may do everything, with a
// umask of 022, no symbolic links, and modification times of zero. Several "processes" may use one Mem; a lock belongs to
// the File that took it. Nothing in it depends on time, chance or map order.
//
// It keeps apart what processes see and what has been synced; CrashClone gives the disk that a power cut would leave.
type Mem struct {
	mu      sync.Mutex
	root    *node   // guarded by mu, as everything below it
	pending []dirOp // directory changes that are not on disk, oldest first
	info    FSInfo  // answer of Statfs
	space   memSpace
	medium  MediumMode
}

// node is a file or a directory; names are its directory's.
type node struct {
	mode    fs.FileMode      // permissions, and fs.ModeDir
	content                  // of a file
	entries map[string]*node // of a directory, as processes see it
	onDisk  map[string]*node // of a directory, as a crash leaves it
	locked  *memFile         // who holds the lock
}

func (n *node) isDir() bool { return n.mode.IsDir() }

// dirOp is one atomic change of directories: a creation, a removal, or both for a rename.
type dirOp []dirChange

type dirChange struct {
	dir   *node
	name  string
	child *node // nil: removed
}

const memUmask = 0o022

// NewMem makes an empty file system: only "/" exists.
func NewMem() *Mem {
	const huge = 1 << 40
	return &Mem{root: newDir(0o755), info: FSInfo{Kind: "mem", FreeBytes: huge, TotalBytes: huge, FreeInodes: huge}}
}

func newDir(perm fs.FileMode) *node {
	return &node{mode: fs.ModeDir | perm.Perm(), entries: map[string]*node{}, onDisk: map[string]*node{}}
}

// SetInfo sets what Statfs answers, but for the space that SetSpace bounds.
func (m *Mem) SetInfo(info FSInfo) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.info = info
}

// do makes a directory change visible; it is durable only after SyncDir.
func (m *Mem) do(op dirOp) {
	apply(op, func(d *node) map[string]*node { return d.entries })
	m.pending = append(m.pending, op)
}

func apply(op dirOp, entries func(*node) map[string]*node) {
	for _, c := range op {
		if c.child == nil {
			delete(entries(c.dir), c.name)
		} else {
			entries(c.dir)[c.name] = c.child
		}
	}
}

// walk finds the node at name.
func (m *Mem) walk(name string) (*node, error) {
	if !path.IsAbs(name) || strings.ContainsRune(name, 0) {
		return nil, syscall.EINVAL
	}
	n := m.root
	for _, part := range strings.Split(path.Clean(name)[1:], "/") {
		if part == "" {
			continue // the root itself
		}
		if !n.isDir() {
			return nil, syscall.ENOTDIR
		}
		if n = n.entries[part]; n == nil {
			return nil, syscall.ENOENT
		}
	}
	return n, nil
}

// parent finds the directory that holds or would hold name, and the child if there is one. The root has no parent.
func (m *Mem) parent(name string) (dir *node, base string, child *node, err error) {
	name = path.Clean(name)
	base = path.Base(name)
	if base == "/" {
		return nil, "", nil, syscall.EBUSY
	}
	if dir, err = m.walk(path.Dir(name)); err != nil {
		return nil, "", nil, err
	}
	if !dir.isDir() {
		return nil, "", nil, syscall.ENOTDIR
	}
	return dir, base, dir.entries[base], nil
}

// SyncDir puts the directory's changes on disk, and of other directories those without which they cannot be: a rename
// from one directory to another is one change of both.
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, err := m.walk(name)
	if err == nil && !dir.isDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return pathError("open", name, err)
	}
	involved := map[*node]bool{dir: true}
	chosen := make([]bool, len(m.pending))
	for i, op := range slices.Backward(m.pending) {
		chosen[i] = slices.ContainsFunc(op, func(c dirChange) bool { return involved[c.dir] })
		for _, c := range op {
			involved[c.dir] = involved[c.dir] || chosen[i]
		}
	}
	var rest []dirOp
	for i, op := range m.pending {
		if chosen[i] {
			apply(op, func(d *node) map[string]*node { return d.onDisk })
		} else {
			rest = append(rest, op)
		}
	}
	m.pending = rest
	return nil
}

// CrashClone gives the file system that a power cut at this moment would leave, with nothing open or locked. What was
// synced is there. Of the rest keep decides, nil keeps nothing: for each sector of 512 bytes and each new file length by
// itself; for changes of directories so that of one directory's changes the oldest stay, up to some point. The questions
// come in the same order for the same history. m itself is not changed.
//
// Real file systems may keep more (ext4 writes a directory entry along with the file's fsync), never less.
func (m *Mem) CrashClone(keep func() bool) *Mem {
	return m.crashClone(keep, func(c dirChange) any { return c.dir })
}

// CrashReordered is CrashClone for a file system that may write the changes of one directory in any order, as POSIX allows
// and journaling file systems do not do: of the changes of each name the oldest stay, up to some point. A rename changes two
// names at once.
func (m *Mem) CrashReordered(keep func() bool) *Mem {
	return m.crashClone(keep, func(c dirChange) any { return dirName{c.dir, c.name} })
}

type dirName struct {
	dir  *node
	name string
}

// crashClone keeps changes in their order that have the same line.
func (m *Mem) crashClone(keep func() bool, line func(dirChange) any) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	if keep == nil {
		keep = func() bool { return false }
	}
	after := map[*node]map[string]*node{} // entries of directories that kept something unsynced
	entries := func(d *node) map[string]*node {
		if after[d] == nil {
			after[d] = maps.Clone(d.onDisk)
		}
		return after[d]
	}
	cut := map[any]bool{} // lines whose later changes are lost
	for _, op := range m.pending {
		lost := slices.ContainsFunc(op, func(c dirChange) bool { return cut[line(c)] }) || !keep()
		if !lost {
			apply(op, entries)
		}
		for _, c := range op {
			cut[line(c)] = cut[line(c)] || lost
		}
	}
	copies := map[*node]*node{} // a file may have several names
	var copyOf func(n *node) *node
	copyOf = func(n *node) *node {
		if c := copies[n]; c != nil {
			return c
		}
		c := &node{mode: n.mode}
		copies[n] = c
		if !n.isDir() {
			c.content = n.afterCrash(keep)
			return c
		}
		c.entries = map[string]*node{}
		left := entries(n)
		for _, name := range sortedKeys(left) {
			c.entries[name] = copyOf(left[name])
		}
		c.onDisk = maps.Clone(c.entries)
		return c
	}
	return &Mem{root: copyOf(m.root), info: m.info, space: m.space, medium: m.medium}
}

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

func linkError(op, oldName, newName string, err error) error {
	return &os.LinkError{Op: op, Old: oldName, New: newName, Err: err}
}
