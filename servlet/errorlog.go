package servlet

import (
	"log/slog"
	"net"
	"strings"
	"time"

	"gojn/internal/repeats"
)

const (
	// handshakeInterval is how often a client whose handshakes fail is told of.
	handshakeInterval = time.Minute
	// handshakeClients is how many clients are told apart in an interval; all others count as one.
	handshakeClients = 16
)

// errorLog is what net/http says of connections. That is for debugging, but for handshakes that fail: a client that trusts
// another authority, or shows no certificate, would else look like one that never came.
type errorLog struct {
	log        *slog.Logger
	handshakes *repeats.Repeats // by client
}

func newErrorLog(log *slog.Logger, now func() time.Time) *errorLog {
	return &errorLog{log: log, handshakes: repeats.New(handshakeInterval, handshakeClients, now)}
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
	host, _, err := net.SplitHostPort(from)
	if err != nil {
		host = from
	}
	if unsaid, say := e.handshakes.Say(host); say {
		e.log.Warn("a TLS handshake failed", "from", from, "error", short(reason), "unsaid", unsaid)
	} else {
		e.log.Debug(text)
	}
	return len(line), nil
}
