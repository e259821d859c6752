package jnserver

import (
	"context"

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

// ClaimVote gives a withheld vote back if the other nodes say that nothing was ever promised, as in a cluster that has
// never had a writer. The question goes out without the journal's lock; nobody waits for it but the caller. Nothing is
// asked if the vote is not withheld, or if somebody was promised something here since.
func (j *Journal) ClaimVote(ctx context.Context) {
	if s := j.Snapshot(); !s.Vote.Withheld || s.Promised != 0 || s.EpochErr != nil || j.env.Peers == nil {
		return
	}
	noClaim := j.env.Peers.NothingPromised(ctx, j.jid)
	if noClaim == nil {
		noClaim = j.exclusive("vote", func() error {
			if !j.dir.Vote().Withheld || j.fence.promised != 0 || j.epochErr != nil {
				return nil // things have changed meanwhile
			}
			return j.dir.GrantVote("")
		})
	}
	j.noClaim.Store(&noClaim)
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
