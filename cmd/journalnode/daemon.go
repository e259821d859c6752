package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gojn/hadooprpc"
	"gojn/internal/hadoopconf"
	"gojn/internal/peers"
	"gojn/internal/rpcmetrics"
	"gojn/jnserver"
	"gojn/servlet"
	"gojn/storage/vfs"
	"gojn/syncer"
)

const (
	// stopGrace is how long calls in flight may take after a stop was asked for; what is left is cut. stopLimit is when
	// the process ends even if a disk hangs.
	stopGrace = 2500 * time.Millisecond
	stopLimit = 4500 * time.Millisecond
)

// daemon is the running node: its journals and its two servers.
type daemon struct {
	node     *jnserver.Node
	rpc      *hadooprpc.Server
	metrics  *rpcmetrics.Metrics
	http     *servlet.Server
	rpcAddr  net.Addr
	webURL   string
	info     jnserver.NodeInfo
	began    time.Time
	failed   chan error // gets one error of each server that ends by itself
	serving  sync.WaitGroup
	stopping atomic.Bool
	peers    *peers.Peers
	syncer   *syncer.Syncer // nil if it is off
	opening  *opening       // what the start does on disk while the node serves
	service  *service       // who is told of a stop; may be nil
	vigil    *vigil
	stopAsk  context.CancelFunc // ends what asks other nodes

	grace, limit time.Duration // stopGrace and stopLimit
}

// start brings everything up in Java's order: directory, key stores, HTTP and HTTPS, RPC. Whatever was begun is undone if a
// later step fails.
func start(s *hadoopconf.JournalNode, conf *hadoopconf.Configuration, fsys vfs.FS, log *slog.Logger) (*daemon, error) {
	d := &daemon{began: time.Now(), failed: make(chan error, 3), grace: stopGrace, limit: stopLimit}
	log.Info("STARTUP_MSG: Starting JournalNode", "version", versionText(), "pid", os.Getpid())
	guard, err := newGuard(s, log)
	if err != nil {
		return nil, err
	}
	if err := checkStart(s, fsys, log); err != nil {
		return nil, err
	}
	keys, err := serverTLS(s, log)
	if err != nil {
		return nil, err
	}
	fetches, err := newSecureFetches(s, log)
	if err != nil {
		return nil, err
	}
	web, err := listenWeb(s, keys)
	if err != nil {
		return nil, err
	}
	rpc, err := listen(s.RPC.Listen(), s.RPC.ListenQueue, addressKeys("rpc", s.RPC.BindHost), rpcInUse)
	if err != nil {
		return nil, errors.Join(err, web.close())
	}
	d.rpcAddr = rpc.Addr()
	webAddr, webURL := web.told(s)
	d.webURL = webURL
	config := nodeConfig(s, fsys, fetches, log, webURL, webAddr)
	config.Process = peers.NewProcess()
	d.peers = newPeers(s, config.Process, rpc.Addr, func(jid string) string { return d.node.Nameservice(jid) }, log)
	config.Peers = d.peers
	d.node = jnserver.NewNode(config)
	d.syncer = newSyncer(s, d.node, d.peers, fetches, log)
	d.opening = newOpening(d.node, d.stopping.Load, log)
	d.opening.start(lookPatience, &d.serving, nameOthers(s, fsys, log))
	d.info = jnserver.NodeInfo{
		HostName: hostName(), HostAndPort: net.JoinHostPort(s.RPC.Address.Host, portOf(rpc.Addr())), Version: version,
	}
	d.http = newHTTPServer(s, d.handlerConfig(s, conf, log), log)
	d.vigil = newVigil(pauseInKernel)
	d.metrics = newRPCMetrics(s, d.node, d.info.HostName, d.began)
	d.rpc = newRPCServer(s, d.node, d.metrics, d.vigil.callDone, log)
	guard.guards(d.rpc)
	d.serving.Go(d.vigil.run)
	asking, stopAsk := context.WithCancel(context.Background())
	d.stopAsk = stopAsk
	d.serving.Go(func() { d.claimVotes(asking) })
	if d.syncer != nil {
		d.serving.Go(func() { d.syncer.Run(asking) })
	}
	d.serveWeb(web)
	d.serving.Go(func() { d.serve("rpc", func() error { return d.rpc.Serve(rpc) }, hadooprpc.ErrServerClosed) })
	dir, ok := s.StartDir()
	if !ok {
		dir = s.EditsDir
	}
	log.Info("JournalNode is up", slices.Concat([]any{"rpc", rpc.Addr().String()}, web.logged(), []any{"edits_dir", dir,
		"took_ms", time.Since(d.began).Milliseconds(), "sync", syncMode(s)})...)
	return d, nil
}

func (d *daemon) serve(name string, serve func() error, closed error) {
	if err := serve(); !errors.Is(err, closed) {
		d.failed <- fmt.Errorf("%s server: %w", name, err)
	}
}

// stop ends the node within its limit: calls in flight are answered or cut, open segments are left as they are with
// everything written in them synced, locks are released. A second signal ends it at once. When it returns before all that
// is done, a disk hangs or somebody is in a hurry, and the process has to end.
func (d *daemon) stop(log *slog.Logger, signals <-chan os.Signal) {
	d.stopping.Store(true)
	d.stopAsk()
	d.service.end()
	ctx, cancel := context.WithTimeout(context.Background(), d.grace)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := d.peers.Close(); err != nil { // first: calls in flight may wait for their answers
			log.Warn("closing the connections to other nodes", "error", err)
		}
		if err := d.rpc.Shutdown(ctx); err != nil {
			log.Warn("RPC calls were cut", "error", err)
		}
		d.rpc.Close() // what Shutdown could not wait for
		if err := d.http.Shutdown(ctx); err != nil {
			log.Warn("HTTP answers were cut", "error", err)
		}
		if err := d.http.Close(); err != nil {
			log.Warn("closing the HTTP server", "error", err)
		}
		if err := d.closeJournals(); err != nil {
			log.Error("closing the journals", "error", err)
		}
		d.vigil.end()
		d.serving.Wait()
	}()
	select {
	case <-done:
	case <-signals:
		log.Warn("a second signal: stopping at once")
	case <-time.After(d.limit):
		log.Error("not stopped in time, a disk hangs: ending all the same", "limit", d.limit)
	}
}

// closeJournals closes each by itself: one whose disk hangs must not keep the others from syncing what they have.
func (d *daemon) closeJournals() error {
	journals := d.node.Journals()
	errs := make([]error, len(journals))
	var closing sync.WaitGroup
	for i, j := range journals {
		closing.Go(func() { errs[i] = j.Close() })
	}
	closing.Wait()
	return errors.Join(append(errs, d.node.Close())...) // and what was opened meanwhile
}
