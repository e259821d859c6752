package hadooprpc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
)

// The tests of this file run in synctest bubbles: their clock is the bubble's and moves only when everybody waits.

// bigCall is the beginning of a call frame of size bytes that goes to method "echo" with a string of nearly that size.
func bigCall(id int32, size int) []byte {
	head := bytes.Join([][]byte{part(envelope(id)), part(method("echo"))}, nil)
	arg := size - len(head) - 20
	return frame(head, part(&request{Protocol: proto.String(strings.Repeat("x", arg))}))
}

// small is a configuration in which two large frames do not fit at a time.
func small(s *hadooprpc.Server) *hadooprpc.Server {
	s.MaxFrame = 2 << 20
	return s
}

// TestHalfReadFrameDoesNotBlockOthers: two peers have sent the first parts of frames that only fit one after the other. The
// first gets the memory, and when it stalls it is cut and the second goes on; small frames pass meanwhile.
func TestHalfReadFrameDoesNotBlockOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := small(serverOf(map[string]handler{"echo": echo}))
		s.AnswerMemory, s.AnswersPerConn = -1, -1
		l := rpctest.Serve(t, s)
		a, b := dialRaw(t, l), dialRaw(t, l)
		a.greet()
		b.greet()
		size := 2<<20 - 100
		a.send(bigCall(1, size)[:100<<10])
		synctest.Wait()
		b.send(bigCall(2, size)[:20<<10])
		synctest.Wait()
		held := s.Stats().RequestBytes
		if held < int64(size) || held > int64(size)+100<<10 {
			t.Fatalf("%d bytes are held, want one whole frame and a first part", held)
		}
		if got, err := call(rpctest.Dial(t, l, testClient), "echo", "small"); got != "small" || err != nil {
			t.Fatalf("small frame: %v", err)
		}
		began := time.Now()
		a.closed() // cut after a tenth of StallTimeout, since somebody waits
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("the staller was cut after %v", d)
		}
		go func() { _, _ = b.Write(bigCall(2, size)[20<<10:]) }()
		if h, _ := b.answer(); h.GetCallId() != 2 {
			t.Errorf("answer to %d", h.GetCallId())
		}
		_ = b.Close()
		synctest.Wait()
		if n := s.Stats().RequestBytes; n != 0 {
			t.Errorf("%d bytes are still held", n)
		}
	})
}

// TestStalledFrame: without anybody waiting a peer has StallTimeout for each 64 KiB; a slow one that keeps up is not cut.
func TestStalledFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serverOf(map[string]handler{"echo": echo})
		l := rpctest.Serve(t, s)
		slow, stalled, tiny := dialRaw(t, l), dialRaw(t, l), dialRaw(t, l)
		began := time.Now()
		for _, r := range []*raw{slow, stalled, tiny} {
			r.greet()
		}
		b := bigCall(1, 300<<10)
		stalled.send(b[:70<<10])
		tiny.send(callFrame(1, "echo", "x")[:10])
		for len(b) > 0 {
			n := min(len(b), 66<<10)
			slow.send(b[:n])
			b = b[n:]
			time.Sleep(8 * time.Second)
		}
		slow.answer()
		for _, r := range []*raw{stalled, tiny} {
			r.closed()
		}
		if d := time.Since(began); d > time.Minute {
			t.Errorf("cut after %v", d)
		}
	})
}

// TestSilenceIsNoStall: a peer that has announced a frame and sent nothing of it holds nothing and is not cut.
func TestSilenceIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serverOf(map[string]handler{"echo": echo})
		r := dialRaw(t, rpctest.Serve(t, s))
		r.greet()
		f := callFrame(1, "echo", "x")
		r.send(f[:4])
		time.Sleep(time.Hour)
		if n := s.Stats().RequestBytes; n != 0 {
			t.Errorf("%d bytes held", n)
		}
		r.send(f[4:])
		r.answer()
	})
}

