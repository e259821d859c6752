package hadooprpc_test

import (
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc/rpcpb"
	"gojn/hadooprpc/rpctest"
)

const saslHello = "hrpc\x09\x00\xdf"

// allocated is how many bytes of heap were asked for while f ran.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestSaslMessageIsNotBlownUp: an empty entry of RpcSaslProto.auths is two bytes on the wire and a hundred in memory, and
// nobody has to be anybody to send millions of them.
func TestSaslMessageIsNotBlownUp(t *testing.T) {
	state := protowire.AppendVarint([]byte{2 << 3}, uint64(rpcpb.RpcSaslProto_NEGOTIATE))
	auths := func(n int) []byte { return append(state, strings.Repeat("\x22\x00", n)...) }
	for name, msg := range map[string][]byte{
		"within the size": auths(400 << 10),
		"too long":        auths(4 << 20),
	} {
		t.Run(name, func(t *testing.T) {
			r := dialRaw(t, rpctest.Serve(t, serverOf(nil)))
			r.send([]byte(saslHello))
			f := frame(part(envelope(-33)), protowire.AppendBytes(nil, msg))
			cost := allocated(func() {
				r.send(f)
				h, _ := r.answer()
				if h.GetErrorDetail() != 13 || h.GetStatus() != rpcpb.RpcResponseHeaderProto_FATAL ||
					!strings.Contains(h.GetErrorMsg(), "Error decoding RpcSaslProto") {
					t.Errorf("got %v", h)
				}
			})
			// The frame itself, once in pieces of growing size, its way through the pipe, and some for the answer.
			if limit := uint64(8*len(f) + 4<<20); cost > limit {
				t.Errorf("%d bytes on the wire cost %d of memory", len(f), cost)
			}
			r.closed()
		})
	}
}

// TestSaslMessageOfSomeSize: a token longer than 64 KiB, as a Kerberos ticket of a user of many groups, is taken.
func TestSaslMessageOfSomeSize(t *testing.T) {
	r := dialRaw(t, rpctest.Serve(t, serverOf(nil)))
	r.send([]byte(saslHello), frame(part(envelope(-33)), part(&rpcpb.RpcSaslProto{
		State: rpcpb.RpcSaslProto_NEGOTIATE.Enum(), Token: make([]byte, 1000<<10),
	})))
	if h, _ := r.answer(); h.GetStatus() != rpcpb.RpcResponseHeaderProto_SUCCESS {
		t.Errorf("got %v", h)
	}
}

// TestSaslMessageLimitIsExact: 1 MiB passes, one byte more does not.
func TestSaslMessageLimitIsExact(t *testing.T) {
	for extra, want := range map[int]rpcpb.RpcResponseHeaderProto_RpcStatusProto{
		0: rpcpb.RpcResponseHeaderProto_SUCCESS, 1: rpcpb.RpcResponseHeaderProto_FATAL,
	} {
		m := &rpcpb.RpcSaslProto{State: rpcpb.RpcSaslProto_NEGOTIATE.Enum(), Token: make([]byte, 1000<<10)}
		m.Token = make([]byte, len(m.Token)+1<<20-proto.Size(m)+extra)
		r := dialRaw(t, rpctest.Serve(t, serverOf(nil)))
		r.send([]byte(saslHello), frame(part(envelope(-33)), part(m)))
		if h, _ := r.answer(); h.GetStatus() != want {
			t.Errorf("%d bytes: got %v", proto.Size(m), h)
		}
	}
}

// TestContextIsShort: the context has at most 64 KiB. Its names stay with the connection: one of more than 1 KiB closes it without
// an answer, as a bad user name does.
func TestContextIsShort(t *testing.T) {
	const limit, longest = 64 << 10, 1 << 10
	context := func(size int, set func(m *rpcpb.IpcConnectionContextProto, s string)) []byte {
		m := &rpcpb.IpcConnectionContextProto{UserInfo: &rpcpb.UserInformationProto{EffectiveUser: proto.String("u")}}
		n := size
		for set(m, strings.Repeat("x", n)); proto.Size(m) > size; set(m, strings.Repeat("x", n)) {
			n--
		}
		if proto.Size(m) != size {
			t.Fatalf("cannot make %d bytes", size)
		}
		return frame(part(envelope(-3)), part(m))
	}
	fields := map[string]func(m *rpcpb.IpcConnectionContextProto, s string){
		"effectiveUser": func(m *rpcpb.IpcConnectionContextProto, s string) { m.UserInfo.EffectiveUser = &s },
		"realUser":      func(m *rpcpb.IpcConnectionContextProto, s string) { m.UserInfo.RealUser = &s },
		"protocol":      func(m *rpcpb.IpcConnectionContextProto, s string) { m.Protocol = &s },
	}
	for name, set := range fields {
		t.Run(name, func(t *testing.T) {
			s := serverOf(map[string]handler{"echo": echo})
			s.Authorize = everybody // whomever anybody acts for
			l := rpctest.Serve(t, s)
			long := dialRaw(t, l)
			long.send([]byte(hello), context(limit+1, set), callFrame(1, "echo", "x"))
			h, _ := long.answer()
			if h.GetErrorDetail() != 13 || !strings.Contains(h.GetErrorMsg(), "Error decoding IpcConnectionContextProto") {
				t.Fatalf("got %v", h)
			}
			long.closed()
			for size, refused := range map[int]bool{256: false, longest: false, longest + 1: true, 2 << 10: true, limit - 100: true} {
				m := &rpcpb.IpcConnectionContextProto{UserInfo: &rpcpb.UserInformationProto{EffectiveUser: proto.String("u")}}
				set(m, strings.Repeat("x", size))
				peer := dialRaw(t, l)
				for _, words := range [][]byte{[]byte(hello), frame(part(envelope(-3)), part(m)), callFrame(1, "echo", "x")} {
					_, _ = peer.Write(words) // it may be closed already
				}
				h, _, err := readAnswer(peer)
				if refused && err == nil || !refused && h.GetStatus() != rpcpb.RpcResponseHeaderProto_SUCCESS {
					t.Errorf("%d bytes: %v, %v", size, h, err)
				}
			}
		})
	}
}
