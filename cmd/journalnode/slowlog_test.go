package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpcpb"
	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

// TestSlowLogKeepsNoMadeUpNames: what a peer calls a method stays nowhere, whichever part of the name is wrong.
func TestSlowLogKeepsNoMadeUpNames(t *testing.T) {
	n := startHere(t, vfs.OS(), loopback(t.TempDir()))
	settings, _ := configure(t, with(loopback(t.TempDir()), "ipc.server.log.slow.rpc", "true"))
	server := newRPCServer(settings, n.node, n.metrics, func(hadooprpc.CallInfo) {}, newLogger(io.Discard))
	slow := newSlowLog(0, newLogger(io.Discard))
	server.Observer.CallDone = func(c hadooprpc.CallInfo) { slow.callDone(c) }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	defer func() {
		server.Close()
		if err := <-served; !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Error(err)
		}
	}()
	addr := l.Addr().String()
	good := hadooprpc.ClientConfig{Protocol: "org.apache.hadoop.hdfs.qjournal.protocol.QJournalProtocol", User: "hdfs"}
	version, protocol := good, good
	version.Version = 7
	protocol.Protocol = "a.b.C"
	for _, config := range []hadooprpc.ClientConfig{good, version, protocol} {
		c, err := hadooprpc.Dial(context.Background(), addr, config)
		must(t, err)
		for i := range 50 {
			err := c.Call(context.Background(), fmt.Sprintf("m%d", i), &rpcpb.RPCTraceInfoProto{}, &rpcpb.RPCTraceInfoProto{})
			if err == nil {
				t.Error("a method that does not exist was called")
			}
		}
		must(t, c.Close())
	}
	c, err := hadooprpc.Dial(context.Background(), addr, good)
	must(t, err)
	must(t, c.Call(context.Background(), "isFormatted",
		&pb.IsFormattedRequestProto{Jid: &pb.JournalIdProto{Identifier: proto.String("j1")}}, &pb.IsFormattedResponseProto{}))
	must(t, c.Close())
	slow.mu.Lock()
	defer slow.mu.Unlock()
	if len(slow.methods) != 1 || slow.methods["isFormatted"] == nil {
		t.Errorf("%d methods are kept", len(slow.methods))
	}
}
