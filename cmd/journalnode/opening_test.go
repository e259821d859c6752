package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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
	if got := p.log.matching("level=ERROR", "a journal on disk cannot be opened", "jid=c"); len(got) != 1 {
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
