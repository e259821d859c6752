package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gojn/internal/sdnotify"
	"gojn/jnserver"
	"gojn/storage/vfs"
)

// manager is the socket of a service manager and what came there.
type manager struct {
	t    *testing.T
	name string
	conn *net.UnixConn
}

func newManager(t *testing.T) *manager {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: name})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &manager{t: t, name: name, conn: conn}
}

// next is the next message within the time; "" if none comes.
func (m *manager) next(within time.Duration) string {
	m.t.Helper()
	must(m.t, m.conn.SetReadDeadline(time.Now().Add(within)))
	buf := make([]byte, 4096)
	n, err := m.conn.Read(buf)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		m.t.Fatal(err)
	}
	return string(buf[:n])
}

// until reads messages until one has the line and returns all, the last with it.
func (m *manager) until(line string) []string {
	m.t.Helper()
	var all []string
	for end := time.Now().Add(patience); time.Now().Before(end); {
		message := m.next(time.Second)
		if message == "" {
			continue
		}
		all = append(all, message)
		if strings.Contains("\n"+message+"\n", "\n"+line+"\n") {
			return all
		}
	}
	m.t.Fatalf("no %s in %q", line, all)
	return nil
}

// rest are the messages that are waiting. The kernel is asked at once: with a deadline, however near, a test that gets no
// processor until then is told that there is nothing.
func (m *manager) rest() []string {
	m.t.Helper()
	raw, err := m.conn.SyscallConn()
	must(m.t, err)
	var all []string
	must(m.t, raw.Control(func(fd uintptr) {
		buf := make([]byte, 4096)
		for {
			var n int
			if n, _, err = syscall.Recvfrom(int(fd), buf, syscall.MSG_DONTWAIT); err != nil {
				return
			}
			all = append(all, string(buf[:n]))
		}
	}))
	if !errors.Is(err, syscall.EAGAIN) {
		m.t.Fatal(err)
	}
	return all
}

// TestNotify: the process tells that it is ready when both its ports answer and its journals are open, what it has and where,
// that it is alive, and first of all of a stop that it stops.
func TestNotify(t *testing.T) {
	dir := t.TempDir()
	before := startHere(t, vfs.OS(), loopback(dir)) // leaves a journal for the next start
	dial(t, before.addr(), "ns1").write(3, 10)
	before.end()

	m := newManager(t)
	p := launch(t, []string{"NOTIFY_SOCKET=" + m.name, "WATCHDOG_USEC=800000"}, defines(loopback(dir))...)
	told := m.until("READY=1")
	ready := told[len(told)-1]
	p.up()
	status := fmt.Sprintf("READY=1\nSTATUS=1 journal: ns1; RPC %s, HTTP %s", p.rpc, strings.TrimPrefix(p.web, "http://"))
	if ready != status {
		t.Errorf("%q, want %q", ready, status)
	}
	// The kernel would keep a connection that nobody accepts: an answer is what counts.
	if resp, body := get(t, p.web+"/health"); resp.StatusCode != 200 || !strings.Contains(body, `"ns1"`) {
		t.Errorf("ready, and %s %s", resp.Status, body)
	}
	if ok, err := dial(t, p.rpc, "ns1").isFormatted(); !ok || err != nil {
		t.Errorf("ready, and the journal: %t, %v", ok, err)
	}
	for range 3 {
		m.until("WATCHDOG=1")
	}
	must(t, dial(t, p.rpc, "ns2\nMAINPID=1").format())
	news := strings.NewReplacer("READY=1\n", "", "1 journal: ns1", "2 journals: ns1, ns2 MAINPID=1").Replace(status)
	for _, message := range m.until(news) {
		if strings.Contains(message, "\nMAINPID") {
			t.Errorf("a stranger's words: %q", message)
		}
	}

	waiting := m.rest()
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	stop := m.until("STOPPING=1")
	if code := p.exit(); code != 143 {
		t.Errorf("exit code %d:\n%s", code, p.log.text())
	}
	if last := stop[len(stop)-1]; last != "STOPPING=1\nSTATUS=stopping" {
		t.Errorf("%q", last)
	}
	if after := m.rest(); len(after) > 0 {
		t.Errorf("after the stop began: %q", after)
	}
	for _, message := range append(append(told[:len(told)-1], waiting...), stop[:len(stop)-1]...) {
		if strings.Contains(message, "READY") || strings.Contains(message, "STOPPING") {
			t.Errorf("out of order: %q", message)
		}
	}
	if warned := p.log.matching("level=WARN", "service manager"); len(warned) > 0 {
		t.Errorf("%q", warned)
	}
}

