package compat_test

import (
	"context"
	"fmt"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
)

// stream is what the release's QuorumJournalManager writes to three JournalNodes, each behind a front. The writer
// counts its transactions from 1 on; each batch that it has written was acknowledged.
type stream struct {
	t      *testing.T
	ctx    context.Context
	site   *hadoop.Site
	nodes  []*hadoop.JournalNode
	fronts []*hadoop.Front
	writer *hadoop.Interactive
	last   int64 // acknowledged
}

// newStream starts nodes and writer.
func newStream(t *testing.T, ctx context.Context, site *hadoop.Site) *stream {
	t.Helper()
	s := &stream{t: t, ctx: ctx, site: site}
	var seen []*hadoop.JournalNode
	for i, kind := range quorum(site) {
		node := must(site.JournalNode(fmt.Sprintf("jn%d", i+1), kind, journalnode(t), nil))(t)
		front := must(node.Front())(t)
		t.Cleanup(func() { check(t, front.Close()) })
		check(t, node.Start(ctx))
		s.nodes, s.fronts = append(s.nodes, node), append(s.fronts, front)
		seen = append(seen, front.Through(node))
	}
	s.writer = must(site.JournalWriter(ctx, "writer", seen))(t)
	return s
}

func (s *stream) do(commands ...string) {
	s.t.Helper()
	for _, command := range commands {
		must(s.writer.Do(s.ctx, command))(s.t)
	}
}

// fails expects that the writer cannot do it.
func (s *stream) fails(command string) {
	s.t.Helper()
	_, err := s.writer.Do(s.ctx, command)
	if err == nil {
		s.t.Errorf("%s succeeded", command)
	}
	if !s.writer.Running() {
		s.t.Fatalf("the writer ended: %v", err)
	}
}

func (s *stream) write(n int) {
	s.t.Helper()
	s.do(fmt.Sprintf("write %d", n))
	s.last += int64(n)
}

// segment writes a segment, which all nodes must have afterwards.
func (s *stream) segment() {
	s.t.Helper()
	s.do("start")
	s.write(10)
	s.do("finalize")
	s.reached(s.last, false, s.nodes...)
}

// reached waits until the nodes' last segment ends with the transaction. The writer goes on when two of three have
// answered; the third must have got as far before the next step.
func (s *stream) reached(txid int64, inProgress bool, nodes ...*hadoop.JournalNode) {
	s.t.Helper()
	for _, node := range nodes {
		waitWritten(s.t, s.ctx, node, txid, inProgress)
	}
}

// requests counts the HTTP connections of peers.
func (s *stream) requests() int {
	total := 0
	for _, f := range s.fronts {
		n, _ := f.Passed()
		total += n
	}
	return total
}

func (s *stream) heal() {
	for _, f := range s.fronts {
		f.Heal()
	}
}

// revive starts a node unless it runs.
func (s *stream) revive(j *hadoop.JournalNode) error {
	if j.Running() {
		return nil
	}
	return j.Start(s.ctx)
}

// finish ends everything and looks for each acknowledged transaction on two nodes.
func (s *stream) finish() {
	s.t.Helper()
	if last := must(s.writer.Do(s.ctx, "txid"))(s.t); last != fmt.Sprint(s.last) {
		s.t.Errorf("the stream ends at txid %s, want %d", last, s.last)
	}
	check(s.t, s.writer.End())
	var copies []oracle.Copy
	for _, node := range s.nodes {
		check(s.t, node.Stop())
		copies = append(copies, must(oracle.ReadCopy(node.Name, node.Current(hadoop.JournalID)))(s.t))
	}
	copies = oracle.Live(copies)
	onAll, problems := oracle.CheckQuorum(copies, 1, s.last)
	report(s.t, "quorum", problems)
	s.t.Logf("%d transactions, %d of them on all nodes", s.last, onAll)
	lost := []oracle.Copy{copies[0], copies[1].Without(s.last), copies[2].Without(s.last)}
	if _, problems := oracle.CheckQuorum(lost, 1, s.last); len(problems) == 0 {
		s.t.Error("control: a lost transaction was not seen")
	}
}
