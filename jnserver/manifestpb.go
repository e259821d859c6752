package jnserver

import (
	"google.golang.org/protobuf/proto"

	pb "gojn/qjournalpb"
)

// logMessages are the messages of a manifest's ranges. All of them, and all that they point to, are a handful of allocations
// instead of four for each of tens of thousands.
func logMessages(logs []ManifestLog) []*pb.RemoteEditLogProto {
	messages := make([]pb.RemoteEditLogProto, len(logs))
	ids := make([]uint64, 2*len(logs))
	inProgress := map[bool]*bool{false: proto.Bool(false), true: proto.Bool(true)}
	out := make([]*pb.RemoteEditLogProto, len(logs))
	for i, l := range logs {
		ids[2*i], ids[2*i+1] = uint64(l.First), uint64(l.Last)
		m := &messages[i]
		m.StartTxId, m.EndTxId, m.IsInProgress = &ids[2*i], &ids[2*i+1], inProgress[l.InProgress]
		out[i] = m
	}
	return out
}
