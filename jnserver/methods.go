package jnserver

import (
	"context"
	"net"
	"strings"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	pb "gojn/qjournalpb"
	"gojn/storage"
)

// QJournalProtocol is what NameNodes speak to a JournalNode (Java qjournal.protocol.QJournalProtocol).
const QJournalProtocol = "org.apache.hadoop.hdfs.qjournal.protocol.QJournalProtocol"

// Protocols is the table of the RPC methods that this node serves. A connection that was made for one of the protocols may
// call the other, as in Java.
func (n *Node) Protocols() []*hadooprpc.Protocol {
	return n.unlessSelf([]*hadooprpc.Protocol{{
		Name:    QJournalProtocol,
		PBClass: "org.apache.hadoop.hdfs.qjournal.protocolPB.QJournalProtocolPB",
		Version: 1,
		Methods: map[string]hadooprpc.Method{
			"isFormatted":        apart(fromMemory, asking(n.isFormatted)),
			"getJournalState":    apart(fromMemory, asking(n.getJournalState)),
			"getEditLogManifest": apart(fromMemory, asking(n.getEditLogManifest)),
			"getJournaledEdits":  apart(fromMemory, n.journaledEditsMethod()),
			"getJournalCTime":    apart(fromDisk, asking(n.getJournalCTime)),
			"canRollBack":        apart(fromDisk, asking(n.canRollBack)),
			"newEpoch":           asking(n.newEpoch),
			"format":             asking(n.format),
			"discardSegments":    asking(n.discardSegments),
			"doPreUpgrade":       asking(n.doPreUpgrade),
			"doUpgrade":          asking(n.doUpgrade),
			"doFinalize":         asking(n.doFinalize),
			"doRollback":         asking(n.doRollback),
			"journal":            writing(n.journalEdits),
			"heartbeat":          writing(n.heartbeat),
			"startLogSegment":    writing(n.startLogSegment),
			"finalizeLogSegment": writing(n.finalizeLogSegment),
			"purgeLogs":          writing(n.purgeLogs),
			"prepareRecovery":    writing(n.prepareRecovery),
			"acceptRecovery":     writing(n.acceptRecovery),
		},
	}, n.interQJournal()})
}

// Methods that change nothing have a share of the server's places of their own, besides that of the calls which may wait for
// the journal's disk: those that are answered from memory, so that they are while all of the others hang, and apart from them
// those that read the disk, which may hang too. No id of a journal begins so.
const (
	fromMemory = "?"
	fromDisk   = "/"
)

// apart gives a method places of their own.
func apart(prefix string, m hadooprpc.Method) hadooprpc.Method {
	id := m.Key
	m.Key = func(req any) string { return prefix + id(req) }
	return m
}

// JournalOf is the id of the journal that the calls of a key (hadooprpc.CallInfo.Key) work on, as the client named it.
func JournalOf(key string) string {
	return strings.TrimPrefix(strings.TrimPrefix(key, fromMemory), fromDisk)
}

// asking makes a method of a request that names its journal in the field jid; writing, of one that carries a RequestInfo.
func asking[Req any, PReq interface {
	*Req
	proto.Message
	GetJid() *pb.JournalIdProto
}, Resp proto.Message](h func(context.Context, *hadooprpc.Call, PReq) (Resp, error)) hadooprpc.Method {
	m := hadooprpc.Unary(h, func(r PReq) string { return r.GetJid().GetIdentifier() })
	m.Signature = signature[PReq, Resp]()
	return m
}

func writing[Req any, PReq interface {
	*Req
	proto.Message
	GetReqInfo() *pb.RequestInfoProto
}, Resp proto.Message](h func(context.Context, *hadooprpc.Call, PReq) (Resp, error)) hadooprpc.Method {
	m := hadooprpc.Unary(h, func(r PReq) string { return r.GetReqInfo().GetJournalId().GetIdentifier() })
	m.Signature = signature[PReq, Resp]()
	return m
}

// signature is what ProtocolMetaInfoPB tells of a method: the Java names of its messages (Hadoop 3.3 and later).
func signature[Req, Resp proto.Message]() hadooprpc.Signature {
	const outer = "org.apache.hadoop.hdfs.qjournal.protocol.QJournalProtocolProtos$"
	var req Req
	var resp Resp
	return hadooprpc.PBSignature(outer+string(req.ProtoReflect().Descriptor().Name()), outer+string(resp.ProtoReflect().Descriptor().Name()))
}

// Values on the wire. Protobuf says unsigned where Java has signed numbers: both are two's complement.

