package editlog_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"testing"

	"gojn/storage/editlog"
)

func TestAppendHeader(t *testing.T) {
	for layout, want := range map[int32]string{-63: "ffffffc100000000", -67: "ffffffbd00000000"} { // spec 2.1
		if got := hex.EncodeToString(editlog.AppendHeader(nil, layout)); got != want {
			t.Errorf("layout %d: %s, want %s", layout, got, want)
		}
	}
}

// withLength makes a frame whose length field says n and whose CRC is right over what is there.
func withLength(n uint32, body []byte) []byte {
	b := frame(3, 7, body)
	binary.BigEndian.PutUint32(b[1:], n)
	binary.BigEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-4]))
	return b
}

func TestParseFrame(t *testing.T) {
	good := frame(3, 7, []byte("body"))
	badCRC := append([]byte(nil), good...)
	badCRC[14] ^= 1
	for _, c := range []struct {
		name string
		in   []byte
		want error
	}{
		{"whole", good, nil},
		{"more behind it", append(append([]byte(nil), good...), 1, 2, 3), nil},
		{"no body", frame(0, 7, nil), nil},
		{"opcode nobody knows", frame(0xFE, 7, nil), nil},
		{"negative txid", frame(3, -7, nil), nil},
		{"largest", frame(3, 7, make([]byte, editlog.MaxOpSize-editlog.MinFrameLen)), nil},
		{"one byte too large", frame(3, 7, make([]byte, editlog.MaxOpSize-editlog.MinFrameLen+1)), editlog.ErrLength},
		{"length 11", withLength(11, nil), editlog.ErrLength},
		{"length -1", withLength(0xFFFFFFFF, nil), editlog.ErrLength},
		{"length -2^31", withLength(0x80000000, nil), editlog.ErrLength},
		{"length one more", withLength(17, []byte("body")), editlog.ErrTooShort},
		{"length one less", withLength(15, []byte("body")), editlog.ErrChecksum},
		{"empty", nil, editlog.ErrTooShort},
		{"one byte", good[:1], editlog.ErrTooShort},
		{"head cut", good[:12], editlog.ErrTooShort},
		{"last byte cut", good[:len(good)-1], editlog.ErrTooShort},
		{"bit flipped", badCRC, editlog.ErrChecksum},
		{"padding", []byte{0xFF}, editlog.ErrPadding},
	} {
		f, err := editlog.ParseFrame(c.in)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err == nil && (f.Length < 17 || f.Op != c.in[0] || f.TxID != 7 && f.TxID != -7) {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
	// The first frame that a real NameNode wrote: MKDIR, txid 1 (spec 2.2).
	real := readSegment(t, "../testdata/hadoop-3.4.2/current/edits_0000000000000000001-0000000000000000003")
	f, err := editlog.ParseFrame(real[editlog.HeaderLen:])
	if want := (editlog.Frame{Op: 3, TxID: 1, Length: 73}); err != nil || f != want {
		t.Errorf("%+v (%v), want %+v", f, err, want)
	}
}
