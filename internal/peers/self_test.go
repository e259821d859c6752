package peers

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestItselfByAddress: a node leaves itself out, whatever address it listens on and its name has. Java's takes the bound
// address and the wildcard out, so that a node that is bound to the wildcard keeps itself.
func TestItselfByAddress(t *testing.T) {
	machine := onInterfaces("127.0.0.1/8", "10.0.0.1/24", "192.168.7.1/24", "fd00::1/64", "fe80::1/64", "::1/128")
	names := newNames("jn1", "10.0.0.1", "jn2", "10.0.0.2", "jn3", "10.0.0.3", "other-side", "192.168.7.1", "v6", "fd00::1",
		"debian", "127.0.1.1", "both", "10.0.0.9", "both", "10.0.0.1")
	for _, c := range []struct{ name, listen, uri, want string }{
		{"wildcard, name", "0.0.0.0:8485", "jn1;jn2;jn3", "jn2 jn3"},
		{"wildcard of IPv6, name", "[::]:8485", "jn1;jn2;jn3", "jn2 jn3"},
		{"wildcard, second interface", "0.0.0.0:8485", "other-side;jn2;jn3", "jn2 jn3"},
		{"wildcard, address", "0.0.0.0:8485", "10.0.0.1;10.0.0.2;10.0.0.3", "10.0.0.2 10.0.0.3"},
		{"wildcard, IPv6 name", "[::]:8485", "v6;jn2;jn3", "jn2 jn3"},
		{"wildcard, link-local with zone", "[::]:8485", "[fe80::1%eth0];jn2;jn3", "jn2 jn3"},
		{"wildcard, own name is a loopback address", "0.0.0.0:8485", "debian;jn2;jn3", "jn2 jn3"},
		{"wildcard, IPv4 in IPv6", "0.0.0.0:8485", "[::ffff:10.0.0.1];jn2;jn3", "jn2 jn3"},
		{"wildcard, one of two addresses", "0.0.0.0:8485", "both;jn2;jn3", "jn2 jn3"},
		{"bind-host, name", "10.0.0.1:8485", "jn1;jn2;jn3", "jn2 jn3"},
		{"bind-host, nobody of ours at the other interface", "10.0.0.1:8485", "other-side;jn2;jn3", "other-side jn2 jn3"},
		{"several nodes of a machine by port", "0.0.0.0:8486", "jn1:8485;jn1:8486;jn1:8487", "jn1 jn1:8487"},
		{"several nodes of a machine by address", "127.0.0.2:8485", "127.0.0.1;127.0.0.2;127.0.0.3", "127.0.0.1 127.0.0.3"},
		{"a wildcard in the configuration, as Java", "10.0.0.1:8485", "0.0.0.0;jn2;jn3", "jn2 jn3"},
		{"a wildcard with another port", "10.0.0.1:8485", "0.0.0.0:1;jn2;jn3", "0.0.0.0:1 jn2 jn3"},
		{"not one of the nodes", "0.0.0.0:8485", "jn2;jn3;10.0.0.4", "jn2 jn3 10.0.0.4"},
		{"a name that does not resolve stays", "0.0.0.0:8485", "jn1;gone;hangs", "gone hangs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := client(t, Config{SharedEdits: SharedEdits{Base: scheme + c.uri + "/ns1"}, Listen: listening(c.listen),
				Interfaces: machine, Resolver: names, LookupTimeout: 100 * time.Millisecond})
			list, err := p.Of(context.Background(), Journal{ID: "ns1"})
			if err != nil || list.Nodes != 3 {
				t.Fatalf("%+v, %v", list, err)
			}
			if got := shownPeers(list.Peers); got != c.want {
				t.Errorf("peers %s, want %s", got, c.want)
			}
		})
	}
}

// TestInterfacesOfThisMachine is the same over the machine's real addresses.
func TestInterfacesOfThisMachine(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:8485", "[::]:8485", "127.0.0.1:8485"} {
		p := New(Config{SharedEdits: SharedEdits{Base: "qjournal://127.0.0.1;203.0.113.1/ns1"}, Listen: listening(listen)})
		list, err := p.Of(context.Background(), Journal{ID: "ns1"})
		if err != nil || shownPeers(list.Peers) != "203.0.113.1" {
			t.Errorf("%s: %+v, %v", listen, list, err)
		}
		_ = p.Close()
	}
}

// Before the port is known nobody is taken for this node.
func TestNotListeningYet(t *testing.T) {
	for _, listen := range []func() net.Addr{nil, func() net.Addr { return nil }, func() net.Addr { return (*net.TCPAddr)(nil) }} {
		p := client(t, Config{Listen: listen}, Peer{"127.0.0.1", 8485}, Peer{"0.0.0.0", 8485})
		if list, err := p.Of(context.Background(), Journal{ID: "ns1"}); err != nil || len(list.Peers) != 2 {
			t.Errorf("%+v, %v", list, err)
		}
	}
}

