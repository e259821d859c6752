package hadooprpc_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"gojn/hadooprpc"
)

// TestAlive: a server that answers or refuses is alive; one that only listens, or does not, is not.
func TestAlive(t *testing.T) {
	listen := func() net.Listener {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	alive := func(l net.Listener, patience time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return hadooprpc.Alive(ctx, l.Addr().String())
	}
	for name, cfg := range map[string]hadooprpc.Config{
		"it answers":      {},
		"it has too many": {MaxConnections: 1},
	} {
		l := listen()
		s := &hadooprpc.Server{Config: cfg}
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		other, err := net.Dial("tcp", l.Addr().String()) // takes the only place, if there is only one
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := alive(l, time.Minute); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		_ = other.Close()
		s.Close()
		if err := <-served; !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Error(err)
		}
	}
	deaf := listen()
	if err := alive(deaf, 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody accepts: %v", err)
	}
	if err := deaf.Close(); err != nil {
		t.Fatal(err)
	}
	if err := alive(deaf, time.Minute); err == nil {
		t.Error("nobody listens, and it is alive")
	}
}
