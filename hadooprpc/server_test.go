package hadooprpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpcpb"
	"gojn/hadooprpc/rpctest"
)

// classError has a Java class of its own.
type classError struct{}

func (classError) Error() string     { return "out of sync" }
func (classError) JavaClass() string { return "org.apache.hadoop.x.JournalOutOfSyncException" }

func TestErrorsOfMethods(t *testing.T) {
	tests := map[string]struct {
		err  error
		want hadooprpc.RemoteError
	}{
		"plain": {errors.New("disk"), hadooprpc.RemoteError{Class: "java.io.IOException", Message: "disk", Code: 1}},
		"wrapped class": {
			fmt.Errorf("ns1: %w", classError{}),
			hadooprpc.RemoteError{Class: classError{}.JavaClass(), Message: "ns1: out of sync", Code: 1},
		},
		"RPC error": {
			&hadooprpc.Error{Class: "a.B", Message: "m", Code: hadooprpc.CodeRPCServer},
			hadooprpc.RemoteError{Class: "a.B", Message: "m", Code: 4},
		},
		"RPC error without code": {
			&hadooprpc.Error{Class: "a.B", Message: "m"}, hadooprpc.RemoteError{Class: "a.B", Message: "m", Code: 1},
		},
		"fatal": {
			&hadooprpc.Error{Class: "a.B", Message: "m", Code: hadooprpc.CodeFatalUnknown, Fatal: true},
			hadooprpc.RemoteError{Class: "a.B", Message: "m", Code: 10, Fatal: true},
		},
		"text that is not UTF-8": {errors.New("a\xffb"), hadooprpc.RemoteError{Class: "java.io.IOException", Message: "a?b", Code: 1}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := rpctest.New(t, serverOf(map[string]handler{
				"fail": func(context.Context, *hadooprpc.Call, *request) (*response, error) { return nil, tc.err },
				"echo": echo,
			}), testClient)
			_, err := call(c, "fail", "")
			var got *hadooprpc.RemoteError
			if !errors.As(err, &got) || *got != tc.want {
				t.Fatalf("got %#v, want %#v", err, tc.want)
			}
			_, err = call(c, "echo", "x")
			if (err != nil) != tc.want.Fatal {
				t.Errorf("next call: %v", err)
			}
		})
	}
}

