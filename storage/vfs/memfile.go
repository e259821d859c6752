package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// memFile is an open file of a Mem. It outlives the removal of its name.
type memFile struct {
	mem    *Mem
	node   *node
	name   string
	flag   int
	closed bool // guarded by mem.mu
}

func (f *memFile) Name() string { return f.name }
func (f *memFile) OS() *os.File { return nil }

func (f *memFile) readable() bool { return f.flag&(os.O_WRONLY|os.O_RDWR) != os.O_WRONLY }
func (f *memFile) writable() bool { return f.flag&(os.O_WRONLY|os.O_RDWR) != 0 }

// do runs call on the open file.
func (f *memFile) do(op string, call func() error) error {
	f.mem.mu.Lock()
	defer f.mem.mu.Unlock()
	err := os.ErrClosed
	if !f.closed {
		err = call()
	}
	if err != nil {
		return pathError(op, f.name, err)
	}
	return nil
}

var errNegativeOffset = errors.New("negative offset")

func (f *memFile) ReadAt(b []byte, off int64) (n int, err error) {
	err = f.do("read", func() error {
		switch {
		case off < 0:
			return errNegativeOffset
		case !f.readable():
			return syscall.EBADF
		case f.node.isDir():
			return syscall.EISDIR
		}
		n = f.node.readAt(b, off)
		return nil
	})
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}

func (f *memFile) WriteAt(b []byte, off int64) (n int, err error) {
	err = f.do("write", func() error {
		switch {
		case f.flag&os.O_APPEND != 0:
			return errors.New("invalid use of WriteAt on file opened with O_APPEND")
		case off < 0:
			return errNegativeOffset
		case !f.writable():
			return syscall.EBADF
		}
		if n = len(b); n == 0 {
			return nil
		}
		var short error
		if n, short = f.mem.room(&f.node.content, off, len(b)); n == 0 {
			return short
		}
		f.node.writeAt(b[:n], off)
		if f.flag&ODSync == ODSync {
			f.node.syncRange(off, n)
		}
		return short
	})
	return n, err
}

func (f *memFile) Close() error {
	return f.do("close", func() error {
		f.closed = true
		if f.node.locked == f {
			f.node.locked = nil
		}
		return nil
	})
}

func (f *memFile) Stat() (info fs.FileInfo, err error) {
	err = f.do("stat", func() error {
		info = f.node.info(path.Base(f.name))
		return nil
	})
	return info, err
}

func (f *memFile) Truncate(size int64) error {
	return f.do("truncate", func() error {
		if size < 0 || !f.writable() {
			return syscall.EINVAL
		}
		f.node.truncate(size)
		return nil
	})
}

func (f *memFile) Sync() error     { return f.sync("sync") }
func (f *memFile) SyncData() error { return f.sync("fdatasync") }

func (f *memFile) sync(op string) error {
	return f.do(op, func() error {
		if !f.node.isDir() {
			f.node.sync()
		}
		return nil
	})
}

// loseUnsynced is a sync that the disk refused, see Lost.
func (f *memFile) loseUnsynced(keep func() bool) {
	f.mem.mu.Lock()
	defer f.mem.mu.Unlock()
	if !f.closed && !f.node.isDir() {
		f.node.lose(keep)
	}
}

func (f *memFile) Lock() error {
	return f.do("lock", func() error {
		if !f.writable() {
			return syscall.EBADF
		}
		if f.node.locked != nil && f.node.locked != f {
			return ErrLocked
		}
		f.node.locked = f
		return nil
	})
}
