package peers

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/netip"
	"time"

	pb "gojn/qjournalpb"
)

// Config says who the nodes are and how they are asked. The zero value of a field means its default.
type Config struct {
	// SharedEdits is the configuration of the journals' nodes.
	SharedEdits SharedEdits
	// Listen tells the address that this node's RPC server is bound to, its port included; nil if none is (yet).
	// Optional.
	Listen func() net.Addr
	// Process is the client id of all calls, by which a node recognises itself, see NewProcess. The RPC server of this
	// process must know it (jnserver.Config.Process). Empty: a new one.
	Process []byte
	// User is who the calls come from, default User().
	User string
	// Nameservice tells the nameservice that a journal's NameNodes named, "" if none did. Optional.
	Nameservice func(jid string) string

	// Timeout limits one question, its dial included, if the caller's context does not end before; default 30 s.
	Timeout time.Duration
	// LookupTimeout limits each look-up of a name, default 5 s.
	LookupTimeout time.Duration
	// VoteTimeout limits each question of NothingPromised, default 3 s; SourceTimeout each of Sources, default 5 s.
	VoteTimeout, SourceTimeout time.Duration
	// VotePause is how long NothingPromised waits when it is satisfied, default 1.5 s; negative: not at all. Nodes that
	// are all asked at the same moment so all see each other's answers before the first of them promises something.
	VotePause time.Duration
	// IdleTimeout is how long a connection stays open without a call, default 10 s (ipc.client.connection.maxidletime).
	IdleTimeout time.Duration
	// MaxAnswer is the longest answer in bytes, default 4 MiB: a manifest of 100,000 segments has at most 2.6 MB.
	MaxAnswer int

	// Resolver, Interfaces and Dial are the network; default net.DefaultResolver, net.InterfaceAddrs and net.Dialer.
	Resolver   Resolver
	Interfaces func() ([]net.Addr, error)
	Dial       func(ctx context.Context, network, address string) (net.Conn, error)
	Logger     *slog.Logger
}

func (c Config) ensureDefaults() Config {
	if len(c.Process) == 0 {
		c.Process = NewProcess()
	}
	if c.User == "" {
		c.User = User()
	}
	def(&c.Timeout, 30*time.Second)
	def(&c.LookupTimeout, 5*time.Second)
	def(&c.VoteTimeout, 3*time.Second)
	def(&c.SourceTimeout, 5*time.Second)
	def(&c.VotePause, 1500*time.Millisecond)
	def(&c.IdleTimeout, 10*time.Second)
	def(&c.MaxAnswer, 4<<20)
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Interfaces == nil {
		c.Interfaces = net.InterfaceAddrs
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func def[T int | time.Duration](p *T, v T) {
	if *p == 0 {
		*p = v
	}
}

// NewProcess makes the process id of one run of a JournalNode.
func NewProcess() []byte {
	id := append(make([]byte, 0, pb.ProcessIDLen), pb.ProcessIDPrefix...)
	id = id[:pb.ProcessIDLen]
	_, _ = rand.Read(id[len(pb.ProcessIDPrefix):]) // it never fails: package crypto/rand
	return id
}

// Resolver is what is needed of net.Resolver.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// SharedEdits holds the keys that name the nodes, trimmed and as they are otherwise. hadoopconf.SharedEdits has the
// same fields.
type SharedEdits struct {
	// Base is dfs.namenode.shared.edits.dir, "" if it is not set.
	Base string
	// BySuffix is dfs.namenode.shared.edits.dir.<suffix>; a suffix is <nameservice> or <nameservice>.<namenode>.
	BySuffix map[string]string
	// NameNodes is dfs.ha.namenodes.<nameservice>.
	NameNodes map[string][]string
	// Nameservices is dfs.internal.nameservices if that names any, else dfs.nameservices.
	Nameservices []string
	// ResolveNames: a name stands for as many nodes as it has addresses
	// (dfs.namenode.edits.qjournals.resolution-enabled).
	ResolveNames bool
	// Resolver is the Java class that then resolves names (dfs.namenode.edits.qjournals.resolver.impl). Only Hadoop's
	// default is built, DNSResolver; "" means it.
	Resolver string
}

// DNSResolver is the Java class of which Resolver does the work.
const DNSResolver = "org.apache.hadoop.net.DNSDomainNameResolver"
