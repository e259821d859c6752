package editlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Tail tells what lies behind the good frames of a segment.
type Tail int

const (
	// TailClean is the end of the file, or nothing but padding (0xFF, 0x00) up to it.
	TailClean Tail = iota
	// TailTorn is bytes that are no frame, and no good frame after them: the last write did not reach the disk whole.
	TailTorn
	// TailDamaged is bytes that are no frame, and a good frame after them: operations that were written once are lost.
	TailDamaged
)

func (t Tail) String() string {
	switch t {
	case TailClean:
		return "clean"
	case TailTorn:
		return "torn"
	case TailDamaged:
		return "damaged"
	}
	return fmt.Sprintf("Tail(%d)", int(t))
}

var (
	// ErrFeatureFlags is a header with layout flags, which no release writes (Java LayoutFlags.read).
	ErrFeatureFlags = errors.New("Found feature flags which we can't handle. Please upgrade your software.") //nolint:staticcheck,revive // Java's words
	// ErrOldLayout is a layout whose frames have no length field. No NameNode from 2.7 on writes it.
	ErrOldLayout = errors.New("segments of a layout version above -56 are not supported: their operations have no length")
)

const (
	noHeader      = -1  // what a header of padding reads as; Java 3.x takes it as corrupt
	lengthsLayout = -56 // Feature.EDITLOG_LENGTH: from here down frames have a length
)

// Scan is what a segment file holds. The transactions are those of the prefix: all frames from the header to the first
// byte that is no good frame.
type Scan struct {
	// CorruptHeader is set if the file has no header: fewer than 8 bytes, or a layout version that is not negative or is
	// -1 (padding). The segment then has no transactions (Java's hasCorruptHeader).
	CorruptHeader bool
	LayoutVersion int32 // unless CorruptHeader
	Txns          int64 // number of frames of the prefix
	First         TxID  // txid of the first frame, if Txns > 0
	End           TxID  // largest txid of the prefix, if Txns > 0
	// EndOffset is behind the last good frame of the prefix: 8 if there is none, 0 if the header is corrupt.
	EndOffset int64
	Tail      Tail
	BadOffset int64  // first byte that is neither frame nor padding, unless TailClean
	Reason    string // what is wrong at BadOffset, for people
}

// HasTxns tells whether the segment holds a transaction.
func (s Scan) HasTxns() bool { return s.Txns > 0 }

// ScanSegment reads a segment of size bytes from front to end and finds where its transactions end. It checks every CRC
// and holds 256 KiB of the file at most. If the file is shorter than size, its real end counts.
//
// It differs from Java 3.x (FSEditLogLoader.scanEditLog) in that it never continues behind a bad frame, and from 2.7 in
// that it believes no length without its CRC. Unknown opcodes, gaps in the txids, txids that go back and future layouts are
// taken; but not a transaction that is there twice: a block of the file is, and what it has overwritten is lost.
//
// A file without header is never TailClean: it is torn, or damaged if a good frame lies behind the lost header.
//
// The error is that of r or wraps ErrFeatureFlags or ErrOldLayout.
func ScanSegment(r io.ReaderAt, size int64) (Scan, error) {
	w := newWindow(r, size)
	s, err := scanHeader(w)
	if err != nil {
		return Scan{}, err
	}
	if s.CorruptHeader {
		return scanTail(w, s, HeaderLen)
	}
	for {
		f, bad, err := frameAt(w, s.EndOffset)
		if err != nil {
			return Scan{}, err
		}
		if bad == nil && s.repeats(f.TxID) {
			bad = fmt.Errorf("%w: txid %d behind %d", ErrRepeated, f.TxID, s.End)
		}
		if bad != nil {
			s.BadOffset, s.Reason = s.EndOffset, bad.Error()
			return scanTail(w, s, s.EndOffset+1)
		}
		if s.Txns == 0 {
			s.First, s.End = f.TxID, f.TxID
		}
		s.Txns++
		s.End = max(s.End, f.TxID)
		s.EndOffset += int64(f.Length)
	}
}

