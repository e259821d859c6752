package hadooprpc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
)

// tailServer has a method "plain", which answers a trace with the parts joined, and "tailed", which answers the same without
// a copy.
func tailServer(holds int64, parts ...[]byte) *hadooprpc.Server {
	unary := func(h func() proto.Message) hadooprpc.Method {
		return hadooprpc.Unary(func(context.Context, *hadooprpc.Call, *request) (proto.Message, error) { return h(), nil }, nil)
	}
	s := &hadooprpc.Server{}
	s.Register(&hadooprpc.Protocol{Name: "test", Version: 1, Methods: map[string]hadooprpc.Method{
		"plain": unary(func() proto.Message {
			return &trace{TraceId: proto.Int64(7), SpanContext: append([]byte{}, bytes.Join(parts, nil)...)}
		}),
		"tailed": unary(func() proto.Message {
			return &hadooprpc.Tailed{Message: &trace{TraceId: proto.Int64(7)}, Field: 3, Parts: parts, Holds: holds}
		}),
		"echo": hadooprpc.Unary(echo, nil),
	}})
	return s
}

// TestTailed: on the wire nothing tells a Tailed from the message with its field set, whatever the parts, over a socket and
// over memory, alone and queued behind others.
func TestTailed(t *testing.T) {
	for name, parts := range map[string][][]byte{
		"none":         {},
		"one, empty":   {{}},
		"one":          {[]byte("x")},
		"several":      {[]byte("header"), nil, bytes.Repeat([]byte("a"), 5000), []byte("z")},
		"longer":       {bytes.Repeat([]byte("b"), 300_000), bytes.Repeat([]byte("c"), 900_000)},
		"very many":    slicesOf(3000, 100), // more than one writev takes
		"length of 14": slicesOf(1, 1<<14),  // where a varint grows
	} {
		t.Run(name, func(t *testing.T) {
			s := tailServer(0, parts...)
			inMemory := dialRaw(t, rpctest.Serve(t, s))
			overTCP := &raw{dialTCP(t, tailServer(0, parts...)), t}
			for _, r := range []*raw{inMemory, overTCP} {
				r.greet()
				r.send(callFrame(1, "plain", ""))
				_, want := r.answer()
				go func() {
					_, _ = r.Write(bytes.Join([][]byte{callFrame(1, "tailed", ""), callFrame(1, "tailed", "")}, nil))
				}()
				for range 2 {
					if h, got := r.answer(); !bytes.Equal(got, want) || h.GetCallId() != 1 {
						t.Errorf("%d bytes, want %d:\n%.40x\n%.40x", len(got), len(want), got, want)
					}
				}
			}
		})
	}
}

func slicesOf(n, size int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = bytes.Repeat([]byte{byte(i)}, size)
	}
	return out
}

// dialTCP serves s on loopback and connects to it.
func dialTCP(t testing.TB, s *hadooprpc.Server) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nc.Close()
		s.Close()
		if err := <-served; !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Error(err)
		}
		if err := s.Wait(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return nc
}

