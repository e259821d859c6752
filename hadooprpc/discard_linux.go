package hadooprpc

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// discard gives the pages that lie wholly inside b back to the kernel at once; they read as zeros from then on. The garbage
// collector would do so too, but some time after the next collection, and a node that has nothing to do collects nothing for
// minutes.
func discard(b []byte) {
	page := uintptr(os.Getpagesize())
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	skip := (page - start%page) % page
	if uintptr(len(b)) < skip+page {
		return
	}
	n := (uintptr(len(b)) - skip) / page * page
	// It can only fail if the kernel lacks it, and then nothing is lost.
	_ = unix.Madvise(b[skip:skip+n], unix.MADV_DONTNEED)
}
