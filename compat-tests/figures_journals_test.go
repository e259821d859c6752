package compat_test

import (
	"context"
	"fmt"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// TestFigures_TenJournals prints the resident memory of one process with ten journals and a cache of edits, while each is
// written more than the cache holds and all are read by getJournaledEdits, ours beside Java's of the same release. Java's
// cache is per journal, half of the heap each: it is given 1 GiB as Hadoop's scripts do by default for small machines, and
// dfs.journalnode.edit-cache-size.bytes of 32 MiB, which is ours for all journals together. It judges nothing.
func TestFigures_TenJournals(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		for _, kind := range []hadoop.Kind{hadoop.Ours, hadoop.Java} {
			node := must(site.JournalNode("ten-"+string(kind), kind, journalnode(t), hadoop.Properties{
				"dfs.ha.tail-edits.in-progress":         "true",
				"dfs.journalnode.edit-cache-size.bytes": fmt.Sprint(32 << 20),
			}))(t)
			node.JVM = []string{"-Xmx1g"}
			check(t, node.Start(ctx))
			idle := must(node.ResidentBytes())(t)
			var journals []*script
			for i := range 10 {
				journals = append(journals, &script{jid: fmt.Sprintf("ns%d", i)})
			}
			conn := must(wire.Dial(ctx, node.RPC, wire.QJournalProtocol, "hdfs"))(t)
			most := writeAndRead(t, node, conn, journals)
			t.Logf("%s %s: %d MiB idle, %d MiB at most with ten journals", kind, site.Install.Release.Version, idle>>20, most>>20)
			check(t, conn.Close())
			check(t, node.Stop())
		}
	}, releases(t)...)
}

// writeAndRead writes 48 MiB to each journal, in turns, reading each batch back, and returns the most memory that it saw.
func writeAndRead(t *testing.T, node *hadoop.JournalNode, conn *wire.Client, journals []*script) (most int64) {
	t.Helper()
	const batch, batches = 4000, 110 // transactions of some 110 bytes
	for _, s := range journals {
		s.format("format", modern, true)
		s.newEpoch("newEpoch", modern, 1)
		s.start("startLogSegment", s.info(1, -1), 1)
	}
	for i := range batches {
		first := int64(1 + i*batch)
		edits := mkdirs(first, batch)
		for _, s := range journals {
			s.journalBytes("journal", s.info(1, first-1), 1, first, batch, edits)
			s.add("getJournaledEdits", "getJournaledEdits", s.id().Int(2, first).Int(3, batch))
			for _, call := range s.steps {
				must(conn.Call(call.method, call.request))(t)
			}
			s.steps = nil
		}
		most = max(most, must(node.ResidentBytes())(t))
	}
	return most
}
