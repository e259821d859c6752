package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

// effectHandlerCount: of more calls than handlers on one journal so many run, the rest is queued.
func effectHandlerCount(t *testing.T) {
	for _, handlers := range []int{2, 3} {
		const calls = 6
		g := newGate(func(op vfs.Op) bool { return op.Kind == "open" && strings.HasSuffix(op.Path, "/current/VERSION") })
		n := startHere(t, g.on(vfs.OS()), with(loopback(t.TempDir()), "dfs.journalnode.handler.count", strconv.Itoa(handlers)))
		results := make(chan error, calls)
		for range calls {
			c := dial(t, n.addr(), "j1")
			go func() {
				results <- c.call("getJournalCTime", &pb.GetJournalCTimeRequestProto{Jid: c.id()}, &pb.GetJournalCTimeResponseProto{})
			}()
		}
		poll(t, "all calls are read", func() bool {
			s := n.rpc.Stats()
			return s.Running+s.Queued == calls
		})
		if s := n.rpc.Stats(); s.Running != handlers {
			t.Errorf("%d handlers: %d calls run, %d wait", handlers, s.Running, s.Queued)
		}
		g.letGo()
		for range calls {
			var remote *hadooprpc.RemoteError // there is no VERSION
			if err := <-results; !errors.As(err, &remote) {
				t.Errorf("%v", err)
			}
		}
	}
}

// effectDataLength: a frame above the limit closes the connection without an answer.
func effectDataLength(t *testing.T) {
	for _, c := range []struct {
		limit  string
		closed bool
	}{{"1000", true}, {"100000", false}} {
		n, _ := on(t, "ipc.maximum.data.length", c.limit)
		j := dial(t, n.addr(), "j1")
		must(t, j.format())
		j.newEpoch()
		must(t, j.startSegment(1))
		must(t, j.journal(1, 1, 1, 100))
		err := j.journal(1, 2, 1, 2000)
		var remote *hadooprpc.RemoteError
		if closed := err != nil && !errors.As(err, &remote); closed != c.closed {
			t.Errorf("limit %s: %v", c.limit, err)
		}
		if logged := len(n.log.matching("frame length out of range", "limit="+c.limit)) == 1; logged != c.closed {
			t.Errorf("limit %s: logged %t", c.limit, logged)
		}
	}
	n, _ := on(t, "ipc.maximum.data.length", "1000")
	raw, err := net.Dial("tcp", n.addr())
	must(t, err)
	defer func() { _ = raw.Close() }()
	_, err = raw.Write([]byte("hrpc\x09\x00\x00" + "\x00\x00\x03\xe9")) // 1001
	must(t, err)
	must(t, raw.SetReadDeadline(time.Now().Add(patience)))
	if got, err := io.ReadAll(raw); len(got) > 0 || err != nil {
		t.Errorf("the server said %q, %v; want nothing and the end", got, err)
	}
}

func effectResponseSize(t *testing.T) {
	for _, c := range []struct {
		size string
		want bool
	}{{"10", true}, {"0", true}, {"1048576", false}} {
		n, _ := on(t, "ipc.server.max.response.size", c.size)
		if _, err := dial(t, n.addr(), "j1").isFormatted(); err != nil {
			t.Fatal(err)
		}
		n.end() // so that all is logged
		if got := len(n.log.matching("large response", "isFormatted")) == 1; got != c.want {
			t.Errorf("%s: logged %t", c.size, got)
		}
	}
}

// effectMaxConnections: one above the limit is accepted and closed.
func effectMaxConnections(t *testing.T) {
	n, _ := on(t, "ipc.server.max.connections", "2")
	a, b := dial(t, n.addr(), "j1"), dial(t, n.addr(), "j1")
	for _, c := range []*client{a, b} {
		if _, err := c.isFormatted(); err != nil {
			t.Fatal(err)
		}
	}
	var remote *hadooprpc.RemoteError
	if _, err := dial(t, n.addr(), "j1").isFormatted(); err == nil || errors.As(err, &remote) {
		t.Errorf("the third connection: %v", err)
	}
	_ = b.c.Close()
	poll(t, "there is room again", func() bool { return n.rpc.Stats().Connections < 2 })
	if _, err := dial(t, n.addr(), "j1").isFormatted(); err != nil {
		t.Errorf("after one has gone: %v", err)
	}
}

// effectIdle: scans close kill.max idle connections each while there are at least idlethreshold (spec rpc.md 1.10).
func effectIdle(t *testing.T) {
	for _, c := range []struct {
		threshold, kill string
		open, left      int
	}{
		{"4", "1", 5, 3},  // two scans
		{"3", "0", 12, 0}, // one: Java counts up to kill.max and never gets to 0, which so means no limit
		{"0", "10", 2, 0},
	} {
		t.Run(fmt.Sprintf("threshold %s, kill %s", c.threshold, c.kill), func(t *testing.T) {
			t.Parallel()
			n, _ := on(t, "ipc.client.idlethreshold", c.threshold, "ipc.client.kill.max", c.kill,
				"ipc.client.connection.maxidletime", "1", "ipc.client.connection.idle-scan-interval.ms", "5000")
			for range c.open {
				if _, err := dial(t, n.addr(), "j1").isFormatted(); err != nil {
					t.Fatal(err)
				}
			}
			poll(t, "so many are left", func() bool { return n.rpc.Stats().Connections == c.left })
		})
	}
	t.Run("nobody is idle yet", func(t *testing.T) {
		settings, _ := configure(t, with(loopback(t.TempDir()), "ipc.client.connection.maxidletime", "70000",
			"ipc.client.connection.idle-scan-interval.ms", "80000"))
		n, _ := on(t)
		server := newRPCServer(settings, n.node, n.metrics, func(hadooprpc.CallInfo) {}, newLogger(io.Discard))
		if server.MaxIdleTime != 70*time.Second || server.IdleScanInterval != 80*time.Second {
			t.Errorf("%v, %v", server.MaxIdleTime, server.IdleScanInterval)
		}
	})
}

