package crashtests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
	"gojn/internal/javaerr"
	"gojn/jnserver"
	pb "gojn/qjournalpb"
	"gojn/storage"
)

// nameNode makes a NameNode's calls for one journal over one connection.
type nameNode struct {
	client *hadooprpc.Client
	jid    string
	watch  *stopwatch
	epoch  uint64
	serial uint64
}

func (n *wiredNode) dial(t testing.TB, jid string) *nameNode {
	t.Helper()
	c := rpctest.Dial(t, n.server,
		hadooprpc.ClientConfig{Protocol: jnserver.QJournalProtocol, User: "hdfs", PingInterval: -1})
	return &nameNode{client: c, jid: jid, watch: n.watch}
}

func (c *nameNode) id() *pb.JournalIdProto {
	return &pb.JournalIdProto{Identifier: proto.String(c.jid)}
}

func (c *nameNode) info() *pb.RequestInfoProto {
	c.serial++
	return &pb.RequestInfoProto{JournalId: c.id(), Epoch: proto.Uint64(c.epoch), IpcSerialNumber: proto.Uint64(c.serial)}
}

func (c *nameNode) told(committed uint64) *pb.RequestInfoProto {
	info := c.info()
	info.CommittedTxId = proto.Uint64(committed)
	return info
}

func storageProto(info storage.StorageInfo) *pb.StorageInfoProto {
	return &pb.StorageInfoProto{
		LayoutVersion: proto.Uint32(uint32(info.LayoutVersion)), NamespceID: proto.Uint32(uint32(info.NamespaceID)),
		ClusterID: proto.String(info.ClusterID), CTime: proto.Uint64(uint64(info.CTime)),
	}
}

func namespaceProto() *pb.NamespaceInfoProto {
	return &pb.NamespaceInfoProto{
		BuildVersion: proto.String("x"), Unused: proto.Uint32(0), BlockPoolID: proto.String("BP-1"),
		StorageInfo: storageProto(nsInfo), SoftwareVersion: proto.String("3.4.2"),
	}
}

