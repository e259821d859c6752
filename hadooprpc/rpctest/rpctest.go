// Package rpctest runs a hadooprpc.Server in memory, for tests of what is built on it: a listener without sockets, a pair of
// connected ends, and a client that is ready to call. Nothing in it reads a clock of its own, so it works inside
// testing/synctest bubbles.
package rpctest

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"gojn/hadooprpc"
)

// Listener is a net.Listener whose connections are pipes.
type Listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewListener returns a listener that nobody serves yet.
func NewListener() *Listener {
	return &Listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Accept waits for a Dial.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial; connections that are open stay so.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr is a name, not an address.
func (l *Listener) Addr() net.Addr { return pipeAddr("server") }

// Dial opens a connection; it waits until the listener accepts it.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	client, server := Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// DialContext makes a Listener usable as hadooprpc.ClientConfig.Dialer; network and address are not looked at.
func (l *Listener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	return l.Dial(ctx)
}

// Serve runs s on a Listener until the test ends, and then sees that it stops in order.
func Serve(t testing.TB, s *hadooprpc.Server) *Listener {
	t.Helper()
	l := NewListener()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-ended; !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return l
}

// New runs s in memory until the test ends and returns a client of it.
func New(t testing.TB, s *hadooprpc.Server, cfg hadooprpc.ClientConfig) *hadooprpc.Client {
	t.Helper()
	return Dial(t, Serve(t, s), cfg)
}

// Dial returns one more client of a server that Serve runs; it is closed when the test ends.
func Dial(t testing.TB, l *Listener, cfg hadooprpc.ClientConfig) *hadooprpc.Client {
	t.Helper()
	cfg.Dialer = l.DialContext
	c, err := hadooprpc.Dial(context.Background(), "server", cfg)
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
