package editlog

import (
	"errors"
	"fmt"
)

// ErrBatch is wrapped by what CheckBatch finds wrong besides a frame itself.
var ErrBatch = errors.New("not the batch that it is said to be")

// HasLengths tells whether the frames of a layout version have a length, so that a frame can be stepped over.
func HasLengths(layoutVersion int32) bool { return layoutVersion <= lengthsLayout }

// CheckBatch tells whether b is exactly count frames, count > 0, with the txids first, first+1 and so on, by their lengths:
// checksums are not looked at. The error wraps ErrBatch, or as ParseFrame's ErrPadding, ErrTooShort or ErrLength.
func CheckBatch(b []byte, first TxID, count int64) error {
	for n := range count {
		f, err := head(b)
		if err != nil {
			return fmt.Errorf("frame %d of %d: %w", n+1, count, err)
		}
		if want := first + TxID(n); f.TxID != want {
			return fmt.Errorf("%w: txid %d in the place of %d", ErrBatch, f.TxID, want)
		}
		b = b[f.Length:]
	}
	if len(b) > 0 {
		return fmt.Errorf("%w: %d bytes behind %d frames", ErrBatch, len(b), count)
	}
	return nil
}

// Skip gives the offset behind the first count frames of b, by their lengths, or less if b holds no more whole ones.
func Skip(b []byte, count int64) int {
	at := 0
	for n := int64(0); n < count && at < len(b); n++ {
		f, err := head(b[at:])
		if err != nil {
			break
		}
		at += f.Length
	}
	return at
}

// Fit gives the length and the number of the whole frames at the start of b that fit into room bytes.
func Fit(b []byte, room int) (length int, count int64) {
	for length < len(b) {
		f, err := head(b[length:])
		if err != nil || length+f.Length > room {
			break
		}
		length += f.Length
		count++
	}
	return length, count
}

// head is parseHead of a frame that must be there whole.
func head(b []byte) (Frame, error) {
	f, err := parseHead(b)
	if err == nil && f.Length > len(b) {
		err = fmt.Errorf("%w: it has %d bytes, %d are there", ErrTooShort, f.Length, len(b))
	}
	return f, err
}
