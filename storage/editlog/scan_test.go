package editlog_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"gojn/storage/editlog"
)

func TestScanHeader(t *testing.T) {
	at := func(layout int32, parts ...[]byte) []byte {
		return append(editlog.AppendHeader(nil, layout), bytes.Join(parts, nil)...)
	}
	op := frame(3, 1, nil)
	for _, c := range []struct {
		name    string
		in      []byte
		err     error
		corrupt bool
		txns    int64
		tail    editlog.Tail
	}{
		{"oldest layout with lengths", at(-56, op), nil, false, 1, editlog.TailClean},
		{"older", at(-55, op), editlog.ErrOldLayout, false, 0, 0},
		{"layout -2", at(-2, op), editlog.ErrOldLayout, false, 0, 0},
		{"far future", at(-1<<31, op), nil, false, 1, editlog.TailClean},
		{"zeros, as after a power cut", make([]byte, 1<<20), nil, true, 0, editlog.TailTorn},
		{"no layout is positive", at(67), nil, true, 0, editlog.TailTorn},
		{"header lost, operations there", append(padding(8), op...), nil, true, 0, editlog.TailDamaged},
		{"header zeroed, operations there", append(make([]byte, 8), op...), nil, true, 0, editlog.TailDamaged},
	} {
		s, err := editlog.ScanSegment(bytes.NewReader(c.in), int64(len(c.in)))
		if !errors.Is(err, c.err) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.err)
		}
		if s.CorruptHeader != c.corrupt || s.Txns != c.txns || s.Tail != c.tail || s.CorruptHeader && s.Reason == "" {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

func TestScanTail(t *testing.T) {
	one, two, three := frame(3, 1, []byte("one")), frame(3, 2, []byte("two")), frame(0, 3, []byte("three"))
	torn := two[:len(two)-2]
	badTwo := append([]byte(nil), two...)
	badTwo[len(badTwo)-1] ^= 0x55
	big := frame(9, 3, make([]byte, 300<<10)) // longer than what is read at once
	badBig := append([]byte(nil), big...)
	badBig[200<<10] ^= 1
	for _, c := range []struct {
		name string
		in   []byte
		end  editlog.TxID
		tail editlog.Tail
	}{
		{"torn", segment(one, torn), 1, editlog.TailTorn},
		{"torn in the head", segment(one, two[:6]), 1, editlog.TailTorn},
		{"one byte", segment(one, two[:1]), 1, editlog.TailTorn},
		{"torn, then padding", segment(one, torn, padding(1000)), 1, editlog.TailTorn},
		{"garbage behind much padding", segment(one, padding(1<<20), []byte{1}), 1, editlog.TailTorn},
		{"torn, then a good one", segment(one, torn, three), 1, editlog.TailDamaged},
		{"torn, padding, then a good one", segment(one, torn, padding(1<<20), three, padding(100)), 1, editlog.TailDamaged},
		{"a good one behind zeros", segment(one, make([]byte, 4096), three), 1, editlog.TailDamaged},
		{"bad CRC, then a good one", segment(one, badTwo, three), 1, editlog.TailDamaged},
		{"bad CRC last", segment(one, badTwo), 1, editlog.TailTorn},
		{"what follows is older", segment(frame(3, 9, nil), badTwo, three), 9, editlog.TailTorn},
		{"what follows is absurdly far ahead", segment(one, badTwo, frame(3, 1<<50, nil)), 1, editlog.TailTorn},
		{"big good one", segment(one, two, big, padding(10)), 3, editlog.TailClean},
		{"big one with a bad CRC", segment(one, two, badBig), 2, editlog.TailTorn},
		{"big one behind a bad one", segment(one, badTwo, big), 1, editlog.TailDamaged},
		{"big one torn", segment(one, two, big[:290<<10]), 2, editlog.TailTorn},
		{"txids near the end of their range", segment(frame(3, 1<<62, nil), badTwo, frame(3, 1<<62+5, nil)), 1 << 62, editlog.TailDamaged},
		{"range almost used up", segment(frame(3, 1<<63-9, nil), badTwo, frame(3, 1<<63-2, nil)), 1<<63 - 9, editlog.TailDamaged},
		{"largest txid", segment(frame(3, 1<<63-1, nil), badTwo, three), 1<<63 - 1, editlog.TailTorn},
		{"negative txid", segment(frame(3, -5, nil), badTwo, three), -5, editlog.TailDamaged},
	} {
		s := scan(t, c.in)
		if s.End != c.end || s.Tail != c.tail {
			t.Errorf("%s: end %d, %v (%s); want %d, %v", c.name, s.End, s.Tail, s.Reason, c.end, c.tail)
		}
	}
}

// A good frame must be found wherever it lies relative to the pieces in which the file is read.
func TestScanFindsFrameAtEveryOffset(t *testing.T) {
	lost, good := frame(3, 2, []byte("lost")), frame(3, 3, []byte("found"))
	lost[15] ^= 1
	const piece = 256 << 10
	for gap := piece - 64; gap < piece+16; gap++ {
		b := segment(frame(3, 1, nil), lost, padding(gap), good)
		if s := scan(t, b); s.Tail != editlog.TailDamaged || s.End != 1 {
			t.Fatalf("gap of %d: %+v", gap, s)
		}
	}
}

// Frames of every alignment relative to the pieces, scanned in sequence.
func TestScanLongSegment(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b []byte
	var txid editlog.TxID = 1000
	for b = segment(); len(b) < 3<<20; txid++ {
		b = append(b, frame(byte(txid%200), txid, make([]byte, r.IntN(3000)))...)
	}
	want := editlog.Scan{LayoutVersion: -67, Txns: int64(txid - 1000), First: 1000, End: txid - 1, EndOffset: int64(len(b))}
	if got := scan(t, append(b, padding(1<<20)...)); got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

// countingReader counts the bytes that a scan reads.
type countingReader struct {
	io.ReaderAt
	n int64
}

func (c *countingReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, off)
	c.n += int64(n)
	return n, err
}

// A file made so that every position looks like a long frame: the work must stay linear, and the answer is damaged.
func TestScanOfHostileFileIsBounded(t *testing.T) {
	// Every 16 bytes the head of a frame of 1 MiB; the bytes between cannot start one.
	head := []byte{3, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0xFF, 0xFF, 0xFF}
	hostile := segment(frame(3, 1, nil), bytes.Repeat(head, 8<<20/len(head)))
	r := &countingReader{ReaderAt: bytes.NewReader(hostile)}
	s, err := editlog.ScanSegment(r, int64(len(hostile)))
	if err != nil || s.Tail != editlog.TailDamaged || s.End != 1 || !strings.Contains(s.Reason, "given up") {
		t.Errorf("%+v, %v", s, err)
	}
	// Padding check, first pass and search read the file once each; CRCs 4 times and 16 MiB more, at most doubled by
	// reading whole pieces.
	if limit := 12*int64(len(hostile)) + 40<<20; r.n > limit {
		t.Errorf("read %d bytes of a file of %d, want at most %d", r.n, len(hostile), limit)
	}
}

// Random bytes behind a good prefix are a torn write, not damage: the limits of the search must not be reached by chance.
func TestScanOfRandomTail(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 4 {
		garbage := make([]byte, 1<<20)
		for i := 0; i < len(garbage); i += 8 {
			binary.NativeEndian.PutUint64(garbage[i:], r.Uint64())
		}
		if s := scan(t, segment(frame(3, 1, nil), garbage)); s.Tail != editlog.TailTorn || s.End != 1 {
			t.Errorf("behind a prefix: %+v", s)
		}
		if s := scan(t, segment(garbage)); s.Tail != editlog.TailTorn || s.HasTxns() {
			t.Errorf("without prefix: %+v", s)
		}
	}
}

// The padding is cut off when the segment is finalized, maybe between the caller's Stat and the scan.
func TestScanOfFileShorterThanSize(t *testing.T) {
	b := segment(frame(3, 1, nil), frame(3, 2, nil))
	want := scan(t, b)
	for _, extra := range []int64{1, 8, 17, 1 << 20} {
		got, err := editlog.ScanSegment(bytes.NewReader(b), int64(len(b))+extra)
		if err != nil || got != want {
			t.Errorf("%d bytes short: %+v, %v", extra, got, err)
		}
	}
	if got, err := editlog.ScanSegment(bytes.NewReader(b), 25); err != nil || got.End != 1 || got.Tail != editlog.TailClean {
		t.Errorf("bytes behind size must not be read: %+v, %v", got, err)
	}
	if got, err := editlog.ScanSegment(bytes.NewReader(nil), -1); err != nil || !got.CorruptHeader {
		t.Errorf("negative size: %+v, %v", got, err)
	}
}

// failingReader fails reads that touch byte at.
type failingReader struct {
	io.ReaderAt
	at int64
}

var errDisk = errors.New("disk error")

func (f failingReader) ReadAt(b []byte, off int64) (int, error) {
	if off <= f.at && f.at < off+int64(len(b)) {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(b, off)
}

// An I/O error is never an end of the log: that would cut acknowledged transactions off.
func TestScanReportsReadErrors(t *testing.T) {
	big := frame(3, 3, make([]byte, 600<<10))
	lost := append([]byte(nil), big...)
	lost[700] ^= 1
	for name, b := range map[string][]byte{
		"frames":  segment(frame(3, 1, nil), big, frame(3, 4, make([]byte, 1000))),
		"padding": segment(frame(3, 1, nil), padding(2<<20)),
		"search":  segment(frame(3, 1, nil), lost, padding(300<<10), []byte{1}),
	} {
		for at := int64(0); at < int64(len(b)); at += 50000 {
			if _, err := editlog.ScanSegment(failingReader{bytes.NewReader(b), at}, int64(len(b))); !errors.Is(err, errDisk) {
				t.Errorf("%s: read error at %d of %d: %v", name, at, len(b), err)
			}
		}
	}
}

func TestTailString(t *testing.T) {
	for tail, want := range map[editlog.Tail]string{0: "clean", 1: "torn", 2: "damaged", 3: "Tail(3)"} {
		if tail.String() != want {
			t.Errorf("%v, want %s", tail, want)
		}
	}
}

func BenchmarkScan64MB(b *testing.B) {
	op := readSegment(b, "../testdata/hadoop-3.4.2/current/edits_0000000000000000001-0000000000000000003")[8:81]
	for _, c := range []struct {
		name string
		make func(b []byte) []byte
	}{
		{"Frames", func(file []byte) []byte {
			for len(file) < 64<<20 {
				file = append(file, op...)
			}
			return file
		}},
		{"Padding", func(file []byte) []byte { return append(append(file, op...), padding(64<<20)...) }},
		{"TornThenPadding", func(file []byte) []byte { return append(append(file, op[:50]...), padding(64<<20)...) }},
		{"TornThenZeros", func(file []byte) []byte { return append(append(file, op[:50]...), make([]byte, 64<<20)...) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			file := c.make(segment())
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				scan(b, file)
			}
		})
	}
}
