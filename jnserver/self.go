package jnserver

import (
	"bytes"
	"context"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/internal/javaerr"
	pb "gojn/qjournalpb"
)

// askedByPeers are the methods that one JournalNode calls at another.
var askedByPeers = []string{"getJournalState", "getEditLogManifest", "getEditLogManifestFromJournal", "getStorageInfo"}

// unlessSelf makes those methods answer this very process with an error: behind a port mapping a node cannot see by the
// address that it asks itself. Other gojn nodes are told the process, so that they do not count one node twice.
func (n *Node) unlessSelf(protocols []*hadooprpc.Protocol) []*hadooprpc.Protocol {
	own := n.cfg.Process
	if len(own) == 0 {
		return protocols
	}
	for _, p := range protocols {
		for _, name := range askedByPeers {
			m, ok := p.Methods[name]
			if !ok {
				continue
			}
			handle := m.Handle
			m.Handle = func(ctx context.Context, c *hadooprpc.Call, req any) (proto.Message, error) {
				if bytes.Equal(c.ClientID, own) {
					return nil, javaerr.New(javaerr.SameNode, "this JournalNode asks itself")
				}
				answer, err := handle(ctx, c, req)
				if err == nil && pb.IsProcessID(c.ClientID) {
					pb.SetProcessID(answer, own)
				}
				return answer, err
			}
			p.Methods[name] = m
		}
	}
	return protocols
}
