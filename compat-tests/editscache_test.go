package compat_test

import (
	"context"
	"fmt"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// TestRPC_EditsCache asks our node and Java's for edits of a cache that holds thirteen operations, through its whole life,
// and then both once more without a cache: answers, bytes, classes and texts are Java's, but for the differences below.
func TestRPC_EditsCache(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		small := hadoop.Properties{
			"dfs.ha.tail-edits.in-progress": "true", "dfs.journalnode.edit-cache-size.bytes": fmt.Sprint(smallEditsCache),
		}
		ours := must(site.JournalNode("cache-ours", subject(), journalnode(t), small))(t)
		java := must(site.JournalNode("cache-java", hadoop.Java, "", small))(t)
		compareMatrix(t, site, runMatrix(t, ctx, ours, cacheMatrix), runMatrix(t, ctx, java, cacheMatrix), cacheDifferences)
		check(t, ours.Configure(nil))
		check(t, java.Configure(nil))
		got, want := runMatrix(t, ctx, ours, cacheOffMatrix), runMatrix(t, ctx, java, cacheOffMatrix)
		compareMatrix(t, site, got, want, nil)
	}, releases(t)...)
}

// smallEditsCache has room for thirteen of records' operations of 74 bytes.
const smallEditsCache = 1000

var cacheDifferences = map[string]difference{
	"1 max 0":       {"java.io.IOException: at least one transaction must be asked for", "6: an IndexOutOfBoundsException of Java's"},
	"1 max -1":      {"java.io.IOException: at least one transaction must be asked for", "6: an IndexOutOfBoundsException of Java's"},
	"61 of epoch 3": {"CacheMissException: Newest txn ID available in the cache is 60", "what is not known to be committed goes with a new epoch"},
	"61 accepted": {"CacheMissException: Newest txn ID available in the cache is 60",
		"what is not known to be committed goes with a new epoch"},
	"60 discarded": {"NewerTxnIdException: Highest txn ID available in the journal is 48", "Java serves what was discarded"},
	"64 committed elsewhere": {"NewerTxnIdException: Highest txn ID available in the journal is 63",
		"a node that knows that it lags does not say that nothing is new"},
}

func (s *script) edits(label string, since, most int64) {
	s.add(label, "getJournaledEdits", s.id().Int(2, since).Int(3, int64(uint32(most))))
}

// cacheMatrix are the calls to a node whose cache holds smallEditsCache bytes.
func cacheMatrix(*hadoop.JournalNode) []step {
	s := &script{jid: "cache"}
	write := func(segment, first int64, n int) {
		s.journal(fmt.Sprintf("journal %d-%d", first, first+int64(n)-1), s.info(1, -1), segment, first, n)
	}
	s.edits("unformatted, 1", 1, 10)
	s.edits("unformatted, 2", 2, 10)
	s.format("format", modern, false)
	s.edits("formatted, 0", 0, 10)
	s.newEpoch("newEpoch 1", modern, 1)
	s.start("start 1", s.info(1, -1), 1)
	s.edits("started, 1", 1, 10)
	write(1, 1, 5)
	for _, ask := range [][2]int64{
		{1, 100}, {1, 1}, {3, 2}, {5, 1}, {5, 100}, {6, 1}, {7, 1}, {0, 1}, {-1, 1}, {1, 0}, {1, -1}, {6, 0}, {1, 1<<31 - 1},
	} {
		s.edits(fmt.Sprintf("%d max %d", ask[0], ask[1]), ask[0], ask[1])
	}
	write(1, 6, 3)
	write(1, 9, 1)
	for _, ask := range [][2]int64{{4, 3}, {2, 7}, {6, 3}, {8, 2}, {5, 4}, {6, 1}, {1, 9}, {9, 1}} {
		s.edits(fmt.Sprintf("of 9: %d max %d", ask[0], ask[1]), ask[0], ask[1])
	}
	for tx := int64(10); tx <= 30; tx++ {
		write(1, tx, 1)
	}
	for _, since := range []int64{0, 1, 17, 18, 30} {
		s.edits(fmt.Sprintf("evicted, %d", since), since, 3)
	}
	write(1, 31, 15)
	s.edits("too large, 18", 18, 10)
	s.edits("too large, 45", 45, 10)
	s.edits("too large, 46", 46, 10)
	write(1, 46, 1)
	s.edits("restarted, 46", 46, 10)
	s.edits("restarted, 45", 45, 10)
	s.finalize("finalize 1-46", s.info(1, -1), 1, 46)
	s.start("start 47", s.info(1, -1), 47)
	write(47, 47, 1)
	s.edits("over segments", 46, 10)
	s.finalize("finalize 47-47", s.info(1, -1), 47, 47)
	s.add("start 48 of another layout", "startLogSegment", s.info(1, -1).Int(2, 48).Sint(3, -66))
	write(48, 48, 1)
	s.edits("another layout, 47", 47, 10)
	s.edits("another layout, 48", 48, 10)
	s.finalize("finalize 48-48", s.info(1, -1), 48, 48)
	s.start("start 60", s.info(1, -1), 60)
	write(60, 60, 1)
	s.edits("a gap, 49", 49, 10)
	s.edits("a gap, 60", 60, 10)
	s.add("commit 60", "heartbeat", s.info(1, 60))
	s.newEpoch("newEpoch 2", modern, 2)
	s.edits("60 of epoch 2", 60, 10)
	s.finalize("finalize 60-60", s.info(2, -1), 60, 60)
	s.start("start 61", s.info(2, -1), 61)
	s.journal("journal 61-63", s.info(2, -1), 61, 61, 3)
	s.edits("60 over epochs", 60, 10)
	s.newEpoch("newEpoch 3", modern, 3)
	s.edits("61 of epoch 3", 61, 10)
	s.prepare("prepare 61", s.info(3, -1), 61)
	s.accept("accept 61-63", s.info(3, -1), 61, 63, true, "http://127.0.0.1:1/x")
	s.edits("61 accepted", 61, 10)
	s.edits("64 accepted", 64, 10)
	s.add("commit 70", "heartbeat", s.info(3, 70))
	s.edits("64 committed elsewhere", 64, 10)
	s.edits("65 committed elsewhere", 65, 10)
	s.finalize("finalize 61-63", s.info(3, -1), 61, 63)
	s.start("start 64", s.info(3, -1), 64)
	s.journal("journal 64-65", s.info(3, -1), 64, 64, 2)
	s.edits("64 after the recovery", 64, 10)
	s.add("discard 49", "discardSegments", s.id().Int(2, 49))
	s.edits("60 discarded", 60, 10)
	s.add("bad id", "getJournaledEdits", wire.Message{}.Bytes(1, wire.JournalID(".x")).Int(2, 1).Int(3, 1))
	return s.steps
}

// cacheOffMatrix are the calls to a node without a cache.
func cacheOffMatrix(*hadoop.JournalNode) []step {
	s := &script{jid: "cacheoff"}
	s.edits("off, unformatted", 1, 10)
	s.format("off, format", modern, false)
	s.newEpoch("off, newEpoch 1", modern, 1)
	s.start("off, start 1", s.info(1, -1), 1)
	s.journal("off, journal 1-5", s.info(1, -1), 1, 1, 5)
	for _, ask := range [][2]int64{{1, 10}, {6, 10}, {9, 10}, {1, 0}} {
		s.edits(fmt.Sprintf("off, %d max %d", ask[0], ask[1]), ask[0], ask[1])
	}
	return s.steps
}
