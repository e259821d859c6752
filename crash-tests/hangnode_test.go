package crashtests

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
	"gojn/internal/jmx"
	"gojn/jnserver"
	pb "gojn/qjournalpb"
	"gojn/servlet"
	"gojn/storage"
	"gojn/storage/vfs"
)

// hangingDisk is a file system below one directory of which every operation hangs, from one of them on, until it is let
// go.
type hangingDisk struct {
	under string

	mu      sync.Mutex
	seen    int // operations below under since arm
	at      int // the first that hangs; 0: none
	held    int // how many hang
	hung    vfs.Op
	arrived chan struct{} // closed when the first one hangs
	free    chan struct{} // closed when the disk answers again
}

func newHangingDisk(under string) *hangingDisk {
	return &hangingDisk{under: under, arrived: make(chan struct{}), free: make(chan struct{})}
}

// arm lets the disk hang from the n-th operation on.
func (d *hangingDisk) arm(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen, d.at = 0, n
}

func (d *hangingDisk) hook(op vfs.Op) error {
	if !strings.HasPrefix(op.Path, d.under) {
		return nil
	}
	d.mu.Lock()
	d.seen++
	hangs := d.at > 0 && d.seen >= d.at
	if hangs {
		d.held++
	}
	if hangs && d.seen == d.at {
		d.hung = op
		close(d.arrived)
	}
	d.mu.Unlock()
	if hangs {
		<-d.free
	}
	return nil
}

// waiting tells how many operations hang.
func (d *hangingDisk) waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.held
}

// wiredNode is a node as cmd/journalnode makes it, but for sockets: two journals, the RPC server and the HTTP handler.
type wiredNode struct {
	node   *jnserver.Node
	server *rpctest.Listener
	web    http.Handler
	worst  *stopwatch
}

// stopwatch keeps the longest time of each kind of answer.
type stopwatch struct {
	mu   sync.Mutex
	took map[string]time.Duration
}

func (s *stopwatch) measure(what string, call func() error) error {
	began := time.Now()
	err := call()
	took := time.Since(began)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took[what] = max(s.took[what], took)
	return err
}

func newWiredNode(t *testing.T, fsys vfs.FS, worst *stopwatch) *wiredNode {
	t.Helper()
	node := jnserver.NewNode(jnserver.Config{
		Env: jnserver.Env{
			FS: fsys, Clock: stillClock{}, Fetcher: otherNode{}, CurrentPerm: 0o700, LockOwner: "4711@jn1.example.com",
		},
		EditsDir: editsDir, HTTPURL: "http://jn1.example.com:8480", HTTPPort: 8480,
	})
	n := &wiredNode{node: node, worst: worst}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	server := &hadooprpc.Server{}
	for _, p := range node.Protocols() {
		server.Register(p)
	}
	n.server = rpctest.Serve(t, server)
	info := jnserver.NodeInfo{HostName: "jn1.example.com", HostAndPort: "jn1.example.com:8485"}
	n.web = servlet.NewHandler(servlet.Config{
		Journals: nodeJournals{node},
		Beans:    func() []jmx.Bean { return node.Beans(info) },
		Health:   func() servlet.Health { return nodeHealth(node) },
	})
	return n
}

// nodeJournals and nodeHealth are cmd/journalnode's adapters, which no other package may import.
type nodeJournals struct{ node *jnserver.Node }

func (j nodeJournals) Identity(_ context.Context, jid string) (storage.StorageInfo, error) {
	journal, err := j.node.Journal(jid, "")
	if err != nil {
		return storage.StorageInfo{}, err
	}
	return journal.Snapshot().Info, nil
}

func (j nodeJournals) OpenSegment(
	_ context.Context, jid string, first storage.TxID, inProgressOK bool,
) (*storage.SegmentReader, error) {
	journal, err := j.node.Journal(jid, "")
	if err != nil {
		return nil, err
	}
	return journal.OpenSegment(first, inProgressOK)
}

func nodeHealth(node *jnserver.Node) servlet.Health {
	h := servlet.Health{Ready: true}
	for _, j := range node.Health() {
		shown := servlet.JournalHealth{JournalID: j.JournalID, Formatted: j.Formatted}
		if j.OpenError != nil {
			shown.OpenError = j.OpenError.Error()
		}
		for _, b := range j.Bad {
			shown.DamagedSegments = append(shown.DamagedSegments, servlet.DamagedSegment{Name: b.Name, Reason: b.Reason})
		}
		h.Journals = append(h.Journals, shown)
	}
	return h
}

// otherNode offers the segment 4 to 10.
type otherNode struct{}

func (otherNode) CheckURL(string) error { return nil }

func (otherNode) Fetch(_ context.Context, _ string, dst io.Writer) (int64, error) {
	n, err := dst.Write(segmentBytes(4, 10, 4))
	return int64(n), err
}

// get asks the HTTP side; an answer other than 200 is an error.
func (n *wiredNode) get(path string) error {
	return n.worst.measure("GET "+strings.SplitN(path, "?", 2)[0], func() error {
		w := httptest.NewRecorder()
		n.web.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			return fmt.Errorf("GET %s: %d %s", path, w.Code, w.Body)
		}
		return nil
	})
}

func (n *wiredNode) getSegment(jid string, first int) error {
	return n.get(fmt.Sprintf("/getJournal?jid=%s&segmentTxId=%d&inProgressOk=true&storageInfo=%s", jid, first,
		url.QueryEscape(fmt.Sprintf("%d:%d:%d:%s", layout, nsInfo.NamespaceID, nsInfo.CTime, nsInfo.ClusterID))))
}

// nameNode makes a NameNode's calls for one journal over one connection.
type nameNode struct {
	client *hadooprpc.Client
	jid    string
	worst  *stopwatch
	epoch  uint64
	serial uint64
}

func (n *wiredNode) dial(t *testing.T, jid string) *nameNode {
	t.Helper()
	c := rpctest.Dial(t, n.server,
		hadooprpc.ClientConfig{Protocol: jnserver.QJournalProtocol, User: "hdfs", PingInterval: -1})
	return &nameNode{client: c, jid: jid, worst: n.worst}
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
	err := c.worst.measure(method, func() error { return c.client.Call(context.Background(), method, req, resp) })
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
