package jnserver

import (
	"context"
	"fmt"

	"gojn/hadooprpc"
	pb "gojn/qjournalpb"
	"gojn/storage"
)

// The calls of an administrator's command, which carry no epoch.

func (n *Node) format(ctx context.Context, c *hadooprpc.Call, r *pb.FormatRequestProto) (*pb.FormatResponseProto, error) {
	jid := r.GetJid().GetIdentifier()
	j, err := n.journalToFormat(jid, r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	defer n.formatEnds(jid)
	ns := r.GetNsInfo()
	request := FormatRequest{
		Info:            storageInfo(ns.GetStorageInfo()),
		BlockPoolID:     ns.GetBlockPoolID(),
		SoftwareVersion: ns.GetSoftwareVersion(),
		Force:           r.Force,
	}
	request.Emptied = !request.force() && j.emptied(ctx)
	detail := fmt.Sprintf("%s, force %t, client version %s", request.Info, request.force(), request.SoftwareVersion)
	if err := n.audit(caller(c), "format", detail, j, func() error { return j.Format(request) }); err != nil {
		return nil, err
	}
	return &pb.FormatResponseProto{}, nil
}

func (n *Node) discardSegments(_ context.Context, c *hadooprpc.Call, r *pb.DiscardSegmentsRequestProto) (*pb.DiscardSegmentsResponseProto, error) {
	j, err := n.on(r.GetJid(), r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	start := storage.TxID(r.GetStartTxId())
	if err := n.audit(caller(c), "discard", "from txid "+start.String(), j, func() error { return j.DiscardSegments(start) }); err != nil {
		return nil, err
	}
	return &pb.DiscardSegmentsResponseProto{}, nil
}

func (n *Node) doPreUpgrade(_ context.Context, c *hadooprpc.Call, r *pb.DoPreUpgradeRequestProto) (*pb.DoPreUpgradeResponseProto, error) {
	j, err := n.on(r.GetJid(), "")
	if err != nil {
		return nil, err
	}
	if err := n.audit(caller(c), "pre-upgrade", "", j, j.DoPreUpgrade); err != nil {
		return nil, err
	}
	return &pb.DoPreUpgradeResponseProto{}, nil
}

func (n *Node) doUpgrade(_ context.Context, c *hadooprpc.Call, r *pb.DoUpgradeRequestProto) (*pb.DoUpgradeResponseProto, error) {
	j, err := n.on(r.GetJid(), "")
	if err != nil {
		return nil, err
	}
	info := storageInfo(r.GetSInfo())
	if err := n.audit(caller(c), "upgrade", info.String(), j, func() error { return j.DoUpgrade(info) }); err != nil {
		return nil, err
	}
	return &pb.DoUpgradeResponseProto{}, nil
}

func (n *Node) doFinalize(_ context.Context, c *hadooprpc.Call, r *pb.DoFinalizeRequestProto) (*pb.DoFinalizeResponseProto, error) {
	j, err := n.on(r.GetJid(), r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	if err := n.audit(caller(c), "finalize-upgrade", "", j, j.DoFinalize); err != nil {
		return nil, err
	}
	return &pb.DoFinalizeResponseProto{}, nil
}

func (n *Node) doRollback(_ context.Context, c *hadooprpc.Call, r *pb.DoRollbackRequestProto) (*pb.DoRollbackResponseProto, error) {
	j, err := n.on(r.GetJid(), r.GetNameserviceId())
	if err != nil {
		return nil, err
	}
	if err := n.audit(caller(c), "rollback", "", j, j.DoRollback); err != nil {
		return nil, err
	}
	return &pb.DoRollbackResponseProto{}, nil
}
