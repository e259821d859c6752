package wire

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Message is a protobuf message under construction. Fields are appended by number; negative integers become ten-byte
// varints as Java's uint64 and int32 fields send them.
type Message []byte

// Int appends a varint field.
func (m Message) Int(number int, value int64) Message {
	return protowire.AppendVarint(protowire.AppendTag(m, protowire.Number(number), protowire.VarintType), uint64(value))
}

// Uint32 appends a varint field of 32 bits, so that a negative value takes five bytes.
func (m Message) Uint32(number int, value int32) Message {
	return m.Int(number, int64(uint32(value)))
}

// Sint appends a zigzag varint field.
func (m Message) Sint(number int, value int64) Message {
	return m.Int(number, int64(protowire.EncodeZigZag(value)))
}

// Bool appends a bool field.
func (m Message) Bool(number int, value bool) Message {
	return m.Int(number, int64(protowire.EncodeBool(value)))
}

// Bytes appends a field of bytes or an embedded message.
func (m Message) Bytes(number int, value []byte) Message {
	return protowire.AppendBytes(protowire.AppendTag(m, protowire.Number(number), protowire.BytesType), value)
}

// String appends a string field.
func (m Message) String(number int, value string) Message { return m.Bytes(number, []byte(value)) }

// Fields is a decoded message without its schema: per field number the varints and the byte strings.
type Fields struct {
	Ints  map[int][]int64
	Bytes map[int][][]byte
}

// Parse splits a message into its fields. Only varint and length-delimited fields are known.
func Parse(data []byte) (Fields, error) {
	f := Fields{Ints: make(map[int][]int64), Bytes: make(map[int][][]byte)}
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return f, protowire.ParseError(n)
		}
		data = data[n:]
		switch kind {
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(data)
			if n < 0 {
				return f, protowire.ParseError(n)
			}
			f.Ints[int(number)] = append(f.Ints[int(number)], int64(v))
			data = data[n:]
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(data)
			if n < 0 {
				return f, protowire.ParseError(n)
			}
			f.Bytes[int(number)] = append(f.Bytes[int(number)], v)
			data = data[n:]
		default:
			return f, fmt.Errorf("field %d has wire type %d", number, kind)
		}
	}
	return f, nil
}

// Int returns the field's last value, and whether it is there.
func (f Fields) Int(number int) (int64, bool) {
	if v := f.Ints[number]; len(v) > 0 {
		return v[len(v)-1], true
	}
	return 0, false
}

// Text returns the field's last value as a string.
func (f Fields) Text(number int) string {
	if v := f.Bytes[number]; len(v) > 0 {
		return string(v[len(v)-1])
	}
	return ""
}

// Show prints a message in one line, with a name per field number. A field whose name is a key of nested is an embedded
// message with the names given there.
func Show(data []byte, names map[int]string, nested map[string]map[int]string) string {
	var parts []string
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return fmt.Sprintf("undecodable %x", data)
		}
		data = data[n:]
		name, ok := names[int(number)]
		if !ok {
			name = fmt.Sprintf("#%d", number)
		}
		switch kind {
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(data)
			if n < 0 {
				return fmt.Sprintf("undecodable %x", data)
			}
			parts = append(parts, fmt.Sprintf("%s:%d", name, int64(v)))
			data = data[n:]
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(data)
			if n < 0 {
				return fmt.Sprintf("undecodable %x", data)
			}
			if inner, ok := nested[name]; ok {
				parts = append(parts, fmt.Sprintf("%s{%s}", name, Show(v, inner, nested)))
			} else {
				parts = append(parts, fmt.Sprintf("%s:%q", name, v))
			}
			data = data[n:]
		default:
			return fmt.Sprintf("undecodable %x", data)
		}
	}
	return strings.Join(parts, " ")
}
