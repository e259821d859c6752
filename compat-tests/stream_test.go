package compat_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
)

// TestStream_SameBytes lets the release's own QuorumJournalManager write one fixed stream, with a node that dies in
// the middle of a segment and a writer that dies before finalizing one, to three of our nodes and to three of Java's:
// afterwards node by node the same segments hold the same bytes.
func TestStream_SameBytes(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		tested := writeStream(t, ctx, site, "tested", subject())
		model := writeStream(t, ctx, site, "model", hadoop.Java)
		for i := range tested {
			transactions, problems := oracle.CheckSame(tested[i], model[i])
			report(t, fmt.Sprintf("node %d", i+1), problems)
			t.Logf("node %d: %d transactions in %d segments are the same", i+1, transactions, len(tested[i].Segments))
		}
		onAll, problems := oracle.CheckQuorum(tested, 1, streamEnd)
		report(t, "quorum", problems)
		if onAll == 0 {
			t.Error("no transaction lies on all nodes")
		}
		less := tested[0].Without(streamEnd)
		if _, problems := oracle.CheckSame(less, model[0]); len(problems) == 0 {
			t.Error("control: a missing transaction was not seen")
		}
	}, releases(t)...)
}

// streamEnd is the last transaction of the stream.
const streamEnd = 20 + 15 + 25 + 10

// writeStream starts three nodes, writes the stream and returns the directories.
func writeStream(t *testing.T, ctx context.Context, site *hadoop.Site, name string, kind hadoop.Kind) []oracle.Copy {
	t.Helper()
	var nodes []*hadoop.JournalNode
	for i := range 3 {
		node := must(site.JournalNode(fmt.Sprintf("%s-%d", name, i+1), kind, journalnode(t), nil))(t)
		check(t, node.Start(ctx))
		nodes = append(nodes, node)
	}
	writer := must(site.JournalWriter(ctx, name, nodes))(t)
	do := func(commands ...string) {
		t.Helper()
		for _, command := range commands {
			must(writer.Do(ctx, command))(t)
		}
	}
	// The writer goes on when two nodes have answered; the third must have got as far before the next step, or the
	// stream would not be the same every time.
	reached := func(txid int64, inProgress bool, nodes ...*hadoop.JournalNode) {
		t.Helper()
		for _, node := range nodes {
			waitWritten(t, ctx, node, txid, inProgress)
		}
	}
	do("format", "open", "start", "write 20", "finalize")
	reached(20, false, nodes...)
	// The third node dies in the middle of a segment and misses the rest of it.
	do("start", "write 5")
	reached(25, true, nodes...)
	nodes[2].Kill()
	do("write 10", "finalize")
	reached(35, false, nodes[:2]...)
	check(t, nodes[2].Start(ctx))
	// It takes part again from the next segment on, which its writer leaves open.
	do("start", "write 25")
	reached(60, true, nodes...)
	do("abandon")
	// A new writer recovers that segment on all three and goes on.
	do("open")
	reached(60, false, nodes...)
	do("start", "write 10", "finalize")
	reached(70, false, nodes...)
	if last := must(writer.Do(ctx, "txid"))(t); last != fmt.Sprint(streamEnd) {
		t.Fatalf("the stream ends at txid %s, want %d", last, streamEnd)
	}
	check(t, writer.End())
	var copies []oracle.Copy
	for _, node := range nodes {
		check(t, node.Stop())
		copies = append(copies, must(oracle.ReadCopy(node.Name, node.Current(hadoop.JournalID)))(t))
	}
	return copies
}

// waitWritten returns when the node's last segment ends with the transaction, and is finalized or not as stated.
func waitWritten(t *testing.T, ctx context.Context, node *hadoop.JournalNode, txid int64, inProgress bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		segments, err := oracle.ReadJournal(node.Current(hadoop.JournalID))
		if n := len(segments); err == nil && n > 0 {
			if last := segments[n-1]; last.Last == txid && last.InProgress == inProgress {
				return
			}
		}
		if time.Now().After(end) || ctx.Err() != nil {
			t.Fatalf("%s did not reach txid %d: %v %v", node.Name, txid, segments, err)
		}
	}
}
