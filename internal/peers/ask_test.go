package peers

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/internal/javaerr"
	pb "gojn/qjournalpb"
	"gojn/storage"
)

var ctx, ns1 = context.Background(), Journal{ID: "ns1"}

func TestQuestions(t *testing.T) {
	n := serve(t, hadoop35)
	n.epoch, n.segments = 7, []Segment{{1, 3}, {4, 9}}
	n.info = &pb.StorageInfoProto{LayoutVersion: proto.Uint32(0xFFFFFFBD), NamespceID: proto.Uint32(5),
		ClusterID: proto.String("CID-1"), CTime: proto.Uint64(9)}
	names := newNames("jn", n.addr.Addr().String())
	peer := Peer{"jn", int(n.addr.Port())}
	p := client(t, Config{Resolver: names, User: "hdfs"})
	in := Journal{"ns1", "service"}

	state, err := p.JournalState(ctx, peer, in)
	if err != nil || state.LastPromisedEpoch != 7 || state.URL != "http://jn:8480" {
		t.Errorf("%+v, %v", state, err)
	}
	m, err := p.Manifest(ctx, peer, in, 4)
	if err != nil || !slices.Equal(m.Segments, []Segment{{4, 9}}) || m.Committed != 7 || m.URL != "http://jn:8480" {
		t.Errorf("%+v, %v", m, err)
	}
	got, err := p.StorageInfo(ctx, peer, in)
	if err != nil || got != info {
		t.Errorf("%+v, %v", got, err)
	}
	n.set(func() {
		if !slices.Equal(n.nsIDs, []string{"service", "service", "service"}) || !slices.Equal(n.users, []string{"hdfs", "hdfs", "hdfs"}) {
			t.Errorf("nameservices %q, users %q", n.nsIDs, n.users)
		}
	})
	if n.called("getEditLogManifestFromJournal") != 1 || n.called("getEditLogManifest") != 0 {
		t.Errorf("%v", n.calls)
	}

	n.set(func() {
		n.refusal = javaerr.New(javaerr.JournalNotFormatted, "Journal Storage Directory not formatted\n\tat org.apache\n\tat java")
	})
	_, err = p.JournalState(ctx, peer, in)
	var remote *hadooprpc.RemoteError
	if !errors.As(err, &remote) || remote.Class != string(javaerr.JournalNotFormatted) || strings.Contains(err.Error(), "\n") ||
		!strings.HasPrefix(err.Error(), "JournalNode "+peer.String()+": getJournalState: ") {
		t.Errorf("%v", err)
	}
	n.set(func() { n.refusal = errors.New(strings.Repeat("x", 10000)) })
	if _, err = p.Manifest(ctx, peer, in, 4); err == nil || len(err.Error()) > 2*maxRemoteText {
		t.Errorf("an error text of %d bytes", len(err.Error()))
	}
}

// TestOldPeers: of a node of 2.7 the manifest comes by QJournalProtocol, and it is asked for the other only once for each
// connection; what 3.5.0 brought is named.
func TestOldPeers(t *testing.T) {
	n := serve(t, hadoop27)
	n.segments = []Segment{{1, 3}}
	p := client(t, Config{})
	refused := 0
	for i := range 3 {
		if m, err := p.Manifest(ctx, n.peer(), ns1, 1); err != nil || len(m.Segments) != 1 {
			t.Fatalf("%d: %+v, %v", i, m, err)
		}
		p.mu.Lock()
		if l := p.lines[lineKey{n.peer(), interQJournal}]; l != nil && l.client != nil {
			refused++
			_ = l.client.Close() // a further question for that protocol would have to dial
			l.client = nil
		}
		p.mu.Unlock()
	}
	if refused != 1 {
		t.Errorf("asked for InterQJournalProtocol %d times", refused)
	}
	for _, k := range []knows{hadoop27, hadoop34} {
		old := serve(t, k)
		if _, err := p.StorageInfo(ctx, old.peer(), ns1); !errors.Is(err, ErrNoStorageInfo) ||
			!strings.Contains(err.Error(), old.peer().String()) {
			t.Errorf("%+v: %v", k, err)
		}
	}
	// The node is replaced by one of 3.x: the next connection finds out.
	n.srv.Close()
	newer := serveAt(t, hadoop34, n.addr.String())
	newer.segments = []Segment{{1, 3}, {4, 5}}
	eventually(t, "the manifest of the newer node", func() bool {
		m, err := p.Manifest(ctx, n.peer(), ns1, 1)
		return err == nil && len(m.Segments) == 2
	})
	if _, err := p.Manifest(ctx, n.peer(), ns1, 1); err != nil || newer.called("getEditLogManifestFromJournal") == 0 {
		t.Errorf("%v, %v", err, newer.calls)
	}
}

