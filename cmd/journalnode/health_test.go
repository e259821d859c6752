package main

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"gojn/storage/vfs"
)

// TestHealthNamesFailedWrite: a segment that was given up after a write that failed is in /health with the error, while
// the node stays ready; before, all is well.
func TestHealthNamesFailedWrite(t *testing.T) {
	var full atomic.Bool
	fsys := vfs.Inject(vfs.OS(), func(op vfs.Op) error {
		if full.Load() && op.Kind == "syncdata" && strings.Contains(op.Path, "edits_inprogress") {
			return syscall.ENOSPC
		}
		return nil
	})
	n := startHere(t, fsys, loopback(t.TempDir()))
	c := dial(t, n.addr(), "ns1")
	c.write(3, 10)
	if resp, body := get(t, n.webURL+"/health"); resp.StatusCode != 200 {
		t.Errorf("before: %s %s", resp.Status, body)
	}
	full.Store(true)
	if err := c.journal(1, 4, 3, 10); err == nil {
		t.Fatal("a batch that could not be synced was acknowledged")
	}
	resp, body := get(t, n.webURL+"/health")
	var health struct {
		Status   string
		Ready    bool
		Journals []struct {
			JID, Status     string
			DamagedSegments []struct{ Name, Reason string }
		}
	}
	must(t, json.Unmarshal([]byte(body), &health))
	if resp.StatusCode != 503 || health.Status != "degraded" || !health.Ready || len(health.Journals) != 1 {
		t.Fatalf("%s %s", resp.Status, body)
	}
	j := health.Journals[0]
	if j.JID != "ns1" || j.Status != "degraded" || len(j.DamagedSegments) != 1 ||
		j.DamagedSegments[0].Name != "edits_inprogress_0000000000000000001" ||
		!strings.Contains(j.DamagedSegments[0].Reason, "no space left on device") {
		t.Errorf("%+v", j)
	}
	if resp, _ := get(t, n.webURL+"/readyz"); resp.StatusCode != 200 {
		t.Errorf("readyz: %s", resp.Status)
	}
}
