// Package hadooprpc speaks Hadoop IPC version 9: the server side in full for SIMPLE authentication (with a seam for SASL
// mechanisms), and a client. It knows protocols, methods and messages only as values that it was given; nothing in it is
// about journals. Hadoop's own are org.apache.hadoop.ipc.Server, Client, RpcConstants and ProtobufRpcEngine2.
//
// # A connection
//
//	client                                                     server
//	  | "hrpc" 09 service-class auth                             |   preamble, 7 bytes; no answer. auth 00: SIMPLE, DF: SASL
//	  | frame{call -33, RpcSaslProto} ------------------------>  |   only with SASL
//	  | <------------------------ frame{call -33, RpcSaslProto}  |
//	  | frame{call -3, IpcConnectionContextProto} ------------>  |   user and protocol; no answer
//	  | frame{call 7, RequestHeaderProto, parameter} --------->  |   calls: any number at a time
//	  | frame{call 8, RequestHeaderProto, parameter} --------->  |
//	  | frame{call -4} --------------------------------------->  |   ping; no answer
//	  | <------------------------------- frame{call 8, result}   |   answers in any order
//	  | <-------------------------------- frame{call 7, error}   |
//
// # A frame
//
//	request     int32 length | varint n, RpcRequestHeaderProto  | varint n, RequestHeaderProto | varint n, parameter
//	out of band int32 length | varint n, RpcRequestHeaderProto  | varint n, message (a ping has none)
//	success     int32 length | varint n, RpcResponseHeaderProto | varint n, result (00 if empty)
//	error       int32 length | varint n, RpcResponseHeaderProto
//
// Numbers are big-endian, varints minimal; length does not count itself. Call ids are zigzag in requests and unsigned in
// responses: -33 is 41 on its way in and DF FF FF FF 0F on its way out. Status ERROR fails one call. FATAL fails all calls of
// the connection, which the server then closes; it waits a moment for the client to close first, so that the answer is not
// lost to a reset. Some offences get no answer at all, as in Java: frame lengths out of range, user names that are none.
//
// # Inside the server
//
//	Serve --accept--> conn --frame--> decode --submit--> dispatcher -----> handler --send--> conn.out --> socket
//	                   ^  waits for bytes: poller (epoll), no goroutine, no buffer; a hot one on its goroutine
//	                   ^  waits for memory: budget
//	                   ^  waits for room: MaxCallsPerConn
//
// A connection's reader is a state machine. It runs on a goroutine while it has something to do and leaves nothing but its
// struct behind while it waits. Whoever ends the wait starts it again. A call that may run at
// once runs on the reader's goroutine while another one reads on (hot.go), any other on one of its own; see dispatcher for
// who may run when. The goroutine that sends an answer writes it, together with those that others have queued meanwhile.
//
// Memory is bounded by three budgets: requests (see budget; a frame is charged before it is buffered, until its call has
// been encoded), answers (per connection and together), and the connections themselves (MaxConnections, MakeRoomAt). The path of a large
// request has one copy, from the socket into the frame: Unary's messages point into it.
//
// The owners of goroutines: Serve is its caller's; the poller, the janitor and the readers are the Server's, and Close waits for
// them; handlers are the dispatcher's, and Shutdown and Wait wait for them.
package hadooprpc