func TestURLOfAPeer(t *testing.T) {
	for _, c := range []struct {
		from string
		port uint32
		want string
	}{
		{"http://0.0.0.0:8480", 1, "http://jn:8480"},
		{"https://10.1.1.1:8481", 8481, "https://jn:8481"},
		{"", 8480, "http://jn:8480"},
		{"http://0.0.0.0", 8480, "http://jn:8480"},
		{"http://[::]:8480/x", 1, "http://jn:8480"},
		{"", 0, "error"}, {"", 70000, "error"}, {"http://h:0", 5, "error"}, {"http://h:99999", 5, "error"},
		{"ftp://h:1", 5, "error"}, {"h:1", 5, "error"}, {"http://h\n:1", 5, "error"},
	} {
		got, err := baseURL(Peer{"jn", 1}, c.from, c.port)
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%q, %d: %s (%v), want %s", c.from, c.port, got, err, c.want)
		}
	}
	if got, err := baseURL(Peer{"fe80::1%eth0", 1}, "http://0.0.0.0:8480", 0); err != nil || got != "http://[fe80::1%25eth0]:8480" {
		t.Errorf("%s, %v", got, err)
	}
	want := "http://jn:8480/getJournal?jid=n+s&segmentTxId=16&storageInfo=-67%3A5%3A9%3ACID-1&inProgressOk=false"
	if got := SegmentURL("http://jn:8480", "n s", 16, info); got != want {
		t.Error(got)
	}

	// Without an address a manifest with segments is of no use; one without is.
	n := serve(t, hadoop34)
	n.from = "junk"
	p := client(t, Config{})
	if m, err := p.Manifest(ctx, n.peer(), ns1, 1); err != nil || m.URL != "" {
		t.Errorf("%+v, %v", m, err)
	}
	n.set(func() { n.segments = []Segment{{1, 2}} })
	if _, err := p.Manifest(ctx, n.peer(), ns1, 1); err == nil {
		t.Error("no error")
	}
}

// TestIPv4First: of a name's addresses those of IPv4, on which a node that binds 0.0.0.0 listens, are tried first.
func TestIPv4First(t *testing.T) {
	p := client(t, Config{Resolver: newNames("jn", "fd00::1", "jn", "10.0.0.2", "jn", "fd00::3", "jn", "10.0.0.1")})
	addrs, err := p.resolve(ctx, "jn")
	if got := fmt.Sprint(addrs); err != nil || got != "[10.0.0.2 10.0.0.1 fd00::1 fd00::3]" {
		t.Errorf("%s, %v", got, err)
	}
}

// TestNamesAreResolvedOnEveryDial: a name that does not resolve is tried again with the next question, and a node that moves
// is followed once the connection to the old one is lost.
func TestNamesAreResolvedOnEveryDial(t *testing.T) {
	first := serve(t, hadoop34)
	first.epoch = 1
	peer := Peer{"jn", int(first.addr.Port())}
	names := newNames()
	p := client(t, Config{Resolver: names})
	var dns *net.DNSError
	for range 2 {
		if _, err := p.JournalState(ctx, peer, ns1); !errors.As(err, &dns) {
			t.Fatalf("%v", err)
		}
	}
	names.put("jn", "127.0.0.99") // nobody there
	names.put("jn", "127.0.0.1")
	if s, err := p.JournalState(ctx, peer, ns1); err != nil || s.LastPromisedEpoch != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	second := serveAt(t, hadoop34, net.JoinHostPort("127.0.0.2", portOf(peer)))
	second.epoch = 2
	names.put("jn", "")
	names.put("jn", "127.0.0.2")
	if s, err := p.JournalState(ctx, peer, ns1); err != nil || s.LastPromisedEpoch != 1 {
		t.Fatalf("the connection was not kept: %+v, %v", s, err)
	}
	first.srv.Close()
	if s, err := p.JournalState(ctx, peer, ns1); err != nil || s.LastPromisedEpoch != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	second.srv.Close()
	if _, err := p.JournalState(ctx, peer, ns1); err == nil {
		t.Fatal("nobody answers, but no error")
	}
}