// repeats tells whether the prefix holds id. Where it has gaps that is not known, and the answer is no.
func (s Scan) repeats(id TxID) bool {
	return s.HasTxns() && s.First <= id && id <= s.End && s.Txns == int64(s.End-s.First)+1
}

func scanHeader(w *window) (Scan, error) {
	head, err := w.at(0, HeaderLen)
	if err != nil {
		return Scan{}, err
	}
	if len(head) < HeaderLen {
		return Scan{CorruptHeader: true, Reason: fmt.Sprintf("the file has %d bytes, the header needs 8", len(head))}, nil
	}
	layout := int32(binary.BigEndian.Uint32(head))
	// Zeros are what a file system leaves where it had made the file longer but not written yet when the power went.
	if layout == noHeader || layout >= 0 {
		return Scan{CorruptHeader: true, Reason: fmt.Sprintf("no header: it would mean layout version %d", layout)}, nil
	}
	if layout > lengthsLayout {
		return Scan{}, fmt.Errorf("layout version %d: %w", layout, ErrOldLayout)
	}
	if binary.BigEndian.Uint32(head[4:]) != 0 {
		return Scan{}, ErrFeatureFlags
	}
	return Scan{LayoutVersion: layout, EndOffset: HeaderLen}, nil
}

// frameAt reads the frame at off. bad tells why there is none; err is an error of reading.
func frameAt(w *window, off int64) (f Frame, bad, err error) {
	head, err := w.at(off, frameHeadLen)
	if err != nil {
		return Frame{}, nil, err
	}
	if f, bad = parseHead(head); bad != nil {
		return Frame{}, bad, nil
	}
	if int64(f.Length) > w.size-off {
		return Frame{}, fmt.Errorf("%w: it has %d bytes, %d are there", ErrTooShort, f.Length, w.size-off), nil
	}
	if f.Length <= len(w.buf) {
		b, err := w.at(off, f.Length)
		if err != nil {
			return Frame{}, nil, err
		}
		f, bad = ParseFrame(b)
		return f, bad, nil
	}
	sum, ok, err := w.checksum(off, f.Length-crcLen)
	if err != nil {
		return Frame{}, nil, err
	}
	stored, err := w.at(off+int64(f.Length-crcLen), crcLen)
	if err != nil {
		return Frame{}, nil, err
	}
	if !ok || len(stored) < crcLen {
		return Frame{}, ErrTooShort, nil
	}
	return f, checkSum(f, sum, stored), nil
}

// scanTail finishes a scan that found no frame at s.EndOffset. A good frame is searched from offset from on.
func scanTail(w *window, s Scan, from int64) (Scan, error) {
	data, err := skipPadding(w, s.EndOffset)
	if err != nil {
		return Scan{}, err
	}
	if data < 0 && !s.CorruptHeader {
		s.Tail, s.BadOffset, s.Reason = TailClean, 0, ""
		return s, nil
	}
	s.Tail = TailTorn
	if data < 0 {
		return s, nil
	}
	if s.Reason == ErrPadding.Error() {
		s.BadOffset, s.Reason = data, "data behind padding"
	}
	found, err := findFrame(w, from, s)
	switch {
	case err != nil:
		return Scan{}, err
	case found.gaveUp:
		s.Tail = TailDamaged
		s.Reason += "; the search for a good frame behind it was given up"
	case found.ok:
		s.Tail = TailDamaged
		s.BadOffset = min(s.BadOffset, found.at)
		s.Reason += fmt.Sprintf("; a good frame with txid %d follows at offset %d", found.TxID, found.at)
	}
	return s, nil
}

// skipPadding gives the offset of the first byte from off on that is no padding, -1 if there is none.
func skipPadding(w *window, off int64) (int64, error) {
	for {
		b, err := w.rest(off)
		if len(b) == 0 || err != nil {
			return -1, err
		}
		for i := 0; i < len(b); {
			if len(b)-i >= 8 {
				if eight := binary.LittleEndian.Uint64(b[i:]); eight == 0 || eight == math.MaxUint64 {
					i += 8
					continue
				}
			}
			if b[i] != 0x00 && b[i] != 0xFF {
				return off + int64(i), nil
			}
			i++
		}
		off += int64(len(b))
	}
}