// TestWriterReserve: while others fill the memory for large frames, the writer's frames pass.
func TestWriterReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := small(serverOf(map[string]handler{
			"echo": echo,
			"mark": func(_ context.Context, c *hadooprpc.Call, r *request) (*response, error) {
				c.MarkWriter(r.GetProtocol())
				return reply(""), nil
			},
		}))
		s.StallTimeout = -1 // nobody is cut
		s.AnswerMemory, s.AnswersPerConn = -1, -1
		l := rpctest.Serve(t, s)
		writer := rpctest.Dial(t, l, testClient)
		if _, err := call(writer, "mark", "ns1"); err != nil {
			t.Fatal(err)
		}
		size := 2<<20 - 100
		for i := range 5 {
			r := dialRaw(t, l)
			r.greet()
			go func() { _, _ = r.Write(bigCall(int32(i), size)[:size/2]) }()
		}
		synctest.Wait()
		arg := strings.Repeat("y", size-200)
		for range 3 {
			if got, err := call(writer, "echo", arg); got != arg || err != nil {
				t.Fatalf("the writer is blocked: %v", err)
			}
		}
		other := rpctest.Dial(t, l, testClient)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := other.Call(ctx, "echo", &request{Protocol: &arg}, &response{}); err == nil {
			t.Fatal("another's large frame passed: the test does not fill the memory")
		}
	})
}

// TestUnreadAnswers: a peer that does not read is cut, by the bound of its connection, by the bound of all, and by time.
func TestUnreadAnswers(t *testing.T) {
	answer := strings.Repeat("z", 100<<10)
	big := func(context.Context, *hadooprpc.Call, *request) (*response, error) { return reply(answer), nil }
	tests := map[string]struct {
		set   func(*hadooprpc.Server)
		calls int
		after time.Duration
	}{
		"per connection": {func(s *hadooprpc.Server) { s.AnswersPerConn = 1 << 20 }, 30, 0},
		"all together":   {func(s *hadooprpc.Server) { s.AnswerMemory = 1 << 20 }, 30, 0},
		"by time":        {func(s *hadooprpc.Server) { s.PurgeInterval = time.Minute }, 3, time.Minute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serverOf(map[string]handler{"big": big, "echo": echo})
				s.StallTimeout = -1
				tc.set(s)
				closed := make(chan error, 1)
				s.Observer.ConnClosed = func(_ net.Addr, cause error) { closed <- cause }
				l := rpctest.Serve(t, s)
				r := dialRaw(t, l)
				r.greet()
				began := time.Now()
				for i := range tc.calls {
					if _, err := r.Write(callFrame(int32(i), "big", "")); err != nil {
						break
					}
				}
				cause := <-closed
				if !strings.Contains(cause.Error(), "does not read its answers") {
					t.Errorf("closed because: %v", cause)
				}
				if d := time.Since(began); d < tc.after || d > tc.after+5*time.Second {
					t.Errorf("cut after %v, want %v", d, tc.after)
				}
				synctest.Wait()
				if st := s.Stats(); st.AnswerBytes != 0 || st.RequestBytes != 0 {
					t.Errorf("still held: %+v", st)
				}
				if _, err := call(rpctest.Dial(t, l, testClient), "echo", "x"); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestUnreadAnswersHoldNoPlace: a handler's place is free again before its answer is written.
func TestUnreadAnswersHoldNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := strings.Repeat("z", 200<<10)
		s := serverOf(map[string]handler{
			"big": func(context.Context, *hadooprpc.Call, *request) (*response, error) { return reply(answer), nil },
		})
		l := rpctest.Serve(t, s)
		for i := range 10 {
			r := dialRaw(t, l)
			r.greet()
			r.send(callFrame(int32(i), "big", "ns1"))
		}
		synctest.Wait()
		if st := s.Stats(); st.Running != 0 || st.Queued != 0 || st.AnswerBytes < 10*200<<10 {
			t.Errorf("%+v, want 10 answers waiting and nothing running", st)
		}
	})
}

