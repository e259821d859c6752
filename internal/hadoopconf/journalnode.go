package hadoopconf

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// JournalNode is what a JournalNode needs of the configuration. It is read once, at start, and not changed afterwards;
// docs/configuration.md names the key of each field.
type JournalNode struct {
	// Release is whose rules apply where 2.7 and 3.x differ (gojn.compat.release).
	Release Release

	// EditsDir is dfs.journalnode.edits.dir, trimmed. Not checked when it is not StartDir.
	EditsDir string
	// EditsDirByNameservice holds dfs.journalnode.edits.dir.<nameservice>, trimmed; not checked either.
	EditsDirByNameservice map[string]string
	// Nameservices is dfs.internal.nameservices if that names any, else dfs.nameservices.
	Nameservices []string
	// EditsDirPerm is the mode that format gives a journal's current directory, fs.ModeSticky possibly included;
	// EditsDirPermSet is false under 2.7's rules unless the key is set: the umask alone decides.
	EditsDirPerm    fs.FileMode
	EditsDirPermSet bool
	// NoEditLogChannelFlush: segments are opened for synchronous writes and not flushed (journal.md 2.4).
	NoEditLogChannelFlush bool

	// HandlerCount is how many calls are worked on at once, at least 1.
	HandlerCount int

	// ImageTransferBandwidth limits each /getJournal answer, bytes a second; 0: no limit.
	ImageTransferBandwidth int64
	// ImageTransferTimeout is the connect and the read timeout of a recovery's download; 0: none.
	ImageTransferTimeout time.Duration

	Cache       EditsCache
	Sync        Sync
	SharedEdits SharedEdits

	RPC RPCServer
	// Authorization says who may open RPC connections.
	Authorization Authorization

	// HTTPPolicy says which of HTTP and HTTPS are served.
	HTTPPolicy  HTTPPolicy
	HTTP        HTTPServer
	HTTPS       HTTPSServer
	HTTPSClient HTTPSClient
}

// EditsCache is the cache behind getJournaledEdits (JournaledEditsCache).
type EditsCache struct {
	// Enabled is dfs.ha.tail-edits.in-progress. The other fields are only read, and checked, if it is set.
	Enabled bool
	// Bytes is dfs.journalnode.edit-cache-size.bytes, 0 if it is not set.
	Bytes int64
	// Fraction of the memory holds if Bytes is not set; more than 0 and less than 1.
	Fraction float64
}

// Sync is node-to-node synchronisation (JournalNodeSyncer).
type Sync struct {
	// Enabled is dfs.journalnode.enable.sync, by default off under 2.7's rules. The other fields are only read if it is set.
	Enabled bool
	// Format: an empty node may be formatted from its peers (dfs.journalnode.enable.sync.format, 3.5).
	Format bool
	// Interval is the pause between two rounds, more than 0.
	Interval time.Duration
	// Timeout is the connect and the read timeout of a download; 0: none.
	Timeout time.Duration
	// Bandwidth limits all downloads together, bytes a second; 0: no limit.
	Bandwidth int64
}

// SharedEdits holds the keys that name the nodes of a journal, trimmed and as they are otherwise.
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
	// Resolver is the Java class that then resolves names (dfs.namenode.edits.qjournals.resolver.impl).
	Resolver string
}

// RPCServer is how the RPC port listens and whom it drops.
type RPCServer struct {
	// Address is dfs.journalnode.rpc-address: what other nodes are told. BindHost, if not empty, replaces its host for
	// listening only.
	Address  SocketAddress
	BindHost string

	MaxDataLength   int // bytes of the longest request, at least 1
	MaxResponseWarn int // an answer of more bytes is logged
	ListenQueue     int // 0 or less: the system's choice
	MaxConnections  int // 0: no limit

	// Every IdleScanInterval, when at least IdleThreshold connections are open, up to IdleKillMax are closed that had no
	// call for 2 * MaxIdleTime (rpc.md 1.10).
	IdleThreshold    int
	IdleKillMax      int
	MaxIdleTime      time.Duration
	IdleScanInterval time.Duration

	// PurgeInterval is how long an answer waits for its client to read it; then the connection is closed. At least 1 min.
	PurgeInterval time.Duration

	// LogSlow: a call much slower than others, and slower than LogSlowThreshold, is logged.
	LogSlow          bool
	LogSlowThreshold time.Duration
}

// Listen is where to listen: Address with BindHost.
func (r RPCServer) Listen() SocketAddress { return bound(r.Address, r.BindHost) }

// HTTPServer is how the HTTP port listens and what it says.
type HTTPServer struct {
	// Address is dfs.journalnode.http-address, BindHost replaces its host for listening.
	Address  SocketAddress
	BindHost string

	IdleTimeout          time.Duration // 0: none
	MaxRequestHeaderSize int           // bytes, at least 1
	SocketBacklog        int           // 0 or less: the system's choice
	// Headers are sent with every answer (hadoop.http.header.<name>) and go before the server's own. Sorted by name.
	Headers []Header
	// FrameOptions is the X-FRAME-OPTIONS of every answer (dfs.xframe.value), empty if there is none (dfs.xframe.enabled).
	FrameOptions string
	// ConfFormatFromAccept: /conf answers in the format that the Accept header asks for and knows ?name= (3.x). Otherwise
	// by ?format= (2.7).
	ConfFormatFromAccept bool
	// JMXNaNFilter: /jmx prints 0.0 in place of NaN, which is not JSON.
	JMXNaNFilter bool
}

// Header is one header of an HTTP answer.
type Header struct{ Name, Value string }

// Listen is where to listen: Address with BindHost.
func (h HTTPServer) Listen() SocketAddress { return bound(h.Address, h.BindHost) }

func bound(a SocketAddress, host string) SocketAddress {
	if host != "" {
		a.Host = host
	}
	return a
}

// StartDir is the directory that is checked and created at start (JournalNode.setConf): with fewer than two nameservices
// the one nameservice's own or else EditsDir. ok is false with two or more: then nothing is looked at before the first
// call. StartDir is absolute.
func (j *JournalNode) StartDir() (dir string, ok bool) {
	if len(j.Nameservices) >= 2 {
		return "", false
	}
	for _, ns := range j.Nameservices {
		if dir, ok := j.EditsDirByNameservice[ns]; ok {
			return dir, true
		}
	}
	return j.EditsDir, true
}

// DirFor is the directory that holds the journals of a nameservice, as a request names it (JournalNode.getLogDir); an
// empty name, or one without a directory of its own, gives EditsDir. It may be relative: see CheckJournalDir.
func (j *JournalNode) DirFor(nameservice string) string {
	if dir, ok := j.EditsDirByNameservice[nameservice]; ok && nameservice != "" {
		return dir
	}
	return j.EditsDir
}

// CheckJournalDir refuses a directory that is not absolute, in the words of JournalNode.validateAndCreateJournalDir.
func CheckJournalDir(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("Journal dir '%s' should be an absolute path", dir) //nolint:staticcheck // Hadoop's words
	}
	return nil
}
