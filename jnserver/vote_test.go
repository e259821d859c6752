package jnserver_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// fakePeers are the other nodes.
type fakePeers struct {
	promised error // what NothingPromised answers
	highest  storage.Epoch
	asked    int
	sources  []string
	meantime func() // happens while they are asked
}

func (p *fakePeers) NothingPromised(context.Context, string) (storage.Epoch, error) {
	p.asked++
	if p.meantime != nil {
		p.meantime()
	}
	return p.highest, p.promised
}

func (p *fakePeers) Sources(context.Context, string, storage.StorageInfo, storage.TxID, storage.TxID) []string {
	return p.sources
}

// wantWithheld looks at what a journal says of its vote, and what it does.
func wantWithheld(t *testing.T, j *jnserver.Journal, want bool) {
	t.Helper()
	s := j.Snapshot()
	if s.Vote.Withheld != want {
		t.Fatalf("vote %+v, want withheld: %t", s.Vote, want)
	}
	if !want {
		return
	}
	before := s.Promised
	if _, _, err := j.NewEpoch(s.Info, before+1, "10.0.0.1"); err == nil || !strings.Contains(err.Error(), "does not know what it has promised") {
		t.Fatalf("newEpoch: %v", err)
	}
	if after := j.Snapshot().Promised; after != before {
		t.Fatalf("the refused newEpoch left the promise %d", after)
	}
}

// wipedJournal is a journal whose directory somebody emptied, with VERSION brought back by hand.
func wipedJournal(t *testing.T, peers jnserver.Peers) (*jnserver.Journal, *vfs.Mem, jnserver.Env) {
	t.Helper()
	mem := vfs.NewMem()
	env := newEnv(mem, noFetch)
	j := openJournal(t, env)
	must(t, j.Format(formatRequest()))
	must(t, j.Close())
	must(t, mem.Remove(journalRoot+"/current/last-promised-epoch"))
	must(t, mem.SyncDir(journalRoot+"/current"))
	env.Peers = peers
	return openJournal(t, env), mem, env
}

// TestWipedNodeRefusesToVote: it answers everything else, and goes on to refuse after a restart, whatever promise a
// writer's other requests left here, until a writer has started a segment.
func TestWipedNodeRefusesToVote(t *testing.T) {
	j, _, env := wipedJournal(t, nil)
	wantWithheld(t, j, true)
	w := &writer{epoch: 5}
	if _, err := j.PrepareRecovery(w.info(), 1); err == nil || !strings.Contains(err.Error(), "does not know what it has promised") {
		t.Fatalf("prepareRecovery: %v", err)
	}
	if epoch, err := j.LastPromisedEpoch(); err != nil || epoch != 5 {
		t.Fatalf("the request's epoch was not promised: %d %v", epoch, err)
	}
	if _, err := j.EditLogManifest(0, true); err != nil {
		t.Fatalf("manifest: %v", err)
	}
	must(t, j.Heartbeat(w.info()))
	must(t, j.Close())

	j = openJournal(t, env)
	wantWithheld(t, j, true) // with the promise 5 on disk
	must(t, j.DoPreUpgrade())
	must(t, j.DoUpgrade(j.Snapshot().Info))
	must(t, j.DoFinalize())
	must(t, j.Close())

	j = openJournal(t, env)
	wantWithheld(t, j, true)
	must(t, j.StartLogSegment(w.info(), 101, layout))
	wantWithheld(t, j, false)
	if _, _, err := j.NewEpoch(j.Snapshot().Info, 6, "10.0.0.1"); err != nil {
		t.Fatalf("newEpoch: %v", err)
	}
	must(t, j.Close())
	wantWithheld(t, openJournal(t, env), false)
}

