package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gojn/storage/vfs"
)

// TestOpensWhatItFinds: the start opens the journals on disk, also more than it opens at once; one that cannot be opened
// is named in the log, in /health and in the status, and keeps neither the others nor the readiness back.
func TestOpensWhatItFinds(t *testing.T) {
	dir := t.TempDir()
	before := startHere(t, vfs.OS(), loopback(dir))
	ids := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	for _, jid := range ids {
		must(t, dial(t, before.addr(), jid).format())
	}
	before.end()
	must(t, os.WriteFile(filepath.Join(dir, "edits", "c", "current", "VERSION"), []byte("no version"), 0o644))

	m := newManager(t)
	p := launch(t, []string{"NOTIFY_SOCKET=" + m.name}, defines(loopback(dir))...).up()
	told := m.until("READY=1")
	const want = "READY=1\nSTATUS=10 journals, 1 of them not in order: c (cannot be read), a, b, d, e, f, g, h, ...; RPC "
	if ready := told[len(told)-1]; !strings.HasPrefix(ready, want) {
		t.Errorf("%q", ready)
	}
	if got := p.log.await(t, p.done, 1, "level=ERROR", "a journal on disk cannot be opened", "jid=c"); len(got) != 1 {
		t.Errorf("log:\n%s", p.log.text())
	}
	resp, body := get(t, p.web+"/health")
	if resp.StatusCode != 503 || strings.Count(body, `"status": "ok"`) != len(ids)-1 {
		t.Errorf("%s %s", resp.Status, body)
	}
	if ok, err := dial(t, p.rpc, "j").isFormatted(); !ok || err != nil {
		t.Errorf("another journal: %t, %v", ok, err)
	}
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	if code := p.exit(); code != 143 {
		t.Error(code)
	}
}

// TestStartsBesideADiskThatHangs: of two nameservices' disks one hangs at all it is asked, from the first moment. The node
// comes up, opens what lies on the other, and serves it; the manager is told what is waited for.
func TestStartsBesideADiskThatHangs(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	bad, good := filepath.Join(dir, "bad"), filepath.Join(dir, "good")
	keys := with(loopback(dir), "dfs.nameservices", "ns1,ns2",
		"dfs.journalnode.edits.dir.ns1", bad, "dfs.journalnode.edits.dir.ns2", good)
	for jid, at := range map[string]string{"ns1": bad, "ns2": good} {
		before := startHere(t, vfs.OS(), with(loopback(dir), "dfs.journalnode.edits.dir", at))
		c := dial(t, before.addr(), jid)
		must(t, c.format())
		_ = c.c.Close()
		before.end()
	}
	g := newGate(func(op vfs.Op) bool { return strings.HasPrefix(op.Path, bad) })
	m := newManager(t)
	t.Setenv("NOTIFY_SOCKET", m.name)
	settings, conf := configure(t, keys)
	log := newLineLog()
	told := newService(newLogger(log))
	told.patience, told.interval = time.Millisecond, time.Millisecond
	d, err := start(settings, conf, g.on(vfs.OS()), newLogger(log))
	must(t, err)
	told.attend(d)
	if len(log.matching("level=WARN", "a disk does not answer", bad)) != 1 {
		t.Errorf("log:\n%s", log.text())
	}
	addresses := "; RPC " + d.rpcAddr.String() + ", HTTP " + strings.TrimPrefix(d.webURL, "http://")
	said := m.until("STATUS=1 journal: ns2; waiting for the disk of " + bad + addresses)
	if !strings.Contains(strings.Join(said, "\n"), "READY=1\n") {
		t.Errorf("%q", said)
	}
	c := dial(t, d.rpcAddr.String(), "ns2")
	if ok, err := c.isFormatted(); !ok || err != nil {
		t.Errorf("the journal on the good disk: %t, %v", ok, err)
	}
	_ = c.c.Close()
	g.letGo()
	m.until("STATUS=2 journals: ns1, ns2" + addresses)
	d.stop(newLogger(log), nil)
	m.until("STOPPING=1")
}