// attended starts a node in this process that a manager attends to, over fsys, with another patience than ours.
func attended(t *testing.T, m *manager, fsys vfs.FS, watchdog, dir string, patience time.Duration) (d *daemon, stop func()) {
	t.Helper()
	t.Setenv("NOTIFY_SOCKET", m.name)
	t.Setenv("WATCHDOG_USEC", watchdog)
	settings, conf := configure(t, loopback(dir))
	log := newLineLog()
	told := newService(newLogger(log))
	told.patience, told.interval = patience, time.Millisecond
	d, err := start(settings, conf, fsys, newLogger(log))
	must(t, err)
	told.attend(d)
	return d, func() { d.stop(newLogger(log), nil) }
}

// TestNotReadyWhileOpening: it serves, and is not ready before the journals found on disk are open. The watchdog does not
// wait for the disk.
func TestNotReadyWhileOpening(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	before := startHere(t, vfs.OS(), loopback(dir))
	c := dial(t, before.addr(), "ns1")
	c.write(3, 10)
	_ = c.c.Close()
	before.end()

	g := newGate(func(op vfs.Op) bool { return op.Kind == "open" && strings.Contains(op.Path, "edits_inprogress") })
	m := newManager(t)
	d, stop := attended(t, m, g.on(vfs.OS()), "", dir, time.Hour)
	<-g.waiting
	if resp, _ := get(t, d.webURL+"/livez"); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	if told := m.rest(); len(told) != 1 || !strings.HasPrefix(told[0], "STATUS=opening journals; RPC ") {
		t.Errorf("while a journal opens: %q", told)
	}
	g.letGo()
	m.until("READY=1")
	stop()
	m.until("STOPPING=1")
}

// TestReadyWhileADiskHangs: a journal that does not open keeps the manager waiting for a while and not for ever; the status
// names it until it is open.
func TestReadyWhileADiskHangs(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	before := startHere(t, vfs.OS(), loopback(dir))
	must(t, dial(t, before.addr(), "ns0").format())
	c := dial(t, before.addr(), "ns1")
	c.write(3, 10)
	_ = c.c.Close()
	before.end()

	g := newGate(func(op vfs.Op) bool { return op.Kind == "open" && strings.Contains(op.Path, "edits_inprogress") })
	m := newManager(t)
	d, stop := attended(t, m, g.on(vfs.OS()), "", dir, time.Millisecond)
	d.opening.overdue = time.Hour
	<-g.waiting
	m.until("READY=1")
	addresses := "; RPC " + d.rpcAddr.String() + ", HTTP " + strings.TrimPrefix(d.webURL, "http://")
	other := dial(t, d.rpcAddr.String(), "ns0")
	if ok, err := other.isFormatted(); !ok || err != nil {
		t.Errorf("another journal: %t, %v", ok, err)
	}
	_ = other.c.Close()
	must(t, dial(t, d.rpcAddr.String(), "ns2").format()) // so that there is news even if ns0 was open before
	m.until("STATUS=2 journals: ns0, ns2; waiting for the disk of ns1" + addresses)
	if resp, body := get(t, d.webURL+"/health"); resp.StatusCode != 200 {
		t.Errorf("health of a start that is young: %s %s", resp.Status, body)
	}
	d.opening.overdue = 0
	if resp, body := get(t, d.webURL+"/health"); resp.StatusCode != 503 || strings.Count(body, `"ns1"`) != 1 ||
		!strings.Contains(body, "its disk does not answer") {
		t.Errorf("health while ns1 does not open: %s %s", resp.Status, body)
	}
	g.letGo()
	m.until("STATUS=3 journals: ns0, ns1, ns2" + addresses)
	if resp, body := get(t, d.webURL+"/health"); resp.StatusCode != 200 {
		t.Errorf("health when all are open: %s %s", resp.Status, body)
	}
	for _, message := range m.rest() {
		if strings.Contains(message, "READY") {
			t.Errorf("once more: %q", message)
		}
	}
	stop()
	m.until("STOPPING=1")
}

