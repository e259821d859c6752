package jnserver

import (
	"context"
	"fmt"

	"gojn/internal/javaerr"
	"gojn/storage"
)

// checkVote refuses what would count as a vote of this node in an election or a recovery, if it has no record of what it has
// promised and acknowledged (storage.Vote). Java votes with 0 and nothing: with nodes 1 and 3 having acknowledged a
// transaction, 1 wiped and 3 down, a recovery from 1 and 2 loses it.
func (j *Journal) checkVote() error {
	if !j.dir.Vote().Withheld {
		return nil
	}
	return voteWithheld(j.dir.Root(), j.NoClaim())
}

func voteWithheld(root string, noClaim error) error {
	text := "This node does not know what it has promised and acknowledged: " + root + " was emptied, or was not formatted by " +
		"a NameNode. It votes again when a writer has started a log segment here, or when more than half of all nodes, not " +
		"counting this one, say that nothing was ever promised"
	if noClaim == nil {
		return refuse(javaerr.IOException, "%s", text)
	}
	return refuse(javaerr.IOException, "%s (%w)", text, noClaim)
}

// maxLearned bounds what is promised because others say so: behind the largest number no epoch is left.
const maxLearned = storage.Epoch(1) << 48

// ClaimVote gives a withheld vote back if the other nodes say that nothing was ever promised, as in a cluster that has
// never had a writer. If they say that something was, it is promised here too: whoever was fenced stays so, and the next
// NameNode that asks this node first does not propose an epoch that is taken. The question goes out without the journal's
// lock. Nothing is asked if the vote is not withheld.
func (j *Journal) ClaimVote(ctx context.Context) {
	if s := j.Snapshot(); !s.Vote.Withheld || s.EpochErr != nil || j.env.Peers == nil {
		return
	}
	highest, noClaim := j.env.Peers.NothingPromised(ctx, j.jid)
	if highest > maxLearned {
		noClaim = fmt.Errorf("a node says that it has promised epoch %d, which no NameNode gets to", highest)
		highest = 0
	}
	j.noClaim.Store(&noClaim)
	if noClaim != nil && highest <= j.Snapshot().Promised {
		return
	}
	err := j.quietly("vote", func() (err error) {
		if unchanged := j.dir.Vote().Withheld && j.epochErr == nil && !j.dir.MidUpgrade(); !unchanged {
			return err
		}
		mayVote := noClaim == nil && (j.fence.promised == 0 || j.fence.promised == highest) // else a writer came meanwhile
		if highest > j.fence.promised {
			err = j.raisePromise(highest, "other JournalNodes")
		}
		if err == nil && mayVote {
			err = j.dir.GrantVote("")
		}
		return err
	})
	if err != nil {
		j.noClaim.Store(&err)
	}
}

// emptied tells whether an unformatted journal is one that was emptied: another node has promised something. A format without
// force, as of namenode -initializeSharedEdits, is refused by all nodes that have something, and done by the one that has
// lost it: it is no proof then that there was nothing.
func (j *Journal) emptied(ctx context.Context) bool {
	if j.Snapshot().Formatted() || j.env.Peers == nil {
		return false
	}
	highest, _ := j.env.Peers.NothingPromised(ctx, j.jid)
	return highest > 0
}

// quietly is exclusive without the event of a refusal: it is tried every second, and the reason stands in NoClaim.
func (j *Journal) quietly(op string, call func() error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.alone(op, call)
}

// NoClaim is why a withheld vote could not be given back when the others were last asked, nil if they were not.
func (j *Journal) NoClaim() error {
	if err := j.noClaim.Load(); err != nil {
		return *err
	}
	return nil
}

// FormatLikePeer is Journal.FormatLikePeer of a journal that may have no directory yet; nsID may be "".
func (n *Node) FormatLikePeer(jid, nsID string, info storage.StorageInfo) error {
	j, err := n.journalToFormat(jid, nsID)
	if err != nil {
		return err
	}
	defer n.formatEnds(jid)
	return n.audit(Caller{User: LockOwner()}, "format like peer", info.String(), j, func() error { return j.FormatLikePeer(info) })
}

// tellVote emits what has changed of the vote since the last time. mu is held.
func (j *Journal) tellVote() {
	now := j.dir.Vote()
	if now == j.toldVote {
		return
	}
	was := j.toldVote
	j.toldVote = now
	switch {
	case now.Withheld:
		j.emit(VoteWithheld{})
	case now.Granted != "":
		j.emit(VoteGranted{Note: now.Granted})
	case was.Withheld && j.dir.State() == storage.Normal:
		j.emit(VoteGranted{})
	}
}
