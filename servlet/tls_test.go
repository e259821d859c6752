package servlet_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gojn/servlet"
)

// tlsPair is a server's configuration and that of a client that trusts it.
func tlsPair(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	client = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.NextProtos = nil
	return &tls.Config{Certificates: s.TLS.Certificates}, client
}

// serveTLS serves a handler over TLS until the test ends.
func serveTLS(t *testing.T, conf servlet.ServerConfig, keys *tls.Config) (*servlet.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveTLSOn(t, l, conf, keys)
}

func serveTLSOn(t *testing.T, l net.Listener, conf servlet.ServerConfig, keys *tls.Config) (*servlet.Server, string) {
	t.Helper()
	s := servlet.NewServer(conf)
	served := make(chan error, 1)
	go func() { served <- s.ServeTLS(l, keys) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Shutdown(t.Context()), s.Close()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s, "https://" + l.Addr().String()
}

// deadlineListener counts the deadlines that its connections get for writing.
type deadlineListener struct {
	net.Listener
	set atomic.Int64
}

func (l *deadlineListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &deadlineCounter{conn, l}, nil
}

type deadlineCounter struct {
	net.Conn
	l *deadlineListener
}

func (c *deadlineCounter) SetWriteDeadline(t time.Time) error {
	c.l.set.Add(1)
	return c.Conn.SetWriteDeadline(t)
}

// TestFetchTLS: a segment goes over TLS to the byte, from our server to our client; without the configuration, or without
// trust, nothing does.
func TestFetchTLS(t *testing.T) {
	content := pattern(3<<20 + 17)
	j, _ := oneSegment(t, content)
	server, client := tlsPair(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	deadlines := &deadlineListener{Listener: l}
	_, base := serveTLSOn(t, deadlines, servlet.ServerConfig{Handler: servlet.NewHandler(servlet.Config{Journals: j})}, server)
	var hosts []string
	f := servlet.Fetcher{TLS: func(_ context.Context, host string) (*tls.Config, error) {
		hosts = append(hosts, host)
		return client, nil
	}}
	var got bytes.Buffer
	if n, err := f.Fetch(t.Context(), base+segmentURL, &got); err != nil || n != int64(len(content)) || !bytes.Equal(got.Bytes(), content) {
		t.Errorf("%d bytes, %v", n, err)
	}
	// A client that takes 64 KiB in time goes on: over TLS a write that was late cannot be taken up again.
	if n := deadlines.set.Load(); n < int64(len(content))/(64<<10) {
		t.Errorf("%d deadlines for %d bytes", n, len(content))
	}
	if len(hosts) != 1 || hosts[0] != "127.0.0.1" {
		t.Errorf("asked for %q", hosts)
	}
	for want, f := range map[string]servlet.Fetcher{
		"HTTPS is not configured": {},
		"certificate":             {TLS: func(context.Context, string) (*tls.Config, error) { return &tls.Config{}, nil }},
		"no keys today":           {TLS: func(context.Context, string) (*tls.Config, error) { return nil, errors.New("no keys today") }},
	} {
		if n, err := f.Fetch(t.Context(), base+segmentURL, io.Discard); err == nil || n != 0 || !strings.Contains(err.Error(), want) {
			t.Errorf("%d bytes, %v, want %q", n, err, want)
		}
	}
}

// TestTLSPlaces: the connections over TLS share the places with the others, idle ones make room, and a stop ends all.
func TestTLSPlaces(t *testing.T) {
	server, client := tlsPair(t)
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	s, base := serveTLS(t, servlet.ServerConfig{Handler: ok, MaxConns: 2}, server)
	var clients []*http.Client
	for range 5 {
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: client}}
		clients = append(clients, c)
		resp, err := c.Get(base)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for _, c := range clients {
		if resp, err := c.Get(base); err == nil {
			_ = resp.Body.Close()
			t.Error("answered after the stop")
		}
		c.CloseIdleConnections()
	}
}

// TestSilentHandshakes: clients that open the HTTPS port and say nothing do not keep others from the plain one.
func TestSilentHandshakes(t *testing.T) {
	server, _ := tlsPair(t)
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	s, base := serveTLS(t, servlet.ServerConfig{Handler: ok, MaxConns: 3, HeaderTimeout: time.Hour}, server)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(plain) }()
	for range 6 { // more than there are places: some wait in the backlog
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	for range 2 {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
		resp, err := client.Get("http://" + plain.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// TestFailedHandshakeIsTold: with the client's address and the reason.
func TestFailedHandshakeIsTold(t *testing.T) {
	server, _ := tlsPair(t)
	told := make(lines, 10)
	conf := servlet.ServerConfig{Handler: http.NotFoundHandler(), Logger: slog.New(slog.NewTextHandler(told, nil))}
	s, base := serveTLS(t, conf, server)
	if resp, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{}}}).Get(base); err == nil {
		_ = resp.Body.Close()
		t.Error("a client that does not know the authority is content")
	}
	select { // before the server stops: its own cut of the connection would not be told
	case text := <-told:
		if !strings.Contains(text, "level=WARN msg=\"a TLS handshake failed\" from=127.0.0.1:") {
			t.Errorf("%q", text)
		}
	case <-time.After(30 * time.Second):
		t.Error("nothing is told")
	}
	if err := errors.Join(s.Shutdown(t.Context()), s.Close()); err != nil {
		t.Error(err)
	}
}

// lines is a log that somebody waits for.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}
