package servlet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// ServerConfig is what a Server is made of. Handler is required.
type ServerConfig struct {
	Handler http.Handler
	// MaxConns bounds the open connections, and with them the memory that peers can take. At worst that is about 100 KiB
	// each; 200 KiB over TLS, whose ClientHello may have 64 KiB and whose records are buffered both ways; and 500 KiB where
	// clients must show certificates, of which 256 KiB are read before any is verified. Default 512. When the last is taken,
	// the one that has been idle longest between requests is closed; if none is, after a second the one that has been longest
	// without a whole head, if it had a second; else the next waits in the listener's backlog.
	MaxConns int
	// HeaderTimeout is for a request's head to arrive. Default 10 s.
	HeaderTimeout time.Duration
	// MaxHeaderBytes bounds a request's head (hadoop.http.max.request.header.size). Default and upper bound 64 KiB.
	MaxHeaderBytes int
	// IdleTimeout closes a connection between requests. Default 60 s; smaller values than that have broken NameNodes that
	// read edits (HDFS-15719).
	IdleTimeout time.Duration
	// CloseTimeout is how long Close waits for handlers whose connections it has cut. Default 1 s.
	CloseTimeout time.Duration
	Logger       *slog.Logger // default: discard
}

// Server runs a handler on listeners, with the limits of its config. It lives and ends as net/http's does: Serve blocks
// and always returns an error, http.ErrServerClosed after Shutdown or Close.
type Server struct {
	http         *http.Server
	conns        *connLimit
	closeTimeout time.Duration
	closeOnce    sync.Once
	closeErr     error
}

// maxHeaderBytes bounds a request's head, whatever is configured: it is held per connection.
const maxHeaderBytes = 64 << 10

// NewServer makes a server. It starts no goroutine; Serve does, and Shutdown or Close ends them.
func NewServer(conf ServerConfig) *Server {
	setDefault(&conf.MaxConns, 512)
	setDefault(&conf.HeaderTimeout, 10*time.Second)
	setDefault(&conf.MaxHeaderBytes, maxHeaderBytes)
	setDefault(&conf.IdleTimeout, 60*time.Second)
	setDefault(&conf.CloseTimeout, time.Second)
	if conf.Logger == nil {
		conf.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{conns: newConnLimit(conf.MaxConns), closeTimeout: conf.CloseTimeout}
	var protocols http.Protocols
	protocols.SetHTTP1(true) // what Jetty speaks; over TLS too
	s.http = &http.Server{
		Protocols:         &protocols,
		Handler:           conf.Handler,
		ReadHeaderTimeout: conf.HeaderTimeout,
		IdleTimeout:       conf.IdleTimeout,
		MaxHeaderBytes:    min(conf.MaxHeaderBytes, maxHeaderBytes),
		ConnState:         s.conns.observe,
		ErrorLog:          log.New(newErrorLog(conf.Logger, time.Now), "", 0),
	}
	return s
}

func setDefault[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Serve answers the connections of l until Shutdown or Close, and closes l. It may be called for several listeners.
func (s *Server) Serve(l net.Listener) error {
	return s.serve(s.conns.limit(l))
}

func (s *Server) serve(l net.Listener) error {
	err := s.http.Serve(l)
	if s.conns.isStopped() {
		return http.ErrServerClosed
	}
	return err
}

// ServeTLS is Serve over TLS. A handshake has HeaderTimeout, and counts as a connection that has not brought a request.
func (s *Server) ServeTLS(l net.Listener, conf *tls.Config) error {
	return s.serve(tls.NewListener(s.conns.limit(l), conf))
}

// Shutdown stops accepting, closes the connections that have no request, waits until the requests under way are answered or
// ctx ends, and then returns its error; Close then cuts what is left.
func (s *Server) Shutdown(ctx context.Context) error {
	s.conns.stop()
	return s.http.Shutdown(ctx)
}

// Close cuts all connections and waits up to CloseTimeout for their handlers. It fails if one is still busy after that:
// then it hangs in a disk.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		s.conns.stop()
		s.conns.cutAll() // net/http would say goodbye over TLS, to one after the other, even to those that do not listen
		s.closeErr = s.http.Close()
		if !s.conns.drain(s.closeTimeout) {
			s.closeErr = errors.Join(s.closeErr,
				fmt.Errorf("http requests are still busy %v after the close of their connections", s.closeTimeout))
		}
	})
	return s.closeErr
}
