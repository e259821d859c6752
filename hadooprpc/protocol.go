package hadooprpc

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/protobuf/proto"
)

// Protocol is one RPC protocol of a server: a name, a version, methods by their wire names.
type Protocol struct {
	// Name is the name on the wire (declaringClassProtocolName), Java's @ProtocolInfo name.
	Name string
	// PBClass is the Java class with that annotation, by which getProtocolSignature may ask too. Optional.
	PBClass string
	Version uint64
	Methods map[string]Method
}

// Method is one method of a protocol. Unary makes one out of a typed function.
type Method struct {
	// Decode parses the parameter. The result may point into b, which stays unchanged until the call has been answered.
	// It runs on the connection's reader, so it must neither block nor do work beyond the parsing. An error without a Java
	// class is answered as an InvalidProtocolBufferException.
	Decode func(b []byte) (any, error)
	// Handle does the work, on a goroutine of its own. ctx ends when the server is closed, not when the client goes away:
	// as in Java, a call that has begun completes. A panic is answered as java.lang.RuntimeException. A result that ends with
	// many bytes may be a *Tailed.
	Handle func(ctx context.Context, c *Call, req any) (proto.Message, error)
	// Key names what the call works on (a journal's id). At most Server.Handlers calls of one key run at a time, so that a
	// key whose disk hangs holds up nobody else. Nil or "": the call shares one key with all such calls.
	Key func(req any) string
	// Signature is for getProtocolSignature; the zero value leaves the method out of its answer.
	Signature Signature
}

// Signature names the Java types of a method for org.apache.hadoop.ipc.ProtocolSignature: binary class names such as
// "java.lang.String" or "a.b.Outer$Inner".
type Signature struct {
	Returns string
	Params  []string
}

// Unary makes a Method of a function on protobuf messages. key may be nil. Bytes fields of 4 KiB and more at the top level
// of the request are not copied: they point into the frame and end with the call.
func Unary[Req any, PReq interface {
	*Req
	proto.Message
}, Resp proto.Message](h func(context.Context, *Call, PReq) (Resp, error), key func(PReq) string) Method {
	m := Method{
		Decode: func(b []byte) (any, error) {
			req := PReq(new(Req))
			if err := unmarshal(b, req); err != nil {
				return nil, err
			}
			return req, nil
		},
		Handle: func(ctx context.Context, c *Call, req any) (proto.Message, error) {
			resp, err := h(ctx, c, req.(PReq))
			if err != nil {
				return nil, err
			}
			return resp, nil
		},
	}
	if key != nil {
		m.Key = func(req any) string { return key(req.(PReq)) }
	}
	return m
}

// Call is what a handler knows of the call it serves. It is valid until the handler returns.
type Call struct {
	// Protocol and Method are the names in the request.
	Protocol, Method string
	// ID is the call id, unique among the calls of its connection that are under way.
	ID int32
	// RetryCount is 0 for a first attempt, -1 if the client did not say.
	RetryCount int32
	// ClientID is the client's id, 16 random bytes from a Java client. It points into the frame.
	ClientID []byte

	conn *conn
	key  string
}

// User is the effective user as the connection context named it: not verified with SIMPLE, the full principal with
// Kerberos, "" for an anonymous connection.
func (c *Call) User() string { return c.conn.identity.User }

// ShortUser is User after the server's name rules.
func (c *Call) ShortUser() string { return c.conn.identity.ShortUser }

// RealUser is who acts for User, "" if nobody does.
func (c *Call) RealUser() string { return c.conn.identity.RealUser }

// RemoteAddr is the client's address.
func (c *Call) RemoteAddr() net.Addr { return c.conn.remote }

// MarkWriter tells the server that this connection is the current writer of key. Its frames then may draw on
// Server.WriterReserve, and while no call of it for key runs, its next one does even if others fill the key's share. The
// connection that was the writer before loses both. The mark ends with the connection.
func (c *Call) MarkWriter(key string) { c.conn.srv.dispatch.markWriter(key, c.conn) }

func (c *Call) String() string {
	return fmt.Sprintf("%s.%s #%d from %s", c.Protocol, c.Method, c.ID, c.conn.remote)
}

// find resolves protocol, version and method in Java's order (ProtobufRpcEngine2.Server.getProtocolImpl, then the method).
// contextProtocol is the protocol of the connection context, which Java names in the text.
func (s *Server) find(name string, version uint64, method, contextProtocol string) (*Method, *Error) {
	p := s.protocols[name]
	if p == nil {
		return nil, errorf(CodeNoSuchProtocol, ClassNoSuchProtocol, "Unknown protocol: %s", name)
	}
	if p.Version != version {
		return nil, errorf(CodeVersionMismatch, ClassVersionMismatch,
			"Protocol %s version mismatch. (client = %d, server = %d)", name, int64(version), int64(p.Version))
	}
	m, ok := p.Methods[method]
	if !ok {
		return nil, errorf(CodeNoSuchMethod, ClassNoSuchMethod,
			"Unknown method %s called on %s protocol.", method, contextProtocol)
	}
	return &m, nil
}
