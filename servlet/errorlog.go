package servlet

import (
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	// handshakeWindow is how often a client whose handshakes fail is told of.
	handshakeWindow = time.Minute
	// handshakeClients bounds how many clients are told of in a window.
	handshakeClients = 16
)

// errorLog is what net/http says of connections. That is for debugging, but for handshakes that fail: a client that trusts
// another authority, or shows no certificate, would else look like one that never came.
type errorLog struct {
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	began time.Time // of the window
	told  map[string]struct{}
	left  int // failures that were not told
}

// Write takes one line (log.Logger).
func (e *errorLog) Write(line []byte) (int, error) {
	text := strings.TrimSuffix(string(line), "\n")
	rest, ok := strings.CutPrefix(text, "http: TLS handshake error from ")
	from, reason, _ := strings.Cut(rest, ": ")
	if !ok || reason == "EOF" { // the look of a load balancer, which says nothing
		e.log.Debug(text)
		return len(line), nil
	}
	if left, tell := e.tell(from); tell {
		e.log.Warn("a TLS handshake failed", "from", from, "error", short(reason), "others", left)
	} else {
		e.log.Debug(text)
	}
	return len(line), nil
}

// tell is true once in a window for each client; left is how many failures were not told since it was true.
func (e *errorLog) tell(from string) (left int, tell bool) {
	host, _, err := net.SplitHostPort(from)
	if err != nil {
		host = from
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := e.now(); e.told == nil || now.Sub(e.began) >= handshakeWindow {
		e.began, e.told = now, make(map[string]struct{})
	}
	if _, done := e.told[host]; done || len(e.told) >= handshakeClients {
		e.left++
		return 0, false
	}
	e.told[host] = struct{}{}
	left, e.left = e.left, 0
	return left, true
}
