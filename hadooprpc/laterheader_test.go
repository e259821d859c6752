package hadooprpc_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc/rpcpb"
	"gojn/hadooprpc/rpctest"
)

// TestLaterHeaderFields: what later clients put into a call's header and a JournalNode has no use for changes no answer:
// a caller context and state ids (3.x), an authorization header (3.5), and a field that nobody knows yet.
func TestLaterHeaderFields(t *testing.T) {
	future := protowire.AppendBytes(protowire.AppendTag(nil, 99, protowire.BytesType), []byte("from 4.0"))
	for name, add := range map[string]func(h *rpcpb.RpcRequestHeaderProto){
		"caller context": func(h *rpcpb.RpcRequestHeaderProto) {
			h.CallerContext = &rpcpb.RPCCallerContextProto{Context: proto.String("x"), Signature: []byte("y")}
		},
		"state ids":            func(h *rpcpb.RpcRequestHeaderProto) { h.StateId, h.RouterFederatedState = proto.Int64(7), []byte("z") },
		"authorization header": func(h *rpcpb.RpcRequestHeaderProto) { h.AuthorizationHeader = []byte("Bearer \x00\xff") },
		"unknown field":        func(h *rpcpb.RpcRequestHeaderProto) { h.ProtoReflect().SetUnknown(future) },
	} {
		t.Run(name, func(t *testing.T) {
			r := dialRaw(t, rpctest.Serve(t, serverOf(map[string]handler{"echo": echo})))
			r.greet()
			h := envelope(1)
			add(h)
			r.send(frame(part(h), part(method("echo")), part(&request{Protocol: proto.String("ns1")})))
			answer, body := r.answer()
			message, n := protowire.ConsumeBytes(body)
			var got response
			if n < 0 || proto.Unmarshal(message, &got) != nil || got.GetProtocol() != "ns1" ||
				answer.GetStatus() != rpcpb.RpcResponseHeaderProto_SUCCESS || answer.GetCallId() != 1 {
				t.Errorf("%v %q", answer, body)
			}
		})
	}
}
