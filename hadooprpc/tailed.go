package hadooprpc

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Tailed is a result that ends with bytes which are not copied: they go to the socket from where they lie, together with what
// comes before them. To the client it is the message with that field set.
type Tailed struct {
	proto.Message // the other fields
	// Field is the number of the bytes field that follows them, above all theirs: Java writes fields in this order.
	Field protowire.Number
	// Parts is the field's value. Nobody may change these bytes any more, as it is not told when they have been sent; who
	// wants to use their memory again leaves that to the garbage collector.
	Parts [][]byte
	// Holds is how much memory the parts keep from being freed, if that is more than their length. The answer counts as so
	// much in Config.AnswersPerConn and Config.AnswerMemory until the kernel has it.
	Holds int64
}

// size is the number of bytes in the parts.
func (t *Tailed) size() int {
	n := 0
	for _, p := range t.Parts {
		n += len(p)
	}
	return n
}

// encoded is the length of the message on the wire.
func (t *Tailed) encoded() int {
	return proto.Size(t.Message) + protowire.SizeTag(t.Field) + protowire.SizeBytes(t.size())
}

// appendHead appends the message up to where the parts begin.
func (t *Tailed) appendHead(b []byte) ([]byte, error) {
	b, err := proto.MarshalOptions{}.MarshalAppend(b, t.Message)
	if err != nil {
		return nil, err
	}
	b = protowire.AppendTag(b, t.Field, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(t.size())), nil
}