// effectPurgeInterval: a minute is the least, so what the server makes of it is hadooprpc's TestUnreadAnswers.
func effectPurgeInterval(t *testing.T) {
	n, _ := on(t)
	for value, want := range map[string]time.Duration{"": 15 * time.Minute, "1": time.Minute, "40": 40 * time.Minute} {
		keys := loopback(t.TempDir())
		if value != "" {
			keys["ipc.server.purge.interval"] = value
		}
		settings, _ := configure(t, keys)
		if got := newRPCServer(settings, n.node, n.metrics, func(hadooprpc.CallInfo) {}, newLogger(io.Discard)).PurgeInterval; got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// effectListenQueues asks the kernel for the length of the two queues: for a listening socket tcpi_sacked is it.
func effectListenQueues(t *testing.T) {
	n, _ := on(t, "ipc.server.listen.queue.size", "7", "hadoop.http.socket.backlog.size", "9")
	for addr, want := range map[string]uint32{n.addr(): 7, strings.TrimPrefix(n.webURL, "http://"): 9} {
		_, port, err := net.SplitHostPort(addr)
		must(t, err)
		found := false
		entries, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		for _, e := range entries {
			fd, err := strconv.Atoi(e.Name())
			must(t, err)
			name, err := unix.Getsockname(fd)
			if err != nil {
				continue
			}
			in4, ok := name.(*unix.SockaddrInet4)
			if !ok || strconv.Itoa(in4.Port) != port {
				continue
			}
			if listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || listening == 0 {
				continue
			}
			info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
			must(t, err)
			found = true
			if info.Sacked != want {
				t.Errorf("the queue of %s has %d places, want %d", addr, info.Sacked, want)
			}
		}
		if !found {
			t.Errorf("nobody listens on %s", addr)
		}
	}
}

// effectSlowRPC: a call far beyond the mean of its method is logged, if it is above the threshold too, and only after
// enough of them (Java Server.logSlowRpcCalls).
func effectSlowRPC(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want bool
	}{
		{[]string{"ipc.server.log.slow.rpc", "true"}, true},
		{[]string{"ipc.server.log.slow.rpc", "true", "ipc.server.log.slow.rpc.threshold.ms", "90"}, true},
		{[]string{"ipc.server.log.slow.rpc", "true", "ipc.server.log.slow.rpc.threshold.ms", "100"}, false},
		{nil, false},
	} {
		n, _ := on(t, c.keys...)
		settings, _ := configure(t, with(loopback(t.TempDir()), c.keys...))
		log := newLineLog()
		done := newRPCServer(settings, n.node, n.metrics, func(hadooprpc.CallInfo) {}, newLogger(log)).Observer.CallDone
		call := func(method string, took time.Duration) {
			done(hadooprpc.CallInfo{Resolved: true, Method: method, Key: "j1", Processing: took, Remote: &net.TCPAddr{}})
		}
		call("journal", 100*time.Millisecond) // before there is a mean: of no account
		for i := range slowAfter {
			call("journal", time.Duration(1+i%2)*time.Millisecond)
		}
		if len(log.all()) > 0 {
			t.Errorf("%q: too early: %q", c.keys, log.all())
		}
		call("heartbeat", 100*time.Millisecond) // another method has a mean of its own
		call("journal", 3*time.Millisecond)
		call("journal", 100*time.Millisecond)
		if got := len(log.matching("slow RPC", "method=journal", "jid=j1", "took_ms=100")) == 1; got != c.want || len(log.all()) > 1 {
			t.Errorf("%q: logged %q", c.keys, log.all())
		}
		counted := map[bool]float64{true: 1}[c.want]
		activity, _ := rpcBeansOf(t, n)
		counts(t, activity, map[string]float64{"RpcSlowCalls": counted})
	}
}

// formatFor is format with the nameservice that 3.x clients send.
func (c *client) formatFor(ns string) error {
	return c.call("format", &pb.FormatRequestProto{Jid: c.id(), NsInfo: namespace(), NameServiceId: proto.String(ns)},
		&pb.FormatResponseProto{})
}

func wantDir(t *testing.T, dir string, want bool) {
	t.Helper()
	info, err := os.Stat(dir)
	if got := err == nil && info.IsDir(); got != want {
		t.Errorf("%s is there: %t, want %t", filepath.Base(dir), got, want)
	}
}

func permOf(t *testing.T, dir string) int {
	t.Helper()
	info, err := os.Stat(dir)
	must(t, err)
	return int(info.Mode().Perm())
}

// umask is this process's, read without setting it.
func umask(t *testing.T) int { return int(fieldOf(t, "/proc/self/status", "Umask:", 8)) }

// opensDSync tells whether this process has the file open for synchronous writes.
func opensDSync(t *testing.T, name string) bool {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && target == name {
			return fieldOf(t, "/proc/self/fdinfo/"+e.Name(), "flags:", 8)&unix.O_DSYNC != 0
		}
	}
	t.Fatalf("%s is not open", name)
	return false
}

// fieldOf reads a number after a label in a file of /proc.
func fieldOf(t *testing.T, file, label string, base int) int64 {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, label); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], base, 64)
			must(t, err)
			return n
		}
	}
	t.Fatalf("no %s in %s", label, file)
	return 0
}
