package qjournalpb

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A process id names one run of a gojn JournalNode, so that nodes that ask each other know themselves and each other
// whatever the addresses: it is the client id of the calls, 16 bytes as a Java client's, and is answered to those that
// have one. Java nodes neither have one nor get to see one.

const (
	// ProcessIDLen is the length of a process id in bytes.
	ProcessIDLen = 16
	// ProcessIDPrefix is how a process id begins; the rest is random.
	ProcessIDPrefix = "gojn"
	// processField is far from the fields of Hadoop's messages.
	processField protowire.Number = 7_470_000
)

// IsProcessID tells whether a client id is that of a gojn JournalNode.
func IsProcessID(id []byte) bool {
	return len(id) == ProcessIDLen && bytes.HasPrefix(id, []byte(ProcessIDPrefix))
}

// SetProcessID adds a process id to an answer, as a field that Hadoop's message does not have.
func SetProcessID(m proto.Message, id []byte) {
	r := m.ProtoReflect()
	b := protowire.AppendTag(bytes.Clone(r.GetUnknown()), processField, protowire.BytesType)
	r.SetUnknown(protowire.AppendBytes(b, id))
}

// ProcessID is what SetProcessID added; nil if there is none.
func ProcessID(m proto.Message) []byte { return processID(m.ProtoReflect().GetUnknown()) }

func processID(unknown protoreflect.RawFields) []byte {
	for len(unknown) > 0 {
		num, typ, n := protowire.ConsumeField(unknown)
		if n < 0 {
			return nil
		}
		if num == processField && typ == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(unknown)
			if id, ok := protowire.ConsumeBytes(unknown[tag:]); ok > 0 && IsProcessID(id) {
				return bytes.Clone(id)
			}
			return nil
		}
		unknown = unknown[n:]
	}
	return nil
}
