package hadooprpc

import (
	"encoding/binary"
	"errors"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc/rpcpb"
)

// Special call ids (Java RpcConstants, AuthProtocol.SASL).
const (
	callIDNone    int32 = -1
	callIDContext int32 = -3
	callIDPing    int32 = -4
	callIDSasl    int32 = -33
)

// requestHeader is what the server uses of an RpcRequestHeaderProto.
type requestHeader struct {
	kind     *rpcpb.RpcKindProto
	op       *rpcpb.RpcRequestHeaderProto_OperationProto
	callID   int32
	retry    int32
	clientID []byte
}

// parseRequestHeader takes the header off a frame.
func parseRequestHeader(frame []byte) (h requestHeader, payload []byte, err *Error) {
	var m rpcpb.RpcRequestHeaderProto
	payload, err = parseOutOfBand(frame, &m, "RpcRequestHeaderProto")
	if err != nil {
		return h, nil, err
	}
	// Java parses a number that an enum does not have as an absent field; Go keeps it.
	if m.RpcKind != nil && rpcpb.RpcKindProto_name[int32(*m.RpcKind)] == "" {
		m.RpcKind = nil
	}
	if m.RpcOp != nil && rpcpb.RpcRequestHeaderProto_OperationProto_name[int32(*m.RpcOp)] == "" {
		m.RpcOp = nil
	}
	return requestHeader{m.RpcKind, m.RpcOp, m.GetCallId(), m.GetRetryCount(), m.GetClientId()}, payload, nil
}

// parseOutOfBand takes a delimited message of the RPC layer off b (Java Server.Connection.getMessage).
func parseOutOfBand(b []byte, m proto.Message, name string) ([]byte, *Error) {
	msg, rest, err := delimited(b)
	if err == nil {
		err = unmarshal(msg, m)
	}
	if err != nil {
		return nil, undecodable(name, err)
	}
	return rest, nil
}

// parseShort is parseOutOfBand for a message that has no reason to be longer than limit bytes. Such a message may come from
// anybody, and what is made of it may stay for as long as the connection, beyond what was reserved for its frame.
func parseShort(b []byte, m proto.Message, name string, limit int) *Error {
	if msg, _, err := delimited(b); err == nil && len(msg) > limit {
		return undecodable(name, errorf(0, ClassInvalidProtobuf, "Protocol message was too large: %d bytes, limit %d",
			len(msg), limit))
	}
	_, err := parseOutOfBand(b, m, name)
	return err
}

func undecodable(name string, err error) *Error {
	e := wireError(err)
	return fatalf(CodeFatalDeserializing, ClassRPCServer, "Error decoding %s: %s: %s", name, e.Class, e.Message)
}

// check is Java's Server.Connection.checkRpcHeaders.
func (h *requestHeader) check() *Error {
	switch {
	case h.op == nil:
		return invalidHeader(" IPC Server: No rpc op in rpcRequestHeader")
	case *h.op != rpcpb.RpcRequestHeaderProto_RPC_FINAL_PACKET:
		return invalidHeader("IPC Server does not implement rpc header operation%s", *h.op)
	case h.kind == nil:
		return invalidHeader(" IPC Server: No rpc kind in rpcRequestHeader")
	}
	return nil
}

// response is what goes into an RpcResponseHeaderProto.
type response struct {
	callID   int32
	retry    int32
	clientID []byte
	err      *Error // nil: SUCCESS
}

// appendHeader appends the header with fields in the order of their numbers and minimal varints: a 2.x client computes the
// length anew from what it parsed and compares.
func (r *response) appendHeader(b []byte) []byte {
	varint := func(num protowire.Number, v uint64) {
		b = protowire.AppendTag(b, num, protowire.VarintType)
		b = protowire.AppendVarint(b, v)
	}
	text := func(num protowire.Number, s string) {
		b = protowire.AppendTag(b, num, protowire.BytesType)
		b = protowire.AppendString(b, s)
	}
	status := rpcpb.RpcResponseHeaderProto_SUCCESS
	if r.err != nil {
		status = rpcpb.RpcResponseHeaderProto_ERROR
		if r.err.Fatal {
			status = rpcpb.RpcResponseHeaderProto_FATAL
		}
	}
	varint(1, uint64(uint32(r.callID)))
	varint(2, uint64(status))
	varint(3, ipcVersion)
	if r.err != nil {
		text(4, r.err.Class)
		text(5, r.err.Message)
		varint(6, uint64(r.err.Code))
	}
	b = protowire.AppendTag(b, 7, protowire.BytesType)
	b = protowire.AppendBytes(b, r.clientID)
	varint(8, protowire.EncodeZigZag(int64(r.retry)))
	return b
}

var errTooLong = errors.New("response longer than 2 GiB")

// encode builds the whole frame, but for the parts of a Tailed, which are to be sent behind it. result is nil for an error.
func (r *response) encode(result proto.Message) (*[]byte, error) {
	room := [256]byte{}
	header := r.appendHeader(room[:0])
	size := protowire.SizeBytes(len(header))
	n, apart := 0, 0
	tailed, _ := result.(*Tailed)
	if r.err == nil {
		if tailed != nil {
			n, apart = tailed.encoded(), tailed.size()
		} else {
			n = proto.Size(result)
		}
		size += protowire.SizeBytes(n)
	}
	if size > math.MaxInt32 {
		return nil, errTooLong
	}
	buf := getBuffer(4 + size - apart)
	b := binary.BigEndian.AppendUint32(*buf, uint32(size))
	b = protowire.AppendBytes(b, header)
	if r.err == nil {
		b = protowire.AppendVarint(b, uint64(n))
		var err error
		if tailed != nil {
			b, err = tailed.appendHead(b)
		} else {
			b, err = proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, result)
		}
		if err != nil {
			putBuffer(buf)
			return nil, err
		}
	}
	*buf = b
	return buf, nil
}
