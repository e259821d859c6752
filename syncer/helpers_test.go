package syncer_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gojn/internal/javaerr"
	"gojn/internal/peers"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
	"gojn/syncer"
)

var info = storage.StorageInfo{LayoutVersion: -67, NamespaceID: 42, ClusterID: "CID-1", CTime: 1}

// segmentFile is a good segment.
func segmentFile(first, last storage.TxID) []byte {
	out := editlog.AppendHeader(nil, -67)
	for tx := first; tx <= last; tx++ {
		b := []byte{3}
		b = binary.BigEndian.AppendUint32(b, 8+4+4)
		b = binary.BigEndian.AppendUint64(b, uint64(tx))
		b = append(b, "body"...)
		out = append(out, binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))...)
	}
	return out
}

// other is another node.
type other struct {
	peers.Peer
	down      bool
	info      storage.StorageInfo
	noInfo    bool // older than 3.5
	committed storage.TxID
	segments  map[storage.TxID][]byte // by the first transaction
	ends      map[storage.TxID]storage.TxID
	fails     error // of downloads
}

func (o *other) add(list ...storage.TxID) *other {
	for pair := range slices.Chunk(list, 2) {
		o.segments[pair[0]], o.ends[pair[0]] = segmentFile(pair[0], pair[1]), pair[1]
	}
	return o
}

// cluster is the other nodes of the journal ns1, as Peers and Fetcher see them.
type cluster struct {
	mu      sync.Mutex
	others  []*other
	none    bool // nobody is configured
	asked   int  // manifests
	fetched []string
	during  func(o *other, first storage.TxID) // called in each download
	atOnce  int
	most    int
}

func (c *cluster) node(committed storage.TxID) *other {
	o := &other{
		Peer: peers.Peer{Host: fmt.Sprintf("jn%d", len(c.others)+2), Port: 8485}, info: info, committed: committed,
		segments: map[storage.TxID][]byte{}, ends: map[storage.TxID]storage.TxID{},
	}
	c.others = append(c.others, o)
	return o
}

func (c *cluster) Journals() ([]peers.Journal, []error) {
	if c.none {
		return nil, nil
	}
	return []peers.Journal{{ID: "ns1", Nameservice: "ns1"}}, nil
}

func (c *cluster) Of(context.Context, peers.Journal) (peers.List, error) {
	list := peers.List{Nodes: len(c.others) + 1}
	for _, o := range c.others {
		list.Peers = append(list.Peers, o.Peer)
	}
	return list, nil
}

var errDown = errors.New("connection refused")

func (c *cluster) of(p peers.Peer) (*other, error) {
	for _, o := range c.others {
		if o.Peer == p && !o.down {
			return o, nil
		}
	}
	return nil, errDown
}

func (c *cluster) Manifest(_ context.Context, p peers.Peer, _ peers.Journal, _ storage.TxID) (peers.Manifest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	o, err := c.of(p)
	if err != nil {
		return peers.Manifest{}, err
	}
	m := peers.Manifest{Committed: o.committed, URL: "http://" + o.Host}
	for first, last := range o.ends {
		m.Segments = append(m.Segments, peers.Segment{First: first, Last: last})
	}
	return m, nil
}

func (c *cluster) StorageInfo(_ context.Context, p peers.Peer, _ peers.Journal) (storage.StorageInfo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, err := c.of(p)
	if err == nil && o.noInfo {
		err = peers.ErrNoStorageInfo
	}
	if err != nil {
		return storage.StorageInfo{}, err
	}
	return o.info, nil
}

func (c *cluster) CheckURL(string) error { return nil }

