package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gojn/hadooprpc"
	"gojn/internal/hadoopconf"
	"gojn/internal/jmx"
	"gojn/jnserver"
	"gojn/servlet"
	"gojn/storage/vfs"
)

const (
	// stopGrace is how long calls in flight may take after a stop was asked for; what is left is cut. stopLimit is when
	// the process ends even if a disk hangs.
	stopGrace = 3 * time.Second
	stopLimit = 4500 * time.Millisecond
	// frameStall is how long a peer may pause within a frame; a NameNode in a long garbage collection must not lose its
	// connection. A tenth of it counts while others wait for memory.
	frameStall = 2 * time.Minute
)

// runNode starts the node, serves until a signal comes, and stops it. An error is a start that failed; after a signal it
// is an exitCode.
func runNode(args []string, stdout, stderr io.Writer) error {
	log := newLogger(stderr)
	opts, err := parseOptions(args, os.LookupEnv)
	if err != nil {
		return err
	}
	for _, w := range opts.warnings {
		log.Warn(w)
	}
	conf, err := hadoopconf.Load(opts.conf)
	if err != nil {
		return err
	}
	settings, warnings, err := hadoopconf.ReadJournalNode(conf)
	if err != nil {
		return err
	}
	for _, w := range append(conf.Warnings(), warnings...) {
		log.Warn(w.String())
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)

	d, err := start(settings, conf, log)
	if err != nil {
		return err
	}
	if opts.printClient {
		printClientConfig(stdout, d)
	}
	select {
	case err := <-d.failed:
		log.Error("a server failed, stopping", "error", err)
		d.stop(log, signals)
		return exitCode(1)
	case s := <-signals:
		n, _ := s.(syscall.Signal)
		log.Error(fmt.Sprintf("RECEIVED SIGNAL %d: SIG%s", int(n), signalName(n)))
		d.stop(log, signals)
		log.Info("SHUTDOWN_MSG: Shutting down JournalNode")
		return exitCode(128 + int(n))
	}
}

func signalName(s syscall.Signal) string {
	switch s {
	case syscall.SIGTERM:
		return "TERM"
	case syscall.SIGINT:
		return "INT"
	case syscall.SIGHUP:
		return "HUP"
	}
	return s.String()
}

// daemon is the running node: its journals and its two servers.
type daemon struct {
	node    *jnserver.Node
	rpc     *hadooprpc.Server
	http    *servlet.Server
	rpcAddr net.Addr
	webURL  string
	failed  chan error // gets one error of each server that ends by itself
}

// start brings everything up in Java's order: directory, HTTP, RPC. Whatever was begun is undone if a later step fails.
func start(s *hadoopconf.JournalNode, conf *hadoopconf.Configuration, log *slog.Logger) (*daemon, error) {
	began := time.Now()
	log.Info("STARTUP_MSG: Starting JournalNode", "version", versionText(), "pid", os.Getpid())
	fsys := vfs.OS()
	if err := checkStart(s, fsys, log); err != nil {
		return nil, err
	}
	web, err := listen(s.HTTP.Listen(), s.HTTP.SocketBacklog, "dfs.journalnode.http-address")
	if err != nil {
		return nil, err
	}
	rpc, err := listen(s.RPC.Listen(), s.RPC.ListenQueue, "dfs.journalnode.rpc-address")
	if err != nil {
		return nil, errors.Join(err, web.Close())
	}
	d := &daemon{rpcAddr: rpc.Addr(), failed: make(chan error, 2)}
	d.webURL = "http://" + net.JoinHostPort(s.HTTP.Listen().Host, portOf(web.Addr()))
	d.node = jnserver.NewNode(nodeConfig(s, fsys, log, d.webURL, web.Addr()))
	if err := d.node.FindJournals(); err != nil {
		return nil, errors.Join(err, web.Close(), rpc.Close())
	}
	info := jnserver.NodeInfo{HostName: hostName(), HostAndPort: net.JoinHostPort(s.RPC.Address.Host, portOf(rpc.Addr())), Version: version}
	d.http = newHTTPServer(s, conf, d.node, info, began, log)
	d.rpc = newRPCServer(s, d.node, log)
	go d.serve("http", func() error { return d.http.Serve(web) }, http.ErrServerClosed)
	go d.serve("rpc", func() error { return d.rpc.Serve(rpc) }, hadooprpc.ErrServerClosed)
	log.Info("JournalNode is up", "rpc", rpc.Addr().String(), "http", web.Addr().String(), "edits_dir", s.EditsDir,
		"took_ms", time.Since(began).Milliseconds(), "sync", syncMode(s))
	return d, nil
}

func (d *daemon) serve(name string, serve func() error, closed error) {
	if err := serve(); !errors.Is(err, closed) {
		d.failed <- fmt.Errorf("%s server: %w", name, err)
	}
}

