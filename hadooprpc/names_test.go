package hadooprpc_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
)

// TestShownName: what is shown of a name is bounded and remains text.
func TestShownName(t *testing.T) {
	whole := strings.Repeat("x", 256)
	for name, want := range map[string]string{"": "", "hdfs": "hdfs", whole: whole, whole + "x": whole + "...",
		"x" + strings.Repeat("é", 200): "x" + strings.Repeat("é", 127) + "..."} {
		if got := hadooprpc.ShownName(name); got != want || !utf8.ValidString(got) {
			t.Errorf("%.300q: %q", name, got)
		}
	}
}

// TestNamesInTheLog: whatever name a peer chooses, its log lines stay short.
func TestNamesInTheLog(t *testing.T) {
	long := strings.Repeat("x", 60<<10)
	var log strings.Builder
	var mu sync.Mutex
	s := serverOf(map[string]handler{"echo": echo})
	s.Logger = logTo(&log, &mu)
	s.Authorize = func(_ context.Context, id hadooprpc.Identity) error { return errors.New("not " + id.User) }
	l := rpctest.Serve(t, s)
	for _, user := range []string{long[:1000], long} {
		peer := dialRaw(t, l)
		peer.send([]byte(hello), contextFrame(user, ""))
		_, _ = io.Copy(io.Discard, peer)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"connection closed with an error", "bad user name"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	for line := range strings.Lines(log.String()) {
		if len(line) > 2<<10 {
			t.Errorf("a line of %d bytes: %.200s", len(line), line)
		}
	}
}
