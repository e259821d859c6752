package editlog

import (
	"errors"
	"hash/crc32"
	"io"
)

// windowSize is how much is read from a segment at once, and all that is ever held of it.
const windowSize = 256 << 10

// window is a moving view of a file, read forward in big pieces.
type window struct {
	r    io.ReaderAt
	size int64 // end of the file; lowered if a read ends earlier (the padding was cut off meanwhile)
	buf  []byte
	off  int64 // file offset of buf[0]
	n    int   // bytes of buf that are filled
}

func newWindow(r io.ReaderAt, size int64) *window {
	return &window{r: r, size: max(size, 0), buf: make([]byte, min(windowSize, max(size, 1)))}
}

// at gives n bytes of the file from off, fewer only if the file ends there. It is valid until the next call.
// n is at most windowSize.
func (w *window) at(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), w.size-off))
	if n <= 0 {
		return nil, nil
	}
	if off < w.off || off+int64(n) > w.off+int64(w.n) {
		if err := w.fill(off); err != nil {
			return nil, err
		}
		n = min(n, w.n)
	}
	start := int(off - w.off)
	return w.buf[start : start+n], nil
}

// rest gives as much from off as is in memory already, at least one byte unless the file ends there.
func (w *window) rest(off int64) ([]byte, error) {
	if b, err := w.at(off, 1); len(b) == 0 || err != nil {
		return nil, err
	}
	return w.buf[off-w.off : w.n], nil
}

func (w *window) fill(off int64) error {
	want := int(min(int64(len(w.buf)), w.size-off))
	n, err := w.r.ReadAt(w.buf[:want], off)
	w.off, w.n = off, n
	if n == want {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		w.size = off + int64(n)
		return nil
	}
	w.n = 0
	return err
}

// checksum computes the CRC of the n bytes from off. ok is false if the file ends before.
func (w *window) checksum(off int64, n int) (sum uint32, ok bool, err error) {
	for n > 0 {
		b, err := w.rest(off)
		if len(b) == 0 || err != nil {
			return 0, false, err
		}
		b = b[:min(n, len(b))]
		sum = crc32.Update(sum, crc32.IEEETable, b)
		off, n = off+int64(len(b)), n-len(b)
	}
	return sum, true, nil
}
