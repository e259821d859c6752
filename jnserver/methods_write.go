package jnserver

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	pb "gojn/qjournalpb"
	"gojn/storage"
)

// The writer's calls, and those that prepare for one.

func (n *Node) newEpoch(ctx context.Context, c *hadooprpc.Call, r *pb.NewEpochRequestProto) (*pb.NewEpochResponseProto, error) {
	j, err := n.on(r.GetJid(), r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	j.ClaimVote(ctx)
	last, ok, err := j.NewEpoch(storageInfo(r.GetNsInfo().GetStorageInfo()), storage.Epoch(r.GetEpoch()), caller(c).Host)
	if err != nil {
		return nil, err
	}
	c.MarkWriter(j.jid)
	if !ok {
		return &pb.NewEpochResponseProto{}, nil
	}
	return &pb.NewEpochResponseProto{LastSegmentTxId: txid(last)}, nil
}

func (n *Node) journalEdits(_ context.Context, c *hadooprpc.Call, r *pb.JournalRequestProto) (*pb.JournalResponseProto, error) {
	j, info, err := n.onInfo(c, r.GetReqInfo(), r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	err = j.Write(info, Batch{
		Segment: storage.TxID(r.GetSegmentTxnId()),
		First:   storage.TxID(r.GetFirstTxnId()),
		Count:   int64(int32(r.GetNumTxns())),
		Records: r.GetRecords(),
	})
	if err != nil {
		return nil, err
	}
	c.MarkWriter(j.jid)
	return &pb.JournalResponseProto{}, nil
}

func (n *Node) heartbeat(_ context.Context, c *hadooprpc.Call, r *pb.HeartbeatRequestProto) (*pb.HeartbeatResponseProto, error) {
	j, info, err := n.onInfo(c, r.GetReqInfo(), "")
	if err != nil {
		return nil, err
	}
	if err := j.Heartbeat(info); err != nil {
		return nil, err
	}
	return &pb.HeartbeatResponseProto{}, nil
}

func (n *Node) startLogSegment(ctx context.Context, c *hadooprpc.Call, r *pb.StartLogSegmentRequestProto) (*pb.StartLogSegmentResponseProto, error) {
	j, info, err := n.onInfo(c, r.GetReqInfo(), "")
	if err != nil {
		return nil, err
	}
	j.ClaimVote(ctx) // a wiped node must not take one from a writer that the others have fenced
	if err := j.StartLogSegment(info, storage.TxID(r.GetTxid()), r.GetLayoutVersion()); err != nil {
		return nil, err
	}
	c.MarkWriter(j.jid)
	return &pb.StartLogSegmentResponseProto{}, nil
}

func (n *Node) finalizeLogSegment(_ context.Context, c *hadooprpc.Call, r *pb.FinalizeLogSegmentRequestProto) (*pb.FinalizeLogSegmentResponseProto, error) {
	j, info, err := n.onInfo(c, r.GetReqInfo(), "")
	if err != nil {
		return nil, err
	}
	if err := j.FinalizeLogSegment(info, storage.TxID(r.GetStartTxId()), storage.TxID(r.GetEndTxId())); err != nil {
		return nil, err
	}
	return &pb.FinalizeLogSegmentResponseProto{}, nil
}

func (n *Node) purgeLogs(_ context.Context, c *hadooprpc.Call, r *pb.PurgeLogsRequestProto) (*pb.PurgeLogsResponseProto, error) {
	j, info, err := n.onInfo(c, r.GetReqInfo(), "")
	if err != nil {
		return nil, err
	}
	min := storage.TxID(r.GetMinTxIdToKeep())
	err = n.audit(caller(c), "purge", fmt.Sprintf("epoch %d, keep from txid %d", info.Epoch, min), j, func() error {
		return j.PurgeLogsOlderThan(info, min)
	})
	if err != nil {
		return nil, err
	}
	return &pb.PurgeLogsResponseProto{}, nil
}

func (n *Node) prepareRecovery(_ context.Context, c *hadooprpc.Call, r *pb.PrepareRecoveryRequestProto) (*pb.PrepareRecoveryResponseProto, error) {
	j, info, err := n.onInfo(c, r.GetReqInfo(), "")
	if err != nil {
		return nil, err
	}
	answer, err := j.PrepareRecovery(info, storage.TxID(r.GetSegmentTxId()))
	if err != nil {
		return nil, err
	}
	resp := &pb.PrepareRecoveryResponseProto{LastWriterEpoch: proto.Uint64(uint64(answer.LastWriter))}
	if s := answer.Segment; s != nil {
		resp.SegmentState = &pb.SegmentStateProto{StartTxId: txid(s.Start), EndTxId: txid(s.End), IsInProgress: proto.Bool(s.InProgress)}
	}
	if answer.HasAccepted {
		resp.AcceptedInEpoch = proto.Uint64(uint64(answer.AcceptedIn))
	}
	if answer.HasCommitted {
		resp.LastCommittedTxId = txid(answer.Committed)
	}
	return resp, nil
}

func (n *Node) acceptRecovery(ctx context.Context, c *hadooprpc.Call, r *pb.AcceptRecoveryRequestProto) (*pb.AcceptRecoveryResponseProto, error) {
	j, info, err := n.onInfo(c, r.GetReqInfo(), "")
	if err != nil {
		return nil, err
	}
	s := r.GetStateToAccept()
	state := SegmentState{Start: storage.TxID(s.GetStartTxId()), End: storage.TxID(s.GetEndTxId()), InProgress: s.GetIsInProgress()}
	detail := fmt.Sprintf("epoch %d, %s, from %s", info.Epoch, state, r.GetFromURL())
	j.ClaimVote(ctx) // as in startLogSegment
	err = n.audit(caller(c), "accept", detail, j, func() error {
		return j.AcceptRecovery(ctx, info, state, r.GetFromURL())
	})
	if err != nil {
		return nil, err
	}
	return &pb.AcceptRecoveryResponseProto{}, nil
}