// TestWipedNodeTakesAnAcceptedSegment: the accept of a writer that has its majority elsewhere does not give the vote back.
func TestWipedNodeTakesAnAcceptedSegment(t *testing.T) {
	j, _, env := wipedJournal(t, nil)
	must(t, j.Close())
	env.Fetcher = fetchBytes(segmentFile(1, 4))
	j = openJournal(t, env)
	w := &writer{epoch: 5}
	must(t, j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 1, End: 4, InProgress: true}, "http://jn2:8480/getJournal"))
	wantWithheld(t, j, true)
	must(t, j.FinalizeLogSegment(w.info(), 1, 4))
	wantWithheld(t, j, true)
	must(t, j.Close())
	wantWithheld(t, openJournal(t, env), true)
}

// TestFormattedNodeVotes: a NameNode's format proves that there is nothing to lose.
func TestFormattedNodeVotes(t *testing.T) {
	peers := &fakePeers{promised: errors.New("nobody says so")}
	j, _, env := wipedJournal(t, peers)
	wantWithheld(t, j, true)
	request, force := formatRequest(), true
	request.Force = &force
	must(t, j.Format(request))
	wantWithheld(t, j, false)
	must(t, j.Close())
	j = openJournal(t, env)
	j.ClaimVote(t.Context())
	if _, _, err := j.NewEpoch(j.Snapshot().Info, 1, "10.0.0.1"); err != nil || peers.asked != 0 {
		t.Fatalf("newEpoch: %v; the others were asked %d times", err, peers.asked)
	}
}

// TestPeersGiveTheVoteBack: only if they all but say that nothing was ever promised, and nothing was promised here meanwhile.
func TestPeersGiveTheVoteBack(t *testing.T) {
	peers := &fakePeers{promised: errors.New("jn2:8485 has promised epoch 3")}
	j, _, _ := wipedJournal(t, peers)
	j.ClaimVote(t.Context())
	wantWithheld(t, j, true)
	if _, _, err := j.NewEpoch(j.Snapshot().Info, 9, ""); err == nil || !strings.Contains(err.Error(), "jn2:8485 has promised epoch 3") {
		t.Errorf("the refusal does not say why: %v", err)
	}
	peers.promised = nil
	peers.meantime = func() { must(t, j.Heartbeat((&writer{epoch: 4}).info())) }
	j.ClaimVote(t.Context())
	wantWithheld(t, j, true)
	peers.meantime = nil
	j.ClaimVote(t.Context())
	wantWithheld(t, j, true) // for it has promised 4 itself
	must(t, j.Close())

	for _, other := range []storage.Epoch{0, 7} { // of five nodes the fourth may have promised something to nobody
		j, _, env := wipedJournal(t, &fakePeers{highest: other})
		j.ClaimVote(t.Context())
		wantWithheld(t, j, false)
		if epoch, err := j.LastPromisedEpoch(); err != nil || epoch != other {
			t.Errorf("promised %d, %v, want %d", epoch, err, other)
		}
		must(t, j.Close())
		wantWithheld(t, openJournal(t, env), false) // after a restart, too, and by itself
	}
}

// TestWipedNodeLearnsPromises: what others have promised fences here, too, and is told to the next NameNode; it is no vote.
func TestWipedNodeLearnsPromises(t *testing.T) {
	peers := &fakePeers{highest: 7, promised: errors.New("jn2:8485 has promised epoch 7")}
	j, _, env := wipedJournal(t, peers)
	j.ClaimVote(t.Context())
	for range 2 {
		wantWithheld(t, j, true)
		if epoch, err := j.LastPromisedEpoch(); err != nil || epoch != 7 {
			t.Fatalf("promised %d, %v", epoch, err)
		}
		if err := j.StartLogSegment((&writer{epoch: 6}).info(), 1, layout); err == nil {
			t.Fatal("a fenced writer started a segment")
		}
		must(t, j.Close())
		j = openJournal(t, env)
	}
	peers.highest = 6
	j.ClaimVote(t.Context())
	if epoch, err := j.LastPromisedEpoch(); err != nil || epoch != 7 {
		t.Fatalf("the promise went down to %d, %v", epoch, err)
	}
}

