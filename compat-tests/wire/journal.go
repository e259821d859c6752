package wire

import (
	"encoding/binary"
	"hash/crc32"
)

// Namespace is what a NameNode says of itself.
type Namespace struct {
	LayoutVersion   int32
	NamespaceID     int32
	ClusterID       string
	CTime           int64
	SoftwareVersion string
}

// Message is NamespaceInfoProto.
func (n Namespace) Message() Message {
	return Message{}.String(1, "build").Int(2, 0).String(3, "b").Bytes(4, n.StorageInfo()).String(5, n.SoftwareVersion)
}

// StorageInfo is StorageInfoProto.
func (n Namespace) StorageInfo() Message {
	return Message{}.Uint32(1, n.LayoutVersion).Uint32(2, n.NamespaceID).String(3, n.ClusterID).Int(4, n.CTime)
}

// JournalID is JournalIdProto.
func JournalID(jid string) Message { return Message{}.String(1, jid) }

// RequestInfo is RequestInfoProto; a negative committed txid is left out.
func RequestInfo(jid string, epoch, serial, committed int64) Message {
	m := Message{}.Bytes(1, JournalID(jid)).Int(2, epoch).Int(3, serial)
	if committed >= 0 {
		m = m.Int(4, committed)
	}
	return m
}

// Mkdir returns the frame of an OP_MKDIR transaction as the fixtures hold it (journal.md 2.2). Only frame and checksum
// matter to a JournalNode.
func Mkdir(txid int64, path string) []byte {
	op := []byte{3, 0, 0, 0, 0}
	op = binary.BigEndian.AppendUint64(op, uint64(txid))
	op = binary.BigEndian.AppendUint32(op, 0)
	op = binary.BigEndian.AppendUint64(op, 0)
	op = binary.BigEndian.AppendUint16(op, uint16(len(path)))
	op = append(op, path...)
	op = append(op, make([]byte, 16)...)
	op = append(op, "\x08testuser\x09testgroup\x01\xff\x00\x00\x00\x00\x00"...)
	binary.BigEndian.PutUint32(op[1:], uint32(len(op)-5+4))
	return binary.BigEndian.AppendUint32(op, crc32.ChecksumIEEE(op))
}
