package jnserver_test

import (
	"encoding/hex"
	"testing"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
	"gojn/jnserver"
	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

// TestInterQJournalProtocol: what JournalNodes ask each other (JournalNodeRpcServer). The answer of an unformatted journal is
// that of a 3.5.0 node, byte for byte; the manifest is what getEditLogManifest answers.
func TestInterQJournalProtocol(t *testing.T) {
	n := newNode(t, newConfig(vfs.NewMem(), noFetch))
	s := &hadooprpc.Server{}
	for _, p := range n.Protocols() {
		s.Register(p)
	}
	client := rpctest.New(t, s, hadooprpc.ClientConfig{Protocol: jnserver.InterQJournalProtocol, User: "hdfs", PingInterval: -1})
	jid := &pb.JournalIdProto{Identifier: proto.String("ns1")}
	ask := func() *pb.StorageInfoProto {
		t.Helper()
		info := &pb.StorageInfoProto{}
		must(t, client.Call(t.Context(), "getStorageInfo", &pb.GetStorageInfoRequestProto{Jid: jid}, info))
		return info
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(ask())
	must(t, err)
	if got := hex.EncodeToString(raw); got != "080010001a002000" {
		t.Errorf("unformatted: %s", got)
	}
	manifest := &pb.GetEditLogManifestRequestProto{Jid: jid, SinceTxId: proto.Uint64(0)}
	answer := &pb.GetEditLogManifestResponseProto{}
	if err := client.Call(t.Context(), "getEditLogManifestFromJournal", manifest, answer); err == nil {
		t.Error("a manifest of an unformatted journal")
	}

	caller := newClient(t, n)
	c := &rpcClient{t: t, client: caller, jid: "ns1", lv: 0xffffffbd}
	must(t, caller.Call(t.Context(), "format", &pb.FormatRequestProto{Jid: jid, NsInfo: c.namespace(nil)}, &pb.FormatResponseProto{}))
	if got := ask(); !proto.Equal(got, c.storageInfo(nil)) {
		t.Errorf("storage info %s", got)
	}
	must(t, client.Call(t.Context(), "getEditLogManifestFromJournal", manifest, answer))
	if answer.Manifest == nil || int64(answer.Manifest.GetCommittedTxnId()) != -12345 || answer.GetFromURL() == "" {
		t.Errorf("manifest %s", answer)
	}
}
