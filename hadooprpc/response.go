package hadooprpc

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc/rpcpb"
)

// errResponse is wrapped by all errors of a response that breaks the protocol. The connection is lost then.
var errResponse = errors.New("bad RPC response")

// requestEnvelope is the header of a request frame.
func requestEnvelope(id, retry int32, clientID []byte) *rpcpb.RpcRequestHeaderProto {
	return &rpcpb.RpcRequestHeaderProto{
		RpcKind: rpcpb.RpcKindProto_RPC_PROTOCOL_BUFFER.Enum(),
		RpcOp:   rpcpb.RpcRequestHeaderProto_RPC_FINAL_PACKET.Enum(),
		CallId:  &id, ClientId: clientID, RetryCount: &retry,
	}
}

// appendRequest appends a frame: length, delimited header, delimited parts.
func appendRequest(b []byte, header *rpcpb.RpcRequestHeaderProto, parts ...[]byte) ([]byte, error) {
	h, err := proto.Marshal(header)
	if err != nil {
		return nil, err
	}
	size := protowire.SizeBytes(len(h))
	for _, p := range parts {
		size += protowire.SizeBytes(len(p))
	}
	if size > math.MaxInt32 {
		return nil, errors.New("request longer than 2 GiB")
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = protowire.AppendBytes(b, h)
	for _, p := range parts {
		b = protowire.AppendBytes(b, p)
	}
	return b, nil
}

// readResponse reads one frame of at most limit bytes (no limit if negative). Memory grows as bytes come.
func readResponse(r *bufio.Reader, limit int) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(length[:]))
	if n <= 0 {
		return nil, fmt.Errorf("%w: length %d", errResponse, n)
	}
	if limit >= 0 && int(n) > limit {
		return nil, fmt.Errorf("%w: length %d exceeds the maximum of %d", errResponse, n, limit)
	}
	var b bytes.Buffer
	b.Grow(min(int(n), firstPart))
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b.Bytes(), nil
}

// splitResponse checks a frame as Java's client does (ipc.Client.Connection.receiveRpcResponse): nothing may follow the
// header of an error, exactly one delimited result that of a success.
func splitResponse(frame []byte) (h *rpcpb.RpcResponseHeaderProto, result []byte, err error) {
	msg, rest, err := delimited(frame)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: header: %w", errResponse, err)
	}
	h = &rpcpb.RpcResponseHeaderProto{}
	if err := unmarshal(msg, h); err != nil {
		return nil, nil, fmt.Errorf("%w: header: %w", errResponse, err)
	}
	if h.GetStatus() == rpcpb.RpcResponseHeaderProto_SUCCESS {
		if result, rest, err = delimited(rest); err != nil {
			return nil, nil, fmt.Errorf("%w: result: %w", errResponse, err)
		}
	}
	if len(rest) > 0 {
		return nil, nil, fmt.Errorf("%w: %d bytes too long", errResponse, len(rest))
	}
	return h, result, nil
}

// accept hands a response to its call. An error loses the connection.
func (c *Client) accept(frame []byte) error {
	h, result, err := splitResponse(frame)
	if err != nil {
		return err
	}
	if len(h.GetClientId()) > 0 && !bytes.Equal(h.GetClientId(), c.id) {
		return fmt.Errorf("%w: client id is not ours", errResponse)
	}
	id := int32(h.GetCallId())
	c.mu.Lock()
	c.quiet = time.Now()
	call := c.pending[id]
	delete(c.pending, id)
	known := id >= 0 && (id < c.next || call != nil)
	c.mu.Unlock()

	var failed error
	if h.GetStatus() != rpcpb.RpcResponseHeaderProto_SUCCESS {
		failed = remoteError(h)
	} else if !known {
		err = fmt.Errorf("%w: call %d was never made", errResponse, id)
	} else if call != nil {
		if failed = unmarshal(result, call.resp); failed != nil {
			failed = fmt.Errorf("%w: result: %w", errResponse, failed)
		}
	}
	if call != nil {
		call.done <- failed
	}
	if h.GetStatus() == rpcpb.RpcResponseHeaderProto_FATAL {
		return failed // every other call fails with it too
	}
	return err
}

func remoteError(h *rpcpb.RpcResponseHeaderProto) *RemoteError {
	e := &RemoteError{
		Class: "ServerDidNotSetExceptionClassName", Message: "ServerDidNotSetErrorMsg",
		Fatal: h.GetStatus() == rpcpb.RpcResponseHeaderProto_FATAL, Code: CodeFatalUnknown,
	}
	if h.ExceptionClassName != nil {
		e.Class = h.GetExceptionClassName()
	}
	if h.ErrorMsg != nil {
		e.Message = h.GetErrorMsg()
	}
	if h.ErrorDetail != nil {
		e.Code = ErrorCode(h.GetErrorDetail())
	}
	return e
}
