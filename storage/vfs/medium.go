package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// OpenMedium first drops the file from the page cache as far as that goes, and looks whether it is gone. Then it reads with
// O_DIRECT; where the file system refuses that, through the cache, if nothing was left in it; else it fails with
// ErrNoMedium. Both, because a file system may serve an O_DIRECT read from its cache, without a word: btrfs does so with
// compressed and inline data and with the last page of any file, ext4 with data=journal. So what was left in the cache
// also means ErrNoMedium where the file system does not promise to read past it.
//
// On tmpfs and ramfs memory is the medium: there is nothing behind it that could have refused a write, and nothing that
// outlives a power cut, so the file is read as it is.
func (osFS) OpenMedium(name string) (Medium, error) {
	f, err := os.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	m, err := openMedium(osFile{f})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return m, nil
}

func openMedium(f osFile) (Medium, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: f.Name(), Err: unix.EINVAL}
	}
	cached := cachedMedium{osFile: f, size: info.Size()}
	kind, err := fileSystemOf(f)
	if err != nil {
		return nil, err
	}
	if kind == "tmpfs" || kind == "ramfs" {
		return cached, nil
	}
	kept := uncache(f, info.Size())
	promised, refused := promisesDirect(f, kind)
	if refused == nil && !promised && kept != nil {
		return nil, kept
	}
	var direct *directMedium
	if refused == nil {
		direct, refused = openDirect(f, info, kept == nil)
	}
	switch {
	case refused == nil:
		_ = f.Close() // nothing was written through it
		return direct, nil
	case !errors.Is(refused, ErrNoMedium):
		return nil, refused
	case kept == nil:
		return cached, nil
	}
	return nil, fmt.Errorf("%w; %w", refused, kept)
}

func fileSystemOf(f osFile) (kind string, err error) {
	var st unix.Statfs_t
	err = f.control("fstatfs", func(fd int) error { return unix.Fstatfs(fd, &st) })
	return kindOf(uint32(st.Type)), err
}

// cachedMedium is read through a page cache that agrees with the medium.
type cachedMedium struct {
	osFile
	size int64
}

func (m cachedMedium) Size() int64    { return m.size }
func (m cachedMedium) Uncached() bool { return true }

// directWindow is how much is read at once: a multiple of every alignment that a file system asks for.
const directWindow = 1 << 20

// directMedium reads whole windows at offsets that are multiples of directWindow, into memory that is aligned to pages.
type directMedium struct {
	file     osFile // O_DIRECT
	size     int64
	uncached bool

	mu     sync.Mutex // guards all below
	window []byte     // mapped by us; nil once closed
	start  int64      // of the window in the file; -1: nothing was read yet
	filled int        // how much of the window the file fills
}

// openDirect opens the file of f once more. ErrNoMedium is wrapped if its file system does not read it directly.
func openDirect(f osFile, info fs.FileInfo, uncached bool) (*directMedium, error) {
	again, err := os.OpenFile(f.Name(), os.O_RDONLY|unix.O_DIRECT, 0)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, fmt.Errorf("%w: %w", ErrNoMedium, err)
	}
	if err != nil {
		return nil, err
	}
	m := &directMedium{file: osFile{again}, size: info.Size(), uncached: uncached, start: -1}
	if err := m.begin(info); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// begin makes sure of the file, and reads its first window: some file systems refuse only that.
func (m *directMedium) begin(info fs.FileInfo) error {
	now, err := m.file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, now) {
		return &fs.PathError{Op: "open", Path: m.file.Name(), Err: errors.New("the file was replaced by another")}
	}
	// A mapping of our own is aligned to pages; make promises nothing.
	m.window, err = unix.Mmap(-1, 0, directWindow, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	return m.load(0)
}

// promisesDirect tells whether a read with O_DIRECT is sure to pass the page cache: the kernel says so of this file (statx,
// 6.1 on; ext4, XFS and F2FS answer), or it is on XFS, which has no other way. Where nothing is promised such a read may do
// so all the same. ErrNoMedium is wrapped if the kernel says that it does not, or not as directMedium reads.
func promisesDirect(f osFile, kind string) (bool, error) {
	var st unix.Statx_t
	err := f.control("statx", func(fd int) error {
		return unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &st)
	})
	if err != nil || st.Mask&unix.STATX_DIOALIGN == 0 {
		return kind == "xfs", nil //nolint:nilerr // an old kernel: the read itself tells whether it is refused
	}
	page := uint32(os.Getpagesize())
	memory, offset := st.Dio_mem_align, st.Dio_offset_align
	if memory == 0 || offset == 0 {
		return false, &fs.PathError{Op: "statx", Path: f.Name(), Err: fmt.Errorf("%w: there are no direct reads of it", ErrNoMedium)}
	}
	if page%memory != 0 || directWindow%offset != 0 {
		return false, &fs.PathError{Op: "statx", Path: f.Name(),
			Err: fmt.Errorf("%w: direct reads want memory aligned to %d and offsets to %d bytes", ErrNoMedium, memory, offset)}
	}
	return true, nil
}

// load reads the window at start. The file's end need not be aligned: a read beyond it is merely short. One that is short
// before it is an error, not an end: whoever took it for one would miss what is behind it.
func (m *directMedium) load(start int64) error {
	m.start, m.filled = -1, 0
	want := int(min(directWindow, max(m.size-start, 0)))
	for m.filled < want {
		n, err := m.pread(m.window[m.filled:], start+int64(m.filled))
		if err != nil {
			return err
		}
		m.filled += n
		if m.filled < want && (n == 0 || n%512 != 0) { // from there on it would be no direct read
			return &fs.PathError{Op: "read", Path: m.file.Name(), Err: fmt.Errorf("%w: %d bytes at offset %d where the file has %d",
				io.ErrUnexpectedEOF, m.filled, start, m.size)}
		}
	}
	m.filled = min(m.filled, want)
	m.start = start
	return nil
}

func (m *directMedium) pread(b []byte, off int64) (n int, err error) {
	err = m.file.control("read", func(fd int) (err error) {
		n, err = unix.Pread(fd, b, off)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
			err = fmt.Errorf("%w: %w", ErrNoMedium, err)
		}
		return err
	})
	return max(n, 0), err
}

func (m *directMedium) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, &fs.PathError{Op: "read", Path: m.file.Name(), Err: errNegativeOffset}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.window == nil {
		return 0, &fs.PathError{Op: "read", Path: m.file.Name(), Err: os.ErrClosed}
	}
	n := 0
	for n < len(b) {
		at := off + int64(n)
		if start := at - at%directWindow; start != m.start {
			if err := m.load(start); err != nil {
				return n, err
			}
		}
		within := int(at - m.start)
		if within >= m.filled {
			return n, io.EOF
		}
		n += copy(b[n:], m.window[within:m.filled])
	}
	return n, nil
}

func (m *directMedium) Size() int64    { return m.size }
func (m *directMedium) Uncached() bool { return m.uncached }

func (m *directMedium) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var err error
	if m.window != nil {
		err = os.NewSyscallError("munmap", unix.Munmap(m.window))
		m.window = nil
	}
	return errors.Join(err, m.file.Close())
}
