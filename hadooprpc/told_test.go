package hadooprpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
)

// TestFloodOfConnections: connections that are refused, misdirected or wrong make a few lines, however often they come.
func TestFloodOfConnections(t *testing.T) {
	const many = 1000
	tooLong := append([]byte(hello), 0xFF, 0xFF, 0xFF, 0xFF)
	for name, c := range map[string]struct {
		full  bool
		sends []byte
		want  string
	}{
		"too many":         {true, nil, "too many are open"},
		"TLS":              {false, []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "not Hadoop IPC version 9"},
		"a later version":  {false, []byte("hrpc\x0a\x00\x00"), "connection closed with an error"},
		"impossible frame": {false, tooLong, "frame length out of range"},
		"no context":       {false, append([]byte(hello), callFrame(1, "echo", "")...), "connection closed with an error"},
		"bad name":         {false, append([]byte(hello), contextFrame("a@b@c", "")...), "bad user name"},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			var mu sync.Mutex
			s := serverOf(map[string]handler{"echo": echo})
			s.Logger = logTo(&log, &mu)
			if c.full {
				s.MaxConnections = 1
			}
			l := rpctest.Serve(t, s)
			if c.full {
				rpctest.Dial(t, l, testClient)
			}
			for range many {
				nc, err := l.Dial(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				_, _ = nc.Write(c.sends)
				_, _ = io.Copy(io.Discard, nc)
				_ = nc.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			if lines := strings.Count(log.String(), "\n"); lines > 20 || !strings.Contains(log.String(), c.want) {
				t.Errorf("%d lines for %d connections, %q wanted: %.500s", lines, many, c.want, log.String())
			}
		})
	}
}

// failingListener fails with an error first.
type failingListener struct {
	*rpctest.Listener
	fails chan error
}

func (l *failingListener) Accept() (net.Conn, error) {
	select {
	case err := <-l.fails:
		return nil, err
	default:
		return l.Listener.Accept()
	}
}

// TestAcceptFails: an Accept that fails does not end the server (Java Server.Listener.run).
func TestAcceptFails(t *testing.T) {
	var log strings.Builder
	var mu sync.Mutex
	s := serverOf(map[string]handler{"echo": echo})
	s.Logger = logTo(&log, &mu)
	errnos := []syscall.Errno{syscall.ENOBUFS, syscall.ENOMEM, syscall.EPERM, syscall.EMFILE}
	l := &failingListener{rpctest.NewListener(), make(chan error, len(errnos))}
	for _, errno := range errnos {
		l.fails <- &net.OpError{Op: "accept", Err: errno}
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	defer func() {
		s.Close()
		if err := <-served; !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	}()
	nc, err := l.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c, err := hadooprpc.NewClient(nc, testClient)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := call(c, "echo", "hi"); got != "hi" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if said := log.String(); strings.Count(said, "a connection cannot be accepted") != 1 || !strings.Contains(said, "no buffer space") {
		t.Errorf("the log says %s", said)
	}
}
