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
func newSyncer(
	s *hadoopconf.JournalNode, node *jnserver.Node, others *peers.Peers, fetches *secureFetches, log *slog.Logger,
) *syncer.Syncer {
	if !s.Sync.Enabled {
		return nil
	}
	return syncer.New(syncerConfig(s, node, others, fetches, log))
}

func syncerConfig(
	s *hadoopconf.JournalNode, node *jnserver.Node, others *peers.Peers, fetches *secureFetches, log *slog.Logger,
) syncer.Config {
	fetcher := fetches.fetcher(s.Sync.Timeout)
	fetcher.Patient = true // no journal waits meanwhile, the syncer bounds each download, and eight may share a thin link
	return syncer.Config{
		Node: node, Peers: others, Fetcher: fetcher,
		Interval: s.Sync.Interval, Bandwidth: s.Sync.Bandwidth, Format: s.Sync.Format, Logger: log,
	}
}

func (d *daemon) syncBeans() []jmx.Bean {
	if d.syncer == nil {
		return nil
	}
	return d.syncer.Beans()
}

// withSync adds how far the gaps of each journal are filled.
func (d *daemon) withSync(h servlet.Health) servlet.Health {
	if d.syncer == nil {
		return h
	}
	for _, st := range d.syncer.Status() {
		shown := &servlet.Sync{
			MissingSegments: st.Missing, WaitingSegments: st.Waiting, DisputedSegments: st.Disputed,
			PeersAnswered: st.PeersAnswered, PeersAsked: st.PeersAsked,
		}
		if !st.LastRound.IsZero() {
			at := st.LastRound.UTC()
			shown.LastRound = &at
		}
		if st.LastError != nil {
			shown.LastError = st.LastError.Error()
		}
		for i := range h.Journals {
			if h.Journals[i].JournalID == st.JournalID {
				h.Journals[i].Sync = shown
			}
		}
	}
	return h
}
