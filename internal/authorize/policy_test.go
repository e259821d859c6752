package authorize_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"gojn/internal/authorize"
	"gojn/internal/hadoopconf"
)

const protocol = "org.apache.hadoop.hdfs.qjournal.protocol.QJournalProtocol"

func service(acl, blocked, hosts, blockedHosts string) hadoopconf.Service {
	set := func(key, value string) hadoopconf.Setting {
		return hadoopconf.Setting{Key: key, Value: value, Source: "here"}
	}
	return hadoopconf.Service{Protocol: protocol, ACL: set("acl", acl), BlockedACL: set("acl.blocked", blocked),
		Hosts: set("hosts", hosts), BlockedHosts: set("hosts.blocked", blockedHosts)}
}

// Java ServiceAuthorizationManager.authorize and Server.authorize, with their texts.
func TestPolicy(t *testing.T) {
	const user = "User ann (auth:SIMPLE) is not authorized for protocol interface " + protocol
	const host = "Host 10.1.2.3 is not authorized for protocol interface " + protocol
	for _, c := range []struct {
		service  hadoopconf.Service
		protocol string
		user     string
		want     string
	}{
		{service("*", "", "*", ""), protocol, "ann", ""},
		{service("ann", "", "*", ""), protocol, "ann", ""},
		{service(" staff", "", "*", ""), protocol, "ann", ""},
		{service("bob", "", "*", ""), protocol, "ann", user},
		{service(" ", "", "*", ""), protocol, "ann", user},
		{service("*", "ann", "*", ""), protocol, "ann", user},
		{service("*", " staff", "*", ""), protocol, "ann", user},
		{service("ann", "*", "*", ""), protocol, "ann", user},
		{service("*", "", "10.1.0.0/16", ""), protocol, "ann", ""},
		{service("*", "", "10.2.0.0/16", ""), protocol, "ann", host},
		{service("*", "", "*", "10.1.2.3"), protocol, "ann", host},
		{service("bob", "", "10.2.0.0/16", ""), protocol, "ann", user}, // users come first
		{service("*", "", "*", ""), "", "ann", "Null protocol not authorized"},
		{service("*", "", "*", ""), "com.example.Other", "ann", "Unknown protocol: com.example.Other"},
		{service("*", "", "*", ""), protocol, "", "User null is not authorized for protocol interface " + protocol},
	} {
		for release, suffix := range map[hadoopconf.Release]string{hadoopconf.Release34: ": denied by configured ACL",
			hadoopconf.Release27: ", expected client Kerberos principal is null"} {
			p, err := authorize.NewPolicy(hadoopconf.Authorization{Release: release, Services: []hadoopconf.Service{c.service}},
				func(context.Context, string) ([]string, error) { return []string{"staff"}, nil }, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			if strings.HasPrefix(want, "User ") {
				want += suffix
			}
			name := "null"
			if c.user != "" {
				name = c.user + " (auth:SIMPLE)"
			}
			err = p.Check(t.Context(), authorize.Caller{User: name, ShortUser: c.user, Protocol: c.protocol,
				Address: netip.MustParseAddr("10.1.2.3")})
			var denied *authorize.Denied
			if got := errors.As(err, &denied); got != (want != "") || got && denied.Text != want {
				t.Errorf("%+v: %v, want %q", c, err, want)
			}
			if denied != nil && !strings.HasPrefix(denied.Log, "Authorization failed for "+name+" for protocol=interface "+c.protocol) {
				t.Errorf("log: %s", denied.Log)
			}
		}
	}
}

// TestPolicyWithoutGroups: while groups cannot be had nobody is let in by one, nor if one may be blocked.
func TestPolicyWithoutGroups(t *testing.T) {
	for _, c := range []struct {
		service hadoopconf.Service
		allowed bool
	}{
		{service("*", "", "*", ""), true},
		{service("ann staff", "bob", "*", ""), true},
		{service(" staff", "", "*", ""), false},
		{service("*", " staff", "*", ""), false},
		{service("ann", "bob staff", "*", ""), false},
	} {
		p, err := authorize.NewPolicy(hadoopconf.Authorization{Services: []hadoopconf.Service{c.service}},
			func(context.Context, string) ([]string, error) { return nil, errors.New("no directory") }, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = p.Check(t.Context(), authorize.Caller{User: "ann (auth:SIMPLE)", ShortUser: "ann", Protocol: protocol})
		var denied *authorize.Denied
		if got := !errors.As(err, &denied); got != c.allowed {
			t.Errorf("%+v: allowed %t", c.service, got)
		}
		if denied != nil && (strings.Contains(denied.Text, "groups") || !strings.Contains(denied.Log, "groups could not be had")) {
			t.Errorf("told: %s; logged: %s", denied.Text, denied.Log)
		}
	}
}

// TestPolicyErrors: each list that cannot be read is named, and each host that is not known.
func TestPolicyErrors(t *testing.T) {
	conf := hadoopconf.Authorization{Services: []hadoopconf.Service{service("*", "", "10.0.0.0/99", "x/1")}}
	_, err := authorize.NewPolicy(conf, nil, nil, nil)
	var bad *hadoopconf.KeyError
	if !errors.As(err, &bad) ||
		!strings.Contains(err.Error(), "hosts = '10.0.0.0/99' (here): Could not parse [10.0.0.0/99]; set addresses") ||
		!strings.Contains(err.Error(), "hosts.blocked = 'x/1' (here): Could not parse [x/1]") {
		t.Errorf("%v", err)
	}
	conf.Services = []hadoopconf.Service{service("a b", "", "gone", "")}
	said := ""
	p, err := authorize.NewPolicy(conf, nil, func(string) ([]netip.Addr, error) { return nil, errors.New("no such host") },
		func(s hadoopconf.Setting, host string, err error) { said += s.Key + " " + host + " " + err.Error() })
	if err != nil || said != "hosts gone no such host" || !p.NeedsGroups() {
		t.Errorf("%v, said %q", err, said)
	}
}
