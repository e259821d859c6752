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

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
	"gojn/internal/jmx"
	"gojn/jnserver"
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

// first is the operation that hung first.
func (d *hangingDisk) first() vfs.Op {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hung
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
	watch  *stopwatch // times the answers; nil: nobody does
}

func newWiredNode(t testing.TB, fsys vfs.FS) *wiredNode {
	t.Helper()
	node := jnserver.NewNode(jnserver.Config{
		Env: jnserver.Env{
			FS: fsys, Clock: stillClock{}, Fetcher: otherNode{}, CurrentPerm: 0o700, LockOwner: "4711@jn1.example.com",
		},
		EditsCache: 1 << 20,
		EditsDir:   editsDir, HTTPURL: "http://jn1.example.com:8480", HTTPPort: 8480,
	})
	n := &wiredNode{node: node}
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
	return n.watch.measure("GET "+strings.SplitN(path, "?", 2)[0], func() error {
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