// stop ends the node within stopLimit: calls in flight are answered or cut, open segments are left as they are with
// everything written in them synced, locks are released. A second signal cuts at once.
func (d *daemon) stop(log *slog.Logger, signals <-chan os.Signal) {
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := d.rpc.Shutdown(ctx); err != nil {
			log.Warn("RPC calls were cut", "error", err)
		}
		d.rpc.Close() // what Shutdown could not wait for
		if err := d.http.Shutdown(ctx); err != nil {
			log.Warn("HTTP answers were cut", "error", err)
		}
		_ = d.http.Close()
		if err := d.node.Close(); err != nil {
			log.Error("closing the journals", "error", err)
		}
	}()
	select {
	case <-done:
	case <-signals:
		log.Warn("a second signal: stopping at once")
	case <-time.After(stopLimit):
		log.Error("not stopped in time, a disk hangs: ending all the same", "limit", stopLimit)
	}
}

func nodeConfig(s *hadoopconf.JournalNode, fsys vfs.FS, log *slog.Logger, webURL string, web net.Addr) jnserver.Config {
	perm := s.EditsDirPerm
	if !s.EditsDirPermSet {
		perm = 0
	}
	port := uint32(0)
	if a, ok := web.(*net.TCPAddr); ok {
		port = uint32(a.Port)
	}
	return jnserver.Config{
		Env: jnserver.Env{
			FS:           fsys,
			Clock:        systemClock{},
			Fetcher:      &servlet.Fetcher{ConnectTimeout: s.ImageTransferTimeout, ReadTimeout: s.ImageTransferTimeout},
			Events:       logEvents(log),
			CurrentPerm:  perm,
			LockOwner:    jnserver.LockOwner(),
			SyncedWrites: s.NoEditLogChannelFlush,
		},
		EditsDir:              s.EditsDir,
		EditsDirByNameservice: s.EditsDirByNameservice,
		HTTPURL:               webURL,
		HTTPPort:              port,
		Audit:                 logAudit(log),
	}
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func newRPCServer(s *hadoopconf.JournalNode, node *jnserver.Node, log *slog.Logger) *hadooprpc.Server {
	server := &hadooprpc.Server{Config: hadooprpc.Config{
		MaxFrame:         s.RPC.MaxDataLength,
		MaxResponseWarn:  s.RPC.MaxResponseWarn,
		Handlers:         s.HandlerCount,
		MaxConnections:   s.RPC.MaxConnections,
		IdleThreshold:    s.RPC.IdleThreshold,
		KillMax:          s.RPC.IdleKillMax,
		MaxIdleTime:      s.RPC.MaxIdleTime,
		IdleScanInterval: s.RPC.IdleScanInterval,
		StallTimeout:     frameStall,
		Logger:           log,
	}}
	if s.RPC.LogSlow {
		server.Observer.CallDone = newSlowLog(s.RPC.LogSlowThreshold, log).callDone
	}
	for _, p := range node.Protocols() {
		server.Register(p)
	}
	return server
}

func newHTTPServer(s *hadoopconf.JournalNode, conf *hadoopconf.Configuration, node *jnserver.Node, info jnserver.NodeInfo,
	started time.Time, log *slog.Logger) *servlet.Server {
	process := &jmx.Process{Name: "JournalNode", Hostname: info.HostName, Started: started}
	release := servlet.Hadoop34
	if !s.HTTP.ConfFormatFromAccept {
		release = servlet.Hadoop27
	}
	handler := servlet.NewHandler(servlet.Config{
		Journals:  journals{node},
		Beans:     func() []jmx.Bean { return append(node.Beans(info), process.Beans(time.Now())...) },
		Conf:      func() []servlet.Property { return properties(conf) },
		Health:    func() servlet.Health { return health(node) },
		Bandwidth: s.ImageTransferBandwidth,
		Release:   release,
		Logger:    log,
	})
	return servlet.NewServer(servlet.ServerConfig{
		Handler:        withHeaders(handler, s.HTTP.Headers),
		IdleTimeout:    s.HTTP.IdleTimeout,
		MaxHeaderBytes: s.HTTP.MaxRequestHeaderSize,
		Logger:         log,
	})
}

func portOf(a net.Addr) string {
	_, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "0"
	}
	return port
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

func syncMode(s *hadoopconf.JournalNode) string {
	if s.NoEditLogChannelFlush {
		return "O_DSYNC"
	}
	return "fdatasync"
}

// printClientConfig prints what the NameNodes need to use this node.
func printClientConfig(w io.Writer, d *daemon) {
	host, port, err := net.SplitHostPort(d.rpcAddr.String())
	if err != nil {
		return
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = hostName()
	}
	_, _ = fmt.Fprintf(w, `JournalNode is up. In the NameNodes' hdfs-site.xml (with the other JournalNodes, separated by ';'):

  <property>
    <name>dfs.namenode.shared.edits.dir</name>
    <value>qjournal://%s/mycluster</value>
  </property>

Look at it: %s/health, %s/jmx
`, net.JoinHostPort(host, port), d.webURL, d.webURL)
}
