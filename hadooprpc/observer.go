package hadooprpc

import (
	"net"
	"time"
)

// Observer is told what the server does, for metrics. Each function may be nil; they are called from many goroutines and
// must return at once.
type Observer struct {
	// ConnOpened and ConnClosed come once each for an accepted connection.
	ConnOpened func(remote net.Addr)
	ConnClosed func(remote net.Addr, cause error)
	// Received and Sent count bytes on the wire, preambles and length prefixes included (Java RpcMetrics ReceivedBytes and
	// SentBytes).
	Received, Sent func(bytes int)
	// CallDone comes for each call that ran or was answered without running (unknown method).
	CallDone func(CallInfo)
	// CallDropped comes for a call that was read but never ran, because its connection closed first.
	CallDropped func(protocol, method string)
	// Authenticated and Authorized come for each verdict on a connection; err is nil if it passed (Java RpcMetrics
	// rpcAuthenticationSuccesses, ...Failures, rpcAuthorizationSuccesses, ...Failures).
	Authenticated, Authorized func(user string, remote net.Addr, err error)
}

// CallInfo describes an answered call.
type CallInfo struct {
	Protocol, Method string // as the request names them: the peer's own words unless Resolved
	Resolved         bool   // the server has that method, of that protocol and version
	Key              string
	User             string
	Remote           net.Addr
	RequestBytes     int           // the frame without its length prefix
	ResponseBytes    int           // the frame with its length prefix
	Queue            time.Duration // from the whole frame read until the handler began
	Processing       time.Duration // in the handler
	Err              error         // nil on SUCCESS
	ErrorClass       string        // "" on SUCCESS
}

// Stats is a snapshot of a server's gauges.
type Stats struct {
	Connections  int   // open now (NumOpenConnections)
	Queued       int   // calls read and not begun (CallQueueLength)
	Running      int   // calls in their handlers
	RequestBytes int64 // memory reserved for requests, writers included
	AnswerBytes  int64 // answers not yet taken by the kernel
	Refused      int64 // connections closed at once since the start, as too many were open (NumDroppedConnections)
}

func (o *Observer) ensureDefaults() {
	if o.ConnOpened == nil {
		o.ConnOpened = func(net.Addr) {}
	}
	if o.ConnClosed == nil {
		o.ConnClosed = func(net.Addr, error) {}
	}
	if o.Received == nil {
		o.Received = func(int) {}
	}
	if o.Sent == nil {
		o.Sent = func(int) {}
	}
	if o.CallDone == nil {
		o.CallDone = func(CallInfo) {}
	}
	if o.CallDropped == nil {
		o.CallDropped = func(string, string) {}
	}
	if o.Authenticated == nil {
		o.Authenticated = func(string, net.Addr, error) {}
	}
	if o.Authorized == nil {
		o.Authorized = func(string, net.Addr, error) {}
	}
}
