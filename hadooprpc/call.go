package hadooprpc

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc/rpcpb"
)

// call is a request between the reader and its answer.
type call struct {
	Call
	method  *Method
	req     any
	frame   *[]byte // what req and ClientID may point into
	grant   grant
	size    int
	arrived time.Time
	queue   *connQueue // the dispatcher's
	aged    bool       // the dispatcher's
}

// release gives the request's memory back.
func (k *call) release() {
	putBuffer(k.frame)
	k.conn.srv.budget.release(k.grant)
	k.frame, k.grant, k.req, k.ClientID = nil, grant{}, nil, nil
}

// process handles one frame in Java's order (Server.Connection.processOneRpc). It reports true if a call took the frame.
func (c *conn) process(f *[]byte, g grant) (kept bool) {
	h, payload, err := parseRequestHeader(*f)
	if err != nil {
		c.fatal(callIDNone, -1, err)
		return false
	}
	if err := h.check(); err != nil {
		c.fatal(h.callID, h.retry, err)
		return false
	}
	if h.callID < 0 {
		c.outOfBand(&h, payload)
		return false
	}
	switch {
	case !c.context:
		err = invalidHeader("Connection context not established")
	case *h.kind != rpcpb.RpcKindProto_RPC_PROTOCOL_BUFFER:
		err = invalidHeader("Unknown rpc kind in rpc header%s", *h.kind)
	}
	if err != nil {
		c.fatal(h.callID, h.retry, err)
		return false
	}
	if !c.admit() {
		return false // the server is stopping; the client sees the connection close without an answer
	}
	k := &call{
		Call:  Call{ID: h.callID, RetryCount: h.retry, ClientID: h.clientID, conn: c},
		frame: f, grant: g, size: len(*f), arrived: time.Now(),
	}
	if err := c.decode(k, payload); err != nil {
		k.answer(nil, err, 0, 0)
		k.release()
		return true
	}
	mine, busy := c.srv.dispatch.submit(k, c.mayServe())
	switch {
	case busy != nil:
		k.answer(nil, busy, 0, 0)
		k.release()
	case mine:
		c.own = k
	}
	return true
}

// decode resolves the method and parses the parameter.
func (c *conn) decode(k *call, payload []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = k.panicked(p)
		}
	}()
	var h rpcpb.RequestHeaderProto
	msg, rest, err := delimited(payload)
	if err == nil {
		err = unmarshal(msg, &h)
	}
	if err != nil {
		// Java 2.x answers so; 3.x answers nothing and leaves the call hanging (rpc.md 1.8).
		return fatalf(CodeFatalDeserializing, ClassRPCServer, "IPC server unable to read call parameters: %s", err)
	}
	k.Protocol, k.Method = h.GetDeclaringClassProtocolName(), h.GetMethodName()
	named := c.identity.Protocol
	if named == "" {
		named = "null"
	}
	if c.srv.cfg.Confine && k.Protocol != c.identity.Protocol && k.Protocol != MetaProtocol {
		return errorf(CodeApplication, ClassAuthorization, "Protocol %s is not authorized on a connection for %s", k.Protocol, named)
	}
	m, wrong := c.srv.find(k.Protocol, h.GetClientProtocolVersion(), k.Method, named)
	if wrong != nil {
		return wrong
	}
	k.method = m
	param, _, err := delimited(rest)
	if err != nil {
		return err
	}
	if k.req, err = m.Decode(param); err != nil {
		var java JavaError
		if !errors.As(err, &java) {
			err = &Error{Class: ClassInvalidProtobuf, Message: err.Error(), Code: CodeApplication}
		}
		return err
	}
	if m.Key != nil {
		k.key = m.Key(k.req)
	}
	return nil
}

