package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"gojn/storage"
)

// Journal names a journal to other nodes.
type Journal struct {
	ID string
	// Nameservice is the one that its NameNodes named, "" if it is not known. A Java node that opens the journal for
	// the question takes it to find the directory.
	Nameservice string
}

// Peer is another node as the configuration names it. Peers are comparable.
type Peer struct {
	Host string // name or address, IPv6 without brackets
	Port int
}

// String is host:port, with brackets around IPv6.
func (p Peer) String() string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }

// List is who the nodes of a journal are.
type List struct {
	// Nodes is the number of all nodes, this one included.
	Nodes int
	// Peers are the others, in the order of the configuration. A node of which it is not known yet whether it is this
	// one is among them.
	Peers []Peer
	// JournalID is the path of the URI that names them. As in Java a value of dfs.namenode.shared.edits.dir without
	// suffix counts for every journal, whatever its path.
	JournalID string
	// Key is the property that names them.
	Key string
}

// State is the answer to getJournalState.
type State struct {
	LastPromisedEpoch storage.Epoch
	// URL is where the peer serves HTTP: scheme and port as it says, the host as configured.
	URL string
}

// Segment is a finalized segment.
type Segment struct{ First, Last storage.TxID }

// Manifest is what a peer has of a journal.
type Manifest struct {
	// Segments are the finalized ones that reach the transaction asked for, ascending, not overlapping.
	Segments []Segment
	// Committed is what the peer knows as committed; storage.InvalidTxID if it does not know or (2.x) does not say.
	Committed storage.TxID
	// URL is where the peer serves HTTP: scheme and port as it says, the host as configured.
	URL string
}

// Errors of the questions, for errors.Is.
var (
	// ErrMyself: the peer is this node. It is not listed again before its name resolves to something else.
	ErrMyself = errors.New("this is the asking node itself")
	// ErrNoStorageInfo: the peer is older than 3.5.0 and cannot tell the namespace of a journal.
	ErrNoStorageInfo = errors.New("does not know getStorageInfo (Hadoop 3.5.0 and later do)")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("peers: closed")
	// ErrNotConfigured is wrapped by Of's error if no key names the nodes of the journal.
	ErrNotConfigured = errors.New("no key names the nodes of the journal")
)

// Peers knows the other nodes of journals. Its methods may be called from any goroutine.
type Peers struct {
	cfg    Config
	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc
	swept  chan struct{} // closed when the goroutine that closes idle connections has ended

	mu     sync.Mutex // guards what is below and the lines; never held during I/O
	closed bool
	lines  map[lineKey]*line
	selves map[Peer]netip.Addr // those that turned out to be this node, with the address at which they did
	most   map[string]int      // see nodesEver
}

// New makes a Peers. Nothing is asked or looked up yet. Close ends it.
func New(cfg Config) *Peers {
	p := &Peers{
		cfg: cfg.ensureDefaults(), swept: make(chan struct{}),
		lines: map[lineKey]*line{}, selves: map[Peer]netip.Addr{}, most: map[string]int{},
	}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	go func() {
		defer close(p.swept)
		p.sweep()
	}()
	return p
}

// Journals are those that the configuration names: by the paths of the URIs, with the nameservice whose key it is (""
// for the key without suffix, unless there is one nameservice only). The errors tell which keys are wrong, and how.
func (p *Peers) Journals() ([]Journal, []error) {
	list, errs := p.cfg.SharedEdits.journals()
	if err := p.resolvable(); err != nil {
		errs = append(errs, err)
	}
	return list, errs
}

// Of tells the nodes of a journal. It resolves their names, at the same time, to leave this node out; one that does not
// resolve stays in the list. The error tells why nobody is configured, or what is wrong with the configuration.
func (p *Peers) Of(ctx context.Context, j Journal) (List, error) {
	if j.Nameservice == "" {
		j = p.journal(j.ID)
	}
	n, err := p.cfg.SharedEdits.of(j)
	if err == nil {
		err = p.resolvable()
	}
	if err != nil {
		return List{}, err
	}
	nodes, _ := p.nodesOf(ctx, n.quorum)
	list := List{Nodes: len(nodes), JournalID: n.journalID, Key: n.key}
	for _, n := range nodes {
		if !n.self {
			list.Peers = append(list.Peers, n.peer)
		}
	}
	return list, nil
}

// journal is a journal with the nameservice that its NameNodes have told.
func (p *Peers) journal(jid string) Journal {
	j := Journal{ID: jid}
	if p.cfg.Nameservice != nil {
		j.Nameservice = p.cfg.Nameservice(jid)
	}
	return j
}

// resolvable refuses names that a class which is not built would have to resolve: who the nodes are is not known then.
func (p *Peers) resolvable() error {
	if s := p.cfg.SharedEdits; s.ResolveNames && s.Resolver != "" && s.Resolver != DNSResolver {
		return fmt.Errorf("dfs.namenode.edits.qjournals.resolver.impl: %s is not built, only %s is", s.Resolver, DNSResolver)
	}
	return nil
}

// Sources are the addresses where other nodes serve the finalized segment of exactly that range, in the order of the
// configuration; none if nobody says so within its time. jnserver.Peers has this method.
func (p *Peers) Sources(ctx context.Context, jid string, info storage.StorageInfo, first, last storage.TxID) []string {
	j := p.journal(jid)
	list, err := p.Of(ctx, j)
	if err != nil {
		p.cfg.Logger.Warn("no other JournalNode can be asked for a segment", "jid", jid, "error", err)
		return nil
	}
	found := make([]string, len(list.Peers))
	var asked sync.WaitGroup
	for i, peer := range list.Peers {
		asked.Go(func() {
			m, err := p.manifest(ctx, peer, j, first, p.cfg.SourceTimeout)
			switch {
			case err != nil:
				p.cfg.Logger.Info("a JournalNode was asked for a segment", "jid", jid, "first", first, "error", err)
			case slices.Contains(m.Segments, Segment{First: first, Last: last}):
				found[i] = SegmentURL(m.URL, jid, first, info)
			}
		})
	}
	asked.Wait()
	return slices.DeleteFunc(found, func(url string) bool { return url == "" })
}
