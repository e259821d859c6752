package servlet

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gojn/internal/javaerr"
)

// slowSource answers a request over a pipe, by the clock of a synctest bubble.
type slowSource struct {
	size  int64                          // what it announces
	chunk int64                          // bytes at once
	pause func(sent int64) time.Duration // before each chunk
	keys  *tls.Config                    // nil: plain HTTP
	drips string                         // "head", or "record": what comes by one byte in 50 s
	borne bool                           // by a patient caller
}

// dripping writes byte by byte once it is told to.
type dripping struct {
	net.Conn
	on bool
}

func (d *dripping) Write(p []byte) (n int, err error) {
	if !d.on {
		return d.Conn.Write(p)
	}
	for n = range p {
		time.Sleep(50 * time.Second)
		if _, err := d.Conn.Write(p[n : n+1]); err != nil {
			return n, err
		}
	}
	return len(p), nil
}

// serve ends when everything was sent or the peer is gone.
func (s *slowSource) serve(raw net.Conn) {
	wire := &dripping{Conn: raw}
	conn := net.Conn(wire)
	if s.keys != nil {
		conn = tls.Server(wire, s.keys)
	}
	defer func() { _ = raw.Close() }()
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	_ = req.Body.Close()
	_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
	if wire.on = s.drips == "head"; err == nil {
		_, err = fmt.Fprintf(conn, "Content-Length: %d\r\n\r\n", s.size)
	}
	wire.on = s.drips == "record"
	for sent := int64(0); err == nil && sent < s.size; sent += s.chunk {
		time.Sleep(s.pause(sent))
		_, err = conn.Write(make([]byte, min(s.chunk, s.size-sent)))
	}
}

// fetchFrom fetches with the default timeouts, a minute, and tells how long it took.
func fetchFrom(t *testing.T, s *slowSource, trust *tls.Config, dst io.Writer) (n int64, took time.Duration, err error) {
	t.Helper()
	here, there := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.serve(there)
	}()
	f := Fetcher{
		Patient: s.borne,
		TLS:     func(context.Context, string) (*tls.Config, error) { return trust, nil },
		dial:    func(context.Context, string, string) (net.Conn, error) { return here, nil },
	}
	url := "http://example.com/getJournal"
	if s.keys != nil {
		url = "https://example.com/getJournal"
	}
	began := time.Now()
	n, err = f.Fetch(t.Context(), url, dst)
	took = time.Since(began)
	_ = here.Close()
	<-served
	if err != nil && !strings.Contains(err.Error(), url) {
		t.Errorf("the source is not named: %v", err)
	}
	return n, took, err
}

func every(d time.Duration) func(int64) time.Duration { return func(int64) time.Duration { return d } }

// TestTricklingSource: a source that is never silent for the read timeout, but sends next to nothing, is given up within twice
// that time, wherever it trickles; what came and in which time is told. (Java's Util.doGetUrl waits for all of it.)
func TestTricklingSource(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	keys := &tls.Config{Certificates: server.TLS.Certificates}
	trust := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trust.NextProtos = nil
	drip := every(50 * time.Second)
	for _, c := range []struct {
		name     string
		s        *slowSource
		received int64
		class    javaerr.Class
		words    string
	}{
		{"body", &slowSource{size: 1 << 20, chunk: 1, pause: drip}, 2, socketTimeout, "bytes have come in the last 1m40s"},
		{"head", &slowSource{size: 1 << 20, chunk: 1, pause: drip, drips: "head"}, 0, javaerr.IOException, "transport connection broken"}, // net/http's words,
		{"within a TLS record", &slowSource{size: 1 << 20, chunk: 1 << 10, pause: every(0), keys: keys, drips: "record"}, 0, socketTimeout,
			"bytes have come in the last 1m40s"},
		{"at half the rate", &slowSource{size: 64 << 20, chunk: leastRate, pause: every(2 * time.Second)}, 60 * leastRate, socketTimeout,
			"bytes have come in the last 2m0s"},
		{"after a good beginning", &slowSource{size: 64 << 20, chunk: 1 << 10, pause: func(sent int64) time.Duration {
			if sent < 32<<20 {
				return 0
			}
			return 50 * time.Second
		}}, 32<<20 + 2<<10, socketTimeout, "only 2048 bytes have come in the last 1m40s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, took, err := fetchFrom(t, c.s, trust, io.Discard)
				if err == nil || javaerr.ClassOf(err) != c.class || took > 2*time.Minute || n != c.received {
					t.Fatalf("%d bytes after %v: %v: %v", n, took, javaerr.ClassOf(err), err)
				}
				if !strings.Contains(err.Error(), c.words) {
					t.Error(err)
				}
			})
		})
	}
}

// TestSlowSource: what keeps up passes, however long it takes, also after a pause of almost the read timeout; so does what comes
// late and is the rest. Where it is written to may take any time.
func TestSlowSource(t *testing.T) {
	for _, c := range []struct {
		name  string
		s     *slowSource
		write time.Duration // for each write
		least time.Duration
	}{
		{"a little above the rate, after a pause", &slowSource{size: 20 << 20, chunk: 4 << 10, pause: func(sent int64) time.Duration {
			if sent == 0 {
				return 59 * time.Second
			}
			return 240 * time.Millisecond
		}}, 0, 20 * time.Minute},
		{"pauses between what comes fast", &slowSource{size: 64 << 20, chunk: 1 << 20, pause: every(59 * time.Second)}, 0, time.Hour},
		{"the rest is late", &slowSource{size: 3, chunk: 1, pause: every(29 * time.Second)}, 0, 87 * time.Second},
		{"a trickle, for a patient caller", &slowSource{size: 60, chunk: 1, pause: every(59 * time.Second), borne: true}, 0, 59 * time.Minute},
		{"a slow disk", &slowSource{size: 1 << 20, chunk: 32 << 10, pause: every(0)}, 10 * time.Minute, 5 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, took, err := fetchFrom(t, c.s, nil, writerFunc(func(p []byte) (int, error) {
					time.Sleep(c.write)
					return len(p), nil
				}))
				if err != nil || n != c.s.size || took < c.least {
					t.Errorf("%d bytes in %v: %v", n, took, err)
				}
			})
		})
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