// serveCall runs k on a handler's goroutine and answers it.
func (s *Server) serveCall(k *call) {
	if closed, finishing := k.conn.isClosed(); closed || finishing { // nobody would see the answer
		s.dispatch.done(k)
		s.cfg.Observer.CallDropped(k.Protocol, k.Method)
		k.release()
		k.conn.abandon()
		return
	}
	began := time.Now()
	result, err := k.handle()
	took := time.Since(began)
	// The limits are given back before the answer is written: a peer that does not read must not hold a place.
	a := k.encode(result, err, began.Sub(k.arrived), took)
	s.dispatch.done(k)
	k.release()
	k.conn.send(a)
}

func (k *call) handle() (result proto.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, k.panicked(p)
		}
	}()
	return k.method.Handle(k.conn.srv.ctx, &k.Call, k.req)
}

func (k *call) panicked(p any) error {
	k.conn.srv.cfg.Logger.Error("panic in a call", "protocol", k.Protocol, "method", k.Method, "key", k.key,
		"remote", k.conn.remote, "panic", p, "stack", string(debug.Stack()))
	return &Error{Class: ClassRuntime, Message: fmt.Sprintf("internal error in %s: %v", k.Method, p), Code: CodeApplication}
}

// answer encodes and sends.
func (k *call) answer(result proto.Message, err error, queued, took time.Duration) {
	k.conn.send(k.encode(result, err, queued, took))
}

// encode builds the answer of k, and tells the observer.
func (k *call) encode(result proto.Message, err error, queued, took time.Duration) answer {
	cfg := &k.conn.srv.cfg
	r := response{callID: k.ID, retry: k.RetryCount, clientID: k.ClientID}
	var buf *[]byte
	if err == nil {
		if buf, err = r.encodeResult(result); err != nil {
			cfg.Logger.Error("result cannot be encoded", "protocol", k.Protocol, "method", k.Method, "error", err)
		}
	}
	if err != nil {
		r.err = wireError(err)
		if r.err.Fatal {
			r.clientID = nil // as Java's header-level answers
		}
		buf, _ = r.encode(nil) // texts are bounded: it cannot be too long
	}
	a := answer{buf: buf, owed: true, last: err != nil && r.err.Fatal}
	if t, ok := result.(*Tailed); ok && err == nil {
		a.tail, a.holds = t.Parts, t.Holds
	}
	info := CallInfo{
		Protocol: k.Protocol, Method: k.Method, Resolved: k.method != nil, Key: k.key,
		User: k.conn.identity.User, Remote: k.conn.remote,
		RequestBytes: k.size, ResponseBytes: a.size(), Queue: queued, Processing: took, Err: err,
	}
	if err != nil {
		info.ErrorClass = r.err.Class
	}
	if limit := cfg.MaxResponseWarn; limit >= 0 && a.size() > limit {
		cfg.Logger.Warn("large response", "protocol", k.Protocol, "method", k.Method, "bytes", a.size())
	}
	cfg.Observer.CallDone(info)
	return a
}

// encodeResult is encode with the errors of a result that cannot go on the wire.
func (r *response) encodeResult(result proto.Message) (*[]byte, error) {
	if result == nil {
		return nil, errorf(CodeSerializingResponse, ClassIOException, "the method returned no result")
	}
	if proto.CheckInitialized(result) != nil {
		return nil, errorf(CodeSerializingResponse, ClassUninitializedMsg, "%s", missingText(result))
	}
	buf, err := r.encode(result)
	if err != nil {
		return nil, errorf(CodeSerializingResponse, ClassIOException, "%v", err)
	}
	return buf, nil
}

// fatal answers with FATAL and closes the connection. The client id is empty on such answers.
func (c *conn) fatal(callID, retry int32, err *Error) {
	c.srv.told.sayOf(c.srv.told.errors, addressOf(c.remote)+" "+err.Class, slog.LevelInfo, "connection closed with an error",
		"remote", c.remote, "call", callID, "class", err.Class, "error", err.Message)
	r := response{callID: callID, retry: retry, err: wireError(err)}
	buf, _ := r.encode(nil)
	c.send(answer{buf: buf, last: true})
}
