package vfs

import (
	"fmt"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// uncache drops the first size bytes of a file, which are all it has, from the page cache and makes sure that they are
// gone: the kernel keeps pages that are dirty or that somebody uses, and says nothing. ErrNoMedium is wrapped if any is left.
func uncache(f osFile, size int64) error {
	err := f.control("fadvise", func(fd int) error { return unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) })
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoMedium, err)
	}
	for off := int64(0); off < size; off += residentPiece {
		pages, err := residentPages(f, off, min(size-off, residentPiece))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoMedium, err)
		}
		if pages > 0 {
			return &fs.PathError{Op: "fadvise", Path: f.Name(),
				Err: fmt.Errorf("%w: %d pages at offset %d stay in the cache", ErrNoMedium, pages, off)}
		}
	}
	return nil
}

// residentPiece is how much of a file is mapped at once; a multiple of every page size.
const residentPiece = 256 << 20

// residentPages counts the pages of a piece of a file that are in the page cache (mincore on a mapping that nobody touches).
func residentPages(f osFile, off, size int64) (pages int, err error) {
	err = f.control("mincore", func(fd int) error {
		mapping, err := unix.Mmap(fd, off, int(size), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		resident := make([]byte, (int(size)+unix.Getpagesize()-1)/unix.Getpagesize())
		_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mapping[0])), uintptr(size),
			uintptr(unsafe.Pointer(&resident[0])))
		for _, r := range resident {
			pages += int(r & 1)
		}
		if err := unix.Munmap(mapping); err != nil {
			return err
		}
		if errno != 0 {
			return errno
		}
		return nil
	})
	return pages, err
}