// TestReadyIsToldAgain: a manager that could not be told is told when it can be.
func TestReadyIsToldAgain(t *testing.T) {
	dir := t.TempDir()
	before := startHere(t, vfs.OS(), loopback(dir))
	dial(t, before.addr(), "ns1").write(3, 10)
	before.end()
	g := newGate(func(op vfs.Op) bool { return op.Kind == "open" && strings.Contains(op.Path, "edits_inprogress") })
	m := newManager(t)
	d, stop := attended(t, m, g.on(vfs.OS()), "", dir, time.Hour)
	<-g.waiting
	must(t, m.conn.Close())
	must(t, os.RemoveAll(m.name))
	g.letGo()
	failed := func() string {
		d.service.mu.Lock()
		defer d.service.mu.Unlock()
		return d.service.failed
	}
	for end := time.Now().Add(patience); failed() == ""; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("the manager was told that the node is ready although it is gone")
		}
	}
	var err error
	m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: m.name})
	must(t, err)
	m.until("READY=1")
	stop()
	m.until("STOPPING=1")
}

// TestStopWhileOpening: a node that is stopped before it was ready is never said to be.
func TestStopWhileOpening(t *testing.T) {
	dir := t.TempDir()
	before := startHere(t, vfs.OS(), loopback(dir))
	dial(t, before.addr(), "ns1").write(3, 10)
	before.end()
	g := newGate(func(op vfs.Op) bool { return op.Kind == "open" && strings.Contains(op.Path, "edits_inprogress") })
	m := newManager(t)
	d, stop := attended(t, m, g.on(vfs.OS()), "", dir, time.Hour)
	<-g.waiting
	d.limit = 50 * time.Millisecond
	stop()
	g.letGo()
	d.serving.Wait()
	told := m.rest()
	if len(told) != 2 || told[1] != "STOPPING=1\nSTATUS=stopping" {
		t.Errorf("%q", told)
	}
}

// TestWatchdog: a disk that hangs is no reason to be killed; a node that does not answer is not said to be alive.
func TestWatchdog(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	armed := make(chan struct{})
	g := newGate(func(op vfs.Op) bool {
		select {
		case <-armed:
			return op.Kind == "syncdata"
		default:
			return false
		}
	})
	m := newManager(t)
	d, stop := attended(t, m, g.on(vfs.OS()), "400000", t.TempDir(), time.Hour)
	m.until("WATCHDOG=1")
	c := dial(t, d.rpcAddr.String(), "ns1")
	c.write(3, 10)
	close(armed)
	result := make(chan error, 1)
	go func() { result <- c.journal(1, 4, 3, 10) }()
	<-g.waiting
	m.rest()
	for range 3 {
		m.until("WATCHDOG=1")
	}
	g.letGo()
	must(t, <-result)
	_ = c.c.Close()

	deaf, err := net.Listen("tcp", "127.0.0.1:0") // whose connections nobody accepts, as if the server hung
	must(t, err)
	defer func() { _ = deaf.Close() }()
	hung := &daemon{node: d.node, rpcAddr: deaf.Addr(), webURL: d.webURL}
	told := newManager(t)
	t.Setenv("NOTIFY_SOCKET", told.name)
	said := newLineLog()
	s := newService(newLogger(said))
	s.ping(hung, 20*time.Millisecond)
	if all := told.rest(); len(all) > 0 {
		t.Errorf("it does not answer, and said %q", all)
	}
	if len(said.matching("level=ERROR", "does not answer its own call")) != 1 {
		t.Errorf("log:\n%s", said.text())
	}
	stop()
	m.until("STOPPING=1")
}

