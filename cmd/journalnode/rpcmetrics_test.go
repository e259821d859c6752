package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpcpb"
	pb "gojn/qjournalpb"
)

// rpcBeansOf are the RpcActivity and RpcDetailedActivity beans of a node's /jmx.
func rpcBeansOf(t *testing.T, n *node) (activity, detailed map[string]any) {
	t.Helper()
	port := portOf(n.rpcAddr)
	return bean(t, n.webURL, "Hadoop:service=JournalNode,name=RpcActivityForPort"+port),
		bean(t, n.webURL, "Hadoop:service=JournalNode,name=RpcDetailedActivityForPort"+port)
}

func counts(t *testing.T, bean map[string]any, want map[string]float64) {
	t.Helper()
	for name, n := range want {
		if bean[name] != n {
			t.Errorf("%s is %v, want %v", name, bean[name], n)
		}
	}
}

// TestRPCBeans: every call counts, by the time its client has the answer, under its method or under the class of its failure.
func TestRPCBeans(t *testing.T) {
	n, _ := on(t)
	before, methods := rpcBeansOf(t, n)
	counts(t, before, map[string]float64{"RpcProcessingTimeNumOps": 0, "ReceivedBytes": 0, "SentBytes": 0, "TotalRequests": 0})
	for _, p := range n.node.Protocols() { // as 3.x, which shows each method from its first call on
		for name := range p.Methods {
			name = strings.ToUpper(name[:1]) + name[1:]
			for _, prefix := range []string{"", "Overall", "Deferred"} {
				if methods[prefix+name+"NumOps"] != 0.0 || methods[prefix+name+"AvgTime"] != 0.0 {
					t.Errorf("%s is not there", prefix+name)
				}
			}
		}
	}
	c := dial(t, n.addr(), "j1")
	must(t, c.format())
	c.newEpoch() // asks for the state first
	must(t, c.startSegment(1))
	for tx := uint64(1); tx <= 3; tx++ {
		must(t, c.journal(1, tx, 1, 100))
	}
	var remote *hadooprpc.RemoteError
	err := c.journal(1, 9, 1, 100)
	if !errors.As(err, &remote) || !strings.HasSuffix(remote.Class, ".JournalOutOfSyncException") {
		t.Fatalf("edits with a gap: %v", err)
	}
	err = c.call("noSuchMethod", &pb.IsFormattedRequestProto{Jid: c.id()}, &pb.IsFormattedResponseProto{})
	if !errors.As(err, &remote) {
		t.Fatalf("an unknown method: %v", err)
	}
	after, detailed := rpcBeansOf(t, n)
	counts(t, after, map[string]float64{"RpcProcessingTimeNumOps": 9, "RpcQueueTimeNumOps": 9, "TotalRequests": 9,
		"RpcCallSuccesses": 7, "RpcAuthorizationSuccesses": 1, "NumOpenConnections": 1, "NumDroppedConnections": 0,
		"CallQueueLength": 0, "RpcSlowCalls": 0})
	counts(t, detailed, map[string]float64{"FormatNumOps": 1, "GetJournalStateNumOps": 1, "NewEpochNumOps": 1,
		"StartLogSegmentNumOps": 1, "JournalNumOps": 3, "OverallJournalNumOps": 3, "DeferredJournalNumOps": 0,
		"HeartbeatNumOps": 0, "JournalOutOfSyncExceptionNumOps": 1, "OverallJournalOutOfSyncExceptionNumOps": 1,
		"RpcNoSuchMethodExceptionNumOps": 1})
	if got := after["tag.NumOpenConnectionsPerUser"]; got != `{"hdfs":1}` {
		t.Errorf("connections per user: %v", got)
	}
	for _, name := range []string{"ReceivedBytes", "SentBytes"} {
		if bytes := after[name].(float64); bytes < 400 || bytes > 10000 {
			t.Errorf("%s is %v", name, bytes)
		}
	}
	must(t, c.c.Close())
	poll(t, "the connection is gone", func() bool {
		gone, _ := rpcBeansOf(t, n)
		return gone["NumOpenConnections"] == 0.0 && gone["tag.NumOpenConnectionsPerUser"] == "{}"
	})
}

// TestRPCBeansOf27: with gojn.compat.release 2.7 the beans have what 2.7 has: only what was called.
func TestRPCBeansOf27(t *testing.T) {
	n, _ := on(t, "gojn.compat.release", "2.7")
	if _, err := dial(t, n.addr(), "j1").isFormatted(); err != nil {
		t.Fatal(err)
	}
	activity, detailed := rpcBeansOf(t, n)
	counts(t, activity, map[string]float64{"RpcProcessingTimeNumOps": 1})
	for _, name := range []string{"tag.serverName", "TotalRequests", "RpcLockWaitTimeNumOps"} {
		if v, ok := activity[name]; ok {
			t.Errorf("%s is there: %v", name, v)
		}
	}
	want := []string{"IsFormattedAvgTime", "IsFormattedNumOps", "modelerType", "name", "tag.Context", "tag.Hostname", "tag.port"}
	if got := slices.Sorted(maps.Keys(detailed)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRPCBeansOfRefusals: a connection that a limit keeps out is dropped, one that is not authorized is a failure; neither
// is a call.
func TestRPCBeansOfRefusals(t *testing.T) {
	n, _ := on(t, "ipc.server.max.connections", "1")
	c := dial(t, n.addr(), "j1")
	if _, err := c.isFormatted(); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, n.addr(), "j1").isFormatted(); err == nil {
		t.Error("there is room for a second connection")
	}
	activity, _ := rpcBeansOf(t, n)
	counts(t, activity, map[string]float64{"NumDroppedConnections": 1, "NumOpenConnections": 1, "TotalRequests": 1})
	must(t, c.c.Close())
	poll(t, "there is room again", func() bool { return n.rpc.Stats().Connections == 0 })
	as, err := net.Dial("tcp", n.addr())
	must(t, err)
	defer func() { _ = as.Close() }()
	// Acting for another user is refused (Java ProxyUsers.authorize).
	user := &rpcpb.UserInformationProto{EffectiveUser: proto.String("a"), RealUser: proto.String("b")}
	_, err = as.Write(contextBytes(t, &rpcpb.IpcConnectionContextProto{UserInfo: user}))
	must(t, err)
	poll(t, "the refusal counts", func() bool {
		activity, _ = rpcBeansOf(t, n)
		return activity["RpcAuthorizationFailures"] == 1.0
	})
	counts(t, activity, map[string]float64{"RpcAuthorizationSuccesses": 1, "TotalRequests": 1})
	if users := fmt.Sprint(activity["tag.NumOpenConnectionsPerUser"]); users != "{}" {
		t.Errorf("refused users are counted: %s", users)
	}
}

// contextBytes begins a connection: preamble, and a frame with the connection context.
func contextBytes(t *testing.T, m *rpcpb.IpcConnectionContextProto) []byte {
	t.Helper()
	header := &rpcpb.RpcRequestHeaderProto{RpcKind: rpcpb.RpcKindProto_RPC_PROTOCOL_BUFFER.Enum(),
		RpcOp: rpcpb.RpcRequestHeaderProto_RPC_FINAL_PACKET.Enum(), CallId: proto.Int32(-3), ClientId: []byte{},
		RetryCount: proto.Int32(-1)}
	var body []byte
	for _, part := range []proto.Message{header, m} {
		text, err := proto.Marshal(part)
		must(t, err)
		body = append(append(body, byte(len(text))), text...) // all are shorter than 128 bytes
	}
	return append([]byte("hrpc\x09\x00\x00\x00\x00\x00"+string(rune(len(body)))), body...)
}
