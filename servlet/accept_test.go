package servlet_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"gojn/servlet"
)

// failingListener fails with ENOBUFS first.
type failingListener struct {
	net.Listener
	failed atomic.Bool
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.failed.CompareAndSwap(false, true) {
		return nil, &net.OpError{Op: "accept", Err: syscall.ENOBUFS}
	}
	return l.Listener.Accept()
}

// TestAcceptFails: an Accept that fails for another reason than net/http expects does not end the server, and is told.
func TestAcceptFails(t *testing.T) {
	var log bytes.Buffer
	s := servlet.NewServer(servlet.ServerConfig{Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(&failingListener{Listener: l}) }()
	answer, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Errorf("%v; Serve: %v", err, <-served)
		return
	}
	_ = answer.Body.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	if said := log.String(); !strings.Contains(said, "a connection cannot be accepted") || !strings.Contains(said, "no buffer space") {
		t.Errorf("the log says %q", said)
	}
}