// TestFormatLikePeerMayNotVote: what the syncer formats may be a directory that was emptied.
func TestFormatLikePeerMayNotVote(t *testing.T) {
	mem := vfs.NewMem()
	n := jnserver.NewNode(jnserver.Config{Env: newEnv(mem, noFetch), EditsDir: editsDir})
	info := formatRequest().Info
	must(t, n.FormatLikePeer("ns1", "", info))
	j, err := n.Journal("ns1", "")
	must(t, err)
	if s := j.Snapshot(); s.Info != info {
		t.Errorf("formatted as %v", s.Info)
	}
	wantWithheld(t, j, true)
	if err := n.FormatLikePeer("ns1", "", info); err == nil {
		t.Error("a formatted journal was formatted after a peer")
	}
	if h := n.Health(); len(h) != 1 || h[0].VoteError == nil {
		t.Errorf("health %+v", h)
	}
	must(t, n.Close())
}

// TestVoteEvents: each change is told once, and a person's decision at each start.
func TestVoteEvents(t *testing.T) {
	var told []string
	_, mem, env := wipedJournal(t, &fakePeers{})
	env.Events = func(_ string, e jnserver.Event) {
		switch e := e.(type) {
		case jnserver.VoteWithheld:
			told = append(told, "withheld")
		case jnserver.VoteGranted:
			told = append(told, "granted "+e.Note)
		}
	}
	want := func(what string, events ...string) {
		t.Helper()
		if strings.Join(told, ",") != strings.Join(events, ",") {
			t.Errorf("%s: told %q, want %q", what, told, events)
		}
		told = nil
	}
	env.FS = everything(mem)
	j := openJournal(t, env)
	want("open", "withheld")
	_, _, _ = j.NewEpoch(j.Snapshot().Info, 1, "") // refused
	want("refused")
	j.ClaimVote(t.Context())
	want("claimed", "granted ")
	must(t, j.Close())
	_ = openJournal(t, env)
	want("open again")

	env.FS = everything(mem)
	d, err := storage.Open(storage.Options{FS: env.FS, Root: journalRoot, LockOwner: "1@x", Now: env.Clock.Now})
	must(t, err)
	must(t, d.GrantVote("root@jn1"))
	must(t, d.Close())
	for range 2 {
		j = openJournal(t, env)
		want("granted by hand", "granted root@jn1")
		if _, _, err := j.NewEpoch(j.Snapshot().Info, j.Snapshot().Promised+1, ""); err != nil {
			t.Error(err)
		}
		must(t, j.Close())
	}
	j = openJournal(t, env)
	told = nil
	must(t, j.StartLogSegment((&writer{epoch: 9}).info(), 1, layout))
	must(t, j.Close())
	_ = openJournal(t, env)
	want("after a writer came")
}

// TestWipedBesidePrevious: current/ was emptied while the state before an upgrade is kept, and VERSION brought back by hand. It is
// not taken for an upgrade that was cut off; the promise there still counts.
func TestWipedBesidePrevious(t *testing.T) {
	mem := vfs.NewMem()
	env := newEnv(mem, noFetch)
	j, w := written(t, env)
	must(t, j.FinalizeLogSegment(w.info(), 4, 8))
	must(t, j.DoPreUpgrade())
	must(t, j.DoUpgrade(j.Snapshot().Info))
	w = newWriter(t, j, 2)
	must(t, j.StartLogSegment(w.info(), 9, layout))
	must(t, j.Write(w.info(), writes(9, 9, 12)))
	must(t, j.Close())
	for _, name := range names(t, mem, journalRoot+"/current") {
		if name != "VERSION" {
			must(t, mem.RemoveAll(journalRoot+"/current/"+name))
		}
	}
	must(t, mem.SyncDir(journalRoot+"/current"))
	for range 2 {
		j = openJournal(t, env)
		wantWithheld(t, j, true)
		if s := j.Snapshot(); s.Promised != 1 || s.Writer != 0 {
			t.Errorf("promised %d, writer %d", s.Promised, s.Writer)
		}
		must(t, j.Close())
	}
}

