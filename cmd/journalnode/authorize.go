package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"gojn/hadooprpc"
	"gojn/internal/authorize"
	"gojn/internal/hadoopconf"
	"gojn/internal/repeats"
)

// hostPatience is how long the start waits for name servers to tell the hosts of the lists.
const hostPatience = 20 * time.Second

// toldCallers bounds the answers to callers that the log tells apart in a minute.
const toldCallers = 1000

// guard decides who may open an RPC connection (hadoop.security.authorization); a nil one lets everybody in who acts
// for nobody else.
type guard struct {
	policy *authorize.Policy
	log    *slog.Logger
	once   *repeats.Repeats
}

// newGuard reads the lists; it is nil if authorization is off.
func newGuard(s *hadoopconf.JournalNode, log *slog.Logger) (*guard, error) {
	if !s.Authorization.Enabled {
		return nil, nil
	}
	look, byFiles := authorize.SystemGroups()
	once := repeats.New(time.Minute, toldCallers, time.Now)
	groups := authorize.NewGroups(s.Authorization.Groups, look, time.Now, func(user string, err error) {
		if more, say := once.Say("groups: " + err.Error()); say {
			log.Warn("the groups of a user could not be had", "user", user, "error", err, "unsaid", more)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), hostPatience)
	defer cancel()
	resolve := func(host string) ([]netip.Addr, error) { return net.DefaultResolver.LookupNetIP(ctx, "ip", host) }
	unknown := func(list hadoopconf.Setting, host string, err error) {
		log.Warn("a host of a list is not known: it stands for nobody until the next start", "key", list.Key, "host", host,
			"error", err)
	}
	policy, err := authorize.NewPolicy(s.Authorization, groups.Of, resolve, unknown)
	if err != nil {
		return nil, err
	}
	if byFiles && policy.NeedsGroups() {
		log.Warn("there is no command id here: groups are those of /etc/group alone")
	}
	return &guard{policy: policy, log: log, once: once}, nil
}

// guards has the server ask. It must come before Serve.
func (g *guard) guards(server *hadooprpc.Server) {
	if g != nil {
		server.Authorize, server.Confine = g.authorize, true
	}
}

// authorize is Java's Server.Connection.authorizeConnection. A connection for ProtocolMetaInfo alone, which Java knows no
// list for and refuses, may ask what is spoken here: so the node itself sees that it is alive, whoever the lists name.
func (g *guard) authorize(ctx context.Context, id hadooprpc.Identity) error {
	if err := hadooprpc.RefuseImpersonation(ctx, id); err != nil {
		return err
	}
	if id.Protocol == hadooprpc.MetaProtocol {
		return nil
	}
	name := "null"
	if id.User != "" {
		name = fmt.Sprintf("%s (auth:%s)", hadooprpc.ShownName(id.User), id.Method)
	}
	id.Protocol = hadooprpc.ShownName(id.Protocol) // those with lists are shorter
	addr, _ := netip.ParseAddr(id.Address)         // an invalid one is in no list
	err := g.policy.Check(ctx, authorize.Caller{User: name, ShortUser: id.ShortUser, Protocol: id.Protocol, Address: addr})
	if ctx.Err() != nil {
		return err // the node stops: nobody's groups were asked for to the end
	}
	var denied *authorize.Denied
	level := slog.LevelInfo
	text := fmt.Sprintf("Authorization successful for %s for protocol=interface %s", name, id.Protocol)
	if errors.As(err, &denied) {
		text, level = denied.Log, slog.LevelWarn
	}
	if more, say := g.once.Say(id.Address + " " + text); say {
		g.log.Log(ctx, level, text, "remote", id.Address, "unsaid", more)
	}
	return err
}
