package jnserver

import (
	"context"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	pb "gojn/qjournalpb"
)

// InterQJournalProtocol is what JournalNodes of 3.x ask each other (Java qjournal.protocol.InterQJournalProtocol).
const InterQJournalProtocol = "org.apache.hadoop.hdfs.qjournal.protocol.InterQJournalProtocol"

// interQJournal is the table of InterQJournalProtocol. Both methods are answered from memory, with the places that such
// questions have.
func (n *Node) interQJournal() *hadooprpc.Protocol {
	storageInfo := apart(fromMemory, asking(n.getStorageInfo))
	storageInfo.Signature = hadooprpc.PBSignature(
		"org.apache.hadoop.hdfs.qjournal.protocol.InterQJournalProtocolProtos$GetStorageInfoRequestProto",
		"org.apache.hadoop.hdfs.protocol.proto.HdfsServerProtos$StorageInfoProto")
	return &hadooprpc.Protocol{
		Name:    InterQJournalProtocol,
		PBClass: "org.apache.hadoop.hdfs.qjournal.protocolPB.InterQJournalProtocolPB",
		Version: 1,
		Methods: map[string]hadooprpc.Method{
			"getEditLogManifestFromJournal": apart(fromMemory, asking(n.getEditLogManifest)),
			"getStorageInfo":                storageInfo,
		},
	}
}

// getStorageInfo tells which namespace the journal belongs to (Java 3.5 JournalNodeRpcServer.getStorageInfo). One that is not
// formatted is no error: it answers zeros.
func (n *Node) getStorageInfo(_ context.Context, _ *hadooprpc.Call, r *pb.GetStorageInfoRequestProto) (*pb.StorageInfoProto, error) {
	j, err := n.on(r.GetJid(), r.GetNameServiceId())
	if err != nil {
		return nil, err
	}
	info := j.Snapshot().Info
	return &pb.StorageInfoProto{
		LayoutVersion: proto.Uint32(uint32(info.LayoutVersion)),
		NamespceID:    proto.Uint32(uint32(info.NamespaceID)),
		ClusterID:     proto.String(info.ClusterID),
		CTime:         proto.Uint64(uint64(info.CTime)),
	}, nil
}
