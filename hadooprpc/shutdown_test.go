package hadooprpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
)

// startServer serves on l in the background; the returned channel gets what Serve returns.
func startServer(s *hadooprpc.Server, l net.Listener) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	return ended
}

// listeners runs a test in memory and over TCP.
func listeners(t *testing.T, test func(t *testing.T, l net.Listener, dial func() net.Conn)) {
	t.Run("memory", func(t *testing.T) {
		l := rpctest.NewListener()
		test(t, l, func() net.Conn {
			nc, err := l.Dial(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			return nc
		})
	})
	t.Run("tcp", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		test(t, l, func() net.Conn {
			nc, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			return nc
		})
	})
}

// TestShutdownAtRest: a stop does not wait for peers that have their answers and leave the connection open, as Java clients do.
func TestShutdownAtRest(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what a socket holds can be asked on Linux only")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serverOf(map[string]handler{"echo": echo})
	s.LingerTimeout = time.Hour
	ended := startServer(s, l)
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer := &raw{nc, t}
	defer peer.Close()
	peer.greet()
	peer.send(callFrame(1, "echo", "x"))
	peer.answer()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := receive(t, ended, "end of Serve"); !errors.Is(err, hadooprpc.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	peer.closed()
}

// TestShutdown: calls that were read are finished and answered, new ones are not taken, idle connections are closed.
func TestShutdown(t *testing.T) {
	listeners(t, func(t *testing.T, l net.Listener, dial func() net.Conn) {
		g := newGate()
		s := serverOf(map[string]handler{"hang": g.handle})
		s.Handlers = 1 // the second call is queued
		ended := startServer(s, l)
		idle, busy := &raw{dial(), t}, &raw{dial(), t}
		defer func() { _, _ = idle.Close(), busy.Close() }()
		idle.greet()
		busy.greet()
		busy.send(callFrame(1, "hang", ""), callFrame(2, "hang", ""))
		receive(t, g.entered, "call at the gate")
		waitFor(t, func() bool { return s.Stats().Queued == 1 && s.Stats().Connections == 2 })
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(context.Background()) }()
		idle.closed()
		_ = idle.Close()
		if err := receive(t, ended, "end of Serve"); !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
		busy.send(callFrame(3, "hang", "")) // not taken
		select {
		case err := <-done:
			t.Fatalf("Shutdown did not wait: %v", err)
		default:
		}
		close(g.open)
		for id := range uint32(2) {
			if h, _ := busy.answer(); h.GetCallId() != id+1 {
				t.Errorf("answer to %d, want %d", h.GetCallId(), id+1)
			}
		}
		busy.closed()
		_ = busy.Close()
		if err := receive(t, done, "end of Shutdown"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := s.Serve(l); !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Errorf("Serve after Shutdown: %v", err)
		}
	})
}

// TestShutdownDeadline: what is not done by then is cut without an answer; the handler's context ends; Wait waits for it.
func TestShutdownDeadline(t *testing.T) {
	listeners(t, func(t *testing.T, l net.Listener, dial func() net.Conn) {
		entered, release := make(chan struct{}), make(chan struct{})
		s := serverOf(map[string]handler{
			"hang": func(ctx context.Context, _ *hadooprpc.Call, _ *request) (*response, error) {
				close(entered)
				<-ctx.Done()
				<-release
				return reply(""), nil
			},
		})
		s.Handlers = 1
		ended := startServer(s, l)
		r := &raw{dial(), t}
		defer func() { _ = r.Close() }()
		r.greet()
		r.send(callFrame(1, "hang", ""), callFrame(2, "hang", ""))
		receive(t, entered, "call")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown: %v", err)
		}
		if b, _ := io.ReadAll(r); len(b) > 0 {
			t.Errorf("answered: %x", b)
		}
		if err := receive(t, ended, "end of Serve"); !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Error(err)
		}
		if err := s.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait did not wait for the handler: %v", err)
		}
		close(release)
		if err := s.Wait(context.Background()); err != nil {
			t.Errorf("Wait: %v", err)
		}
		if st := s.Stats(); st.Connections != 0 || st.Queued != 0 || st.Running != 0 || st.RequestBytes != 0 {
			t.Errorf("left over: %+v", st)
		}
	})
}

func TestCloseBeforeServe(t *testing.T) {
	s := serverOf(nil)
	s.Close()
	s.Close()
	if err := s.Serve(rpctest.NewListener()); !errors.Is(err, hadooprpc.ErrServerClosed) {
		t.Errorf("got %v", err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("got %v", err)
	}
}

// TestServeFails: a listener that breaks ends Serve with its error.
func TestServeFails(t *testing.T) {
	s := serverOf(nil)
	defer s.Close()
	l := rpctest.NewListener()
	_ = l.Close()
	if err := s.Serve(l); !errors.Is(err, net.ErrClosed) || errors.Is(err, hadooprpc.ErrServerClosed) {
		t.Errorf("got %v", err)
	}
}

// TestNoHalfAnswer: at a cut every answer that the client got is whole, though many are under way.
func TestNoHalfAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serverOf(map[string]handler{"echo": echo})
	ended := startServer(s, l)
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	r := &raw{nc, t}
	r.greet()
	arg := string(make([]byte, 20<<10))
	go func() {
		for i := range int32(1 << 20) {
			if _, err := nc.Write(callFrame(i, "echo", arg)); err != nil {
				return
			}
		}
	}()
	for range 20 {
		r.answer()
	}
	closed := make(chan struct{})
	go func() { s.Close(); close(closed) }()
	for {
		_, _, err := readAnswer(nc)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error("half an answer")
		}
		if err != nil {
			break
		}
	}
	receive(t, closed, "end of Close")
	if err := receive(t, ended, "end of Serve"); !errors.Is(err, hadooprpc.ErrServerClosed) {
		t.Error(err)
	}
	if err := s.Wait(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestFatalIsSeen: a client that goes on writing after an offence still gets the answer, not a reset (rpc.md trap 30).
func TestFatalIsSeen(t *testing.T) {
	s := serverOf(nil)
	s.Mechanisms = []hadooprpc.Mechanism{fakeMechanism{}}
	addr := serveTCP(t, s)
	for range 20 {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		r := &raw{nc, t}
		r.send([]byte(hello), contextFrame("hdfs", ""), make([]byte, 300<<10))
		if h, _ := r.answer(); h.GetErrorDetail() != 15 {
			t.Errorf("got %v", h)
		}
		r.closed()
		_ = nc.Close()
	}
}