func requestInfo(c *hadooprpc.Call, r *pb.RequestInfoProto) RequestInfo {
	return RequestInfo{
		JournalID:     r.GetJournalId().GetIdentifier(),
		NameServiceID: r.GetNameServiceId(),
		Epoch:         storage.Epoch(r.GetEpoch()),
		Serial:        int64(r.GetIpcSerialNumber()),
		Committed:     storage.TxID(r.GetCommittedTxId()),
		HasCommitted:  r.CommittedTxId != nil && storage.TxID(r.GetCommittedTxId()) != storage.InvalidTxID,
		Client:        caller(c).Host,
	}
}

func caller(c *hadooprpc.Call) Caller {
	addr := c.RemoteAddr().String()
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	return Caller{User: c.User(), Addr: addr, Host: host}
}

func storageInfo(s *pb.StorageInfoProto) storage.StorageInfo {
	return storage.StorageInfo{
		LayoutVersion: int32(s.GetLayoutVersion()),
		NamespaceID:   int32(s.GetNamespceID()),
		ClusterID:     s.GetClusterID(),
		CTime:         int64(s.GetCTime()),
	}
}

func txid(t storage.TxID) *uint64 { return proto.Uint64(uint64(t)) }

// on finds the journal of a request that names it by id.
func (n *Node) on(jid *pb.JournalIdProto, nsID string) (*Journal, error) {
	return n.Journal(jid.GetIdentifier(), nsID)
}

// onInfo finds the journal of a request that carries a RequestInfo. nsID is the request's own nameservice, if it has one.
func (n *Node) onInfo(c *hadooprpc.Call, r *pb.RequestInfoProto, nsID string) (*Journal, RequestInfo, error) {
	info := requestInfo(c, r)
	if info.NameServiceID == "" {
		info.NameServiceID = nsID
	}
	j, err := n.Journal(info.JournalID, info.NameServiceID)
	return j, info, err
}

// Questions.

func (n *Node) isFormatted(_ context.Context, _ *hadooprpc.Call, r *pb.IsFormattedRequestProto) (*pb.IsFormattedResponseProto, error) {
	j, err := n.on(r.GetJid(), r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	return &pb.IsFormattedResponseProto{IsFormatted: proto.Bool(j.Snapshot().Formatted())}, nil
}

func (n *Node) getJournalState(_ context.Context, _ *hadooprpc.Call, r *pb.GetJournalStateRequestProto) (*pb.GetJournalStateResponseProto, error) {
	j, err := n.on(r.GetJid(), r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	epoch, err := j.LastPromisedEpoch()
	if err != nil {
		return nil, err
	}
	return &pb.GetJournalStateResponseProto{
		LastPromisedEpoch: proto.Uint64(uint64(epoch)),
		HttpPort:          proto.Uint32(n.cfg.HTTPPort),
		FromURL:           proto.String(n.cfg.HTTPURL),
	}, nil
}

func (n *Node) getEditLogManifest(_ context.Context, _ *hadooprpc.Call, r *pb.GetEditLogManifestRequestProto) (*pb.GetEditLogManifestResponseProto, error) {
	j, err := n.on(r.GetJid(), r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	m, err := j.EditLogManifest(storage.TxID(r.GetSinceTxId()), r.GetInProgressOk())
	if err != nil {
		return nil, err
	}
	return &pb.GetEditLogManifestResponseProto{
		Manifest: &pb.RemoteEditLogManifestProto{Logs: logMessages(m.Logs), CommittedTxnId: txid(m.Committed)},
		HttpPort: proto.Uint32(n.cfg.HTTPPort),
		FromURL:  proto.String(n.cfg.HTTPURL),
	}, nil
}

func (n *Node) getJournalCTime(_ context.Context, _ *hadooprpc.Call, r *pb.GetJournalCTimeRequestProto) (*pb.GetJournalCTimeResponseProto, error) {
	j, err := n.on(r.GetJid(), r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	ctime, err := j.CTime()
	if err != nil {
		return nil, err
	}
	return &pb.GetJournalCTimeResponseProto{ResultCTime: proto.Int64(ctime)}, nil
}

func (n *Node) canRollBack(_ context.Context, _ *hadooprpc.Call, r *pb.CanRollBackRequestProto) (*pb.CanRollBackResponseProto, error) {
	j, err := n.on(r.GetJid(), r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	can, err := j.CanRollBack(r.GetTargetLayoutVersion())
	if err != nil {
		return nil, err
	}
	return &pb.CanRollBackResponseProto{CanRollBack: proto.Bool(can)}, nil
}
