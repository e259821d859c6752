package servlet

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestErrorLog: failed handshakes are told once a minute for each client, for a few clients; panics and connections that are
// not accepted once a minute each. What else net/http says, and connections that end before their handshake, are for
// debugging.
func TestErrorLog(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	e := newErrorLog(slog.New(slog.NewTextHandler(&out, nil)), func() time.Time { return now })
	step := func(what, line string, want ...string) {
		t.Helper()
		out.Reset()
		if n, err := e.Write([]byte(line + "\n")); n != len(line)+1 || err != nil {
			t.Errorf("%s: %d, %v", what, n, err)
		}
		if strings.Count(out.String(), "\n") != min(len(want), 1) {
			t.Errorf("%s: %q", what, out.String())
		}
		for _, w := range want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%s: %q, want %q", what, out.String(), w)
			}
		}
	}
	const handshake = "http: TLS handshake error from "
	step("a port that is looked at", handshake+"10.0.0.1:5: EOF")
	step("a port that is looked at and reset", handshake+"10.0.0.1:5: read tcp 10.0.0.9:1->10.0.0.1:5: read: connection reset by peer")
	step("a cut of ours", handshake+"10.0.0.1:5: read tcp 10.0.0.9:1->10.0.0.1:5: use of closed network connection")
	step("something else", "http: superfluous response.WriteHeader call from x (y.go:1)")
	const stack = "\ngoroutine 7 [running]:\nnet/http.(*conn).serve.func1()"
	step("a panic", "http: panic serving 10.0.0.1:5: index out of range"+stack, "ERROR", "from=10.0.0.1:5",
		`error="index out of range"`, `stack="goroutine 7 [running]:\nnet/http.(*conn).serve.func1()"`, "unsaid=0")
	step("the same of another client", "http: panic serving 10.0.0.2:6: index out of range"+stack)
	step("another panic", "http: panic serving 10.0.0.1:5: nil map"+stack, "ERROR", "nil map")
	const accept = "http: Accept error: accept tcp 10.0.0.9:1: accept4: too many open files; retrying in "
	step("no descriptor", accept+"5ms", "WARN", "too many open files", "unsaid=0")
	step("still none", accept+"10ms")
	step("a failure", handshake+"10.0.0.1:5: remote error: tls: unknown certificate authority", "WARN", "from=10.0.0.1:5",
		`error="remote error: tls: unknown certificate authority"`, "unsaid=0")
	step("another port of the client", handshake+"10.0.0.1:6: tls: no certificate")
	step("another client", handshake+"[::1]:7: tls: no certificate", "from=[::1]:7", "unsaid=0")
	for i := range handshakeClients - 2 {
		step("more", fmt.Sprintf("%s10.0.1.%d:1: x", handshake, i), "unsaid=0")
	}
	step("too many", handshake+"10.0.2.1:1: x", "unsaid=0") // the first of those that count as one
	step("too many", handshake+"10.0.2.2:1: x")
	now = now.Add(time.Minute)
	step("the next minute", handshake+"10.0.0.1:5: "+strings.Repeat("x", 1000), "unsaid=1", "...")
	step("the panic again", "http: panic serving 10.0.0.1:5: index out of range"+stack, "ERROR", "unsaid=1")
	step("still no descriptor", accept+"1s", "WARN", "unsaid=1")
	now = now.Add(time.Minute)
	for i := range panics + 1 { // the last is the first of those that count as one
		step("many panics", fmt.Sprintf("http: panic serving 10.0.0.1:5: %d%s", i, stack), "ERROR")
	}
	step("too many panics", "http: panic serving 10.0.0.1:5: other"+stack)
	step("no descriptor beside panics", accept+"1s", "WARN", "unsaid=0")
}
