package jnserver_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
	"gojn/jnserver"
	pb "gojn/qjournalpb"
	"gojn/storage"
)

type storageInfoProto = pb.StorageInfoProto

// newClient serves n in memory and connects to it.
func newClient(t testing.TB, n *jnserver.Node) *hadooprpc.Client {
	t.Helper()
	return serve(t, n, &hadooprpc.Server{})
}

// serve is newClient with a server of the test's.
func serve(t testing.TB, n *jnserver.Node, s *hadooprpc.Server) *hadooprpc.Client {
	t.Helper()
	for _, p := range n.Protocols() {
		s.Register(p)
	}
	return rpctest.New(t, s, hadooprpc.ClientConfig{Protocol: jnserver.QJournalProtocol, User: "hdfs", PingInterval: -1})
}

// rpcClient makes the calls of a NameNode of one release for one journal, and prints the answers as the captures do.
type rpcClient struct {
	t      testing.TB
	client *hadooprpc.Client
	jid    string
	lv     uint32 // layout version that this NameNode sends
	old    bool   // a 2.7 client
	serial uint64
}

func (c *rpcClient) id() *pb.JournalIdProto {
	return &pb.JournalIdProto{Identifier: proto.String(c.jid)}
}

// info is a RequestInfo with the next serial; committed -1 means that it is not given.
func (c *rpcClient) info(epoch uint64, committed int64) *pb.RequestInfoProto {
	r := &pb.RequestInfoProto{JournalId: c.id(), Epoch: proto.Uint64(epoch), IpcSerialNumber: proto.Uint64(c.serial)}
	c.serial++
	if committed >= 0 {
		r.CommittedTxId = proto.Uint64(uint64(committed))
	}
	return r
}

func (c *rpcClient) storageInfo(mod func(*pb.StorageInfoProto)) *pb.StorageInfoProto {
	s := &pb.StorageInfoProto{
		LayoutVersion: proto.Uint32(c.lv), NamespceID: proto.Uint32(uint32(fixtureInfo.NamespaceID)),
		ClusterID: proto.String(fixtureInfo.ClusterID), CTime: proto.Uint64(uint64(fixtureInfo.CTime)),
	}
	if mod != nil {
		mod(s)
	}
	return s
}

func (c *rpcClient) namespace(mod func(*pb.StorageInfoProto)) *pb.NamespaceInfoProto {
	version := "3.4.2"
	if c.old {
		version = "2.7.7"
	}
	return &pb.NamespaceInfoProto{
		BuildVersion: proto.String("x"), Unused: proto.Uint32(0), BlockPoolID: proto.String("b"),
		StorageInfo: c.storageInfo(mod), SoftwareVersion: proto.String(version),
	}
}

// call makes a call and prints its answer: "OK <text>", "OK null" for an answer without fields, or "FAIL <class> <first
// line of the message>".
func (c *rpcClient) call(method string, req, resp proto.Message) string {
	c.t.Helper()
	err := c.client.Call(context.Background(), method, req, resp)
	var remote *hadooprpc.RemoteError
	switch {
	case errors.As(err, &remote):
		line, _, _ := strings.Cut(remote.Message, "\n")
		return strings.TrimSpace("FAIL " + remote.Class + " " + line)
	case err != nil:
		c.t.Fatalf("%s: %v", method, err)
	}
	switch r := resp.(type) {
	case *pb.IsFormattedResponseProto:
		return fmt.Sprint("OK ", r.GetIsFormatted())
	case *pb.CanRollBackResponseProto:
		return fmt.Sprint("OK ", r.GetCanRollBack())
	case *pb.GetJournalCTimeResponseProto:
		return fmt.Sprint("OK ", r.GetResultCTime())
	}
	if resp.ProtoReflect().Descriptor().Fields().Len() == 0 {
		return "OK null"
	}
	return strings.TrimSpace("OK " + javaText(resp.ProtoReflect(), ""))
}

