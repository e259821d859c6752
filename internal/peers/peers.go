package peers

import (
	"context"
	"errors"
	"net"
	"strconv"

	"gojn/storage"
)

// Journal names a journal to other nodes.
type Journal struct {
	ID string
	// Nameservice is the one that its NameNodes named, "" if it is not known. A Java node that opens the journal for the
	// question takes it to find the directory.
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
	// Peers are the others, in the order of the configuration. A node of which it is not known yet whether it is this one is
	// among them.
	Peers []Peer
	// JournalID is the path of the URI that names them. As in Java a value of dfs.namenode.shared.edits.dir without suffix
	// counts for every journal, whatever its path.
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
	cfg Config
}

// New makes a Peers, which nothing is asked for yet. Close ends it.
func New(cfg Config) *Peers { return &Peers{cfg: cfg} }

// Close cuts all questions and closes all connections.
func (p *Peers) Close() error { return nil }

// Journals are those that the configuration names: by the paths of the URIs, with the nameservice whose key it is.
func (p *Peers) Journals() []Journal { return nil }

// Of tells the nodes of a journal. It resolves their names to leave this node out; one that does not resolve stays in the
// list. The error tells why nobody is configured, or what is wrong with the configuration.
func (p *Peers) Of(ctx context.Context, j Journal) (List, error) { return List{}, ErrNotConfigured }

// JournalState asks for the promised epoch (getJournalState).
func (p *Peers) JournalState(ctx context.Context, peer Peer, j Journal) (State, error) {
	return State{}, ErrClosed
}

// Manifest asks for the finalized segments that reach since (getEditLogManifestFromJournal; of a peer that does not know
// InterQJournalProtocol, getEditLogManifest).
func (p *Peers) Manifest(ctx context.Context, peer Peer, j Journal, since storage.TxID) (Manifest, error) {
	return Manifest{}, ErrClosed
}

// StorageInfo asks for the namespace of the journal (getStorageInfo). Of an unformatted journal it is the zero value.
func (p *Peers) StorageInfo(ctx context.Context, peer Peer, j Journal) (storage.StorageInfo, error) {
	return storage.StorageInfo{}, ErrClosed
}

// NothingPromised is nil if more than half of all nodes of the journal, this one not counted, have just said that they never
// promised anything (jnserver.Peers).
func (p *Peers) NothingPromised(ctx context.Context, jid string) error { return ErrClosed }

// Sources are the addresses where other nodes serve the finalized segment of exactly that range (jnserver.Peers).
func (p *Peers) Sources(ctx context.Context, jid string, info storage.StorageInfo, first, last storage.TxID) []string {
	return nil
}

// SegmentURL is where a node whose Manifest has URL base serves a finalized segment (Java GetJournalEditServlet.buildPath).
func SegmentURL(base, jid string, first storage.TxID, info storage.StorageInfo) string { return "" }