// TestRollbackToWiped: what the upgraded state has promised proves nothing of the state before it.
func TestRollbackToWiped(t *testing.T) {
	j, _, env := wipedJournal(t, nil)
	must(t, j.DoPreUpgrade())
	must(t, j.DoUpgrade(j.Snapshot().Info))
	must(t, j.StartLogSegment((&writer{epoch: 5}).info(), 101, layout))
	wantWithheld(t, j, false)
	must(t, j.DoRollback())
	wantWithheld(t, j, true)
	must(t, j.Close())
	j = openJournal(t, env)
	wantWithheld(t, j, true)
	if epoch, err := j.LastPromisedEpoch(); err != nil || epoch != 5 {
		t.Errorf("promised %d, %v", epoch, err)
	}
}

// TestLearnedPromisesAreBounded: no epoch is left behind the largest number.
func TestLearnedPromisesAreBounded(t *testing.T) {
	for _, lie := range []storage.Epoch{1<<63 - 1, 1<<48 + 1, -1} {
		j, _, _ := wipedJournal(t, &fakePeers{highest: lie, promised: errors.New("somebody says so")})
		j.ClaimVote(t.Context())
		if s := j.Snapshot(); s.Promised != 0 || !s.Vote.Withheld {
			t.Errorf("%d: promised %d, %+v", lie, s.Promised, s.Vote)
		}
	}
}

// TestClaimBetweenTheHalvesOfAnUpgrade: a promise that is learned there would undo it.
func TestClaimBetweenTheHalvesOfAnUpgrade(t *testing.T) {
	peers := &fakePeers{promised: errors.New("somebody has promised 9"), highest: 9}
	j, _, _ := wipedJournal(t, peers)
	must(t, j.DoPreUpgrade())
	j.ClaimVote(t.Context())
	must(t, j.DoUpgrade(j.Snapshot().Info))
	j.ClaimVote(t.Context())
	if s := j.Snapshot(); s.Promised != 9 || !s.Vote.Withheld {
		t.Errorf("promised %d, %+v", s.Promised, s.Vote)
	}
}

// TestFormatOfTheEmptiedOne: a format without force is done by the one node of three that has lost what it had. Over the wire,
// as a NameNode's -initializeSharedEdits does it.
func TestFormatOfTheEmptiedOne(t *testing.T) {
	for _, c := range []struct {
		name          string
		peers         *fakePeers
		force         bool
		wantsWithheld bool
	}{
		{"another has promised", &fakePeers{highest: 7, promised: errors.New("jn2 has promised 7")}, false, true},
		{"nobody has", &fakePeers{promised: errors.New("jn2 is not formatted")}, false, false},
		{"all are to be formatted", &fakePeers{highest: 7, promised: errors.New("jn2 has promised 7")}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := newConfig(vfs.NewMem(), noFetch)
			cfg.Peers = c.peers
			n := newNode(t, cfg)
			client := &rpcClient{t: t, client: newClient(t, n), jid: "ns1", lv: 0xffffffff - 66}
			if got := client.format(c.force, nil); !strings.HasPrefix(got, "OK") {
				t.Fatal(got)
			}
			j, err := n.Journal("ns1", "")
			must(t, err)
			wantWithheld(t, j, c.wantsWithheld)
		})
	}
}

// TestFencedWriterAtAWipedNode: a writer that others have fenced reaches the wiped node before it has learned their promises.
func TestFencedWriterAtAWipedNode(t *testing.T) {
	peers := &fakePeers{highest: 2, promised: errors.New("jn3 has promised 2")}
	_, mem, env := wipedJournal(t, peers)
	cfg := newConfig(everything(mem), noFetch)
	cfg.Peers = peers
	cfg.LockOwner = env.LockOwner
	n := newNode(t, cfg)
	client := &rpcClient{t: t, client: newClient(t, n), jid: "ns1", lv: 0xffffffff - 66}
	if got := client.start(1, 4); !strings.Contains(got, "less than the last promised epoch 2") {
		t.Errorf("the fenced writer: %s", got)
	}
	j, err := n.Journal("ns1", "")
	must(t, err)
	wantWithheld(t, j, true)
	if got := client.start(2, 4); !strings.HasPrefix(got, "OK") {
		t.Errorf("the present writer: %s", got)
	}
	wantWithheld(t, j, false)
}
