package main

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "gojn/qjournalpb"
)

// tailed starts a node, writes 15 transactions of a KiB each, one at a time, and asks for those from since on.
func tailed(t *testing.T, since uint64, keys ...string) (uint32, error) {
	t.Helper()
	n, _ := on(t, keys...)
	c := dial(t, n.addr(), "j1")
	c.write(1, 1000)
	for tx := uint64(2); tx <= 15; tx++ {
		must(t, c.journal(1, tx, 1, 1000))
	}
	var resp pb.GetJournaledEditsResponseProto
	err := c.call("getJournaledEdits",
		&pb.GetJournaledEditsRequestProto{Jid: c.id(), SinceTxId: &since, MaxTxns: proto.Uint32(100)}, &resp)
	return resp.GetTxnCount(), err
}

// effectTailEdits: edits come from memory, or not at all.
func effectTailEdits(t *testing.T) {
	if n, err := tailed(t, 1, "dfs.ha.tail-edits.in-progress", "true"); n != 15 || err != nil {
		t.Errorf("%d transactions, %v", n, err)
	}
	for _, keys := range [][]string{nil, {"dfs.ha.tail-edits.in-progress", "false", "dfs.journalnode.edit-cache-size.bytes", "1000000"}} {
		if _, err := tailed(t, 1, keys...); err == nil || !strings.Contains(err.Error(), "The journal edits cache is not enabled") {
			t.Errorf("%q: %v", keys, err)
		}
	}
}

// effectEditCacheBytes: as many transactions are kept as there is room for.
func effectEditCacheBytes(t *testing.T) {
	for bytes, oldest := range map[string]uint64{"3100": 13, "10240": 6, "0x2800": 6} {
		keys := []string{"dfs.ha.tail-edits.in-progress", "true", "dfs.journalnode.edit-cache-size.bytes", bytes}
		if n, err := tailed(t, oldest, keys...); n != uint32(16-oldest) || err != nil {
			t.Errorf("%s bytes: %d transactions, %v", bytes, n, err)
		}
		if _, err := tailed(t, oldest-1, keys...); err == nil || !strings.Contains(err.Error(), "Oldest txn ID available in the cache") {
			t.Errorf("%s bytes: %v", bytes, err)
		}
	}
}

// effectEditCacheFraction: the size of the cache if it is not given in bytes.
func effectEditCacheFraction(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want int64
	}{
		{nil, 32 << 20},
		{[]string{"dfs.journalnode.edit-cache-size.fraction", "0.25"}, 16 << 20},
		{[]string{"dfs.journalnode.edit-cache-size.fraction", "0.25", "dfs.journalnode.edit-cache-size.bytes", "7"}, 7},
	} {
		settings, _ := configure(t, with(with(loopback(t.TempDir()), "dfs.ha.tail-edits.in-progress", "true"), c.keys...))
		if got := editsCache(settings.Cache); got != c.want {
			t.Errorf("%q: %d bytes, want %d", c.keys, got, c.want)
		}
	}
}
