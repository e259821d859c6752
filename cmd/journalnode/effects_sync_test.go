package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/jnserver"
	pb "gojn/qjournalpb"
	"gojn/servlet"
)

const firstSegment = "edits_0000000000000000001-0000000000000000004"

// behind starts a node that knows of transactions 5 to 8 only, committed, beside one whose RPC address is peer.
func behind(t *testing.T, peer string, keys ...string) (*node, string) {
	t.Helper()
	n, dir := on(t, append([]string{"dfs.namenode.shared.edits.dir", "qjournal://127.0.0.1:1;" + peer + "/j1"}, keys...)...)
	fallBehind(t, n)
	return n, filepath.Join(dir, "j1", "current")
}

// fallBehind gives a node transactions 5 to 8 only, committed.
func fallBehind(t *testing.T, n *node) {
	t.Helper()
	c := dial(t, n.addr(), "j1")
	must(t, c.formatAnew())
	c.newEpoch()
	must(t, c.startSegment(5))
	must(t, c.journal(5, 5, 4, 10))
	must(t, c.finalize(5, 8))
	info := c.info()
	info.CommittedTxId = proto.Uint64(8)
	must(t, c.call("heartbeat", &pb.HeartbeatRequestProto{ReqInfo: info}, &pb.HeartbeatResponseProto{}))
}

// complete starts a node with transactions 1 to 4, each of size bytes.
func complete(t *testing.T, size int) *node {
	t.Helper()
	n, _ := on(t)
	c := dial(t, n.addr(), "j1")
	c.write(4, size)
	must(t, c.finalize(1, 4))
	return n
}

func there(path string) func() bool {
	return func() bool {
		_, err := os.Stat(path)
		return err == nil
	}
}

// TestKey_EnableSync: a node fetches what it lacks from another one, by default under 3.x's rules only.
func TestKey_EnableSync(t *testing.T) {
	full := complete(t, 10)
	for _, keys := range [][]string{nil, {"gojn.compat.release", "2.7", "dfs.journalnode.enable.sync", "true"}} {
		n, current := behind(t, full.addr(), keys...)
		poll(t, "the segment is fetched", there(filepath.Join(current, firstSegment)))
		if n.syncer == nil {
			t.Errorf("%q: nobody fetches", keys)
		}
		poll(t, "it is told", func() bool {
			_, health := get(t, n.webURL+"/health")
			return strings.Contains(health, `"missingSegments": 0`) && bean(t, n.webURL, "Hadoop:service=JournalNode,name=JournalNodeSync-j1")["SegmentsSynced"] == 1.0
		})
	}
	for _, keys := range [][]string{{"dfs.journalnode.enable.sync", "false"}, {"gojn.compat.release", "2.7"}} {
		if n, _ := behind(t, full.addr(), keys...); n.syncer != nil {
			t.Errorf("%q: somebody fetches", keys)
		}
	}
}

// TestKey_EnableSyncFormat: a node without the journal gets its namespace from another one, and no vote with it.
func TestKey_EnableSyncFormat(t *testing.T) {
	full := complete(t, 10)
	n, dir := on(t, "dfs.namenode.shared.edits.dir", "qjournal://127.0.0.1:1;"+full.addr()+"/j1",
		"dfs.journalnode.enable.sync.format", "true", "dfs.journalnode.sync.interval", "50")
	poll(t, "the journal is formatted", there(filepath.Join(dir, "j1", "current", "VERSION")))
	c := dial(t, n.addr(), "j1")
	poll(t, "it is served", func() bool {
		formatted, err := c.isFormatted()
		return err == nil && formatted
	})
	err := c.call("newEpoch", &pb.NewEpochRequestProto{Jid: c.id(), NsInfo: namespace(), Epoch: proto.Uint64(9)}, &pb.NewEpochResponseProto{})
	if err == nil || !strings.Contains(err.Error(), "does not know what it has promised") {
		t.Errorf("newEpoch: %v", err)
	}
}

// TestKey_SyncInterval: with the default of two minutes the third would come too late.
func TestKey_SyncInterval(t *testing.T) {
	asked := make(chan struct{}, 1000)
	peer := fakePeer(t, func() *pb.GetEditLogManifestResponseProto {
		asked <- struct{}{}
		return &pb.GetEditLogManifestResponseProto{Manifest: &pb.RemoteEditLogManifestProto{}, HttpPort: proto.Uint32(1)}
	})
	behind(t, peer, "dfs.journalnode.sync.interval", "20")
	poll(t, "three rounds", func() bool { return len(asked) >= 3 })
}

// TestKey_EditLogTransferTimeout: a download from a node that says nothing ends.
func TestKey_EditLogTransferTimeout(t *testing.T) {
	mute := occupy(t)
	peer := fakePeer(t, func() *pb.GetEditLogManifestResponseProto {
		return &pb.GetEditLogManifestResponseProto{HttpPort: proto.Uint32(uint32(mute.Addr().(*net.TCPAddr).Port)),
			Manifest: &pb.RemoteEditLogManifestProto{Logs: []*pb.RemoteEditLogProto{{StartTxId: proto.Uint64(1), EndTxId: proto.Uint64(4)}}}}
	})
	n, _ := behind(t, peer, "dfs.edit.log.transfer.timeout", "50")
	n.log.await(t, nil, 1, "a segment cannot be fetched", "i/o timeout")
	for value, want := range map[string]time.Duration{"50": 50 * time.Millisecond, "0": forever, "-1": forever} {
		settings, _ := configure(t, with(loopback(t.TempDir()), "dfs.edit.log.transfer.timeout", value))
		f, ok := syncerConfig(settings, n.node, n.peers, &secureFetches{}, newLogger(n.log)).Fetcher.(*servlet.Fetcher)
		if !ok || f.ConnectTimeout != want || f.ReadTimeout != want || !f.Patient {
			t.Errorf("%s: %+v", value, f)
		}
	}
}

// TestKey_EditLogTransferBandwidth: what is above the first 64 KiB comes as fast as allowed.
func TestKey_EditLogTransferBandwidth(t *testing.T) {
	full := complete(t, 64<<10)
	n, current := behind(t, full.addr(), "dfs.edit.log.transfer.bandwidthPerSec", "256k")
	line := n.log.await(t, nil, 1, "gaps are filled", "jid=j1")[0]
	_, after, _ := strings.Cut(line, "took_ms=") // by the round's own clock: it may begin a second after the call that causes it
	took, err := strconv.Atoi(after)
	must(t, err)
	if took < 500 { // three quarters of a second for 192 KiB
		t.Errorf("256 KiB took %d ms at 256 KiB a second", took)
	}
	if !there(filepath.Join(current, firstSegment))() {
		t.Error("the segment is not there")
	}
}

// fakePeer serves manifests.
func fakePeer(t *testing.T, manifest func() *pb.GetEditLogManifestResponseProto) (addr string) {
	t.Helper()
	s := &hadooprpc.Server{}
	s.Register(&hadooprpc.Protocol{Name: jnserver.InterQJournalProtocol, Version: 1, Methods: map[string]hadooprpc.Method{
		"getEditLogManifestFromJournal": hadooprpc.Unary(func(context.Context, *hadooprpc.Call, *pb.GetEditLogManifestRequestProto) (
			*pb.GetEditLogManifestResponseProto, error) {
			return manifest(), nil
		}, nil),
	}})
	l := occupy(t)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}
