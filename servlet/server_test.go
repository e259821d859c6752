package servlet_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gojn/servlet"
)

// start runs a server on loopback; its Serve must end with http.ErrServerClosed.
func start(t *testing.T, conf servlet.ServerConfig) (*servlet.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := servlet.NewServer(conf)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, "http://" + l.Addr().String()
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })

const helloRequest = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

func readAnswer(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return fmt.Sprint(resp.StatusCode, " ", string(body))
}

// TestIdleMakesRoom: when all connections are in use, one that is idle between requests gives way, also when it becomes
// idle only later.
func TestIdleMakesRoom(t *testing.T) {
	_, base := start(t, servlet.ServerConfig{Handler: hello, MaxConns: 1})
	first, r := rawRequest(t, base, helloRequest)
	if got := readAnswer(t, r); got != "200 hello" {
		t.Fatal(got)
	}
	_, r2 := rawRequest(t, base, helloRequest)
	if got := readAnswer(t, r2); got != "200 hello" {
		t.Fatal(got)
	}
	if _, err := first.Read(make([]byte, 1)); err == nil {
		t.Error("the idle connection lives on")
	}
}

// TestBusyConnsWait: no more requests are under way than connections are allowed; the others wait and are answered.
func TestBusyConnsWait(t *testing.T) {
	const limit, clients = 3, 20
	var busy, most atomic.Int64
	entered, release := make(chan struct{}, clients), make(chan struct{})
	_, base := start(t, servlet.ServerConfig{MaxConns: limit, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			n := busy.Add(1)
			defer busy.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			entered <- struct{}{}
			<-release
			hello(w, r)
		})})
	var readers []*bufio.Reader
	for range clients {
		_, r := rawRequest(t, base, helloRequest)
		readers = append(readers, r)
	}
	for range limit {
		<-entered
	}
	for range clients {
		release <- struct{}{}
	}
	for _, r := range readers {
		if got := readAnswer(t, r); got != "200 hello" {
			t.Error(got)
		}
	}
	if most.Load() != limit {
		t.Errorf("%d at once, want %d", most.Load(), limit)
	}
}

// TestSlowHead: a client that does not finish its request's head is cut.
func TestSlowHead(t *testing.T) {
	_, base := start(t, servlet.ServerConfig{Handler: hello, HeaderTimeout: 50 * time.Millisecond})
	conn, _ := rawRequest(t, base, "GET / HTTP/1.1\r\nHost:")
	if _, err := io.ReadAll(conn); err != nil { // hangs if it is not cut
		t.Log(err)
	}
}

// TestSlowBody: a client that announces a body and does not send it is cut as well, after its answer.
func TestSlowBody(t *testing.T) {
	_, base := start(t, servlet.ServerConfig{Handler: servlet.NewHandler(servlet.Config{Journals: &journals{},
		StallTimeout: 250 * time.Millisecond})})
	for _, announce := range []string{"Content-Length: 1000", "Transfer-Encoding: chunked"} {
		_, r := rawRequest(t, base, "GET /livez HTTP/1.1\r\nHost: x\r\n"+announce+"\r\n\r\n")
		if got := readAnswer(t, r); got != "200 ok\n" {
			t.Error(got)
		}
		if _, err := io.ReadAll(r); err != nil { // hangs if it is not cut
			t.Log(err)
		}
	}
}

// TestHeadLimit: a head above the limit is refused, 64 KiB or as configured.
func TestHeadLimit(t *testing.T) {
	_, small := start(t, servlet.ServerConfig{Handler: hello, MaxHeaderBytes: 1000})
	if got := get(t, small, "X", strings.Repeat("x", 10<<10)); got.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Error(got.status)
	}
	_, base := start(t, servlet.ServerConfig{Handler: hello})
	if got := get(t, base, "X", strings.Repeat("x", 60<<10)); got.status != http.StatusOK {
		t.Error(got.status)
	}
	if got := get(t, base, "X", strings.Repeat("x", 80<<10)); got.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Error(got.status)
	}
}

// TestShutdown: it lets a request finish, closes idle connections and refuses new ones.
func TestShutdown(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s, base := start(t, servlet.ServerConfig{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		hello(w, r)
	})})
	_, r := rawRequest(t, base, helloRequest)
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown with a request under way: %v", err)
	}
	close(release)
	if got := readAnswer(t, r); got != "200 hello" {
		t.Error(got)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://")); err == nil {
		_ = conn.Close()
		t.Error("still listening")
	}
}

// TestShutdownWithSilentConns: connections that have said nothing yet, as load balancers' checks and browsers'
// preconnects, or not a whole head, hold nothing up. (http.Server.Shutdown waits for those younger than 5 s.)
func TestShutdownWithSilentConns(t *testing.T) {
	s, base := start(t, servlet.ServerConfig{Handler: hello, HeaderTimeout: time.Hour})
	silent, _ := rawRequest(t, base, "")
	partial, _ := rawRequest(t, base, "GET / HTTP/1.1\r\nHost:")
	_, r := rawRequest(t, base, helloRequest) // when it is answered, those before it are accepted
	if got := readAnswer(t, r); got != "200 hello" {
		t.Fatal(got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // below net/http's 5
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatalf("Shutdown: %v", err)
	}
	for _, conn := range []net.Conn{silent, partial} {
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("read %d, %v from a server that has shut down", n, err)
		}
	}
}

// TestClose cuts a request under way and waits for its handler; one that does not end is reported.
func TestClose(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		entered, release, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
		timeout := time.Minute
		if stubborn {
			timeout = 20 * time.Millisecond
		}
		s, base := start(t, servlet.ServerConfig{CloseTimeout: timeout, Handler: http.HandlerFunc(
			func(_ http.ResponseWriter, r *http.Request) {
				defer close(left)
				close(entered)
				<-r.Context().Done()
				if stubborn {
					<-release
				}
			})})
		_, r := rawRequest(t, base, helloRequest)
		<-entered
		err := s.Close()
		if stubborn != (err != nil) {
			t.Errorf("stubborn %v: %v", stubborn, err)
		}
		if !stubborn {
			select {
			case <-left:
			default:
				t.Error("Close did not wait for the handler")
			}
		}
		if _, err := r.ReadByte(); err == nil {
			t.Error("the connection was not cut")
		}
		close(release)
		<-left
	}
}

// TestCloseWhileFull: Serve ends also where it waits for room.
func TestCloseWhileFull(t *testing.T) {
	entered := make(chan struct{})
	s, base := start(t, servlet.ServerConfig{MaxConns: 1, Handler: http.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
		})})
	_, _ = rawRequest(t, base, helloRequest)
	<-entered
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
