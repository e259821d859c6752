package hadooprpc

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc/rpcpb"
)

type none = rpcpb.RPCTraceInfoProto

// TestHotConnection: a connection becomes hot by its calls; a call that hangs in the goroutine of its reader holds up neither
// others on the connection nor its own answer; a silent connection gives its goroutine back and is served again later.
func TestHotConnection(t *testing.T) {
	release := make(chan struct{})
	hanging := make(chan struct{}, 1)
	s := &Server{}
	s.Register(&Protocol{Name: "test", Version: 1, Methods: map[string]Method{
		"hang": Unary(func(context.Context, *Call, *none) (*none, error) {
			hanging <- struct{}{}
			<-release
			return &none{TraceId: proto.Int64(7)}, nil
		}, nil),
		"ask": Unary(func(context.Context, *Call, *none) (*none, error) { return &none{}, nil }, nil),
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	defer func() {
		s.Close()
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Error(err)
		}
		if n := s.hot.Load(); n != 0 {
			t.Errorf("%d hot connections after the end", n)
		}
	}()
	c, err := Dial(context.Background(), l.Addr().String(), ClientConfig{Protocol: "test", User: "hdfs"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	ask := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := c.Call(ctx, "ask", &none{}, &none{}); err != nil {
			t.Fatal(err)
		}
	}
	until := func(hot int32) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); s.hot.Load() != hot; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d hot connections, want %d", s.hot.Load(), hot)
			}
		}
	}
	ask()
	until(1)
	for range 3 {
		hung := make(chan error, 1)
		var answer none
		go func() { hung <- c.Call(context.Background(), "hang", &none{}, &answer) }()
		<-hanging
		for range 5 {
			ask()
		}
		release <- struct{}{}
		if err := <-hung; err != nil || answer.GetTraceId() != 7 {
			t.Fatalf("the hanging call: %v, %v", &answer, err)
		}
		ask()
	}
	until(0)
	ask()
	until(1)
}

// TestDiscard: the whole pages inside a buffer are given back, which shows in their being zero, and nothing beside them.
func TestDiscard(t *testing.T) {
	page := os.Getpagesize()
	all := bytes.Repeat([]byte{1}, 8*page)
	discard(all[10 : 7*page+10])
	zeros, ones := bytes.Count(all, []byte{0}), bytes.Count(all, []byte{1})
	if zeros < 5*page || zeros > 7*page || zeros%page != 0 || zeros+ones != len(all) {
		t.Errorf("%d zeros and %d ones of %d bytes, in pages of %d", zeros, ones, len(all), page)
	}
	if at := bytes.IndexByte(all, 0); at < 10 || bytes.LastIndexByte(all, 0) >= 7*page+10 {
		t.Errorf("zeros from %d to %d, outside of what was discarded", at, bytes.LastIndexByte(all, 0))
	}
	discard(all[:0])
	discard(nil)
	discard(all[1:page])
	if got := bytes.Count(all, []byte{0}); got != zeros {
		t.Errorf("less than a page was discarded: %d zeros, before %d", got, zeros)
	}
	big := getBuffer(bufferSizes[len(bufferSizes)-1] + 1)
	*big = append(*big, bytes.Repeat([]byte{1}, cap(*big))...)
	seen := (*big)[page : 2*page]
	putBuffer(big)
	if !bytes.Equal(seen, make([]byte, page)) {
		t.Error("a large buffer keeps its pages after use")
	}
}
