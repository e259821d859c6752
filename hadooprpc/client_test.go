package hadooprpc_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
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
	"gojn/hadooprpc/rpcpb"
	"gojn/hadooprpc/rpctest"
)

func TestClientConcurrent(t *testing.T) {
	addr := serveTCP(t, serverOf(map[string]handler{"echo": echo}))
	c, err := hadooprpc.Dial(context.Background(), addr, testClient)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for j := range 50 {
				want := fmt.Sprint(i, "-", j)
				if got, err := call(c, "echo", want); got != want || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

// scripted is a client whose server is the test.
func scripted(t *testing.T) (*hadooprpc.Client, net.Conn) {
	t.Helper()
	near, far := rpctest.Pipe()
	c, err := hadooprpc.NewClient(near, testClient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), far.Close() })
	return c, far
}

// readRequests reads preamble, context and n calls.
func readRequests(t *testing.T, r io.Reader, n int) {
	t.Helper()
	if _, err := io.ReadFull(r, make([]byte, 7)); err != nil {
		t.Fatal(err)
	}
	for range n + 1 {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, r, int64(binary.BigEndian.Uint32(size[:]))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClientBytes: what a client sends first, as a Java client does (rpc.md 1.7), but for its random id.
func TestClientBytes(t *testing.T) {
	c, far := scripted(t)
	go func() { _, _ = call(c, "isFormatted", "ns1") }()
	want := "6872706309 0000" +
		"0000002a 1a 08021000 1805 2210" + strings.Repeat("??", 16) + "2801 0e 12060a0468646673 1a0474657374" + // context
		"00000037 1a 08021000 1800 2210" + strings.Repeat("??", 16) + // call 0
		"2800 15 0a0b6973466f726d6174746564 120474657374 1801 05 0a036e7331"
	want = strings.ReplaceAll(want, " ", "")
	b := make([]byte, len(want)/2)
	if _, err := io.ReadFull(far, b); err != nil {
		t.Fatal(err)
	}
	got := []byte(hex.EncodeToString(b))
	for i := range want {
		if want[i] == '?' {
			got[i] = '?'
		}
	}
	if string(got) != want {
		t.Errorf("sent\n%s, want\n%s", got, want)
	}
}

// TestClientID: a client that was given an id sends that one with context and calls.
func TestClientID(t *testing.T) {
	near, far := rpctest.Pipe()
	cfg := testClient
	cfg.ClientID = []byte("0123456789abcdef")
	c, err := hadooprpc.NewClient(near, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), far.Close() })
	go func() { _, _ = call(c, "isFormatted", "ns1") }()
	b := make([]byte, 7+4+0x2a+4+0x37)
	if _, err := io.ReadFull(far, b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), string(cfg.ClientID)); n != 2 {
		t.Errorf("the id is there %d times in %x", n, b)
	}
}

// TestClientRefuses: responses after which Java drops the connection.
func TestClientRefuses(t *testing.T) {
	header := func(id uint32, status int32, clientID []byte) []byte {
		st := rpcpb.RpcResponseHeaderProto_RpcStatusProto(status)
		return part(&rpcpb.RpcResponseHeaderProto{CallId: &id, Status: &st, ClientId: clientID})
	}
	result := part(reply("x"))
	tests := map[string][]byte{
		"length 0":                     {0, 0, 0, 0},
		"negative length":              {0xFF, 0, 0, 0},
		"too long":                     {0x08, 0, 0, 1},
		"not a header":                 frame([]byte{5, 1}),
		"other client id":              frame(header(0, 0, []byte("0123456789abcdef")), result),
		"bytes after the result":       frame(header(0, 0, nil), result, []byte{0}),
		"no result":                    frame(header(0, 0, nil)),
		"bytes after an error":         frame(header(0, 1, nil), []byte{0}),
		"call that was never made":     frame(header(77, 0, nil), result),
		"result of another form":       frame(header(0, 0, nil), part(&request{})),
		"header without status":        frame(protowire.AppendBytes(nil, []byte{8, 0})),
		"connection closed in a frame": {0, 0, 0, 9, 1},
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			c, far := scripted(t)
			done := make(chan error, 1)
			go func() { _, err := call(c, "m", "x"); done <- err }()
			// Wait for the request: call 0 must be there.
			readRequests(t, far, 1)
			if _, err := far.Write(b); err != nil {
				t.Fatal(err)
			}
			if len(b) < 8 && b[3] == 9 {
				_ = far.Close()
			}
			err := receive(t, done, "end of the call")
			var remote *hadooprpc.RemoteError
			if err == nil || errors.As(err, &remote) {
				t.Errorf("got %v", err)
			}
			if name == "result of another form" {
				return // only that call fails
			}
			receive(t, c.Done(), "loss of the connection")
			if _, err := call(c, "m", "x"); err == nil {
				t.Error("the connection is still used")
			}
		})
	}
}

