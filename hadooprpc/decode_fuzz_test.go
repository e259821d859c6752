package hadooprpc

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc/rpcpb"
)

// FuzzRequestHeader: a header that parses has both required fields and is echoed by a response that parses to the same call,
// retry count and client; one that does not parse is FATAL 13. Nothing panics, and the payload is what follows the header.
func FuzzRequestHeader(f *testing.F) {
	good, err := appendRequest(nil, requestEnvelope(5, 0, []byte("0123456789abcdef")), []byte("payload"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[4:])
	f.Add([]byte("\x1a\x08\x02\x10\x00\x18\x05\x22\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x28\x01"))
	f.Add([]byte("\x0a\x08\x02\x10\x00\x18\x41\x22\x00\x28\x01\x02\x10\x01")) // SASL NEGOTIATE
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, err := parseRequestHeader(b)
		if err != nil {
			if !err.Fatal || err.Code != CodeFatalDeserializing || err.Class != ClassRPCServer {
				t.Fatalf("error %+v", err)
			}
			return
		}
		if !bytes.HasSuffix(b, payload) {
			t.Fatalf("payload %x is not the end of %x", payload, b)
		}
		_ = h.check()
		r := response{callID: h.callID, retry: h.retry, clientID: h.clientID}
		buf, failed := r.encode(&rpcpb.RPCTraceInfoProto{})
		if failed != nil {
			t.Fatal(failed)
		}
		back, result, failed := splitResponse((*buf)[4:])
		if failed != nil || len(result) != 0 {
			t.Fatalf("own response: %v, %x", failed, result)
		}
		if int32(back.GetCallId()) != h.callID || back.GetRetryCount() != h.retry || !bytes.Equal(back.GetClientId(), h.clientID) {
			t.Fatalf("%v does not echo %+v", back, h)
		}
	})
}

// FuzzOutOfBand: a connection context or SASL message that parses is complete; one that does not is FATAL 13 with its name.
func FuzzOutOfBand(f *testing.F) {
	f.Add([]byte("\x08\x12\x06\x0a\x04hdfs"), false)
	f.Add([]byte("\x02\x10\x01"), true)
	f.Add([]byte("\x00"), true)
	f.Fuzz(func(t *testing.T, b []byte, sasl bool) {
		var m proto.Message = &rpcpb.IpcConnectionContextProto{}
		if sasl {
			m = &rpcpb.RpcSaslProto{}
		}
		name := string(m.ProtoReflect().Descriptor().Name())
		rest, err := parseOutOfBand(b, m, name)
		switch {
		case err != nil:
			if !err.Fatal || err.Code != CodeFatalDeserializing || !bytes.Contains([]byte(err.Message), []byte(name)) {
				t.Fatalf("error %+v", err)
			}
		case proto.CheckInitialized(m) != nil || !bytes.HasSuffix(b, rest):
			t.Fatalf("%x gave the incomplete %v", b, m)
		}
	})
}

// FuzzUnmarshalAlias: parsing with aliases gives what parsing with copies gives, error or not.
func FuzzUnmarshalAlias(f *testing.F) {
	big, err := proto.Marshal(&rpcpb.RPCTraceInfoProto{TraceId: proto.Int64(1), SpanContext: make([]byte, 5000)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(big)
	f.Add(append(append([]byte{}, big...), big...))
	f.Add(append(append([]byte{}, big...), 0x1a, 1, 7))
	f.Add(big[:4500])
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 && len(b) < aliasAbove {
			b = append(b, b...) // long enough to be worth it
		}
		var alias, plain rpcpb.RPCTraceInfoProto
		failed := unmarshal(b, &alias)
		if err := proto.Unmarshal(b, &plain); (err == nil) != (failed == nil) {
			t.Fatalf("alias: %v, copy: %v", failed, err)
		} else if err == nil && !proto.Equal(&alias, &plain) {
			t.Fatalf("alias: %v, copy: %v", &alias, &plain)
		}
		var java JavaError
		if failed != nil && (!errors.As(failed, &java) || java.JavaClass() != ClassInvalidProtobuf) {
			t.Fatalf("error %v", failed)
		}
	})
}

// TestMinimalVarints: -33 and its like take 5 bytes in a response (rpc.md 1.3, trap 1).
func TestMinimalVarints(t *testing.T) {
	for _, id := range []int32{callIDSasl, callIDNone, callIDContext, 0, 1, math.MaxInt32, math.MinInt32} {
		r := response{callID: id, retry: -1, clientID: []byte{1}, err: &Error{Class: "c", Message: "m", Code: 1, Fatal: true}}
		got := r.appendHeader(nil)
		st, code := rpcpb.RpcResponseHeaderProto_FATAL, rpcpb.RpcResponseHeaderProto_ERROR_APPLICATION
		want, err := proto.Marshal(&rpcpb.RpcResponseHeaderProto{
			CallId: proto.Uint32(uint32(id)), Status: &st, ServerIpcVersionNum: proto.Uint32(9), ExceptionClassName: &r.err.Class,
			ErrorMsg: &r.err.Message, ErrorDetail: &code, ClientId: []byte{1}, RetryCount: proto.Int32(-1),
		})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d: got %x, want %x, %v", id, got, want, err)
		}
	}
}

// TestLargeBytesAreNotCopied: the records of a journal call stay where the socket was read to.
func TestLargeBytesAreNotCopied(t *testing.T) {
	b, err := proto.Marshal(&rpcpb.RPCTraceInfoProto{SpanContext: make([]byte, aliasAbove)})
	if err != nil {
		t.Fatal(err)
	}
	var m rpcpb.RPCTraceInfoProto
	if err := unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] = 7
	if m.SpanContext[len(m.SpanContext)-1] != 7 {
		t.Error("the bytes were copied")
	}
	if len(m.SpanContext) != cap(m.SpanContext) {
		t.Error("an append to the bytes would write into the frame")
	}
}