func portOf(p Peer) string {
	_, port, _ := net.SplitHostPort(p.String())
	return port
}

// brittle is a connection that breaks with the second question.
type brittle struct {
	net.Conn
	writes int
}

func (b *brittle) Write(p []byte) (int, error) {
	if b.writes++; b.writes > 1 {
		return 0, errors.New("broken pipe")
	}
	return b.Conn.Write(p)
}

// TestConnectionBreaksUnderAQuestion: an old one is replaced, once; a new one that breaks is an error.
func TestConnectionBreaksUnderAQuestion(t *testing.T) {
	n := serve(t, hadoop34)
	dials := 0
	p := client(t, Config{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		nc, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if dials == 3 {
			return &brittle{nc, 1}, err
		}
		return &brittle{nc, 0}, err
	}})
	for i, ok := range []bool{true, true, false} {
		if _, err := p.JournalState(ctx, n.peer(), ns1); (err == nil) != ok {
			t.Errorf("question %d: %v", i, err)
		}
	}
	if dials != 3 {
		t.Errorf("%d dials", dials)
	}
}

// TestSilentPeer: a question ends in time, the connection that gave no answer is not used again, and Close cuts.
func TestSilentPeer(t *testing.T) {
	n := serve(t, hadoop34)
	hang := make(chan struct{})
	n.hang = hang
	p := client(t, Config{Timeout: 50 * time.Millisecond})
	for i := range 2 {
		_, err := p.JournalState(ctx, n.peer(), ns1)
		if err == nil || !strings.Contains(err.Error(), "no answer within 50ms") {
			t.Errorf("%v", err)
		}
		p.mu.Lock()
		if l := p.lines[lineKey{n.peer(), qJournal}]; l != nil && l.client != nil {
			t.Errorf("%d: the connection is kept", i)
		}
		p.mu.Unlock()
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := p.JournalState(cancelled, n.peer(), ns1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}

	p = client(t, Config{Timeout: time.Minute})
	var asking sync.WaitGroup
	before := n.called("getJournalState")
	for range 3 {
		asking.Go(func() {
			if _, err := p.JournalState(ctx, n.peer(), ns1); !errors.Is(err, ErrClosed) {
				t.Errorf("%v", err)
			}
		})
	}
	eventually(t, "three calls wait", func() bool { return n.called("getJournalState") == before+3 })
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	asking.Wait()
	if _, err := p.JournalState(ctx, n.peer(), ns1); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	n := serve(t, hadoop34)
	p := client(t, Config{IdleTimeout: 20 * time.Millisecond})
	for range 2 {
		if _, err := p.JournalState(ctx, n.peer(), ns1); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the connection is closed and forgotten", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return len(p.lines) == 0
		})
	}
}