// javaText is Java's TextFormat with blanks for line ends, as the captures have it.
func javaText(m protoreflect.Message, indent string) string {
	var b strings.Builder
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) {
			continue
		}
		values := []protoreflect.Value{m.Get(f)}
		if f.IsList() {
			values = nil
			for k, list := 0, m.Get(f).List(); k < list.Len(); k++ {
				values = append(values, list.Get(k))
			}
		}
		for _, v := range values {
			switch f.Kind() {
			case protoreflect.MessageKind:
				fmt.Fprintf(&b, "%s%s { %s%s} ", indent, f.Name(), javaText(v.Message(), indent+"  "), indent)
			case protoreflect.StringKind:
				fmt.Fprintf(&b, "%s%s: %q ", indent, f.Name(), v.String())
			default:
				fmt.Fprintf(&b, "%s%s: %v ", indent, f.Name(), v.Interface())
			}
		}
	}
	return b.String()
}

func (c *rpcClient) isFormatted() string {
	return c.call("isFormatted", &pb.IsFormattedRequestProto{Jid: c.id()}, &pb.IsFormattedResponseProto{})
}

func (c *rpcClient) journalState() string {
	return c.call("getJournalState", &pb.GetJournalStateRequestProto{Jid: c.id()}, &pb.GetJournalStateResponseProto{})
}

func (c *rpcClient) journalStateOf(jid string) string {
	return c.call("getJournalState", &pb.GetJournalStateRequestProto{Jid: &pb.JournalIdProto{Identifier: proto.String(jid)}},
		&pb.GetJournalStateResponseProto{})
}

func (c *rpcClient) manifest(since uint64, inProgressOK bool) string {
	return c.call("getEditLogManifest", &pb.GetEditLogManifestRequestProto{
		Jid: c.id(), SinceTxId: proto.Uint64(since), InProgressOk: proto.Bool(inProgressOK),
	}, &pb.GetEditLogManifestResponseProto{})
}

func (c *rpcClient) cTime() string {
	return c.call("getJournalCTime", &pb.GetJournalCTimeRequestProto{Jid: c.id()}, &pb.GetJournalCTimeResponseProto{})
}

func (c *rpcClient) newEpoch(epoch uint64, mod func(*pb.StorageInfoProto)) string {
	return c.call("newEpoch", &pb.NewEpochRequestProto{Jid: c.id(), NsInfo: c.namespace(mod), Epoch: proto.Uint64(epoch)},
		&pb.NewEpochResponseProto{})
}

// format sends force only as a 3.x client does.
func (c *rpcClient) format(force bool, mod func(*pb.StorageInfoProto)) string {
	req := &pb.FormatRequestProto{Jid: c.id(), NsInfo: c.namespace(mod), Force: proto.Bool(force)}
	if c.old {
		req.Force = nil
	}
	return c.call("format", req, &pb.FormatResponseProto{})
}

func (c *rpcClient) formatAs(info *pb.NamespaceInfoProto) string {
	return c.call("format", &pb.FormatRequestProto{Jid: c.id(), NsInfo: info}, &pb.FormatResponseProto{})
}

func (c *rpcClient) heartbeat(info *pb.RequestInfoProto) string {
	return c.call("heartbeat", &pb.HeartbeatRequestProto{ReqInfo: info}, &pb.HeartbeatResponseProto{})
}

func (c *rpcClient) journal(info *pb.RequestInfoProto, segment, first uint64, count uint32, records []byte) string {
	return c.call("journal", &pb.JournalRequestProto{
		ReqInfo: info, SegmentTxnId: proto.Uint64(segment), FirstTxnId: proto.Uint64(first), NumTxns: proto.Uint32(count),
		Records: append([]byte{}, records...), // present even if empty
	}, &pb.JournalResponseProto{})
}

// edits journals good frames.
func (c *rpcClient) edits(info *pb.RequestInfoProto, segment, first, last uint64) string {
	return c.journal(info, segment, first, uint32(last-first+1), frames(storage.TxID(first), storage.TxID(last)))
}