func TestPanicIsAnswered(t *testing.T) {
	var log strings.Builder
	var mu sync.Mutex
	s := serverOf(map[string]handler{
		"panic": func(context.Context, *hadooprpc.Call, *request) (*response, error) { panic("boom") },
		"echo":  echo,
	})
	s.Logger = logTo(&log, &mu)
	c := rpctest.New(t, s, testClient)
	_, err := call(c, "panic", "ns1")
	var remote *hadooprpc.RemoteError
	if !errors.As(err, &remote) || remote.Class != "java.lang.RuntimeException" || remote.Fatal {
		t.Fatalf("got %v", err)
	}
	if _, err := call(c, "echo", "x"); err != nil {
		t.Fatalf("the server did not live on: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), "server_test.go") {
		t.Errorf("no stack in the log: %s", log.String())
	}
}

func TestPanicInDecodeAndKey(t *testing.T) {
	s := &hadooprpc.Server{}
	s.Register(&hadooprpc.Protocol{Name: "test", Version: 1, Methods: map[string]hadooprpc.Method{
		"decode": {Decode: func([]byte) (any, error) { panic("boom") }},
		"key":    {Decode: func([]byte) (any, error) { return nil, nil }, Key: func(any) string { panic("boom") }},
	}})
	c := rpctest.New(t, s, testClient)
	for _, m := range []string{"decode", "key"} {
		var remote *hadooprpc.RemoteError
		if _, err := call(c, m, ""); !errors.As(err, &remote) || remote.Class != hadooprpc.ClassRuntime {
			t.Errorf("%s: got %v", m, err)
		}
	}
}

func everybody(context.Context, hadooprpc.Identity) error { return nil }

// TestCallOfHandler: what a handler learns of its call.
func TestCallOfHandler(t *testing.T) {
	s := serverOf(map[string]handler{
		"who": func(_ context.Context, c *hadooprpc.Call, _ *request) (*response, error) {
			return reply(fmt.Sprint(c.User(), " ", c.ShortUser(), " ", c.RealUser(), " ", c.RemoteAddr(), " ", c.Protocol, " ",
				c.Method, " ", len(c.ClientID), " ", c.RetryCount)), nil
		},
	})
	s.Authorize = everybody
	cfg := testClient
	cfg.User, cfg.RealUser = "joe/h@R", "root"
	got, err := call(rpctest.New(t, s, cfg), "who", "")
	if want := "joe/h@R joe root client test who 16 0"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// TestOutOfOrder: calls of one connection run side by side and are answered as they end (rpc.md 1.9, trap 6).
func TestOutOfOrder(t *testing.T) {
	release := make(chan struct{})
	l := rpctest.Serve(t, serverOf(map[string]handler{
		"slow": func(context.Context, *hadooprpc.Call, *request) (*response, error) {
			<-release
			return reply("slow"), nil
		},
		"echo": echo,
	}))
	r := dialRaw(t, l)
	r.greet()
	r.send(callFrame(1, "slow", "ns1"), callFrame(2, "echo", "ns1"))
	if h, _ := r.answer(); h.GetCallId() != 2 {
		t.Fatalf("first answer is to %d", h.GetCallId())
	}
	close(release)
	if h, _ := r.answer(); h.GetCallId() != 1 {
		t.Fatalf("second answer is to %d", h.GetCallId())
	}
}

// gate is a method that waits until it is opened and tells who came in.
type gate struct {
	entered chan string
	open    chan struct{}
}

func newGate() *gate { return &gate{make(chan string, 1000), make(chan struct{})} }

func (g *gate) handle(_ context.Context, _ *hadooprpc.Call, r *request) (*response, error) {
	g.entered <- r.GetProtocol()
	<-g.open
	return reply(""), nil
}

func TestOneKeyCannotStarveOthers(t *testing.T) {
	g := newGate()
	s := serverOf(map[string]handler{"hang": g.handle, "echo": echo})
	l := rpctest.Serve(t, s)
	defer close(g.open)
	for range 4 { // four clients with ten calls each on a journal whose disk hangs
		r := dialRaw(t, l)
		r.greet()
		for j := range 10 {
			r.send(callFrame(int32(j), "hang", "stuck"))
		}
	}
	for range 5 {
		receive(t, g.entered, "call at the gate")
	}
	c := rpctest.Dial(t, l, testClient)
	if _, err := call(c, "echo", "ns1"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return s.Stats().Queued == 35 })
	if st := s.Stats(); st.Running != 5 {
		t.Errorf("%d calls of one key run, want Handlers = 5", st.Running)
	}
}

func TestOneConnectionCannotStarveOthersOfItsKey(t *testing.T) {
	g := newGate()
	s := serverOf(map[string]handler{"hang": g.handle, "echo": echo})
	l := rpctest.Serve(t, s)
	defer close(g.open)
	r := dialRaw(t, l)
	r.greet()
	for j := range 50 {
		r.send(callFrame(int32(j), "hang", "ns1"))
	}
	for range 4 {
		receive(t, g.entered, "call at the gate")
	}
	waitFor(t, func() bool { return s.Stats().Queued == 46 })
	if _, err := call(rpctest.Dial(t, l, testClient), "echo", "ns1"); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Running != 4 {
		t.Errorf("%d calls of one connection run, want Handlers-1 = 4", st.Running)
	}
}

// TestWriterRunsWhenItsKeyIsFull: the reserve of the current writer, for running.
func TestWriterRunsWhenItsKeyIsFull(t *testing.T) {
	g := newGate()
	s := serverOf(map[string]handler{
		"hang": g.handle, "echo": echo,
		"write": func(_ context.Context, c *hadooprpc.Call, r *request) (*response, error) {
			c.MarkWriter(r.GetProtocol())
			return reply(""), nil
		},
	})
	l := rpctest.Serve(t, s)
	defer close(g.open)
	writer := rpctest.Dial(t, l, testClient)
	if _, err := call(writer, "write", "ns1"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := dialRaw(t, l)
		r.greet()
		for j := range 5 {
			r.send(callFrame(int32(j), "hang", "ns1"))
		}
	}
	for range 5 {
		receive(t, g.entered, "call at the gate")
	}
	for range 3 {
		if _, err := call(writer, "write", "ns1"); err != nil {
			t.Fatal(err)
		}
	}
	// Another connection becomes the writer: the first has lost its place.
	other := rpctest.Dial(t, l, testClient)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- other.Call(ctx, "write", &request{Protocol: proto.String("ns1")}, &response{})
	}()
	waitFor(t, func() bool { return s.Stats().Queued == 6 }) // 5 of the hanging and this one
	cancel()
	if err := receive(t, done, "end of the call"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestMaxRunning: keys take turns at the ceiling of all.
func TestMaxRunning(t *testing.T) {
	g := newGate()
	s := serverOf(map[string]handler{"hang": g.handle})
	s.Handlers, s.MaxRunning = 2, 3
	l := rpctest.Serve(t, s)
	for k := range 5 {
		r := dialRaw(t, l)
		r.greet()
		for j := range 4 {
			r.send(callFrame(int32(j), "hang", fmt.Sprint("k", k)))
		}
	}
	waitFor(t, func() bool { st := s.Stats(); return st.Running == 3 && st.Queued == 17 })
	close(g.open)
	for range 20 {
		receive(t, g.entered, "call")
	}
	waitFor(t, func() bool { st := s.Stats(); return st.Running == 0 && st.Queued == 0 && st.RequestBytes == 0 })
}

// TestBackPressure: at MaxCallsPerConn the server stops reading the connection and goes on when calls are answered.
func TestBackPressure(t *testing.T) {
	for _, network := range []string{"memory", "tcp"} {
		t.Run(network, func(t *testing.T) {
			g := newGate()
			s := serverOf(map[string]handler{"hang": g.handle})
			s.MaxCallsPerConn = 3
			var nc net.Conn
			var err error
			if network == "tcp" {
				nc, err = net.Dial("tcp", serveTCP(t, s))
			} else {
				nc, err = rpctest.Serve(t, s).Dial(context.Background())
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = nc.Close() }()
			r := &raw{nc, t}
			r.greet()
			for j := range 20 {
				r.send(callFrame(int32(j), "hang", "ns1"))
			}
			for range 3 {
				receive(t, g.entered, "call at the gate")
			}
			if st := s.Stats(); st.Running+st.Queued != 3 {
				t.Errorf("%+v, want 3 calls taken", st)
			}
			close(g.open)
			for range 20 {
				r.answer()
			}
		})
	}
}

// TestQueuedCallOfClosedConnection: such a call never runs; one that runs completes (rpc.md 1.9).
func TestQueuedCallOfClosedConnection(t *testing.T) {
	for _, network := range []string{"memory", "tcp"} {
		t.Run(network, func(t *testing.T) {
			g := newGate()
			s := serverOf(map[string]handler{"hang": g.handle})
			s.Handlers = 1
			var dropped, closed atomic.Int32
			s.Observer.CallDropped = func(string, string) { dropped.Add(1) }
			s.Observer.ConnClosed = func(net.Addr, error) { closed.Add(1) }
			var nc net.Conn
			var err error
			if network == "tcp" {
				nc, err = net.Dial("tcp", serveTCP(t, s))
			} else {
				nc, err = rpctest.Serve(t, s).Dial(context.Background())
			}
			if err != nil {
				t.Fatal(err)
			}
			r := &raw{nc, t}
			r.greet()
			for j := range 3 {
				r.send(callFrame(int32(j), "hang", "ns1"))
			}
			receive(t, g.entered, "call at the gate")
			waitFor(t, func() bool { return s.Stats().Queued == 2 })
			_ = nc.Close()
			waitFor(t, func() bool { return closed.Load() == 1 })
			close(g.open)
			waitFor(t, func() bool { return s.Stats().Running == 0 })
			if len(g.entered) != 0 || dropped.Load() != 2 {
				t.Errorf("%d ran, %d dropped; want 0 and 2", len(g.entered), dropped.Load())
			}
			waitFor(t, func() bool { return s.Stats().RequestBytes == 0 })
		})
	}
}

func TestMaxConnections(t *testing.T) {
	s := serverOf(map[string]handler{"echo": echo})
	s.MaxConnections = 1
	l := rpctest.Serve(t, s)
	c := rpctest.Dial(t, l, testClient)
	if _, err := call(c, "echo", "x"); err != nil {
		t.Fatal(err)
	}
	dialRaw(t, l).closed()
	dialRaw(t, l).closed()
	if _, err := call(c, "echo", "x"); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Refused != 2 || got.Connections != 1 {
		t.Errorf("%d refused, %d open", got.Refused, got.Connections)
	}
}

func TestSeveralListeners(t *testing.T) {
	s := serverOf(map[string]handler{"echo": echo})
	a := rpctest.Serve(t, s)
	addr := serveTCP(t, s)
	c, err := hadooprpc.Dial(context.Background(), addr, testClient)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for _, c := range []*hadooprpc.Client{c, rpctest.Dial(t, a, testClient)} {
		if got, err := call(c, "echo", "x"); got != "x" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

// TestMetaService: rpc.md 2, ProtocolMetaInfoPB.
func TestMetaService(t *testing.T) {
	s := &hadooprpc.Server{}
	p := &hadooprpc.Protocol{Name: "test", PBClass: "testPB", Version: 1, Methods: map[string]hadooprpc.Method{}}
	m := hadooprpc.Unary(echo, nil)
	m.Signature = hadooprpc.Signature{Returns: "int", Params: []string{"java.lang.String"}}
	p.Methods["m"] = m
	s.Register(p)
	c := rpctest.New(t, s, hadooprpc.ClientConfig{Protocol: "org.apache.hadoop.ipc.ProtocolMetaInfoPB"})
	ask := func(protocol, kind string) (*rpcpb.GetProtocolSignatureResponseProto, error) {
		out := &rpcpb.GetProtocolSignatureResponseProto{}
		return out, c.Call(context.Background(), "getProtocolSignature",
			&rpcpb.GetProtocolSignatureRequestProto{Protocol: &protocol, RpcKind: &kind}, out)
	}
	for _, name := range []string{"test", "testPB"} {
		out, err := ask(name, "RPC_PROTOCOL_BUFFER")
		// "m".hashCode() = 109, "int" = 104431, "java.lang.String" = 1195259493 in Java.
		h := int32(109 + 31*104431)
		h = 31*h ^ 1195259493
		if err != nil || len(out.ProtocolSignature) != 1 || out.ProtocolSignature[0].GetVersion() != 1 ||
			len(out.ProtocolSignature[0].Methods) != 1 || out.ProtocolSignature[0].Methods[0] != uint32(h) {
			t.Errorf("%s: got %v, %v; want hash %d", name, out, err, uint32(h))
		}
	}
	if out, err := ask("test", "RPC_WRITABLE"); err != nil || len(out.ProtocolSignature) != 0 {
		t.Errorf("writable: %v, %v", out, err)
	}
	for kind, class := range map[string]string{
		"RPC_PROTOCOL_BUFFER": "java.lang.ClassNotFoundException", "x": "java.lang.IllegalArgumentException",
	} {
		var remote *hadooprpc.RemoteError
		if _, err := ask("nosuch", kind); !errors.As(err, &remote) || remote.Class != class {
			t.Errorf("%s: got %v, want %s", kind, err, class)
		}
	}
	var versions rpcpb.GetProtocolVersionsResponseProto
	err := c.Call(context.Background(), "getProtocolVersions", &request{Protocol: proto.String("test")}, &versions)
	if err != nil || len(versions.ProtocolVersions) != 1 || versions.ProtocolVersions[0].Versions[0] != 1 {
		t.Errorf("versions: %v, %v", &versions, err)
	}
}

// TestAliasedBytes: large bytes of a request are not copied on their way to the handler, and are right.
func TestAliasedBytes(t *testing.T) {
	s := &hadooprpc.Server{}
	s.Register(&hadooprpc.Protocol{Name: "test", Version: 1, Methods: map[string]hadooprpc.Method{
		"sum": hadooprpc.Unary(func(_ context.Context, _ *hadooprpc.Call, r *trace) (*trace, error) {
			sum := r.GetTraceId()
			for _, b := range r.GetSpanContext() {
				sum += int64(b)
			}
			return &trace{TraceId: &sum, ParentId: r.ParentId}, nil
		}, nil),
	}})
	c := rpctest.New(t, s, testClient)
	for _, n := range []int{0, 1, 4095, 4096, 16 << 10, 16<<10 + 1, 64 << 10, 1 << 20, 3 << 20} {
		records := make([]byte, n)
		want := int64(5)
		for i := range records {
			records[i] = byte(i)
			want += int64(byte(i))
		}
		var out trace
		in := &trace{TraceId: proto.Int64(5), ParentId: proto.Int64(int64(n)), SpanContext: records}
		if err := c.Call(context.Background(), "sum", in, &out); err != nil {
			t.Fatal(err)
		}
		if out.GetTraceId() != want || out.GetParentId() != int64(n) {
			t.Errorf("%d bytes: got %v, want %d", n, &out, want)
		}
	}
	waitFor(t, func() bool { return s.Stats().RequestBytes == 0 })
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(limit) {
			t.Fatal("the awaited state did not come")
		}
		time.Sleep(100 * time.Microsecond)
	}
}
