package hadooprpc

import (
	"errors"
	"fmt"
	"strings"

	"gojn/hadooprpc/rpcpb"
)

// ErrorCode is Hadoop's RpcErrorCodeProto, the errorDetail field of an answer.
type ErrorCode int32

// The detail codes of RpcHeader.proto. Codes below 10 leave the connection open, the others close it.
const (
	CodeApplication          ErrorCode = 1
	CodeNoSuchMethod         ErrorCode = 2
	CodeNoSuchProtocol       ErrorCode = 3
	CodeRPCServer            ErrorCode = 4
	CodeSerializingResponse  ErrorCode = 5
	CodeVersionMismatch      ErrorCode = 6
	CodeFatalUnknown         ErrorCode = 10
	CodeFatalSerialization   ErrorCode = 11
	CodeFatalInvalidHeader   ErrorCode = 12
	CodeFatalDeserializing   ErrorCode = 13
	CodeFatalVersionMismatch ErrorCode = 14
	CodeFatalUnauthorized    ErrorCode = 15
)

func (c ErrorCode) String() string {
	return rpcpb.RpcResponseHeaderProto_RpcErrorCodeProto(c).String()
}

// The Java classes that the RPC layer itself answers with.
const (
	ClassIOException      = "java.io.IOException"
	ClassRuntime          = "java.lang.RuntimeException"
	ClassIllegalArgument  = "java.lang.IllegalArgumentException"
	ClassClassNotFound    = "java.lang.ClassNotFoundException"
	ClassSasl             = "javax.security.sasl.SaslException"
	ClassRPCServer        = "org.apache.hadoop.ipc.RpcServerException"
	ClassIPC              = "org.apache.hadoop.ipc.IpcException"
	ClassNoSuchMethod     = "org.apache.hadoop.ipc.RpcNoSuchMethodException"
	ClassNoSuchProtocol   = "org.apache.hadoop.ipc.RpcNoSuchProtocolException"
	ClassRetriable        = "org.apache.hadoop.ipc.RetriableException"
	ClassVersionMismatch  = "org.apache.hadoop.ipc.RPC$VersionMismatch"
	ClassAccessControl    = "org.apache.hadoop.security.AccessControlException"
	ClassAuthorization    = "org.apache.hadoop.security.authorize.AuthorizationException"
	ClassInvalidProtobuf  = "org.apache.hadoop.thirdparty.protobuf.InvalidProtocolBufferException"
	ClassUninitializedMsg = "org.apache.hadoop.thirdparty.protobuf.UninitializedMessageException"
)

// ErrServerClosed is what Serve returns after Shutdown or Close.
var ErrServerClosed = errors.New("hadooprpc: server closed")

// ErrClientClosed is what calls on a Client get after Close, and what errors of a lost connection wrap.
var ErrClientClosed = errors.New("hadooprpc: client closed")

// JavaError is an error that knows the Java class under which it goes on the wire. The server finds it with errors.As; the
// message is that of the whole error.
type JavaError interface {
	error
	JavaClass() string
}

// Error is an error of the RPC layer. A handler may return one to choose the detail code; Fatal (status FATAL) closes the
// connection after the answer.
type Error struct {
	Class   string
	Message string
	Code    ErrorCode
	Fatal   bool
}

func (e *Error) Error() string { return e.Message }

// JavaClass is the exception class on the wire.
func (e *Error) JavaClass() string { return e.Class }

func fatalf(code ErrorCode, class, format string, args ...any) *Error {
	return &Error{Class: class, Message: fmt.Sprintf(format, args...), Code: code, Fatal: true}
}

func errorf(code ErrorCode, class, format string, args ...any) *Error {
	return &Error{Class: class, Message: fmt.Sprintf(format, args...), Code: code}
}

// invalidHeader is Java's FatalRpcServerException(FATAL_INVALID_RPC_HEADER): the class it sends is RpcServerException.
func invalidHeader(format string, args ...any) *Error {
	return fatalf(CodeFatalInvalidHeader, ClassRPCServer, format, args...)
}

// RemoteError is an error that a server answered with, as org.apache.hadoop.ipc.RemoteException.
type RemoteError struct {
	Class   string // Java class, "ServerDidNotSetExceptionClassName" if the server named none
	Message string // may go on with Java stack lines after the first line
	Code    ErrorCode
	Fatal   bool // the server closed the connection
}

func (e *RemoteError) Error() string { return e.Class + ": " + e.Message }

// maxErrorText bounds the texts of an answer: a peer must not have us echo a method name of 100 MB.
const maxErrorText = 32 << 10

// wireError turns any error into what goes on the wire. Java: anything without a class of its own is an IOException.
func wireError(err error) *Error {
	out := &Error{Class: ClassIOException, Code: CodeApplication}
	var own *Error
	var java JavaError
	switch {
	case errors.As(err, &own):
		*out = *own
		if out.Code == 0 {
			out.Code = CodeApplication
		}
	case errors.As(err, &java):
		out.Class = java.JavaClass()
	}
	out.Message = clipText(err.Error())
	out.Class = clipText(out.Class)
	return out
}

func clipText(s string) string {
	if len(s) > maxErrorText {
		s = s[:maxErrorText] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
