package peers

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"time"
)

// Config says who the nodes are and how they are asked. The zero value of a field means its default.
type Config struct {
	// SharedEdits is the configuration of the journals' nodes.
	SharedEdits SharedEdits
	// Listen is the address that this node's RPC server is bound to, its port included; nil: none is known.
	Listen net.Addr
	// Process is the client id of all calls, by which a node recognises itself, see NewProcess. The RPC server of this process
	// must know it (jnserver.Config.Process). Empty: a new one.
	Process []byte
	// User is who the calls come from, default User().
	User string
	// Nameservice tells the nameservice that a journal's NameNodes named, "" if none did. Optional.
	Nameservice func(jid string) string

	// Timeout limits one question, its dial included, if the caller's context does not end before; default 30 s.
	Timeout time.Duration
	// VoteTimeout limits each question of NothingPromised, default 3 s; SourceTimeout each of Sources, default 5 s.
	VoteTimeout, SourceTimeout time.Duration
	// VotePause is how long NothingPromised waits when it is satisfied, default 1.5 s; negative: not at all.
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

// Resolver is what is needed of net.Resolver.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// SharedEdits holds the keys that name the nodes, trimmed and as they are otherwise. hadoopconf.SharedEdits has the same
// fields.
type SharedEdits struct {
	// Base is dfs.namenode.shared.edits.dir, "" if it is not set.
	Base string
	// BySuffix is dfs.namenode.shared.edits.dir.<suffix>; a suffix is <nameservice> or <nameservice>.<namenode>.
	BySuffix map[string]string
	// NameNodes is dfs.ha.namenodes.<nameservice>.
	NameNodes map[string][]string
	// Nameservices is dfs.internal.nameservices if that names any, else dfs.nameservices.
	Nameservices []string
	// ResolveNames: a name stands for as many nodes as it has addresses (dfs.namenode.edits.qjournals.resolution-enabled).
	ResolveNames bool
	// Resolver is the Java class that then resolves names (dfs.namenode.edits.qjournals.resolver.impl). Only Hadoop's default
	// is built, DNSResolver; "" means it.
	Resolver string
}

// DNSResolver is the Java class of which Resolver does the work.
const DNSResolver = "org.apache.hadoop.net.DNSDomainNameResolver"
