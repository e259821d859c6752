package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/workload"
)

const (
	clients = 4
	root    = "/demo"
	// pause keeps the namespace small enough to be read whole in seconds.
	pause = 10 * time.Millisecond
	// before and after are how many operations the clients do before the kill and after it.
	before, after = 400, 300
	// progress is how long the clients may take for that.
	progress = 2 * time.Minute
)

// story is the cluster and what its clients did.
type story struct {
	*narrator
	*hadoop.Cluster
	ledger oracle.Ledger
	load   *workload.Load
}

// play is the whole story. Its error is a *lossError if something acknowledged is not there.
func play(ctx context.Context, n *narrator, site *hadoop.Site, binary string) error {
	cluster, err := site.Cluster(hadoop.ClusterOptions{
		Journals: []hadoop.Kind{hadoop.Ours, hadoop.Ours, hadoop.Ours}, Binary: binary,
	})
	if err != nil {
		return err
	}
	s := &story{narrator: n, Cluster: cluster}
	defer func() {
		if s.load != nil {
			_ = s.load.Stop() // judged before, unless the story broke off
		}
	}()
	for _, chapter := range []func(context.Context) error{s.begin, s.write, s.failOver, s.comeBack, s.proof} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin starts the nodes and an HA pair over them.
func (s *story) begin(ctx context.Context) error {
	began := time.Now()
	if err := s.StartJournals(ctx); err != nil {
		return err
	}
	s.say("Three JournalNodes answer, %d ms after they were started:", time.Since(began).Milliseconds())
	for _, j := range s.Journals {
		s.more("%s: RPC %s, HTTP %s, process %d", j.Name, j.RPC, j.HTTP, j.PID())
	}
	first, second := s.NameNodes[0], s.NameNodes[1]
	s.say("nn1 formats its directory and the journal %q on all three (hdfs namenode -format).", hadoop.JournalID)
	if _, err := first.Run(ctx, "-format", "-nonInteractive", "-clusterId", hadoop.ClusterID); err != nil {
		return err
	}
	if err := first.Start(ctx); err != nil {
		return err
	}
	s.say("nn1 runs; it becomes active (hdfs haadmin), and a DataNode joins.")
	if _, err := s.HAAdmin(ctx, "-transitionToActive", "--forceactive", first.ID); err != nil {
		return err
	}
	if err := first.WaitState(ctx, "active"); err != nil {
		return err
	}
	if _, err := second.Run(ctx, "-bootstrapStandby", "-nonInteractive"); err != nil {
		return err
	}
	start := func() error { return second.Start(ctx) }
	join := func() error { return s.StartDataNode(ctx, first) }
	if err := together(start, join); err != nil {
		return err
	}
	if err := second.WaitDataNodes(ctx, 1); err != nil {
		return err
	}
	s.say("nn2 was bootstrapped from nn1 and runs as the standby: it reads the edits from the JournalNodes.")
	return nil
}

// write lets clients work on the active.
func (s *story) write(ctx context.Context) (err error) {
	s.load, err = workload.Start(ctx, &s.ledger, workload.Options{
		Root: root, Clients: clients, Pause: pause, Addresses: s.Addresses(),
	})
	if err != nil {
		return err
	}
	s.say("%d clients write files, make directories, rename, chmod and delete below %s.", clients, root)
	return s.work(ctx, before)
}

// work waits until the clients have done so many operations more.
func (s *story) work(ctx context.Context, operations int64) error {
	ctx, cancel := context.WithTimeout(ctx, progress)
	defer cancel()
	for target := s.load.Done() + operations; s.load.Done() < target; {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the clients have done %d operations of %d: %w", s.load.Done(), target, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// failOver kills the active under load and makes the other one active.
func (s *story) failOver(ctx context.Context) error {
	dead, next := s.NameNodes[0], s.NameNodes[1]
	done := s.load.Done()
	killed := time.Now()
	dead.Kill()
	s.say("kill -9 of nn1, the active, after %d acknowledged operations. The clients go on trying.", done)
	for _, j := range s.Journals {
		open, err := filepath.Glob(filepath.Join(j.Current(hadoop.JournalID), "edits_inprogress_*"))
		if err != nil {
			return err
		}
		for _, path := range open {
			s.more("%s has %s open", j.Name, filepath.Base(path))
		}
	}
	if _, err := s.HAAdmin(ctx, "-transitionToActive", "--forceactive", next.ID); err != nil {
		return err
	}
	if err := next.WaitState(ctx, "active"); err != nil {
		return err
	}
	if err := s.work(ctx, 1); err != nil {
		return err
	}
	s.say("nn2 is active: it has recovered what nn1 left open, and clients are served again, %.1f s after the kill,",
		time.Since(killed).Seconds())
	s.more("the start of the hdfs command included.")
	return s.work(ctx, after)
}

// comeBack restarts the killed NameNode as the standby and ends the load.
func (s *story) comeBack(ctx context.Context) error {
	first, second := s.NameNodes[0], s.NameNodes[1]
	if err := first.Start(ctx); err != nil {
		return err
	}
	if err := first.WaitState(ctx, "standby"); err != nil {
		return err
	}
	if err := s.load.Stop(); err != nil {
		return err
	}
	s.load = nil
	acknowledged, unknown := s.ledger.Counts()
	s.say("nn1 is back, as the standby. The clients stop: %d edits acknowledged, %d operations of unknown outcome,",
		acknowledged, unknown)
	s.more("those that were under way at the kill.")
	last, err := second.LastTxID()
	if err != nil {
		return err
	}
	if _, err := s.DFSAdmin(ctx, "-rollEdits"); err != nil {
		return err
	}
	return first.WaitTxID(ctx, last, time.Minute)
}

// together runs functions at the same time and returns the first one's error that has any.
func together(do ...func() error) error {
	errs := make([]error, len(do))
	var all sync.WaitGroup
	for i, f := range do {
		all.Go(func() { errs[i] = f() })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