// TestTailedCounts: an answer that waits counts with its parts, or with what they hold; a large one is told of; the size in
// CallInfo is that of the frame; and what was counted is given back when the client reads, or goes.
func TestTailedCounts(t *testing.T) {
	const size = 300 << 10 // more than the pipe between the two takes
	for name, holds := range map[string]int64{"their length": 0, "what they hold": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var log bytes.Buffer
				s := tailServer(holds, bytes.Repeat([]byte("a"), size))
				s.MaxResponseWarn = size
				s.Logger = logTo(&log, &mu)
				told := make(chan hadooprpc.CallInfo, 1)
				s.Observer.CallDone = func(i hadooprpc.CallInfo) { told <- i }
				l := rpctest.Serve(t, s)
				for _, reads := range []bool{true, false} {
					r := dialRaw(t, l)
					r.greet()
					r.send(callFrame(1, "tailed", ""))
					info := <-told
					synctest.Wait()
					waiting := s.Stats().AnswerBytes
					if want := max(size, holds); waiting < want || waiting > want+100 {
						t.Errorf("%d bytes wait, want %d", waiting, want)
					}
					if reads {
						var n [4]byte
						if _, err := io.ReadFull(r, n[:]); err != nil {
							t.Fatal(err)
						}
						length := int(binary.BigEndian.Uint32(n[:]))
						if _, err := io.CopyN(io.Discard, r, int64(length)); err != nil {
							t.Fatal(err)
						}
						if info.ResponseBytes != 4+length {
							t.Errorf("ResponseBytes %d of a frame of %d", info.ResponseBytes, 4+length)
						}
					}
					_ = r.Close()
					synctest.Wait()
					if n := s.Stats().AnswerBytes; n != 0 {
						t.Errorf("%d bytes are still counted", n)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				if !strings.Contains(log.String(), "large response") {
					t.Error("nobody was told of the large answer")
				}
			})
		})
	}
}

// TestTailedUnread: who does not read is cut by what his answers hold, not only by their length.
func TestTailedUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tailServer(400<<10, bytes.Repeat([]byte("a"), 100<<10))
		s.StallTimeout = -1
		s.AnswersPerConn = 1 << 20
		closed := make(chan error, 1)
		s.Observer.ConnClosed = func(_ net.Addr, cause error) { closed <- cause }
		r := dialRaw(t, rpctest.Serve(t, s))
		r.greet()
		for i := range 3 { // 300 KiB on the wire
			_, _ = r.Write(callFrame(int32(i), "tailed", ""))
		}
		select {
		case cause := <-closed:
			if !strings.Contains(cause.Error(), "does not read its answers") {
				t.Errorf("closed because: %v", cause)
			}
		case <-time.After(time.Second):
			t.Error("not cut")
		}
		synctest.Wait()
		if n := s.Stats().AnswerBytes; n != 0 {
			t.Errorf("%d bytes are still counted", n)
		}
	})
}

// TestTailedIncomplete: a missing field is an error of the call, as without parts.
func TestTailedIncomplete(t *testing.T) {
	s := &hadooprpc.Server{}
	s.Register(&hadooprpc.Protocol{Name: "test", Version: 1, Methods: map[string]hadooprpc.Method{
		"incomplete": hadooprpc.Unary(func(context.Context, *hadooprpc.Call, *request) (proto.Message, error) {
			return &hadooprpc.Tailed{Message: &request{}, Field: 2, Parts: [][]byte{[]byte("x")}}, nil
		}, nil),
	}})
	_, err := call(rpctest.New(t, s, testClient), "incomplete", "")
	var remote *hadooprpc.RemoteError
	if !errors.As(err, &remote) || remote.Code != hadooprpc.CodeSerializingResponse {
		t.Errorf("got %v", err)
	}
}

// BenchmarkTailed answers a MiB over loopback TCP from four pieces that lie ready, without a copy and, for comparison, with
// one.
func BenchmarkTailed(b *testing.B) {
	for _, method := range []string{"tailed", "plain"} {
		b.Run(method, func(b *testing.B) {
			nc := dialTCP(b, tailServer(0, slicesOf(4, 256<<10)...))
			if _, err := nc.Write(append([]byte(hello), contextFrame("hdfs", "")...)); err != nil {
				b.Fatal(err)
			}
			ask := callFrame(1, method, "")
			buf := make([]byte, 2<<20)
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := nc.Write(ask); err != nil {
					b.Fatal(err)
				}
				if err := readFrame(nc, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// readFrame reads one frame into buf.
func readFrame(r io.Reader, buf []byte) error {
	if _, err := io.ReadFull(r, buf[:4]); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint32(buf))
	if n > len(buf) {
		return fmt.Errorf("a frame of %d bytes", n)
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		return err
	}
	_, k := protowire.ConsumeBytes(buf[:n])
	return protowire.ParseError(min(k, 0))
}
