package servlet

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// countedConn counts what is written.
type countedConn struct {
	net.Conn
	writes atomic.Int64
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// TestHangUp: a TLS connection that makes room, or is in the way of a stop, is closed without a word: its peer may read
// nothing, and the word would wait for it while a lock is held.
func TestHangUp(t *testing.T) {
	keys := httptest.NewTLSServer(http.NotFoundHandler())
	defer keys.Close()
	for name, end := range map[string]func(*connLimit){
		"for a newcomer": func(c *connLimit) { c.wait(+1) },
		"at a stop":      func(c *connLimit) { c.stop() },
		"at the end":     func(c *connLimit) { c.cutAll() },
	} {
		here, there := net.Pipe()
		raw := &countedConn{Conn: here}
		conn := tls.Server(raw, &tls.Config{Certificates: keys.TLS.Certificates, SessionTicketsDisabled: true})
		trusting := keys.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		trusting.ServerName = "example.com" // of httptest's certificate
		client := tls.Client(there, trusting)
		shaken := make(chan error, 1)
		go func() {
			err := client.Handshake()
			if err != nil {
				_ = there.Close()
			}
			shaken <- err
		}()
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := <-shaken; err != nil {
			t.Fatal(err)
		}
		limit := newConnLimit(1)
		limit.take()
		limit.observe(conn, http.StateNew)
		limit.observe(conn, http.StateActive)
		limit.observe(conn, http.StateIdle)
		before := raw.writes.Load()
		end(limit)
		if said := raw.writes.Load() - before; said > 0 {
			t.Errorf("%s: %d writes", name, said)
		}
		if _, err := here.Write([]byte{1}); err == nil {
			t.Errorf("%s: still open", name)
		}
		_ = there.Close()
	}
}