// TestFatalFailsAllCalls: FATAL is for every call of the connection, also under another id (rpc.md 1.7).
func TestFatalFailsAllCalls(t *testing.T) {
	c, far := scripted(t)
	done := make(chan error, 3)
	for range 3 {
		go func() { _, err := call(c, "m", "x"); done <- err }()
	}
	readRequests(t, far, 3)
	id, st := uint32(0xFFFFFFFF), rpcpb.RpcResponseHeaderProto_FATAL
	code := rpcpb.RpcResponseHeaderProto_FATAL_UNAUTHORIZED
	if _, err := far.Write(frame(part(&rpcpb.RpcResponseHeaderProto{
		CallId: &id, Status: &st, ErrorMsg: proto.String("no"), ErrorDetail: &code,
	}))); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var remote *hadooprpc.RemoteError
		err := receive(t, done, "end of a call")
		if !errors.As(err, &remote) || !remote.Fatal || remote.Code != hadooprpc.CodeFatalUnauthorized ||
			remote.Class != "ServerDidNotSetExceptionClassName" {
			t.Errorf("got %v", err)
		}
	}
}

// TestAbandonedCall: the late response to a call whose context has ended harms nobody.
func TestAbandonedCall(t *testing.T) {
	g := newGate()
	s := serverOf(map[string]handler{"hang": g.handle, "echo": echo})
	c := rpctest.New(t, s, testClient)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Call(ctx, "hang", &request{Protocol: proto.String("")}, &response{}) }()
	receive(t, g.entered, "call at the gate")
	cancel()
	if err := receive(t, done, "end of the call"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(g.open)
	waitFor(t, func() bool { return s.Stats().Running == 0 })
	for range 3 {
		if _, err := call(c, "echo", "x"); err != nil {
			t.Error(err)
		}
	}
}

// TestPings: after PingInterval of silence with a call under way, and only then (rpc.md 1.8, ipc.ping.interval).
func TestPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := scripted(t)
		time.Sleep(time.Hour) // no call: no ping
		go func() { _, _ = call(c, "m", "x") }()
		readRequests(t, far, 1)
		began := time.Now()
		b := make([]byte, 4+27)
		if _, err := io.ReadFull(far, b); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d < time.Second || d > 2*time.Minute {
			t.Errorf("ping after %v", d)
		}
		if n := binary.BigEndian.Uint32(b); n != 27 || hex.EncodeToString(b[4:13]) != "1a0802100018072210" {
			t.Errorf("ping is %x", b)
		}
	})
}

func TestClientClose(t *testing.T) {
	c, _ := scripted(t)
	done := make(chan error, 1)
	go func() { _, err := call(c, "m", "x"); done <- err }()
	_ = c.Close()
	_ = c.Close()
	if err := receive(t, done, "end of the call"); !errors.Is(err, hadooprpc.ErrClientClosed) {
		t.Errorf("got %v", err)
	}
}

func TestDialFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	if c, err := hadooprpc.Dial(context.Background(), addr, testClient); err == nil {
		_ = c.Close()
		t.Error("connected to nobody")
	}
}