func (c *nameNode) call(method string, req, resp proto.Message) error {
	err := c.watch.measure(method+" of "+c.jid, func() error {
		return c.client.Call(context.Background(), method, req, resp)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// Questions; each gives its answer as text.

func (c *nameNode) isFormatted() (string, error) {
	resp := &pb.IsFormattedResponseProto{}
	err := c.call("isFormatted", &pb.IsFormattedRequestProto{Jid: c.id()}, resp)
	return resp.String(), err
}

func (c *nameNode) state() (string, error) {
	resp := &pb.GetJournalStateResponseProto{}
	err := c.call("getJournalState", &pb.GetJournalStateRequestProto{Jid: c.id()}, resp)
	return resp.String(), err
}

func (c *nameNode) manifest() (string, error) {
	resp := &pb.GetEditLogManifestResponseProto{}
	err := c.call("getEditLogManifest",
		&pb.GetEditLogManifestRequestProto{Jid: c.id(), SinceTxId: proto.Uint64(1), InProgressOk: proto.Bool(true)}, resp)
	return resp.String(), err
}

// edits asks for cached edits from txid 4 on.
func (c *nameNode) edits() error {
	resp := &pb.GetJournaledEditsResponseProto{}
	err := c.call("getJournaledEdits",
		&pb.GetJournaledEditsRequestProto{Jid: c.id(), SinceTxId: proto.Uint64(4), MaxTxns: proto.Uint32(5)}, resp)
	if err == nil && (resp.GetTxnCount() != 5 || !bytes.Equal(resp.GetEditLog(), segmentBytes(4, 8, 4))) {
		err = fmt.Errorf("getJournaledEdits: %v", resp)
	}
	return err
}

// editsOrMiss is edits while a call is under way that may have dropped them before it hung: to say so is an answer too.
func (c *nameNode) editsOrMiss() error {
	err := c.edits()
	var remote *hadooprpc.RemoteError
	if errors.As(err, &remote) && remote.Class == string(javaerr.CacheMiss) {
		return nil
	}
	return err
}

func (c *nameNode) cTime() error {
	return c.call("getJournalCTime", &pb.GetJournalCTimeRequestProto{Jid: c.id()}, &pb.GetJournalCTimeResponseProto{})
}

func (c *nameNode) canRollBack() error {
	info := storageProto(nsInfo)
	return c.call("canRollBack", &pb.CanRollBackRequestProto{
		Jid: c.id(), Storage: info, PrevStorage: info, TargetLayoutVersion: proto.Int32(layout),
	}, &pb.CanRollBackResponseProto{})
}

// Changes.

func (c *nameNode) format() error {
	return c.call("format", &pb.FormatRequestProto{Jid: c.id(), NsInfo: namespaceProto(), Force: proto.Bool(true)},
		&pb.FormatResponseProto{})
}

func (c *nameNode) newEpoch(e uint64) error {
	err := c.call("newEpoch", &pb.NewEpochRequestProto{Jid: c.id(), NsInfo: namespaceProto(), Epoch: proto.Uint64(e)},
		&pb.NewEpochResponseProto{})
	if err == nil {
		c.epoch, c.serial = e, 0
	}
	return err
}

func (c *nameNode) heartbeat() error {
	return c.call("heartbeat", &pb.HeartbeatRequestProto{ReqInfo: c.info()}, &pb.HeartbeatResponseProto{})
}

// commit is a heartbeat that tells what is committed.
func (c *nameNode) commit(committed uint64) error {
	return c.call("heartbeat", &pb.HeartbeatRequestProto{ReqInfo: c.told(committed)}, &pb.HeartbeatResponseProto{})
}

func (c *nameNode) write(info *pb.RequestInfoProto, segment, first, last storage.TxID, size int) error {
	return c.call("journal", &pb.JournalRequestProto{
		ReqInfo: info, SegmentTxnId: proto.Uint64(uint64(segment)), FirstTxnId: proto.Uint64(uint64(first)),
		NumTxns: proto.Uint32(uint32(last - first + 1)), Records: frames(first, last, size),
	}, &pb.JournalResponseProto{})
}

func (c *nameNode) start(first uint64) error {
	return c.call("startLogSegment", &pb.StartLogSegmentRequestProto{
		ReqInfo: c.info(), Txid: proto.Uint64(first), LayoutVersion: proto.Int32(layout),
	}, &pb.StartLogSegmentResponseProto{})
}

func (c *nameNode) finalize(first, last uint64) error {
	return c.call("finalizeLogSegment", &pb.FinalizeLogSegmentRequestProto{
		ReqInfo: c.info(), StartTxId: proto.Uint64(first), EndTxId: proto.Uint64(last),
	}, &pb.FinalizeLogSegmentResponseProto{})
}

func (c *nameNode) prepare(segment uint64) error {
	return c.call("prepareRecovery",
		&pb.PrepareRecoveryRequestProto{ReqInfo: c.info(), SegmentTxId: proto.Uint64(segment)},
		&pb.PrepareRecoveryResponseProto{})
}

func (c *nameNode) accept(first, last uint64) error {
	return c.call("acceptRecovery", &pb.AcceptRecoveryRequestProto{
		ReqInfo: c.info(), FromURL: proto.String("http://jn2.example.com:8480/getJournal"),
		StateToAccept: &pb.SegmentStateProto{
			StartTxId: proto.Uint64(first), EndTxId: proto.Uint64(last), IsInProgress: proto.Bool(true),
		},
	}, &pb.AcceptRecoveryResponseProto{})
}

func (c *nameNode) purge(keep uint64) error {
	return c.call("purgeLogs", &pb.PurgeLogsRequestProto{ReqInfo: c.info(), MinTxIdToKeep: proto.Uint64(keep)},
		&pb.PurgeLogsResponseProto{})
}

func (c *nameNode) discard(start uint64) error {
	return c.call("discardSegments", &pb.DiscardSegmentsRequestProto{Jid: c.id(), StartTxId: proto.Uint64(start)},
		&pb.DiscardSegmentsResponseProto{})
}

func (c *nameNode) preUpgrade() error {
	return c.call("doPreUpgrade", &pb.DoPreUpgradeRequestProto{Jid: c.id()}, &pb.DoPreUpgradeResponseProto{})
}

func (c *nameNode) upgrade() error {
	return c.call("doUpgrade", &pb.DoUpgradeRequestProto{Jid: c.id(), SInfo: storageProto(upgradedInfo)},
		&pb.DoUpgradeResponseProto{})
}

func (c *nameNode) finalizeUpgrade() error {
	return c.call("doFinalize", &pb.DoFinalizeRequestProto{Jid: c.id()}, &pb.DoFinalizeResponseProto{})
}

func (c *nameNode) rollback() error {
	return c.call("doRollback", &pb.DoRollbackRequestProto{Jid: c.id()}, &pb.DoRollbackResponseProto{})
}
