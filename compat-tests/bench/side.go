package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"gojn/compat-tests/hadoop"
)

// side is one implementation with its nodes, all on one file system.
type side struct {
	kind     hadoop.Kind
	main     *hadoop.JournalNode // of all scenarios on a running node
	quorum   nodes               // three
	recovery *hadoop.JournalNode // over the large open segment, started for each round
	fresh    *hadoop.JournalNode // over an empty directory, started for each round
	counted  *hadoop.JournalNode // under strace, for the count of syncs
}

// bench is a run: the site, both sides, the client and what lies on disk.
type bench struct {
	site    *hadoop.Site
	ours    *side
	java    *side
	client  client
	fixture fixture
	scale   scale
}

// sides are both, ours first.
func (b *bench) sides() []*side { return []*side{b.ours, b.java} }

// unthrottled takes away the limit of 50 MiB/s that both nodes have on /getJournal.
var unthrottled = hadoop.Properties{"dfs.image.transfer.bandwidthPerSec": "0"}

// newSide configures the nodes of a side; it starts none.
func newSide(site *hadoop.Site, kind hadoop.Kind, binary string, jvm []string) (*side, error) {
	s := &side{kind: kind}
	node := func(name string) (*hadoop.JournalNode, error) {
		j, err := site.JournalNode(fmt.Sprintf("%s-%s", kind, name), kind, binary, unthrottled)
		if err == nil {
			j.JVM = jvm
		}
		return j, err
	}
	var errs [6]error
	s.main, errs[0] = node("main")
	s.recovery, errs[1] = node("recovery")
	s.fresh, errs[2] = node("fresh")
	s.counted, errs[3] = node("counted")
	for i := range 3 {
		j, err := node(fmt.Sprintf("quorum%d", i+1))
		s.quorum, errs[4] = append(s.quorum, j), errors.Join(errs[4], err)
	}
	return s, errors.Join(errs[:]...)
}

// channel is the client's name for a journal of this side.
func (s *side) channel(jid string) string { return fmt.Sprintf("%s-%s", s.kind, jid) }

// start starts all nodes of the list and waits until they serve.
func (n nodes) start(ctx context.Context) error {
	errs := make([]error, len(n))
	var all sync.WaitGroup
	for i, node := range n {
		all.Go(func() { errs[i] = node.Start(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (n nodes) stop() error {
	var errs []error
	for _, node := range n {
		errs = append(errs, node.Stop())
	}
	return errors.Join(errs...)
}

// uri is what a NameNode would have in dfs.namenode.shared.edits.dir.
func (n nodes) uri(jid string) string {
	addresses := make([]string, len(n))
	for i, node := range n {
		addresses[i] = node.RPC
	}
	return "qjournal://" + strings.Join(addresses, ";") + "/" + jid
}

// prepare brings a side to where its scenarios begin: journals formatted, the large files in place, the main node and the
// quorum running, writers with an epoch.
func (b *bench) prepare(ctx context.Context, s *side) error {
	written := append(journalNames(max(b.scale.journals[len(b.scale.journals)-1], writers)), "latency")
	filled := []string{"big"}
	for _, n := range b.scale.manifests {
		filled = append(filled, manifestJournal(n))
	}
	first := nodes{s.main, s.recovery}
	if err := first.start(ctx); err != nil {
		return err
	}
	format := func(jid string, node *hadoop.JournalNode) error {
		channel := s.channel(jid)
		if err := b.client.open(ctx, channel, jid, node); err != nil {
			return err
		}
		return errors.Join(b.client.do(ctx, "format "+channel), b.client.do(ctx, "close "+channel))
	}
	for _, jid := range slices.Concat(filled, written) {
		if err := format(jid, s.main); err != nil {
			return err
		}
	}
	if err := format("recovery", s.recovery); err != nil {
		return err
	}
	if err := first.stop(); err != nil {
		return err
	}
	if err := b.fixture.place(s, b.scale); err != nil {
		return err
	}
	if err := append(nodes{s.main}, s.quorum...).start(ctx); err != nil {
		return err
	}
	for _, jid := range filled {
		if err := b.client.open(ctx, s.channel(jid), jid, s.main); err != nil {
			return err
		}
	}
	for _, jid := range written {
		if err := b.client.open(ctx, s.channel(jid), jid, s.main); err != nil {
			return err
		}
		if err := b.client.do(ctx, fmt.Sprintf("epoch %s 1", s.channel(jid))); err != nil {
			return err
		}
	}
	return b.client.do(ctx, fmt.Sprintf("quorum %s %s", s.kind, s.quorum.uri("quorum")))
}
