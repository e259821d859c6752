package jnserver

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/internal/javaerr"
	pb "gojn/qjournalpb"
	"gojn/storage"
)

// JournaledEdits gives up to most transactions from since on that are in memory (Java Journal.getJournaledEdits): of those that
// readers may see, so that each is durable here or known to be committed. It waits for no disk and no writer, needs no formatted
// journal, and has no epoch: a NameNode asks all nodes and takes what enough of them have.
//
// Nothing is new if since follows the last transaction here. But if it is known here that since is committed, this node lags
// and must not say so: an answer without transactions from it and one of another node, for a majority, and the standby sees
// nothing new until the writer rolls. It answers then, as to a request beyond, a NewerTxnIdException (HDFS-16659), and if a
// segment is here of which readers are shown nothing, because another process wrote it, a CacheMissException. Java tells
// neither from the end of the log.
//
// What a new epoch has taken out of the cache comes back when a recovery finalizes it, but not into the cache: an answer that
// ended there would look to a NameNode like the end of the log. It gets a CacheMissException and reads the segment by HTTP; Java's
// cache still has it (TestQuorumJournalManager.testInProgressRecovery).
func (j *Journal) JournaledEdits(since storage.TxID, most int32) (JournaledEdits, error) {
	if j.edits == nil {
		return JournaledEdits{}, javaerr.New(javaerr.IOException, "The journal edits cache is not enabled, which is a requirement "+
			"to fetch journaled edits via RPC. Please enable it via dfs.ha.tail-edits.in-progress")
	}
	s := j.Snapshot()
	next := s.Highest + 1
	if since > next || since == next && s.CommittedKnown && since <= s.Committed {
		return JournaledEdits{}, javaerr.New(javaerr.NewerTxnID,
			"Highest txn ID available in the journal is %d, but requested txns starting at %d.", s.Highest, since)
	}
	if since == next {
		return JournaledEdits{}, s.unseen()
	}
	// Below zero the sum may be what it likes: nothing is cached there.
	last := min(s.Highest, since+storage.TxID(most)-1)
	edits, err := j.edits.retrieve(since, last)
	if end := since + storage.TxID(edits.Count) - 1; err == nil && end < last && j.edits.endsAt(end) && s.finalized(end+1) {
		return JournaledEdits{}, miss(0, "Newest txn ID available in the cache is %d, and a recovery has finalized more.", end)
	}
	return edits, err
}

// finalized tells whether the transaction lies in a finalized segment.
func (s *Snapshot) finalized(tx storage.TxID) bool {
	return slices.ContainsFunc(s.Segments, func(seg storage.Segment) bool {
		return !seg.InProgress && seg.First <= tx && tx <= seg.Last
	})
}

// unseen is a cacheMiss if there is a segment behind the highest transaction that readers are shown nothing of and nobody here
// writes.
func (s *Snapshot) unseen() error {
	for _, seg := range s.Segments {
		if seg.InProgress && seg.First > s.Highest && (!s.IsWriting || s.Writing != seg.First) {
			return miss(0, "Highest txn ID available in the cache is %d, and it is not known what %s holds behind it.", s.Highest, seg.Name)
		}
	}
	return nil
}

// keepEdits caches a batch that was written just now. Called with mu held, once the batch is as durable as its answer needs and
// before readers are shown it.
func (j *Journal) keepEdits(b batch, records []byte) {
	if j.edits == nil {
		return
	}
	if lost := j.edits.store(j.open.layout, b.first, b.count, records); lost != "" {
		j.emit(EditsCacheLost{Reason: lost})
	}
}

// forgetUncommitted drops what the cache holds beyond the committed txid, as a new epoch begins: which of it is part of the log
// its writer decides, maybe without this node. So what is cached is committed, or the writer's whose epoch is promised.
func (j *Journal) forgetUncommitted() {
	if !j.fence.committedKnown {
		j.edits.clear()
		return
	}
	j.edits.dropFrom(j.fence.committed + 1)
}

// journaledEditsMethod is asking for an answer that is not copied.
func (n *Node) journaledEditsMethod() hadooprpc.Method {
	m := hadooprpc.Unary(n.getJournaledEdits, func(r *pb.GetJournaledEditsRequestProto) string { return r.GetJid().GetIdentifier() })
	m.Signature = signature[*pb.GetJournaledEditsRequestProto, *pb.GetJournaledEditsResponseProto]()
	return m
}

func (n *Node) getJournaledEdits(_ context.Context, _ *hadooprpc.Call, r *pb.GetJournaledEditsRequestProto) (proto.Message, error) {
	j, err := n.on(r.GetJid(), r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	edits, err := j.JournaledEdits(storage.TxID(r.GetSinceTxId()), int32(r.GetMaxTxns()))
	if j.edits != nil && j.Snapshot().State != storage.NonExistent { // a question about an unknown journal leaves nothing
		n.metrics.servedEdits(j.jid, edits, err)
	}
	if err != nil {
		return nil, err
	}
	head := &pb.GetJournaledEditsResponseProto{TxnCount: proto.Uint32(uint32(edits.Count))}
	if edits.Parts == nil {
		return head, nil
	}
	return &hadooprpc.Tailed{Message: head, Field: editLogField, Parts: edits.Parts, Holds: edits.Holds}, nil
}

// editLogField is the number of GetJournaledEditsResponseProto.editLog.
const editLogField = 2

// servedEdits counts answers to getJournaledEdits (Java JournalMetrics).
type servedEdits struct {
	txns, bytes, empty, misses int64
	missed, missing            int64 // misses since the mean was last told, and their distances
	mean                       float64
}

// meanMiss is how many transactions the misses were away from the cache: those since somebody last asked, or if there were
// none the same as then (Java MutableStat).
func (s *servedEdits) meanMiss() float64 {
	if s.missed > 0 {
		s.mean = float64(s.missing) / float64(s.missed)
		s.missed, s.missing = 0, 0
	}
	return s.mean
}

// servedEdits counts one answer.
func (m *metricsSet) servedEdits(jid string, e JournaledEdits, err error) {
	now := m.clock.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.of(jid, now).served
	var miss *cacheMiss
	switch {
	case errors.As(err, &miss):
		s.misses++
		s.missed++
		s.missing += miss.amount
	case err != nil && javaerr.ClassOf(err) == javaerr.NewerTxnID || err == nil && e.Parts == nil:
		s.empty++
	case err == nil:
		s.txns += e.Count
		s.bytes += e.Bytes
	}
}
