package jnserver_test

import (
	"fmt"
	"slices"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage/vfs"
)

// Each call that removes or replaces edits or a promise leaves one record, refused ones too; questions and writes none.
func TestAudit(t *testing.T) {
	cfg := newConfig(vfs.NewMem(), fetchBytes(segmentFile(4, 6)))
	var records []jnserver.AuditRecord
	cfg.Audit = func(r jnserver.AuditRecord) { records = append(records, r) }
	c := &rpcClient{t: t, client: newClient(t, newNode(t, cfg)), jid: "ns1", lv: 0xffffffff - 66}
	for _, call := range []func() string{
		func() string { return c.format(false, nil) },
		func() string { return c.format(false, nil) },
		func() string { return c.newEpoch(1, nil) },
		func() string { return c.start(1, 1) },
		func() string { return c.edits(c.info(1, -1), 1, 1, 3) },
		func() string { return c.finalize(1, 1, 3) },
		func() string { return c.prepare(1, 4) },
		func() string { return c.accept(c.info(1, -1), 4, 6, true, "http://peer/x") },
		func() string { return c.purge(1, 4) },
		func() string { return c.purge(0, 4) },
		func() string { return c.discard(4) },
		c.doPreUpgrade, c.doUpgrade, c.doRollback, c.doFinalize,
		c.isFormatted, c.journalState, c.cTime,
		func() string { return c.manifest(0, true) },
		func() string { return c.canRollBack(layout) },
	} {
		_ = call()
	}
	const info = "lv=-67;cid=CID-11111111-2222-3333-4444-555555555555;nsid=1073741825;c=1500000000000"
	state := func(promised, committed, highest int, segments string) string {
		writer := promised
		return fmt.Sprintf("%s, promised %d, writer %d, committed %d, highest %d, %s", info, promised, writer, committed, highest, segments)
	}
	const first = "edits_0000000000000000001-0000000000000000003"
	const second = "edits_inprogress_0000000000000000004"
	fresh := state(0, -12345, 0, "no segments")
	with := func(n, from, to string) string { return n + " segments " + from + ".." + to }
	one, two := state(1, -12345, 3, with("1", first, first)), state(1, -12345, 6, with("2", first, second))
	// The accepted segment was not opened by this process; as the last one it stays in a purge at its first txid.
	purged, empty := state(1, -12345, 6, with("1", second, second)), state(1, 3, 0, "no segments")
	want := []jnserver.AuditRecord{
		{Op: "format", Detail: info + ", force false, client version 3.4.2", Before: "not formatted", After: fresh},
		{Op: "format", Detail: info + ", force false, client version 3.4.2", Before: fresh, After: fresh},
		{Op: "accept", Detail: "epoch 1, startTxId: 4 endTxId: 6 isInProgress: true, from http://peer/x", Before: one, After: two},
		{Op: "purge", Detail: "epoch 1, keep from txid 4", Before: two, After: purged},
		{Op: "purge", Detail: "epoch 0, keep from txid 4", Before: purged, After: purged},
		{Op: "discard", Detail: "from txid 4", Before: purged, After: empty},
		{Op: "pre-upgrade", Before: empty, After: empty},
		{Op: "upgrade", Detail: info, Before: empty, After: empty},
		{Op: "rollback", Before: empty, After: empty},
		{Op: "finalize-upgrade", Before: empty, After: empty},
	}
	if len(records) != len(want) {
		t.Errorf("%d records, want %d", len(records), len(want))
	}
	refused := []int{1, 4}
	for i, r := range records[:min(len(records), len(want))] {
		w := want[i]
		w.User, w.Client, w.JournalID = "hdfs", "client", "ns1"
		if failed := r.Err != nil; failed != slices.Contains(refused, i) {
			t.Errorf("%s: %v (%s)", r.Op, r.Err, javaerr.ClassOf(r.Err))
		}
		r.Err = nil
		if r != w {
			t.Errorf("record\n got  %+v\n want %+v", r, w)
		}
	}
}