func (c *rpcClient) start(epoch, first uint64) string {
	return c.call("startLogSegment", &pb.StartLogSegmentRequestProto{
		ReqInfo: c.info(epoch, -1), Txid: proto.Uint64(first), LayoutVersion: proto.Int32(int32(c.lv)),
	}, &pb.StartLogSegmentResponseProto{})
}

func (c *rpcClient) finalize(epoch, first, last uint64) string {
	return c.call("finalizeLogSegment", &pb.FinalizeLogSegmentRequestProto{
		ReqInfo: c.info(epoch, -1), StartTxId: proto.Uint64(first), EndTxId: proto.Uint64(last),
	}, &pb.FinalizeLogSegmentResponseProto{})
}

func (c *rpcClient) purge(epoch, min uint64) string {
	return c.call("purgeLogs", &pb.PurgeLogsRequestProto{ReqInfo: c.info(epoch, -1), MinTxIdToKeep: proto.Uint64(min)},
		&pb.PurgeLogsResponseProto{})
}

func (c *rpcClient) prepare(epoch, segment uint64) string {
	return c.call("prepareRecovery", &pb.PrepareRecoveryRequestProto{ReqInfo: c.info(epoch, -1), SegmentTxId: proto.Uint64(segment)},
		&pb.PrepareRecoveryResponseProto{})
}

func (c *rpcClient) accept(info *pb.RequestInfoProto, first, last uint64, inProgress bool, url string) string {
	return c.call("acceptRecovery", &pb.AcceptRecoveryRequestProto{
		ReqInfo:       info,
		StateToAccept: &pb.SegmentStateProto{StartTxId: proto.Uint64(first), EndTxId: proto.Uint64(last), IsInProgress: proto.Bool(inProgress)},
		FromURL:       proto.String(url),
	}, &pb.AcceptRecoveryResponseProto{})
}

func (c *rpcClient) discard(start uint64) string {
	return c.call("discardSegments", &pb.DiscardSegmentsRequestProto{Jid: c.id(), StartTxId: proto.Uint64(start)},
		&pb.DiscardSegmentsResponseProto{})
}

func (c *rpcClient) canRollBack(target int32) string {
	info := c.storageInfo(nil)
	return c.call("canRollBack", &pb.CanRollBackRequestProto{
		Jid: c.id(), Storage: info, PrevStorage: info, TargetLayoutVersion: proto.Int32(target),
	}, &pb.CanRollBackResponseProto{})
}

func (c *rpcClient) doPreUpgrade() string {
	return c.call("doPreUpgrade", &pb.DoPreUpgradeRequestProto{Jid: c.id()}, &pb.DoPreUpgradeResponseProto{})
}

func (c *rpcClient) doUpgrade() string {
	return c.call("doUpgrade", &pb.DoUpgradeRequestProto{Jid: c.id(), SInfo: c.storageInfo(nil)}, &pb.DoUpgradeResponseProto{})
}

func (c *rpcClient) doFinalize() string {
	return c.call("doFinalize", &pb.DoFinalizeRequestProto{Jid: c.id()}, &pb.DoFinalizeResponseProto{})
}

func (c *rpcClient) doRollback() string {
	return c.call("doRollback", &pb.DoRollbackRequestProto{Jid: c.id()}, &pb.DoRollbackResponseProto{})
}

func (c *rpcClient) journaledEdits(since uint64, max uint32) string {
	answer, _ := c.editsAnswer(since, max)
	return answer
}

func (c *rpcClient) editsAnswer(since uint64, max uint32) (string, *pb.GetJournaledEditsResponseProto) {
	c.t.Helper()
	resp := &pb.GetJournaledEditsResponseProto{}
	answer := c.call("getJournaledEdits", &pb.GetJournaledEditsRequestProto{
		Jid: c.id(), SinceTxId: proto.Uint64(since), MaxTxns: proto.Uint32(max),
	}, resp)
	return answer, resp
}
