package hadooprpc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpcpb"
	"gojn/hadooprpc/rpctest"
)

// addTalks seeds f with what the clients of the recorded talks sent, whole.
func addTalks(f *testing.F) {
	for _, k := range readTalks(f) {
		if k.sasl {
			continue
		}
		var b []byte
		for _, l := range k.lines {
			if l.client {
				b = append(b, l.bytes...)
			}
		}
		f.Add(b)
	}
}

// FuzzConnection sends arbitrary bytes to a server. Property: it does not panic; what it answers is well formed, at most one
// answer per call id and none after a FATAL; the connection ends when the client has closed; everything it held is given back,
// and it never held more than its budget.
func FuzzConnection(f *testing.F) {
	addTalks(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		var panicked atomic.Bool
		s := talkServer(talk{})
		s.MaxFrame = 1 << 20
		s.LingerTimeout = time.Millisecond
		budget := s.EnsureDefaults().RequestMemory
		s.Observer.Received = func(int) {
			if n := s.Stats().RequestBytes; n > budget {
				t.Errorf("%d bytes are held, the budget is %d", n, budget)
			}
		}
		s.Logger = logTo(panicWatch{&panicked}, &sync.Mutex{})
		l := rpctest.NewListener()
		ended := startServer(s, l)
		nc, err := l.Dial(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = nc.Write(in)
			_ = nc.(interface{ CloseWrite() error }).CloseWrite()
		}()
		out, err := io.ReadAll(nc)
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.Close()
		checkAnswers(t, in, out)
		s.Close()
		if err := <-ended; !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Fatal(err)
		}
		if err := s.Wait(context.Background()); err != nil {
			t.Fatal(err)
		}
		if st := s.Stats(); st != (hadooprpc.Stats{}) {
			t.Fatalf("left over: %+v", st)
		}
		if panicked.Load() {
			t.Fatal("a call panicked")
		}
	})
}

// checkAnswers reads a server's output as a client would.
func checkAnswers(t *testing.T, in, out []byte) {
	if len(in) >= 7 && (string(in[:4]) != "hrpc" || in[4] != 9) {
		return // not a client of version 9: the talks check these answers
	}
	r := bytes.NewReader(out)
	for r.Len() > 0 {
		h, _, err := readAnswer(r)
		if err != nil {
			t.Fatalf("bad answer: %v in %x", err, out)
		}
		if h.GetServerIpcVersionNum() != 9 || h.Status == nil || h.CallId == nil {
			t.Fatalf("bad header %v", h)
		}
		if h.GetStatus() != rpcpb.RpcResponseHeaderProto_SUCCESS &&
			(h.ExceptionClassName == nil || h.ErrorMsg == nil || h.ErrorDetail == nil) {
			t.Fatalf("error without class, message or detail: %v", h)
		}
		if h.GetStatus() == rpcpb.RpcResponseHeaderProto_FATAL && r.Len() > 0 {
			t.Fatalf("%d bytes after FATAL", r.Len())
		}
	}
}

// wholeFrames cuts b after its last whole frame, or after a length that the server refuses.
func wholeFrames(b []byte, limit int) []byte {
	at := 0
	for len(b)-at >= 4 {
		n := int(int32(binary.BigEndian.Uint32(b[at:])))
		if n < 0 || n > limit {
			return b[:at+4]
		}
		if len(b)-at-4 < n {
			break
		}
		at += 4 + n
	}
	return b[:at]
}

// FuzzFrames sends whole frames of arbitrary bytes after a good greeting, at once and in pieces. Property: the pieces do not
// matter, the same bytes come back.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{}, uint8(1))
	f.Add(callFrame(1, "isFormatted", "x"), uint8(3))
	f.Add(append(callFrame(1, "fail", "x"), callFrame(2, "isFormatted", "y")...), uint8(5))
	f.Add([]byte{0, 0, 0, 0}, uint8(1))
	f.Add([]byte{0x7F, 0xFF, 0xFF, 0xFF, 1}, uint8(2))
	f.Add(append([]byte{0, 0, 0x60, 0}, make([]byte, 0x6000)...), uint8(255))
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		const limit = 1 << 20
		in = wholeFrames(in, limit)
		ask := func(piece int) []byte {
			s := talkServer(talk{})
			s.MaxFrame = limit
			s.MaxCallsPerConn = 1 // an answer is written before the next frame is looked at
			l := rpctest.NewListener()
			ended := startServer(s, l)
			nc, err := l.Dial(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			written := make(chan struct{})
			go func() {
				defer close(written)
				b := append(append([]byte(hello), contextFrame("hdfs", "")...), in...)
				b = append(b, frame(part(envelope(-9)))...) // ends the talk with FATAL, if nothing before has
				for len(b) > 0 {
					n := min(len(b), piece)
					if _, err := nc.Write(b[:n]); err != nil {
						return
					}
					b = b[n:]
				}
			}()
			out, _ := io.ReadAll(nc)
			_ = nc.Close()
			<-written
			s.Close()
			if err := <-ended; !errors.Is(err, hadooprpc.ErrServerClosed) {
				t.Fatal(err)
			}
			return out
		}
		whole, pieces := ask(limit), ask(int(piece)+1)
		if !bytes.Equal(whole, pieces) {
			t.Fatalf("at once: %x\nin pieces of %d: %x", whole, int(piece)+1, pieces)
		}
	})
}

// FuzzResponse gives arbitrary bytes to the client as the answer to a call. Property: the call ends, with a result only if
// the bytes begin with a well formed answer to it, and the client does not hang or panic.
func FuzzResponse(f *testing.F) {
	for _, k := range readTalks(f) {
		for _, l := range k.lines {
			if !l.client && l.word == "" {
				f.Add(l.bytes)
			}
		}
	}
	id, st := uint32(0), rpcpb.RpcResponseHeaderProto_SUCCESS
	f.Add(frame(part(&rpcpb.RpcResponseHeaderProto{CallId: &id, Status: &st}), part(reply("x"))))
	f.Fuzz(func(t *testing.T, in []byte) {
		near, far := rpctest.Pipe()
		c, err := hadooprpc.NewClient(near, testClient)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.ReadFull(far, make([]byte, 60)) // the call is there
			_, _ = far.Write(in)
			_ = far.(interface{ CloseWrite() error }).CloseWrite()
			_, _ = io.Copy(io.Discard, far)
		}()
		var out response
		err = c.Call(context.Background(), "m", &request{Protocol: proto.String("x")}, &out)
		if err == nil && (out.Protocol == nil || out.RpcKind == nil || len(in) < 8) {
			t.Fatalf("a result out of %x", in)
		}
		_, _ = c.Close(), far.Close()
	})
}

type panicWatch struct{ seen *atomic.Bool }

func (w panicWatch) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("panic")) {
		w.seen.Store(true)
	}
	return len(p), nil
}
