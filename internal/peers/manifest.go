package peers

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"gojn/storage"
)

var (
	errManifest       = errors.New("the answer is no manifest")
	errManifestFields = errors.New("the answer is no manifest: a required field is missing")
)

// httpServer is where a peer says that it serves HTTP.
type httpServer struct {
	url  string
	port uint32
}

// parseManifest reads a GetEditLogManifestResponseProto. Each segment takes its 16 bytes and no message of its own.
func parseManifest(b []byte) (m Manifest, from httpServer, err error) {
	m.Committed = storage.InvalidTxID
	var hasManifest, hasPort bool
	err = eachField(b, func(num protowire.Number, v uint64, part []byte) error {
		switch {
		case num == 1 && part != nil:
			hasManifest = true
			return m.parseLogs(part)
		case num == 2 && part == nil:
			hasPort = true
			from.port = uint32(v)
		case num == 3 && part != nil:
			from.url = string(part)
		}
		return nil
	})
	if err == nil && (!hasManifest || !hasPort) {
		err = errManifestFields
	}
	return m, from, err
}

// parseLogs reads a RemoteEditLogManifestProto. What overlaps or is out of order is refused, as by Java's
// RemoteEditLogManifest.checkState.
func (m *Manifest) parseLogs(b []byte) error {
	return eachField(b, func(num protowire.Number, v uint64, part []byte) error {
		switch {
		case num == 2 && part == nil:
			m.Committed = storage.TxID(v)
		case num == 1 && part != nil:
			s, inProgress, err := parseLog(part)
			if err != nil || inProgress { // none was asked for
				return err
			}
			if s.First < 0 || s.Last < s.First {
				return fmt.Errorf("%w: a segment from %d to %d", errManifest, s.First, s.Last)
			}
			if n := len(m.Segments); n > 0 && s.First <= m.Segments[n-1].Last {
				before := m.Segments[n-1]
				return fmt.Errorf("%w: segment %d-%d behind %d-%d", errManifest, s.First, s.Last, before.First, before.Last)
			}
			m.Segments = append(m.Segments, s)
		}
		return nil
	})
}

// parseLog reads a RemoteEditLogProto.
func parseLog(b []byte) (s Segment, inProgress bool, err error) {
	var hasFirst, hasLast bool
	err = eachField(b, func(num protowire.Number, v uint64, part []byte) error {
		switch {
		case part != nil:
		case num == 1:
			s.First, hasFirst = storage.TxID(v), true
		case num == 2:
			s.Last, hasLast = storage.TxID(v), true
		case num == 3:
			inProgress = v != 0
		}
		return nil
	})
	if err == nil && (!hasFirst || !hasLast) {
		err = errManifestFields
	}
	return s, inProgress, err
}

// eachField calls f with the numbers (part is nil) and the length-delimited parts (part is not nil) of a message.
func eachField(b []byte, f func(num protowire.Number, v uint64, part []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errManifest
		}
		b = b[n:]
		var v uint64
		var part []byte
		switch typ {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			if part, n = protowire.ConsumeBytes(b); part == nil {
				part = []byte{}
			}
		default:
			if n = protowire.ConsumeFieldValue(num, typ, b); n >= 0 {
				b = b[n:]
				continue // none of ours
			}
		}
		if n < 0 {
			return errManifest
		}
		b = b[n:]
		if err := f(num, v, part); err != nil {
			return err
		}
	}
	return nil
}
