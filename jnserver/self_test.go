package jnserver_test

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
	"gojn/internal/javaerr"
	"gojn/jnserver"
	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

// TestAsksItself: the questions of JournalNodes are refused to the very process that asks, whatever the address. Another one
// of gojn is told who answers, a Java node gets what it always got.
func TestAsksItself(t *testing.T) {
	own, other := []byte("gojn-own-process"), []byte("gojn-another-one")
	cfg := newConfig(vfs.NewMem(), noFetch)
	cfg.Process = own
	n := newNode(t, cfg)
	ask := func(protocol string, id []byte, method string, req, resp proto.Message) error {
		s := &hadooprpc.Server{}
		for _, p := range n.Protocols() {
			s.Register(p)
		}
		c := rpctest.New(t, s, hadooprpc.ClientConfig{Protocol: protocol, User: "hdfs", PingInterval: -1, ClientID: id})
		return c.Call(t.Context(), method, req, resp)
	}
	jid := &pb.JournalIdProto{Identifier: proto.String("ns1")}
	c := &rpcClient{t: t, jid: "ns1", lv: 0xffffffbd}
	must(t, ask(jnserver.QJournalProtocol, own, "format", &pb.FormatRequestProto{Jid: jid, NsInfo: c.namespace(nil)},
		&pb.FormatResponseProto{})) // what only NameNodes call is for everybody
	for _, q := range []struct {
		protocol, method string
		req, resp        proto.Message
	}{
		{jnserver.QJournalProtocol, "getJournalState", &pb.GetJournalStateRequestProto{Jid: jid}, &pb.GetJournalStateResponseProto{}},
		{jnserver.QJournalProtocol, "getEditLogManifest", &pb.GetEditLogManifestRequestProto{Jid: jid, SinceTxId: proto.Uint64(0)},
			&pb.GetEditLogManifestResponseProto{}},
		{jnserver.InterQJournalProtocol, "getEditLogManifestFromJournal",
			&pb.GetEditLogManifestRequestProto{Jid: jid, SinceTxId: proto.Uint64(0)}, &pb.GetEditLogManifestResponseProto{}},
		{jnserver.InterQJournalProtocol, "getStorageInfo", &pb.GetStorageInfoRequestProto{Jid: jid}, &pb.StorageInfoProto{}},
	} {
		var remote *hadooprpc.RemoteError
		if err := ask(q.protocol, own, q.method, q.req, q.resp); !errors.As(err, &remote) || remote.Class != string(javaerr.SameNode) {
			t.Errorf("%s asked by itself: %v", q.method, err)
		}
		for _, client := range []struct {
			id   []byte
			want []byte
		}{{other, own}, {nil, nil}, {[]byte("0123456789abcdef"), nil}, {[]byte("gojn"), nil}} {
			proto.Reset(q.resp)
			if err := ask(q.protocol, client.id, q.method, q.req, q.resp); err != nil || !bytes.Equal(pb.ProcessID(q.resp), client.want) {
				t.Errorf("%s asked by %q: process %q, %v", q.method, client.id, pb.ProcessID(q.resp), err)
			}
			if client.want == nil && len(q.resp.ProtoReflect().GetUnknown()) > 0 {
				t.Errorf("%s asked by %q: %x too much", q.method, client.id, q.resp.ProtoReflect().GetUnknown())
			}
		}
	}
}
