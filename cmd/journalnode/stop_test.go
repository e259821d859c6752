package main

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gojn/hadooprpc"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// held is a node whose segment syncs wait at a gate, with one journal call that waits there.
type held struct {
	*node
	gate   *gate
	dir    string
	result chan error // of the journal call
	code   chan error // of serve
}

// hold starts a node through serve, writes transactions 1 to 3, and leaves a call for 4 to 6 waiting in its sync.
func hold(t *testing.T, grace, limit time.Duration) *held {
	t.Helper()
	dir := t.TempDir()
	armed := make(chan struct{})
	g := newGate(func(op vfs.Op) bool {
		select {
		case <-armed:
			return op.Kind == "syncdata" && strings.Contains(op.Path, "edits_inprogress")
		default:
			return false
		}
	})
	settings, conf := configure(t, loopback(dir))
	h := &held{node: &node{log: newLineLog(), signals: make(chan os.Signal, 2), ended: true}, gate: g, dir: dir,
		result: make(chan error, 1), code: make(chan error, 1)}
	up := make(chan *daemon, 1)
	begin := func() (*daemon, error) {
		d, err := start(settings, conf, g.on(vfs.OS()), newLogger(h.log))
		if d != nil {
			d.grace, d.limit = grace, limit
		}
		return d, err
	}
	go func() {
		h.code <- serve(begin, func(d *daemon) { up <- d }, h.signals, newLogger(h.log))
	}()
	select {
	case h.daemon = <-up:
	case err := <-h.code:
		t.Fatal(err)
	}
	c := dial(t, h.addr(), "ns1")
	c.write(3, 10)
	close(armed)
	go func() { h.result <- c.journal(1, 4, 3, 10) }()
	<-g.waiting
	return h
}

func (h *held) segmentEnd(t *testing.T) editlog.TxID {
	t.Helper()
	return scanFile(t, filepath.Join(h.dir, "edits/ns1/current/edits_inprogress_0000000000000000001")).End
}

// exitedWith waits for serve and checks the code.
func (h *held) exitedWith(t *testing.T, want int) {
	t.Helper()
	select {
	case err := <-h.code:
		var code exitCode
		if !errors.As(err, &code) || int(code) != want {
			t.Errorf("ended with %v, want exit code %d", err, want)
		}
	case <-time.After(patience):
		t.Fatalf("it does not end:\n%s", h.log.text())
	}
}

// TestStopAnswersCallInFlight: a call whose write ends within the grace is acknowledged, and is on disk.
func TestStopAnswersCallInFlight(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	h := hold(t, time.Hour, 2*time.Hour)
	h.signals <- syscall.SIGTERM
	h.log.await(t, nil, 1, "RECEIVED SIGNAL 15")
	poll(t, "the RPC port closes", func() bool {
		c, err := net.Dial("tcp", h.addr())
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	select {
	case err := <-h.result:
		t.Fatalf("answered before it was written: %v", err)
	default:
	}
	if resp, _ := get(t, h.webURL+"/readyz"); resp.StatusCode != 503 {
		t.Errorf("ready while stopping: %s", resp.Status)
	}
	h.gate.letGo()
	if err := <-h.result; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	h.exitedWith(t, 143)
	if end := h.segmentEnd(t); end != 6 {
		t.Errorf("acknowledged up to 6, on disk up to %d", end)
	}
	if len(h.log.matching("were cut")) > 0 {
		t.Errorf("log:\n%s", h.log.text())
	}
}

// TestStopCutsCallInFlight: a call whose write does not end is cut without an answer, by the grace, the limit or a second
// signal. The process ends though the disk hangs.
func TestStopCutsCallInFlight(t *testing.T) {
	for _, c := range []struct {
		name         string
		grace, limit time.Duration
		second       bool
		line         string
	}{
		{"the disk hangs", 20 * time.Millisecond, 200 * time.Millisecond, false, "not stopped in time, a disk hangs"},
		{"a second signal", time.Hour, 2 * time.Hour, true, "a second signal: stopping at once"},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			h := hold(t, c.grace, c.limit)
			h.signals <- syscall.SIGINT
			if c.second {
				h.log.await(t, nil, 1, "RECEIVED SIGNAL 2")
				h.signals <- syscall.SIGINT
			}
			h.exitedWith(t, 130)
			if len(h.log.matching(c.line)) != 1 {
				t.Errorf("log:\n%s", h.log.text())
			}
			if !c.second {
				var remote *hadooprpc.RemoteError
				if err := <-h.result; err == nil || errors.As(err, &remote) {
					t.Errorf("a call that was not written was answered: %v", err)
				}
			}
			// Here the process would be gone. The rest lets the test's own goroutines end.
			h.gate.letGo()
			if c.second {
				if err := <-h.result; err != nil { // the end of the process would have cut it
					t.Logf("cut: %v", err)
				}
			}
			h.serving.Wait()
		})
	}
}

