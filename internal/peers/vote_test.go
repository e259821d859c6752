package peers

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gojn/internal/javaerr"
)

// said is what a node answers.
type said int

const (
	zero        said = iota // never promised anything
	promised                // epoch 5
	unformatted             // JournalNotFormattedException
	silent                  // nothing
	down                    // nobody listens
	itself                  // this node, at a port mapping
)

// voters serves nodes that say so, and one at 192.0.2.1 which is the asking node by its address.
func voters(t *testing.T, process []byte, list ...said) []Peer {
	t.Helper()
	peers := []Peer{{"192.0.2.1", 8485}}
	for _, what := range list {
		n := serve(t, hadoop34)
		switch what {
		case promised:
			n.epoch = 5
		case unformatted:
			n.refusal = javaerr.New(javaerr.JournalNotFormatted, "Journal Storage Directory root= /x not formatted")
		case silent:
			n.hang = make(chan struct{})
		case down:
			n.srv.Close()
		case itself:
			n.process = process
		}
		peers = append(peers, n.peer())
	}
	return peers
}

func votingClient(t *testing.T, cfg Config, nodes ...Peer) *Peers {
	t.Helper()
	cfg.Listen, cfg.VoteTimeout = listening("192.0.2.1:8485"), 6*time.Second
	return client(t, cfg, nodes...)
}

// TestNothingPromised: more than half of all nodes, this one not counted, have to say so.
func TestNothingPromised(t *testing.T) {
	for _, c := range []struct {
		name  string
		said  []said
		wrong string
	}{
		{"both of three", []said{zero, zero}, ""},
		{"one of three, the other is silent", []said{zero, silent}, "no answer within"},
		{"one of three, the other is down", []said{zero, down}, "refused"},
		{"one of three, the other is not formatted", []said{unformatted, zero}, "not formatted"},
		{"one of three, the other has promised", []said{zero, promised}, "last promised epoch 5"},
		{"none of three", []said{silent, silent}, "0 did"},
		{"three of five", []said{zero, zero, zero, silent}, ""},
		{"three of five, one has promised to a writer without a majority", []said{zero, zero, zero, promised}, ""},
		{"two of five", []said{zero, zero, silent, unformatted}, "of 5 JournalNodes at least 3 others"},
		{"three of four", []said{zero, zero, zero}, ""},
		{"two of four are half", []said{zero, zero, down}, "at least 3 others"},
		{"the only node", nil, "of 1 JournalNodes at least 1 others"},
		{"one of two", []said{zero}, "at least 2 others"},
		{"itself at another address is not another", []said{zero, itself}, "the asking node itself"},
		{"itself twice in five", []said{itself, itself, zero, zero}, "the asking node itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			process := NewProcess()
			nodes := voters(t, process, c.said...)
			_, err := votingClient(t, Config{Process: process}, nodes...).NothingPromised(ctx, "ns1")
			if c.wrong == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Fatalf("%v, want %s", err, c.wrong)
			}
			for _, n := range nodes {
				if !strings.Contains(err.Error(), n.String()) {
					t.Errorf("%s is not named: %v", n, err)
				}
			}
		})
	}
}

// TestVoteOfOneNodeCountsOnce whatever the names it has.
func TestVoteOfOneNodeCountsOnce(t *testing.T) {
	java, ours, third := serve(t, hadoop34), serve(t, hadoop34), serve(t, hadoop34)
	ours.process, third.process = NewProcess(), NewProcess()
	port := func(n *jn) int { return int(n.addr.Port()) }
	names := newNames("java", "127.0.0.1", "java-too", "127.0.0.1", "mapped", "203.0.113.1", "ours", "127.0.0.1", "both", "203.0.113.9",
		"both", "127.0.0.1")
	self := Peer{"192.0.2.1", 8485}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		return mapped(map[string]netip.AddrPort{"203.0.113.1:7": ours.addr, "203.0.113.2:7": java.addr,
			java.addr.String(): java.addr, ours.addr.String(): ours.addr, third.addr.String(): third.addr})(ctx, network, address)
	}
	for _, c := range []struct {
		name  string
		nodes []Peer
		ok    bool
	}{
		{"two nodes", []Peer{self, {"java", port(java)}, {"ours", port(ours)}}, true},
		{"two nodes of a machine", []Peer{self, {"127.0.0.1", port(third)}, {"ours", port(ours)}}, true},
		{"two names of one address", []Peer{self, {"java", port(java)}, {"java-too", port(java)}}, false},
		{"a name and its address", []Peer{self, {"java", port(java)}, {"127.0.0.1", port(java)}}, false},
		{"the same entry twice", []Peer{self, {"java", port(java)}, {"java", port(java)}}, false},
		{"one of two addresses of a name", []Peer{self, {"both", port(java)}, {"java", port(java)}}, false},
		{"one process behind a port mapping", []Peer{self, {"mapped", 7}, {"ours", port(ours)}}, false},
		{"five entries, three nodes", []Peer{self, {"mapped", 7}, {"ours", port(ours)}, {"java", port(java)}, {"java-too", port(java)}}, false},
		{"five entries, four nodes", []Peer{self, {"mapped", 7}, {"ours", port(ours)}, {"java", port(java)}, {"127.0.0.1", port(third)}}, true},
	} {
		_, err := votingClient(t, Config{Resolver: names, Dial: dial}, c.nodes...).NothingPromised(ctx, "ns1")
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestVoteNeedsToKnowWho: the nodes of another journal, or an unknown number of nodes, prove nothing.
func TestVoteNeedsToKnowWho(t *testing.T) {
	nodes := voters(t, nil, zero, zero)
	names := newNames("all", nodes[1].Host)
	for _, c := range []struct {
		conf SharedEdits
		want string
	}{
		{SharedEdits{Base: uriOf("other", nodes...)}, "names the nodes of journal other"},
		{SharedEdits{BySuffix: map[string]string{"ns1": uriOf("other", nodes...)}}, "no key names"},
		{SharedEdits{Base: scheme + "all:1;gone/ns1", ResolveNames: true}, "gone does not resolve"},
		{SharedEdits{Base: uriOf("ns1", nodes...), ResolveNames: true, Resolver: "com.acme.R"}, "com.acme.R is not built"},
		{SharedEdits{Base: "file:///x"}, "is no qjournal://"},
	} {
		_, err := votingClient(t, Config{SharedEdits: c.conf, Resolver: names}).NothingPromised(ctx, "ns1")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.conf, err, c.want)
		}
	}
	// A name of one node that does not resolve is a node that is silent.
	one := append(slices.Clone(nodes), Peer{"gone", 1})
	if _, err := votingClient(t, Config{Resolver: names}, one...).NothingPromised(ctx, "ns1"); err == nil ||
		!strings.Contains(err.Error(), "of 4 JournalNodes at least 3 others") {
		t.Error(err)
	}
}

