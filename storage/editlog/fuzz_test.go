package editlog_test

import (
	"bytes"
	"errors"
	"testing"

	"gojn/storage/editlog"
)

// Properties of a scan, whatever the bytes: the prefix alone scans to the same transactions with a clean end, padding
// behind it changes nothing, and more padding behind the whole file never takes transactions away.
func FuzzScanSegment(f *testing.F) {
	for _, path := range append(glob(f, "testdata/scan/*", 27), glob(f, "../testdata/hadoop-*/current/edits_0*", 9)...) {
		f.Add(readSegment(f, path))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := editlog.ScanSegment(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if !errors.Is(err, editlog.ErrFeatureFlags) && !errors.Is(err, editlog.ErrOldLayout) {
				t.Fatalf("reading from memory failed: %v", err)
			}
			return
		}
		if s.EndOffset > int64(len(b)) || s.Txns < 0 || s.HasTxns() && s.First > s.End {
			t.Fatalf("impossible: %+v", s)
		}
		if s.CorruptHeader {
			if s.HasTxns() || s.Tail == editlog.TailClean {
				t.Fatalf("no header, yet %+v", s)
			}
			return
		}
		prefix := b[:s.EndOffset:s.EndOffset]
		want := s
		want.Tail, want.BadOffset, want.Reason = editlog.TailClean, 0, ""
		if got := scan(t, prefix); got != want {
			t.Fatalf("prefix alone:\n got %+v\nwant %+v", got, want)
		}
		if got := scan(t, append(prefix, padding(64)...)); got != want {
			t.Fatalf("prefix and padding:\n got %+v\nwant %+v", got, want)
		}
		// A frame whose last bytes were cut off and were 0xFF becomes whole by padding, hence "at least".
		if got := scan(t, append(b[:len(b):len(b)], padding(64)...)); got.EndOffset < s.EndOffset {
			t.Fatalf("padding behind the file took transactions away:\n got %+v\nwant %+v", got, s)
		}
	})
}

// A frame that parses does so from its own bytes alone, does not from fewer, and a flipped bit spoils it.
func FuzzParseFrame(f *testing.F) {
	seg := readSegment(f, "../testdata/hadoop-3.4.2/current/edits_0000000000000000001-0000000000000000003")
	f.Add(seg[8:], uint16(20))
	f.Add(seg[8:81], uint16(575))
	f.Add(frame(0, 1, nil), uint16(0))
	f.Add(padding(20), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, bit uint16) {
		fr, err := editlog.ParseFrame(b)
		if err != nil {
			return
		}
		if fr.Length < editlog.MinFrameLen || fr.Length > len(b) || fr.Op == editlog.OpInvalid {
			t.Fatalf("impossible: %+v of %d bytes", fr, len(b))
		}
		own := append([]byte(nil), b[:fr.Length]...)
		if again, err := editlog.ParseFrame(own); err != nil || again != fr {
			t.Fatalf("its bytes alone: %+v, %v; want %+v", again, err, fr)
		}
		if _, err := editlog.ParseFrame(own[:len(own)-1]); !errors.Is(err, editlog.ErrTooShort) {
			t.Fatalf("one byte less: %v", err)
		}
		at := int(bit) % (8 * len(own))
		if at/8 >= 1 && at/8 < 5 {
			return // another length means another CRC of other bytes, which may match by chance
		}
		own[at/8] ^= 1 << (at % 8)
		if _, err := editlog.ParseFrame(own); err == nil {
			t.Fatalf("bit %d flipped and still good", at)
		}
	})
}
