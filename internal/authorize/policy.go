package authorize

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"gojn/internal/hadoopconf"
)

// Caller is who wants to open a connection.
type Caller struct {
	User      string // as Java prints it, "hdfs (auth:SIMPLE)"
	ShortUser string // the name that lists hold; "" if anonymous
	Protocol  string // "" if the connection names none
	Address   netip.Addr
}

// Policy holds the lists of each protocol (Java ServiceAuthorizationManager). It does not change; its methods may be called
// from any goroutine.
type Policy struct {
	rules   map[string]rule
	groups  func(ctx context.Context, user string) ([]string, error)
	release hadoopconf.Release
}

type rule struct {
	acls  [2]ACL      // allowed, blocked
	hosts [2]Machines // likewise
}

// NewPolicy reads the lists. Names of hosts are looked up here; unknown is told of those that are not found, with the key
// that names them. The error joins a *hadoopconf.KeyError for each list that cannot be read.
func NewPolicy(
	conf hadoopconf.Authorization, groups func(ctx context.Context, user string) ([]string, error),
	resolve func(host string) ([]netip.Addr, error), unknown func(s hadoopconf.Setting, host string, err error),
) (*Policy, error) {
	p := &Policy{rules: map[string]rule{}, groups: groups, release: conf.Release}
	var errs []error
	for _, service := range conf.Services {
		r := rule{acls: [2]ACL{ParseACL(service.ACL.Value), ParseACL(service.BlockedACL.Value)}}
		for i, list := range []hadoopconf.Setting{service.Hosts, service.BlockedHosts} {
			var err error
			r.hosts[i], err = ParseMachines(list.Value, resolve, func(host string, err error) { unknown(list, host, err) })
			if err != nil {
				errs = append(errs, &hadoopconf.KeyError{Key: list.Key, Value: list.Value, Source: list.Source, Reason: err.Error(),
					Remedy: "set addresses, IPv4 ranges like 10.0.0.0/8 and host names, or *", Err: err})
			}
		}
		p.rules[service.Protocol] = r
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

// NeedsGroups tells whether a list names groups.
func (p *Policy) NeedsGroups() bool {
	for _, r := range p.rules {
		if r.acls[0].HasGroups() || r.acls[1].HasGroups() {
			return true
		}
	}
	return false
}

// Denied is a refusal: what the client is told, and what the log says, each in Java's words.
type Denied struct {
	Text string
	Log  string
}

func (d *Denied) Error() string { return d.Text }

// Check decides; the error is a *Denied. It blocks while groups are looked up, until ctx ends at the latest (Java
// Server.authorize, ServiceAuthorizationManager.authorize).
func (p *Policy) Check(ctx context.Context, c Caller) error {
	if c.Protocol == "" {
		return denied("Null protocol not authorized", c, ": none named")
	}
	r, ok := p.rules[c.Protocol]
	if !ok {
		return denied("Unknown protocol: "+c.Protocol, c, ": not known here")
	}
	var missing error
	groupsOf := func(user string) []string {
		groups, err := p.groups(ctx, user)
		missing = errors.Join(missing, err)
		return groups
	}
	// Java fails on an anonymous user, whatever the lists are, and so closes the connection. Who may be in a blocked group is
	// kept out.
	if c.ShortUser == "" || !r.acls[0].Has(c.ShortUser, groupsOf) || r.acls[1].Has(c.ShortUser, groupsOf) || missing != nil {
		cause := ": denied by configured ACL"
		if p.release == hadoopconf.Release27 {
			cause = ", expected client Kerberos principal is null"
		}
		d := denied(fmt.Sprintf("User %s is not authorized for protocol interface %s%s", c.User, c.Protocol, cause), c, cause)
		if missing != nil {
			d.Log += " (the user's groups could not be had)"
		}
		return d
	}
	if !r.hosts[0].Includes(c.Address) || r.hosts[1].Includes(c.Address) {
		return denied(fmt.Sprintf("Host %s is not authorized for protocol interface %s", c.Address, c.Protocol), c,
			" from host = "+c.Address.String())
	}
	return nil
}

func denied(text string, c Caller, cause string) *Denied {
	return &Denied{Text: text,
		Log: fmt.Sprintf("Authorization failed for %s for protocol=interface %s%s", c.User, c.Protocol, cause)}
}
