package main

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"time"

	"gojn/hadooprpc"
	"gojn/internal/hadoopconf"
	"gojn/internal/jmx"
	"gojn/internal/rpcmetrics"
	"gojn/jnserver"
	"gojn/servlet"
	"gojn/storage"
	"gojn/storage/vfs"
)

const (
	// frameStall is how long a peer may pause within a frame, a tenth of it while others wait for memory. The writer of a
	// journal, a NameNode in a long garbage collection, has ipc.server.purge.interval.
	frameStall = 2 * time.Minute
	// minStall is the least time that a NameNode may pause while it reads a segment, for instance to apply edits.
	minStall = time.Minute
	// forever stands for "no timeout" where zero means a default.
	forever = 10 * 365 * 24 * time.Hour
)

func nodeConfig(
	s *hadoopconf.JournalNode, fsys vfs.FS, fetches *secureFetches, log *slog.Logger, webURL string, web net.Addr,
) jnserver.Config {
	port := uint32(0)
	if a, ok := web.(*net.TCPAddr); ok {
		port = uint32(a.Port)
	}
	return jnserver.Config{
		Env: jnserver.Env{
			FS:           fsys,
			Clock:        systemClock{},
			Fetcher:      fetches.fetcher(s.ImageTransferTimeout),
			Within:       context.WithTimeout,
			Events:       logEvents(log),
			CurrentPerm:  s.EditsDirPerm, // 0 unless set: the umask decides
			LockOwner:    jnserver.LockOwner(),
			SyncedWrites: s.NoEditLogChannelFlush,
			Reserve:      storage.DefaultReserve,
		},
		EditsDir:              s.EditsDir,
		EditsDirByNameservice: s.EditsDirByNameservice,
		EditsDirSpare:         editsDirSpare(s),
		EditsCache:            editsCache(s.Cache),
		HTTPURL:               webURL,
		HTTPPort:              port,
		Audit:                 logAudit(log),
	}
}

// editsDirSpare tells whether each nameservice has an edits directory of its own.
func editsDirSpare(s *hadoopconf.JournalNode) bool {
	for _, ns := range s.Nameservices {
		if dir, ok := s.EditsDirByNameservice[ns]; !ok || dir == s.EditsDir {
			return false
		}
	}
	return len(s.Nameservices) > 0
}

// nominalHeap stands for the heap of a JVM, of which dfs.journalnode.edit-cache-size.fraction is a part: by its default the
// journals of the process together keep 32 MiB of edits.
const nominalHeap = 64 << 20

// editsCache is how many bytes of edits are kept for getJournaledEdits; 0 if dfs.ha.tail-edits.in-progress is not set.
func editsCache(c hadoopconf.EditsCache) int64 {
	if !c.Enabled {
		return 0
	}
	return c.MaxBytes(nominalHeap)
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// newRPCServer makes the RPC server; metrics and callDone are told of each call. In hadooprpc.Config zero means a default, in
// Hadoop's keys it is a value.
func newRPCServer(
	s *hadoopconf.JournalNode, node *jnserver.Node, metrics *rpcmetrics.Metrics, callDone func(hadooprpc.CallInfo),
	log *slog.Logger,
) *hadooprpc.Server {
	server := &hadooprpc.Server{Config: hadooprpc.Config{
		MaxFrame:         s.RPC.MaxDataLength,
		MaxResponseWarn:  max(1, s.RPC.MaxResponseWarn), // no answer is as short: 0 logs each
		Handlers:         s.HandlerCount,
		MaxConnections:   s.RPC.MaxConnections,
		IdleThreshold:    orNone(s.RPC.IdleThreshold),
		KillMax:          orNone(s.RPC.IdleKillMax), // Java counts up to it and never gets to 0: no limit
		MaxIdleTime:      s.RPC.MaxIdleTime,
		IdleScanInterval: s.RPC.IdleScanInterval,
		PurgeInterval:    s.RPC.PurgeInterval,
		StallTimeout:     frameStall,
		Logger:           log,
	}}
	if limit, err := descriptorLimit(); err == nil {
		server.MakeRoomAt = connectionRoom(limit)
	}
	var slow *slowLog
	if s.RPC.LogSlow {
		slow = newSlowLog(s.RPC.LogSlowThreshold, log)
	}
	observe(server, metrics, callDone, slow)
	for _, p := range node.Protocols() {
		server.Register(p)
	}
	return server
}

// handlerConfig is what the HTTP side's answers depend on.
func (d *daemon) handlerConfig(s *hadoopconf.JournalNode, conf *hadoopconf.Configuration, log *slog.Logger) servlet.Config {
	process := &jmx.Process{Name: "JournalNode", Hostname: d.info.HostName, Started: d.began}
	release := servlet.Hadoop34
	if !s.HTTP.ConfFormatFromAccept {
		release = servlet.Hadoop27
	}
	return servlet.Config{
		Journals: journals{d.node},
		Beans: func() []jmx.Bean {
			return slices.Concat(d.node.Beans(d.info), d.syncBeans(), d.rpcBeans(), process.Beans(time.Now()))
		},
		Conf:         func() []servlet.Property { return properties(conf) },
		Health:       func() servlet.Health { return d.withSync(health(d.node, d.opening.late(), !d.stopping.Load())) },
		Bandwidth:    s.ImageTransferBandwidth,
		Release:      release,
		FrameOptions: s.HTTP.FrameOptions,
		FilterNaN:    s.HTTP.JMXNaNFilter,

		CopyToLocal: true,
		// In Jetty the idle timeout also cuts a client that takes nothing for as long.
		StallTimeout: max(minStall, orForever(s.HTTP.IdleTimeout)),
		Logger:       log,
	}
}

func newHTTPServer(s *hadoopconf.JournalNode, answers servlet.Config, log *slog.Logger) *servlet.Server {
	room := 0 // servlet's default
	if limit, err := descriptorLimit(); err == nil {
		room = httpRoom(limit)
	}
	return servlet.NewServer(servlet.ServerConfig{
		Handler:        withHeaders(servlet.NewHandler(answers), s.HTTP.Headers),
		MaxConns:       room,
		IdleTimeout:    orForever(s.HTTP.IdleTimeout),
		MaxHeaderBytes: s.HTTP.MaxRequestHeaderSize,
		Logger:         log,
	})
}

// orForever is for timeouts where 0 means none.
func orForever(d time.Duration) time.Duration {
	if d <= 0 {
		return forever
	}
	return d
}

// orNone is for limits that are off at 0 and below.
func orNone(n int) int {
	if n <= 0 {
		return -1
	}
	return n
}

func portOf(a net.Addr) string {
	_, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "0"
	}
	return port
}

func syncMode(s *hadoopconf.JournalNode) string {
	if s.NoEditLogChannelFlush {
		return "O_DSYNC"
	}
	return "fdatasync"
}
