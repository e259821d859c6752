package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/internal/javaerr"
	pb "gojn/qjournalpb"
	"gojn/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// jn is a JournalNode as peers see it, over a real RPC server on loopback.
type jn struct {
	addr netip.AddrPort
	srv  *hadooprpc.Server

	mu       sync.Mutex
	epoch    uint64
	refusal  error // of every method
	segments []Segment
	from     string
	port     uint32
	process  []byte        // of a gojn node
	hang     chan struct{} // not nil: calls wait for it
	calls    map[string]int
	users    []string
	nsIDs    []string
	info     *pb.StorageInfoProto
}

// knows says which methods a release has.
type knows struct{ inter, storageInfo bool }

var (
	hadoop27 = knows{}
	hadoop34 = knows{inter: true}
	hadoop35 = knows{inter: true, storageInfo: true}
)

func serve(t *testing.T, k knows) *jn { return serveAt(t, k, "127.0.0.1:0") }

func serveAt(t *testing.T, k knows, addr string) *jn {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	n := &jn{addr: l.Addr().(*net.TCPAddr).AddrPort(), calls: map[string]int{}, from: "http://0.0.0.0:8480", port: 8480}
	n.srv = &hadooprpc.Server{}
	n.srv.Register(&hadooprpc.Protocol{Name: qJournal, Version: 1, Methods: map[string]hadooprpc.Method{
		"getJournalState":    hadooprpc.Unary(n.getJournalState, nil),
		"getEditLogManifest": hadooprpc.Unary(n.getEditLogManifest, nil),
	}})
	if k.inter {
		p := &hadooprpc.Protocol{Name: interQJournal, Version: 1, Methods: map[string]hadooprpc.Method{
			"getEditLogManifestFromJournal": hadooprpc.Unary(n.getEditLogManifest, nil),
		}}
		if k.storageInfo {
			p.Methods["getStorageInfo"] = hadooprpc.Unary(n.getStorageInfo, nil)
		}
		n.srv.Register(p)
	}
	served := make(chan error, 1)
	go func() { served <- n.srv.Serve(l) }()
	t.Cleanup(func() {
		n.set(func() {
			if n.hang != nil {
				close(n.hang)
			}
		})
		n.srv.Close()
		if err := <-served; !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return n
}

func (n *jn) set(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

func (n *jn) called(method string) (count int) {
	n.set(func() { count = n.calls[method] })
	return count
}

// enter notes a call; an error is its answer.
func (n *jn) enter(c *hadooprpc.Call, nsID string) error {
	var hang chan struct{}
	var err error
	n.set(func() {
		n.calls[c.Method]++
		n.users, n.nsIDs = append(n.users, c.User()), append(n.nsIDs, nsID)
		hang, err = n.hang, n.refusal
		if len(n.process) > 0 && bytes.Equal(c.ClientID, n.process) {
			err = javaerr.New(javaerr.SameNode, "this JournalNode asks itself")
		}
	})
	if hang != nil {
		<-hang
	}
	return err
}

func (n *jn) getJournalState(_ context.Context, c *hadooprpc.Call, r *pb.GetJournalStateRequestProto) (*pb.GetJournalStateResponseProto, error) {
	if err := n.enter(c, r.GetNameServiceId()); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	resp := &pb.GetJournalStateResponseProto{LastPromisedEpoch: &n.epoch, HttpPort: &n.port}
	if n.from != "" {
		resp.FromURL = &n.from
	}
	if len(n.process) > 0 {
		pb.SetProcessID(resp, n.process)
	}
	return proto.Clone(resp).(*pb.GetJournalStateResponseProto), nil
}

func (n *jn) getEditLogManifest(_ context.Context, c *hadooprpc.Call, r *pb.GetEditLogManifestRequestProto) (*pb.GetEditLogManifestResponseProto, error) {
	if err := n.enter(c, r.GetNameServiceId()); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	m := &pb.RemoteEditLogManifestProto{CommittedTxnId: proto.Uint64(7)}
	for _, s := range n.segments {
		if uint64(s.Last) >= r.GetSinceTxId() {
			m.Logs = append(m.Logs, &pb.RemoteEditLogProto{StartTxId: proto.Uint64(uint64(s.First)), EndTxId: proto.Uint64(uint64(s.Last)), IsInProgress: proto.Bool(false)})
		}
	}
	resp := &pb.GetEditLogManifestResponseProto{Manifest: m, HttpPort: proto.Uint32(n.port)}
	if n.from != "" {
		resp.FromURL = proto.String(n.from)
	}
	return resp, nil
}

func (n *jn) getStorageInfo(_ context.Context, c *hadooprpc.Call, r *pb.GetStorageInfoRequestProto) (*pb.StorageInfoProto, error) {
	if err := n.enter(c, r.GetNameServiceId()); err != nil {
		return nil, err
	}
	return n.info, nil
}

func (n *jn) peer() Peer { return Peer{Host: n.addr.Addr().String(), Port: int(n.addr.Port())} }

// names is a resolver whose answers change.
type names struct {
	mu    sync.Mutex
	addrs map[string][]netip.Addr
	asked map[string]int
}

func newNames(pairs ...string) *names {
	n := &names{addrs: map[string][]netip.Addr{}, asked: map[string]int{}}
	for i := 0; i < len(pairs); i += 2 {
		n.put(pairs[i], pairs[i+1])
	}
	return n
}

// put adds an address to a name; "" takes all away.
func (n *names) put(name, addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if addr == "" {
		delete(n.addrs, name)
		return
	}
	n.addrs[name] = append(n.addrs[name], netip.MustParseAddr(addr))
}

func (n *names) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[host]++
	if addrs := n.addrs[host]; len(addrs) > 0 {
		return slices.Clone(addrs), nil
	}
	if host == "hangs" {
		n.mu.Unlock()
		<-ctx.Done()
		n.mu.Lock()
		return nil, ctx.Err()
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// client makes a Peers with short limits, over the URI of journal ns1 if the configuration names none.
func client(t *testing.T, cfg Config, nodes ...Peer) *Peers {
	t.Helper()
	if cfg.SharedEdits.Base == "" && len(nodes) > 0 {
		cfg.SharedEdits.Base = uriOf("ns1", nodes...)
	}
	if cfg.VotePause == 0 {
		cfg.VotePause = -1
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Interfaces == nil {
		cfg.Interfaces = func() ([]net.Addr, error) { return nil, nil }
	}
	p := New(cfg)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func uriOf(jid string, nodes ...Peer) string {
	uri := scheme
	for i, n := range nodes {
		if i > 0 {
			uri += ";"
		}
		uri += n.String()
	}
	return uri + "/" + jid
}

// listening is Config.Listen.
func listening(addr string) func() net.Addr {
	ap := netip.MustParseAddrPort(addr)
	return func() net.Addr { return net.TCPAddrFromAddrPort(ap) }
}

// onInterfaces is Config.Interfaces.
func onInterfaces(prefixes ...string) func() ([]net.Addr, error) {
	var list []net.Addr
	for _, s := range prefixes {
		ip, n, err := net.ParseCIDR(s)
		if err != nil {
			panic(err)
		}
		list = append(list, &net.IPNet{IP: ip, Mask: n.Mask})
	}
	return func() ([]net.Addr, error) { return list, nil }
}

// mapped dials through a port mapping: outer address to inner one.
func mapped(m map[string]netip.AddrPort) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		inner, ok := m[address]
		if !ok {
			return nil, fmt.Errorf("connect %s: connection refused", address)
		}
		return (&net.Dialer{}).DialContext(ctx, network, inner.String())
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

var info = storage.StorageInfo{LayoutVersion: -67, NamespaceID: 5, CTime: 9, ClusterID: "CID-1"}
