package jnserver_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"gojn/jnserver"
	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

// TestPlaces: the calls of a journal that change it, those that are answered from memory and those that read the disk have
// places apart from each other, and log lines name the journal of each.
func TestPlaces(t *testing.T) {
	methods := newNode(t, newConfig(vfs.NewMem(), nil)).Protocols()[0].Methods
	jid := &pb.JournalIdProto{Identifier: proto.String("ns1")}
	places := make(map[string]string)
	for method, request := range map[string]proto.Message{
		"isFormatted": &pb.IsFormattedRequestProto{Jid: jid},
		"canRollBack": &pb.CanRollBackRequestProto{Jid: jid},
		"heartbeat":   &pb.HeartbeatRequestProto{ReqInfo: &pb.RequestInfoProto{JournalId: jid}},
	} {
		key := methods[method].Key(request)
		if other, taken := places[key]; taken {
			t.Errorf("%s and %s share the places of %q", method, other, key)
		}
		places[key] = method
		if got := jnserver.JournalOf(key); got != "ns1" {
			t.Errorf("%s: the calls of %q are of journal %q", method, key, got)
		}
	}
}