// TestIdleConnections: ConnectionManager's rules (rpc.md 1.10).
func TestIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := serverOf(map[string]handler{"hang": g.handle, "echo": echo})
		s.IdleThreshold, s.KillMax = 6, 2
		var open atomic.Int32
		s.Observer.ConnOpened = func(net.Addr) { open.Add(1) }
		s.Observer.ConnClosed = func(net.Addr, error) { open.Add(-1) }
		l := rpctest.Serve(t, s)
		busy := dialRaw(t, l)
		busy.greet()
		busy.send(callFrame(1, "hang", ""))
		for range 4 {
			dialRaw(t, l).greet()
		}
		time.Sleep(time.Hour + time.Second/2) // between two scans
		if n := open.Load(); n != 5 {
			t.Fatalf("%d open below the threshold, want 5", n)
		}
		for range 3 {
			dialRaw(t, l).greet()
		}
		// Eight are open, four of them idle since long: two go at the next scan, then five or more are open no longer.
		time.Sleep(11 * time.Second)
		if n := open.Load(); n != 6 {
			t.Fatalf("%d open after a scan, want KillMax = 2 less than 8", n)
		}
		time.Sleep(time.Hour)
		if n := open.Load(); n != 4 && n != 5 {
			t.Errorf("%d open, want no more closed than it takes to fall below the threshold", n)
		}
		close(g.open)
		busy.answer() // a connection with a call under way is not idle
	})
}

// TestOversizedFrameHoldsNothing: the length is checked before anything is reserved.
func TestOversizedFrameHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serverOf(map[string]handler{"echo": echo})
		s.MaxFrame = 1000
		l := rpctest.Serve(t, s)
		r := dialRaw(t, l)
		r.greet()
		r.send(bigCall(1, 1000)[:0], binary.BigEndian.AppendUint32(nil, 1001))
		r.closed()
		exact := dialRaw(t, l)
		exact.greet()
		f := bigCall(1, 1000)
		f = append(f, bytes.Repeat([]byte{0xFF}, 1004-len(f))...) // what follows the parameter is ignored
		binary.BigEndian.PutUint32(f, 1000)
		exact.send(f)
		exact.answer()
	})
}

// TestLinger: after a FATAL the server waits for the peer to close, for LingerTimeout at most, and reads nothing more.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int32
		s := serverOf(map[string]handler{
			"echo": func(context.Context, *hadooprpc.Call, *request) (*response, error) { ran.Add(1); return reply(""), nil },
		})
		closed := make(chan error, 1)
		s.Observer.ConnClosed = func(_ net.Addr, cause error) { closed <- cause }
		r := dialRaw(t, rpctest.Serve(t, s))
		r.send([]byte(hello), callFrame(1, "echo", "x"), contextFrame("hdfs", ""), callFrame(2, "echo", "x"))
		if h, _ := r.answer(); h.GetErrorDetail() != 12 {
			t.Fatalf("got %v", h)
		}
		began := time.Now()
		if b, err := io.ReadAll(r); len(b) > 0 || err != nil {
			t.Fatalf("after FATAL: %x, %v", b, err)
		}
		if cause := <-closed; cause == nil {
			t.Error("closed without a cause")
		}
		if d := time.Since(began); d > 3*time.Second || d < time.Second {
			t.Errorf("lingered %v, want LingerTimeout = 1s and a tick at most", d)
		}
		if ran.Load() != 0 {
			t.Error("a call after FATAL ran")
		}
	})
}

// TestHangingKeyCannotFillTheMemory: from a quarter of the memory for small frames on, calls of a key are refused.
func TestHangingKeyCannotFillTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := serverOf(map[string]handler{"hang": g.handle, "echo": echo})
		l := rpctest.Serve(t, s)
		var conns []*raw
		for range 16 {
			r := dialRaw(t, l)
			conns = append(conns, r)
			r.greet()
			for i := range 100 {
				r.send(frame(part(envelope(int32(i))), part(method("hang")), part(&request{Protocol: proto.String("stuck")}),
					make([]byte, 15<<10)))
			}
			synctest.Wait()
		}
		if st := s.Stats(); st.RequestBytes > 17<<20 || st.RequestBytes < 15<<20 {
			t.Errorf("the key holds %d bytes, want a quarter of 64 MiB", st.RequestBytes)
		}
		last := conns[len(conns)-1]
		h, _ := last.answer()
		if h.GetExceptionClassName() != hadooprpc.ClassRetriable || h.GetErrorDetail() != 4 {
			t.Errorf("got %v", h)
		}
		if _, err := call(rpctest.Dial(t, l, testClient), "echo", "ns1"); err != nil {
			t.Error(err)
		}
		close(g.open)
		for _, r := range conns {
			_ = r.Close()
		}
		synctest.Wait()
		if st := s.Stats(); st.RequestBytes != 0 || st.Queued != 0 || st.Running != 0 {
			t.Errorf("left over: %+v", st)
		}
	})
}
