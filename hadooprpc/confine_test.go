package hadooprpc_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpcpb"
	"gojn/hadooprpc/rpctest"
)

// TestConfine: with it a connection may only call what it was opened for, and ask which protocols there are; without it, as
// in Java, anything.
func TestConfine(t *testing.T) {
	for _, confine := range []bool{true, false} {
		s := serverOf(map[string]handler{"echo": echo})
		s.Confine = confine
		l := rpctest.Serve(t, s)
		for opened, free := range map[string]bool{"test": true, "other": false, "": false} {
			r := dialRaw(t, l)
			user := "joe"
			m := &rpcpb.IpcConnectionContextProto{UserInfo: &rpcpb.UserInformationProto{EffectiveUser: &user}}
			if opened != "" {
				m.Protocol = &opened
			}
			ask := &rpcpb.RequestHeaderProto{MethodName: proto.String("getProtocolVersions"),
				DeclaringClassProtocolName: proto.String(hadooprpc.MetaProtocol), ClientProtocolVersion: proto.Uint64(1)}
			r.send([]byte(hello), frame(part(envelope(-3)), part(m)), callFrame(1, "echo", "x"))
			h, _ := r.answer()
			if good := h.GetStatus() == rpcpb.RpcResponseHeaderProto_SUCCESS; good != (free || !confine) {
				t.Errorf("confined %t, opened for %q: %v", confine, opened, h)
			} else if !good && (h.GetExceptionClassName() != hadooprpc.ClassAuthorization ||
				!strings.Contains(h.GetErrorMsg(), "Protocol test is not authorized on a connection for ")) {
				t.Errorf("refused by %v", h)
			}
			r.send(frame(part(envelope(2)), part(ask), part(&rpcpb.GetProtocolVersionsRequestProto{Protocol: proto.String("test")})))
			if h, _ := r.answer(); h.GetStatus() != rpcpb.RpcResponseHeaderProto_SUCCESS {
				t.Errorf("confined %t, opened for %q: which protocols: %v", confine, opened, h)
			}
		}
	}
}

// TestAuthorizeBlocks: who is being authorized does not hold up others, and Close ends the wait.
func TestAuthorizeBlocks(t *testing.T) {
	s := serverOf(map[string]handler{"echo": echo})
	asked, ended := make(chan struct{}), make(chan struct{})
	s.Authorize = func(ctx context.Context, id hadooprpc.Identity) error {
		if id.User != "slow" {
			return nil
		}
		close(asked)
		<-ctx.Done()
		close(ended)
		return errors.New("too late")
	}
	l := rpctest.Serve(t, s)
	slow := dialRaw(t, l)
	slow.send([]byte(hello), contextFrame("slow", ""))
	receive(t, asked, "question")
	quick := dialRaw(t, l)
	quick.send([]byte(hello), contextFrame("joe", ""), callFrame(1, "echo", "x"))
	if h, _ := quick.answer(); h.GetStatus() != rpcpb.RpcResponseHeaderProto_SUCCESS {
		t.Errorf("another connection: %v", h)
	}
	s.Close()
	receive(t, ended, "end of the question")
}

// TestShutdownWhileAuthorizing: a stop waits for nobody who is not let in yet, and calls nobody unauthorized.
func TestShutdownWhileAuthorizing(t *testing.T) {
	listeners(t, func(t *testing.T, l net.Listener, dial func() net.Conn) {
		s := serverOf(map[string]handler{"echo": echo})
		asked := make(chan struct{})
		s.Authorize = func(ctx context.Context, _ hadooprpc.Identity) error {
			close(asked)
			<-ctx.Done()
			return errors.New("too late")
		}
		s.Observer.Authorized = func(user string, _ net.Addr, err error) { t.Errorf("the verdict on %s: %v", user, err) }
		serving := startServer(s, l)
		peer := &raw{dial(), t}
		defer func() { _ = peer.Close() }()
		peer.send([]byte(hello), contextFrame("slow", ""))
		receive(t, asked, "question")
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := receive(t, serving, "end of Serve"); !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
		peer.closed()
	})
}
