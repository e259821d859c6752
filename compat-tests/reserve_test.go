package compat_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// TestReserve_JavaIgnoresIt: Java's node takes a directory of ours over, with the reserve beside current/: it writes,
// upgrades, finalizes that, upgrades and rolls back, formats, and leaves the file as it is. Then ours goes on.
func TestReserve_JavaIgnoresIt(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		ours := must(site.JournalNode("jn", subject(), journalnode(t), nil))(t)
		check(t, ours.Start(ctx))
		id := wire.Message{}.Bytes(1, wire.JournalID("ns1"))
		w := dialJournal(t, ctx, ours)
		w.must("format", id.Bytes(2, namespace.Message()))
		w.must("newEpoch", id.Bytes(2, namespace.Message()).Int(3, 1))
		w.start(1)
		w.write(1, 3, 1)
		check(t, ours.Stop())
		path := filepath.Join(ours.Edits, "ns1", "gojn.reserve")
		if control() {
			check(t, os.WriteFile(path, []byte("as if"), 0o600))
		}
		reserve := must(os.ReadFile(path))(t)

		java := must(ours.Elsewhere(hadoop.Java, ""))(t)
		check(t, java.Start(ctx))
		w = dialJournal(t, ctx, java)
		serial := int64(0)
		info := func(epoch int64) wire.Message {
			serial++
			return wire.Message{}.Bytes(1, wire.RequestInfo("ns1", epoch, serial, -1))
		}
		layout := int64(namespace.LayoutVersion)
		w.must("newEpoch", id.Bytes(2, namespace.Message()).Int(3, 2))
		w.must("finalizeLogSegment", info(2).Int(2, 1).Int(3, 3))
		w.must("startLogSegment", info(2).Int(2, 4).Sint(3, layout))
		w.must("journal", info(2).Int(2, 4).Int(3, 1).Bytes(4, wire.Mkdir(4, "/a")).Int(5, 4))
		w.must("finalizeLogSegment", info(2).Int(2, 4).Int(3, 4))
		upgraded := namespace
		for i := range 2 {
			upgraded.CTime++
			w.must("doPreUpgrade", id)
			w.must("doUpgrade", id.Bytes(2, upgraded.StorageInfo()))
			if i == 0 {
				w.must("doFinalize", id)
			} else {
				w.must("doRollback", id)
			}
		}
		check(t, java.Stop())
		check(t, java.Start(ctx)) // looks at the whole directory again
		w = dialJournal(t, ctx, java)
		w.must("newEpoch", id.Bytes(2, withCTime(namespace, namespace.CTime+1).Message()).Int(3, 3))
		refused, err := w.call("format", id.Bytes(2, namespace.Message()).Bool(4, true)) // 2.7 knows no force, and formats
		t.Logf("format: %q, %v", refused, err)
		w.must("newEpoch", id.Bytes(2, namespace.Message()).Int(3, 8)) // its format leaves no promise, and so no vote to ours
		check(t, java.Stop())
		if now := must(os.ReadFile(path))(t); !bytes.Equal(now, reserve) {
			t.Errorf("the reserve had %d bytes and has %d, or others", len(reserve), len(now))
		}

		check(t, ours.Start(ctx))
		w = dialJournal(t, ctx, ours)
		w.must("newEpoch", id.Bytes(2, namespace.Message()).Int(3, 9))
		serial = 0
		w.must("startLogSegment", info(9).Int(2, 1).Sint(3, layout))
		w.must("journal", info(9).Int(2, 1).Int(3, 1).Bytes(4, wire.Mkdir(1, "/a")).Int(5, 1))
		if now := must(os.ReadFile(path))(t); !control() && !bytes.Equal(now, reserve) {
			t.Error("the reserve was made anew")
		}
	}, releases(t)...)
}

func withCTime(n wire.Namespace, ctime int64) wire.Namespace {
	n.CTime = ctime
	return n
}
