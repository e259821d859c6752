package editlog_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"gojn/storage/editlog"
)

// batch are frames of growing length with the txids first, first+1 and so on.
func batch(first editlog.TxID, count int) []byte {
	var b []byte
	for i := range count {
		b = append(b, frame(byte(i%70), first+editlog.TxID(i), make([]byte, i%50))...)
	}
	return b
}

func TestCheckBatch(t *testing.T) {
	long := batch(5, 1)
	binary.BigEndian.PutUint32(long[1:], editlog.MaxOpSize)
	badSum := batch(5, 2)
	badSum[len(badSum)-1] ^= 1
	for name, tc := range map[string]struct {
		b     []byte
		count int64
		want  error
	}{
		"one":                    {batch(5, 1), 1, nil},
		"many":                   {batch(5, 200), 200, nil},
		"a checksum that is bad": {badSum, 2, nil},
		"none":                   {nil, 1, editlog.ErrTooShort},
		"fewer":                  {batch(5, 2), 3, editlog.ErrTooShort},
		"more":                   {batch(5, 3), 2, editlog.ErrBatch},
		"torn":                   {batch(5, 3)[:50], 3, editlog.ErrTooShort},
		"torn in a head":         {batch(5, 3)[:20], 3, editlog.ErrTooShort},
		"another first txid":     {batch(6, 2), 2, editlog.ErrBatch},
		"a gap":                  {slices.Concat(batch(5, 1), batch(7, 1)), 2, editlog.ErrBatch},
		"the same txid again":    {slices.Concat(batch(5, 1), batch(5, 1)), 2, editlog.ErrBatch},
		"padding":                {padding(100), 1, editlog.ErrPadding},
		"padding behind":         {slices.Concat(batch(5, 1), padding(10)), 1, editlog.ErrBatch},
		"a length beyond 50 MiB": {long, 1, editlog.ErrLength},
		"a negative length":      {append([]byte{1}, bytes.Repeat([]byte{0xf0}, 30)...), 1, editlog.ErrLength},
		"a length of 0":          {make([]byte, 30), 1, editlog.ErrLength},
	} {
		t.Run(name, func(t *testing.T) {
			if err := editlog.CheckBatch(tc.b, 5, tc.count); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestHasLengths(t *testing.T) {
	for layout, want := range map[int32]bool{-67: true, -56: true, -55: false, -1: false, 0: false, 3: false} {
		if editlog.HasLengths(layout) != want {
			t.Errorf("%d: want %t", layout, want)
		}
	}
}

// FuzzCheckBatch: what passes is walked through by Skip and Fit to the frames that ParseFrame and a scan of a segment see, in
// whatever room; what does not never makes them run over.
func FuzzCheckBatch(f *testing.F) {
	f.Add(batch(5, 1), int64(5), int64(1), 100)
	f.Add(batch(5, 9), int64(5), int64(9), 100)
	f.Add(batch(5, 9)[:100], int64(5), int64(9), 100)
	f.Add(padding(30), int64(5), int64(2), 17)
	f.Add([]byte{}, int64(0), int64(0), 0)
	f.Fuzz(func(t *testing.T, b []byte, first, count int64, room int) {
		count = min(max(count, 0), int64(len(b)))
		err := editlog.CheckBatch(b, editlog.TxID(first), count)
		length, fitted := editlog.Fit(b, room)
		if length > max(room, 0) || length > len(b) || length != editlog.Skip(b, fitted) {
			t.Fatalf("%d frames of %d bytes fit into %d, %d are there", fitted, length, room, len(b))
		}
		if err != nil {
			return
		}
		if all, n := editlog.Fit(b, len(b)); all != len(b) || n != count || editlog.Skip(b, count+1) != len(b) {
			t.Fatalf("%d frames of %d bytes, want %d of %d", n, all, count, len(b))
		}
		at := 0
		for n := range count {
			if got := editlog.Skip(b, n); got != at {
				t.Fatalf("frame %d begins at %d, want %d", n, got, at)
			}
			frame, err := editlog.ParseFrame(b[at:])
			if errors.Is(err, editlog.ErrChecksum) {
				return // which this does not look at
			}
			if err != nil || frame.TxID != editlog.TxID(first+n) {
				t.Fatalf("frame %d: %+v, %v", n, frame, err)
			}
			at += frame.Length
		}
		if s := scan(t, segment(b)); s.Txns != count || s.EndOffset != int64(8+len(b)) {
			t.Fatalf("a scan sees %+v", s)
		}
	})
}