func shownPeers(list []Peer) string {
	var texts []string
	for _, p := range list {
		texts = append(texts, strings.TrimSuffix(p.String(), ":8485"))
	}
	return strings.Join(texts, " ")
}

// TestItselfByIdentity: behind a port mapping no address tells. The node asks itself once, is recognised, and is not asked
// any more, until its name leads elsewhere.
func TestItselfByIdentity(t *testing.T) {
	own, second := serve(t, hadoop35), serve(t, hadoop34)
	process := NewProcess()
	own.process = process
	names := newNames("jn1.example", "203.0.113.1", "jn2.example", "203.0.113.2")
	outer1, outer2 := Peer{"jn1.example", 18485}, Peer{"jn2.example", 18485}
	ctx, j := context.Background(), Journal{ID: "ns1"}
	for name, ask := range map[string]func(*Peers) error{
		"getJournalState": func(p *Peers) error { _, err := p.JournalState(ctx, outer1, j); return err },
		"getEditLogManifestFromJournal": func(p *Peers) error {
			_, err := p.Manifest(ctx, outer1, j, 1)
			return err
		},
		"getStorageInfo": func(p *Peers) error { _, err := p.StorageInfo(ctx, outer1, j); return err },
	} {
		p := client(t, Config{Process: process, Resolver: names, Listen: listening("0.0.0.0:8485"),
			Interfaces: onInterfaces("172.17.0.2/16"), Dial: mapped(map[string]netip.AddrPort{
				"203.0.113.1:18485": own.addr, "203.0.113.2:18485": second.addr, "203.0.113.3:18485": second.addr}),
		}, outer1, outer2)
		expect := func(want string) {
			t.Helper()
			list, err := p.Of(ctx, j)
			if err != nil || list.Nodes != 2 || shownPeers(list.Peers) != want {
				t.Errorf("%s: %+v, %v; want %s", name, list, err, want)
			}
		}
		expect("jn1.example:18485 jn2.example:18485")
		if err := ask(p); !errors.Is(err, ErrMyself) || own.called(name) == 0 {
			t.Errorf("%s: %v, %d calls", name, err, own.called(name))
		}
		expect("jn2.example:18485")
		if _, err := p.JournalState(ctx, outer2, j); err != nil {
			t.Errorf("the other: %v", err)
		}
		expect("jn2.example:18485")

		names.put("jn1.example", "") // does not resolve now: nothing is known that would change it
		expect("jn2.example:18485")
		names.put("jn1.example", "203.0.113.3")
		expect("jn1.example:18485 jn2.example:18485")
		names.put("jn1.example", "")
		names.put("jn1.example", "203.0.113.1")
	}
}

// TestOneNameForAll: with resolution enabled each address of a name is a node.
func TestOneNameForAll(t *testing.T) {
	names := newNames("all", "10.0.0.1", "all", "10.0.0.2", "all", "10.0.0.3", "all", "fd00::1", "all", "fd00::2", "six", "fd00::1",
		"six", "fd00::2", "again", "10.0.0.2", "again", "10.0.0.4")
	for _, c := range []struct {
		uri, resolver, want string
		nodes               int
	}{
		{"all", "", "10.0.0.2 10.0.0.3", 3},
		{"all", DNSResolver, "10.0.0.2 10.0.0.3", 3},
		{"all:9000", "", "10.0.0.1:9000 10.0.0.2:9000 10.0.0.3:9000", 3},
		{"six", "", "[fd00::1] [fd00::2]", 2},
		{"all;again", "", "10.0.0.2 10.0.0.3 10.0.0.4", 4},
		{"all;10.0.0.7", "", "10.0.0.2 10.0.0.3 10.0.0.7", 4},
		{"all;gone", "", "10.0.0.2 10.0.0.3 gone", 4},
		{"all", "com.acme.Resolver", "com.acme.Resolver is not built", 0},
	} {
		p := client(t, Config{SharedEdits: SharedEdits{Base: scheme + c.uri + "/ns1", ResolveNames: true, Resolver: c.resolver},
			Resolver: names, Listen: listening("10.0.0.1:8485")})
		list, err := p.Of(context.Background(), Journal{ID: "ns1"})
		if got := shownPeers(list.Peers); got != c.want && (err == nil || !strings.Contains(err.Error(), c.want)) || list.Nodes != c.nodes {
			t.Errorf("%s: %+v, %v; want %s", c.uri, list, err, c.want)
		}
	}
	// Another class is nobody's business while names stand for one node each.
	p := client(t, Config{SharedEdits: SharedEdits{Base: "qjournal://all/ns1", Resolver: "com.acme.Resolver"}, Resolver: names})
	if list, err := p.Of(context.Background(), Journal{ID: "ns1"}); err != nil || list.Nodes != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}
