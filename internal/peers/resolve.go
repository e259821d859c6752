package peers

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// node is one of the nodes of a journal as the configuration and the names' addresses have it now.
type node struct {
	peer  Peer
	addrs []netip.Addr // none if err is set
	err   error        // why the name does not resolve
	self  bool
}

// resolve gives the addresses of a host, those of IPv4 first, where a node on 0.0.0.0 listens: none is remembered, so that a node
// that moves is found where it is.
func (p *Peers) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.LookupTimeout)
	defer cancel()
	found, err := p.cfg.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return cmp.Compare(a.BitLen(), b.BitLen()) })
	return addrs, nil
}

// nodesOf resolves the nodes of a quorum. open tells the names of which it is not known how many nodes they stand for.
func (p *Peers) nodesOf(ctx context.Context, q quorum) (nodes []node, open []string) {
	written := make([]node, len(q.nodes))
	var lookups sync.WaitGroup
	for i, peer := range q.nodes {
		lookups.Go(func() {
			addrs, err := p.resolve(ctx, peer.Host)
			written[i] = node{peer: peer, addrs: addrs, err: err}
		})
	}
	lookups.Wait()
	if !p.cfg.SharedEdits.ResolveNames {
		nodes = written
	} else {
		nodes, open = expand(written)
	}
	own := p.ownAddresses()
	for i := range nodes {
		nodes[i].self = own.has(nodes[i]) || p.known(nodes[i])
	}
	return nodes, open
}

// expand makes one node of each address (Util.getAddressesList with resolution enabled). Java then goes on with the
// names that the addresses have in turn, for Kerberos' sake; here the addresses do, so that reverse look-ups may fail.
// A node with IPv4 and IPv6 addresses is one: as Hadoop's Java, which prefers IPv4, only IPv4 counts where there is
// any.
func expand(written []node) (nodes []node, open []string) {
	for _, n := range written {
		if n.err != nil {
			nodes, open = append(nodes, n), append(open, n.peer.Host)
			continue
		}
		addrs := slices.DeleteFunc(slices.Clone(n.addrs), func(a netip.Addr) bool { return !a.Is4() })
		if len(addrs) == 0 {
			addrs = n.addrs
		}
		for _, a := range addrs {
			peer := Peer{Host: a.String(), Port: n.peer.Port}
			if !slices.ContainsFunc(nodes, func(o node) bool { return o.peer == peer }) {
				nodes = append(nodes, node{peer: peer, addrs: []netip.Addr{a}})
			}
		}
	}
	return nodes, open
}

// ownAddresses are where this node listens.
type ownAddresses struct {
	port  int // 0: not known
	addrs map[netip.Addr]bool
	all   bool // on every address of this machine
}

func (p *Peers) ownAddresses() ownAddresses {
	own := ownAddresses{addrs: map[netip.Addr]bool{}}
	if p.cfg.Listen == nil {
		return own
	}
	tcp, ok := p.cfg.Listen().(*net.TCPAddr)
	if !ok || tcp == nil {
		return own
	}
	own.port = tcp.Port
	if addr, ok := netip.AddrFromSlice(tcp.IP); ok && !addr.IsUnspecified() {
		own.addrs[addr.Unmap()] = true
		return own
	}
	own.all = true
	list, err := p.cfg.Interfaces()
	if err != nil {
		p.cfg.Logger.Warn("the addresses of this machine cannot be read: a JournalNode may ask itself", "error", err)
	}
	for _, a := range list {
		if ip, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(ip.IP); ok {
				own.addrs[addr.Unmap()] = true
			}
		}
	}
	return own
}

// has tells whether n is this node by its address. A wildcard address with this port is, as in Java.
func (own ownAddresses) has(n node) bool {
	return own.port != 0 && own.port == n.peer.Port && slices.ContainsFunc(n.addrs, func(a netip.Addr) bool {
		return own.addrs[a.WithZone("")] || a.IsUnspecified() || own.all && a.IsLoopback()
	})
}

// known tells whether n has turned out to be this node; not any more if its name has moved on.
func (p *Peers) known(n node) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.selves[n.peer]
	if ok && n.err == nil && !slices.Contains(n.addrs, at) {
		delete(p.selves, n.peer)
		return false
	}
	return ok
}

// recognise notes that the peer, which was reached at an address, is this node.
func (p *Peers) recognise(peer Peer, at netip.Addr) {
	p.mu.Lock()
	_, before := p.selves[peer]
	p.selves[peer] = at
	p.mu.Unlock()
	if !before {
		p.cfg.Logger.Info("a configured JournalNode is this one itself", "peer", peer.String(), "address", at.String())
	}
}
