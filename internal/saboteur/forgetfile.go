package saboteur

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"gojn/storage/vfs"
)

// forgetFile passes Name and Lock through.
type forgetFile struct {
	vfs.File
	fs       *forgetFS
	inode    *inode
	writable bool // WriteAt can succeed
	through  bool // each write is a synced one
	closed   bool
}

// OS hides the real file, so that nobody reads past the held writes.
func (f *forgetFile) OS() *os.File { return nil }

func (f *forgetFile) ReadAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	n, err := f.File.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) || len(b) == 0 {
		return n, err
	}
	info, err := f.File.Stat()
	if err != nil {
		return n, err
	}
	size := f.fs.size(f.inode, info.Size())
	if size <= off {
		return 0, io.EOF
	}
	end := min(off+int64(len(b)), size)
	clear(b[n:])
	for _, w := range f.fs.queue {
		if w.inode == f.inode && w.off < end && w.end() > off {
			from := max(w.off, off)
			copy(b[from-off:end-off], w.data[from-w.off:])
		}
	}
	if n = int(end - off); n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *forgetFile) WriteAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if !f.writable || f.closed || off < 0 || len(b) == 0 {
		return f.File.WriteAt(b, off) // which is an error, or nothing
	}
	f.fs.queue = append(f.fs.queue, write{inode: f.inode, file: f, off: off, data: slices.Clone(b)})
	err := f.fs.drain(f.fs.hold)
	if err == nil && f.through {
		err = f.fs.drainFile(f.inode)
	}
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

func (f *forgetFile) Stat() (fs.FileInfo, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	info, err := f.File.Stat()
	if err != nil {
		return nil, err
	}
	return f.fs.longer(info, f.inode), nil
}

func (f *forgetFile) Truncate(size int64) error {
	return f.fs.change(func() error { return f.File.Truncate(size) })
}

// Sync does nothing, and says that it did, but with Unsynced.
func (f *forgetFile) Sync() error {
	if _, err := f.File.Stat(); err != nil || !f.fs.syncs {
		return err // a closed file is an error
	}
	if err := f.fs.sync(f.inode); err != nil {
		return err
	}
	return f.File.Sync()
}

// SyncData is Sync.
func (f *forgetFile) SyncData() error { return f.Sync() }

// Close does what was written through this handle, and what came before it.
func (f *forgetFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return f.File.Close()
	}
	f.closed = true
	f.fs.remove(f.inode)
	var err error
	if slices.ContainsFunc(f.fs.queue, func(w write) bool { return w.file == f }) {
		err = f.fs.drain(0)
	}
	return errors.Join(err, f.File.Close())
}
