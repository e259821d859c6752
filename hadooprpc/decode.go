package hadooprpc

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// truncatedText is Java's InvalidProtocolBufferException.truncatedMessage.
const truncatedText = "While parsing a protocol message, the input ended unexpectedly in the middle of a field.  " +
	"This could mean either that the input has been truncated or that an embedded message misreported its own length."

// aliasAbove is the size from which a bytes field is not worth a copy.
const aliasAbove = 4 << 10

var errTruncated = errorf(CodeApplication, ClassInvalidProtobuf, "%s", truncatedText)

// delimited takes a varint length and that many bytes off b.
func delimited(b []byte) (msg, rest []byte, err error) {
	n, size := protowire.ConsumeVarint(b)
	if size < 0 || n > uint64(len(b)-size) {
		return nil, nil, errTruncated
	}
	end := size + int(n)
	return b[size:end:end], b[end:], nil
}

// unmarshal parses b into m as Java's parseFrom does: unknown fields are kept over, a missing required field is an
// InvalidProtocolBufferException that lists them all. Large top-level bytes fields of m point into b afterwards.
func unmarshal(b []byte, m proto.Message) error {
	if err := unmarshalAlias(b, m); err != nil {
		var own *Error
		if errors.As(err, &own) {
			return own
		}
		if err := protowire.ParseError(wellFormed(b)); err != nil {
			return errTruncated
		}
		return errorf(CodeApplication, ClassInvalidProtobuf, "Protocol message could not be parsed: %v", err)
	}
	if proto.CheckInitialized(m) == nil {
		return nil
	}
	return errorf(CodeApplication, ClassInvalidProtobuf, "%s", missingText(m))
}

// wellFormed is negative if the fields of b overrun it.
func wellFormed(b []byte) int {
	for len(b) > 0 {
		_, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return n
		}
		b = b[n:]
	}
	return 0
}

func unmarshalAlias(b []byte, m proto.Message) error {
	options := proto.UnmarshalOptions{AllowPartial: true, Merge: true}
	if len(b) < aliasAbove {
		return options.Unmarshal(b, m)
	}
	r := m.ProtoReflect()
	fields := r.Descriptor().Fields()
	start := 0 // of what has not been merged yet
	for at := 0; at < len(b); {
		num, typ, tag := protowire.ConsumeTag(b[at:])
		if tag < 0 {
			return errTruncated
		}
		size := protowire.ConsumeFieldValue(num, typ, b[at+tag:])
		if size < 0 {
			return errTruncated
		}
		end := at + tag + size
		f := fields.ByNumber(num)
		if typ == protowire.BytesType && size >= aliasAbove && f != nil &&
			f.Kind() == protoreflect.BytesKind && !f.IsList() {
			if err := options.Unmarshal(b[start:at], m); err != nil {
				return err
			}
			v, _ := protowire.ConsumeBytes(b[at+tag:])
			r.Set(f, protoreflect.ValueOfBytes(v[:len(v):len(v)]))
			start = end
		}
		at = end
	}
	return options.Unmarshal(b[start:], m)
}

// missingText is the text of Java's UninitializedMessageException for m (MessageReflection.findMissingFields).
func missingText(m proto.Message) string {
	var missing []string
	findMissing(m.ProtoReflect(), "", &missing)
	return "Message missing required fields: " + strings.Join(missing, ", ")
}

// maxMissing bounds the list: a message with a million incomplete parts must not become a text of a million names.
const maxMissing = 100

// findMissing lists m's own missing fields in the order of the .proto file, then those of its parts.
func findMissing(m protoreflect.Message, prefix string, out *[]string) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Cardinality() == protoreflect.Required && !m.Has(f) && len(*out) < maxMissing {
			*out = append(*out, prefix+string(f.Name()))
		}
	}
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Message() == nil || f.IsMap() || !m.Has(f) {
			continue
		}
		if !f.IsList() {
			findMissing(m.Get(f).Message(), prefix+string(f.Name())+".", out)
			continue
		}
		list := m.Get(f).List()
		for j := range list.Len() {
			if len(*out) >= maxMissing {
				return
			}
			findMissing(list.Get(j).Message(), fmt.Sprintf("%s%s[%d].", prefix, f.Name(), j), out)
		}
	}
}