// TestManyQuestionsOneConnection: dialling is done once for all that ask at the same time.
func TestManyQuestionsOneConnection(t *testing.T) {
	n := serve(t, hadoop34)
	var mu sync.Mutex
	dials := 0
	p := client(t, Config{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		mu.Lock()
		dials++
		mu.Unlock()
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}})
	var asking sync.WaitGroup
	for range 50 {
		asking.Go(func() {
			if _, err := p.JournalState(ctx, n.peer(), ns1); err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	if dials != 1 {
		t.Errorf("%d dials", dials)
	}
}

func TestLargeManifest(t *testing.T) {
	n := serve(t, hadoop34)
	const count = 100_000
	base := storage.TxID(1) << 47
	for i := range storage.TxID(count) {
		n.segments = append(n.segments, Segment{base + 2*i, base + 2*i + 1})
	}
	m, err := client(t, Config{}).Manifest(ctx, n.peer(), ns1, 1)
	if err != nil || !slices.Equal(m.Segments, n.segments) {
		t.Errorf("%d segments, %v", len(m.Segments), err)
	}
}

// TestMaliciousPeer: what a peer sends or announces takes little memory.
func TestMaliciousPeer(t *testing.T) {
	smallest := []byte{0x0a, 4, 8, 0, 16, 0} // a segment in the fewest bytes
	manifest := func(logs []byte) []byte {
		b := binary.AppendUvarint([]byte{0x0a}, uint64(len(logs)))
		return append(append(b, logs...), 16, 1)
	}
	for _, c := range []struct {
		name  string
		frame []byte // behind the header
		size  int    // announced, 0: as it is
		want  string
	}{
		{"announces 2 GiB", nil, 1<<31 - 1, "exceeds the maximum"},
		{"sends more than allowed", make([]byte, 5<<20), 0, "exceeds the maximum"},
		{"announces what it does not send", nil, 4 << 20, "no answer within"},
		{"as many segments as fit", manifest(slices.Repeat(smallest, (4<<20-100)/6)), 0, "segment 0-0 behind 0-0"},
		{"empty segments", manifest(slices.Repeat([]byte{0x0a, 0}, (4<<20-100)/2)), 0, "required field is missing"},
		{"unknown fields", slices.Repeat([]byte{0x98, 6, 1}, (4<<20-100)/3), 0, "required field is missing"},
		{"junk", []byte{0xff, 0xff}, 0, "bad RPC response"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var served sync.WaitGroup
			defer served.Wait()
			defer func() { _ = l.Close() }()
			served.Go(func() {
				nc, err := l.Accept()
				if err != nil {
					return
				}
				defer func() { _ = nc.Close() }()
				r := bufio.NewReader(nc)
				if _, err := r.Discard(7); err != nil {
					return
				}
				for range 2 { // context, call
					var n [4]byte
					if _, err := io.ReadFull(r, n[:]); err != nil {
						return
					}
					if _, err := r.Discard(int(binary.BigEndian.Uint32(n[:]))); err != nil {
						return
					}
				}
				header := []byte{8, 0, 16, 0, 24, 9} // call 0, SUCCESS, version 9
				body := append(binary.AppendUvarint(nil, uint64(len(header))), header...)
				body = append(binary.AppendUvarint(body, uint64(len(c.frame))), c.frame...)
				size := c.size
				if size == 0 {
					size = len(body)
				}
				_, _ = nc.Write(append(binary.BigEndian.AppendUint32(nil, uint32(size)), body...))
				_, _ = io.Copy(io.Discard, r)
			})
			limit := time.Minute
			if c.want == "no answer within" {
				limit = 300 * time.Millisecond
			}
			p := client(t, Config{Timeout: limit})
			defer func() { _ = p.Close() }()
			addr := l.Addr().(*net.TCPAddr)
			before := allocated()
			_, err = p.Manifest(ctx, Peer{"127.0.0.1", addr.Port}, ns1, 1)
			took := allocated() - before
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			// The frame and its growth on this side, and both frames that the peer above makes.
			if took > 48<<20 && !raceEnabled {
				t.Errorf("%d MiB were allocated", took>>20)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestUser(t *testing.T) {
	t.Setenv("HADOOP_USER_NAME", "alice")
	if User() != "alice" {
		t.Error(User())
	}
	t.Setenv("HADOOP_USER_NAME", "")
	if u := User(); u == "" || u == "alice" {
		t.Error(u)
	}
}

func TestProcessIDs(t *testing.T) {
	a, b := NewProcess(), NewProcess()
	if !pb.IsProcessID(a) || !pb.IsProcessID(b) || string(a) == string(b) {
		t.Errorf("%x, %x", a, b)
	}
	m := &pb.GetJournalStateResponseProto{LastPromisedEpoch: proto.Uint64(1), HttpPort: proto.Uint32(2)}
	if pb.ProcessID(m) != nil {
		t.Error("an answer of Java has a process id")
	}
	pb.SetProcessID(m, a)
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var again pb.GetJournalStateResponseProto
	if err := proto.Unmarshal(b, &again); err != nil || string(pb.ProcessID(&again)) != string(a) || again.GetHttpPort() != 2 {
		t.Errorf("%v, %v", &again, err)
	}
}
