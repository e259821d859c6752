package servlet

import (
	"log/slog"
	"net"
	"strings"
	"time"

	"gojn/internal/repeats"
)

const (
	// errorInterval is how often the same is told.
	errorInterval = time.Minute
	// handshakeClients is how many clients are told apart in an interval; all others count as one.
	handshakeClients = 16
	// panics is how many panics are told apart in an interval; all others count as one.
	panics = 16
)

// errorLog is what net/http says of connections. That is for debugging, but for what an operator must know of: handshakes
// that fail, since a client that trusts another authority, or shows no certificate, would else look like one that never came;
// panics, which are faults of ours; and connections that cannot be accepted, mostly for want of descriptors.
type errorLog struct {
	log        *slog.Logger
	handshakes *repeats.Repeats // by client
	panics     *repeats.Repeats // by what panicked
	accepts    *repeats.Repeats // one text for all: however many panics there are, it is told
}

func newErrorLog(log *slog.Logger, now func() time.Time) *errorLog {
	return &errorLog{log: log, handshakes: repeats.New(errorInterval, handshakeClients, now),
		panics: repeats.New(errorInterval, panics, now), accepts: repeats.New(errorInterval, 1, now)}
}

// Write takes one message (log.Logger), which has several lines if there is a stack in it.
func (e *errorLog) Write(message []byte) (int, error) {
	text := strings.TrimSuffix(string(message), "\n")
	if rest, ok := strings.CutPrefix(text, "http: TLS handshake error from "); ok {
		e.handshake(text, rest)
	} else if rest, ok := strings.CutPrefix(text, "http: panic serving "); ok {
		e.panicked(text, rest)
	} else if reason, ok := strings.CutPrefix(text, "http: Accept error: "); !ok {
		e.log.Debug(text)
	} else if unsaid, say := e.accepts.Say(""); say {
		e.log.Warn("a connection cannot be accepted", "error", short(reason), "unsaid", unsaid)
	} else {
		e.log.Debug(text)
	}
	return len(message), nil
}

func (e *errorLog) handshake(text, rest string) {
	from, reason, _ := strings.Cut(rest, ": ")
	if nobodysFault(reason) {
		e.log.Debug(text)
		return
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
}

// nobodysFault tells of a connection that ended before its handshake: the look of a load balancer, which says nothing and may
// end it by a reset, or a cut of this node's own, when it stops or has too many.
func nobodysFault(reason string) bool {
	return reason == "EOF" || strings.HasSuffix(reason, "use of closed network connection") ||
		strings.HasSuffix(reason, "connection reset by peer")
}

func (e *errorLog) panicked(text, rest string) {
	from, rest, _ := strings.Cut(rest, ": ")
	reason, stack, _ := strings.Cut(rest, "\n")
	if unsaid, say := e.panics.Say(short(reason)); say {
		e.log.Error("a request has panicked", "from", from, "error", short(reason), "stack", stack, "unsaid", unsaid)
	} else {
		e.log.Debug(text)
	}
}
