package main

import (
	"log/slog"
	"net"

	"gojn/internal/hadoopconf"
	"gojn/internal/peers"
)

// newPeers is what asks the other nodes. listen and nameservice are asked when they are needed: the node comes later.
func newPeers(
	s *hadoopconf.JournalNode, process []byte, listen func() net.Addr, nameservice func(jid string) string, log *slog.Logger,
) *peers.Peers {
	e := s.SharedEdits
	return peers.New(peers.Config{
		SharedEdits: peers.SharedEdits{
			Base: e.Base, BySuffix: e.BySuffix, NameNodes: e.NameNodes, Nameservices: e.Nameservices,
			ResolveNames: e.ResolveNames, Resolver: e.Resolver,
		},
		Listen: listen, Process: process, Nameservice: nameservice, Logger: log,
	})
}
