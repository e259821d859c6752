package main

import (
	"log/slog"

	"gojn/internal/hadoopconf"
	"gojn/internal/jmx"
	"gojn/internal/peers"
	"gojn/jnserver"
	"gojn/servlet"
	"gojn/syncer"
)

// newSyncer is what fills gaps from the other nodes, nil if that is off.
func newSyncer(s *hadoopconf.JournalNode, node *jnserver.Node, others *peers.Peers, log *slog.Logger) *syncer.Syncer {
	if !s.Sync.Enabled {
		return nil
	}
	return syncer.New(syncerConfig(s, node, others, log))
}

func syncerConfig(s *hadoopconf.JournalNode, node *jnserver.Node, others *peers.Peers, log *slog.Logger) syncer.Config {
	timeout := orForever(s.Sync.Timeout)
	return syncer.Config{
		Node: node, Peers: others, Fetcher: &servlet.Fetcher{ConnectTimeout: timeout, ReadTimeout: timeout},
		Interval: s.Sync.Interval, Bandwidth: s.Sync.Bandwidth, Format: s.Sync.Format, Logger: log,
	}
}

func (d *daemon) syncBeans() []jmx.Bean {
	if d.syncer == nil {
		return nil
	}
	return d.syncer.Beans()
}
