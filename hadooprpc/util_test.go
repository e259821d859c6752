package hadooprpc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpcpb"
	"gojn/hadooprpc/rpctest"
)

func TestMain(m *testing.M) {
	if runChild() {
		return
	}
	goleak.VerifyTestMain(m)
}

const journalProtocol = "org.apache.hadoop.hdfs.qjournal.protocol.QJournalProtocol"

type (
	request  = rpcpb.GetProtocolVersionsRequestProto // one required string
	response = rpcpb.GetProtocolSignatureRequestProto
	trace    = rpcpb.RPCTraceInfoProto // ints and bytes, all optional
)

func reply(s string) *response {
	return &response{Protocol: proto.String(s), RpcKind: proto.String("")}
}

type handler = func(context.Context, *hadooprpc.Call, *request) (*response, error)

// serverOf is a server of one protocol whose methods take and return strings; the request is also the key.
func serverOf(methods map[string]handler) *hadooprpc.Server {
	p := &hadooprpc.Protocol{Name: "test", Version: 1, Methods: map[string]hadooprpc.Method{}}
	for name, h := range methods {
		p.Methods[name] = hadooprpc.Unary(h, func(r *request) string { return r.GetProtocol() })
	}
	s := &hadooprpc.Server{}
	s.Register(p)
	return s
}

func echo(_ context.Context, _ *hadooprpc.Call, r *request) (*response, error) {
	return reply(r.GetProtocol()), nil
}

var testClient = hadooprpc.ClientConfig{Protocol: "test", User: "hdfs"}

func call(c *hadooprpc.Client, method, arg string) (string, error) {
	var out response
	err := c.Call(context.Background(), method, &request{Protocol: &arg}, &out)
	return out.GetProtocol(), err
}

// talkServer is what the talks are played against: isFormatted and fail of a QJournalProtocol.
func talkServer(k talk) *hadooprpc.Server {
	s := &hadooprpc.Server{}
	s.LingerTimeout = 30 * time.Second // the talk closes
	if k.sasl {
		s.Mechanisms = []hadooprpc.Mechanism{fakeMechanism{}}
	}
	s.Register(&hadooprpc.Protocol{
		Name: journalProtocol, Version: 1,
		Methods: map[string]hadooprpc.Method{
			"isFormatted": {
				Decode: func(b []byte) (any, error) { return b, nil },
				Handle: func(context.Context, *hadooprpc.Call, any) (proto.Message, error) {
					return &trace{TraceId: proto.Int64(0)}, nil // 08 00, as IsFormattedResponseProto{false}
				},
			},
			"heartbeat": {
				Decode: func(b []byte) (any, error) { return b, nil },
				Handle: func(context.Context, *hadooprpc.Call, any) (proto.Message, error) { return &trace{}, nil },
			},
			"strict": hadooprpc.Unary(func(context.Context, *hadooprpc.Call, *response) (*trace, error) {
				return &trace{}, nil
			}, nil),
			"fail": {
				Decode: func(b []byte) (any, error) { return b, nil },
				Handle: func(context.Context, *hadooprpc.Call, any) (proto.Message, error) { return nil, errors.New("no") },
			},
			"incomplete": {
				Decode: func(b []byte) (any, error) { return b, nil },
				Handle: func(context.Context, *hadooprpc.Call, any) (proto.Message, error) { return &response{}, nil },
			},
		},
	})
	return s
}

// raw is a client that sends bytes of its own making.
type raw struct {
	net.Conn
	t *testing.T
}

const hello = "hrpc\x09\x00\x00"

func dialRaw(t *testing.T, l *rpctest.Listener) *raw {
	t.Helper()
	nc, err := l.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return &raw{nc, t}
}

func (r *raw) send(parts ...[]byte) {
	r.t.Helper()
	if _, err := r.Write(bytes.Join(parts, nil)); err != nil {
		r.t.Fatalf("write: %v", err)
	}
}

func (r *raw) greet() { r.send([]byte(hello), contextFrame("hdfs", "")) }

// answer reads one frame.
func (r *raw) answer() (*rpcpb.RpcResponseHeaderProto, []byte) {
	r.t.Helper()
	h, b, err := readAnswer(r)
	if err != nil {
		r.t.Fatalf("answer: %v", err)
	}
	return h, b
}

func readAnswer(r io.Reader) (*rpcpb.RpcResponseHeaderProto, []byte, error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(n[:]))
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, nil, err
	}
	msg, k := protowire.ConsumeBytes(b)
	if k < 0 {
		return nil, nil, protowire.ParseError(k)
	}
	h := &rpcpb.RpcResponseHeaderProto{}
	return h, b[k:], proto.Unmarshal(msg, h)
}

// closed expects that nothing more comes.
func (r *raw) closed() {
	r.t.Helper()
	if b, err := io.ReadAll(r); len(b) > 0 || err != nil {
		r.t.Fatalf("want the end of the connection, got %x, %v", b, err)
	}
}

func frame(parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func part(m proto.Message) []byte {
	b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return protowire.AppendBytes(nil, b)
}

func envelope(id int32) *rpcpb.RpcRequestHeaderProto {
	return &rpcpb.RpcRequestHeaderProto{
		RpcKind: rpcpb.RpcKindProto_RPC_PROTOCOL_BUFFER.Enum(),
		RpcOp:   rpcpb.RpcRequestHeaderProto_RPC_FINAL_PACKET.Enum(),
		CallId:  &id, ClientId: []byte("0123456789abcdef"), RetryCount: proto.Int32(0),
	}
}

func method(name string) *rpcpb.RequestHeaderProto {
	return &rpcpb.RequestHeaderProto{
		MethodName: &name, DeclaringClassProtocolName: proto.String("test"), ClientProtocolVersion: proto.Uint64(1),
	}
}

func contextFrame(user, real string) []byte {
	m := &rpcpb.IpcConnectionContextProto{UserInfo: &rpcpb.UserInformationProto{EffectiveUser: &user}}
	m.Protocol = proto.String("test")
	if real != "" {
		m.UserInfo.RealUser = &real
	}
	return frame(part(envelope(-3)), part(m))
}

func callFrame(id int32, name, arg string) []byte {
	return frame(part(envelope(id)), part(method(name)), part(&request{Protocol: &arg}))
}

func receive[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

// lockedWriter lets a test read what a logger writes.
type lockedWriter struct {
	w  io.Writer
	mu *sync.Mutex
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}

func logTo(w io.Writer, mu *sync.Mutex) *slog.Logger {
	return slog.New(slog.NewTextHandler(lockedWriter{w, mu}, nil))
}
