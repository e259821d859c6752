package compat_test

import (
	"context"
	bin "encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

const (
	thousand   = 1000
	txnsOfEach = 100 // about 9 KB
)

// TestSync_ThousandSegments measures how long a node takes that lacks 1,000 segments, for each kind of node from each kind. It
// fails only where they do not come.
func TestSync_ThousandSegments(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		ways := [][2]hadoop.Kind{
			{hadoop.Java, hadoop.Java}, {hadoop.Java, hadoop.Ours}, {hadoop.Ours, hadoop.Java}, {hadoop.Ours, hadoop.Ours},
		}
		took := make(map[[2]hadoop.Kind][]time.Duration)
		for round := range 3 {
			for _, way := range ways {
				took[way] = append(took[way], fillThousand(t, ctx, site, round, way[0], way[1]))
			}
		}
		for _, way := range ways {
			all := took[way]
			slices.Sort(all)
			t.Logf("%s fills %d segments from %s: median %v of %v", way[0], thousand, way[1], all[len(all)/2].Round(time.Millisecond), all)
		}
	}, releases(t)...)
}

// fillThousand measures from the moment when the first segment was written to that of the last.
func fillThousand(t *testing.T, ctx context.Context, site *hadoop.Site, round int, to, from hadoop.Kind) time.Duration {
	t.Helper()
	name := fmt.Sprintf("%d-%s-from-%s", round, to, from)
	source := must(site.JournalNode(name+"-source", from, journalnode(t), nil))(t)
	target := must(site.JournalNode(name, to, journalnode(t), nil))(t)
	keys := hadoop.Properties{
		"dfs.namenode.shared.edits.dir": fmt.Sprintf("qjournal://%s;%s/%s", source.RPC, target.RPC, hadoop.JournalID),
		"dfs.journalnode.enable.sync":   "true", "dfs.journalnode.sync.interval": "1000",
	}
	check(t, source.Configure(keys.With(hadoop.Properties{"dfs.journalnode.enable.sync": "false"})))
	check(t, target.Configure(keys))
	writeJournal(t, source.Current(hadoop.JournalID), thousand)
	writeJournal(t, target.Current(hadoop.JournalID), 0)
	check(t, source.Start(ctx))
	check(t, target.Start(ctx))
	// Java's node opens a journal, and begins, when it is first asked for it.
	conn := must(wire.Dial(ctx, target.RPC, wire.QJournalProtocol, "hdfs"))(t)
	_, err := conn.Call("isFormatted", wire.Message{}.Bytes(1, wire.JournalID(hadoop.JournalID)))
	check(t, err)
	check(t, conn.Close())
	s := &syncTrio{t: t, ctx: ctx, site: site, nodes: []*hadoop.JournalNode{source, target}}
	s.until(name, func() string {
		if n := len(s.finalized(target)); n < thousand {
			return fmt.Sprintf("%d segments\n%s", n, target.Tail(10))
		}
		return ""
	})
	var first, last time.Time
	for _, file := range s.identities(target) {
		if at := file.ModTime(); first.IsZero() || at.Before(first) {
			first = at
		}
		if at := file.ModTime(); at.After(last) {
			last = at
		}
	}
	s.sameEdits(s.finalized(source), source, target)
	check(t, target.Stop())
	check(t, source.Stop())
	check(t, os.RemoveAll(source.Edits))
	check(t, os.RemoveAll(target.Edits))
	return last.Sub(first)
}

// writeJournal makes a journal with n finalized segments, of which all that a thousand have is committed.
func writeJournal(t *testing.T, current string, n int) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Join(current, "paxos"), 0o755))
	put := func(name string, data []byte) { check(t, os.WriteFile(filepath.Join(current, name), data, 0o644)) }
	put("VERSION", fmt.Appendf(nil, "layoutVersion=-67\nnamespaceID=%d\nclusterID=%s\ncTime=%d\nstorageType=JOURNAL_NODE\n",
		modern.NamespaceID, modern.ClusterID, modern.CTime))
	put("last-promised-epoch", []byte("1\n"))
	put("last-writer-epoch", []byte("1\n"))
	put("committed-txid", bin.BigEndian.AppendUint64(nil, thousand*txnsOfEach))
	for i := range n {
		first := int64(i*txnsOfEach + 1)
		data := append([]byte{0xff, 0xff, 0xff, 0xbd, 0, 0, 0, 0}, mkdirs(first, txnsOfEach)...)
		put(fmt.Sprintf("edits_%019d-%019d", first, first+txnsOfEach-1), data)
	}
}
