package compat_test

import (
	"context"
	"sync"
	"testing"

	"gojn/compat-tests/hadoop"
)

// stoppedFence is how long a failover waits for an active NameNode that stands still and will not answer.
const stoppedFence = "2000"

// TestHA_SplitBrain has two NameNodes that both take themselves for the active one. First the active is stopped with
// SIGSTOP under load, the other takes over, and the first goes on; then the standby is made active beside an active
// that has nothing to write; then both standbys are made active at the same time. Each time one ends itself at its next
// write, because the JournalNodes have promised another epoch; nothing it did not acknowledge shows up, and all it did
// stays.
func TestHA_SplitBrain(t *testing.T) { onReleases(t, splitBrain, releases(t)...) }

func splitBrain(t *testing.T, ctx context.Context, site *hadoop.Site) {
	p := newPair(t, ctx, site, hadoop.ClusterOptions{NameNodes: hadoop.Properties{
		"dfs.ha.log-roll.period":    "-1", // an active writes what clients ask for and nothing else
		hadoop.GracefulFenceTimeout: stoppedFence,
	}})
	p.startByHand()
	f := newFencing(p)

	f.startLoad(gentle, f.Addresses()...)
	f.moreDone(100)
	first, next := f.roles()
	old := f.promised(0)
	check(t, first.Pause(ctx))
	must(f.HAAdmin(ctx, "-failover", "--forcefence", first.ID, next.ID))(t)
	check(t, next.WaitState(ctx, "active"))
	f.resumeFenced(first, next, old)
	f.comeBack(first)

	f.forceBesideActive()
	f.forceBoth()
	f.judgeLate()
}

// TestHA_SplitBrainByController stops a whole machine's processes, the active NameNode and its failover controller,
// under load: the other controller takes over without a hand.
func TestHA_SplitBrainByController(t *testing.T) {
	if !long() {
		t.Skip("COMPAT_LONG=1 runs it: four more JVMs, and TestHA_SplitBrain shows the same without them")
	}
	onReleases(t, splitBrainByController, releases(t)...)
}

func splitBrainByController(t *testing.T, ctx context.Context, site *hadoop.Site) {
	p := newPair(t, ctx, site, hadoop.ClusterOptions{
		AutomaticFailover: true, NameNodes: hadoop.Properties{hadoop.GracefulFenceTimeout: stoppedFence},
	})
	check(t, p.StartJournals(ctx))
	must(p.NameNodes[0].Run(ctx, "-format", "-nonInteractive", "-clusterId", hadoop.ClusterID))(t)
	check(t, p.StartZooKeeper(ctx))
	check(t, p.FormatZK(ctx))
	check(t, p.NameNodes[0].Start(ctx))
	check(t, p.StartController(0))
	check(t, p.NameNodes[0].WaitState(ctx, "active"))
	p.startStandby()
	check(t, p.StartController(1))
	check(t, p.StartDataNode(ctx, p.NameNodes[:]...))
	f := newFencing(p)

	f.startLoad(gentle, f.Addresses()...)
	f.moreDone(100)
	first, next := f.NameNodes[0], f.NameNodes[1]
	old := f.promised(0)
	check(t, f.Controllers[0].Pause(ctx))
	check(t, first.Pause(ctx))
	check(t, next.WaitState(ctx, "active"))
	f.resumeFenced(first, next, old)
	f.Controllers[0].Resume()
	f.comeBack(first)
	if !f.mkdir(next) {
		t.Errorf("%s refuses an operation", next.ID)
	}
	f.judgeLate()
}

// resumeFenced lets a stopped NameNode go on whose epoch, old, is over: clients of its own wait for it, and others
// write with the next one. It must end itself. The loads are stopped.
func (f *fencing) resumeFenced(first, next *hadoop.NameNode, old int64) {
	f.t.Helper()
	promised := f.promised(old)
	waiting := f.load // for the stopped NameNode
	f.startLoad(gentle, next.RPC)
	f.moreDone(50)
	logged := f.logged()
	crowd := f.crowd(first)
	first.Resume()
	f.endsItself(first)
	f.t.Logf("%s had %d operations from clients of its own after its epoch", first.ID, crowd())
	f.requireRefused(first, old, promised, logged)

	f.moreDone(50)
	f.stopLoad()
	f.load = waiting
	f.moreDone(50)
	f.stopLoad()
	if state := must(next.State())(f.t); state != "active" {
		f.t.Errorf("%s is %s", next.ID, state)
	}
}

// comeBack restarts a NameNode that has ended itself, as a standby.
func (f *fencing) comeBack(n *hadoop.NameNode) {
	f.t.Helper()
	check(f.t, n.Start(f.ctx))
	f.roll() // a restarted standby is in safe mode until it has read which blocks were deleted
	check(f.t, n.WaitState(f.ctx, "standby"))
}

// forceBesideActive makes the standby active although the other one is and lives. Both are active, until the first one
// has something to write.
func (f *fencing) forceBesideActive() {
	f.t.Helper()
	first, next := f.roles()
	old := f.promised(0)
	must(f.HAAdmin(f.ctx, "-transitionToActive", "--forceactive", next.ID))(f.t)
	check(f.t, next.WaitState(f.ctx, "active"))
	promised := f.promised(old)
	for _, n := range f.NameNodes {
		if state := must(n.State())(f.t); state != "active" {
			f.t.Errorf("%s is %s, want two active NameNodes", n.ID, state)
		}
	}
	if !f.mkdir(next) {
		f.t.Errorf("%s refuses an operation", next.ID)
	}
	logged := f.logged()
	if f.mkdir(first) {
		f.t.Errorf("%s acknowledged an operation after its epoch", first.ID)
	}
	f.endsItself(first)
	f.requireRefused(first, old, promised, logged)
	f.comeBack(first)
}

// forceBoth makes both standbys active at the same time under load. One of them goes on; the other one ends itself, in
// the middle of becoming active or at its next write.
func (f *fencing) forceBoth() {
	f.t.Helper()
	f.startLoad(gentle, f.Addresses()...)
	f.moreDone(50)
	active, _ := f.roles()
	must(f.HAAdmin(f.ctx, "-transitionToStandby", active.ID))(f.t)
	var commands [2]error
	var all sync.WaitGroup
	for i, n := range f.NameNodes {
		all.Go(func() { _, commands[i] = f.HAAdmin(f.ctx, "-transitionToActive", "--forceactive", n.ID) })
	}
	all.Wait()
	var winner, loser *hadoop.NameNode
	for i, n := range f.NameNodes {
		switch acknowledged := f.mkdir(n); {
		case !acknowledged:
			loser = n
			f.endsItself(n)
		case commands[i] != nil:
			f.t.Errorf("%s goes on: %v", n.ID, commands[i])
			fallthrough
		default:
			winner = n
		}
	}
	if winner == nil || loser == nil {
		f.t.Fatalf("both forced active: %v goes on, %v ended itself", winner, loser)
	}
	f.t.Logf("both forced active: %s goes on, %s ended itself", winner.ID, loser.ID)
	f.moreDone(50)
	f.stopLoad()
	f.comeBack(loser)
}
