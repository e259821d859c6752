package compat_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// TestRecovery_OtherSource tells our node to take a segment from an address where nobody is. A Java node has it finalized: with
// exactly the accepted range it is taken from there, with any other it is not.
func TestRecovery_OtherSource(t *testing.T) {
	if control() {
		t.Skip("Java's node tries no other source")
	}
	onReleases(t, otherSource, releases(t)...)
}

func otherSource(t *testing.T, ctx context.Context, site *hadoop.Site) {
	java := must(site.JournalNode("java", hadoop.Java, "", nil))(t)
	ours := must(site.JournalNode("ours", hadoop.Ours, journalnode(t), nil))(t)
	nobody := must(site.JournalNode("nobody", hadoop.Java, "", nil))(t) // is never started
	check(t, ours.Configure(hadoop.Properties{
		"dfs.namenode.shared.edits.dir": fmt.Sprintf("qjournal://%s;%s;%s/%s", ours.RPC, java.RPC, nobody.RPC, hadoop.JournalID),
		"dfs.journalnode.enable.sync":   "false", // or the segment may be here before it is asked for
	}))
	const first, short, last = 1, 5, 20
	for node, end := range map[*hadoop.JournalNode]int64{java: last, ours: short} {
		check(t, node.Start(ctx))
		s := &script{jid: hadoop.JournalID}
		s.format("format", modern, true)
		s.newEpoch("newEpoch", modern, 1)
		s.start("startLogSegment", s.info(1, -1), first)
		s.journalBytes("journal", s.info(1, -1), first, first, int(end), mkdirs(first, int(end)))
		if node == java {
			s.finalize("finalize", s.info(1, -1), first, last)
		}
		check(t, s.callAll(ctx, node))
	}

	s := &script{jid: hadoop.JournalID}
	url := fmt.Sprintf("http://%s/getJournal?jid=%s&segmentTxId=%d", nobody.HTTP, hadoop.JournalID, first)
	s.newEpoch("newEpoch", modern, 2)
	s.prepare("prepareRecovery", s.info(2, -1), first)
	check(t, s.callAll(ctx, ours))
	s.accept("acceptRecovery", s.info(2, -1), first, last-1, true, url)
	if err := s.callAll(ctx, ours); err == nil || !strings.Contains(err.Error(), "java.net.ConnectException") {
		t.Errorf("accept of a range that no node has finalized: %v", err)
	}
	s.accept("acceptRecovery", s.info(2, -1), first, last, false, url)
	s.finalize("finalize", s.info(2, -1), first, last)
	check(t, s.callAll(ctx, ours))

	name := fmt.Sprintf("edits_%019d-%019d", first, last)
	got := must(os.ReadFile(filepath.Join(ours.Current(hadoop.JournalID), name)))(t)
	want := must(os.ReadFile(filepath.Join(java.Current(hadoop.JournalID), name)))(t)
	if !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, Java's %d, or others", name, len(got), len(want))
	}
	if log := ours.FullLog(); !strings.Contains(log, "others are tried") || !strings.Contains(log, "url=\"http://"+java.HTTP) {
		t.Errorf("the log does not say where it came from: %s", ours.Tail(10))
	}
}

// callAll makes the steps, in order, and forgets them.
func (s *script) callAll(ctx context.Context, node *hadoop.JournalNode) error {
	steps := s.steps
	s.steps = nil
	conn, err := wire.Dial(ctx, node.RPC, wire.QJournalProtocol, "hdfs")
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, step := range steps {
		if _, err := conn.Call(step.method, step.request); err != nil {
			return fmt.Errorf("%s: %w", step.label, err)
		}
	}
	return nil
}