func (c *cluster) Fetch(ctx context.Context, raw string, dst io.Writer) (int64, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return 0, err
	}
	n, _ := strconv.ParseInt(u.Query().Get("segmentTxId"), 10, 64)
	first := storage.TxID(n)
	c.mu.Lock()
	var o *other
	for _, candidate := range c.others {
		if candidate.Host == u.Hostname() {
			o = candidate
		}
	}
	c.fetched = append(c.fetched, fmt.Sprintf("%s %d", o.Host, first))
	data, fails, during := o.segments[first], o.fails, c.during
	c.atOnce++
	c.most = max(c.most, c.atOnce)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.atOnce--
		c.mu.Unlock()
	}()
	if during != nil {
		during(o, first)
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if fails != nil || data == nil {
		return 0, javaerr.New(javaerr.HTTPGetFailed, "no such segment: %v", fails)
	}
	written, err := io.Copy(dst, bytes.NewReader(data))
	return written, err
}

// change is for what a test changes while the syncer runs.
func (c *cluster) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
}

func (c *cluster) downloads() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.fetched)
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() } // of the bubble

// bench is a node with the journal ns1 and a syncer beside it.
type bench struct {
	t    testing.TB
	mem  *vfs.Mem
	node *jnserver.Node
	j    *jnserver.Journal
	c    *cluster
	s    *syncer.Syncer
	log  *lines

	serial int64
	stop   func()
	hook   func(op vfs.Op) error
}

type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

// newBench is a formatted journal; configure may change how gaps are filled.
func newBench(t testing.TB, c *cluster, configure func(*syncer.Config)) *bench {
	t.Helper()
	b := &bench{t: t, mem: vfs.NewMem(), c: c, log: &lines{}}
	b.node = jnserver.NewNode(jnserver.Config{
		Env:      jnserver.Env{FS: vfs.Inject(b.mem, b.operation), Clock: realClock{}, Fetcher: c, CurrentPerm: 0o700, LockOwner: "1@here"},
		EditsDir: "/data/jn",
	})
	b.must(b.mem.MkdirAll("/data/jn/ns1", 0o755))
	for _, dir := range []string{"/", "/data", "/data/jn"} {
		b.must(b.mem.SyncDir(dir))
	}
	j, err := b.node.Journal("ns1", "")
	b.must(err)
	b.j = j
	cfg := syncer.Config{
		Node: b.node, Peers: c, Fetcher: c, Interval: 2 * time.Minute,
		Logger: slog.New(slog.NewTextHandler(b.log, nil)),
	}
	if configure != nil {
		configure(&cfg)
	}
	b.s = syncer.New(cfg)
	return b
}

// operation happens before each operation of the file system; hook is set before the start.
func (b *bench) operation(op vfs.Op) error {
	if b.hook == nil {
		return nil
	}
	return b.hook(op)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// format makes it the journal of a wiped node: what others say is committed counts there.
func (b *bench) format() *bench {
	b.t.Helper()
	b.must(b.j.FormatLikePeer(info))
	return b
}

// start runs the syncer until stop, or the test's end.
func (b *bench) start() *bench {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.s.Run(ctx)
	}()
	b.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		b.must(b.node.Close())
	})
	return b
}

// heartbeat tells what is committed.
func (b *bench) heartbeat(epoch storage.Epoch, committed storage.TxID) {
	b.t.Helper()
	b.must(b.j.Heartbeat(b.info(epoch, committed)))
}

func (b *bench) info(epoch storage.Epoch, committed storage.TxID) jnserver.RequestInfo {
	b.serial++
	return jnserver.RequestInfo{JournalID: "ns1", Epoch: epoch, Serial: b.serial, Client: "10.0.0.1", Committed: committed, HasCommitted: committed > 0}
}

func (b *bench) has() string {
	b.t.Helper()
	m, err := b.j.EditLogManifest(0, false)
	b.must(err)
	return fmt.Sprint(m.Logs)
}

// wantHas compares the finalized segments here.
func (b *bench) wantHas(want string) {
	b.t.Helper()
	if got := b.has(); got != want {
		b.t.Errorf("here are %s, want %s\n%s", got, want, b.log.text.String())
	}
}
