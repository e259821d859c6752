package vfs

import (
	"io"
	"os"
	"syscall"
)

// MediumMode is what FS.OpenMedium can do on a Mem.
type MediumMode int

const (
	// MediumUncached reads the disk after what is clean was dropped from the cache, as Linux does for most files.
	MediumUncached MediumMode = iota
	// MediumDirect reads the disk past a cache that nothing drops, so that OpenFile goes on showing what a sync has lost.
	MediumDirect
	// MediumNone is ErrNoMedium.
	MediumNone
)

// SetMedium sets what OpenMedium can do from now on.
func (m *Mem) SetMedium(mode MediumMode) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.medium = mode
}

// OpenMedium reads what is on the disk, and of a length that is not on it zeros; see FS. What is dirty is not on it: no
// process waits for it to be written here.
func (m *Mem) OpenMedium(name string) (Medium, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.walk(name)
	switch {
	case err == nil && n.isDir():
		err = syscall.EISDIR
	case err == nil && m.medium == MediumNone:
		err = ErrNoMedium
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	uncached := m.medium == MediumUncached && n.uncache()
	return &memMedium{file: &memFile{mem: m, node: n, name: name, flag: os.O_RDONLY}, size: n.size, uncached: uncached}, nil
}

type memMedium struct {
	file     *memFile
	size     int64
	uncached bool
}

func (m *memMedium) Size() int64    { return m.size }
func (m *memMedium) Uncached() bool { return m.uncached }
func (m *memMedium) Close() error   { return m.file.Close() }

func (m *memMedium) ReadAt(b []byte, off int64) (n int, err error) {
	err = m.file.do("read", func() error {
		if off < 0 {
			return errNegativeOffset
		}
		n = m.file.node.readDisk(b, off)
		return nil
	})
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}