// TestManagerGone: a socket that is gone, or a variable that makes no sense, costs one warning and nothing else.
func TestManagerGone(t *testing.T) {
	m := newManager(t)
	must(t, m.conn.Close())
	must(t, os.RemoveAll(m.name))
	for _, env := range [][]string{
		{"NOTIFY_SOCKET=" + m.name, "WATCHDOG_USEC=80000"}, {"NOTIFY_SOCKET=nonsense"},
		{"NOTIFY_SOCKET=" + m.name, "WATCHDOG_USEC=x"},
	} {
		p := launch(t, env, defines(loopback(t.TempDir()))...).up()
		for range 5 {
			if resp, _ := get(t, p.web+"/readyz"); resp.StatusCode != 200 {
				t.Error(resp.Status)
			}
		}
		want := 1
		if strings.Contains(strings.Join(env, " "), "=x") {
			want = 2 // the variable, and the socket
		}
		p.log.await(t, nil, want, "level=WARN", "service manager")
		must(t, p.cmd.Process.Signal(syscall.SIGTERM))
		code := p.exit()
		warned := p.log.matching("level=WARN", "service manager")
		if code != 143 || len(warned) != want {
			t.Errorf("%q: exit code %d, %q", env, code, warned)
		}
	}
}

// TestNotifyFailedStart: the manager is told why.
func TestNotifyFailedStart(t *testing.T) {
	m := newManager(t)
	p := launch(t, []string{"NOTIFY_SOCKET=" + m.name}, "-Ddfs.journalnode.rpc-address=127.0.0.1:no")
	if code := p.exit(); code != exitStartFailed {
		t.Errorf("exit code %d", code)
	}
	told := m.rest()
	if len(told) != 1 || !strings.HasPrefix(told[0], "STATUS=failed to start: ") ||
		!strings.Contains(told[0], "dfs.journalnode.rpc-address") {
		t.Errorf("%q", told)
	}
}

// TestStatusWords: the status names the journals, and those that are not in order.
func TestStatusWords(t *testing.T) {
	many := make([]jnserver.JournalHealth, statusJournals+1)
	for i := range many {
		many[i] = jnserver.JournalHealth{JournalID: fmt.Sprint("j", i), Formatted: true}
	}
	for want, health := range map[string][]jnserver.JournalHealth{
		"no journals yet": nil,
		"3 journals, 3 of them not in order: a (not formatted), b (cannot be read), c (segments not in order: 1)": {
			{JournalID: "a"}, {JournalID: "b", OpenError: io.ErrUnexpectedEOF},
			{JournalID: "c", Formatted: true, Bad: make([]jnserver.BadSegment, 1)},
		},
		"9 journals: j0, j1, j2, j3, j4, j5, j6, j7, ...": many,
	} {
		if got := journalsText(health); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestLoopbacksOf: a node on all addresses is asked over the loopback.
func TestLoopbacksOf(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0:8485": "127.0.0.1:8485", "[::]:8485": "127.0.0.1:8485 [::1]:8485",
		"192.0.2.7:1": "192.0.2.7:1", "[2001:db8::1]:2": "[2001:db8::1]:2",
	} {
		a, err := net.ResolveTCPAddr("tcp", addr)
		must(t, err)
		if got := strings.Join(loopbacksOf(a), " "); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

// TestPingWithoutIPv6: a node on [::] is alive also where only one of the two loopbacks reaches it, whichever that is.
func TestPingWithoutIPv6(t *testing.T) {
	for _, only := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(only, func(t *testing.T) {
			l, err := net.Listen("tcp", only)
			if err != nil {
				t.Skip(err) // this machine is the very case
			}
			must(t, l.Close())
			keys := loopback(t.TempDir())
			keys["dfs.journalnode.rpc-address"] = only
			n := startHere(t, vfs.OS(), keys)
			m := newManager(t)
			t.Setenv("NOTIFY_SOCKET", m.name)
			everywhere := &net.TCPAddr{IP: net.IPv6unspecified, Port: n.rpcAddr.(*net.TCPAddr).Port}
			s := newService(newLogger(n.log))
			s.ping(&daemon{node: n.node, rpcAddr: everywhere, webURL: n.webURL, opening: n.opening}, patience)
			if told := m.rest(); len(told) != 1 || !strings.HasPrefix(told[0], "WATCHDOG=1\n") {
				t.Errorf("%q\n%s", told, n.log.text())
			}
		})
	}
}

// TestServiceWithoutManager: nothing happens where nobody asked.
func TestServiceWithoutManager(t *testing.T) {
	s := newService(slog.New(slog.DiscardHandler))
	d := &daemon{}
	s.attend(d)
	s.startFailed(errors.New("x"))
	s.end()
	(*service)(nil).end()
	if d.service != nil || s.manager.Send(sdnotify.Ready) != nil {
		t.Error("it has a manager")
	}
}
