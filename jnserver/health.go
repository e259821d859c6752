package jnserver

import "cmp"

// JournalHealth is one journal as health checks see it. It comes from the snapshot and waits for nothing.
type JournalHealth struct {
	JournalID string
	Formatted bool
	// OpenError is why the journal, or one of its small files, cannot be read; nil if it can.
	OpenError error
	// Bad are the segments that this node neither finalizes nor offers to others.
	Bad []BadSegment
	// VoteError is why this node takes no part in elections and recoveries; nil if it does.
	VoteError error
	// Space is what is known of the space on the disk; its Problem is nil if there is enough.
	Space Space
}

// Health tells of every journal that is open or could not be opened when it was last asked for.
func (n *Node) Health() []JournalHealth {
	var list []JournalHealth
	for _, j := range n.Journals() {
		s := j.Snapshot()
		h := JournalHealth{JournalID: j.jid, Formatted: s.Formatted(), Bad: s.Bad, Space: s.Space}
		if s.Vote.Withheld {
			h.VoteError = voteWithheld(s.Root, j.NoClaim())
		}
		h.OpenError = cmp.Or(s.Problem, s.Suspicion, s.EpochErr, s.CommittedErr)
		list = append(list, h)
	}
	failed := n.Failed()
	for _, jid := range sortedKeys(failed) {
		list = append(list, JournalHealth{JournalID: jid, OpenError: failed[jid]})
	}
	return list
}
