package compat_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
)

// syncTrio is three JournalNodes that know each other, and Hadoop's own writer. The last node is the one that lacks segments.
type syncTrio struct {
	t      *testing.T
	ctx    context.Context
	site   *hadoop.Site
	nodes  []*hadoop.JournalNode
	writer *hadoop.Interactive
	extra  hadoop.Properties // of every node
	wrote  int
}

// newSyncTrio starts the nodes and formats the journal. more is for every node, and is changed by configure.
func newSyncTrio(t *testing.T, ctx context.Context, site *hadoop.Site, more hadoop.Properties, kinds ...hadoop.Kind) *syncTrio {
	t.Helper()
	s := &syncTrio{t: t, ctx: ctx, site: site}
	var addresses []string
	for i, kind := range kinds {
		n := must(site.JournalNode(fmt.Sprintf("jn%d-%s", i+1, kind), kind, journalnode(t), nil))(t)
		s.nodes = append(s.nodes, n)
		addresses = append(addresses, n.RPC)
	}
	uri := fmt.Sprintf("qjournal://%s/%s", strings.Join(addresses, ";"), hadoop.JournalID)
	s.extra = hadoop.Properties{
		"dfs.namenode.shared.edits.dir": uri, "dfs.journalnode.enable.sync": "true", "dfs.journalnode.sync.interval": "1000",
	}.With(more)
	for _, n := range s.nodes {
		check(t, n.Configure(s.extra))
		check(t, n.Launch())
	}
	for _, n := range s.nodes {
		check(t, n.WaitServing(ctx))
	}
	sources := must(fs.Sub(loadSources, "java"))(t)
	s.writer = must(site.Driver(ctx, "writer", "org.apache.hadoop.hdfs.server.namenode.QuorumLoad", sources,
		[]string{"-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto"},
		hadoop.Properties{"ipc.client.connect.max.retries": "1", "ipc.client.connect.retry.interval": "20"},
		uri, filepath.Join(site.Dir, "ledger")))(t)
	s.do("format")
	s.do("open w1 1")
	return s
}

func (s *syncTrio) behind() *hadoop.JournalNode { return s.nodes[len(s.nodes)-1] }

func (s *syncTrio) do(format string, args ...any) string {
	s.t.Helper()
	return must(s.writer.Do(s.ctx, fmt.Sprintf(format, args...)))(s.t)
}

// write lets the writer write until the first node has n more finalized segments, and goes on if keep says so.
func (s *syncTrio) write(n int, keep bool) {
	s.t.Helper()
	s.wrote++
	target := len(s.finalized(s.nodes[0])) + n
	s.do("run w1 %d 2", s.wrote)
	s.until("segments are written", func() string {
		if state := s.do("state w1"); state != "running" {
			s.t.Fatalf("the writer is %s\n%s", state, s.writer.Tail(30))
		}
		if have := len(s.finalized(s.nodes[0])); have < target {
			return fmt.Sprintf("%d of %d", have, target)
		}
		return ""
	})
	if !keep {
		s.halt()
	}
}

func (s *syncTrio) halt() {
	s.t.Helper()
	if state := s.do("halt w1"); state != "halted" {
		s.t.Fatalf("the writer is %s\n%s", state, s.writer.Tail(30))
	}
}

// until polls until what is missing is nothing.
func (s *syncTrio) until(what string, missing func() string) {
	s.t.Helper()
	for end := time.Now().Add(90 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		left := missing()
		if left == "" {
			return
		}
		if time.Now().After(end) || s.ctx.Err() != nil {
			s.t.Fatalf("%s: %s", what, left)
		}
	}
}

// finalized are the names of a node's finalized segments, sorted.
func (s *syncTrio) finalized(n *hadoop.JournalNode) []string {
	s.t.Helper()
	var names []string
	for _, path := range must(filepath.Glob(filepath.Join(n.Current(hadoop.JournalID), "edits_*-*")))(s.t) {
		if name := filepath.Base(path); !strings.Contains(name, "inprogress") && !strings.Contains(name, ".") {
			names = append(names, name)
		}
	}
	return names
}

// filled waits until the node has every segment that the first one has finalized by now, and names them. A writer must be at it: a
// node that missed a writer's last calls (a close drops what it has queued for a slow node) learns only from another call what is
// committed, and takes nothing before (in Java: Journal.moveTmpSegmentToCurrent). Only a wiped node of ours believes the others.
func (s *syncTrio) filled(n *hadoop.JournalNode) []string {
	s.t.Helper()
	want := s.finalized(s.nodes[0])
	s.until(n.Name+" fills its gaps", func() string {
		have := s.finalized(n)
		for _, name := range want {
			if !slices.Contains(have, name) {
				return fmt.Sprintf("it has %d segments, %s is missing of %d\n%s", len(have), name, len(want), n.Tail(25))
			}
		}
		return ""
	})
	return want
}

// sameEdits compares the transactions of the named segments of two nodes; one that is taken away must be found.
func (s *syncTrio) sameEdits(names []string, a, b *hadoop.JournalNode) {
	s.t.Helper()
	read := func(n *hadoop.JournalNode) map[int64][]byte {
		held := make(map[int64][]byte)
		for _, segment := range must(oracle.ReadJournal(n.Current(hadoop.JournalID)))(s.t) {
			if !slices.Contains(names, segment.Name) {
				continue
			}
			if last := segment.First + int64(len(segment.Frames)) - 1; last != segment.Last {
				s.t.Errorf("%s: %s ends at %d", n.Name, segment.Name, last)
			}
			for _, f := range segment.Frames {
				held[f.TxID] = f.Bytes
			}
		}
		return held
	}
	want, got := read(a), read(b)
	differ := func() (txids []int64) {
		for txid, frame := range want {
			if !bytes.Equal(frame, got[txid]) {
				txids = append(txids, txid)
			}
		}
		return txids
	}
	if wrong := differ(); len(want) == 0 || len(wrong) > 0 {
		s.t.Errorf("%d transactions on %s, %d of them are otherwise on %s: %v", len(want), a.Name, len(wrong), b.Name, wrong)
	}
	delete(got, 1)
	if len(differ()) == 0 {
		s.t.Error("control: a transaction that is taken away is not missed")
	}
}

// corrupt changes a bit in each of the named segments of a node.
func (s *syncTrio) corrupt(n *hadoop.JournalNode, names []string) {
	s.t.Helper()
	for _, name := range names {
		path := filepath.Join(n.Current(hadoop.JournalID), name)
		data := must(os.ReadFile(path))(s.t)
		data[20] ^= 0x10 // in the first transaction
		check(s.t, os.WriteFile(path, data, 0o644))
	}
}

// identities tells the files of finalized segments apart from others of the same name.
func (s *syncTrio) identities(n *hadoop.JournalNode) map[string]os.FileInfo {
	s.t.Helper()
	files := make(map[string]os.FileInfo)
	for _, name := range s.finalized(n) {
		files[name] = must(os.Stat(filepath.Join(n.Current(hadoop.JournalID), name)))(s.t)
	}
	return files
}