// TestVotePause: the answer waits for the pause, unless it is a refusal or the caller is gone.
func TestVotePause(t *testing.T) {
	nodes := voters(t, nil, zero, zero)
	const pause = 30 * time.Millisecond
	start := time.Now()
	if _, err := votingClient(t, Config{VotePause: pause}, nodes...).NothingPromised(ctx, "ns1"); err != nil || time.Since(start) < pause {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if _, err := votingClient(t, Config{VotePause: time.Hour}, nodes[:2]...).NothingPromised(ctx, "ns1"); err == nil {
		t.Error("one of two is enough")
	}
	for _, end := range []struct {
		with error
		by   func(p *Peers, cancel context.CancelFunc)
	}{
		{context.Canceled, func(_ *Peers, cancel context.CancelFunc) { cancel() }},
		{ErrClosed, func(p *Peers, _ context.CancelFunc) { _ = p.Close() }},
	} {
		p := votingClient(t, Config{VotePause: time.Hour}, nodes...) // a new one: it has lines only to whom it has asked
		began, cancel := context.WithCancel(ctx)
		defer cancel()
		done := make(chan error)
		go func() {
			_, err := p.NothingPromised(began, "ns1")
			done <- err
		}()
		eventually(t, "both have been asked and no question is open", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			open := 0
			for _, l := range p.lines {
				open += l.calls
			}
			return len(p.lines) == 2 && open == 0
		})
		end.by(p, cancel)
		if err := <-done; !errors.Is(err, end.with) {
			t.Errorf("%v, want %v", err, end.with)
		}
	}
}

// TestFreshNodesAllAtOnce: five nodes without a promise that all ask at the same moment all learn that there is none.
func TestFreshNodesAllAtOnce(t *testing.T) {
	var list []Peer
	processes := make([][]byte, 5)
	for i := range processes {
		n := serve(t, hadoop34)
		n.process = NewProcess()
		processes[i] = n.process
		list = append(list, n.peer())
	}
	var asking sync.WaitGroup
	for i, process := range processes {
		p := client(t, Config{Process: process, Listen: listening(list[i].String())}, list...)
		asking.Go(func() {
			if _, err := p.NothingPromised(ctx, "ns1"); err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
}

// TestSources: those that list exactly the range, in the order of the configuration.
func TestSources(t *testing.T) {
	t.Parallel()
	exact, longer, old, empty, hangs := serve(t, hadoop35), serve(t, hadoop34), serve(t, hadoop27), serve(t, hadoop34), serve(t, hadoop34)
	exact.segments = []Segment{{1, 9}, {10, 20}, {21, 30}}
	longer.segments = []Segment{{1, 9}, {10, 21}}
	old.segments, old.from = []Segment{{10, 20}}, "http://0.0.0.0:8490"
	hangs.hang = make(chan struct{})
	names := newNames("exact", "127.0.0.1")
	p := client(t, Config{Resolver: names, SourceTimeout: 6 * time.Second},
		old.peer(), longer.peer(), Peer{"exact", int(exact.addr.Port())}, empty.peer(), hangs.peer(), Peer{"gone", 1})
	const tail = "/getJournal?jid=ns1&segmentTxId=10&storageInfo=-67%3A5%3A9%3ACID-1&inProgressOk=false"
	want := []string{"http://127.0.0.1:8490" + tail, "http://exact:8480" + tail}
	if got := p.Sources(ctx, "ns1", info, 10, 20); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := p.Sources(ctx, "ns1", info, 10, 19); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if got := client(t, Config{}).Sources(ctx, "ns1", info, 10, 20); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// TestIncompleteNames: a name for all nodes that leaves out this one, or one that is down, makes no smaller cluster of it.
func TestIncompleteNames(t *testing.T) {
	nodes := voters(t, nil, zero)
	names := newNames("all", "127.0.0.1")
	p := votingClient(t, Config{Resolver: names, SharedEdits: SharedEdits{
		Base: scheme + net.JoinHostPort("all", strconv.Itoa(nodes[1].Port)) + "/ns1", ResolveNames: true,
	}})
	if _, err := p.NothingPromised(ctx, "ns1"); err == nil || !strings.Contains(err.Error(), "of 2 JournalNodes at least 2 others") {
		t.Fatalf("one node of unknown many gave the vote: %v", err)
	}
	if got := []int{p.nodesEver("ns1", 3), p.nodesEver("ns1", 2), p.nodesEver("ns2", 2)}; !slices.Equal(got, []int{3, 3, 2}) {
		t.Errorf("the most nodes seen: %v", got)
	}
}
