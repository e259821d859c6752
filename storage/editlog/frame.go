package editlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A segment file (Hadoop's EditLogFileOutputStream, FSEditLogOp.Writer), all numbers big-endian:
//
//	0        4        8
//	+--------+--------+-------+-------+- ... -+---------------+
//	| layout | flags  | frame | frame |       | 0xFF padding  |
//	| int32  | 0      |       |       |       | (or 0x00)     |
//	+--------+--------+-------+-------+- ... -+---------------+
//
//	frame:
//	0    1        5                13            5+length-4   5+length
//	+----+--------+----------------+---- ... ----+------------+
//	| op | length |      txid      |    body     |   CRC-32   |
//	+----+--------+----------------+---- ... ----+------------+
//
// length counts what follows it. The CRC (IEEE) covers everything before it.
const (
	// HeaderLen is the length of a segment's header: layout version and the length of its (always absent) layout flags.
	HeaderLen = 8
	// MinFrameLen is the length of a frame without body.
	MinFrameLen = frameHeadLen + crcLen
	// MaxOpSize is the length of the longest frame that is read: the default of dfs.namenode.max.op.size, which a Java
	// JournalNode uses whatever is configured.
	MaxOpSize = 50 << 20
	// OpInvalid is the opcode that ends the log: the first byte of the padding (FSEditLogOpCodes.OP_INVALID).
	OpInvalid = 0xFF
	// PreallocateSize is the size of the blocks of 0xFF by which a file grows (EditLogFileOutputStream.MIN_PREALLOCATION_LENGTH).
	PreallocateSize = 1 << 20

	frameHeadLen = 13 // op, length, txid
	crcLen       = 4
	lengthEnd    = 5 // offset behind the length field, from where length counts
)

// What can be wrong with a frame. ParseFrame wraps them; a Scan's Reason has their text.
var (
	ErrPadding  = errors.New("padding instead of a frame")
	ErrTooShort = errors.New("data ends inside the frame")
	ErrLength   = errors.New("impossible frame length")
	ErrChecksum = errors.New("checksum does not match")
	ErrRepeated = errors.New("a transaction is there twice") // of a Scan only
)

// Frame is what is known of one operation without decoding its body.
type Frame struct {
	Op     byte
	TxID   TxID
	Length int // of the whole frame in bytes, MinFrameLen..MaxOpSize
}

// AppendHeader appends the header of a segment to b. Any layout version is written: it is the NameNode's.
func AppendHeader(b []byte, layoutVersion int32) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(layoutVersion))
	return append(b, 0, 0, 0, 0)
}

// ParseFrame reads the frame at the start of b, which may hold more, and checks its length and CRC. Any opcode but
// OpInvalid and any txid is taken. The error wraps ErrPadding, ErrTooShort, ErrLength or ErrChecksum.
func ParseFrame(b []byte) (Frame, error) {
	f, err := parseHead(b)
	if err != nil {
		return Frame{}, err
	}
	if f.Length > len(b) {
		return Frame{}, fmt.Errorf("%w: it has %d bytes, %d are there", ErrTooShort, f.Length, len(b))
	}
	sum := f.Length - crcLen
	if err := checkSum(f, crc32.ChecksumIEEE(b[:sum]), b[sum:f.Length]); err != nil {
		return Frame{}, err
	}
	return f, nil
}

// parseHead reads op, length and txid, and checks what can be checked without the rest of the frame.
func parseHead(b []byte) (Frame, error) {
	if len(b) > 0 && b[0] == OpInvalid {
		return Frame{}, ErrPadding
	}
	if len(b) < lengthEnd {
		return Frame{}, fmt.Errorf("%w: %d bytes are there", ErrTooShort, len(b))
	}
	length := int64(int32(binary.BigEndian.Uint32(b[1:]))) + lengthEnd
	if length < MinFrameLen || length > MaxOpSize {
		return Frame{}, fmt.Errorf("%w: %d is not within %d..%d", ErrLength, length, MinFrameLen, MaxOpSize)
	}
	if len(b) < frameHeadLen {
		return Frame{}, fmt.Errorf("%w: it has %d bytes, %d are there", ErrTooShort, length, len(b))
	}
	return Frame{Op: b[0], TxID: TxID(binary.BigEndian.Uint64(b[lengthEnd:])), Length: int(length)}, nil
}

func checkSum(f Frame, sum uint32, stored []byte) error {
	if want := binary.BigEndian.Uint32(stored); sum != want {
		return fmt.Errorf("%w: op 0x%02x, txid %d, %d bytes: stored %08x, computed %08x",
			ErrChecksum, f.Op, f.TxID, f.Length, want, sum)
	}
	return nil
}