// TestStopCutsDownload: a download that lasts is cut, and its client can tell.
func TestStopCutsDownload(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	n, _ := on(t, "dfs.image.transfer.bandwidthPerSec", "64k")
	n.grace = 20 * time.Millisecond
	c := dial(t, n.addr(), "j1")
	c.write(8, 64<<10)
	must(t, c.finalize(1, 8))
	resp, err := webClient.Get(n.webURL + "/getJournal?jid=j1&segmentTxId=1")
	must(t, err)
	n.end()
	got, err := io.ReadAll(resp.Body)
	if err == nil || int64(len(got)) >= resp.ContentLength {
		t.Errorf("%d bytes of %d, %v", len(got), resp.ContentLength, err)
	}
	must(t, resp.Body.Close())
	_ = c.c.Close()
	if len(n.log.matching("HTTP answers were cut")) != 1 || len(n.log.matching("not stopped in time")) > 0 {
		t.Errorf("log:\n%s", n.log.text())
	}
}

// TestSignalDuringStart: a start that hangs in a disk can be stopped too.
func TestSignalDuringStart(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, comesUp := range []bool{false, true} {
		g := newGate(func(op vfs.Op) bool { return op.Kind == "statfs" })
		settings, conf := configure(t, loopback(t.TempDir()))
		log, signals, code := newLineLog(), make(chan os.Signal, 2), make(chan error, 1)
		begun := make(chan struct{})
		begin := func() (*daemon, error) {
			defer close(begun)
			return start(settings, conf, g.on(vfs.OS()), newLogger(log))
		}
		go func() {
			code <- serve(begin, func(*daemon) { t.Error("up") }, signals, newLogger(log))
		}()
		<-g.waiting
		signals <- syscall.SIGTERM
		log.await(t, nil, 1, "RECEIVED SIGNAL 15")
		if comesUp {
			g.letGo()
		} else {
			signals <- syscall.SIGTERM
		}
		if err := <-code; err == nil || err.Error() != "exit code 143" {
			t.Errorf("%v", err)
		}
		if comesUp {
			continue // and goleak sees that it was stopped
		}
		settings.HTTP.BindHost = "192.0.2.1" // so that what begins after the end of the process, were it one, fails
		g.letGo()
		<-begun
	}
}

// TestStartStopLeavesNothing: no goroutine, descriptor or port stays, with clients connected and segments open.
func TestStartStopLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	before := openFiles(t)
	n := startHere(t, vfs.OS(), loopback(t.TempDir()))
	c := dial(t, n.addr(), "ns1")
	c.write(2, 10)
	get(t, n.webURL+"/jmx")
	silent, err := net.Dial("tcp", strings.TrimPrefix(n.webURL, "http://")) // as a load balancer's check
	must(t, err)
	get(t, n.webURL+"/jmx") // by now it is accepted
	n.end()
	must(t, silent.Close())
	if err := c.journal(1, 3, 1, 10); err == nil {
		t.Error("a call after the stop was answered")
	}
	_ = c.c.Close()
	if cut := n.log.matching("were cut"); len(cut) > 0 {
		t.Errorf("nothing was under way: %q", cut)
	}
	poll(t, "all descriptors closed", func() bool { return len(openFiles(t)) <= len(before) })
	for _, addr := range []string{n.addr(), strings.TrimPrefix(n.webURL, "http://")} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Errorf("%s is still taken: %v", addr, err)
			continue
		}
		_ = l.Close()
	}
}

// TestServerThatFails: a server that ends by itself ends the process with code 1 (Java terminate(1)).
func TestServerThatFails(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	settings, conf := configure(t, loopback(t.TempDir()))
	log, signals := newLineLog(), make(chan os.Signal, 2)
	err := serve(func() (*daemon, error) { return start(settings, conf, vfs.OS(), newLogger(log)) },
		func(d *daemon) { d.failed <- errors.New("accept: descriptor table on fire") }, signals, newLogger(log))
	if err == nil || err.Error() != "exit code 1" {
		t.Errorf("%v", err)
	}
	if len(log.matching("level=ERROR", "a server failed", "on fire")) != 1 {
		t.Errorf("log:\n%s", log.text())
	}
}

// TestStopClosesTheOthers: one journal's disk hangs; the others are closed at a stop all the same, and their locks
// released.
func TestStopClosesTheOthers(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	h := hold(t, 20*time.Millisecond, time.Hour)
	others := []string{"a", "b", "c", "d", "e", "f", "g"}
	for _, jid := range others {
		c := dial(t, h.addr(), jid)
		c.must(c.format())
	}
	h.signals <- syscall.SIGTERM
	poll(t, "the locks of the others are released", func() bool {
		for _, jid := range others {
			f, err := vfs.OS().OpenFile(filepath.Join(h.dir, "edits", jid, "in_use.lock"), os.O_RDWR, 0)
			must(t, err)
			err = f.Lock()
			must(t, f.Close())
			if err != nil {
				return false
			}
		}
		return true
	})
	h.gate.letGo()
	t.Logf("the call that hung: %v", <-h.result) // cut or not: the disk let go late
	h.exitedWith(t, 143)
}
